"""A shifting policy to start from: when may a lease that can wait begin at the earliest?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease

DAY_S = 86_400.0


class MyPolicy:
    """Best-effort leases begin at night, others as soon as they can."""

    def __init__(self, from_h: float = 22.0, until_h: float = 6.0) -> None:
        self.from_h = from_h
        self.until_h = until_h

    def not_before(self, lease: Lease) -> float | None:
        """Seconds from the start of the run; only leases that can wait are asked about."""
        hour = lease.arrival_s % DAY_S / 3600
        if lease.kind != "best-effort" or not self.until_h <= hour < self.from_h:
            return None
        return lease.arrival_s + (self.from_h - hour) * 3600
