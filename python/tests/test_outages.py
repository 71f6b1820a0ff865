"""Hosts that fail, from Python."""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import pytest

OUTAGE = {"start-s": 600, "end-s": 3600, "rack": 0}


def test_what_failed_and_was_restarted_is_in_two_tables(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = gl.run("lr-mmt", outages__list=[OUTAGE], outages__rack_hosts=100, out=out)
    assert run.outages["host"].to_list() == list(range(100))
    assert set(run.outages["start_us"].to_list()) == {600_000_000}
    # Noticed after 30 s, booted within 60 s of when a host is on.
    up = run.restarts["up_us"].drop_nulls().to_list()
    assert up
    assert min(up) >= 690_000_000
    failed = run.actions.filter(run.actions["kind"] == "vm-fail")
    assert failed["vm"].to_list() == run.restarts["vm"].to_list()
    assert not gl.check(out).findings


def test_a_run_without_failures_has_empty_tables() -> None:
    run = gl.run("lr-mmt")
    assert (run.outages.height, run.restarts.height) == (0, 0)


def test_a_host_that_is_not_there_is_named_with_its_row() -> None:
    with pytest.raises(gl.SpecError) as refused:
        gl.run("lr-mmt", outages__list=[{"start-s": 0, "end-s": 60, "host": 800}])
    (problem,) = refused.value.problems
    assert problem.code == "GLN-211"
    assert problem.place.endswith("[outages] list[0]")
