"""Are faults of policies in Python told clearly: who, when, about whom, and what was expected?"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import galerna as gl
import numpy as np
import pytest
from galerna._core import Host, Hosts, Snapshot, Vms
from galerna.testing import tiny_world


@pytest.fixture
def world() -> Iterator[dict[str, Any]]:
    """Six VMs on four hosts; half of them rise until their hosts run short."""
    rising = [min(100, 20 + 5 * k) for k in range(30)]
    with tiny_world([rising, [30] * 30] * 3, hosts=4) as spec:
        yield spec


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


def method(name: str, answer: Callable[..., object]) -> object:
    """A policy called `Mine` that has only this method."""
    return type("Mine", (), {name: lambda self, *lent: answer(*lent)})()


METHODS = [
    ("underload", "is_underloaded", r"policy `Mine` at t = \d+ s, host \d"),
    ("underload", "candidates", r"policy `Mine` at t = \d+ s, hosts? \d"),
    ("select", "pick", r"policy `Mine` at t = \d+ s, host \d"),
    ("select", "rank", r"policy `Mine` at t = \d+ s, host \d"),
    ("place", "choose", r"policy `Mine` at t = 0 s, VM \d"),
    ("place", "place", r"policy `Mine` at t = 0 s, 6 VMs from VM 0"),
    ("plan", "plan", r"policy `Mine` at t = 300 s$"),
]


@pytest.mark.parametrize(("role", "name", "note"), METHODS)
@pytest.mark.parametrize("kind", [KeyError, SystemExit, KeyboardInterrupt])
def test_an_exception_comes_out_as_the_same_object_with_a_note(
    world: dict[str, Any], role: str, name: str, note: str, kind: type[BaseException]
) -> None:
    raised = kind({"some": "state"})

    def decide(*lent: object) -> object:
        raise raised

    with pytest.raises(kind) as caught:
        gl.run(world, set={f"policy.{role}": method(name, decide)})
    assert caught.value is raised
    frames = [frame.name for frame in traceback.extract_tb(raised.__traceback__)]
    assert frames[-1] == "decide"
    assert "run" in frames
    assert re.search(note, notes(raised)), notes(raised)


WRONG = [
    ("underload", "is_underloaded", 1, TypeError, "expected True, False or None"),
    ("underload", "is_underloaded", float("nan"), TypeError, r"nan \(float\)"),
    ("underload", "candidates", None, TypeError, "expected host numbers"),
    ("underload", "candidates", [99], ValueError, "host 99, which is not in hosts.ids"),
    ("underload", "candidates", np.array([-1]), ValueError, "host -1, which is not"),
    ("underload", "candidates", [True], TypeError, r"\[True\] \(list\)"),
    ("underload", "candidates", np.array([0.5]), TypeError, r"array\(\[0.5\]\)"),
    ("select", "pick", "vm0", TypeError, r"'vm0' \(str\), expected one of the VMs"),
    ("select", "pick", 1.0, TypeError, r"1.0 \(float\)"),
    ("select", "pick", True, TypeError, r"True \(bool\)"),
    ("select", "pick", 77, ValueError, r"VM 77, which is none of \d"),
    ("select", "rank", [1, 2], TypeError, r"\[1, 2\] \(list\), expected a NumPy array of \d+ n"),
    ("select", "rank", np.array(["a"]), TypeError, r"an array of <U1 with shape \(1,\)"),
    ("select", "rank", np.zeros(99), ValueError, r"99 numbers, expected \d: one per VM"),
    ("place", "choose", "h0", TypeError, r"'h0' \(str\), expected one of the hosts"),
    ("place", "choose", np.float64(1), TypeError, "np.float64"),
    ("place", "choose", 4, ValueError, "host 4: hosts go from 0 to 3"),
    ("place", "choose", -1, ValueError, "host -1: hosts go from 0 to 3"),
    ("place", "place", [], TypeError, r"place returned \[\] \(list\), expected None"),
    ("plan", "plan", 7, TypeError, r"plan returned 7 \(int\), expected pairs of VM and host"),
    ("plan", "plan", [(0, 1, 2)], TypeError, "expected pairs"),
    ("plan", "plan", [(0, 1.0)], TypeError, "expected pairs"),
    ("plan", "plan", np.zeros((2, 2)), TypeError, "expected pairs"),
    ("plan", "plan", np.zeros(2, int), TypeError, "expected pairs"),
    ("plan", "plan", [(-1, 1)], ValueError, "plan names VM -1, expected numbers from 0"),
]


@pytest.mark.parametrize(("role", "name", "answer", "error", "words"), WRONG)
def test_a_wrong_answer_says_what_was_expected(
    world: dict[str, Any], role: str, name: str, answer: object, error: type, words: str
) -> None:
    code = "GLN-404" if error is TypeError or "one per" in words else "GLN-405"
    with pytest.raises(error, match=f"{code} policy `Mine`: .*{words}") as caught:
        gl.run(world, set={f"policy.{role}": method(name, lambda *lent: answer)})
    assert "asked by galerna: policy `Mine` at t = " in notes(caught.value)


def test_nan_of_rank_names_the_vm(world: dict[str, Any]) -> None:
    nan = method("rank", lambda vms, host_ids: np.full(len(vms), np.nan))
    with pytest.raises(ValueError, match=r"GLN-405 policy `Mine`: rank returned NaN for VM \d"):
        gl.run(world, select=nan)


def test_candidates_may_not_name_a_host_twice(world: dict[str, Any]) -> None:
    twice = method("candidates", lambda hosts: [hosts.ids[0], hosts.ids[0]])
    with pytest.raises(ValueError, match=r"candidates returned host \d twice"):
        gl.run(world, underload=twice)


def test_a_chosen_host_must_have_room() -> None:
    words = "GLN-405 policy `<lambda>`: choose returned host 0: it does not fit on host 0: it"
    with (
        tiny_world([[90] * 3] * 8, hosts=4) as world,
        pytest.raises(ValueError, match=words) as caught,
    ):
        gl.run(world, place=lambda vm, hosts: 0)
    assert "policy `<lambda>` at t = 0 s, VM 0" in notes(caught.value)


def plan(moves: Callable[[Snapshot], object]) -> Callable[[Snapshot], object]:
    def at_1500(snapshot: Snapshot) -> object:
        return moves(snapshot) if snapshot.now_s == 1500 else None

    return at_1500


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        (lambda s: [(6, 0)], "VM 6: there is no VM 6. VMs are numbered from 0 to 5"),
        (lambda s: [(1, 4)], "VM 1: there is no host 4. Hosts are numbered from 0 to 3"),
        (lambda s: [(2, s.host_ids[2])], "VM 2: it is on host"),
        (lambda s: [(3, 3), (3, 2)], "VM 3: it is moved twice"),
    ],
)
def test_a_move_that_cannot_be_made_names_time_and_vm(
    world: dict[str, Any], moves: Callable[[Snapshot], object], words: str
) -> None:
    with pytest.raises(
        gl.PolicyError, match="GLN-405 policy `at_1500` at t = 1500 s, VM"
    ) as caught:
        gl.run(world, plan=plan(moves))
    assert words in str(caught.value)
    (problem,) = caught.value.problems
    assert problem.code == "GLN-405"
    assert "policy `at_1500` at t = 1500 s" in problem.place


def test_a_move_to_a_full_host_says_what_is_free() -> None:
    with (
        tiny_world([[60] * 9] * 8, hosts=6) as world,
        pytest.raises(gl.PolicyError, match="it does not fit on host 5: it asks for") as caught,
    ):
        gl.run(world, plan=plan(lambda s: [(v, 5) for v in range(8) if s.host_ids[v] != 5]))
    assert "at t = 1500 s, VM" in str(caught.value)


def test_a_vm_on_its_way_is_not_moved_again() -> None:
    def restless(snapshot: Snapshot) -> list[tuple[int, int]]:
        return [(0, 1 - int(snapshot.host_ids[0]))]

    slow = {"migration.nic-mbit-s": 10}
    with (
        tiny_world([[40] * 9], hosts=2) as world,
        pytest.raises(gl.PolicyError, match="VM 0: it is being migrated already"),
    ):
        gl.run(world, plan=restless, set=slow)


class Selector:
    def pick(self, host: Host, vms: Vms) -> None: ...


class Placer:
    def choose(self, vm: object, hosts: Hosts) -> None: ...


@pytest.mark.parametrize(
    ("role", "wrong", "words"),
    [
        ("select", Selector, r"select=Selector is a class.*write select=Selector\(\)"),
        ("select", Placer(), r"is no selector \(it looks like one for place=\): expected a class"),
        ("place", Selector(), r"with choose\(vm, hosts\) or place\(vms, draft\)"),
        ("underload", 3, r"underload=3 is no underload rule: expected a class with is_underl"),
        ("plan", Selector(), r"is no planner .*expected a class with plan\(snapshot\)"),
        ("fallback", Placer(), r"fallback=.* is no detector"),
    ],
)
def test_what_is_no_policy_is_refused_before_the_run(role: str, wrong: object, words: str) -> None:
    with pytest.raises(TypeError, match=f"GLN-404 .*{words}"):
        gl.run("mad-mmt", set={f"policy.{role}": wrong})


def test_a_built_in_of_another_role_is_refused() -> None:
    with pytest.raises(gl.SpecError, match=r"\[policy\] select: unknown policy `mad`"):
        gl.run("mad-mmt", select=gl.Mad())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "error"), [(-1, ValueError), (31, ValueError), (2.5, TypeError)]
)
def test_a_window_out_of_range_is_refused(window: object, error: type) -> None:
    selector = Selector()
    selector.window = window  # type: ignore[attr-defined]
    with pytest.raises(error, match="policy `Selector`: window is"):
        gl.run("mad-mmt", select=selector)
