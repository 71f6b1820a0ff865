"""Haizea's hooks in Python: the built-in policies of leases once more, and results that are equal.

gl.run("leases/easy", host_selection=Greedy(), mapping=HostByHost(), preemption=YoungestFirst())
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerna._core import Lease, LeaseHost, LeaseRoom

DAY_S = 86_400.0


class YoungestFirst:
    """Reservations displace best-effort leases younger than a week, the youngest first."""

    def preemption_score(self, lease: Lease, other: Lease, start_s: float) -> float | None:
        """31 days less its age, in 31 days."""
        age_s = start_s - other.arrival_s
        if (lease.kind, other.kind) != ("advance-reservation", "best-effort"):
            return None
        return None if age_s >= 7 * DAY_S else (31 * DAY_S - age_s) / (31 * DAY_S)


class Greedy:
    """Hosts with few leases and long stretches without change first."""

    def host_score(self, host: LeaseHost, lease: Lease) -> float:
        """1 for an empty host that stays so for the duration of the lease."""
        leases = (4 - min(host.leases, 4)) / 4
        lasts = host.unchanged_s is None or host.unchanged_s >= lease.duration_s
        lasting = 1.0 if lasts or host.unchanged_s is None else host.unchanged_s / lease.duration_s
        return 0.5 * leases + 0.25 + 0.25 * lasting


class HostByHost:
    """Each host in turn takes as many of the next VMs as fit, greater VMs first."""

    def choose_hosts(self, lease: Lease, rooms: Sequence[LeaseRoom]) -> list[int] | None:
        """A host that is full later may cut the slice for its first VM, not for one more."""
        if not rooms:
            return None
        waiting = by_size(lease)
        chosen: dict[int, int] = {}
        until_s = rooms[0].until_s
        for room in rooms:
            packed: list[int] = []
            while waiting:
                ends_s = room.fits_until([*packed, waiting[0]])
                if ends_s is None or (ends_s < until_s and (packed or room.strict)):
                    break
                until_s = min(until_s, ends_s)
                packed.append(waiting.pop(0))
                chosen[packed[-1]] = room.id
        return None if waiting else [chosen[vm] for vm in range(lease.vms)]


def by_size(lease: Lease) -> list[int]:
    """Numbers of the VMs, the greatest need first: the sum of what it is of the greatest."""
    needs = [(cpu, memory) for count, cpu, memory in lease.nodes for _ in range(count)]
    most = [max(column) or 1 for column in zip(*needs, strict=True)]
    sizes = [sum(need / top for need, top in zip(vm, most, strict=True)) for vm in needs]
    return sorted(range(len(needs)), key=lambda vm: -sizes[vm])
