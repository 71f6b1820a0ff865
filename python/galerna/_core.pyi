import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from galerna.policy import Resolved
from galerna.reservations import Wanted
from galerna.solve import CostParts, RuleParts
from galerna.sweeps import Options

__all__ = [
    "Bank",
    "Batch",
    "Draft",
    "Evaluation",
    "Forecaster",
    "Host",
    "HostLoads",
    "Hosts",
    "Lease",
    "LeaseHost",
    "LeaseRoom",
    "Planner",
    "Run",
    "Snapshot",
    "Table",
    "Vm",
    "Vms",
    "__version__",
    "catalogue_hosts",
    "catalogue_instances",
    "check",
    "check_destination",
    "compare",
    "convert_trace",
    "days",
    "describe",
    "evaluate_migrations",
    "explain_leases",
    "explain_run",
    "fetch_trace",
    "fit_migrations",
    "forecasters",
    "generate_trace",
    "main",
    "migration_models",
    "policies",
    "predict_migration",
    "published_traces",
    "run",
    "run_without",
    "sequence_goals",
    "sequence_moves",
    "solve_snapshot",
    "sweep",
    "trace_info",
]
__version__: str

@final
class HostLoads:
    """The loads of several hosts, one row each: what batched detectors and underload rules see.

    The arrays are read-only and stay valid for as long as they are kept.
    """

    def __new__(
        cls, now: Sequence[float], history: Sequence[Sequence[float]], window: int = 30
    ) -> HostLoads:
        """Loads to try a policy with: utilisation now and past (oldest first) of each host."""

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
        """Whole sampling intervals that cover the longest copy from each host, at least 1, shape
        (n,); NaN for an underload rule."""

    def __len__(self) -> int: ...

@final
class Forecaster:
    """A forecaster of galerna's own, see `galerna.forecast.Forecaster`."""

    def __new__(
        cls,
        name: str,
        horizons: Sequence[int],
        quantiles: Sequence[float],
        season: int,
        cap: float,
    ) -> Forecaster: ...
    @staticmethod
    def load(path: str | os.PathLike[str]) -> Forecaster: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def horizons(self) -> list[int]: ...
    @property
    def quantiles(self) -> list[float]: ...
    @property
    def is_global(self) -> bool: ...
    def fit(
        self, train: npt.NDArray[np.float32], calibrate: npt.NDArray[np.float32]
    ) -> tuple[int, float]: ...
    def bank(self, vms: int) -> Bank: ...

@final
class Bank:
    """The states of one forecaster for several series."""

    def update(self, values: npt.NDArray[np.float32]) -> None:
        """Takes the next sample of every series; NaN where there is none."""

    def predict(self) -> npt.NDArray[np.float32]:
        """Shape (series, horizons, 1 + quantiles): the point and then the quantiles."""

    @property
    def state_bytes(self) -> int:
        """Bytes of state per series."""

@final
class Evaluation:
    """Models judged on the same points, see `galerna.forecast.evaluate`."""

    @staticmethod
    def of_trace(
        changes: str,
        parts: tuple[str | None, str | None, str | None],
        resource: str,
        question: tuple[Sequence[int], Sequence[float], int],
    ) -> Evaluation: ...
    @staticmethod
    def of_panel(
        values: npt.NDArray[np.float32],
        names: Sequence[str],
        step_s: float,
        parts: tuple[str | None, str | None, str | None],
        question: tuple[Sequence[int], Sequence[float], int],
    ) -> Evaluation: ...
    def judge(self, name: str) -> None: ...
    def judge_fitted(self, forecaster: Forecaster) -> None: ...
    def judge_said(self, model: str, rows: npt.NDArray[np.float32], us: float) -> None: ...
    def judge_file(self, path: str | os.PathLike[str]) -> None: ...
    def part(self, name: str) -> tuple[npt.NDArray[np.float32], int]: ...
    def names(self) -> list[str]: ...
    def origins(self) -> list[int]: ...
    def points(self) -> str: ...
    def report(
        self, hosts: int, host_vms: int, limit: float, seed: int
    ) -> tuple[str, str, str]: ...

