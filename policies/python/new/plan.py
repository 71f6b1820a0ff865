"""A planner to start from: who moves where, for the whole step at once?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Snapshot


class MyPolicy:
    """Moves one VM of the emptiest host to the fullest one that has room for it."""

    def plan(self, snapshot: Snapshot) -> list[tuple[int, int]]:
        """Pairs of VM and host; the first move that cannot be made ends the run."""
        inhabited = [host for host in snapshot.hosts if host.vms]
        if len(inhabited) < 2:
            return []
        source = min(inhabited, key=lambda host: host.demand_mips)
        for number in map(int, source.vm_ids):
            vm = snapshot.vms[number]
            for host in sorted(inhabited, key=lambda host: host.free_mips):
                fits = host.free_mips >= vm.demand_mips and host.free_ram_bytes >= vm.ram_bytes
                if fits and host.id != source.id and snapshot.movable[number]:
                    return [(number, host.id)]
        return []
