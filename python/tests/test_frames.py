"""Do result tables reach other libraries whole, and without being copied?"""

from __future__ import annotations

import galerna as gl
import polars as pl
import pytest


@pytest.fixture(scope="module")
def run() -> gl.Run:
    return gl.run("mad-mmt")


def test_tables_have_their_rows_and_agree_with_the_summary(run: gl.Run) -> None:
    assert run.hosts.height == 800
    assert run.vms.height == 1052
    assert run.samples.height == 287
    assert run.demand.height == 1052 * 288
    assert run.hosts["energy_j"].sum() / 3.6e6 == pytest.approx(run.summary["energy_kwh"])
    starts = run.actions.filter(pl.col("kind") == "migration-start")
    assert starts.height == run.summary["migrations"]


def test_a_table_is_made_once(run: gl.Run) -> None:
    assert run.hosts is run.hosts


def buffers(series: pl.Series) -> int:
    """Where the values of a series are."""
    address: int = series.to_numpy(allow_copy=False).__array_interface__["data"][0]
    return address


def test_polars_gets_the_very_buffers(run: gl.Run) -> None:
    table = run._finished.table("samples")
    first, second = pl.DataFrame(table), pl.DataFrame(table)
    for name in ("sample", "power_w"):
        assert buffers(first[name]) == buffers(second[name]), "both look at the same memory"


def test_a_frame_outlives_its_run() -> None:
    frame = gl.run("dvfs").hosts
    assert frame["machine"].n_unique() == 2
    assert frame["energy_j"].sum() > 0


def test_pyarrow_gets_the_very_buffers(run: gl.Run) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="skipped: pyarrow is not installed")
    table = run._finished.table("samples")
    frame, arrow = pl.DataFrame(table), pyarrow.table(table)
    assert arrow.num_rows == 287
    chunk = arrow.column("power_w").chunk(0)
    assert chunk.buffers()[1].address == buffers(frame["power_w"])


def test_an_unknown_table_is_a_key_error(run: gl.Run) -> None:
    with pytest.raises(KeyError, match="hots"):
        run._finished.table("hots")
