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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from galerna.errors import GalernaError, PolicyError, Problem

if TYPE_CHECKING:
    import polars as pl

Goal = Literal["consolidate", "balance", "defragment", "evacuate", "power-cap"]

BAD_INPUT = 2


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
        """A cost (or a fragment rate) below which no plan lies."""
        return float(self.figures["lower_bound"])

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

    def moves_frame(self) -> pl.DataFrame:
        """The moves as a polars data frame, one row each."""
        import polars as pl

        return pl.DataFrame(list(self.moves))


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
) -> Plan:
    """Plan the moves of a cluster.

    `snapshot` is a file, or a mapping with `hosts`, `vms` and perhaps `rules`: each a list of
    dicts, a polars data frame, or a dict of columns (lists or numpy arrays). Columns, rules (dicts
    with a `kind`) and options are those of docs/reassign.md; `hosts` are those to evacuate, `moves`
    limits a defragmentation (50 where nothing is said). `order` puts terms in an order in place of
    their weighted sum, such as `["energy+overload", "migrations"]`; `pareto` trades two terms, such
    as `("energy", "migrations")`, against each other.

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
        return _solved(os.fspath(snapshot), goal, args)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "snapshot.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({name: _records(rows) for name, rows in snapshot.items()}, file)
        return _solved(path, goal, args)


def _solved(path: str, goal: str, args: list[str]) -> Plan:
    command = [sys.executable, "-m", "galerna", "solve", "snapshot", path, *args, "--format=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        error = GalernaError if done.returncode == BAD_INPUT else PolicyError
        raise error(done.stderr.strip(), [_problem(line) for line in _worded(done.stderr)])
    figures = json.loads(done.stdout)
    return Plan(goal, figures["status"], tuple(figures["moves"]), figures)


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
