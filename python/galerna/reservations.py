"""Reservations: is there room, when first, what else could be had, and what is promised to whom."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from galerna import _core

Moment = float | datetime
Length = float | timedelta

Wanted = tuple[int, int, int, dict[str, int], float, float, float | None]
"""Nodes, CPU, memory and other resources, duration, earliest and latest start, as the compiled half
takes them."""

KNOWN = ("CPU", "Memory", "Disk", "Net-in", "Net-out")
"""Resources that every site has; their names are those of LWF."""

MOST_RESOURCES = 8

MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Request:
    """Room that is asked for: `nodes` nodes for `duration`.

    `at` is an exact start; otherwise it is any from `earliest` (by default now) to `latest` (by
    default ever). Times are seconds, or dates (those without a zone are UTC); CPU is in hundredths
    of a core, memory in MB.
    """

    nodes: int
    duration: Length
    cpu: int = 100
    memory: int = 0
    at: Moment | None = None
    earliest: Moment | None = None
    latest: Moment | None = None
    others: Mapping[str, int] = field(default_factory=dict)
    """What a node needs of other resources of the site, by name, such as `{"Disk": 2000}`."""


@dataclass(frozen=True)
class Reservation:
    """Hosts that are reserved; times are seconds."""

    id: int
    name: str
    standing: str
    """`"held"`, `"committed"` or `"maintenance"`."""
    held_until: float | None
    start: float
    end: float
    cpu: int
    memory: int
    hosts: tuple[int, ...]
    preemptible: bool
    others: Mapping[str, int]
    """What a node needs of other resources, by name."""


@dataclass(frozen=True)
class Part:
    """Hosts for some time."""

    start: float
    end: float
    hosts: tuple[int, ...]


@dataclass(frozen=True)
class Offer:
    """What could be had, and at what price.

    `kind` is `"as-asked"`, `"displacing"`, `"later"`, `"split"`, `"shorter"` or `"fewer-nodes"`.
    """

    kind: str
    parts: tuple[Part, ...]
    displaces: tuple[int, ...]
    price: float


@dataclass(frozen=True)
class Refusal:
    """Why there is no room: at `start`, `fitting` of `wanted` nodes fit, `resource` is short."""

    start: float
    fitting: int
    wanted: int
    resource: str
    blockers: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """Room (one offer, no refusal), or a refusal and what could be had instead."""

    refusal: Refusal | None
    offers: tuple[Offer, ...]

    def __bool__(self) -> bool:
        """Whether there is room."""
        return self.refusal is None


class Reservations:
    """What is promised on the hosts of a site, in memory or in one file.

    >>> import galerna as gl
    >>> site = gl.Reservations([(100, 1024)] * 4, clock=lambda: 0.0)
    >>> course = site.hold(gl.Request(3, 7200, at=3600), name="course")
    >>> site.commit(course.id)
    >>> answer = site.ask(gl.Request(2, 3600, at=3600))
    >>> bool(answer), answer.refusal.blockers, answer.offers[0].kind
    (False, (1,), 'later')
    >>> answer.offers[0].parts[0].start
    10800.0

    `hosts` are pairs of CPU (hundredths of a core) and memory (MB), or mappings from names of
    resources to amounts: `CPU`, `Memory`, `Disk` (MB), `Net-in`, `Net-out` (Mbit/s; these three are
    1000000 where nothing is said of them), and up to three of your own. With `path` every change is
    on the disk before the call returns; `Reservations.open` continues such a file, which `galerna
    reserve` reads and writes as well. `clock` says what time it is, in seconds since 1970 unless it
    is your own. Whatever is refused raises `ReservationError` (`NoRoomError` where others are in
    the way) and changes nothing.
    """

    def __init__(
        self,
        hosts: Iterable[tuple[int, int] | Mapping[str, int]],
        *,
        path: str | os.PathLike[str] | None = None,
        clock: Any = time.time,
    ) -> None:
        resources, amounts = _site(hosts)
        self._planner = _core.Planner(resources, amounts, path)
        self._clock, self._resources = clock, resources

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, clock: Any = time.time) -> Reservations:
        """The reservations of an existing file; no other process can open it meanwhile."""
        opened = cls.__new__(cls)
        opened._planner, opened._clock = _core.Planner.open(path), clock
        opened._resources, _ = opened._planner.site()
        return opened

    def ask(self, request: Request, *, offers: int = 6, rate: float = 1.0) -> Answer:
        """Whether there is room, or why not and up to `offers` alternatives.

        `rate` is the price of a node for an hour.
        """
        self._planner.expire(self._now())
        text = self._planner.ask(self._wanted(request), self._now(), offers, rate)
        refusal, found = json.loads(text)
        return Answer(_refusal(refusal), tuple(_offer(offer) for offer in found))

    def hold(
        self,
        request: Request,
        *,
        name: str = "unnamed",
        expires: Length = 600.0,
        preemptible: bool = False,
    ) -> Reservation:
        """Keep hosts at the earliest possible start until `expires` from now is over."""
        held = self.hold_all([request], name=name, expires=expires, preemptible=preemptible)
        return held[0]

    def hold_all(
        self,
        requests: Sequence[Request],
        *,
        name: str = "unnamed",
        expires: Length = 600.0,
        preemptible: bool = False,
    ) -> list[Reservation]:
        """Keep hosts for all requests, or for none.

        >>> site = Reservations([(100, 1024)], clock=lambda: 0.0)
        >>> week = [Request(1, 3600, at=day * 86_400) for day in range(7)]
        >>> len(site.hold_all(week, name="daily"))
        7
        """
        now = self._now()
        wanted = [self._wanted(request) for request in requests]
        text = self._planner.hold(wanted, name, now, now + _length(expires))
        held = self._told(text)
        if preemptible:
            self._planner.allow_preemption([one.id for one in held])
        return held

    def hold_displacing(
        self, request: Request, *, name: str = "unnamed", expires: Length = 600.0
    ) -> tuple[Reservation, list[Reservation]]:
        """Keep hosts, displacing preemptible reservations if need be: the hold, and the displaced
        at the start that they got."""
        now = self._now()
        wanted, end = self._wanted(request), now + _length(expires)
        held, displaced = self._planner.hold_displacing(wanted, name, now, end)
        return self._told(held)[0], self._told(displaced)

    def commit(self, *ids: int) -> None:
        """Make holds promises: all, or none."""
        self._planner.commit(list(ids), self._now())

    def cancel(self, *ids: int) -> None:
        """Drop reservations: all, or none."""
        self._planner.cancel(list(ids))

    def extend(self, id: int, end: Moment) -> Reservation:
        """Change the end, on the same hosts."""
        return self._told(self._planner.extend(id, _moment(end)))[0]

    def shrink(self, id: int, nodes: int) -> Reservation:
        """Give nodes back until `nodes` are left."""
        return self._told(self._planner.shrink(id, nodes))[0]

    def move(self, id: int, start: Moment) -> Reservation:
        """Take another start, on any hosts."""
        return self._told(self._planner.move_to(id, _moment(start), self._now()))[0]

    def maintain(
        self, host: int, start: Moment, end: Moment, *, name: str = "maintenance"
    ) -> tuple[list[int], list[int]]:
        """Close a host: the numbers of those that moved elsewhere, and of those that are lost."""
        return self._planner.close(host, _moment(start), _moment(end), name)

    def fail(self, host: int) -> tuple[list[int], list[int]]:
        """A host is gone for good: as `maintain`, without end."""
        return self._planner.close(host, self._now(), None, "failed")

    @property
    def hosts(self) -> list[dict[str, int]]:
        """What each host has, by name of the resource."""
        resources, amounts = self._planner.site()
        return [dict(zip(resources, host, strict=True)) for host in amounts]

    def __iter__(self) -> Any:
        """All reservations, by number."""
        self._planner.expire(self._now())
        return iter(self._told(self._planner.reservations()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _told(self, text: str) -> list[Reservation]:
        return [_reservation(row, self._resources) for row in json.loads(text)]

    def _now(self) -> float:
        return _moment(self._clock())

    def _wanted(self, request: Request) -> Wanted:
        start = request.at if request.at is not None else request.earliest
        latest = request.at if request.at is not None else request.latest
        return (
            request.nodes,
            request.cpu,
            request.memory,
            dict(request.others),
            _length(request.duration),
            self._now() if start is None else _moment(start),
            None if latest is None else _moment(latest),
        )


def _moment(at: Moment) -> float:
    if isinstance(at, datetime):
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()
    return float(at)


def _length(span: Length) -> float:
    return span.total_seconds() if isinstance(span, timedelta) else float(span)


def _seconds(microseconds: int) -> float:
    return microseconds / MICROSECONDS


def _site(
    hosts: Iterable[tuple[int, int] | Mapping[str, int]],
) -> tuple[list[str], list[list[int]]]:
    """Names of the resources, and what each host has of them."""
    described = [
        dict(host) if isinstance(host, Mapping) else dict(zip(KNOWN, host, strict=False))
        for host in hosts
    ]
    own = [name for host in described for name in host if name not in KNOWN]
    resources = [*KNOWN, *dict.fromkeys(own)]
    if len(resources) > MOST_RESOURCES:
        raise ValueError(f"hosts have {len(resources)} resources, at most {MOST_RESOURCES} can be")
    return resources, [[host.get(name, 0) for name in resources] for host in described]


def _reservation(row: Mapping[str, Any], resources: Sequence[str]) -> Reservation:
    standing = row["standing"]
    held = isinstance(standing, dict)
    cpu, memory, *others = row["need"]
    named = zip(resources[2:], others, strict=False)
    return Reservation(
        id=row["id"],
        name=row["name"],
        standing="held" if held else standing,
        held_until=_seconds(standing["held"]) if held else None,
        start=_seconds(row["start"]),
        end=_seconds(row["end"]),
        cpu=cpu,
        memory=memory,
        hosts=tuple(row["hosts"]),
        preemptible=row.get("preemptible", False),
        others={name: amount for name, amount in named if amount},
    )


def _offer(row: Mapping[str, Any]) -> Offer:
    parts = (
        Part(_seconds(part["start"]), _seconds(part["end"]), tuple(part["hosts"]))
        for part in row["parts"]
    )
    return Offer(row["kind"], tuple(parts), tuple(row["displaces"]), row["price"])


def _refusal(row: Mapping[str, Any] | None) -> Refusal | None:
    if row is None:
        return None
    return Refusal(
        start=_seconds(row["start"]),
        fitting=row["fitting"],
        wanted=row["wanted"],
        resource=row["resource"],
        blockers=tuple(row["blockers"]),
    )
