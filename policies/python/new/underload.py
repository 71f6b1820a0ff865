"""An underload rule to start from: hosts below a share of their CPU are worth emptying."""

from __future__ import annotations

from collections.abc import Sequence


class MyPolicy:
    """Worth emptying below `below`, now and on the average of the last hour."""

    window = 12

    def __init__(self, below: float = 0.4) -> None:
        self.below = below

    def is_underloaded(self, now: float, history: Sequence[float]) -> bool | None:
        """Hosts for which this is `True` are tried, the emptiest first."""
        past = sum(history) / len(history) if history else now
        return max(now, past) < self.below
