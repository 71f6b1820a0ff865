"""The built-in policies as values: `gl.run("lr-mmt", overload=gl.Mad(safety=3.0))`.

Parameters, defaults and their meaning are those of the tables under `[policy]` in a spec file, with
underscores for hyphens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class BuiltIn:
    """What the built-in policies have in common: a kind and parameters."""

    kind: ClassVar[str]

    def to_spec(self) -> dict[str, object]:
        """The table that a spec file would hold.

        >>> Mad(safety=3.0).to_spec()
        {'kind': 'mad', 'safety': 3.0, 'min-history': 12, 'at-limit': 'normal'}
        """
        parameters = {name.replace("_", "-"): listed(value) for name, value in asdict(self).items()}
        return {"kind": self.kind, **parameters}


def listed(value: object) -> object:
    """`value`, a tuple as the list that a spec file would hold."""
    return list(value) if isinstance(value, tuple) else value


class Detector(BuiltIn):
    """A built-in overload detector."""


class UnderloadRule(BuiltIn):
    """A built-in underload rule."""


class Selector(BuiltIn):
    """A built-in VM selector."""


class Placer(BuiltIn):
    """A built-in placer."""


@dataclass(frozen=True, kw_only=True)
class Thr(Detector):
    """A static threshold: overloaded above `threshold`."""

    kind: ClassVar[str] = "thr"
    threshold: float = 0.8


@dataclass(frozen=True, kw_only=True)
class Iqr(Detector):
    """Overloaded above `1 - safety * (interquartile range of the past)`."""

    kind: ClassVar[str] = "iqr"
    safety: float = 1.5
    min_history: int = 12
    at_limit: Literal["normal", "overloaded"] = "normal"


@dataclass(frozen=True, kw_only=True)
class Mad(Detector):
    """Overloaded above `1 - safety * (median absolute deviation of the past)`."""

    kind: ClassVar[str] = "mad"
    safety: float = 2.5
    min_history: int = 12
    at_limit: Literal["normal", "overloaded"] = "normal"


@dataclass(frozen=True, kw_only=True)
class Lr(Detector):
    """Overloaded when `safety` times the load that local regression predicts reaches 1."""

    kind: ClassVar[str] = "lr"
    safety: float = 1.2
    weights: Literal["tricube", "none"] = "tricube"


@dataclass(frozen=True, kw_only=True)
class Lrr(Detector):
    """As `Lr`, with outliers weighed down in a second fit."""

    kind: ClassVar[str] = "lrr"
    safety: float = 1.2
    weights: Literal["tricube", "none"] = "tricube"


@dataclass(frozen=True, kw_only=True)
class Loess(Detector):
    """As `Lr` with `length` points, its own threshold, and the copy time not rounded."""

    kind: ClassVar[str] = "loess"
    threshold: float = 1.0
    safety: float = 1.2
    length: int = 10
    weigh: Literal["squares", "residuals"] = "squares"


@dataclass(frozen=True, kw_only=True)
class LoessRobust(Detector):
    """As `Loess`, with outliers weighed down in a second fit."""

    kind: ClassVar[str] = "loess-robust"
    threshold: float = 1.0
    safety: float = 1.2
    length: int = 10
    weigh: Literal["squares", "residuals"] = "squares"
    outliers: Literal["cut", "uncut"] = "cut"


@dataclass(frozen=True, kw_only=True)
class LastN(Detector):
    """A static threshold on the mean of the latest `n` samples."""

    kind: ClassVar[str] = "last-n"
    threshold: float = 0.8
    n: int = 2


@dataclass(frozen=True, kw_only=True)
class Otf(Detector):
    """Overloaded when a load of `threshold` or more takes more than a share of the host's time."""

    kind: ClassVar[str] = "otf"
    otf: float = 0.1
    threshold: float = 0.8
    min_history: int = 10


