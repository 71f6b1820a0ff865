'''How to write a policy: a plain class or function, no base class needed, nothing to register.

Five questions of a step can be answered in Python, and a sixth form answers all of them at once:

| `gl.run(...)` | question | one at a time | many at once |
|---|---|---|---|
| `overload=` | will it run short? | `is_overloaded(now, history)` | `assess(hosts)` |
| `underload=` | could it be emptied? | `is_underloaded(now, history)` | `candidates(hosts)` |
| `select=` | which VM leaves? | `pick(host, vms)` | `rank(vms, host_ids)` |
| `place=` | where does it go? | `choose(vm, hosts)` | `place(vms, draft)` |
| `plan=` | who moves where? | | `plan(snapshot)` |

`fallback=` takes what `overload=` takes. The first form is plain Python and is the one to begin
with; the second is for NumPy and is used when present. A function does instead of a class: it is
asked in the first form (`plan=`: in its only one).

**Overload.** The engine asks about every host that runs VMs at each sample, again after each VM it
takes away, and about each destination it considers: would that host be overloaded with this VM?
`now` is the utilisation (above 1 when oversubscribed), `history` the past, oldest first, as a
tuple. The answer is `True`, `False`, or `None` while it cannot be told; then the fallback of the
spec answers.

>>> class Jumpy:
...     """Overloaded above 90 %, or above 70 % and rising."""
...     window = 2
...     def is_overloaded(self, now, history):
...         return now > 0.9 or (now > 0.7 and now > history[0])
>>> import galerna as gl
>>> gl.run("mad-mmt", overload=Jumpy()).spec["policy"]["overload"]["kind"]
'python'
>>> run = gl.run("mad-mmt", overload=lambda now, history: now > 0.8)
>>> same = gl.run("mad-mmt", overload=gl.Thr(threshold=0.8))
>>> run.event_log_blake3 == same.event_log_blake3
True

Batched, `assess(hosts)` is asked about many hosts at once and answers with one array, see
`HostLoads`. It pays where a judgement needs NumPy (a call costs as much for eight hosts as for one)
or a model; for a few comparisons plain Python is faster.

>>> class Static:
...     window = 0
...     def assess(self, hosts):
...         return hosts.now > 0.8
>>> gl.run("mad-mmt", overload=Static()).event_log_blake3 == same.event_log_blake3
True

**Underload.** `is_underloaded` is asked about each host that runs VMs and is not overloaded; those
for which it answers `True` are tried, the emptiest first. `candidates` names them in the order in
which they are tried. A host is emptied when all its VMs fit elsewhere.

>>> half = gl.run("mad-mmt", underload=lambda now, history: now < 0.5)
>>> half.event_log_blake3 == gl.run(
...     "mad-mmt", underload=gl.LeastUtilised(below=0.5)).event_log_blake3
True

**Selection.** `pick` is asked until the host is no longer overloaded; `vms` are those that may
leave, in the order in which they came, and the answer is one of them, or `None` to leave the rest.
`rank` is asked once per step about the VMs of all overloaded hosts and answers with one number
each: the smallest of a host leaves first, `inf` never.

>>> class Smallest:
...     def pick(self, host, vms):
...         return min(vms, key=lambda vm: vm.ram_bytes)
>>> gl.run("mad-mmt", select=Smallest()).event_log_blake3 == gl.run("mad-mmt").event_log_blake3
True

**Placement.** `choose` is asked for one VM after the other (the most demanding first if the placer
has `decreasing = True`) and is offered the hosts that may receive and have room, in id order; of
sleeping hosts that are alike only the first. It answers with one of them, or `None`: it fits
nowhere. `host.would_be_overloaded()` asks the detector of the run, `host.risk_after()` how likely
the host is to run short with the VM on it, from the pasts of the single VMs. `place` gets all VMs
and a `Draft` in which it puts them.

>>> def first_fit(vm, hosts):
...     return next(iter(hosts), None)
>>> gl.run("mad-mmt", place=first_fit).event_log_blake3 == gl.run(
...     "mad-mmt", place=gl.FirstFit(overload="ignored")).event_log_blake3
True

>>> def calmest(vm, hosts):
...     awake = [host for host in hosts if host.vms] or list(hosts)
...     return min(awake, key=lambda host: host.risk_after(horizon=6), default=None)
>>> gl.run("mad-mmt", place=calmest).summary["migrations"] > 0
True

**Planning.** `plan` sees a `Snapshot` and answers with pairs of VM and host, in place of the other
four, which then serve the initial placement only. A move that cannot be made ends the run with a
`PolicyError` that names time and VM.

>>> gl.run("mad-mmt", plan=lambda snapshot: []).summary["migrations"]
0

**Leases.** Six questions about leases take a class or function too, under their own names:
`admission=` (`admits(lease)`), `preemption=` (`preemption_score(lease, other, start_s)`),
`host_selection=` (`host_score(host, lease)`), `mapping=` (`choose_hosts(lease, rooms)`),
`pricing=` (`price(lease, displaced)`) and `shifting=` (`not_before(lease)`).

>>> def short_ones(lease):
...     return lease.duration_s <= 4 * 3600
>>> run = gl.run("leases/easy", admission=short_ones)
>>> run.leases.filter(run.leases["duration_s"] > 4 * 3600)["state"].unique().to_list()
['rejected']

Views (`Vm`, `Host`, `Draft`, ...) answer while the policy is asked; arrays that they give are
read-only and stay valid. Optional attributes of every policy: `window`, how many samples of history
are wanted (default 30); `name`, by which messages call it (default: the class or function);
`reset(seed)`, called before each run with its seed. Without it, state that a policy keeps lasts as
long as the object: pass a fresh one to each run. An exception ends the run and comes out of
`galerna.run` unchanged, with a note that names policy, simulated time and host.

A spec file names a policy by its code, see `docs/python-policies.md`; `galerna.testing` checks one.
'''

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from galerna.spec import BuiltIn

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from galerna._core import (
        Draft,
        Host,
        HostLoads,
        Hosts,
        Lease,
        LeaseHost,
        LeaseRoom,
        Snapshot,
        Vm,
        Vms,
    )

    Numbers = npt.NDArray[np.floating] | npt.NDArray[np.integer]
    Moves = Iterable[tuple[int | Vm, int | Host]] | npt.NDArray[np.integer] | None

