"""A planner: relieve the overloaded hosts, then empty the emptiest one, at most one per step.

A plan is the whole step: what it does not move stays. VMs are tried out in a draft, which knows
what fits; what was put there is the plan. Try it: `gl.run("mad-mmt", plan=Drain())`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galerna._core import Draft, Snapshot


class Drain:
    """Moves few VMs: one of each overloaded host, and those of one host that is nearly empty."""

    window = 0

    def __init__(self, below: float = 0.2) -> None:
        self.below = below

    def plan(self, snapshot: Snapshot) -> list[tuple[int, int]]:
        """Pairs of VM and host."""
        draft, host_ids, movable = snapshot.draft, snapshot.host_ids, snapshot.movable
        over = np.flatnonzero(snapshot.hosts.overloaded())
        for host in over:
            vms = np.flatnonzero((host_ids == host) & movable)
            if len(vms):
                smallest = vms[snapshot.vms.ram_bytes[vms].argmin()]
                self.put(draft, int(smallest), forbidden=over)
        load = np.where(snapshot.hosts.vms > 0, snapshot.hosts.utilisation, np.inf)
        emptiest = int(load.argmin())
        vms = np.flatnonzero(host_ids == emptiest)
        if load[emptiest] < self.below and movable[vms].all():
            mark = draft.mark()
            if not all(self.put(draft, int(vm), forbidden=[*over, emptiest]) for vm in vms):
                draft.undo(mark)
        return draft.placed

    def put(self, draft: Draft, vm: int, forbidden: np.ndarray | list[int]) -> bool:
        """Puts the VM on the fullest host that is awake and not overloaded by it."""
        hosts = draft.candidates(vm)
        free = np.where((hosts.vms > 0) & ~np.isin(hosts.ids, forbidden), hosts.free_mips, np.inf)
        for row in np.argsort(free)[: int(np.isfinite(free).sum())]:
            if not hosts[row].would_be_overloaded():
                draft.put(vm, hosts[row])
                return True
        return False
