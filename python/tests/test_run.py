"""Does `gl.run` take what it promises to take, and give what it promises to give?"""

from __future__ import annotations

import json
from pathlib import Path

import galerna as gl
import numpy as np
import pytest

SUMMARY = {
    "energy_kwh",
    "migrations",
    "slatah",
    "pdm",
    "slav",
    "esv",
    "overall_sla_violation",
    "average_sla_violation",
    "host_shutdowns",
    "mean_time_before_host_shutdown_s",
    "ping_pong_rate",
    "active_hosts_mean",
}


@pytest.fixture(scope="module")
def thr() -> gl.Run:
    return gl.run("thr-mmt", overload=gl.Thr(threshold=0.9))


def test_the_public_list_is_sorted_and_complete() -> None:
    assert sorted(gl.__all__) == list(gl.__all__)
    assert all(hasattr(gl, name) for name in gl.__all__)
    assert gl.__version__.count(".") == 2


def test_the_summary_has_the_documented_names(thr: gl.Run) -> None:
    assert thr.summary.keys() >= SUMMARY
    assert thr.timing.keys() == {"read_s", "run_s"}


@pytest.mark.parametrize(
    "overload",
    [
        {"kind": "thr", "threshold": 0.9},
        gl.Thr(threshold=0.9),
        gl.Thr(threshold=np.float64(0.9)),
    ],
)
def test_every_way_to_name_a_detector_is_the_same_run(thr: gl.Run, overload: object) -> None:
    assert gl.run("thr-mmt", overload=overload).event_log_blake3 == thr.event_log_blake3


def test_dict_file_set_and_keywords_are_the_same_run(thr: gl.Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[policy]\noverload = { kind = "thr", threshold = 0.9 }\n')
    runs = [
        gl.run(tmp_path / "mine.toml"),
        gl.run({"policy": {"overload": {"kind": "thr", "threshold": 0.9}}}),
        gl.run("thr-mmt", set={"policy.overload.threshold": 0.9}),
        gl.run(policy__overload=gl.Thr(threshold=0.9)),
        gl.run("thr-mmt", overload="thr", policy__overload__threshold=0.9),
    ]
    assert {run.event_log_blake3 for run in runs} == {thr.event_log_blake3}
    assert all(run.spec["policy"] == thr.spec["policy"] for run in runs)


def test_seed_and_every_builtin_reach_the_spec() -> None:
    assert gl.run("dvfs", seed=7).spec["run"]["seed"] == 7
    built_in = (gl.Thr, gl.Iqr, gl.Mad, gl.Lr, gl.Lrr, gl.Never)
    further = (gl.Loess, gl.LoessRobust, gl.LastN, gl.Otf, gl.Mhod)
    for kind in (*built_in, *further):
        default = gl.run("dvfs", overload={"kind": kind.kind}).spec["policy"]["overload"]
        assert default == kind().to_spec(), "defaults are those of the engine"


def test_every_bundled_policy_is_listed_and_described() -> None:
    files = Path(__file__).parents[2].joinpath("policies").rglob("*.toml")
    assert len(gl.policies()) == len(list(files)) > 50
    assert all(gl.describe(name).startswith("#") for name in gl.policies())


def test_trace_days_and_statistics() -> None:
    assert gl.trace_days("sample") == ["sample"]
    assert gl.trace_info("sample")["gaps"] == 0


def test_a_run_shows_itself_as_text_and_as_a_table(thr: gl.Run) -> None:
    assert "energy" in repr(thr)
    assert "thr, mmt" in repr(thr)
    assert thr._repr_html_().startswith("<table>")


def test_a_written_run_passes_the_check_and_is_not_overwritten(thr: gl.Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    gl.run("dvfs", out=folder)
    with pytest.raises(gl.RunFolderError, match="GLN-620"):
        gl.run("dvfs", out=folder)
    thr.write(folder, overwrite=True)
    report = gl.check(folder)
    assert report.is_clean, report.text
    assert report.recomputed["migrations"] == thr.summary["migrations"]
    manifest = json.loads((folder / "run.json").read_text())
    assert manifest["event_log_blake3"] == thr.event_log_blake3


def test_a_tampered_run_does_not_pass(thr: gl.Run, tmp_path: Path) -> None:
    thr.write(tmp_path)
    manifest = json.loads((tmp_path / "run.json").read_text())
    manifest["summary"]["energy_kwh"] += 1.0
    (tmp_path / "run.json").write_text(json.dumps(manifest))
    report = gl.check(tmp_path)
    assert not report.is_clean
    assert "energy" in str(report)
    (tmp_path / "hosts.parquet").unlink()
    with pytest.raises(gl.RunFolderError, match=r"hosts\.parquet"):
        gl.check(tmp_path)


def test_a_python_detector_is_named_in_what_is_kept(tmp_path: Path) -> None:
    from mad import Mad

    run = gl.run("mad-mmt", overload=Mad(), out=tmp_path)
    assert run.spec["policy"]["overload"] == {"kind": "python", "entry": "mad:Mad"}
    assert "python mad:Mad" in json.loads((tmp_path / "run.json").read_text())["spec"]
