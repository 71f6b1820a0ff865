"""A planner to start from: who moves where, for the whole step at once?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Snapshot


class MyPolicy:
    """Moves one VM of the emptiest host to the fullest one that has room for it."""

    def plan(self, snapshot: Snapshot) -> list[tuple[int, int]]:
        """Pairs of VM and host; the first move that cannot be made ends the run."""
        inhabited = [host for host in snapshot.hosts if len(host.vm_ids)]
        if len(inhabited) < 2:
            return []
        source = min(inhabited, key=lambda host: host.demand_mips)
        movable = [vm for vm in source.vms if snapshot.movable[vm.id]]
        for vm in movable[:1]:
            for host in sorted(inhabited, key=lambda host: host.free_mips):
                fits = host.free_mips >= vm.demand_mips and host.free_ram_bytes >= vm.ram_bytes
                if host.id != source.id and fits:
                    return [(vm.id, host.id)]
        return []
