"""Does a run tell what it costs, does its ledger add up, and are promises kept?"""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import pytest

SPEC = """
[costs]
energy-price = { steps = [[0, 0.10], [21600, 0.30]], until-s = 86400, then = "repeat" }
pue = 1.5
vm-hour-price = 0.01
"""


def test_totals_are_the_sums_of_the_ledger_and_the_folder_holds_them(tmp_path: Path) -> None:
    spec = tmp_path / "costs.toml"
    spec.write_text(SPEC)
    run = gl.run(spec, out=tmp_path / "run")
    ledger = run.ledger
    assert set(ledger["account"].to_list()) == {"energy", "instance-hours"}
    assert run.costs["balance"] == pytest.approx(ledger["amount_micro"].sum() / 1e6, abs=1e-9)
    assert run.costs["site_energy_kwh"] == pytest.approx(1.5 * run.summary["energy_kwh"])
    assert not gl.check(tmp_path / "run").findings


def test_bad_costs_are_told_all_at_once() -> None:
    with pytest.raises(gl.SpecError) as refused:
        gl.run("dvfs", costs__energy_price=-1.0, costs__pue=0.5)
    places = [problem.place for problem in refused.value.problems]
    assert any("energy-price" in place for place in places)
    assert any("pue" in place for place in places)


def test_consolidated_leases_keep_what_is_promised() -> None:
    run = gl.run("leases/consolidated")
    assert run.lease_summary["late_reserved"] == 0
    resting = gl.run("leases/loaded", leases__adjust={"cpu": 100})
    assert run.summary["energy_kwh"] < 0.5 * resting.summary["energy_kwh"]
    same = ["accepted_ar", "completed_best_effort", "all_best_effort_s", "suspensions"]
    assert all(run.lease_summary[key] == resting.lease_summary[key] for key in same)