WINDOW = 30
"""Samples of history that a policy gets unless it says otherwise."""

LONGEST_WINDOW = 10_000
"""Samples of history that a detector or underload rule may ask for."""


@runtime_checkable
class PerItemDetector(Protocol):
    """Says of one host at a time whether it will run short."""

    def is_overloaded(self, now: float, history: Sequence[float]) -> bool | None:
        """Will a host of this load run short? `None` when that cannot be told yet."""


@runtime_checkable
class BatchedDetector(Protocol):
    """Says of many hosts at once which will run short."""

    def assess(self, hosts: HostLoads) -> npt.NDArray[np.bool_] | npt.NDArray[np.integer]:
        """One answer per row: 1 or `True` overloaded, 0 or `False` normal, -1 cannot tell yet."""


@runtime_checkable
class PerItemUnderloadRule(Protocol):
    """Says of one host at a time whether it could be emptied."""

    def is_underloaded(self, now: float, history: Sequence[float]) -> bool | None:
        """Is it worth trying to empty a host of this load? `None` counts as `False`."""


@runtime_checkable
class BatchedUnderloadRule(Protocol):
    """Says which of many hosts could be emptied."""

    def candidates(self, hosts: HostLoads) -> npt.NDArray[np.integer] | Sequence[int]:
        """Numbers (of `hosts.ids`) of the hosts to try, first first."""