@final
class Vm:
    """A VM as it is now; where a number is expected it stands for its `id`.

    Answers only while the policy that was given it is being asked.
    """

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def mips(self) -> float:
        """The most it may ask for, MIPS."""

    @property
    def ram_bytes(self) -> int:
        """Its memory, bytes."""

    @property
    def disk_bytes(self) -> int:
        """Its disk, bytes."""

    @property
    def net_bytes_s(self) -> float:
        """Its network in each direction, bytes per second."""

    @property
    def demand_mips(self) -> float:
        """What it asks for now, MIPS."""

    @property
    def utilisation(self) -> float:
        """What it asks for now, fraction of `mips`."""

    @property
    def history(self) -> tuple[float, ...]:
        """Past utilisation, oldest first, at most `window` samples; ends with the current one."""

    def __index__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Vms:
    """Several VMs, one row each: a sequence of `Vm`, and columns.

    Columns are read-only copies and stay valid.
    """

    @property
    def ids(self) -> npt.NDArray[np.uint32]:
        """Their numbers, shape (n,)."""

    @property
    def mips(self) -> npt.NDArray[np.float64]:
        """The most each may ask for, MIPS, shape (n,)."""

    @property
    def ram_bytes(self) -> npt.NDArray[np.uint64]:
        """Their memory, bytes, shape (n,)."""

    @property
    def disk_bytes(self) -> npt.NDArray[np.uint64]:
        """Their disk, bytes, shape (n,)."""

    @property
    def net_bytes_s(self) -> npt.NDArray[np.float64]:
        """Their network in each direction, bytes per second, shape (n,)."""

    @property
    def demand_mips(self) -> npt.NDArray[np.float64]:
        """What each asks for now, MIPS, shape (n,)."""

    @property
    def utilisation(self) -> npt.NDArray[np.float64]:
        """What each asks for now, fraction of its `mips`, shape (n,)."""

    @property
    def history(self) -> npt.NDArray[np.float64]:
        """Past utilisation, shape (n, window): oldest first, right-aligned, NaN where missing; ends
        with the current sample."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many values of its row of `history` each has, shape (n,)."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: int, /) -> Vm: ...
    def __iter__(self) -> Iterator[Vm]: ...

@final
class Host:
    """A host as it is now; where a number is expected it stands for its `id`.

    Answers only while the policy that was given it is being asked. What it has left and who is on
    it (from `allocated_mips` on) is known to placers and planners only.
    """

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def machine(self) -> str:
        """Name of its machine."""

    @property
    def cores(self) -> int:
        """CPU cores."""

    @property
    def core_mips(self) -> float:
        """Rate of one core, MIPS: the most that one VM can use."""

    @property
    def capacity_mips(self) -> float:
        """Rate of all cores, MIPS."""

    @property
    def ram_bytes(self) -> int:
        """Memory, bytes."""

    @property
    def disk_bytes(self) -> float:
        """Disk for VMs, bytes; `inf` where it has no limit."""

    @property
    def net_bytes_s(self) -> float:
        """Network for VMs in each direction, bytes per second; `inf` where it has no limit."""

    @property
    def utilisation(self) -> float:
        """Utilisation as last evaluated, before anything was decided in this step."""

    @property
    def allocated_mips(self) -> float:
        """MIPS given to its VMs in the draft."""

    @property
    def demand_mips(self) -> float:
        """MIPS asked for by its VMs in the draft."""

    @property
    def free_mips(self) -> float:
        """MIPS that nobody has asked for in the draft."""

    @property
    def free_ram_bytes(self) -> int:
        """Memory that nobody has in the draft, bytes."""

    @property
    def free_disk_bytes(self) -> float:
        """Disk that nobody has in the draft, bytes; `inf` where it has no limit."""

    @property
    def free_net_bytes_s(self) -> float:
        """Network that nobody has in the draft, bytes per second; `inf` where it has no limit."""

    @property
    def vms(self) -> int:
        """How many VMs it has in the draft; without any it sleeps, or will."""

    @property
    def vm_ids(self) -> list[int]:
        """Numbers of its VMs in the draft, in the order in which they came."""

    @property
    def history(self) -> tuple[float, ...]:
        """Past utilisation, oldest first, at most 30 samples: that of its VMs in the draft,
        together; ends with the current sample."""

    def power(self, load: float) -> float:
        """What it draws at this load (fraction of its capacity) when it is on, W."""

    def would_be_overloaded(self) -> bool:
        """Whether the VM for which it is a candidate would overload it, by the detector of the run.
        A host without load never is."""

    def risk_after(self, *, limit: float = 1.0, horizon: int = 1, factor: float = 1.3) -> float:
        """The probability, 0 to 1, that it runs short once the VM for which it is a candidate is on
        it: that the demand of its VMs in the draft and of that VM passes `limit` (fraction of its
        capacity) within `horizon` samples.

        It comes from the pasts of the single VMs (48 samples each), which need not have been
        together: no model has to be fitted. `factor` multiplies the sum of their variances, as VMs
        are not independent. The same question as that of the built-in placer `risk-fit`.

        >>> import galerna as gl
        >>> def calm(vm, hosts):
        ...     fine = [h for h in hosts if h.risk_after(limit=0.9) <= 0.05]
        ...     return min(fine, key=lambda host: host.free_mips, default=None)
        >>> gl.run("thr-mmt", place=calm).summary["migrations"] > 0
        True

        Raises `ValueError` (GLN-405) where a figure is out of its range.
        """

    def overload_probability(self) -> float | None:
        """The probability, 0 to 1, that it runs short with the VM for which it is a candidate, by
        the risk model of the run's detector (`risk` or `risk-cost`, with its own limit and
        horizon); `None` where the past is too short to tell.

        It comes from the past of all its VMs and that VM, summed sample by sample. Raises
        `PolicyError` (GLN-401) where the run has another detector: none but these have a risk
        model.
        """

    def __index__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Hosts:
    """Several hosts in id order, one row each: a sequence of `Host`, and columns.

    Columns say how the draft stands when they are looked at; they are read-only copies.
    """

    @property
    def ids(self) -> npt.NDArray[np.uint32]:
        """Their numbers, ascending, shape (n,)."""

    @property
    def core_mips(self) -> npt.NDArray[np.float64]:
        """Rate of one core of each, MIPS, shape (n,)."""

    @property
    def capacity_mips(self) -> npt.NDArray[np.float64]:
        """Rate of all cores of each, MIPS, shape (n,)."""

    @property
    def ram_bytes(self) -> npt.NDArray[np.uint64]:
        """Memory, bytes, shape (n,)."""

    @property
    def disk_bytes(self) -> npt.NDArray[np.float64]:
        """Disk for VMs, bytes, `inf` where there is no limit, shape (n,)."""

    @property
    def net_bytes_s(self) -> npt.NDArray[np.float64]:
        """Network for VMs in each direction, bytes per second, `inf` where there is no limit, shape
        (n,)."""

    @property
    def utilisation(self) -> npt.NDArray[np.float64]:
        """Utilisation as last evaluated, before anything was decided in this step, shape (n,)."""

    @property
    def allocated_mips(self) -> npt.NDArray[np.float64]:
        """MIPS given to their VMs in the draft, shape (n,)."""

    @property
    def demand_mips(self) -> npt.NDArray[np.float64]:
        """MIPS asked for by their VMs in the draft, shape (n,)."""

    @property
    def free_mips(self) -> npt.NDArray[np.float64]:
        """MIPS that nobody has asked for in the draft, shape (n,)."""

    @property
    def free_ram_bytes(self) -> npt.NDArray[np.int64]:
        """Memory that nobody has in the draft, bytes, shape (n,)."""

    @property
    def free_disk_bytes(self) -> npt.NDArray[np.float64]:
        """Disk that nobody has in the draft, bytes, `inf` where there is no limit, shape (n,)."""

    @property
    def free_net_bytes_s(self) -> npt.NDArray[np.float64]:
        """Network that nobody has in the draft, bytes per second, `inf` where there is no limit,
        shape (n,)."""

    @property
    def vms(self) -> npt.NDArray[np.uint32]:
        """How many VMs each has in the draft; without any it sleeps, or will, shape (n,)."""

    @property
    def history(self) -> npt.NDArray[np.float64]:
        """Past utilisation, shape (n, 30): oldest first, right-aligned, NaN where missing; that of
        their VMs in the draft, together; ends with the current sample."""

    def power(self, load: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """What each draws at its own load (fraction of its capacity) when it is on, W."""

    def overloaded(self, rows: npt.ArrayLike | None = None) -> npt.NDArray[np.bool_]:
        """Which of them (or of those `rows`) are overloaded in the draft, by the detector of the
        run."""

    def would_be_overloaded(self, rows: npt.ArrayLike | None = None) -> npt.NDArray[np.bool_]:
        """Which of them (or of those `rows`) the VM for which they are candidates would overload,
        by the detector of the run. A host without load never is."""

    def risk_after(
        self,
        rows: npt.ArrayLike | None = None,
        *,
        limit: float = 1.0,
        horizon: int = 1,
        factor: float = 1.3,
    ) -> npt.NDArray[np.float64]:
        """The probability that each of them (or of those `rows`) runs short once the VM for which
        they are candidates is on it, shape (n,); see `Host.risk_after`."""

    def overload_probability(self, rows: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
        """The same by the risk model of the run's detector, NaN where the past is too short to
        tell, shape (n,); see `Host.overload_probability`."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: int, /) -> Host: ...
    def __iter__(self) -> Iterator[Host]: ...

