"""Does a migration cost from Python what it costs elsewhere, and is a wrong question told?"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import galerna as gl
import pytest

SHARED = Path(os.environ.get("GALERNA_SHARED") or Path(__file__).resolve().parents[3] / "shared")


def measurements() -> Path:
    path = SHARED / "traces" / "qemu-migrations" / "calibrate.csv"
    if not path.exists():
        pytest.skip(f"skipped: there is no {path} (set GALERNA_SHARED)")
    return path


def test_a_function_answers_as_the_rule_that_it_is() -> None:
    used_pages = 1024 * 256
    rule = {"kind": "uniform", "rate": 3000, "working_set": 0.05}
    size = 0.05 * used_pages

    class Uniform:
        working_set = size

        def dirty(self, t: float) -> float:
            return size * -math.expm1(-3000 * t / size)

    by_rule = gl.migrate.predict(4096, used_mib=1024, mbit=500, dirty=rule)
    by_object = gl.migrate.predict(4096, used_mib=1024, mbit=500, dirty=Uniform())
    assert by_object.rounds == by_rule.rounds > 1
    assert by_object.total_s == pytest.approx(by_rule.total_s, rel=1e-12)
    assert by_object.bytes == pytest.approx(by_rule.bytes, rel=1e-12)
    # Without a working set of its own the function has what an hour writes: all of it.
    by_function = gl.migrate.predict(4096, used_mib=1024, mbit=500, dirty=Uniform().dirty)
    assert by_function.total_s == pytest.approx(by_rule.total_s, rel=1e-9)
    assert sum(stage.bytes for stage in by_rule.stages) == pytest.approx(by_rule.bytes)


def test_the_worked_example() -> None:
    """4096 MiB at 1000 Mbit/s: 2^32 / 1.25e8 s = 34.359738368 s."""
    assert gl.migrate.predict(4096, mbit=1000, model="ram-over-bandwidth").total_s == 34.359738368


def test_what_never_ends_is_told_with_its_fixed_point() -> None:
    never = gl.migrate.predict(1024, mbit=100, dirty=lambda t: min(40_000 * t, 50_000))
    assert (never.converged, never.proven) == (False, True)
    assert never.remaining_pages > 50_000
    late = gl.migrate.predict(
        1024, mbit=100, give_up_s=3.0, dirty=lambda t: min(40_000 * t, 50_000)
    )
    assert (late.converged, late.proven, late.total_s) == (False, False, 3.0)


@pytest.mark.parametrize(
    ("dirty", "told"),
    [
        (lambda t: max(0.0, 5000 - t), "fall from"),
        (lambda t: float("nan"), "is NaN, expected a number of 0 or more"),
        (lambda t: float("inf"), "is inf, expected a number of 0 or more"),
        (lambda t: "many", "answered a str, expected a number"),
        (lambda t: None, "answered a NoneType, expected a number"),
    ],
)
def test_a_function_that_cannot_be_is_refused(dirty: Callable[[float], float], told: str) -> None:
    with pytest.raises(gl.MigrationError, match=told) as refused:
        gl.migrate.predict(1024, mbit=1000, dirty=dirty)
    assert [problem.code for problem in refused.value.problems] == ["GLN-313"]


def test_what_a_function_raises_comes_out_unchanged_with_a_note() -> None:
    raised = KeyError("no such load")

    def dirty(t: float) -> float:
        if t < 3600:
            raise raised
        return 1.0

    with pytest.raises(KeyError) as caught:
        gl.migrate.predict(1024, mbit=1000, dirty=dirty)
    assert caught.value is raised
    notes = getattr(raised, "__notes__", [])
    assert any("asked by galerna: migration, dirty(" in note for note in notes), notes


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ({"mbit": 0}, "GLN-311", "bandwidth: found 0"),
        ({"mbit": -5}, "GLN-311", "bandwidth: found -"),
        ({"mbit": math.nan}, "GLN-311", "bandwidth: found NaN"),
        ({"used_mib": 2048}, "GLN-312", "used memory"),
        ({"downtime_limit_ms": 0}, "GLN-311", "downtime limit"),
        ({"model": "pre-cpy"}, "GLN-314", "did you mean `pre-copy`"),
        ({"features": {"auto-converg": {}}}, "GLN-311", "unknown field `auto-converg`"),
        (
            {"features": {"deduplication": {"alike": 2, "reference-bytes": 8}}},
            "GLN-311",
            "alike: found 2",
        ),
        ({"constants": {"setup_s": -1}}, "GLN-311", "constants.setup_s: found -1"),
        ({"constants": {"setup": 1}}, "GLN-311", "unknown field `setup`"),
        ({"constants": "nowhere.toml"}, "GLN-324", "nowhere.toml"),
        ({"dirty": {"kind": "unform"}}, "GLN-311", "unknown variant `unform`"),
        ({"dirty": {"kind": "from-cpu", "rate": math.inf}}, "GLN-311", "dirty.rate: found inf"),
    ],
)
def test_bad_input_is_named(change: dict[str, object], code: str, told: str) -> None:
    arguments: dict[str, object] = {"mbit": 1000, **change}
    with pytest.raises(gl.MigrationError) as refused:
        gl.migrate.predict(1024, **arguments)  # type: ignore[arg-type]
    assert refused.value.problems[0].code == code
    assert told in str(refused.value)


def test_measurements_are_held_against_the_models(tmp_path: Path) -> None:
    families = gl.migrate.evaluate(measurements(), model="pre-copy")
    accuracy = families["precopy"].models["pre-copy"]
    assert (accuracy.convergence_correct, accuracy.convergence_n) == (52, 52)
    assert accuracy.bytes_median_rel is not None
    assert accuracy.bytes_median_rel < 0.01
    short = tmp_path / "short.csv"
    short.write_text("row,run\n", encoding="utf-8")
    with pytest.raises(gl.MigrationError) as refused:
        gl.migrate.evaluate(short)
    assert {problem.code for problem in refused.value.problems} == {"GLN-322"}
    with pytest.raises(gl.MigrationError) as refused:
        gl.migrate.evaluate(tmp_path / "none.csv")
    assert refused.value.problems[0].code == "GLN-321"


def test_files_that_measure_nothing_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for refused_by in (gl.migrate.evaluate, gl.migrate.fit):
        with pytest.raises(gl.MigrationError, match=r"GLN-323 .*empty.csv: the file is empty"):
            refused_by(empty)
    whole = tmp_path / "status.csv"
    lines = measurements().read_text().splitlines()
    whole.write_text("\n".join([lines[0], lines[1].replace("completed", "complete")]))
    with pytest.raises(gl.MigrationError, match=r"csv:2, status: found `complete`"):
        gl.migrate.evaluate(whole)


def test_fitted_constants_go_round_by_their_file(tmp_path: Path) -> None:
    fit = gl.migrate.fit(measurements())
    assert fit.loss_after < fit.loss_before
    path = tmp_path / "params.toml"
    fit.write(path)
    by_file = gl.migrate.predict(1024, mbit=300, constants=path)
    by_values = gl.migrate.predict(1024, mbit=300, constants=fit.constants)
    assert by_file.total_s == pytest.approx(by_values.total_s, rel=1e-12)
    assert by_file.rounds == by_values.rounds


def swap(**options: Any) -> gl.migrate.Plan:
    hosts = {name: gl.migrate.Host(memory_mib=3072) for name in "ab"}
    vms = {"x": gl.migrate.Vm(2048), "y": gl.migrate.Vm(2048)}
    before, after = {"x": "a", "y": "b"}, {"x": "b", "y": "a"}
    return gl.migrate.sequence(
        before, after, hosts=hosts, vms=vms, network=1000, model="ram-over-bandwidth", **options
    )


def test_a_swap_without_room_is_refused_suspended_or_left_undone() -> None:
    with pytest.raises(gl.MigrationError, match="these wait for each other: x, y") as refused:
        swap()
    assert refused.value.problems[0].code == "GLN-533"
    suspended = swap(suspend_mb_s=500)
    assert {step.kind for step in suspended.steps} == {"suspend", "live", "resume"}
    assert suspended.makespan_s == pytest.approx(2**31 / 1.25e8 + 2 * 2**31 / 5e8)
    assert sorted(swap(reject_cost_s=1).rejected) == ["x", "y"]


def test_a_plan_can_save_downtime_bytes_or_energy() -> None:
    # A disk is quick and stops VMs; a third host costs a second copy.
    hosts = {name: gl.migrate.Host(memory_mib=3072) for name in "abc"}
    vms = {
        "busy": gl.migrate.Vm(
            2048, used_mib=2048, dirty={"kind": "uniform", "rate": 9000, "working-set": 0.1}
        ),
        "idle": gl.migrate.Vm(2048, used_mib=512),
    }
    before, after = {"busy": "a", "idle": "b"}, {"busy": "b", "idle": "a"}

    def planned(goal: str, **options: Any) -> gl.migrate.Plan:
        return gl.migrate.sequence(
            before, after, hosts=hosts, vms=vms, network=1000, goal=goal, **options
        )

    by = {
        goal: planned(goal) for goal in ("makespan", "sum-of-ends", "downtime", "bytes", "energy")
    }
    for goal, value in (("downtime", "downtime_s"), ("bytes", "bytes"), ("energy", "energy_j")):
        least = min(getattr(plan, value) for plan in by.values())
        assert getattr(by[goal], value) == least
    # Who has less to send goes round.
    assert [step.vm for step in by["bytes"].steps].count("idle") == 2
    assert planned("downtime", suspend_mb_s=1e6).downtime_s < by["downtime"].downtime_s
    # Nobody stays although staying would send nothing.
    assert planned("bytes", reject_cost_s=0).rejected == ()
    with pytest.raises(gl.MigrationError, match="GLN-531 goal: there is no goal `time`"):
        planned("time")


def test_the_evacuation_of_a_host_takes_as_long_as_its_uplink() -> None:
    hosts = {f"h{i}": gl.migrate.Host(memory_mib=16_384) for i in range(5)}
    vms = {f"v{i}": gl.migrate.Vm(1024) for i in range(1, 5)}
    before = dict.fromkeys(vms, "h0")
    after = {f"v{i}": f"h{i}" for i in range(1, 5)}
    plan = gl.migrate.sequence(
        before, after, hosts=hosts, vms=vms, network=1000, model="ram-over-bandwidth"
    )
    assert plan.makespan_s == pytest.approx(4 * 2**30 / 1.25e8)
    assert (plan.optimal, plan.frame.height) == (True, 4)


def test_moves_that_cannot_be_are_named() -> None:
    hosts = {"a": gl.migrate.Host(4096), "b": gl.migrate.Host(1024)}
    vms = {"x": gl.migrate.Vm(2048), "y": gl.migrate.Vm(512, dirty=lambda t: 1e6 * t)}

    def told(after: dict[str, str], **changes: object) -> str:
        arguments = {"hosts": hosts, "vms": vms, "network": 1000, **changes}
        before = dict.fromkeys(vms, "a")
        with pytest.raises(gl.MigrationError) as refused:
            gl.migrate.sequence(before, after, **arguments)  # type: ignore[arg-type]
        return str(refused.value)

    assert "GLN-534 move 0 `x`" in told({"x": "b"})
    assert "GLN-536 vm `y`: its migration would not end" in told({"y": "b"})
    assert "there is no host `c`" in told({"x": "c"})
    assert "there is no VM `z`" in told({"z": "b"})
    assert "GLN-303 network: found 0 Mbit/s" in told({"x": "b"}, network=0)
    assert "GLN-303 network: found NaN Mbit/s" in told({"x": "b"}, network=math.nan)
    assert "GLN-301" in told({"x": "b"}, network="nowhere.toml")
    assert "found NaN, expected MiB of memory above 0" in told(
        {"x": "b"}, hosts={"a": gl.migrate.Host(math.nan), "b": gl.migrate.Host(1024)}
    )
    assert "GLN-531 suspend_mb_s: found 0" in told({"x": "b"}, suspend_mb_s=0)
    assert "GLN-531 suspend_mb_s: found NaN" in told({"x": "b"}, suspend_mb_s=math.nan)
    star = {"kind": "star", "hosts": 1, "mbit_s": 1000}
    assert "GLN-305 network: it has 1 hosts, 2 are needed" in told({"x": "b"}, network=star)
    small = {name: gl.migrate.Vm(256, after=("y" if name == "x" else "x",)) for name in vms}
    assert "GLN-532" in told({"x": "b", "y": "b"}, vms=small)