@dataclass(frozen=True, kw_only=True)
class Mhod(Detector):
    """Overloaded when no policy of waiting keeps the host within its share of overload.

    >>> Mhod(states=(0.5, 0.8)).to_spec()["states"]
    [0.5, 0.8]
    """

    kind: ClassVar[str] = "mhod"
    states: tuple[float, ...] = (0.8,)
    otf: float = 0.1
    history: int = 500
    windows: tuple[int, ...] = (30, 40, 50, 60, 70, 80, 90, 100)
    learning_steps: int = 10
    search: Literal["exact", "grid"] = "exact"
    step: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Risk(Detector):
    """Overloaded when demand passes `limit` within `horizon` samples with more than `threshold`.

    `accept`: the share of `threshold` that a destination may reach; `model` is `bundled` or a file
    made by `galerna forecast fit`; `learning`: what it learns in the run, a shift of the log odds
    or weights of several traits of the load.
    """

    kind: ClassVar[str] = "risk"
    threshold: float = 0.1
    accept: float = 1.0
    limit: float = 1.0
    horizon: int = 1
    min_history: int = 12
    model: str = "bundled"
    learning: Literal["shift", "weights"] = "shift"


@dataclass(frozen=True, kw_only=True)
class RiskCost(Detector):
    """Overloaded when the expected violation costs more than the longest copy.

    `loss`: sampling intervals of violation per overload; `degradation`: share of its CPU that a VM
    loses while it is copied; `weight`: what that weighs against violation.
    """

    kind: ClassVar[str] = "risk-cost"
    loss: float = 1.0
    degradation: float = 0.1
    weight: float = 10.0
    limit: float = 1.0
    horizon: int = 1
    min_history: int = 12
    model: str = "bundled"
    learning: Literal["shift", "weights"] = "shift"


@dataclass(frozen=True, kw_only=True)
class Never(Detector, UnderloadRule):
    """No host is ever overloaded; as an underload rule: none is ever emptied."""

    kind: ClassVar[str] = "never"


@dataclass(frozen=True, kw_only=True)
class LeastUtilised(UnderloadRule):
    """All hosts `below` this utilisation may be emptied, the emptiest first."""

    kind: ClassVar[str] = "least-utilised"
    below: float = 1.0


@dataclass(frozen=True, kw_only=True)
class UnderloadThreshold(UnderloadRule):
    """Hosts used no more than `threshold` may be emptied, the emptiest first."""

    kind: ClassVar[str] = "threshold"
    threshold: float = 0.5


@dataclass(frozen=True, kw_only=True)
class UnderloadLastN(UnderloadRule):
    """Hosts whose latest `n` samples are on average no more than `threshold` may be emptied."""

    kind: ClassVar[str] = "last-n"
    threshold: float = 0.5
    n: int = 2


@dataclass(frozen=True, kw_only=True)
class Always(UnderloadRule):
    """All hosts may be emptied, also full ones."""

    kind: ClassVar[str] = "always"


@dataclass(frozen=True, kw_only=True)
class Mmt(Selector):
    """Minimum migration time: the VM with the least memory leaves."""

    kind: ClassVar[str] = "mmt"


@dataclass(frozen=True, kw_only=True)
class Mc(Selector):
    """Maximum correlation: the VM whose load correlates most with the others' leaves."""

    kind: ClassVar[str] = "mc"


@dataclass(frozen=True, kw_only=True)
class Mu(Selector):
    """Minimum utilisation: the VM that uses least of its CPU, or asks for least, leaves."""

    kind: ClassVar[str] = "mu"
    measure: Literal["fraction", "demand"] = "fraction"


@dataclass(frozen=True, kw_only=True)
class Rs(Selector):
    """Random selection; `seeded=False` draws fresh numbers in each run."""

    kind: ClassVar[str] = "rs"
    seeded: bool = True


@dataclass(frozen=True, kw_only=True)
class MmtMaxCpu(Selector):
    """Of the VMs with the least memory the one that used most CPU in its latest samples leaves."""

    kind: ClassVar[str] = "mmt-max-cpu"
    last_n: int = 2
    skip_idle: bool = False