@final
class Draft:
    """A tentative placement: what a batched placer fills, and in which a planner tries things.

    Answers only while the policy that was given it is being asked.
    """

    @property
    def hosts(self) -> Hosts:
        """All hosts, row = number."""

    @property
    def placed(self) -> list[tuple[int, int]]:
        """What was put where, in order: pairs of VM and host."""

    @property
    def all_or_none(self) -> bool:
        """Whether a VM left out undoes everything: the VMs come from a host to be emptied."""

    @property
    def now_s(self) -> float:
        """Simulated time, seconds."""

    def candidates(self, vm: int | Vm) -> Hosts:
        """The hosts on which `vm` may be put now: they may receive and have room for it. Of
        sleeping hosts that are alike only the first is listed."""

    def put(self, vm: int | Vm, host: int | Host) -> None:
        """Puts `vm` on `host`; raises `ValueError` where it may not be."""

    def mark(self) -> int:
        """A point to which `undo` goes back."""

    def undo(self, mark: int = 0) -> None:
        """Undoes every `put` since `mark` (by default since the start)."""

@final
class Snapshot:
    """Everything that a planner may know.

    Answers only while the planner is being asked.
    """

    @property
    def now_s(self) -> float:
        """Simulated time, seconds."""

    @property
    def vms(self) -> Vms:
        """All VMs, row = number."""

    @property
    def hosts(self) -> Hosts:
        """All hosts, row = number."""

    @property
    def host_ids(self) -> npt.NDArray[np.int64]:
        """The host on which each VM runs, -1 for a VM that is not there, shape (vms,)."""

    @property
    def movable(self) -> npt.NDArray[np.bool_]:
        """Whether each VM may be moved: it is there and not about to move already, shape (vms,)."""

    @property
    def draft(self) -> Draft:
        """Where VMs can be tried out; what is put there does not move unless the plan says so.
        `return snapshot.draft.placed` says so."""

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
    def lease_summary(self) -> str | None: ...
    def costs(self) -> str | None: ...
    def shape(self) -> tuple[int, int]: ...
    def gantt(self, title: str) -> str: ...
    def event_log_blake3(self) -> str: ...
    def load_log_blake3(self) -> str: ...
    def table(self, name: str) -> Table: ...
    def timing(self) -> tuple[float, float]: ...
    def write(self, folder: str | os.PathLike[str], name: str, overwrite: bool) -> None: ...

