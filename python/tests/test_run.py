"""Does `gl.run` take what it promises to take, and give what it promises to give?"""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import galerna as gl
import numpy as np
import pytest
from galerna.policy import to_spec
from galerna.spec import BuiltIn

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


BUILT_IN: dict[str, tuple[type[BuiltIn], ...]] = {
    "overload": (
        *(gl.Thr, gl.Iqr, gl.Mad, gl.Lr, gl.Lrr, gl.Never),
        *(gl.Loess, gl.LoessRobust, gl.LastN, gl.Otf, gl.Mhod, gl.Risk, gl.RiskCost),
    ),
    "underload": (
        *(gl.LeastUtilised, gl.UnderloadThreshold, gl.UnderloadLastN, gl.Always, gl.Never),
    ),
    "select": (gl.Mmt, gl.Mc, gl.Mu, gl.Rs, gl.MmtMaxCpu, gl.Knapsack, gl.HighestDemand),
    "place": (
        *(gl.Pabfd, gl.PabfdPublished, gl.FirstFit, gl.FirstFitDecreasing, gl.BestFit),
        *(gl.BestFitDecreasing, gl.NeatBestFitDecreasing, gl.WorstFit, gl.WorstFitDecreasing),
        *(gl.DotProduct, gl.Cosine, gl.NormDiff, gl.RiskFit, gl.Optimise),
        *(gl.Balance, gl.PowerCap, gl.CheapestWithinSla),
    ),
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
    for role, kinds in BUILT_IN.items():
        for kind in kinds:
            run = gl.run("dvfs", set={f"policy.{role}": {"kind": kind.kind}})
            assert run.spec["policy"][role] == kind().to_spec(), "defaults are the engine's"


def test_no_builtin_is_missing() -> None:
    for role, kinds in BUILT_IN.items():
        with pytest.raises(gl.SpecError, match="GLN-204") as caught:
            gl.run("dvfs", set={f"policy.{role}": "nothing"})
        known = caught.value.problems[0].remedy.removeprefix("Use one of ").split(", ")
        assert known.pop() == "or python with an entry"
        assert set(known) == {kind.kind for kind in kinds}


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


def test_policies_in_python_are_named_in_what_is_kept(tmp_path: Path) -> None:
    from mad import Mad
    from mmt import Mmt

    run = gl.run("mad-mmt", overload=Mad(safety=np.float64(2.5)), select=Mmt(), out=tmp_path)
    params = {"safety": 2.5, "min_history": 12}
    assert run.spec["policy"]["overload"] == {
        "kind": "python",
        "entry": "mad:Mad",
        "params": params,
    }
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["spec"] == "mad-mmt"
    assert manifest["resolved_spec"] == run.spec
    assert manifest["resolved_spec"]["policy"]["select"] == {"kind": "python", "entry": "mmt:Mmt"}
    assert manifest["spec_blake3"] != gl_spec_blake3(tmp_path)
    assert gl.check(tmp_path).is_clean
    assert gl.run(run.spec).event_log_blake3 == run.event_log_blake3, "it can be run again by name"
    assert "mad:Mad, mmt:Mmt, pabfd" in repr(run)


def gl_spec_blake3(folder: Path) -> str:
    """Hash of the spec of the same run without Python."""
    gl.run("mad-mmt").write(folder / "built-in")
    manifest = json.loads((folder / "built-in" / "run.json").read_text())
    shutil.rmtree(folder / "built-in")
    return str(manifest["spec_blake3"])


class Unplain:
    """Has a parameter that a spec cannot hold."""

    def __init__(self, model: object, limit: float = 0.8) -> None:
        self.model = model
        self.limit = limit

    def is_overloaded(self, now: float, history: object) -> bool:
        return now > self.limit


def test_parameters_are_told_in_full_or_not_at_all() -> None:
    assert "params" not in to_spec(Unplain(object()))
    assert to_spec(Unplain([1, 0.5]))["params"] == {"model": [1, 0.5], "limit": 0.8}
    above = functools.partial(lambda now, history, limit: now > limit, limit=0.9)
    assert to_spec(above)["params"] == {"limit": 0.9}


def test_every_place_for_a_policy_takes_an_object(thr: gl.Run) -> None:
    def above(now: float, history: object) -> bool:
        return now > 0.9

    runs = [
        gl.run("thr-mmt", overload=above),
        gl.run("thr-mmt", policy__overload=above),
        gl.run("thr-mmt", set={"policy.overload": above}),
        gl.run({"policy": {"overload": above}}),
        gl.run("thr-mmt", overload=lambda now, past: None, fallback=above),
    ]
    assert {run.event_log_blake3 for run in runs} == {thr.event_log_blake3}
    later = gl.run({"policy": {"overload": lambda now, past: True}}, overload=gl.Thr(threshold=0.9))
    assert later.event_log_blake3 == thr.event_log_blake3, "the later word counts"


def test_a_run_without_a_decision_is_another_run_of_the_same_policy():
    """A policy of one's own, as an object, decides again; what differs begins with the decision."""

    class Half:
        def is_overloaded(self, now, history):
            return now > 0.8

    run = gl.run("thr-mmt", overload=Half())
    moves = [choice for choice in run.explain(host=3) if choice["to"] is not None]
    one = moves[0]
    other = run.without(one["at_s"], vm=one["vm"])
    assert other["differs_from_s"] == one["at_s"]
    assert other["as_it_was"]["summary"] == run.summary
    assert other["without"]["summary"] != run.summary
    assert one["words"].startswith(other["choices"][0]["words"].splitlines()[0])
    with pytest.raises(gl.SpecError, match="GLN-650"):
        run.without(one["at_s"] + 100.0)
    assert gl.run("leases/easy").explain() == []


def test_decisions_about_leases_are_told_and_a_lease_can_be_left_out():
    run = gl.run("leases/easy", preemption="ar-preempts-best-effort")
    number = run.leases["number"][0]
    told = run.explain_leases(number)["decisions"]
    assert told[0]["decision"] == "asked"
    assert all(one["lease"] == number and f"lease {number} " in one["words"] for one in told)
    other = run.without(lease=number)
    assert (other["changed"], other["as_it_was"]["leases"]) == (1, run.summary)
    assert other["as_it_was"]["summary"] is None
    assert other["differs_from_s"] == told[0]["at_s"]
    with pytest.raises(gl.SpecError, match="GLN-697"):
        run.explain_leases(10**6)
    with pytest.raises(gl.SpecError, match="GLN-650"):
        run.without(told[0]["at_s"] + 1e6, lease=number)


def test_a_policy_that_answers_otherwise_when_it_is_asked_again_is_found_out():
    asked = []

    class Moody:
        def is_overloaded(self, now, history):
            asked.append(now)
            return len(asked) % 7 == 0

    run = gl.run("thr-mmt", overload=Moody())
    with pytest.raises(gl.PolicyError, match="GLN-631"):
        run.explain(0.0)
