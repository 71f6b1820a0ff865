"""MMT, minimum migration time: the VM with the least memory leaves, the first among equals.

Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.5. Both
give the same event log as the built-in `mmt`. Try them: `gl.run("mad-mmt", select=Mmt())`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from galerna._core import Host, Vm, Vms


class Mmt:
    """Picks one VM after the other."""

    def pick(self, host: Host, vms: Vms) -> Vm:
        """The smallest of the VMs that are left."""
        return min(vms, key=lambda vm: vm.ram_bytes)


class MmtBatched:
    """Puts the VMs of all overloaded hosts in order, once per step."""

    def rank(self, vms: Vms, host_ids: np.ndarray) -> np.ndarray:
        """The smaller the earlier."""
        return vms.ram_bytes
