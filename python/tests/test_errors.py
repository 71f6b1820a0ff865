"""Is every fault told clearly, and does a policy's own exception come out as it went in?"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import galerna as gl
import numpy as np
import pytest


class UnusualError(Exception):
    """An exception that takes no message."""

    def __init__(self, payload: object) -> None:
        self.payload = payload


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("kind", [KeyError, UnusualError, SystemExit])
def test_an_exception_comes_out_as_the_same_object(kind: type, batched: bool) -> None:
    raised = kind({"some": "state"})

    class Broken:
        calls = 0

        def decide(self) -> None:
            self.calls += 1
            if self.calls > 100:
                raise raised

        if batched:

            def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
                self.decide()
                return hosts.now > 0.8
        else:

            def is_overloaded(self, now: float, history: object) -> bool:
                self.decide()
                return now > 0.8

    with pytest.raises(kind) as caught:
        gl.run("mad-mmt", overload=Broken())
    assert caught.value is raised
    frames = [frame.name for frame in traceback.extract_tb(raised.__traceback__)]
    assert frames[-1] == "decide"
    assert "run" in frames
    assert "policy `Broken` at t = " in notes(raised)
    assert ", host" in notes(raised)


def test_the_note_names_policy_time_and_host() -> None:
    def picky(now: float, history: object) -> bool:
        raise ValueError("no")

    picky.name = "my-detector"  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no") as caught:
        gl.run("mad-mmt", overload=picky)
    assert "policy `my-detector` at t = 0 s, host " in notes(caught.value)


@pytest.mark.parametrize("answer", [float("nan"), 1, "yes", 0.5, np.array([True, False])])
def test_a_wrong_answer_about_a_host_is_a_type_error(answer: object) -> None:
    with pytest.raises(TypeError, match=r"policy `<lambda>`: is_overloaded returned .*expected"):
        gl.run("mad-mmt", overload=lambda now, history: answer)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (lambda n: [True] * n, TypeError, r"returned \[True.*\(list\), expected a NumPy array"),
        (lambda n: None, TypeError, r"returned None \(NoneType\)"),
        (lambda n: np.full(n, np.nan), TypeError, "an array of float64"),
        (lambda n: np.zeros(n + 1, bool), ValueError, r"shape \(2,\), expected \(1,\)"),
        (lambda n: np.zeros((n, 1), bool), ValueError, r"shape \(1, 1\), expected \(1,\)"),
        (lambda n: np.full(n, 2, np.int8), ValueError, r"returned 2 for host \d+, expected 1"),
        (lambda n: np.full(n, 257), ValueError, "returned 257 for host"),
    ],
)
def test_a_wrong_answer_about_hosts_says_what_is_expected(
    answer: object, error: type, words: str
) -> None:
    class Wrong:
        def assess(self, hosts: gl._core.HostLoads) -> object:
            return answer(len(hosts))  # type: ignore[operator]

    with pytest.raises(error, match="policy `Wrong`: assess returned") as caught:
        gl.run("mad-mmt", overload=Wrong())
    assert caught.match(words)


def test_what_is_no_detector_is_refused_before_the_run() -> None:
    class Idle:
        window = 10_001

        def assess(self, hosts: object) -> None: ...

    class Choosy(Idle):
        def pick(self, host: object, vms: object) -> None: ...

    with pytest.raises(TypeError, match=r"write overload=Idle\(\)"):
        gl.run("mad-mmt", overload=Idle)
    with pytest.raises(TypeError, match="is no detector"):
        gl.run("mad-mmt", overload=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="window is 10001, expected 0 to 10000"):
        gl.run("mad-mmt", overload=Idle())
    with pytest.raises(ValueError, match="window is 10001, expected 0 to 30"):
        gl.run("mad-mmt", select=Choosy())
    Idle.window = 2.5  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"window is 2\.5"):
        gl.run("mad-mmt", overload=Idle())


def test_all_problems_of_a_spec_are_told_at_once_with_suggestions() -> None:
    with pytest.raises(gl.SpecError) as caught:
        gl.run({"policy": {"overlaod": "mad", "select": "mmmt"}, "fleet": {"preset": "x"}})
    assert [problem.code for problem in caught.value.problems] == ["GLN-203", "GLN-204", "GLN-202"]
    assert "did you mean `overload`?" in str(caught.value)
    assert "did you mean `mmt`?" in str(caught.value)


def test_unknown_names_and_values_without_a_toml_form_are_spec_errors() -> None:
    for name in ("lr-mtt", Path("lr-mtt")):
        with pytest.raises(gl.SpecError, match="did you mean `lr-mmt`"):
            gl.run(name)
    with pytest.raises(gl.SpecError, match="did you mean `lr-mmt`"):
        gl.describe("lr-mtt")
    with pytest.raises(gl.SpecError, match="unknown policy `madd`"):
        gl.run("mad-mmt", overload="madd")
    with pytest.raises(gl.SpecError, match="null"):
        gl.run("mad-mmt", trace__day=None)
    with pytest.raises(TypeError, match="a spec cannot hold"):
        gl.run("mad-mmt", trace__day=object())


def test_a_trace_error_is_a_value_error_with_problems(tmp_path: Path) -> None:
    (tmp_path / "vm").write_text("5\n" * 287)
    with pytest.raises(ValueError, match="GLN-102") as caught:
        gl.run("lr-mmt", trace__path=tmp_path)
    assert isinstance(caught.value, gl.TraceError)
    assert caught.value.problems[0].code == "GLN-102"


def test_a_fleet_that_is_too_small_is_infeasible() -> None:
    with pytest.raises(gl.InfeasibleError, match="fit on no host at the start") as caught:
        gl.run("lr-mmt", fleet__hosts=[{"machine": "hp-ml110-g4", "count": 3, "ram-gib": 32}])
    assert caught.value.problems[0].code == "GLN-501"


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="add_note is there")
def test_notes_exist_on_3_10() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        gl.run("mad-mmt", overload=lambda now, past: 1 / 0)
    assert "policy `<lambda>`" in notes(caught.value)
