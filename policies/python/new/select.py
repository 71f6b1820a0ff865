"""A selector to start from: which VM leaves an overloaded host?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Host, Vm, Vms


class MyPolicy:
    """The VM that frees most CPU for each byte that must be copied."""

    def pick(self, host: Host, vms: Vms) -> Vm | None:
        """Asked until `host` is no longer overloaded; `None`: the rest stays."""
        return max(vms, key=lambda vm: vm.demand_mips / vm.ram_bytes)
