"""Which moves would make a cluster better? The command `galerna solve snapshot`, from Python.

>>> from galerna import solve
>>> room = {"cpu": 40, "ram_mb": 4000, "idle_w": 90, "peak_w": 120}
>>> hosts = [{"name": name, **room} for name in "ab"]
>>> vms = [{"name": f"v{n}", "host": "ab"[n], "cpu": 4, "ram_mb": 500} for n in range(2)]
>>> plan = solve.snapshot({"hosts": hosts, "vms": vms}, goal="consolidate", time_s=1)
>>> plan.hosts_on, len(plan.moves)
(1, 1)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from galerna import _core
from galerna.errors import GalernaError, PolicyError, Problem

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Assignment: TypeAlias = npt.NDArray[np.int64]
    CostParts: TypeAlias = tuple[
        str,
        Callable[[Assignment], float],
        Callable[[Assignment, int, int, int], float] | None,
        float | None,
    ]
    RuleParts: TypeAlias = tuple[str, Callable[[Assignment], int | bool]]

Goal = Literal["consolidate", "balance", "defragment", "evacuate", "power-cap"]

BAD_INPUT = 2


class Cost(Protocol):
    """A cost of one's own: what an assignment costs, in J.

    `assignment` has the number of the host of each VM, both counted from 0 in the order of the
    snapshot; it is read-only and stays as it is. The object may also have `delta(assignment, vm,
    source, target)`, by how much the cost changes when that VM goes from one host to the other,
    which spares asking for whole costs, and `least`, a value below which the cost never is, which
    gives the plan a bound. A function is a cost as well.
    """

    def cost(self, assignment: npt.NDArray[np.int64]) -> float:
        """What the assignment costs, J."""
        ...


class Rule(Protocol):
    """A rule of one's own: how often an assignment breaks it.

    A function is a rule as well.
    """

    def violations(self, assignment: npt.NDArray[np.int64]) -> int | bool:
        """The number of violations, or whether it holds."""
        ...


CostLike = Cost | Callable[["npt.NDArray[np.int64]"], float]
RuleLike = Rule | Callable[["npt.NDArray[np.int64]"], int | bool]


@dataclass(frozen=True)
class Plan:
    """Moves in order, and what they are worth.

    Figures that the goal does not know are `None`: a defragmentation has no power, other goals no
    fragment rate. Costs are in J, power in W.
    """

    goal: str
    status: str
    """optimal, proved, gap-reached, limit, stopped or no-solver."""
    moves: tuple[dict[str, Any], ...]
    """Per move: vm, from, to and, but for defragmentation, reason, gain_j, cost_j and waits."""
    figures: dict[str, Any] = field(repr=False)
    """Everything that the command prints with `--format json`."""

    @property
    def cost(self) -> float | None:
        """Cost of the plan, J."""
        return self.figures.get("cost")

    @property
    def lower_bound(self) -> float:
        """A cost (or a fragment rate) below which no plan lies; minus infinity if none is known."""
        bound = self.figures["lower_bound"]
        return float("-inf") if bound is None else float(bound)

    @property
    def gap(self) -> float | None:
        """`(cost - lower_bound) / cost`."""
        return self.figures.get("gap")

    @property
    def power_w(self) -> float | None:
        """Power after the moves, W."""
        return self.figures.get("power_w")

    @property
    def hosts_on(self) -> int | None:
        """Hosts with VMs after the moves."""
        return self.figures.get("hosts_on")

    @property
    def levels(self) -> tuple[dict[str, Any], ...]:
        """Per level of an order: level, unit, initial, value, limit, bound, gap and status."""
        return tuple(self.figures.get("levels", ()))

    def front(self) -> pl.DataFrame:
        """The points of a Pareto front as a polars data frame, one row each."""
        import polars as pl

        return pl.DataFrame(self.figures.get("front", []))

    @property
    def fragment_rate(self) -> float | None:
        """Free cores outside whole blocks of 16, as a part of all free cores."""
        return self.figures.get("fragment_rate")

    @property
    def added(self) -> dict[str, float]:
        """What each cost of one's own says of the plan, J."""
        return {row["name"]: row["value"] for row in self.figures.get("added", ())}

    def moves_frame(self) -> pl.DataFrame:
        """The moves as a polars data frame, one row each."""
        import polars as pl

        return pl.DataFrame(list(self.moves))

    def assignment(self) -> npt.NDArray[np.int64]:
        """The number of the host of each VM after the moves, in the order of the snapshot."""
        import numpy as np

        return np.array(self.figures["assignment"], dtype=np.int64)


