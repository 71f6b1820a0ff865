"""A pricing policy to start from: what does a lease cost?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease


class MyPolicy:
    """A rate per VM and hour, and half of it on top for each lease that is displaced."""

    def __init__(self, rate: float = 0.1) -> None:
        self.rate = rate

    def price(self, lease: Lease, displaced: Sequence[Lease]) -> float:
        """Best-effort leases are not asked about; whoever finds it too much declines."""
        hours = lease.vms * lease.duration_s / 3600
        return self.rate * hours * (1 + 0.5 * len(displaced))
