"""PABFD in NumPy: the same choices as `pabfd.py`, with one array operation for all hosts.

Hosts are asked about in small batches, best first: most VMs are taken by one of the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galerna._core import Draft, Hosts, Vms


class PabfdBatched:
    """The most demanding VM first, each where it adds least power without overloading the host."""

    def place(self, vms: Vms, draft: Draft) -> None:
        """Puts every VM that fits; gives up at the first that does not where all must."""
        for row in np.argsort(-vms.demand_mips, kind="stable"):
            hosts = draft.candidates(vms[row])
            best = self.best(hosts, vms.demand_mips[row])
            if best is not None:
                draft.put(vms[row], hosts[best])
            elif draft.all_or_none:
                return

    def best(self, hosts: Hosts, demand: float) -> int | None:
        """The row of the best host that the detector does not object to."""
        capacity, allocated = hosts.capacity_mips, hosts.allocated_mips
        before = np.where(hosts.vms > 0, hosts.power(allocated / capacity), 0.0)
        order = np.argsort(hosts.power((allocated + demand) / capacity) - before, kind="stable")
        for rows in (order[k : k + 8] for k in range(0, len(order), 8)):
            fine = rows[~hosts.would_be_overloaded(rows)]
            if len(fine):
                return int(fine[0])
        return None
