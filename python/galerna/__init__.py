"""VM consolidation and lease scheduling, exact and at once.

>>> import galerna as gl
>>> run = gl.run("lr-mmt")
>>> run.summary["migrations"] > 0
True

`run` takes a bundled policy (`policies()` lists them), a TOML file or a dict. Result tables are
polars data frames: `run.hosts`, `run.vms`, `run.actions`, `run.samples`; of a run of leases
(`gl.run("leases/easy")`) `run.leases`, `run.holdings` and others. `Reservations` plans ahead,
`forecast` says what the load will be and how sure that is. A
policy of your own is a plain class or function, see `galerna.policy`; `galerna.testing` checks it.
"""

from galerna import catalogue, forecast, migrate, solve, traces
from galerna._core import __version__
from galerna.catalogue import describe, policies
from galerna.comparison import Candidate, Comparison, compare
from galerna.errors import (
    ForecastError,
    GalernaError,
    InfeasibleError,
    MigrationError,
    NoRoomError,
    PolicyError,
    Problem,
    ReservationError,
    RunFolderError,
    SpecError,
    TraceError,
)
from galerna.experiment import run
from galerna.reservations import Request, Reservations
from galerna.results import Run
from galerna.spec import (
    Always,
    Balance,
    BestFit,
    BestFitDecreasing,
    Cosine,
    DotProduct,
    FirstFit,
    FirstFitDecreasing,
    HighestDemand,
    Iqr,
    Knapsack,
    LastN,
    LeastUtilised,
    Loess,
    LoessRobust,
    Lr,
    Lrr,
    Mad,
    Mc,
    Mhod,
    Mmt,
    MmtMaxCpu,
    Mu,
    NeatBestFitDecreasing,
    Never,
    NormDiff,
    Optimise,
    Otf,
    Pabfd,
    PabfdPublished,
    Risk,
    RiskCost,
    RiskFit,
    Rs,
    Thr,
    UnderloadLastN,
    UnderloadThreshold,
    WorstFit,
    WorstFitDecreasing,
)
from galerna.sweeps import Sweep, sweep
from galerna.traces import trace_days, trace_info
from galerna.verify import Report, check

__all__ = [
    "Always",
    "Balance",
    "BestFit",
    "BestFitDecreasing",
    "Candidate",
    "Comparison",
    "Cosine",
    "DotProduct",
    "FirstFit",
    "FirstFitDecreasing",
    "ForecastError",
    "GalernaError",
    "HighestDemand",
    "InfeasibleError",
    "Iqr",
    "Knapsack",
    "LastN",
    "LeastUtilised",
    "Loess",
    "LoessRobust",
    "Lr",
    "Lrr",
    "Mad",
    "Mc",
    "Mhod",
    "MigrationError",
    "Mmt",
    "MmtMaxCpu",
    "Mu",
    "NeatBestFitDecreasing",
    "Never",
    "NoRoomError",
    "NormDiff",
    "Optimise",
    "Otf",
    "Pabfd",
    "PabfdPublished",
    "PolicyError",
    "Problem",
    "Report",
    "Request",
    "ReservationError",
    "Reservations",
    "Risk",
    "RiskCost",
    "RiskFit",
    "Rs",
    "Run",
    "RunFolderError",
    "SpecError",
    "Sweep",
    "Thr",
    "TraceError",
    "UnderloadLastN",
    "UnderloadThreshold",
    "WorstFit",
    "WorstFitDecreasing",
    "__version__",
    "catalogue",
    "check",
    "compare",
    "describe",
    "forecast",
    "migrate",
    "policies",
    "run",
    "solve",
    "sweep",
    "trace_days",
    "trace_info",
    "traces",
]
