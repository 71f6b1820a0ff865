"""What every policy must do, tried out."""

from __future__ import annotations

import copy
import functools
import inspect
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from galerna import spec as built_in
from galerna._core import HostLoads, Vms
from galerna.experiment import run
from galerna.loading import make
from galerna.policy import ALL_ROLES, LEASE_ROLES, other_role, resolve
from galerna.results import Run
from galerna.testing.report import Finding, PolicyCheckError, PolicyReport, Verdict
from galerna.testing.worlds import WORLDS, World, tiny_world
from galerna.verify import check

if TYPE_CHECKING:
    import numpy as np

ARGUMENTS = {
    ("now", "history"): "overload",
    ("host", "vms"): "select",
    ("vm", "hosts"): "place",
    ("snapshot",): "plan",
    ("lease",): "admission",
    ("lease", "other", "start_s"): "preemption",
    ("host", "lease"): "host-selection",
    ("lease", "rooms"): "mapping",
    ("lease", "displaced"): "pricing",
}
"""By the names of its parameters, what a function is for."""

KINDS = (
    (built_in.Detector, "overload"),
    (built_in.UnderloadRule, "underload"),
    (built_in.Selector, "select"),
    (built_in.Placer, "place"),
)

LEASE_WORLDS = (
    "leases/easy",
    "leases/none",
    "leases/conservative",
    "leases/image-transfer",
    "leases/no-suspension",
    "haizea-1.1/easy",
)
"""The runs of leases in which `check_policy` tries a policy of leases."""

CROWDED = {"share": 0.3, "nodes": [4, 7], "duration-s": 7200, "length-s": 172_800, "notice-s": 3600}
"""Reservations that are merged into them, so many that some must displace others."""

HOST_COLUMNS = ("now", "history", "lengths")
VM_COLUMNS = ("ids", "mips", "ram_bytes", "demand_mips", "utilisation", "history", "lengths")
"""Arrays that a policy is lent."""

LENGTHS = (0, 1, 2, 11, 12, 30)
"""Histories that a judgement must cope with."""


def check_policy(
    policy: Any, role: str | None = None, *, worlds: Sequence[World] = WORLDS
) -> PolicyReport:
    """Run a policy through tiny worlds and check what every policy must do.

    Policies of leases are tried in bundled runs of leases instead, whatever `worlds` are.

    `policy` is an object, a class that can be made without arguments, a function, a built-in policy
    or code by its name. `role` (`"overload"`, `"underload"`, `"select"`, `"place"`, `"plan"`,
    `"admission"`, `"preemption"`, `"host-selection"`, `"mapping"`, `"pricing"`, `"shifting"`) is
    needed only where the policy does not show it.

    | check | the policy |
    |---|---|
    | runs | gives legal answers and raises nothing, in every world |
    | repeats itself | decides the same when made afresh |
    | starts afresh | decides the same when the same object serves a second run |
    | leaves alone | changes nothing in what it is lent |
    | any history | judges hosts with an empty, a short and a full history |
    | both forms agree | decides the same asked one at a time and about many |
    | loses no VM | leaves runs that pass `galerna.check`, with every VM in place |

    Raises `PolicyCheckError` when one of them fails.

    >>> import galerna as gl
    >>> check_policy(gl.Mad(safety=3.0)).is_clean
    True
    >>> check_policy(lambda lease, displaced: 0.1 * lease.vms, "pricing").is_clean
    True
    >>> try:
    ...     check_policy(lambda vm, hosts: 7)
    ... except PolicyCheckError as error:
    ...     print(error.report.findings[0].verdict)
    failed
    """
    role = role or role_of(policy)
    subject = Subject(policy, role)
    report = PolicyReport(subject.title, tuple(findings(subject, worlds)))
    if not report.is_clean:
        raise PolicyCheckError(report)
    return report


def role_of(policy: Any) -> str:
    """What the policy is for.

    >>> role_of(lambda host, vms: vms[0])
    'select'
    """
    for kind, fills in KINDS:
        if isinstance(policy, kind):
            return fills
    role = None if isinstance(policy, str | Mapping) else other_role(policy)
    if role is None and inspect.isroutine(policy):
        role = ARGUMENTS.get(tuple(inspect.signature(policy).parameters))
    if role not in ALL_ROLES or role is None:
        known = ", ".join(repr(role) for role in ALL_ROLES if role != "fallback")
        raise TypeError(f"what is {policy!r} for? Say role= one of {known}")
    return role


