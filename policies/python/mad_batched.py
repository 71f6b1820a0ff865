"""MAD for many hosts at once: the same threshold as `mad.py`, in NumPy.

`history` is right-aligned and NaN where there is no sample. Sorting puts NaN last, so the medians
stand where `lengths` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galerna._core import HostLoads


def medians(rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The median of each row, which has `lengths` values and then NaN once sorted."""
    ordered, row = np.sort(rows, axis=1), np.arange(len(rows))
    low, high = ordered[row, (lengths - 1) // 2], ordered[row, lengths // 2]
    return low + 0.5 * (high - low)


class MadBatched:
    """Adaptive thresholds from the median absolute deviations of past loads."""

    def __init__(self, safety: float = 2.5, min_history: int = 12) -> None:
        self.safety = safety
        self.min_history = max(min_history, 1)

    def assess(self, hosts: HostLoads) -> np.ndarray:
        """1 above the threshold, 0 below, -1 while the history is too short."""
        history, lengths = hosts.history, hosts.lengths
        centres = medians(history, lengths)
        spreads = medians(np.abs(history - centres[:, None]), lengths)
        over = hosts.now > 1.0 - self.safety * spreads
        return np.where(hosts.lengths < self.min_history, np.int8(-1), over.astype(np.int8))
