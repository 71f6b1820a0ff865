import os
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "HostLoads",
    "Run",
    "Table",
    "__version__",
    "check",
    "check_destination",
    "convert_trace",
    "days",
    "describe",
    "fetch_trace",
    "generate_trace",
    "main",
    "policies",
    "published_traces",
    "run",
    "trace_info",
]
__version__: str

@final
class HostLoads:
    """The loads of several hosts, one row each: what a batched detector is asked about.

    The arrays are read-only and stay valid for as long as they are kept.
    """

    @property
    def question(self) -> str:
        """`"now"`: which of these hosts are overloaded? `"with-vm"`: which of them would be with a
        certain VM on it? In the second case every row is the host with that VM on it already, so
        that a detector that judges loads alone answers both questions alike."""

    @property
    def now(self) -> npt.NDArray[np.float64]:
        """Utilisation now, shape (n,); above 1 when oversubscribed."""

    @property
    def history(self) -> npt.NDArray[np.float64]:
        """Past utilisation, shape (n, window): oldest first, right-aligned, NaN where missing."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many values of its row of `history` each host has, shape (n,)."""

    @property
    def ids(self) -> npt.NDArray[np.uint32]:
        """Host numbers, shape (n,)."""

    @property
    def copy_intervals(self) -> npt.NDArray[np.float64]:
        """Sampling intervals that the longest copy from each host takes, shape (n,)."""

    def __len__(self) -> int: ...

@final
class Table:
    """A result table, lent through the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __len__(self) -> int: ...

@final
class Run:
    """A finished run."""

    def spec(self) -> str: ...
    def summary(self) -> str: ...
    def trace_shape(self) -> tuple[int, int]: ...
    def event_log_blake3(self) -> str: ...
    def table(self, name: str) -> Table: ...
    def timing(self) -> tuple[float, float]: ...
    def write(self, folder: str | os.PathLike[str], name: str, overwrite: bool) -> None: ...

def run(
    path: str,
    tables: str | None,
    changes: str,
    detector: tuple[Callable[..., Any], str, int, bool] | None,
) -> Run: ...
def policies() -> list[tuple[str, str]]: ...
def describe(name: str) -> str: ...
def trace_info(changes: str) -> str: ...
def convert_trace(out: str | os.PathLike[str], changes: str) -> None: ...
def published_traces() -> str: ...
def fetch_trace(name: str, into: str | os.PathLike[str] | None) -> os.PathLike[str]: ...
def generate_trace(
    out: str | os.PathLike[str], like: str | None, vms: int | None, seed: int
) -> str | None: ...
def days(path: str | os.PathLike[str]) -> list[str]: ...
def check_destination(folder: str | os.PathLike[str], overwrite: bool) -> None: ...
def check(
    folder: str | os.PathLike[str],
) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, float]], list[str], str]: ...
def main(args: Sequence[str]) -> int: ...
