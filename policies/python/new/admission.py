"""An admission policy to start from: which requests are considered at all?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease


class MyPolicy:
    """Everything but reservations that are asked for less than `notice_s` ahead."""

    def __init__(self, notice_s: float = 600.0) -> None:
        self.notice_s = notice_s

    def admits(self, lease: Lease) -> bool:
        """Asked once, when the request arrives."""
        if lease.kind != "advance-reservation" or lease.start_s is None:
            return True
        return lease.start_s - lease.arrival_s >= self.notice_s