@runtime_checkable
class PerItemSelector(Protocol):
    """Picks one VM at a time."""

    def pick(self, host: Host, vms: Vms) -> Vm | int | None:
        """The VM that leaves `host` next, one of `vms`, or `None` to leave the rest."""


@runtime_checkable
class BatchedSelector(Protocol):
    """Puts the VMs of all overloaded hosts in the order in which they leave."""

    def rank(self, vms: Vms, host_ids: npt.NDArray[np.uint32]) -> Numbers:
        """One number per VM: the smallest of a host leaves first, `inf` never."""


@runtime_checkable
class PerItemPlacer(Protocol):
    """Chooses a host for one VM at a time."""

    def choose(self, vm: Vm, hosts: Hosts) -> Host | int | None:
        """One of `hosts`, which all may receive `vm` and have room for it, or `None`."""


@runtime_checkable
class BatchedPlacer(Protocol):
    """Places several VMs at once."""

    def place(self, vms: Vms, draft: Draft) -> None:
        """Puts each of `vms` that fits somewhere: `draft.put(vm, host)`."""


@runtime_checkable
class AdmissionPolicy(Protocol):
    """Judges requests when they arrive."""

    def admits(self, lease: Lease) -> bool:
        """Is the request considered at all?"""


@runtime_checkable
class PreemptionPolicy(Protocol):
    """Says which lease may displace which."""

    def preemption_score(self, lease: Lease, other: Lease, start_s: float) -> float | None:
        """How gladly `lease`, which would start then, displaces `other`: greater ones go first,
        `None` must not go."""


@runtime_checkable
class HostSelection(Protocol):
    """Orders the hosts for a lease."""

    def host_score(self, host: LeaseHost, lease: Lease) -> float:
        """How good the host is, between 0 and 1: the best first, of equal ones in id order."""


@runtime_checkable
class MappingPolicy(Protocol):
    """Chooses the hosts of a lease."""

    def choose_hosts(self, lease: Lease, rooms: Sequence[LeaseRoom]) -> Sequence[int] | None:
        """The number of a host for each VM, or `None`: there is no place."""


@runtime_checkable
class PricingPolicy(Protocol):
    """Says what leases cost. A method `feedback(lease, price, accepted)` is told how it ended."""

    def price(self, lease: Lease, displaced: Sequence[Lease]) -> float:
        """What `lease` costs if `displaced` must make room for it."""


@runtime_checkable
class ShiftingPolicy(Protocol):
    """Says when leases may begin at the earliest."""

    def not_before(self, lease: Lease) -> float | None:
        """Seconds from the start of the run before which `lease`, which has just arrived, is not
        tried, or `None`: as soon as it can begin. Reservations and immediate leases are not asked
        about."""


@runtime_checkable
class Planner(Protocol):
    """Decides all moves of a step."""

    def plan(self, snapshot: Snapshot) -> Moves:
        """Pairs of VM and host: a list of tuples, or an integer array of shape (moves, 2)."""


JudgeFunction: TypeAlias = Callable[[float, Sequence[float]], "bool | None"]
"""A function that judges one host by `(now, history)`."""

OverloadDetector: TypeAlias = PerItemDetector | BatchedDetector | JudgeFunction
"""A detector written in Python."""

UnderloadRule: TypeAlias = PerItemUnderloadRule | BatchedUnderloadRule | JudgeFunction
"""An underload rule written in Python."""

VmSelector: TypeAlias = "PerItemSelector | BatchedSelector | Callable[[Host, Vms], Vm | int | None]"
"""A selector written in Python."""

Placer: TypeAlias = "PerItemPlacer | BatchedPlacer | Callable[[Vm, Hosts], Host | int | None]"
"""A placer written in Python."""

StepPlanner: TypeAlias = "Planner | Callable[[Snapshot], Moves]"
"""A planner written in Python."""

Admission: TypeAlias = "AdmissionPolicy | Callable[[Lease], bool]"
"""An admission policy of leases written in Python."""

