"""Several data centres, from Python."""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import pytest

SITES = [
    {"name": "north", "hosts": "0-399", "energy-price": 0.1},
    {"name": "south", "hosts": "400-699"},
    {"name": "cloud", "hosts": "700-799", "kind": "public", "instance-hour-price": 0.1},
]
LINKS = [
    {"between": ["north", "south"], "mbit-s": 10000, "rtt-ms": 10},
    {"between": ["south", "cloud"], "mbit-s": 1000, "rtt-ms": 30},
]


def test_sites_are_in_summary_costs_and_tables(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = gl.run(
        "lr-mmt",
        sites__list=SITES,
        sites__links=LINKS,
        sites__rules=[{"vms": "0-99", "sites": ["south"]}],
        sites__disk_gib=1,
        outages__list=[{"start-s": 20000, "end-s": 30000, "link": 0}],
        costs__energy_price=0.2,
        out=out,
    )
    sites = run.summary["sites"]
    assert [site["site"] for site in sites["sites"]] == ["north", "south", "cloud"]
    energy = sum(site["energy_kwh"] for site in sites["sites"])
    assert energy == pytest.approx(run.summary["energy_kwh"])
    assert run.link_outages["link"].to_list() == [0]
    by_site = run.costs["sites"]
    assert run.costs["energy"] == pytest.approx(sum(site["energy"] for site in by_site))
    pinned = run.actions.filter((run.actions["kind"] == "vm-start") & (run.actions["vm"] < 100))
    assert pinned["to"].is_between(400, 699).all()
    assert not gl.check(out).findings


def test_rules_that_contradict_each_other_are_refused() -> None:
    rules = [{"vms": "0-9", "private": True}, {"vms": "9", "sites": ["cloud"]}]
    with pytest.raises(gl.SpecError) as refused:
        gl.run("lr-mmt", sites__list=SITES, sites__rules=rules, costs__energy_price=0.2)
    (problem,) = refused.value.problems
    assert problem.code == "GLN-665"
    assert "no site is left for VM 9" in str(problem)
