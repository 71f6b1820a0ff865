"""Plans for a cluster, from Python."""

from __future__ import annotations

import galerna as gl
import pytest
from galerna import solve

HOSTS = [{"name": n, "cpu": 40, "ram_mb": 4000, "idle_w": 90, "peak_w": 120} for n in "abc"]
VMS = [{"name": f"v{n}", "host": "abc"[n % 3], "cpu": 4, "ram_mb": 500} for n in range(5)]


def test_a_cluster_is_consolidated() -> None:
    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, goal="consolidate", steps=5000)
    assert plan.hosts_on == 1
    assert plan.power_w == pytest.approx(90 + 30 * 20 / 40)
    assert {move["vm"] for move in plan.moves} <= {vm["name"] for vm in VMS}
    assert plan.cost is not None
    assert plan.lower_bound <= plan.cost
    assert plan.moves_frame().height == len(plan.moves)


def test_rules_are_dicts_and_hold() -> None:
    rules = [{"kind": "spread", "vms": ["v0", "v1"]}]
    plan = solve.snapshot(
        {"hosts": HOSTS, "vms": VMS, "rules": rules}, goal="consolidate", steps=5000
    )
    assert plan.hosts_on == 2


def test_frames_and_columns_say_the_same_as_dicts() -> None:
    pl, np = pytest.importorskip("polars"), pytest.importorskip("numpy")
    columns = {name: np.array([vm[name] for vm in VMS]) for name in VMS[0]}
    plans = [
        solve.snapshot({"hosts": hosts, "vms": vms}, goal="balance", steps=5000).moves
        for hosts, vms in [(HOSTS, VMS), (pl.DataFrame(HOSTS), columns)]
    ]
    assert plans[0] == plans[1]


def test_hosts_are_evacuated() -> None:
    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, goal="evacuate", hosts=["a"], steps=5000)
    assert {move["from"] for move in plan.moves} == {"a"}


def test_terms_are_put_in_an_order() -> None:
    plan = solve.snapshot(
        {"hosts": HOSTS, "vms": VMS}, order=["energy", "migrations"], tolerance=0.0, steps=5000
    )
    energy, moves = plan.levels
    assert (energy["level"], energy["unit"], moves["unit"]) == ("energy", "J", "moves")
    assert energy["value"] == pytest.approx(3600 * (90 + 30 * 20 / 40), rel=1e-4)
    # Two hosts have two VMs each, one has one: all go to one of the first.
    assert moves["value"] == len(plan.moves) == 3
    assert all(level["bound"] <= level["value"] for level in plan.levels)


def test_two_terms_are_traded_against_each_other() -> None:
    pytest.importorskip("polars")
    plan = solve.snapshot(
        {"hosts": HOSTS, "vms": VMS}, pareto=("energy", "migrations"), points=5, steps=20_000
    )
    front = plan.front()
    assert front["migrations"].to_list() == [0.0, 1.0, 3.0]
    assert front["energy"].is_sorted(descending=True)


def test_options_without_effect_are_refused() -> None:
    with pytest.raises(gl.GalernaError, match="GLN-632") as caught:
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, goal="balance", hosts=["a"], cap_w=5, steps=10)
    assert caught.value.problems[0].place == "--hosts, --cap-w"


def test_what_is_wrong_is_told_with_code_and_place() -> None:
    vms = [{**VMS[0], "host": "nowhere"}]
    with pytest.raises(gl.GalernaError) as caught:
        solve.snapshot({"hosts": HOSTS, "vms": vms}, goal="consolidate", steps=10)
    assert caught.value.problems[0].code == "GLN-561"
    assert caught.value.problems[0].place.endswith("vm v0")
