"""Plans for a cluster, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import galerna as gl
import numpy as np
import numpy.typing as npt
import pytest
from galerna import solve

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reassign.md"

HOSTS = [{"name": n, "cpu": 40, "ram_mb": 4000, "idle_w": 90, "peak_w": 120} for n in "abc"]
VMS = [{"name": f"v{n}", "host": "abc"[n % 3], "cpu": 4, "ram_mb": 500} for n in range(5)]


def test_a_cluster_is_consolidated() -> None:
    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, goal="consolidate", steps=5000)
    assert plan.hosts_on == 1
    assert plan.power_w == pytest.approx(90 + 30 * 20 / 40)
    assert {move["vm"] for move in plan.moves} <= {vm["name"] for vm in VMS}
    assert plan.cost is not None
    assert plan.lower_bound <= plan.cost
    assert plan.moves_frame().height == len(plan.moves)


def test_rules_are_dicts_and_hold() -> None:
    rules = [{"kind": "spread", "vms": ["v0", "v1"]}]
    plan = solve.snapshot(
        {"hosts": HOSTS, "vms": VMS, "rules": rules}, goal="consolidate", steps=5000
    )
    assert plan.hosts_on == 2


def test_frames_and_columns_say_the_same_as_dicts() -> None:
    pl, np = pytest.importorskip("polars"), pytest.importorskip("numpy")
    columns = {name: np.array([vm[name] for vm in VMS]) for name in VMS[0]}
    plans = [
        solve.snapshot({"hosts": hosts, "vms": vms}, goal="balance", steps=5000).moves
        for hosts, vms in [(HOSTS, VMS), (pl.DataFrame(HOSTS), columns)]
    ]
    assert plans[0] == plans[1]


def test_hosts_are_evacuated() -> None:
    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, goal="evacuate", hosts=["a"], steps=5000)
    assert {move["from"] for move in plan.moves} == {"a"}


def test_terms_are_put_in_an_order() -> None:
    plan = solve.snapshot(
        {"hosts": HOSTS, "vms": VMS}, order=["energy", "migrations"], tolerance=0.0, steps=5000
    )
    energy, moves = plan.levels
    assert (energy["level"], energy["unit"], moves["unit"]) == ("energy", "J", "moves")
    assert energy["value"] == pytest.approx(3600 * (90 + 30 * 20 / 40), rel=1e-4)
    # Two hosts have two VMs each, one has one: all go to one of the first.
    assert moves["value"] == len(plan.moves) == 3
    assert all(level["bound"] <= level["value"] for level in plan.levels)


def test_two_terms_are_traded_against_each_other() -> None:
    pytest.importorskip("polars")
    plan = solve.snapshot(
        {"hosts": HOSTS, "vms": VMS}, pareto=("energy", "migrations"), points=5, steps=20_000
    )
    front = plan.front()
    assert front["migrations"].to_list() == [0.0, 1.0, 3.0]
    assert front["energy"].is_sorted(descending=True)


def test_options_without_effect_are_refused() -> None:
    with pytest.raises(gl.GalernaError, match="GLN-632") as caught:
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, goal="balance", hosts=["a"], cap_w=5, steps=10)
    assert caught.value.problems[0].place == "--hosts, --cap-w"


class Rack:
    """Each VM outside the first rack (hosts 0 and 1) costs so much."""

    least = 0.0

    def __init__(self, price: float, error: float = 0.0) -> None:
        self.price = price
        self.error = error
        self.asked = 0

    def cost(self, assignment: npt.NDArray[np.int64]) -> float:
        self.asked += 1
        return self.price * float(np.sum(assignment > 1))

    def delta(self, assignment: npt.NDArray[np.int64], vm: int, source: int, target: int) -> float:
        assert assignment[vm] == source
        return self.price * (int(target > 1) - int(source > 1)) + self.error


def test_a_cost_of_ones_own_is_counted() -> None:
    rack = Rack(1e6)
    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, costs=[rack], steps=2000)
    assert plan.hosts_on == 1
    assert set(plan.assignment()) <= {0, 1}
    assert plan.added == {"Rack": 0.0}
    assert plan.lower_bound <= (plan.cost or 0.0)
    # A few whole costs: of both starts and of the answer.
    assert rack.asked < 10


def test_a_function_is_a_cost_without_a_bound() -> None:
    def crowd(assignment: npt.NDArray[np.int64]) -> float:
        return 1e6 * float(np.max(np.bincount(assignment, minlength=3)))

    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, costs=[crowd], steps=2000)
    assert plan.hosts_on == 3
    assert plan.added == {"crowd": 2e6}
    assert plan.lower_bound == float("-inf")
    assert plan.gap is None


def test_a_rule_of_ones_own_holds() -> None:
    def apart(assignment: npt.NDArray[np.int64]) -> bool:
        return bool(assignment[0] != assignment[1])

    plan = solve.snapshot({"hosts": HOSTS, "vms": VMS}, rules=[apart], steps=2000)
    assert plan.hosts_on == 2
    assert plan.assignment()[0] != plan.assignment()[1]


def test_an_answer_with_extras_follows_from_its_seed() -> None:
    plans = [
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, costs=[Rack(1e5)], steps=500, seed=4).moves
        for _ in range(2)
    ]
    assert plans[0] == plans[1]


def test_a_rule_that_cannot_be_kept_is_named() -> None:
    def never(assignment: npt.NDArray[np.int64]) -> bool:
        return False

    with pytest.raises(gl.PolicyError, match=r"GLN-638.*never"):
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, rules=[never], steps=200)


def test_what_a_cost_raises_comes_back_with_its_place() -> None:
    class Broken(Rack):
        def delta(
            self, assignment: npt.NDArray[np.int64], vm: int, source: int, target: int
        ) -> float:
            raise KeyError("no such rack")

    with pytest.raises(KeyError, match="no such rack") as caught:
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, costs=[Broken(1.0)], steps=200)
    assert caught.traceback[-1].name == "delta"
    notes = " ".join(getattr(caught.value, "__notes__", ()))
    assert "Broken" in notes
    assert "from host" in notes


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ("dear", TypeError, "GLN-635"),
        (None, TypeError, "GLN-635"),
        (float("nan"), ValueError, "636"),
    ],
)
def test_wrong_answers_are_told(answer: object, error: type[Exception], code: str) -> None:
    with pytest.raises(error, match=f"{code}.*<lambda>.*cost returned"):
        solve.snapshot(
            {"hosts": HOSTS, "vms": VMS},
            costs=[lambda assignment: answer],  # type: ignore[list-item,return-value]
            steps=200,
        )


def test_a_rule_that_answers_with_words_is_told() -> None:
    with pytest.raises(TypeError, match=r"GLN-635 rule.*expected True"):
        solve.snapshot(
            {"hosts": HOSTS, "vms": VMS},
            rules=[lambda assignment: "yes"],  # type: ignore[list-item,return-value]
            steps=200,
        )


def test_changes_that_do_not_add_up_are_told() -> None:
    with pytest.raises(gl.PolicyError, match=r"GLN-637.*Rack"):
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, costs=[Rack(1e6, error=-2e5)], steps=2000)


def test_extras_go_with_weights_only() -> None:
    with pytest.raises(gl.GalernaError, match="GLN-632"):
        solve.snapshot({"hosts": HOSTS, "vms": VMS}, order=["energy"], costs=[Rack(1.0)], steps=9)


def test_parquet_tables_say_the_same_as_dicts(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    pl.DataFrame(HOSTS).write_parquet(tmp_path / "hosts.parquet")
    pl.DataFrame(VMS).write_parquet(tmp_path / "vms.parquet")
    (tmp_path / "rules.json").write_text('[{"kind": "spread", "vms": ["v0", "v1"]}]')
    rules = [{"kind": "spread", "vms": ["v0", "v1"]}]
    given: list[Any] = [tmp_path, {"hosts": HOSTS, "vms": VMS, "rules": rules}]
    plans = [solve.snapshot(snapshot, steps=5000) for snapshot in given]
    assert plans[0].moves == plans[1].moves
    assert plans[0].hosts_on == 2
    pl.DataFrame(VMS).drop("cpu").write_parquet(tmp_path / "vms.parquet")
    with pytest.raises(gl.GalernaError, match=r"GLN-634.*cpu"):
        solve.snapshot(tmp_path, steps=5)


def test_the_example_of_the_page_runs() -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```python\n")[1:]
    own = [block.split("```")[0] for block in blocks if "class Warm" in block]
    assert len(own) == 1
    exec(compile(own[0], "reassign.md", "exec"), {})


def test_what_is_wrong_is_told_with_code_and_place() -> None:
    vms = [{**VMS[0], "host": "nowhere"}]
    with pytest.raises(gl.GalernaError) as caught:
        solve.snapshot({"hosts": HOSTS, "vms": vms}, goal="consolidate", steps=10)
    assert caught.value.problems[0].code == "GLN-561"
    assert caught.value.problems[0].place.endswith("vm v0")
