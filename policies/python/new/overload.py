"""An overload detector to start from: overloaded above a threshold, sooner while load rises."""

from __future__ import annotations

from collections.abc import Sequence


class MyPolicy:
    """Overloaded above `threshold`, or a tenth below it where the last two samples rise."""

    window = 2

    def __init__(self, threshold: float = 0.8) -> None:
        self.threshold = threshold

    def is_overloaded(self, now: float, history: Sequence[float]) -> bool | None:
        """`now` may be above 1; `history` has up to `window` samples, oldest first."""
        if len(history) < 2:
            return None  # cannot tell yet: the fallback answers
        rises = history[0] < history[1] < now
        return now > self.threshold - (0.1 if rises else 0.0)
