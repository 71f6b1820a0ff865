"""Does the reservation planner answer, promise and refuse from Python as it does elsewhere?"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import galerna as gl
import pytest


def site(**options: object) -> gl.Reservations:
    return gl.Reservations([(100, 1024)] * 4, clock=lambda: 0.0, **options)  # type: ignore[arg-type]


def test_a_refusal_names_who_is_in_the_way_and_offers_say_what_they_cost() -> None:
    planner = site()
    course = planner.hold(gl.Request(3, 7200, at=3600), name="course")
    planner.commit(course.id)
    answer = planner.ask(gl.Request(2, 3600, at=3600), rate=0.5)
    assert not answer
    assert answer.refusal is not None
    assert answer.refusal.blockers == (course.id,)
    assert answer.refusal.resource == "CPU"
    later = answer.offers[0]
    assert (later.kind, later.parts[0].start, later.price) == ("later", 10_800.0, 1.0)
    assert planner.ask(gl.Request(1, timedelta(hours=1), at=3600))
    with pytest.raises(gl.NoRoomError) as refused:
        planner.hold(gl.Request(2, 3600, at=3600))
    assert refused.value.problems[0].code == "GLN-511"
    assert len(planner) == 1


def test_resources_of_the_site_are_promised_as_well(tmp_path: Path) -> None:
    hosts = [{"CPU": 800, "Memory": 4096, "GPU": 2}, (800, 4096)]
    planner = gl.Reservations(hosts, path=tmp_path / "site.plan", clock=lambda: 0.0)
    assert [host["GPU"] for host in planner.hosts] == [2, 0]
    assert planner.hosts[1]["Disk"] == 1_000_000
    training = planner.hold(gl.Request(2, 3600, at=0, others={"GPU": 1}), expires=7200)
    assert (training.hosts, training.others) == ((0, 0), {"GPU": 1})
    refusal = planner.ask(gl.Request(1, 3600, at=0, others={"GPU": 1})).refusal
    assert refusal is not None
    assert refusal.resource == "GPU"
    assert planner.ask(gl.Request(1, 3600, at=0))
    with pytest.raises(gl.ReservationError, match="TPU"):
        planner.ask(gl.Request(1, 3600, others={"TPU": 1}))
    with pytest.raises(ValueError, match="at most 8"):
        gl.Reservations([{f"R{k}": 1 for k in range(4)}])
    del planner
    again = gl.Reservations.open(tmp_path / "site.plan", clock=lambda: 0.0)
    assert [one.others for one in again] == [{"GPU": 1}]


def test_holds_expire_and_promises_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "site.plan"
    now = [0.0]
    planner = gl.Reservations([(100, 1024)] * 2, path=path, clock=lambda: now[0])
    kept = planner.hold(gl.Request(1, 3600), name="kept")
    planner.commit(kept.id)
    planner.hold(gl.Request(1, 3600), name="gone", expires=60)
    del planner
    now[0] = 61.0
    again = gl.Reservations.open(path, clock=lambda: now[0])
    assert [one.name for one in again] == ["kept"]
    moved, lost = again.fail(kept.hosts[0])
    assert (moved, lost) == ([kept.id], [])


def test_the_preemptible_give_way_and_dates_are_understood() -> None:
    planner = gl.Reservations([(100, 1024)], clock=lambda: datetime(2030, 1, 1))
    at = datetime(2030, 1, 2, 12)
    planner.hold(gl.Request(1, 3600, at=at), name="batch", preemptible=True)
    assert planner.ask(gl.Request(1, 3600, at=at)).offers[0].displaces == (1,)
    urgent, displaced = planner.hold_displacing(gl.Request(1, 3600, at=at), name="urgent")
    assert displaced[0].start == urgent.end
    assert planner.shrink(urgent.id, 1) == planner.extend(urgent.id, urgent.end)


@pytest.mark.parametrize(
    "request_",
    [
        gl.Request(0, 3600),
        gl.Request(1, 0),
        gl.Request(1, 3600, cpu=101),
        gl.Request(1, 3600, at=-5),
        gl.Request(1, 3600, earliest=10, latest=5),
    ],
)
def test_a_senseless_request_is_refused_and_changes_nothing(request_: gl.Request) -> None:
    planner = site()
    with pytest.raises(gl.ReservationError, match="GLN-510"):
        planner.hold(request_)
    with pytest.raises(gl.ReservationError):
        planner.commit(1)
    assert len(planner) == 0
