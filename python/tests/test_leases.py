"""Does `gl.run` serve leases, and do its frames say what happened?"""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import pytest


def test_a_run_of_leases_has_figures_and_frames(tmp_path: Path) -> None:
    run = gl.run("leases/easy")
    assert run.summary["completed_best_effort"] > 40
    assert run.leases.height == 65
    assert set(run.holdings["lease"]) <= set(run.leases["lease"])
    assert run.lease_states.filter(run.lease_states["state"] == "done").height > 50
    assert 0 < run.utilisation["share"].max() <= 1
    assert run.image_transfers.height == 0
    assert "65 leases" in repr(run)
    folder = tmp_path / "run"
    run.write(folder)
    assert gl.check(folder).is_clean
    assert run.gantt().startswith("<svg")


def test_keys_of_leases_are_set_as_others_are() -> None:
    plain = gl.run("leases/easy")
    other = gl.run("leases/easy", leases__backfilling="conservative")
    assert plain.event_log_blake3 != other.event_log_blake3
    assert plain.event_log_blake3 == gl.run("leases/easy").event_log_blake3
    images = gl.run("leases/image-caches")
    assert images.image_transfers.height > 0


def test_frames_of_the_other_kind_are_refused() -> None:
    with pytest.raises(AttributeError, match="run of leases"):
        _ = gl.run("leases/easy").actions
    with pytest.raises(AttributeError, match="run of load"):
        _ = gl.run("dvfs").leases
    with pytest.raises(gl.SpecError, match="GLN-206"):
        gl.run({"leases": {}, "trace": {}})