@final
class Batch:
    """A finished batch."""

    def runs(self) -> Table: ...
    def reused(self) -> int: ...
    def cpu_s(self) -> list[float]: ...
    def comparison(self) -> Table | None: ...
    def text(self) -> str: ...
    def markdown(self) -> str: ...

def sweep(path: str, tables: str | None, options: Options) -> Batch: ...
def compare(
    question: str,
    makers: Sequence[tuple[list[str], Callable[[], dict[str, Resolved]]] | None],
    options: Options,
) -> Batch: ...

@final
class Lease:
    """A lease as it was asked for: what policies of leases see. It stays valid."""

    @property
    def number(self) -> int:
        """The number by which its users know it."""

    @property
    def kind(self) -> str:
        """`"advance-reservation"`, `"best-effort"`, `"immediate"` or `"deadline"`."""

    @property
    def arrival_s(self) -> float:
        """When it was asked for."""

    @property
    def start_s(self) -> float | None:
        """The start that was asked for, the earliest one of a deadline lease."""

    @property
    def deadline_s(self) -> float | None:
        """By when it must end."""

    @property
    def duration_s(self) -> float:
        """How long it is to run."""

    @property
    def vms(self) -> int:
        """How many VMs it has."""

    @property
    def nodes(self) -> list[tuple[int, int, int]]:
        """Its VMs: how many, CPU of each (hundredths of a core), memory of each (MB)."""

    @property
    def preemptible(self) -> bool:
        """Whether it agrees to be displaced."""

    @property
    def user(self) -> int | None:
        """Who asks, if that is known."""

    @property
    def extras(self) -> dict[str, str]:
        """Further attributes of the file."""

    @property
    def remaining_s(self) -> float | None:
        """Of a lease that could be displaced: what would be left of its duration then."""

    @property
    def suspend_s(self) -> float | None:
        """Of a lease that could be displaced: what saving it is estimated to take."""

    @property
    def resume_s(self) -> float | None:
        """Of a lease that could be displaced: what loading it is estimated to take."""

