"""Does `check_policy` pass what is right, and find what is wrong?"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import galerna as gl
import numpy as np
import pytest
from drain import Drain
from first_fit import FirstFit, FirstFitBatched
from galerna.policy import ALL_ROLES
from galerna.testing import WORLDS, PolicyCheckError, PolicyReport, check_policy, tiny_world
from galerna.testing.checks import role_of
from least_utilised import LeastUtilised, LeastUtilisedBatched
from mad import Mad
from mad_batched import MadBatched
from mmt import Mmt, MmtBatched
from pabfd import Pabfd
from pabfd_batched import PabfdBatched
from risk_fit import RiskFit, RiskFitBatched

TEMPLATES = sorted((Path(__file__).parents[2] / "policies" / "python" / "new").glob("*.py"))
EXAMPLES = [
    Drain,
    FirstFit,
    FirstFitBatched,
    LeastUtilised,
    LeastUtilisedBatched,
    Mad,
    MadBatched,
    Mmt,
    MmtBatched,
    Pabfd,
    PabfdBatched,
    RiskFit,
    RiskFitBatched,
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_pass(example: type) -> None:
    report = check_policy(example)
    assert report.is_clean
    assert "asked 0 times" not in str(report), "the worlds put it to the test"


def template(path: Path) -> type:
    """The class in a policy to start from."""
    spec = importlib.util.spec_from_file_location(f"template_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MyPolicy


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_policy_to_start_from_passes(path: Path) -> None:
    report = check_policy(template(path), path.stem.replace("_", "-"))
    assert report.is_clean
    assert "asked 0 times" not in str(report), "the worlds put it to the test"


def test_there_is_a_policy_to_start_from_for_every_question() -> None:
    written = {path.stem.replace("_", "-") for path in TEMPLATES}
    assert written == set(ALL_ROLES) - {"fallback"}


def test_a_lease_policy_that_is_wrong_is_found() -> None:
    draw = random.Random(1)
    with pytest.raises(PolicyCheckError, match="repeats itself"):
        check_policy(lambda lease: draw.random() < 0.5, "admission")
    with pytest.raises(PolicyCheckError, match="GLN-40"):
        check_policy(lambda lease: "yes", "admission")


@pytest.mark.parametrize(
    "policy", [gl.Mad(), gl.LeastUtilised(below=0.5), gl.Rs(), gl.Pabfd(), gl.FirstFit()]
)
def test_built_in_policies_pass(policy: object) -> None:
    assert check_policy(policy, worlds=WORLDS[:4]).is_clean


def test_code_by_name_and_built_in_names_pass() -> None:
    assert check_policy("mmt:Mmt", "select", worlds=WORLDS[3:4]).title.startswith("Mmt as select=")
    assert check_policy("mu", "select", worlds=WORLDS[3:4]).is_clean


def test_the_role_is_found_or_asked_for() -> None:
    assert role_of(lambda now, history: True) == "overload"
    assert role_of(lambda vm, hosts: None) == "place"
    assert role_of(Drain) == "plan"
    assert role_of(gl.Pabfd()) == "place"
    for unclear in (lambda a, b: None, "mmt", {"kind": "mmt"}, 3):
        with pytest.raises(TypeError, match="Say role= one of 'overload', 'underload'"):
            role_of(unclear)


def failed(policy: object, check: str, verdict: str = "failed") -> str:
    """What the check found wrong with the policy; nothing else may be wrong."""
    try:
        report: PolicyReport = check_policy(policy)
    except PolicyCheckError as error:
        report = error.report
    wrong = [finding for finding in report.findings if finding.verdict in ("failed", "note")]
    assert [finding.check for finding in wrong] == [check], str(report)
    assert wrong[0].verdict == verdict
    return wrong[0].detail


def test_an_exception_is_told_with_world_note_and_line() -> None:
    class Hasty:
        def is_overloaded(self, now: float, history: Sequence[float]) -> bool:
            return now > 0.9 or history[-5] > 0.9

    detail = failed(Hasty(), "runs")
    assert "in the world `one VM`: IndexError" in detail
    assert "asked by galerna: policy `Hasty` at t = 300 s, host 0" in detail
    assert "in is_overloaded" in detail


def test_unseeded_randomness_is_found() -> None:
    class Moody:
        def pick(self, host: object, vms: Sequence[object]) -> object:
            return vms[random.randrange(len(vms))]

    with pytest.raises(PolicyCheckError, match="two runs with the same seed differ"):
        check_policy(Moody())


def test_state_that_outlives_a_run_is_noted_and_fails_where_reset_forgets_it() -> None:
    class Patient:
        """Counts, and picks by the count."""

        calls = 0

        def pick(self, host: object, vms: Sequence[object]) -> object:
            self.calls += 1
            return vms[self.calls % len(vms)]

    class Careless(Patient):
        def reset(self, seed: int) -> None:
            pass

    class Careful(Patient):
        def reset(self, seed: int) -> None:
            self.calls = 0

    assert "it keeps state" in failed(Patient(), "starts afresh", "note")
    assert "it keeps state" in failed(Careless(), "starts afresh")
    assert check_policy(Careful()).is_clean


def test_a_policy_that_writes_into_what_it_is_lent_is_found() -> None:
    class Vandal:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            hosts.now.flags.writeable = True
            hosts.now[:] += 0.1
            return hosts.now > 0.8

    assert "it changes hosts.now" in failed(Vandal(), "leaves alone")


def test_a_short_history_that_no_world_shows_is_found() -> None:
    class Needy:
        window = 30

        def is_overloaded(self, now: float, history: Sequence[float]) -> bool:
            return now > 0.95 if now < 1.2 else max(history) > 0.9

    assert "ValueError" in failed(Needy(), "any history")


def test_answers_that_depend_on_the_company_are_noted() -> None:
    class Relative:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            return np.asarray(hosts.now > max(0.5, float(hosts.now.mean())))

    assert "depends on which others" in failed(Relative(), "any history", "note")


def test_forms_that_disagree_are_found() -> None:
    class Double:
        def pick(self, host: object, vms: Sequence[gl._core.Vm]) -> gl._core.Vm:
            return max(vms, key=lambda vm: vm.ram_bytes)

        def rank(self, vms: gl._core.Vms, host_ids: np.ndarray) -> np.ndarray:
            return vms.ram_bytes

    assert "pick and rank decide differently" in failed(Double(), "both forms agree")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (lambda vm, hosts: 1000, "choose returned host 1000"),
        (lambda host, vms: None if len(vms) < 3 else -1, "VM -1, which is none of"),
        (lambda snapshot: [(0, snapshot.host_ids[0])], "VM 0: it is on host"),
        (lambda now, history: float("nan"), "is_overloaded returned nan"),
    ],
)
def test_illegal_answers_are_found(policy: Callable[..., object], words: str) -> None:
    assert words in failed(policy, "runs")


def test_a_tiny_world_is_a_spec() -> None:
    with tiny_world([[10, 20, 100], [0, 0, 0]], hosts=2, policy={"select": "mu"}) as spec:
        run = gl.run(spec)
    assert run.vms.height == 2
    assert run.spec["policy"]["select"]["kind"] == "mu"
    assert run.demand["cpu_pct"].to_list() == [10, 20, 100, 0, 0, 0]