@dataclass(frozen=True, kw_only=True)
class Knapsack(Selector):
    """The VMs leave that together have the least memory and clear the overload."""

    kind: ClassVar[str] = "knapsack"
    most_sets: int = 1000


@dataclass(frozen=True, kw_only=True)
class HighestDemand(Selector):
    """The VM that asks for most CPU leaves."""

    kind: ClassVar[str] = "highest-demand"


@dataclass(frozen=True, kw_only=True)
class Pabfd(Placer):
    """Power-aware best-fit decreasing: where a VM adds least power."""

    kind: ClassVar[str] = "pabfd"
    wake_power: Literal["counted", "ignored"] = "counted"
    base: Literal["draft", "last-update"] = "draft"


@dataclass(frozen=True, kw_only=True)
class PabfdPublished(Placer):
    """PABFD as the paper words it: no detector is asked about destinations."""

    kind: ClassVar[str] = "pabfd-published"


Measure: TypeAlias = Literal["cpu", "ram", "disk", "net", "tightest", "mean"]
"""By what hosts and VMs are compared: one resource, the scarcest, or all as shares."""

Overload: TypeAlias = Literal["avoided", "ignored"]
"""Whether a placer asks the detector about destinations."""

Wake: TypeAlias = Literal["like-any", "last-resort"]
"""Whether a sleeping host is one like any other, or woken only where no other takes the VM."""


@dataclass(frozen=True, kw_only=True)
class FirstFit(Placer):
    """The first host, in id order, with room."""

    kind: ClassVar[str] = "first-fit"
    overload: Overload = "avoided"
    wake: Wake = "like-any"


@dataclass(frozen=True, kw_only=True)
class FirstFitDecreasing(Placer):
    """First fit, the largest VM first."""

    kind: ClassVar[str] = "first-fit-decreasing"
    by: Measure = "cpu"
    overload: Overload = "avoided"
    wake: Wake = "like-any"


@dataclass(frozen=True, kw_only=True)
class BestFit(Placer):
    """The fullest host with room."""

    kind: ClassVar[str] = "best-fit"
    by: Measure = "cpu"
    overload: Overload = "avoided"
    wake: Wake = "like-any"


@dataclass(frozen=True, kw_only=True)
class BestFitDecreasing(Placer):
    """Best fit, the largest VM first."""

    kind: ClassVar[str] = "best-fit-decreasing"
    by: Measure = "cpu"
    overload: Overload = "avoided"
    wake: Wake = "like-any"


@dataclass(frozen=True, kw_only=True)
class NeatBestFitDecreasing(Placer):
    """Best fit decreasing as OpenStack Neat does it."""

    kind: ClassVar[str] = "neat-best-fit-decreasing"
    cpu_limit: float = 0.8
    ram_limit: float = 0.95
    last_n: int = 2
    truncate: bool = True
    all_or_nothing: bool = True


@dataclass(frozen=True, kw_only=True)
class RiskFit(Placer):
    """The fullest host whose probability to run short, with the VM on it, is at most `threshold`.

    >>> import galerna as gl
    >>> careful = gl.run("thr-mmt", place=gl.RiskFit(threshold=0.01))
    >>> bold = gl.run("thr-mmt", place=gl.RiskFit(threshold=0.5))
    >>> careful.summary["energy_kwh"] > bold.summary["energy_kwh"]
    True
    """

    kind: ClassVar[str] = "risk-fit"
    threshold: float = 0.05
    limit: float = 1.0
    horizon: int = 1
    factor: float = 1.3
    by: Measure = "cpu"
    overload: Overload = "ignored"
    wake: Wake = "last-resort"


@dataclass(frozen=True, kw_only=True)
class WorstFit(Placer):
    """The emptiest host with room."""

    kind: ClassVar[str] = "worst-fit"
    by: Measure = "cpu"
    overload: Overload = "avoided"
    wake: Wake = "like-any"


@dataclass(frozen=True, kw_only=True)
class WorstFitDecreasing(Placer):
    """Worst fit, the largest VM first."""

    kind: ClassVar[str] = "worst-fit-decreasing"
    by: Measure = "cpu"
    overload: Overload = "avoided"
    wake: Wake = "like-any"


