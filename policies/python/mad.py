"""MAD, host by host: overloaded when `now > 1 - safety * median |h - median(h)|`.

Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.1. Gives
the same event log as the built-in `mad`. Try it: `gl.run("mad-mmt", overload=Mad())`.
"""

from __future__ import annotations

from collections.abc import Sequence


def median(values: list[float]) -> float:
    """The median; of an even count the middle of the two central values."""
    values.sort()
    low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
    return low + 0.5 * (high - low)


class Mad:
    """Adaptive threshold from the median absolute deviation of past load."""

    def __init__(self, safety: float = 2.5, min_history: int = 12) -> None:
        self.safety = safety
        self.min_history = min_history

    def is_overloaded(self, now: float, history: Sequence[float]) -> bool | None:
        """Above the threshold? `None` while the history is too short."""
        if len(history) < self.min_history:
            return None
        centre = median(list(history))
        return now > 1.0 - self.safety * median([abs(centre - past) for past in history])