def snapshot(
    snapshot: str | os.PathLike[str] | Mapping[str, Any],
    *,
    goal: Goal = "consolidate",
    weights: Mapping[str, float] | None = None,
    order: Sequence[str] = (),
    tolerance: float | None = None,
    pareto: tuple[str, str] | None = None,
    points: int | None = None,
    horizon_s: float = 3600.0,
    limit: float = 0.8,
    hosts: Sequence[str] = (),
    cap_w: float | None = None,
    moves: int | None = None,
    time_s: float = 10.0,
    steps: int | None = None,
    threads: int = 1,
    seed: int = 0,
    gap: float = 0.001,
    costs: Sequence[CostLike] = (),
    rules: Sequence[RuleLike] = (),
) -> Plan:
    """Plan the moves of a cluster.

    `snapshot` is a file, a folder of Parquet tables, or a mapping with `hosts`, `vms` and perhaps
    `rules`: each a list of dicts, a polars data frame, or a dict of columns (lists or numpy
    arrays). Columns, rules (dicts with a `kind`) and options are those of docs/reassign.md; `hosts`
    are those to evacuate, `moves` limits a defragmentation (50 where nothing is said). `order` puts
    terms in an order in place of their weighted sum, such as `["energy+overload", "migrations"]`;
    `pareto` trades two terms, such as `("energy", "migrations")`, against each other. `costs` and
    `rules` are added to those of the goal and the snapshot (`Cost`, `Rule`); what they raise comes
    back unchanged.

    Raises `GalernaError` for a snapshot or a goal that is not possible, and `PolicyError` where the
    independent check disagrees with the plan.
    """
    options = {
        "--goal": goal,
        "--order": ",".join(order) or None,
        "--tolerance": tolerance,
        "--pareto": ",".join(pareto or ()) or None,
        "--points": points,
        "--horizon-s": horizon_s,
        "--limit": limit,
        "--cap-w": cap_w,
        "--moves": moves,
        "--time-s": time_s,
        "--steps": steps,
        "--threads": threads,
        "--seed": seed,
        "--gap": gap,
        "--hosts": ",".join(hosts) or None,
        "--weights": ",".join(f"{name}={value}" for name, value in (weights or {}).items()) or None,
    }
    args = [f"{name}={value}" for name, value in options.items() if value is not None]
    if isinstance(snapshot, str | os.PathLike):
        return _solved(os.fspath(snapshot), goal, args, costs, rules)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "snapshot.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({name: _records(rows) for name, rows in snapshot.items()}, file)
        return _solved(path, goal, args, costs, rules)


def _solved(
    path: str,
    goal: str,
    args: list[str],
    costs: Sequence[CostLike],
    rules: Sequence[RuleLike],
) -> Plan:
    if costs or rules:
        code, text = _core.solve_snapshot(
            [path, *args], [_cost(cost) for cost in costs], [_rule(rule) for rule in rules]
        )
        if code:
            raise _refusal(code, text)
        return _plan(goal, text)
    command = [sys.executable, "-m", "galerna", "solve", "snapshot", path, *args, "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise _refusal(done.returncode, done.stderr)
    return _plan(goal, done.stdout)


def _plan(goal: str, text: str) -> Plan:
    figures = json.loads(text)
    return Plan(goal, figures["status"], tuple(figures["moves"]), figures)


def _refusal(code: int, text: str) -> GalernaError:
    error = GalernaError if code == BAD_INPUT else PolicyError
    return error(text.strip(), [_problem(line) for line in _worded(text)])


def _cost(cost: CostLike) -> CostParts:
    """Name, `cost`, `delta` and `least` of a cost."""
    whole = getattr(cost, "cost", cost)
    delta, least = getattr(cost, "delta", None), getattr(cost, "least", None)
    if not callable(whole) or not (delta is None or callable(delta)):
        what = f"expected a function of an assignment, or an object with `cost`, found {cost!r}"
        raise TypeError(f"GLN-635 {what}")
    return _name(cost), whole, delta, None if least is None else float(least)


def _rule(rule: RuleLike) -> RuleParts:
    """Name and `violations` of a rule."""
    violations = getattr(rule, "violations", rule)
    if not callable(violations):
        what = (
            f"expected a function of an assignment, or an object with `violations`, found {rule!r}"
        )
        raise TypeError(f"GLN-635 {what}")
    return _name(rule), violations


def _name(given: object) -> str:
    return str(getattr(given, "__name__", type(given).__name__))


def _records(rows: Any) -> list[dict[str, Any]]:
    """Rows as dicts, of whatever holds them."""
    if hasattr(rows, "to_dicts"):
        return list(rows.to_dicts())
    if isinstance(rows, Mapping):
        columns = {name: _plain(values) for name, values in rows.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [dict(row) for row in rows]


def _plain(values: Iterable[Any]) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _worded(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("GLN-")]


def _problem(line: str) -> Problem:
    """A problem from its words: code, place, what, remedy."""
    head, _, rest = line.partition(": ")
    code, _, place = head.partition(" ")
    what, _, remedy = rest.partition(". ")
    return Problem(code, place, what, remedy.rstrip("."))
