"""From what `run` is given to what the engine is given."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from galerna import _core
from galerna.policy import entry_of, resolve
from galerna.results import Run
from galerna.spec import Detector

if TYPE_CHECKING:
    from galerna.policy import Overload

Spec = str | os.PathLike[str] | Mapping[str, Any]


def run(
    spec: Spec | None = None,
    *,
    overload: Overload | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    set: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> Run:
    """Run one experiment and return its results.

    `spec` names a bundled policy, a TOML file, or is a nested dict with the same keys; without it
    every default holds. `set` overrides keys as the command line does. So do keyword arguments,
    with `__` for the dot and `_` for the hyphen.

    >>> import galerna as gl
    >>> gl.run("cloudsim-3.0.3/mad-mmt", policy__overload__safety=3.0).summary["host_shutdowns"] > 0
    True
    >>> a = gl.run("thr-mmt", set={"policy.overload.threshold": 0.9})
    >>> b = gl.run({"policy": {"overload": {"kind": "thr", "threshold": 0.9}}})
    >>> a.event_log_blake3 == b.event_log_blake3
    True

    `overload` replaces the overload detector: by a built-in one (`gl.Mad(safety=3.0)`, a dict, its
    name) or one of your own, see `galerna.policy`. `out` is a new folder in which the
    results are kept, see `Run.write`.

    Raises `SpecError`, `TraceError`, `RunFolderError`, `InfeasibleError`, and whatever your own
    policy raises.
    """
    changes: dict[str, Any] = {}
    entry = detector = None
    if isinstance(overload, Detector):
        changes["policy.overload"] = overload.to_spec()
    elif isinstance(overload, str | Mapping):
        changes["policy.overload"] = overload
    elif overload is not None:
        detector, entry = resolve(overload), entry_of(overload)
    changes.update(set or {})
    changes.update({dotted(key): value for key, value in overrides.items()})
    if seed is not None:
        changes["run.seed"] = seed
    path, tables = source(spec)
    if out is not None:
        _core.check_destination(out, False)
    finished = _core.run(path, tables, as_json(list(changes.items())), detector)
    result = Run(finished, path, entry)
    if out is not None:
        result.write(out)
    return result


def source(spec: Spec | None) -> tuple[str, str | None]:
    """A path, or a name to call the spec by and its tables as JSON."""
    if spec is None:
        return "defaults", "{}"
    if isinstance(spec, Mapping):
        return "spec", as_json(spec)
    return os.fspath(spec), None


def dotted(keyword: str) -> str:
    """The key of a spec that a keyword argument stands for.

    >>> dotted("policy__overload__min_history")
    'policy.overload.min-history'
    """
    return ".".join(part.replace("_", "-") for part in keyword.split("__"))


def as_json(value: object) -> str:
    """`value` as JSON; paths, NumPy numbers and built-in detectors are spelt out."""
    return json.dumps(value, default=plain, allow_nan=False)


def plain(value: Any) -> Any:
    """The JSON form of a value that JSON does not know."""
    if isinstance(value, Detector):
        return value.to_spec()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a spec cannot hold {value!r} ({type(value).__name__})")
