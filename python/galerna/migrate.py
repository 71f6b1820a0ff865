"""Migrations: what one costs, how well models agree with measurements, and when many should go.

>>> import galerna as gl
>>> move = gl.migrate.predict(4096, mbit=1000, used_mib=1024, dirty=lambda t: min(3000 * t, 9000))
>>> move.converged, move.rounds, move.total_s < 10
(True, 2, True)

Every name of `models()` answers. What a VM writes is a mapping as under `dirty` in a run file, or
any function of your own: `dirty(t)` tells how many distinct pages are written within `t` seconds,
which never falls.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from galerna import _core
from galerna.errors import MigrationError

if TYPE_CHECKING:
    import polars as pl

File = str | os.PathLike[str]


class DirtyPages(Protocol):
    """An object that knows what a VM writes.

    It may have an attribute `working_set`: pages that are written in the long run; without it that
    is what an hour writes.
    """

    def dirty(self, t: float, /) -> float:
        """Distinct pages written within `t` seconds of a clean start; must not fall."""


Dirty = Callable[[float], float] | DirtyPages | Mapping[str, Any]
"""A function `dirty(t)`, an object with such a method, or a mapping as in a run file."""

Constants = Mapping[str, float] | File
"""Some of the models' constants by name, or a parameter file that `fit` wrote."""


@dataclass(frozen=True)
class Stage:
    """One stage of a migration: times in seconds, `speed` of the guest from 0 to 1."""

    kind: str
    start_s: float
    seconds: float
    bytes: float
    speed: float


@dataclass(frozen=True)
class Prediction:
    """What a migration costs."""

    total_s: float
    """From the command to the end, as the source reports it, s."""
    downtime_s: float
    """From the stop at the source to the resume at the destination, s."""
    downtime_reported_s: float
    """As the source reports it, s."""
    downtime_guest_s: float
    """From the guest's last instruction to its first, s."""
    bytes: float
    rounds: int
    converged: bool
    remaining_pages: float
    """Pages that remain where it does not end: of one that never would, after every round."""
    proven: bool
    """Whether one that does not end is proven never to: its rounds repeat."""
    cpu_source_s: float
    cpu_destination_s: float
    energy_j: float
    lost_s: float
    """Guest work lost, as seconds of full speed."""
    throttle: float
    """Fraction of its speed that auto-converge had taken from the guest in the end."""
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Accuracy:
    """How a model does on measurements; `None` where none was timed."""

    n: int
    time_median_rel: float | None
    time_p90_rel: float | None
    bytes_median_rel: float | None
    bytes_p90_rel: float | None
    downtime_median_abs_s: float | None
    downtime_p90_abs_s: float | None
    convergence_correct: int
    convergence_n: int
    throttle_mean_abs: float | None = None
    """Mean error of how far auto-converge had slowed the guest, as a fraction of its speed."""


@dataclass(frozen=True)
class Family:
    """Measurements of one kind, the model that is meant for them, and how every model does."""

    model: str
    models: Mapping[str, Accuracy]


@dataclass(frozen=True)
class Fit:
    """Constants that agree best with measurements, and how well."""

    constants: Mapping[str, float]
    loss_before: float
    loss_after: float
    fitted: Accuracy
    cross_validated: Accuracy
    """On measurements that were not fitted: each predicted by constants fitted to the others."""
    file: str
    """The parameter file."""

    def write(self, path: File) -> None:
        """Write the parameter file; one that is there is replaced."""
        Path(path).write_text(self.file, encoding="utf-8")


@dataclass(frozen=True)
class Host:
    """A host of `memory_mib` MiB; CPU in any unit that its VMs use as well.

    At most `outgoing` moves leave it at once, and at most `incoming` arrive.
    """

    memory_mib: float
    cpu: float | None = None
    outgoing: int | None = None
    incoming: int | None = None