@final
class LeaseHost:
    """A host to be scored for a lease. It stays valid."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def leases(self) -> int:
        """Leases on it at the start."""

    @property
    def unchanged_s(self) -> float | None:
        """From the start until its load or its leases change; `None` if they never do."""

@final
class LeaseRoom:
    """What a host has left for the VMs of a lease. It stays valid."""

    @property
    def id(self) -> int:
        """The number of the host."""

    @property
    def cpu(self) -> int:
        """CPU that is free at the start, hundredths of a core."""

    @property
    def memory_mb(self) -> int:
        """Memory that is free at the start."""

    @property
    def start_s(self) -> float:
        """From when on the VMs are to run."""

    @property
    def until_s(self) -> float:
        """Until when they are to run."""

    @property
    def strict(self) -> bool:
        """Whether they must run until then; else the first host that is full cuts the slice."""

    def fits_until(self, vms: Sequence[int]) -> float | None:
        """Until when these VMs of the lease (their numbers, from 0) fit on the host together, at
        most `until_s`; `None` if they do not fit at the start."""

@final
class Planner:
    """What is promised on the hosts of a site."""

    def __new__(
        cls,
        resources: Sequence[str],
        amounts: Sequence[Sequence[int]],
        path: str | os.PathLike[str] | None,
    ) -> Planner: ...
    @staticmethod
    def open(path: str | os.PathLike[str]) -> Planner: ...
    def site(self) -> tuple[list[str], list[list[int]]]: ...
    def reservations(self) -> str: ...
    def ask(self, wanted: Wanted, now: float, offers: int, rate: float) -> str: ...
    def hold(self, wanted: Sequence[Wanted], name: str, now: float, expires: float) -> str: ...
    def hold_displacing(
        self, wanted: Wanted, name: str, now: float, expires: float
    ) -> tuple[str, str]: ...
    def allow_preemption(self, ids: Sequence[int]) -> None: ...
    def commit(self, ids: Sequence[int], now: float) -> None: ...
    def cancel(self, ids: Sequence[int]) -> None: ...
    def expire(self, now: float) -> None: ...
    def extend(self, id: int, end: float) -> str: ...
    def shrink(self, id: int, nodes: int) -> str: ...
    def move_to(self, id: int, start: float, now: float) -> str: ...
    def close(
        self, host: int, start: float, end: float | None, name: str
    ) -> tuple[list[int], list[int]]: ...

def migration_models() -> list[str]: ...
def predict_migration(
    asked: Mapping[str, object],
    model: str,
    params: str | os.PathLike[str] | None,
    given: str,
) -> str: ...
def evaluate_migrations(
    measurements: str | os.PathLike[str],
    model: str | None,
    params: str | os.PathLike[str] | None,
) -> str: ...
def fit_migrations(
    measurements: str | os.PathLike[str], params: str | os.PathLike[str] | None, seed: int
) -> str: ...
def sequence_goals() -> list[str]: ...
def sequence_moves(
    hosts: Sequence[tuple[str, float, float | None, int | None, int | None]],
    vms: Sequence[Mapping[str, object]],
    network_given: tuple[float | None, str | None, str | os.PathLike[str] | None],
    how_modelled: tuple[str, str | os.PathLike[str] | None, str],
    how: Mapping[str, object],
) -> str: ...
def run(
    path: str,
    tables: str | None,
    changes: str,
    given: dict[str, Resolved],
) -> Run: ...
def explain_run(
    spec: str,
    given: dict[str, Resolved],
    at_s: float | None,
    vm: int | None,
    host: int | None,
) -> tuple[str, str]: ...
def explain_leases(
    spec: str,
    given: dict[str, Resolved],
    at_s: float | None,
    lease: int | None,
) -> tuple[str, str]: ...
def run_without(
    spec: str,
    given: dict[str, Resolved],
    at_s: float | None,
    vm: int | None,
    host: int | None,
    lease: int | None,
    instead: int | None,
) -> tuple[str, str]: ...
def policies() -> list[tuple[str, str]]: ...
def describe(name: str) -> str: ...
def catalogue_hosts(file: str | os.PathLike[str] | None = None) -> str: ...
def catalogue_instances(file: str | os.PathLike[str] | None = None) -> str: ...
def trace_info(changes: str) -> str: ...
def convert_trace(out: str | os.PathLike[str], changes: str) -> None: ...
def published_traces() -> str: ...
def forecasters() -> list[str]: ...
def fetch_trace(name: str, into: str | os.PathLike[str] | None) -> os.PathLike[str]: ...
def generate_trace(
    out: str | os.PathLike[str], like: str | None, vms: int | None, seed: int
) -> str | None: ...
def days(path: str | os.PathLike[str]) -> list[str]: ...
def check_destination(folder: str | os.PathLike[str], overwrite: bool) -> None: ...
def check(
    folder: str | os.PathLike[str],
) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, float]], list[str], str]: ...
def solve_snapshot(
    args: Sequence[str], costs: Sequence[CostParts], rules: Sequence[RuleParts]
) -> tuple[int, str]:
    """`galerna solve snapshot` with costs and rules of one's own: exit code, and the plan as JSON.

    With an exit code other than 0 the text says what is wrong with the input.
    """

def main(args: Sequence[str]) -> int: ...
