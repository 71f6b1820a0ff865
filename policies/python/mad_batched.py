"""MAD for many hosts at once: the same threshold as `mad.py`, in NumPy.

`history` is right-aligned and NaN where there is no sample. Sorting puts NaN last, so the medians
stand where `lengths` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galerna._core import HostLoads


def medians(rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The median of each row; `low` and `high` say where its two central values stand sorted."""
    ordered = np.sort(rows, axis=1)
    lows: np.ndarray = ordered.take(low)
    highs: np.ndarray = ordered.take(high)
    return np.asarray(lows + 0.5 * (highs - lows))


class MadBatched:
    """Adaptive thresholds from the median absolute deviations of past loads."""

    def __init__(self, safety: float = 2.5, min_history: int = 12) -> None:
        self.safety = safety
        self.min_history = max(min_history, 1)

    def assess(self, hosts: HostLoads) -> np.ndarray:
        """1 above the threshold, 0 below, -1 while the history is too short."""
        history, lengths = hosts.history, hosts.lengths
        first = np.arange(0, history.size, history.shape[1])
        low, high = first + (np.maximum(lengths, 1) - 1) // 2, first + lengths // 2
        centres = medians(history, low, high)
        spreads = medians(np.abs(history - centres[:, None]), low, high)
        verdicts = (hosts.now > 1.0 - self.safety * spreads).astype(np.int8)
        verdicts[lengths < self.min_history] = -1
        return verdicts
