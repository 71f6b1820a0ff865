"""Risk fit: the fullest host that will probably not run short with the VM on it.

Source: own; best fit decreasing (Johnson, J. Comput. Syst. Sci. 8(3), 1974) under a chance
constraint (Charnes and Cooper, Management Science 6(1), 1959). The risk after the move comes from
the pasts of the single VMs, which need not have been together. Both give the same event log as the
built-in `risk-fit`. Try them: `gl.run("thr-mmt", place=RiskFit())`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galerna._core import Draft, Host, Hosts, Vm, Vms


class RiskFit:
    """The most demanding VM first, each on the fullest host whose risk after it is low enough."""

    decreasing = True

    def __init__(self, threshold: float = 0.05) -> None:
        """`threshold`: the greatest risk that a destination may have, in (0, 1]."""
        self.threshold = threshold

    def choose(self, vm: Vm, hosts: Hosts) -> Host | None:
        """Hosts that sleep come last, and are not asked about."""

        def fullest_first(host: Host) -> tuple[bool, float]:
            return host.vms == 0, host.free_mips / host.capacity_mips

        for host in sorted(hosts, key=fullest_first):
            if host.vms == 0 or host.risk_after() <= self.threshold:
                return host
        return None


class RiskFitBatched:
    """The same for all VMs in one call, with one question about all hosts for each."""

    def __init__(self, threshold: float = 0.05) -> None:
        """`threshold`: the greatest risk that a destination may have, in (0, 1]."""
        self.threshold = threshold

    def place(self, vms: Vms, draft: Draft) -> None:
        """Puts every VM that fits; gives up at the first that does not where all must."""
        for row in np.argsort(-vms.demand_mips, kind="stable"):
            hosts = draft.candidates(vms[row])
            sleeping = hosts.vms == 0
            fine = np.flatnonzero(sleeping | (hosts.risk_after() <= self.threshold))
            room = hosts.free_mips / hosts.capacity_mips
            if len(fine):
                draft.put(vms[row], hosts[fine[np.lexsort((room[fine], sleeping[fine]))[0]]])
            elif draft.all_or_none:
                return
