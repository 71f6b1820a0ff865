"""A preemption policy to start from: which lease may displace which?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease


class MyPolicy:
    """Reservations displace preemptible best-effort leases, those with most left to do first."""

    def preemption_score(self, lease: Lease, other: Lease, start_s: float) -> float | None:
        """Greater scores go first; `None`: `other` must not go."""
        if lease.kind != "advance-reservation" or other.kind != "best-effort":
            return None
        return other.duration_s if other.preemptible else None
