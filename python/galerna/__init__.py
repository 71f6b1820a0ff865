"""VM consolidation, simulated exactly and at once.

>>> import galerna as gl
>>> run = gl.run("lr-mmt")
>>> run.summary["migrations"] > 0
True

`run` takes a bundled policy (`policies()` lists them), a TOML file or a dict. Result tables are
polars data frames: `run.hosts`, `run.vms`, `run.actions`, `run.samples`. A detector of your own is
a plain class or function, see `galerna.policy`.
"""

from galerna import traces
from galerna._core import __version__
from galerna.catalogue import describe, policies
from galerna.errors import (
    GalernaError,
    InfeasibleError,
    PolicyError,
    Problem,
    RunFolderError,
    SpecError,
    TraceError,
)
from galerna.experiment import run
from galerna.results import Run
from galerna.spec import Iqr, LastN, Loess, LoessRobust, Lr, Lrr, Mad, Mhod, Never, Otf, Thr
from galerna.traces import trace_days, trace_info
from galerna.verify import Report, check

__all__ = [
    "GalernaError",
    "InfeasibleError",
    "Iqr",
    "LastN",
    "Loess",
    "LoessRobust",
    "Lr",
    "Lrr",
    "Mad",
    "Mhod",
    "Never",
    "Otf",
    "PolicyError",
    "Problem",
    "Report",
    "Run",
    "RunFolderError",
    "SpecError",
    "Thr",
    "TraceError",
    "__version__",
    "check",
    "describe",
    "policies",
    "run",
    "trace_days",
    "trace_info",
    "traces",
]
