"""Traces: what is in one, which are published, and how to get, convert or make one.

Where a function takes a trace it takes the keys of a spec's `[trace]` as keyword arguments, with
`_` for the hyphen and `from_` for `from`: `day`, `format`, `from_`, `to`, `step_s`, `gaps`,
`excess`, `group`, `columns`.
"""

from __future__ import annotations

import json
import os
from typing import Any

from galerna import _core
from galerna.experiment import as_json

Path = str | os.PathLike[str]


def info(path: Path, **options: Any) -> dict[str, Any]:
    """Size, level, spread and autocorrelation of a trace, and what is odd about it.

    The figures are those of the published values: a gap is no value and nothing is clipped.
    `defects` lists what a run with these options does about them.

    >>> import galerna as gl
    >>> sample = gl.traces.info("sample", from_="6h", to="12h")
    >>> sample["vms"], sample["samples_per_vm"], sample["defects"]
    (1052, 72, [])
    """
    found: dict[str, Any] = json.loads(_core.trace_info(changes(path, options)))
    return found


def days(path: Path) -> list[str]:
    """The days of a trace, ascending; empty where it does not tell days apart.

    >>> days("sample")
    ['sample']
    """
    return _core.days(path)


def convert(path: Path, out: Path, **options: Any) -> None:
    """Writes a trace as Parquet with everything that its source tells; `out` is replaced."""
    _core.convert_trace(out, changes(path, options))


def published() -> list[dict[str, Any]]:
    """The published traces: publisher, page, licence, citations, addresses, checksums.

    >>> "planetlab" in [trace["name"] for trace in published()]
    True
    """
    entries: list[dict[str, Any]] = json.loads(_core.published_traces())
    return entries


def fetch(name: str, into: Path | None = None) -> str:
    """Fetches a published trace over HTTPS; returns the folder that it is in.

    `into` defaults to the environment variable `GALERNA_CACHE`, else the user's cache folder. A
    fetch that broke off goes on where it stopped. Raises `TraceError`.
    """
    return os.fspath(_core.fetch_trace(name, into))


def generate(
    out: Path,
    *,
    like: Path | None = None,
    vms: int | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, Any] | None:
    """Writes a synthetic trace as Parquet, by default a `PlanetLab`-like day.

    With `like` it is the twin of that trace, and what is returned tells how close it came.
    """
    source = None if like is None else changes(like, options)
    fitness = _core.generate_trace(out, source, vms, seed)
    return None if fitness is None else json.loads(fitness)


def changes(path: Path, options: dict[str, Any]) -> str:
    """The `[trace]` section that `options` describe, as changes of a spec."""
    pairs: list[tuple[str, Any]] = [("trace.path", os.fspath(path))]
    for name, value in options.items():
        if value is not None:
            pairs.append((f"trace.{name.rstrip('_').replace('_', '-')}", value))
    return as_json(pairs)


def trace_info(path: Path, day: str | int | None = None) -> dict[str, Any]:
    """The same as `info(path, day=day)`.

    >>> import galerna as gl
    >>> info = gl.trace_info("sample")
    >>> info["vms"], info["samples_per_vm"]
    (1052, 288)
    """
    return info(path, day=day)


def trace_days(path: Path) -> list[str]:
    """The same as `days(path)`."""
    return days(path)