class Subject:
    """The policy under test, made afresh as often as needed."""

    def __init__(self, policy: Any, role: str) -> None:
        if isinstance(policy, str) and ":" in policy:
            policy = make(role, policy, {})
        self.policy = policy
        self.role = role
        self.asked = 0
        self.is_built_in = isinstance(policy, built_in.BuiltIn | Mapping | str)
        self.resolved = None if self.is_built_in else resolve(role, self.fresh())
        self.title = f"{self.resolved.name if self.resolved else policy} as {role}="
        if self.resolved:
            self.title += f", asked by {self.method}"

    def fresh(self) -> Any:
        """The policy as new; one that cannot be copied is itself."""
        if isinstance(self.policy, type):
            return self.policy()
        try:
            return copy.deepcopy(self.policy)
        except Exception:  # a lock, an open file, a model that does not copy
            return self.policy

    @property
    def method(self) -> str:
        """The method by which it is asked."""
        role = ALL_ROLES[self.role]
        batched = self.resolved is not None and self.resolved.batched
        return (role.many if batched else role.one) or role.many or ""

    @property
    def of_leases(self) -> bool:
        """Whether it decides about leases."""
        return self.role in LEASE_ROLES

    def run(self, world: dict[str, Any] | str, policy: Any, out: str | None = None) -> Run:
        """A run in which it plays its role."""
        if not self.of_leases:
            return run(world, set={f"policy.{self.role}": policy}, out=out)
        section = "leases" if self.is_built_in else "leases.policies"
        changes = {f"{section}.{self.role}": policy, "leases.reservations": CROWDED}
        return run(world, set=changes, out=out)

    def log(self, world: dict[str, Any] | str, policy: Any) -> str:
        """Hash of what happens when it plays its role."""
        return self.run(world, policy).event_log_blake3


def findings(subject: Subject, worlds: Sequence[World]) -> Iterator[Finding]:
    """One finding per property; after a policy that does not run, nothing else is tried."""
    first = over_worlds("runs", runs, subject, worlds)
    yield first
    if first.verdict == "failed":
        return
    for name, property_of in [
        ("repeats itself", repeats),
        ("starts afresh", starts_afresh),
        ("leaves alone", leaves_alone),
    ]:
        yield over_worlds(name, property_of, subject, worlds)
    yield any_history(subject)
    yield over_worlds("both forms agree", forms_agree, subject, worlds)
    yield over_worlds("loses no VM", loses_no_vm, subject, worlds)


Said = tuple[Verdict, str]
Property = Callable[[Subject, Any], Said]


def over_worlds(
    name: str, property_of: Property, subject: Subject, worlds: Sequence[World]
) -> Finding:
    """The first finding that is not ok, or the last."""
    verdict: Verdict = "skipped"
    detail = "there is no world"
    tried = LEASE_WORLDS if subject.of_leases else worlds
    for world in tried:
        with specified(world) as (title, spec):
            try:
                verdict, detail = property_of(subject, spec)
            except Exception as error:
                verdict, detail = "failed", told(error)
        if verdict in ("failed", "note"):
            return Finding(verdict, name, f"in the world `{title}`: {detail}")
        if verdict == "skipped":
            break
    return Finding(verdict, name, detail.format(worlds=len(tried)))


@contextmanager
def specified(world: World | str) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Name and spec of a world; that of leases is bundled."""
    if isinstance(world, str):
        yield world, world
        return
    with tiny_world(world.cpu_pct, hosts=world.hosts, ram_gib=world.ram_gib) as spec:
        yield world.name, spec


def told(error: BaseException) -> str:
    """An exception with its notes and the line that raised it."""
    words = "".join(traceback.format_exception_only(error)).strip()
    frames = traceback.extract_tb(error.__traceback__)
    last = f"\n{frames[-1].filename}:{frames[-1].lineno}, in {frames[-1].name}" if frames else ""
    return words + last


def runs(subject: Subject, world: Any) -> Said:
    """Legal answers, nothing raised."""
    if subject.resolved is None:
        subject.run(world, subject.fresh())
        return "ok", "in {worlds} worlds"
    watched = Watched(subject, subject.fresh())
    subject.run(world, watched)
    subject.asked += watched.asked
    return "ok", f"in {{worlds}} worlds, asked {subject.asked:,} times"


def repeats(subject: Subject, world: Any) -> Said:
    """Two fresh policies decide alike."""
    if subject.log(world, subject.fresh()) != subject.log(world, subject.fresh()):
        return "failed", (
            "two runs with the same seed differ: draw random numbers from a generator that "
            "reset(seed) seeds"
        )
    return "ok", "fresh policies give the same log"


def starts_afresh(subject: Subject, world: Any) -> Said:
    """One object decides the same in a second run."""
    if subject.resolved is None:
        return "skipped", "built-in policies are made for each run"
    policy = subject.fresh()
    if subject.log(world, policy) != subject.log(world, policy):
        verdict: Verdict = "failed" if subject.resolved.reset else "note"
        return verdict, (
            "a second run with the same object differs: it keeps state. "
            "Forget it in reset(seed), or pass a fresh object to each run"
        )
    return "ok", "the same object gives the same log again"


def leaves_alone(subject: Subject, world: Any) -> Said:
    """Nothing that is lent changes."""
    if subject.resolved is None:
        return "skipped", "built-in policies are lent nothing"
    watched = Watched(subject, subject.fresh())
    subject.run(world, watched)
    if watched.changed:
        return "failed", f"it changes {watched.changed}: work on a copy, e.g. {watched.changed} + 0"
    return "ok", "what it is lent"


class Watched:
    """The policy, asked under supervision."""

    def __init__(self, subject: Subject, policy: Any) -> None:
        resolved = resolve(subject.role, policy)
        self.changed = ""
        self.asked = 0
        self.name, self.window = resolved.name, resolved.window
        self.decreasing = resolved.decreasing
        if resolved.reset:
            self.reset = resolved.reset
        setattr(self, subject.method, functools.partial(self.ask, resolved.call))

    def ask(self, call: Callable[..., Any], *lent: Any) -> Any:
        """Ask the policy and compare what it was lent before and after."""
        import numpy as np

        self.asked += 1
        before = {name: column.copy() for name, column in columns(lent)}
        answer = call(*lent)
        for name, column in columns(lent):
            if not np.array_equal(column, before[name], equal_nan=column.dtype.kind == "f"):
                self.changed = name
        return answer


def columns(lent: Sequence[Any]) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Every array that the policy is lent and could change."""
    for argument in lent:
        if isinstance(argument, HostLoads):
            yield from ((f"hosts.{name}", getattr(argument, name)) for name in HOST_COLUMNS)
        elif isinstance(argument, Vms):
            yield from ((f"vms.{name}", getattr(argument, name)) for name in VM_COLUMNS)
        elif hasattr(argument, "dtype"):
            yield "host_ids", argument


