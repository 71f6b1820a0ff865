"""PABFD, power-aware best-fit decreasing: each VM goes where it raises the power least.

Source: Beloglazov, Abawajy and Buyya, Future Gener. Comput. Syst. 28(5), 2012, algorithm 1. Waking
a host costs its idle power, as in the honest model. Gives the same event log as the built-in
`pabfd`. Try it: `gl.run("mad-mmt", place=Pabfd())`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Host, Hosts, Vm


class Pabfd:
    """The most demanding VM first, each where it adds least power without overloading the host."""

    decreasing = True

    def choose(self, vm: Vm, hosts: Hosts) -> Host | None:
        """The best host that the detector does not object to."""
        demand = vm.demand_mips

        def increase(host: Host) -> float:
            capacity, allocated = host.capacity_mips, host.allocated_mips
            before = host.power(allocated / capacity) if host.vms else 0.0
            return host.power((allocated + demand) / capacity) - before

        for host in sorted(hosts, key=increase):
            if not host.would_be_overloaded():
                return host
        return None
