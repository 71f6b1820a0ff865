"""A host selection to start from: which hosts are taken first?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease, LeaseHost


class MyPolicy:
    """Hosts that are used already, so that others stay empty."""

    def host_score(self, host: LeaseHost, lease: Lease) -> float:
        """Greater scores are taken first, equal ones by id."""
        return min(host.leases, 4) / 4
