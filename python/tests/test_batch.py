"""Do sweeps and comparisons from Python give what they promise?"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import galerna as gl
import polars as pl
import pytest
from galerna import loading

SMALL = {
    "policies": ["thr-mmt", "mad-rs"],
    "grid": {"run.seed": range(2), "migration.share": [0.25, 0.5]},
}


class Thr80:
    """Overloaded above 80 %, as `thr-mmt` says."""

    def __init__(self, limit: float = 0.8) -> None:
        self.limit = limit
        self.asked = 0

    def is_overloaded(self, now: float, history: tuple[float, ...]) -> bool:
        self.asked += 1
        return now > self.limit


@pytest.fixture(scope="module")
def sweep() -> gl.Sweep:
    return gl.sweep(SMALL)


def test_a_sweep_has_a_row_per_combination_and_each_is_the_run_alone(sweep: gl.Sweep) -> None:
    assert sweep.runs.height == 8
    assert sweep.failed.is_empty()
    assert all(seconds > 0 for seconds in sweep.cpu_s)
    row = sweep.runs.row(6, named=True)
    alone = gl.run(row["spec"], seed=row["seed"], migration__share=row["migration.share"])
    assert row["event_log_blake3"] == alone.event_log_blake3
    assert row["energy_kwh"] == alone.summary["energy_kwh"]
    assert row["replay"].startswith("galerna run mad-rs --set migration.share=")


def test_a_sweep_from_a_file_and_on_one_thread_is_the_same(sweep: gl.Sweep, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        'policies = ["thr-mmt", "mad-rs"]\n[grid]\nrun.seed = [0, 1]\n'
        "migration.share = [0.25, 0.5]\n"
    )
    assert gl.sweep(file, threads=1).runs.equals(sweep.runs)


def test_a_sweep_in_a_folder_is_free_the_second_time_and_keeps_tables(
    sweep: gl.Sweep, tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    first = gl.sweep(
        SMALL, out=tmp_path / "out", keep=["samples"], progress=lambda *at: calls.append(at)
    )
    assert calls == [(done, 8) for done in range(1, 9)]
    assert first.runs.equals(sweep.runs)
    assert first.runs.equals(pl.read_parquet(tmp_path / "out" / "runs.parquet"))
    again = gl.sweep(SMALL, out=tmp_path / "out", keep=["samples"])
    assert (again.reused, again.runs.equals(first.runs)) == (8, True)
    samples = again.table("samples").collect()
    assert samples.group_by("run").len()["len"].to_list() == [287] * 8
    alone = gl.run("thr-mmt", migration__share=0.25)
    kept = samples.filter(pl.col("run") == 0)
    assert kept["power_w"].to_list() == alone.samples["power_w"].to_list()
    with pytest.raises(gl.RunFolderError, match=r"(?s)GLN-720.*finished runs.*GLN-720.*samples"):
        gl.sweep({**SMALL, "policies": ["thr-mmt"]}, out=tmp_path / "out")
    with pytest.raises(ValueError, match="not kept"):
        again.table("actions")
    with pytest.raises(ValueError, match="give out="):
        sweep.table("samples")


def test_a_failing_run_is_a_row_and_stops_nothing() -> None:
    tiny = [{"machine": "hp-ml110-g4", "count": 1}]
    sweep = gl.sweep({"base": "thr-mmt", "list": [{"name": "all"}, {"fleet.hosts": tiny}]})
    assert sweep.runs["status"].to_list() == ["done", "failed"]
    assert sweep.failed["error"][0].startswith("GLN-501 ")
    assert repr(sweep) == "Sweep of 2 runs, 1 failed"


def test_all_problems_of_a_sweep_are_told() -> None:
    bad = {"polices": ["lr-mmt"], "grid": {"run.seed": 3}, "keep": ["sample"]}
    with pytest.raises(gl.SpecError) as raised:
        gl.sweep(bad)
    assert [problem.code for problem in raised.value.problems] == ["GLN-702", "GLN-703", "GLN-702"]
    with pytest.raises(gl.SpecError, match="did you mean `safety`"):
        gl.sweep({"grid": {"policy.overload.saftey": [1, 2]}})
    with pytest.raises(gl.TraceError, match="no/such"):
        gl.sweep({"set": {"trace.path": "no/such"}})
    with pytest.raises(gl.SpecError, match="unknown table `sample`"):
        gl.sweep({}, keep=["sample"])


def test_a_progress_function_that_raises_ends_the_sweep() -> None:
    def stop(done: int, runs: int) -> None:
        raise RuntimeError(f"enough after {done} of {runs}")

    with pytest.raises(RuntimeError, match="enough after 1 of 8"):
        gl.sweep(SMALL, progress=stop)


def test_a_python_policy_is_compared_as_the_built_in_one_that_it_equals() -> None:
    mine = Thr80()
    table = gl.compare(["thr-mmt", mine, gl.Mad(safety=2.5)], seeds=2)
    frame = table.frame
    assert frame["policy"].unique(maintain_order=True).to_list() == ["Thr80", "mad"]
    of_mine = frame.filter(policy="Thr80")
    assert of_mine["verdict"].to_list() == ["identical"] * 5
    assert mine.asked == 0, "each run has a copy of its own"
    logs = table.runs.group_by("spec", maintain_order=True).agg("event_log_blake3")
    assert logs["event_log_blake3"][0].to_list() == logs["event_log_blake3"][1].to_list()
    assert table.runs.filter(spec="Thr80")["key"].null_count() == 2


def test_differences_are_those_of_the_runs() -> None:
    table = gl.compare(["thr-mmt", "lr-mmt"], seeds=6, metrics=["energy_kwh"], baseline="lr-mmt")
    row = table.frame.row(0, named=True)
    energy = {
        spec: table.runs.filter(spec=spec).sort("seed")["energy_kwh"]
        for spec in ("thr-mmt", "lr-mmt")
    }
    differences = (energy["thr-mmt"] - energy["lr-mmt"]).to_list()
    pairs = itertools.combinations_with_replacement(differences, 2)
    walsh = sorted((a + b) / 2 for a, b in pairs)
    assert row["difference"] == pytest.approx(walsh[10], rel=1e-12)
    # With six pairs the exact 95 % interval is that of all averages, at 1 - 2/64.
    assert (row["low"], row["high"]) == (walsh[0], walsh[-1])
    assert row["confidence"] == 1 - 2 / 64
    assert (row["p"], row["pairs"], row["verdict"]) == (2 / 64, 6, "higher")
    assert row["mean"] == pytest.approx(energy["thr-mmt"].mean())
    assert "thr-mmt" in repr(table)
    assert table.markdown().count("|") > 20
    assert table._repr_html_().startswith("<pre>")


def test_candidates_take_what_run_takes() -> None:
    table = gl.compare(
        {
            "named": "thr-mmt",
            "spelt out": {"policy": {"overload": {"kind": "thr", "threshold": 0.8}}},
            "changed": gl.Candidate("mad-mmt", overload=gl.Thr(threshold=0.8)),
            "mine": gl.Candidate(overload=Thr80(0.8), select="mmt", set={"run.seed": 5}),
        },
        seeds=1,
        metrics=["energy_kwh"],
    )
    assert table.frame["policy"].to_list() == ["spelt out", "changed", "mine"]
    assert table.frame["verdict"].to_list() == ["identical"] * 3
    assert gl.Candidate("lr-mmt", overload=Thr80(), select="mu").name == "lr-mmt Thr80 mu"


def test_an_exception_of_a_given_policy_comes_out_unchanged() -> None:
    boom = KeyError("mine")

    class Broken:
        def is_overloaded(self, now: float, history: tuple[float, ...]) -> bool:
            raise boom

        def __deepcopy__(self, memo: object) -> Broken:
            return self

    with pytest.raises(KeyError) as raised:
        gl.compare(["thr-mmt", Broken()], seeds=1)
    assert raised.value is boom
    assert any("Broken" in note for note in getattr(boom, "__notes__", []))


def test_what_cannot_be_compared_is_refused_with_words() -> None:
    with pytest.raises(gl.SpecError, match=r"GLN-710 .*at least two"):
        gl.compare(["lr-mmt"])
    with pytest.raises(gl.SpecError, match="did you mean `lr-mmt`"):
        gl.compare(["lr-mtt", "thr-mmt"])
    with pytest.raises(gl.SpecError, match="GLN-711 energy"):
        gl.compare(["lr-mmt", "thr-mmt"], metrics=["energy"])
    with pytest.raises(TypeError, match="Candidate"):
        gl.compare(["lr-mmt", lambda now, history: now > 0.8])
    with pytest.raises(TypeError, match="Candidate"):
        gl.compare(["lr-mmt", Thr80])


def test_a_policy_that_cannot_be_copied_is_refused_with_words() -> None:
    class Locked(Thr80):
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    with pytest.raises(TypeError, match=r"GLN-404 policy `Locked` cannot be copied .*__deepcopy__"):
        gl.compare(["thr-mmt", Locked()], seeds=1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, with a module `batch_mine` in it."""
    code = "def small(host, vms):\n    return min(vms, key=lambda vm: vm.ram_bytes)\n"
    (tmp_path / "batch_mine.py").write_text(code)
    (tmp_path / "named.toml").write_text("[policy]\nselect = 'batch_mine:small'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    loading.announced.clear()
    yield tmp_path
    sys.modules.pop("batch_mine", None)


def test_code_that_specs_name_is_told_before_anything_runs(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def is_told() -> None:
        told = capfd.readouterr().err
        expected = "galerna: policy.select is Python code, importing batch_mine:small from "
        assert told == f"{expected}{here / 'batch_mine.py'}\n"

    def check(done: int, runs: int) -> None:
        if done == 1:
            is_told()

    named = gl.sweep({"policies": ["named.toml"]}, progress=check).runs
    assert named["status"].to_list() == ["done"]
    loading.announced.clear()
    pair = ["lr-mmt", "named.toml"]
    table = gl.compare(pair, seeds=1, metrics=["energy_kwh"], progress=check)
    assert table.frame["verdict"].to_list() == ["identical"]
    loading.announced.clear()
    gl.compare(["lr-mmt", gl.Candidate(select=lambda host, vms: vms[0], name="mine")], seeds=1)
    assert capfd.readouterr().err == "", "nothing is imported for an object"
    for command in (["sweep", "named_sweep.toml"], ["compare", *pair, "--seeds", "1"]):
        Path("named_sweep.toml").write_text('policies = ["named.toml"]')
        words = [sys.executable, "-m", "galerna", *command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "policy.select is Python code, importing batch_mine:small from" in done.stderr


def test_code_that_cannot_be_loaded_fails_its_runs_and_no_other(here: Path) -> None:
    (here / "missing.toml").write_text("[policy]\nselect = 'batch_mine:smal'\n")
    sweep = gl.sweep({"policies": ["thr-mmt", "missing.toml"]})
    assert sweep.runs["status"].to_list() == ["done", "failed"]
    assert "did you mean `small`?" in sweep.failed["error"][0]
