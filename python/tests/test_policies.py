"""Do policies in Python decide as the same ones in Rust, and see what they are told they see?"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import galerna as gl
import numpy as np
import pytest
from drain import Drain
from first_fit import FirstFit, FirstFitBatched
from galerna import policy
from galerna._core import Draft, Host, Hosts, Snapshot, Vm, Vms
from galerna.testing import tiny_world
from least_utilised import LeastUtilised, LeastUtilisedBatched
from mmt import Mmt, MmtBatched
from pabfd import Pabfd
from pabfd_batched import PabfdBatched
from risk_fit import RiskFit, RiskFitBatched


def first_not_overloaded(vm: Vm, hosts: Hosts) -> Host | None:
    """First fit that asks the detector, as the built-in does unless it is told not to."""
    return next((host for host in hosts if not host.would_be_overloaded()), None)


SAME = [
    ("select", "mmt", Mmt),
    ("select", "mmt", MmtBatched),
    ("place", "pabfd", Pabfd),
    ("place", "pabfd", PabfdBatched),
    ("place", gl.FirstFit(overload="ignored"), FirstFit),
    ("place", gl.FirstFit(overload="ignored"), FirstFitBatched),
    ("place", "first-fit", lambda: first_not_overloaded),
    ("place", gl.RiskFit(), RiskFit),
    ("place", gl.RiskFit(), RiskFitBatched),
    ("place", gl.RiskFit(threshold=0.3), lambda: RiskFitBatched(0.3)),
    ("underload", {"kind": "least-utilised", "below": 0.4}, lambda: LeastUtilised(0.4)),
    ("underload", {"kind": "least-utilised", "below": 0.4}, lambda: LeastUtilisedBatched(0.4)),
]
NAMES = [f"{role}-{getattr(make, '__name__', 'x')}-{i}" for i, (role, _, make) in enumerate(SAME)]


def logs(role: str, built_in: object, make: Callable[[], object], **spec: object) -> list[str]:
    """Logs of the built-in policy and of the one in Python."""
    name = spec.pop("name", "mad-mmt")
    return [
        gl.run(name, set={f"policy.{role}": p}, **spec).event_log_blake3  # type: ignore[arg-type]
        for p in (built_in, make())
    ]


@pytest.mark.parametrize(("role", "built_in", "make"), SAME, ids=NAMES)
def test_the_sample_gives_the_log_of_the_builtin(
    role: str, built_in: object, make: Callable[[], object]
) -> None:
    expected, found = logs(role, built_in, make)
    assert found == expected


@pytest.mark.parametrize(("role", "built_in", "make"), SAME, ids=NAMES)
def test_a_published_day_gives_the_log_of_the_builtin(
    planetlab: dict[str, object], role: str, built_in: object, make: Callable[[], object]
) -> None:
    expected, found = logs(role, built_in, make, **planetlab)
    assert found == expected


@pytest.mark.parametrize("make", [Mmt, MmtBatched])
def test_a_selector_gives_the_log_of_the_builtin_by_the_published_rules(make: type) -> None:
    expected, found = logs("select", "mmt", make, name="cloudsim-3.0.3/lr-mmt", seed=3)
    assert found == expected


def test_all_of_a_policy_may_be_python() -> None:
    from mad_batched import MadBatched

    mine = gl.run(
        "lr-mmt",
        overload=MadBatched(),
        select=MmtBatched(),
        place=Pabfd(),
        underload=LeastUtilised(),
    )
    assert mine.event_log_blake3 == gl.run("mad-mmt").event_log_blake3


def test_functions_do_instead_of_classes() -> None:
    def largest(host: Host, vms: Vms) -> int:
        return int(vms.ids[vms.ram_bytes.argmax()])

    class Largest:
        def rank(self, vms: Vms, host_ids: np.ndarray) -> np.ndarray:
            return -vms.ram_bytes.astype(np.int64)

    # The first of equals, in both forms.
    assert logs("select", largest, Largest)[0] == logs("select", largest, Largest)[1]
    run = gl.run("mad-mmt", plan=lambda snapshot: None)
    assert run.summary["migrations"] == 0


def test_the_examples_are_what_the_protocols_say() -> None:
    assert isinstance(Mmt(), policy.PerItemSelector)
    assert isinstance(MmtBatched(), policy.BatchedSelector)
    assert isinstance(Pabfd(), policy.PerItemPlacer)
    assert isinstance(PabfdBatched(), policy.BatchedPlacer)
    assert isinstance(LeastUtilised(), policy.PerItemUnderloadRule)
    assert isinstance(LeastUtilisedBatched(), policy.BatchedUnderloadRule)
    assert isinstance(Drain(), policy.Planner)


def test_a_selector_sees_the_vms_that_may_leave() -> None:
    seen = set()

    class Probe:
        window = 5

        def pick(self, host: Host, vms: Vms) -> Vm | None:
            assert 0 <= host.id < 800
            assert host.capacity_mips == host.cores * host.core_mips
            assert host.machine == ("hp-ml110-g4" if host.id % 2 == 0 else "hp-ml110-g5")
            assert host.ram_bytes == 32 * 2**30
            assert 93.7 <= host.power(0.0) + 7.7 * (host.id % 2 == 0) < host.power(1.0)
            with pytest.raises(AttributeError, match="placers and planners only"):
                _ = host.free_mips
            assert len(vms) == len(list(vms)) == len(vms.ids) > 0
            assert vms[-1] == vms[len(vms) - 1]
            with pytest.raises(IndexError):
                _ = vms[len(vms)]
            assert vms.history.shape == (len(vms), 5)
            for row, vm in enumerate(vms):
                assert (vm.id, vm.mips) == (vms.ids[row], vms.mips[row])
                assert vm.demand_mips == vms.demand_mips[row] == vm.utilisation * vm.mips
                assert vm.ram_bytes == vms.ram_bytes[row]
                past = vms.history[row, 5 - vms.lengths[row] :]
                assert vm.history == tuple(past)
                assert past[-1] == pytest.approx(vm.utilisation)
            seen.add(len(vms))
            return min(vms, key=lambda vm: vm.ram_bytes)

    assert gl.run("mad-mmt", select=Probe()).event_log_blake3 == gl.run("mad-mmt").event_log_blake3
    assert len(seen) > 5


def test_rank_is_asked_once_per_step_about_all_overloaded_hosts() -> None:
    steps: list[tuple[list[int], list[int]]] = []

    class Probe:
        def rank(self, vms: Vms, host_ids: np.ndarray) -> np.ndarray:
            steps.append((vms.ids.tolist(), host_ids.tolist()))
            return np.where(vms.ids % 2 == 0, np.inf, vms.ram_bytes)

    run = gl.run("mad-mmt", select=Probe())
    moved = run.actions.filter(run.actions["reason"].str.starts_with("overload"))["vm"]
    assert (moved.to_numpy() % 2 == 1).all(), "a VM of rank inf stays"
    assert len(steps) <= 287
    assert max(len(set(hosts)) for _, hosts in steps) > 1
    assert all(len(vms) == len(set(vms)) for vms, _ in steps)


def test_a_placer_sees_hosts_that_have_room() -> None:
    offered = []

    class Probe:
        decreasing = True

        def choose(self, vm: Vm, hosts: Hosts) -> Host | None:
            ids = hosts.ids
            assert (np.diff(ids.astype(int)) > 0).all()
            assert (hosts.free_mips >= vm.demand_mips).all()
            assert (hosts.free_ram_bytes >= vm.ram_bytes).all()
            assert (hosts.core_mips >= vm.demand_mips).all()
            assert (hosts.vms == 0).sum() <= 2, "sleeping hosts that are alike are listed once"
            offered.append(len(hosts))
            for row, host in enumerate(hosts):
                if row == 3:
                    break
                assert host.allocated_mips == hosts.allocated_mips[row]
                assert host.demand_mips == hosts.demand_mips[row]
                assert host.free_mips == hosts.free_mips[row]
                assert host.free_ram_bytes == hosts.free_ram_bytes[row]
                assert host.vms == hosts.vms[row] == len(host.vm_ids)
                past = hosts.history[row]
                assert host.history == tuple(past[~np.isnan(past)])
                if host.history:
                    now = host.demand_mips / host.capacity_mips
                    assert host.history[-1] == pytest.approx(now)
                assert host.utilisation == hosts.utilisation[row]
                assert host.would_be_overloaded() == hosts.would_be_overloaded([row])[0]
            return hosts[-1] if len(hosts) else None

    with tiny_world([[30 + 5 * v] * 30 for v in range(12)], hosts=8) as world:
        gl.run(world, place=Probe())
    assert max(offered) > 2


@pytest.mark.parametrize("batched", [False, True])
def test_a_detector_gets_its_window_though_another_policy_looks_further_back(batched: bool) -> None:
    lengths = set()

    class Short:
        window = 3

        if batched:

            def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
                assert hosts.history.shape[1] == 3
                lengths.update(hosts.lengths.tolist())
                return np.full(len(hosts), -1)
        else:

            def is_overloaded(self, now: float, history: tuple[float, ...]) -> None:
                lengths.add(len(history))

    with tiny_world([[40] * 20, [50] * 20], hosts=2) as world:
        gl.run(world, overload=Short(), fallback="mad")
    assert max(lengths) == 3


def test_the_risk_after_a_move_is_that_of_the_single_vms() -> None:
    """By the formula, of pasts that the placer sees itself; at 30 samples these are whole."""
    compared = []

    class Probe:
        window = 30

        def choose(self, vm: Vm, hosts: Hosts) -> Host | None:
            for name in ("limit", "factor", "horizon"):
                with pytest.raises(ValueError, match=f"GLN-405 risk_after: {name} must be"):
                    hosts.risk_after(**{name: 0})
            for host in hosts:
                with pytest.raises(ValueError, match="1 to 65535 samples, found 70000"):
                    host.risk_after(horizon=70_000)
            together = hosts.risk_after(limit=0.9, horizon=4, factor=2.0)
            for row, host in enumerate(hosts):
                alone = host.risk_after(limit=0.9, horizon=4, factor=2.0)
                assert (
                    alone
                    == together[row]
                    == hosts.risk_after([row], limit=0.9, horizon=4, factor=2.0)[0]
                )
                if host.vms == 0 and len(vm.history) > 12:
                    past = np.array(vm.history) * vm.mips
                    mean = (past.mean() + past[-12:].mean()) / 2
                    far = (0.9 * host.capacity_mips - mean) / np.sqrt(2.0 * past.var())
                    one = 0.5 * math.erfc(far / math.sqrt(2.0))
                    assert alone == pytest.approx(1.0 - (1.0 - one) ** (4**0.75), abs=1e-6)
                    compared.append(alone)
            return hosts[-1] if len(hosts) else None

    loads = [[(k * (7 + v)) % 100 for k in range(28)] for v in range(6)]
    with tiny_world(loads, hosts=4) as world:
        gl.run(world, place=Probe(), overload="thr")
    assert compared


def test_the_probability_of_overload_is_that_of_the_detector() -> None:
    """A detector at its threshold says what the probability said, and only `risk` knows one."""
    asked = []

    def choose(vm: Vm, hosts: Hosts) -> Host | None:
        together = hosts.overload_probability()
        for row, host in enumerate(hosts):
            alone = host.overload_probability()
            assert together[row] == alone or (alone is None and np.isnan(together[row]))
            if alone is not None and host.allocated_mips > 0:
                assert host.would_be_overloaded() == (alone > 0.1)
                asked.append(alone)
        return next(iter(hosts), None)

    gl.run("thr-mmt", overload=gl.Risk(threshold=0.1), place=choose)
    assert min(asked) < 0.1 < max(asked)
    with pytest.raises(gl.PolicyError, match=r"thr.*knows no probabilities.*`risk`"):
        gl.run("thr-mmt", place=choose)
    with tiny_world([[40] * 20, [50] * 20], hosts=2) as world, pytest.raises(AttributeError):
        gl.run(world, plan=lambda snapshot: snapshot.hosts.risk_after())


def test_a_host_without_load_would_never_be_overloaded() -> None:
    asked = []

    def choose(vm: Vm, hosts: Hosts) -> Host | None:
        together = hosts.would_be_overloaded()
        for row, host in enumerate(hosts):
            idle = host.allocated_mips == 0.0
            assert host.would_be_overloaded() == together[row] == (not idle)
            asked.append(idle)
        return next(iter(hosts), None)

    with tiny_world([[40] * 5, [50] * 5, [60] * 5], hosts=3) as world:
        gl.run(world, place=choose, overload=lambda now, past: True)
    assert set(asked) == {False, True}


def test_a_draft_refuses_what_cannot_be_and_undoes() -> None:
    class Probe:
        asked = 0

        def place(self, vms: Vms, draft: Draft) -> None:
            self.asked += 1
            assert (draft.placed, draft.mark()) == ([], 0)
            with pytest.raises(ValueError, match="GLN-405 VM 99 is none of those"):
                draft.put(99, 0)
            with pytest.raises(ValueError, match="GLN-405 there is no host 4: they go from 0 to 3"):
                draft.put(vms[0], 4)
            with pytest.raises(
                TypeError, match="GLN-404 expected a host or its number, found True"
            ):
                draft.put(vms[0], True)
            if not draft.all_or_none:
                before = draft.hosts.free_mips
                for vm in vms:
                    hosts = draft.candidates(vm)
                    if len(hosts):
                        draft.put(vm, hosts[0])
                with pytest.raises(ValueError, match=r"was put on host \d already"):
                    draft.put(vms[0], 3)
                assert len(draft.placed) == draft.mark() > 0
                assert (draft.hosts.free_mips < before).any()
                draft.undo()
                assert (draft.hosts.free_mips == before).all()
                assert draft.placed == []
            FirstFitBatched().place(vms, draft)

    probe = Probe()
    with tiny_world([[40] * 20, [50] * 20, [60] * 20], hosts=4) as world:
        mine = gl.run(world, place=probe).event_log_blake3
        assert gl.run(world, place=gl.FirstFit(overload="ignored")).event_log_blake3 == mine
    assert probe.asked > 1


def test_what_is_lent_is_read_only_and_views_end_with_the_call() -> None:
    kept: list[object] = []

    class Keep:
        def place(self, vms: Vms, draft: Draft) -> None:
            columns = [vms.ids, vms.history, vms.ram_bytes, draft.hosts.free_mips, draft.hosts.vms]
            for column in columns:
                with pytest.raises(ValueError, match="read-only"):
                    column[...] = 0
            kept.extend([vms, vms[0], draft, draft.hosts, draft.hosts[0], vms.demand_mips])
            FirstFitBatched().place(vms, draft)

    with tiny_world([[40] * 5, [50] * 5], hosts=2) as world:
        gl.run(world, place=Keep())
    vms, vm, draft, hosts, host, demand = kept[:6]
    assert isinstance(demand, np.ndarray)
    assert (demand > 0).all(), "an array stays valid"
    for look in (
        lambda: vms.mips,
        lambda: vm.demand_mips,
        lambda: draft.hosts,
        lambda: draft.candidates(0),
        lambda: hosts.free_mips,
        lambda: host.free_mips,
    ):
        with pytest.raises(RuntimeError, match="only be used while it is asked"):
            look()


def test_what_is_lent_stays_in_its_thread() -> None:
    raised: list[BaseException] = []

    def choose(vm: Vm, hosts: Hosts) -> Host | None:
        def elsewhere() -> None:
            try:
                _ = vm.demand_mips
            except RuntimeError as error:
                raised.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return next(iter(hosts), None)

    with tiny_world([[40] * 2], hosts=2) as world:
        gl.run(world, place=choose)
    assert "only be used in the thread that asks it" in str(raised[0])


def test_a_placer_asks_the_detector_of_the_run_whatever_it_is_written_in() -> None:
    class Threshold:
        def assess(self, hosts: gl._core.HostLoads) -> np.ndarray:
            return hosts.now > 0.7

    expected = gl.run("mad-mmt", overload=gl.Thr(threshold=0.7)).event_log_blake3
    for detector in (lambda now, past: now > 0.7, Threshold()):
        for place in (Pabfd(), PabfdBatched()):
            run = gl.run("mad-mmt", overload=detector, place=place)
            assert run.event_log_blake3 == expected


def test_a_detector_cannot_look_into_the_draft_that_asks_it() -> None:
    lent: list[Hosts] = []

    def nosy(now: float, past: object) -> bool:
        return bool(lent and lent[-1].free_mips.sum() < 0)

    def choose(vm: Vm, hosts: Hosts) -> Host | None:
        lent.append(hosts)
        return next((host for host in hosts if not host.would_be_overloaded()), None)

    with (
        tiny_world([[40] * 5, [50] * 5, [60] * 5], hosts=2) as world,
        pytest.raises(RuntimeError, match="a detector may not look into it") as caught,
    ):
        gl.run(world, place=choose, overload=nosy)
    notes = "\n".join(caught.value.__notes__)
    assert "policy `nosy`" in notes
    assert "policy `choose`" in notes


@pytest.mark.parametrize("form", [list, tuple, np.array, lambda moves: iter(moves)])
def test_a_plan_may_be_given_in_every_natural_form(form: Callable[[object], object]) -> None:
    class Swing:
        """Moves VM 0 to and fro between the last two hosts."""

        def plan(self, snapshot: Snapshot) -> object:
            assert snapshot.host_ids.shape == snapshot.movable.shape == (len(snapshot.vms),)
            assert snapshot.now_s % 300 == 0
            if not snapshot.movable[0]:
                return None
            return form([(0, 3 if snapshot.host_ids[0] != 3 else 2)])

    with tiny_world([[40] * 20, [50] * 20], hosts=4) as world:
        run = gl.run(world, plan=Swing())
    moved = run.actions.filter(run.actions["kind"] == "migration-start")
    assert set(moved["vm"]) == {0}
    assert set(moved["to"]) == {2, 3}
    assert set(moved["reason"]) == {"planned"}
    assert run.spec["policy"]["plan"]["entry"].endswith("Swing")


def test_a_planner_may_return_what_it_tried_out_and_views() -> None:
    class Views:
        def plan(self, snapshot: Snapshot) -> list[tuple[Vm, Host]]:
            vm = snapshot.vms[0]
            if not snapshot.movable[0]:
                return []
            hosts = snapshot.draft.candidates(vm)
            return [(vm, host) for host in hosts if host.id != snapshot.host_ids[0]][:1]

    class Tried:
        def plan(self, snapshot: Snapshot) -> list[tuple[int, int]]:
            for vm, host in Views().plan(snapshot):
                snapshot.draft.put(vm, host)
            return snapshot.draft.placed

    with tiny_world([[40] * 20, [50] * 20], hosts=4) as world:
        views, tried = gl.run(world, plan=Views()), gl.run(world, plan=Tried())
    assert views.event_log_blake3 == tried.event_log_blake3
    assert views.summary["migrations"] > 3


def test_reset_gets_the_seed_of_each_run() -> None:
    class Dice:
        seeds: list[int] = []  # noqa: RUF012

        def reset(self, seed: int) -> None:
            self.seeds.append(seed)
            self.random = np.random.default_rng(seed)

        def pick(self, host: Host, vms: Vms) -> Vm:
            return vms[int(self.random.integers(len(vms)))]

    dice = Dice()
    first, second, other = (gl.run("mad-mmt", select=dice, seed=seed) for seed in (1, 1, 2))
    assert dice.seeds == [1, 1, 2]
    assert first.event_log_blake3 == second.event_log_blake3 != other.event_log_blake3
