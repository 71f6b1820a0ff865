"""Do sweeps and comparisons of leases give what single runs give?"""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import polars as pl
import pytest
from galerna._core import Lease

LEASES = {
    "policies": ["leases/easy", "leases/loaded", "leases/consolidated"],
    "keep": ["leases"],
    "set": {"costs.vm-hour-price": 0.05},
    "grid": {"leases.backfilling": ["easy", "conservative"], "run.seed": range(2)},
}


class ShortFirst:
    """Reservations of more than an hour are refused."""

    def admits(self, lease: Lease) -> bool:
        return lease.kind != "advance-reservation" or lease.duration_s <= 3600


def test_a_row_has_the_figures_of_the_run_alone(tmp_path: Path) -> None:
    sweep = gl.sweep(LEASES, out=tmp_path / "out")
    assert (sweep.runs.height, sweep.failed.height) == (12, 0)
    assert gl.sweep(LEASES, out=tmp_path / "out").reused == 12
    for row in sweep.runs.iter_rows(named=True):
        changes = {"leases.backfilling": row["leases.backfilling"], "costs.vm-hour-price": 0.05}
        alone = gl.run(row["spec"], seed=row["seed"], set=changes)
        assert row["event_log_blake3"] == alone.event_log_blake3
        assert row["leases.mean_wait_s"] == alone.lease_summary["mean_wait_s"]
        assert row["leases.late_s"] == alone.lease_summary.get("late_s")
        assert row["costs.balance"] == alone.costs["balance"]
        loaded = row["spec"] != "leases/easy"
        assert (row["energy_kwh"] is not None) == loaded
        assert not loaded or row["energy_kwh"] == alone.summary["energy_kwh"]
    kept = sweep.table("leases").collect()
    assert isinstance(kept, pl.DataFrame)
    assert kept["run"].n_unique() == 12


def test_leases_are_compared_with_policies_of_ones_own() -> None:
    mine = gl.Candidate("leases/easy", admission=ShortFirst(), name="short first")
    table = gl.compare(["leases/easy", mine], seeds=2, metrics=["leases.rejected_ar"])
    assert table.frame["policy"].to_list() == ["short first"]
    assert table.frame["mean"][0] >= table.frame["baseline_mean"][0]
    usual = gl.compare(["leases/loaded", "leases/consolidated"], seeds=1)
    assert "energy_kwh" in usual.frame["metric"].to_list()
    assert "leases.mean_wait_s" in usual.frame["metric"].to_list()


def test_what_leases_lack_is_refused() -> None:
    with pytest.raises(gl.SpecError, match="GLN-711"):
        gl.compare(["leases/easy", "leases/none"], metrics=["leases.mean_weight_s"])
    with pytest.raises(gl.SpecError, match="GLN-213"):
        gl.sweep({"base": "leases/easy", "keep": ["samples"]}, out="nowhere")
    with pytest.raises(gl.GalernaError, match=r"no/such\.swf"):
        gl.compare(["leases/easy", "leases/none"], workloads="no/such.swf", seeds=1)
