"""Traces from Python: information, conversion, the catalogue, twins."""

from __future__ import annotations

from pathlib import Path

import galerna as gl
import polars as pl
import pytest

ROWS = "host,t,load\na,0,10\na,300,120\na,900,30\n"
COLUMNS = {"vm": "host", "time-s": "t", "cpu-percent": "load"}


@pytest.fixture
def load(tmp_path: Path) -> Path:
    path = tmp_path / "load.csv"
    path.write_text(ROWS)
    return path


def test_info_tells_what_is_odd_and_what_is_done(load: Path) -> None:
    info = gl.traces.info(load, columns=COLUMNS, gaps="zero", excess="keep")
    assert (info["vms"], info["samples_per_vm"], info["gaps"]) == (1, 4, 1)
    told = {defect["defect"]: defect["handled"] for defect in info["defects"]}
    assert told == {"gap": "filled with 0", "above-hundred": "kept"}


def test_a_converted_trace_keeps_its_gaps(load: Path, tmp_path: Path) -> None:
    out = tmp_path / "load.parquet"
    gl.traces.convert(load, out, columns=COLUMNS)
    assert pl.read_parquet(out)["cpu"].null_count() == 1
    assert gl.traces.info(out)["gaps"] == 1


def test_a_trace_of_ones_own_is_run(load: Path) -> None:
    run = gl.run("thr-mmt", set={"trace.path": load, "trace.columns": COLUMNS})
    assert run.summary["energy_kwh"] > 0


def test_wrong_traces_and_options_are_told(load: Path, tmp_path: Path) -> None:
    with pytest.raises(gl.TraceError, match="GLN-120"):
        gl.traces.info(load)
    with pytest.raises(gl.SpecError, match="did you mean `gaps`"):
        gl.traces.info(load, gabs="zero")
    with pytest.raises(gl.SpecError, match="unknown variant `hlod`"):
        gl.traces.info(load, gaps="hlod")
    with pytest.raises(gl.TraceError, match="GLN-150"):
        gl.traces.fetch("planetlap", tmp_path)
    with pytest.raises(gl.TraceError, match="GLN-155"):
        gl.traces.fetch("planetlab", tmp_path)


def test_the_catalogue_says_whom_to_cite() -> None:
    for trace in gl.traces.published():
        assert trace["citations"]
        assert trace["licence"]
        assert trace["publisher"]


def test_a_twin_tells_how_close_it_came(tmp_path: Path) -> None:
    out = tmp_path / "twin.parquet"
    fitness = gl.traces.generate(out, like="sample", to="6h", seed=3)
    assert fitness is not None
    assert fitness["distance"] < 0.05
    assert gl.traces.info(out)["vms"] == 1052
    assert gl.traces.generate(tmp_path / "day.parquet", vms=3) is None
