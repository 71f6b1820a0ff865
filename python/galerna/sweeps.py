"""Many runs at once: every combination of a sweep file, in one data frame."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from galerna import _core
from galerna.experiment import as_json

if TYPE_CHECKING:
    import polars as pl

Progress: TypeAlias = Callable[[int, int], object]
"""Called with the runs done and the runs in all."""

Options: TypeAlias = (
    "tuple[str | os.PathLike[str] | None, list[str], bool, int | None, Progress | None]"
)
"""Of a batch: the folder, the tables that are kept, whether other results may be dropped, how many
threads, and who is told how far it is."""


def sweep(
    plan: str | os.PathLike[str] | Mapping[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    keep: Sequence[str] = (),
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Run every combination of a sweep and return all results.

    `plan` is a sweep file, or a dict with the same keys: `base` or `policies`, `set`, `grid`,
    `list`, `keep`; docs/compare-and-sweep.md has them all. Values of the grid may be lists, ranges
    and NumPy arrays.

    >>> import galerna as gl
    >>> sweep = gl.sweep({
    ...     "policies": ["thr-mmt", "dvfs"],
    ...     "grid": {"migration.share": [0.25, 0.5], "run.seed": range(2)},
    ... })
    >>> sweep
    Sweep of 8 runs, 0 failed
    >>> sweep.runs.select("spec", "migration.share", "seed", "energy_kwh").columns
    ['spec', 'migration.share', 'seed', 'energy_kwh']

    Every run is checked before any runs; a misspelt key raises `SpecError` with all problems.

    With `out`, a folder, each result is kept there as soon as there is one: called again after an
    interruption, it goes on, and when all is there nothing is run. `keep` names tables of each run
    that are kept as well (`actions`, `demand`, `hosts`, `samples`, `vms`; `leases` of runs of
    leases, `ledger` of those with `[costs]`). Results in the folder that are not asked for are
    only dropped with `overwrite=True`.

    A run that fails is a row whose `status` is `failed`, with its `error` and the command that
    repeats it; it stops nothing. `threads` defaults to one per processor; the results are the same
    for any number. `progress(done, runs)` is called after each run.
    """
    options = (out, list(keep), overwrite, threads, progress)
    if isinstance(plan, Mapping):
        return Sweep(_core.sweep("sweep", as_json(plan), options), out)
    return Sweep(_core.sweep(os.fspath(plan), None, options), out)


class Sweep:
    """The results of a sweep."""

    def __init__(self, finished: _core.Batch, out: str | os.PathLike[str] | None) -> None:
        self._finished = finished
        self._out = out

    @cached_property
    def runs(self) -> pl.DataFrame:
        """One row per run: spec, a column per varied key, trace, day, seed, status, every metric,
        hashes, and the command that repeats the run."""
        import polars as pl

        return pl.DataFrame(self._finished.runs())

    @cached_property
    def failed(self) -> pl.DataFrame:
        """The rows of `runs` that failed."""
        return self.runs.filter(self.runs["status"] == "failed")

    @property
    def reused(self) -> int:
        """How many results were in the folder already."""
        return self._finished.reused()

    @property
    def cpu_s(self) -> list[float]:
        """CPU seconds that each run took, 0 for results that were there already."""
        return self._finished.cpu_s()

    def table(self, name: str) -> pl.LazyFrame:
        """The kept table `name` of all runs, one below the other, with the columns of `runs` that
        tell them apart: `run`, `spec`, `trace`, `day`, `seed`.
        """
        import polars as pl

        if self._out is None:
            raise ValueError(f"no tables are kept: give out= a folder, and keep=[{name!r}]")
        folder = os.path.join(os.fspath(self._out), name)
        if not os.path.isdir(folder):
            raise ValueError(f"the table {name!r} was not kept: give keep=[{name!r}]")
        runs = self.runs.lazy().select("run", "spec", "trace", "day", "seed", "key")
        parts = os.path.join(folder, "**", "*.parquet")
        kept = pl.scan_parquet(parts, hive_partitioning=True, try_parse_hive_dates=False)
        return runs.join(kept.cast({"key": pl.String}), on="key", maintain_order="left")

    def __repr__(self) -> str:
        return f"Sweep of {self.runs.height} runs, {self.failed.height} failed"

    def _repr_html_(self) -> str:
        html: str = self.runs._repr_html_()
        return html
