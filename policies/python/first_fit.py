"""First fit: the first host, in id order, that has room; no detector is asked.

Source: Johnson, Fast algorithms for bin packing, J. Comput. Syst. Sci. 8(3), 1974. Both give the
same event log as the built-in `first-fit` with `overload = "ignored"`. Try them:
`gl.run("mad-mmt", place=FirstFit())`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Draft, Host, Hosts, Vm, Vms


class FirstFit:
    """Chooses a host for one VM after the other."""

    def choose(self, vm: Vm, hosts: Hosts) -> Host | None:
        """The first that is offered: all of them have room."""
        return next(iter(hosts), None)


class FirstFitBatched:
    """Places all VMs in one call."""

    def place(self, vms: Vms, draft: Draft) -> None:
        """Stops early where one VM left behind spoils the rest."""
        for vm in vms:
            hosts = draft.candidates(vm)
            if hosts:
                draft.put(vm, hosts[0])
            elif draft.all_or_none:
                return