@dataclass(frozen=True)
class Vm:
    """A VM of `memory_mib` MiB of which `used_mib` (by default all) are not zero.

    It should have moved by `deadline_s`, moves next to the others of its `group`, and after the VMs
    named in `after`. `load` is the fraction of its CPU that it uses.
    """

    memory_mib: float
    used_mib: float | None = None
    cpu: float = 0.0
    dirty: Dirty | None = None
    load: float = 1.0
    deadline_s: float | None = None
    group: int | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One move with its time; `kind` is `"live"`, `"suspend"` or `"resume"`."""

    vm: str
    source: str
    destination: str
    kind: str
    start_s: float
    end_s: float
    bytes: float
    downtime_s: float


@dataclass(frozen=True)
class Plan:
    """Moves with their times, verified: memory, CPU and links hold at every instant."""

    steps: tuple[Step, ...]
    rejected: tuple[str, ...]
    """VMs that stay where they are, to break a circle."""
    makespan_s: float
    lower_bound_s: float
    """No plan of the same moves is shorter."""
    gap: float
    """How much longer than the bound it is, as a fraction of the bound."""
    optimal: bool
    sum_of_ends_s: float
    late: int
    bytes: float
    downtime_s: float
    energy_j: float

    @property
    def frame(self) -> pl.DataFrame:
        """The steps as a polars data frame."""
        import polars as pl

        return pl.DataFrame([vars(step) for step in self.steps])


def models() -> list[str]:
    """Names of the built-in migration models.

    >>> import galerna as gl
    >>> "post-copy" in gl.migrate.models()
    True
    """
    return _core.migration_models()


def predict(
    ram_mib: float,
    *,
    mbit: float,
    used_mib: float | None = None,
    dirty: Dirty | None = None,
    load: float = 1.0,
    limit_mb_s: float | None = None,
    downtime_limit_ms: float = 300.0,
    give_up_s: float | None = None,
    hybrid_rounds: int = 1,
    features: Mapping[str, Any] | None = None,
    model: str = "pre-copy",
    constants: Constants | None = None,
) -> Prediction:
    """What it costs to move a VM of `ram_mib` MiB over a link of `mbit` Mbit/s.

    `used_mib` of it, by default all, are not zero; `dirty` is what it writes, by default nothing,
    at `load` (fraction of its CPU, for `{"kind": "from-cpu"}`). `limit_mb_s` is the hypervisor's
    own limit, in 10^6 bytes/s; after `give_up_s` seconds it is given up. `features` are options of
    the hypervisor as in a run file.

    Raises `MigrationError` for what cannot be. What `dirty` raises comes out unchanged, with a
    note that says when it was asked.

    >>> import galerna as gl
    >>> gl.migrate.predict(1024, mbit=1000, model="ram-over-bandwidth").total_s
    8.589934592
    >>> writes = {"kind": "uniform", "rate": 40_000, "working-set": 0.5}
    >>> gl.migrate.predict(4096, mbit=1000, dirty=writes).converged
    False
    >>> gl.migrate.predict(4096, mbit=1000, dirty=writes, features={"auto-converge": {}}).converged
    True
    >>> try:
    ...     gl.migrate.predict(1024, mbit=1000, dirty=lambda t: max(0.0, 100 - t))
    ... except gl.MigrationError as error:
    ...     print(error.problems[0].code)
    GLN-313
    """
    task = asked(
        ram_mib,
        used_mib,
        dirty,
        load,
        mbit=mbit,
        limit_mb_s=limit_mb_s,
        downtime_limit_s=downtime_limit_ms / 1e3,
        give_up_s=give_up_s,
        hybrid_rounds=hybrid_rounds,
        features=features,
    )
    told = json.loads(_core.predict_migration(task, model, *constants_of(constants)))
    end = told.pop("convergence")
    stages = tuple(Stage(**stage) for stage in told.pop("stages"))
    return Prediction(
        energy_j=told.pop("energy"),
        converged=end["kind"] == "converged",
        proven=end["kind"] == "never",
        remaining_pages=end.get("fixed_point_pages", end.get("remaining_pages", 0.0)),
        stages=stages,
        **told,
    )


def evaluate(
    measurements: File, *, model: str | None = None, params: File | None = None
) -> dict[str, Family]:
    """Accuracy of every model, or of one, on measured migrations, by family.

    `measurements` is a CSV file with one migration a line; docs/migration.md names its columns.
    """
    told = json.loads(_core.evaluate_migrations(measurements, model, params))
    return {
        name: Family(
            family["model"], {name: Accuracy(**of) for name, of in family["models"].items()}
        )
        for name, family in told
    }


def fit(measurements: File, *, params: File | None = None, seed: int = 0) -> Fit:
    """Fit the constants of the pre-copy model to measured migrations.

    The search starts from the constants in `params`, or from the usual ones. `Fit.write` makes the
    parameter file that `predict`, `evaluate` and the command line take.
    """
    told = json.loads(_core.fit_migrations(measurements, params, seed))
    fitted, unseen = (Accuracy(**told.pop(key)) for key in ("fitted", "cross_validated"))
    return Fit(fitted=fitted, cross_validated=unseen, **told)


def sequence(
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    hosts: Mapping[str, Host],
    vms: Mapping[str, Vm],
    network: float | Mapping[str, Any] | File,
    model: str = "pre-copy",
    constants: Constants | None = None,
    goal: str = "makespan",
    bypass: bool = True,
    suspend_mb_s: float | None = None,
    reject_cost_s: float | None = None,
    trials: int = 1000,
    seed: int = 0,
) -> Plan:
    """When the VMs move that stand elsewhere `after` than `before`: a plan that holds throughout.

    A VM counts on both hosts while it moves. A VM that `after` does not name stays. `network` is
    the bandwidth of every host's card in Mbit/s (around one switch), the table of a generator as
    under `topology` in a run file, or a topology file; its hosts are those of `hosts`, in order.
    Where moves wait for each other in a circle it is broken over a third host (`bypass`), by
    suspension to a disk of `suspend_mb_s` 10^6 bytes/s, or by leaving a VM where it is, at a cost
    of `reject_cost_s` seconds. `goal` is what the plan is best at, after as few missed deadlines as
    can be: `"makespan"`, `"sum-of-ends"`, or `"downtime"`, `"bytes"` or `"energy"` of all moves,
    which tell how circles are broken; by these a VM stays where it is only if nothing else helps.

    Raises `MigrationError` where something is wrong or no plan exists; nothing is planned by half.

    >>> import galerna as gl
    >>> hosts = {name: gl.migrate.Host(memory_mib=4096) for name in "abc"}
    >>> vms = {"x": gl.migrate.Vm(3072), "y": gl.migrate.Vm(3072)}
    >>> swap = {"x": "a", "y": "b"}, {"x": "b", "y": "a"}
    >>> plan = gl.migrate.sequence(*swap, hosts=hosts, vms=vms, network=1000)
    >>> [(step.vm, step.source, step.destination) for step in plan.steps]
    [('x', 'a', 'c'), ('y', 'b', 'a'), ('x', 'c', 'b')]
    >>> plan.optimal
    True
    """
    known = list(hosts)
    unknown(before, after, hosts, vms, goal)
    place = {name: number for number, name in enumerate(known)}
    order = {name: number for number, name in enumerate(before)}
    rows = [(name, of.memory_mib, of.cpu, of.outgoing, of.incoming) for name, of in hosts.items()]
    moving = [
        {
            "name": name,
            "source": place[source],
            "destination": place[after.get(name, source)],
            "cpu_needed": vms[name].cpu,
            "deadline_s": vms[name].deadline_s,
            "group": vms[name].group,
            "after": [order[other] for other in vms[name].after],
            "task": asked(
                vms[name].memory_mib, vms[name].used_mib, vms[name].dirty, vms[name].load
            ),
        }
        for name, source in before.items()
    ]
    how = {
        "goal": goal,
        "bypass": bypass,
        "suspend_mb_s": suspend_mb_s,
        "reject_cost_s": reject_cost_s,
        "trials": trials,
        "seed": seed,
    }
    of_network = network_of(network)
    told = json.loads(
        _core.sequence_moves(rows, moving, of_network, (model, *constants_of(constants)), how)
    )
    steps = [
        Step(**{**step, "source": known[step["source"]], "destination": known[step["destination"]]})
        for step in told.pop("steps")
    ]
    return Plan(steps=tuple(steps), rejected=tuple(told.pop("rejected")), **told)


def unknown(
    before: Mapping[str, str],
    after: Mapping[str, str],
    hosts: Mapping[str, Host],
    vms: Mapping[str, Vm],
    goal: str,
) -> None:
    """Refuse names that nothing has, all at once."""
    found: list[tuple[str, str, str, str]] = []

    def check(place: str, kind: str, name: str, there: Iterable[str]) -> None:
        if name not in there:
            remedy = f"Name one of {', '.join(map(str, there)) or 'none'}"
            found.append(("GLN-531", place, f"there is no {kind} `{name}`", remedy))

    check("goal", "goal", goal, _core.sequence_goals())
    for place, standing in (("before", before), ("after", after)):
        for name, host in standing.items():
            check(place, "VM", name, vms if place == "before" else before)
            check(f"{place}, VM `{name}`", "host", host, hosts)
    for name in before:
        for other in vms[name].after if name in vms else ():
            check(f"VM `{name}`, after", "VM", other, before)
    if found:
        message = "\n".join(f"{code} {place}: {what}. {do}" for code, place, what, do in found)
        raise MigrationError(message, found)


def asked(
    ram_mib: float,
    used_mib: float | None,
    dirty: Dirty | None,
    load: float,
    *,
    mbit: float | None = None,
    limit_mb_s: float | None = None,
    downtime_limit_s: float = 0.3,
    give_up_s: float | None = None,
    hybrid_rounds: int = 1,
    features: Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """A migration as the compiled half takes it."""
    rule = dirty if isinstance(dirty, Mapping) else None
    return {
        "ram_mib": ram_mib,
        "used_mib": used_mib,
        "mbit": mbit,
        "limit_mb_s": limit_mb_s,
        "downtime_limit_s": downtime_limit_s,
        "give_up_s": give_up_s,
        "hybrid_rounds": hybrid_rounds,
        "cpu": load,
        "rule": None if rule is None else as_json("dirty", rule),
        "dirty": None if rule is not None else function_of(dirty),
        "features": as_json("features", features or {}),
    }


def function_of(dirty: object) -> object:
    """`dirty`, if it can be asked.

    >>> function_of(abs) is abs
    True
    """
    if dirty is None or callable(dirty) or callable(getattr(dirty, "dirty", None)):
        return dirty
    expected = "a function of seconds, an object with a method `dirty`, or a mapping"
    raise TypeError(f"dirty is {dirty!r}, expected {expected}")


def constants_of(constants: Constants | None) -> tuple[File | None, str]:
    """A parameter file, or constants as JSON."""
    if constants is None or isinstance(constants, Mapping):
        return None, as_json("constants", constants or {}, dashes=False)
    return constants, "{}"


def network_of(
    network: float | Mapping[str, Any] | File,
) -> tuple[float | None, str | None, File | None]:
    """Mbit/s of a star, the table of a generator as JSON, or a file."""
    if isinstance(network, Mapping):
        return None, as_json("network", network, dashes=False), None
    if isinstance(network, str | os.PathLike):
        return None, None, network
    return network, None, None


def as_json(place: str, value: Mapping[str, Any], *, dashes: bool = True) -> str:
    """`value` as JSON, with keys as in a run file; a number that is none is refused."""

    def plain(place: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            spelt = (
                (str(key).replace("_", "-") if dashes else str(key), of)
                for key, of in value.items()
            )
            return {key: plain(f"{place}.{key}", of) for key, of in spelt}
        if isinstance(value, list | tuple):
            return [plain(place, one) for one in value]
        if hasattr(value, "tolist"):
            return plain(place, value.tolist())
        if isinstance(value, float) and not isfinite(value):
            what, remedy = f"found {value}, expected a finite number", "Write a finite number"
            problem = ("GLN-311", place, what, remedy)
            raise MigrationError(f"GLN-311 {place}: {what}. {remedy}", [problem])
        return value

    return json.dumps(plain(place, value))
