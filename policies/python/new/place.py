"""A placer to start from: where does a VM go?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Host, Hosts, Vm


class MyPolicy:
    """The fullest host that would not be overloaded."""

    decreasing = True  # the most demanding VM first

    def choose(self, vm: Vm, hosts: Hosts) -> Host | None:
        """All of `hosts` may receive `vm` and have room; `None`: it fits nowhere."""
        fit = [host for host in hosts if not host.would_be_overloaded()]
        return min(fit, key=lambda host: host.free_mips, default=None)
