"""A mapping policy to start from: which VM of a lease goes to which host?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease, LeaseRoom


class MyPolicy:
    """Each VM goes to the first host that holds it, with those before it, to the very end."""

    def choose_hosts(self, lease: Lease, rooms: Sequence[LeaseRoom]) -> list[int] | None:
        """A host for each VM, in their order; `None`: they fit nowhere together."""
        packed: dict[int, list[int]] = {room.id: [] for room in rooms}
        chosen: list[int] = []
        for vm in range(lease.vms):
            for room in rooms:
                ends_s = room.fits_until([*packed[room.id], vm])
                if ends_s is not None and ends_s >= room.until_s:
                    packed[room.id].append(vm)
                    chosen.append(room.id)
                    break
            else:
                return None
        return chosen
