"""Do policies of leases in Python decide, and is nonsense refused with policy, time and lease?"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import galerna as gl
import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("GALERNA_SHARED") or ROOT.parent / "shared")
sys.path.append(str(ROOT / "policies/python"))

from greedy_leases import Greedy, HostByHost, YoungestFirst  # noqa: E402

CROWDED = {
    "leases.reservations": {
        "share": 0.3,
        "nodes": [4, 7],
        "duration-s": 7200.0,
        "length-s": 172_800.0,
        "notice-s": 3600.0,
    }
}
"""More reservations, which have to displace others."""


def built_in(spec: str, **changes: Any) -> gl.Run:
    return gl.run(spec, preemption="ar-preempts-best-effort", set=CROWDED, **changes)


@pytest.mark.parametrize("spec", ["leases/easy", "leases/conservative", "leases/no-suspension"])
def test_built_in_policies_in_python_decide_exactly_alike(spec: str) -> None:
    expected = built_in(spec).event_log_blake3
    assert built_in(spec, host_selection=Greedy()).event_log_blake3 == expected
    assert built_in(spec, mapping=HostByHost()).event_log_blake3 == expected
    assert gl.run(spec, preemption=YoungestFirst(), set=CROWDED).event_log_blake3 == expected
    run = gl.run(
        spec,
        admission=lambda lease: True,
        preemption=YoungestFirst(),
        host_selection=Greedy(),
        mapping=HostByHost(),
        pricing=lambda lease, displaced: 0.0,
        set=CROWDED,
    )
    assert run.leases["preemptions"].sum() > 0
    assert run.event_log_blake3 == expected
    assert run.spec["leases"]["policies"]["mapping"]["entry"] == "greedy_leases:HostByHost"


def test_they_decide_alike_on_a_workload_of_haizea() -> None:
    workload = SHARED / "traces/haizea/first300.lwf.gz"
    injected = SHARED / "traces/haizea/ar3d_w20_2h_med.lwf.gz"
    if not workload.exists():
        if os.environ.get("GALERNA_REQUIRE_SHARED"):
            pytest.fail(f"{workload} is missing")
        pytest.skip(f"skipped: {workload} is missing")
    keys = {"leases.workload": workload, "leases.inject": [injected]}
    expected = gl.run("haizea-1.1/easy", set=keys)
    run = gl.run(
        "haizea-1.1/easy",
        set=keys,
        preemption=YoungestFirst(),
        host_selection=Greedy(),
        mapping=HostByHost(),
    )
    assert expected.summary["accepted_ar"] == 29
    assert run.event_log_blake3 == expected.event_log_blake3


def test_a_policy_is_given_as_a_function_an_object_a_name_or_in_a_spec() -> None:
    class NoReservations:
        def admits(self, lease: gl.policy.Lease) -> bool:
            return lease.kind != "advance-reservation"

    expected = gl.run("leases/easy", admission="no-ar").event_log_blake3
    assert gl.run("leases/easy", admission=NoReservations()).event_log_blake3 == expected
    spec = {"leases": {"policies": {"admission": NoReservations()}}}
    plain = gl.run({"leases": {"admission": "no-ar"}}).event_log_blake3
    assert gl.run(spec).event_log_blake3 == plain
    with pytest.raises(TypeError, match=r"GLN-404 admission=.* looks like one for mapping="):
        gl.run("leases/easy", admission=HostByHost())
    with pytest.raises(gl.SpecError, match="GLN-403"):
        gl.run("leases/easy", host_selection="greedy_leases:Greed")


NONSENSE = [
    ("admission", lambda lease: 1.5, TypeError, "GLN-404"),
    ("host_selection", lambda host, lease: float("nan"), ValueError, "GLN-405"),
    ("host_selection", lambda host, lease: 1.1, ValueError, "between 0 and 1"),
    ("preemption", lambda lease, other, start_s: "yes", TypeError, "GLN-404"),
    ("mapping", lambda lease, rooms: [0] * (lease.vms + 1), ValueError, "hosts for"),
    ("mapping", lambda lease, rooms: [999] * lease.vms, ValueError, "not offered"),
    ("mapping", lambda lease, rooms: "here", TypeError, "GLN-404"),
    ("pricing", lambda lease, displaced: -1.0, ValueError, "from 0 on"),
    ("shifting", lambda lease: -1.0, ValueError, "seconds from the start"),
    ("shifting", lambda lease: "later", TypeError, "GLN-404"),
]


@pytest.mark.parametrize(("role", "policy", "error", "text"), NONSENSE)
def test_nonsense_is_refused_with_policy_time_and_lease(
    role: str, policy: Any, error: type[Exception], text: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(error, match=text) as caught:
        gl.run("leases/easy", out=folder, set=CROWDED, **{role: policy})
    assert not folder.exists()
    notes = " ".join(caught.value.__notes__) if sys.version_info >= (3, 11) else ""
    assert sys.version_info < (3, 11) or ("<lambda>" in notes and "lease " in notes)
    assert sys.version_info < (3, 11) or "at t = " in notes


def test_what_a_policy_raises_comes_back_as_it_is() -> None:
    late = KeyError("late")

    def choose_hosts(lease: Any, rooms: Any) -> None:
        raise late

    with pytest.raises(KeyError) as caught:
        gl.run("leases/easy", mapping=choose_hosts)
    assert caught.value is late


def test_prices_are_kept_and_dear_offers_declined() -> None:
    told = []

    class Dear:
        def price(self, lease: Any, displaced: Any) -> float:
            return float(lease.vms * lease.duration_s / 3600 * 2 + len(displaced))

        def feedback(self, lease: Any, price: float, accepted: bool) -> None:
            told.append((lease.number, price, accepted))

    run = gl.run("leases/easy", pricing=Dear(), set=CROWDED)
    priced = run.leases.drop_nulls("price")
    assert dict(zip(priced["number"], priced["price"], strict=True)) == {
        number: price for number, price, accepted in told if accepted
    }
    assert not set(priced["kind"]) & {"best-effort"}
    constant = gl.run("leases/easy", leases__pricing={"constant": 2.0})
    assert constant.leases["price"].sum() > 0


def test_leases_that_can_wait_begin_when_the_policy_says_so() -> None:
    asked = []

    class Noon:
        def not_before(self, lease: Any) -> float | None:
            asked.append(lease.kind)
            return 43_200.0 if lease.arrival_s < 43_200 else None

    plain = gl.run("leases/easy")
    assert plain.leases["first_start_s"].min() < 43_200
    run = gl.run("leases/easy", shifting=Noon())
    assert set(asked) <= {"best-effort", "deadline"}
    shifted = run.leases.filter(run.leases["kind"] == "best-effort")
    assert shifted["first_start_s"].min() >= 43_200
    never = gl.run("leases/easy", shifting=lambda lease: None)
    assert never.event_log_blake3 == plain.event_log_blake3
    by_name = gl.run("leases/easy", set={"leases.policies.shifting": Noon()})
    assert by_name.event_log_blake3 == run.event_log_blake3