@dataclass(frozen=True, kw_only=True)
class DotProduct(Placer):
    """The host whose free resources have the largest dot product with the VM."""

    kind: ClassVar[str] = "dot-product"
    overload: Overload = "avoided"
    wake: Wake = "last-resort"


@dataclass(frozen=True, kw_only=True)
class Cosine(Placer):
    """The host whose free resources point nearest to where the VM points."""

    kind: ClassVar[str] = "cosine"
    overload: Overload = "avoided"
    wake: Wake = "last-resort"


@dataclass(frozen=True, kw_only=True)
class NormDiff(Placer):
    """The host whose free resources are nearest to what the VM takes."""

    kind: ClassVar[str] = "norm-diff"
    overload: Overload = "avoided"
    wake: Wake = "last-resort"


@dataclass(frozen=True, kw_only=True)
class Balance(Placer):
    """Whole steps that even out the load of the hosts with VMs, by moves that pay.

    `start` and `target` are standard deviations of the hosts' utilisations; with `stable_s` 0 moves
    need not pay.

    >>> import galerna as gl
    >>> gl.run("balance").summary["migrations"] <= gl.run(
    ...     "balance", place=gl.Balance(stable_s=0.0)
    ... ).summary["migrations"]
    True
    """

    kind: ClassVar[str] = "balance"
    start: float = 0.1
    target: float = 0.05
    gain: float = 0.001
    stable_s: float = 3600.0
    deviations: float = 2.0
    rest_s: float = 3600.0
    window: int = 12
    moves: int = 20


@dataclass(frozen=True, kw_only=True)
class PowerCap(Placer):
    """Whole steps that keep all hosts together below `cap_w`, watts or a series of them.

    VMs move only where the power would be above the cap, or to relieve a host that runs short. A
    series is a dict as in `[costs]`: `{"steps": [[0, 9000], [3600, 8000]], "then": "hold"}`. Beside
    `host__cap_w`, which limits hosts under any policy, it must be the same.

    >>> import galerna as gl
    >>> run = gl.run(place=gl.PowerCap(cap_w=2500.0))
    >>> run.summary["power_cap"]["above_cap_s"] >= 0.0
    True
    """

    kind: ClassVar[str] = "power-cap"
    cap_w: float | Mapping[str, object] = 100_000.0
    ahead_s: float = 1800.0
    margin: float = 0.05
    deviations: float = 1.0
    window: int = 12


@dataclass(frozen=True, kw_only=True)
class CheapestWithinSla(Placer):
    """Whole steps that cost least money by the `[costs]` of the spec: energy and carbon as they are
    priced in the hours ahead, penalties, and the credits that moves risk. No VM moves that would
    fall below its contract. Where prices never change it is `Optimise`.

    >>> import galerna as gl
    >>> flat = gl.run(place=gl.CheapestWithinSla(), costs__energy_price=0.25)
    >>> flat.summary == gl.run(place=gl.Optimise()).summary
    True
    """

    kind: ClassVar[str] = "cheapest-within-sla"
    stable_s: float = 3600.0
    usual_s: float = 86_400.0
    period_s: float = 2_592_000.0
    shortage_j_per_mi: float = 0.3
    move_j: float = 2000.0
    hysteresis: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Optimise(Placer):
    """Whole steps by what they cost: energy, expected shortage and migrations over a stable time.

    >>> import galerna as gl
    >>> run = gl.run("optimise", place=gl.Optimise(move_j=20_000.0))
    >>> 0.0 <= run.summary["mean_decision_gap"] <= 1.0
    True
    """

    kind: ClassVar[str] = "optimise"
    stable_s: float = 3600.0
    shortage_j_per_mi: float = 0.3
    move_j: float = 2000.0
    hysteresis: float = 0.5
    link_s: float = 1200.0
    return_s: float = 3600.0
    near: int = 1
    far: int = 24
    prior: float = 1.0
    factor: float = 0.8
    steps: int = 500_000