Preemption: TypeAlias = "PreemptionPolicy | Callable[[Lease, Lease, float], float | None]"
"""A preemption policy written in Python."""

HostOrder: TypeAlias = "HostSelection | Callable[[LeaseHost, Lease], float]"
"""A host selection written in Python."""

Mapper: TypeAlias = "MappingPolicy | Callable[[Lease, Sequence[LeaseRoom]], Sequence[int] | None]"
"""A mapping policy written in Python."""

Pricing: TypeAlias = "PricingPolicy | Callable[[Lease, Sequence[Lease]], float]"
"""A pricing policy written in Python."""

Shifting: TypeAlias = "ShiftingPolicy | Callable[[Lease], float | None]"
"""A shifting policy written in Python."""

ByName: TypeAlias = BuiltIn | Mapping[str, Any] | str
"""A built-in policy (`gl.Mad(safety=3.0)`, `{"kind": "mad"}`, `"mad"`), or code by its name
(`"module:Class"`, `{"kind": "python", "entry": ..., "params": {...}}`)."""


class Role(NamedTuple):
    """One question of a step, and the methods that answer it."""

    question: str
    one: str | None
    """Method that is asked about one at a time."""
    many: str | None
    """Method that is asked about many at once; used when present."""
    arguments: str
    """Those of a function."""
    window: int
    """The longest history there is."""


JUDGED = "(now, history)"
OVERLOAD = Role("detector", "is_overloaded", "assess", JUDGED, LONGEST_WINDOW)

ROLES = {
    "overload": OVERLOAD,
    "fallback": OVERLOAD,
    "underload": Role("underload rule", "is_underloaded", "candidates", JUDGED, LONGEST_WINDOW),
    "select": Role("selector", "pick", "rank", "(host, vms)", WINDOW),
    "place": Role("placer", "choose", "place", "(vm, hosts)", WINDOW),
    "plan": Role("planner", None, "plan", "(snapshot)", WINDOW),
}
"""Keys of `[policy]` that a policy written in Python may fill."""

LEASE_ROLES = {
    "admission": Role("admission policy", "admits", None, "(lease)", 0),
    "preemption": Role("preemption policy", "preemption_score", None, "(lease, other, start_s)", 0),
    "host-selection": Role("host selection", "host_score", None, "(host, lease)", 0),
    "mapping": Role("mapping policy", "choose_hosts", None, "(lease, rooms)", 0),
    "pricing": Role("pricing policy", "price", None, "(lease, displaced)", 0),
    "shifting": Role("shifting policy", "not_before", None, "(lease)", 0),
}
"""Keys of `[leases.policies]`, each in place of the built-in policy of that name."""

ALL_ROLES = ROLES | LEASE_ROLES


class Resolved(NamedTuple):
    """How a policy is asked: what the compiled half is given."""

    call: Callable[..., Any]
    name: str
    window: int
    batched: bool
    decreasing: bool
    reset: Callable[[int], object] | None


def resolve(role: str, policy: object) -> Resolved:
    """How the policy object or function is asked for `role`.

    >>> def above_80(now, history): return now > 0.8
    >>> resolve("overload", above_80)[1:4]
    ('above_80', 30, False)
    """
    question, one, many, _, longest = ALL_ROLES[role]
    if isinstance(policy, type):
        raise TypeError(
            f"GLN-404 {role}={policy.__name__} is a class, expected a {question}: "
            f"write {role}={policy.__name__}()"
        )
    name = name_of(policy)
    batched = many is not None and callable(getattr(policy, many, None))
    if many is not None and batched:
        call = getattr(policy, many)
    elif one is not None and callable(getattr(policy, one, None)):
        call = getattr(policy, one)
    elif callable(policy) and other_role(policy) is None:
        call = policy
    else:
        raise TypeError(no_policy(role, policy))
    reset = getattr(policy, "reset", None)
    decreasing = bool(getattr(policy, "decreasing", False))
    window = window_of(policy, name, longest) if role in ROLES else 0
    return Resolved(call, name, window, batched, decreasing, reset if callable(reset) else None)


