"""The built-in overload detectors as values: `gl.run("lr-mmt", overload=gl.Mad(safety=3.0))`.

Parameters, defaults and their meaning are those of the `[policy] overload` table of a spec file,
with underscores for hyphens.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, kw_only=True)
class Detector:
    """What the built-in detectors have in common: a kind and parameters."""

    kind: ClassVar[str]

    def to_spec(self) -> dict[str, object]:
        """The table that a spec file would hold.

        >>> Mad(safety=3.0).to_spec()
        {'kind': 'mad', 'safety': 3.0, 'min-history': 12}
        """
        parameters = {name.replace("_", "-"): value for name, value in asdict(self).items()}
        return {"kind": self.kind, **parameters}


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


@dataclass(frozen=True, kw_only=True)
class Mad(Detector):
    """Overloaded above `1 - safety * (median absolute deviation of the past)`."""

    kind: ClassVar[str] = "mad"
    safety: float = 2.5
    min_history: int = 12


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
class Never(Detector):
    """No host is ever overloaded."""

    kind: ClassVar[str] = "never"