def any_history(subject: Subject) -> Finding:
    """Histories of any length are judged, each by itself."""
    name = "any history"
    if subject.role not in ("overload", "fallback", "underload") or subject.resolved is None:
        return Finding("skipped", name, "it is not asked for single judgements")
    loads = [(now, (0.5,) * length) for length in LENGTHS for now in (0.0, 0.5, 1.0, 1.5)]
    resolved = resolve(subject.role, subject.fresh())
    try:
        if not resolved.batched:
            for now, history in loads:
                resolved.call(now, history[: resolved.window])
            return Finding("ok", name, f"of {LENGTHS} samples")
        together = judged(resolved.call, loads, resolved.window)
        alone = [
            answer for load in loads for answer in judged(resolved.call, [load], resolved.window)
        ]
    except Exception as error:
        return Finding("failed", name, told(error))
    if subject.role != "underload" and together != alone:
        detail = "its answer about a host depends on which others it is asked about at once"
        return Finding("note", name, detail)
    return Finding("ok", name, f"of {LENGTHS} samples")


def judged(
    call: Callable[..., Any], loads: Sequence[tuple[float, Sequence[float]]], window: int
) -> list[Any]:
    """What a batched policy says of `loads`."""
    now, history = [load[0] for load in loads], [load[1] for load in loads]
    return [int(answer) for answer in call(HostLoads(now, history, window))]


def forms_agree(subject: Subject, world: Any) -> Said:
    """A policy with both forms decides alike in both."""
    role, policy = ALL_ROLES[subject.role], subject.fresh()
    one = getattr(policy, role.one or "", None)
    if (
        subject.is_built_in
        or not callable(one)
        or not callable(getattr(policy, role.many or "", None))
    ):
        return "skipped", "it has one form"
    resolved = resolve(subject.role, policy)
    alone = OneForm(role.one or "", one, resolved.window, resolved.decreasing)
    if subject.log(world, subject.fresh()) != subject.log(world, alone):
        return "failed", f"{role.one} and {role.many} decide differently"
    return "ok", f"{role.one} and {role.many}"


class OneForm:
    """The policy without its batched form."""

    def __init__(self, method: str, call: Any, window: int, decreasing: bool) -> None:
        self.window = window
        self.decreasing = decreasing
        setattr(self, method, call)


def loses_no_vm(subject: Subject, world: Any) -> Said:
    """The run holds up to an independent check, and every VM is there at the end."""
    with tempfile.TemporaryDirectory() as folder:
        done = subject.run(world, subject.fresh(), out=folder)
        report = check(folder)
    if not report.is_clean:
        return "failed", report.text
    if subject.of_leases:
        return "ok", "every run passes galerna.check"
    kinds = done.actions["kind"].to_list()
    begun, ended = kinds.count("vm-start"), kinds.count("vm-stop")
    if begun != done.vms.height or ended:
        return "failed", f"{done.vms.height} VMs, {begun} started, {ended} stopped"
    return "ok", "every run passes galerna.check"