def other_role(policy: object) -> str | None:
    """The role whose methods the policy has.

    >>> class Smallest:
    ...     def pick(self, host, vms): return min(vms, key=lambda vm: vm.ram_bytes)
    >>> other_role(Smallest())
    'select'
    """
    for role, (_, one, many, *_) in ALL_ROLES.items():
        if any(callable(getattr(policy, method, None)) for method in (one, many) if method):
            return role
    return None


def no_policy(role: str, policy: object) -> str:
    """Why the object cannot fill the role."""
    question, one, many, arguments, _ = ALL_ROLES[role]
    methods = {"select": ("host, vms", "vms, host_ids"), "place": ("vm, hosts", "vms, draft")}
    first, second = methods.get(role, ("now, history", "hosts"))
    ways = f"{many}(snapshot)" if one is None else f"{one}({first}) or {many}({second})"
    if many is None:
        ways = f"{one}{arguments}"
    other = other_role(policy)
    hint = f" (it looks like one for {other}=)" if other not in (None, role) else ""
    return (
        f"GLN-404 {role}={policy!r} is no {question}{hint}: expected a class with {ways}, a "
        f"function {arguments}, a built-in policy, or code by its name, 'module:Class'"
    )


def name_of(policy: object) -> str:
    """The policy's `name`, or that of its class or function."""
    while isinstance(policy, functools.partial):
        policy = policy.func
    name = getattr(policy, "name", None) or getattr(policy, "__name__", None)
    return name if isinstance(name, str) else type(policy).__name__


def window_of(policy: object, name: str, longest: int) -> int:
    """The policy's `window`, checked."""
    window = getattr(policy, "window", WINDOW)
    if isinstance(window, bool) or not hasattr(window, "__index__"):
        raise TypeError(f"GLN-404 policy `{name}`: window is {window!r}, expected a whole number")
    if not 0 <= window <= longest:
        raise ValueError(
            f"GLN-405 policy `{name}`: window is {window}, expected 0 to {longest} samples"
        )
    return int(window)


def to_spec(policy: object) -> dict[str, Any]:
    """What a spec says of a policy object: where its code is, and its parameters.

    The parameters are those of its constructor, as far as they are attributes of the same names;
    where one is missing or is no plain value, none is told.

    >>> class Steady:
    ...     def __init__(self, limit=1.0): self.limit = limit
    >>> to_spec(Steady(0.9))["params"]
    {'limit': 0.9}
    """
    code: Any = policy
    params: dict[str, Any] = {}
    while isinstance(code, functools.partial):
        params = {**code.keywords, **params}
        code = code.func
    if not hasattr(code, "__qualname__"):
        params = parameters(code)
        code = type(code)
    plain = {name: plain_value(value) for name, value in params.items()}
    known = {name: value for name, value in plain.items() if value is not None}
    entry = f"{code.__module__}:{code.__qualname__}"
    spec: dict[str, Any] = {"kind": "python", "entry": entry}
    return {**spec, "params": known} if known and len(known) == len(plain) else spec


def parameters(policy: object) -> dict[str, Any]:
    """Values of the constructor's parameters, apart from those that are `None` by default."""
    if type(policy).__init__ is object.__init__:
        return {}
    try:
        signature = inspect.signature(type(policy))
    except (TypeError, ValueError):
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    values = {}
    for name, parameter in signature.parameters.items():
        value = getattr(policy, name, None) if parameter.kind in named else None
        if value is not None or parameter.default is not None:
            values[name] = value
    return values


def plain_value(value: object) -> Any:
    """`value` as a spec can hold it, or `None` if it cannot."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        items = [plain_value(item) for item in value]
        return None if any(item is None for item in items) else items
    return None
