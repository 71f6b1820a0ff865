//! Plans for a cluster as it is: against enumeration, against the independent checks, and on the
//! production snapshot whose optima are known.

#[path = "shared/mod.rs"]
mod shared;

use std::ops::ControlFlow;

use galerna::check::{fragments, relocation};
use galerna::cluster::defragment::{self, defragment};
use galerna::cluster::{
    Front, Goal, Order, Plan, Snapshot, Term, Wish, improve, improve_along_front, improve_in_order,
    production,
};
use galerna::milp::SOLVER;
use galerna::random::{below, stream};
use galerna::reassign::{Budget, Error, Options, Progress, roadef};

const SNAPSHOT: &str = "traces/vm-rescheduling/reset_vm_pm_id_clear2.json.xz";

fn options(steps: u64) -> Options {
    let budget = Budget { steps: Some(steps), time: None };
    Options { budget, threads: 1, seed: 3, gap: 0.0 }
}

/// Part of a level that later ones may lose.
const TOLERANCE: f64 = 0.2;

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn planned(snapshot: &Snapshot, wish: &Wish) -> Result<Plan, Error> {
    improve(snapshot, wish, options(20_000), &mut go_on)
}

/// A cluster of so many hosts and VMs as text; every host has room for what it holds.
fn text(hosts: usize, vms: usize, seed: u64) -> String {
    let draws = &mut stream(seed, "test.cluster");
    let host = |at: usize| {
        let (cpu, idle, peak) = [(40, 90, 120), (60, 100, 150)][at % 2];
        let power = format!(r#""idle_w": {idle}, "peak_w": {peak}"#);
        format!(r#"{{"name": "h{at}", "cpu": {cpu}, "ram_mb": 4000, {power}}}"#)
    };
    let hosts_text: Vec<String> = (0..hosts).map(host).collect();
    let mut vm = |at: usize| {
        let (cpu, ram) = (1 + below(12, draws), 100 + 100 * below(8, draws));
        let home = below(hosts, draws);
        format!(r#"{{"name": "v{at}", "host": "h{home}", "cpu": {cpu}, "ram_mb": {ram}}}"#)
    };
    let vms_text: Vec<String> = (0..vms).map(&mut vm).collect();
    format!(
        r#"{{"hosts": [{}], "vms": [{}], "rules": []}}"#,
        hosts_text.join(","),
        vms_text.join(",")
    )
}

/// What an assignment costs by the formula of the goal consolidate, J; none where memory or CPU
/// does not suffice.
fn cost(snapshot: &Snapshot, wish: &Wish, assignment: &[u32]) -> Option<f64> {
    let mut ram = vec![0.0; snapshot.hosts.len()];
    for (vm, &host) in snapshot.vms.iter().zip(assignment) {
        ram[host as usize] += vm.ram_mb;
    }
    let used = snapshot.used(assignment);
    let room = |(at, host): (usize, &galerna::cluster::Host)| {
        ram[at] <= host.ram_mb && used[at] <= host.cpu
    };
    if !snapshot.hosts.iter().enumerate().all(room) {
        return None;
    }
    let watts: f64 = snapshot.hosts.iter().map(|host| host.peak_w).sum();
    let cpu: f64 = snapshot.hosts.iter().map(|host| host.cpu).sum();
    let above = snapshot.hosts.iter().zip(&used).map(|(h, u)| (u - wish.limit * h.cpu).max(0.0));
    let overload = 10.0 * watts / cpu * wish.horizon_s * above.sum::<f64>();
    let moved = (0..assignment.len()).filter(|&vm| assignment[vm] != snapshot.home[vm]);
    let moves =
        moved.map(|vm| wish.weights.migrations + wish.weights.bandwidth * snapshot.vms[vm].ram_mb);
    Some(wish.horizon_s * snapshot.power(assignment).0 + overload + moves.sum::<f64>())
}

#[test]
fn small_clusters_are_consolidated_as_well_as_enumeration_does() {
    let wish = Wish::of(Goal::Consolidate);
    for seed in 0..12 {
        let text = text(3, 6, seed);
        let snapshot = Snapshot::parse(text.as_bytes(), "drawn").unwrap();
        if cost(&snapshot, &wish, &snapshot.home).is_none() {
            continue;
        }
        let all = (0..729_u32).map(|n| (0..6).map(|vm| n / 3_u32.pow(vm) % 3).collect::<Vec<_>>());
        let best = all.filter_map(|a| cost(&snapshot, &wish, &a)).min_by(f64::total_cmp).unwrap();
        let plan = planned(&snapshot, &wish).unwrap();
        let near = 1e-5 * best;
        assert!((plan.cost - best).abs() < near, "seed {seed}: {} J, best {best} J", plan.cost);
        assert!(plan.lower_bound <= best + near, "seed {seed}: bound {}", plan.lower_bound);
        if SOLVER.is_some() {
            assert!(plan.gap <= 1e-4, "seed {seed}: proved to {}", plan.gap);
        }
        let json = serde_json::to_string(&plan).unwrap();
        let judged = relocation::judge(&text, &json).unwrap();
        assert_eq!(judged.breaches, Vec::<String>::new(), "seed {seed}");
        assert!((judged.power_w - plan.power_w).abs() < 1e-6);
    }
}

/// Energy, J, moves and MB moved of every assignment of a cluster of 3 hosts and 6 VMs for which
/// memory and CPU suffice.
fn everything(snapshot: &Snapshot, wish: &Wish) -> Vec<[f64; 3]> {
    let all = (0..729_u32).map(|n| (0..6).map(|vm| n / 3_u32.pow(vm) % 3).collect::<Vec<_>>());
    let fits = all.filter(|a| cost(snapshot, wish, a).is_some());
    let of = |a: Vec<u32>| {
        let moved = || (0..6).filter(|&vm| a[vm] != snapshot.home[vm]);
        let mb = moved().map(|vm| snapshot.vms[vm].ram_mb).sum();
        [wish.horizon_s * snapshot.power(&a).0, moved().count() as f64, mb]
    };
    fits.map(of).collect()
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

#[test]
fn an_order_is_as_good_level_by_level_as_enumeration() {
    let wish = Wish::of(Goal::Consolidate);
    let levels = ["energy", "migrations", "bandwidth"].map(|name| name.parse().unwrap());
    let order = Order { levels: levels.to_vec(), tolerance: TOLERANCE };
    let mut used_tolerance = 0;
    for seed in 0..12 {
        let text = text(3, 6, seed);
        let snapshot = Snapshot::parse(text.as_bytes(), "drawn").unwrap();
        if cost(&snapshot, &wish, &snapshot.home).is_none() {
            continue;
        }
        let all = everything(&snapshot, &wish);
        let plan = improve_in_order(&snapshot, &wish, &order, options(60_000), &mut go_on).unwrap();
        let mut kept = all.clone();
        for (at, level) in plan.levels.iter().enumerate() {
            let best = least(kept.iter().map(|values| values[at]));
            let near = 1e-5 * best + 1e-6;
            assert!(level.bound <= best + near, "seed {seed} {level:?}, best {best}");
            let most = best * if at < 2 { 1.0 + TOLERANCE } else { 1.0 };
            assert!(level.value <= most + near, "seed {seed} {level:?}, best {best}");
            assert!(level.gap <= 1e-4 || SOLVER.is_none(), "seed {seed} {level:?}");
            used_tolerance += usize::from(level.value > best + near);
            kept.retain(|values| values[at] <= most + near);
        }
        let json = serde_json::to_string(&plan).unwrap();
        let judged = relocation::judge(&text, &json).unwrap();
        assert_eq!(judged.breaches, Vec::<String>::new(), "seed {seed}");
        assert_eq!((judged.moved as f64, judged.moved_mb), {
            (plan.levels[1].value, plan.levels[2].value)
        });
    }
    assert!(used_tolerance > 0, "some energy saves a move somewhere");
}

#[test]
fn an_order_with_moves_first_makes_none() {
    let snapshot = Snapshot::parse(text(6, 20, 4).as_bytes(), "drawn").unwrap();
    let levels = ["migrations", "energy"].map(|name| name.parse().unwrap());
    let order = Order { levels: levels.to_vec(), tolerance: 0.0 };
    let wish = Wish::of(Goal::Consolidate);
    let plan = improve_in_order(&snapshot, &wish, &order, options(20_000), &mut go_on).unwrap();
    assert!(plan.moves.is_empty());
    assert_eq!(plan.levels[1].value, plan.levels[1].initial);
}

#[test]
fn orders_that_cannot_be_are_told() {
    let wish = Wish::of(Goal::Consolidate);
    let problem = |levels: &[&str]| {
        let levels = levels.iter().map(|level| level.parse().unwrap()).collect();
        Order { levels, tolerance: 0.0 }.problem(&wish)
    };
    assert_eq!(problem(&["energy+overload", "migrations"]), None);
    assert!(problem(&[]).unwrap().contains("no level"));
    assert!(problem(&["energy", "energy+overload"]).unwrap().contains("twice"));
    assert!(problem(&["energy+balance"]).unwrap().contains("weight 0"));
}

#[test]
fn no_plan_dominates_a_point_of_a_front_and_bounds_hold() {
    let wish = Wish::of(Goal::Consolidate);
    let front = Front { axes: [Term::Energy, Term::Migrations], points: 7 };
    let mut points = 0;
    for seed in 0..4 {
        let text = text(3, 6, seed);
        let snapshot = Snapshot::parse(text.as_bytes(), "drawn").unwrap();
        if cost(&snapshot, &wish, &snapshot.home).is_none() {
            continue;
        }
        let all = everything(&snapshot, &wish);
        let plan =
            improve_along_front(&snapshot, &wish, front, options(40_000), &mut go_on).unwrap();
        points += plan.front.len();
        for point in &plan.front {
            let (energy, moves) = (point.values["energy"], point.values["migrations"]);
            let within = all.iter().filter(|values| values[1] <= moves);
            let best = least(within.map(|values| values[0]));
            assert!((energy - best).abs() <= 1e-5 * best, "seed {seed} {point:?}, best {best}");
            assert!(point.bound <= best * (1.0 + 1e-5), "seed {seed} {point:?}, best {best}");
            let better = |other: &&[f64; 3]| other[0] < energy * (1.0 + 1e-6) && other[1] < moves;
            assert_eq!(all.iter().find(better), None, "seed {seed} {point:?}");
        }
        let energies: Vec<f64> = plan.front.iter().map(|point| point.values["energy"]).collect();
        assert!(energies.is_sorted_by(|a, b| a > b), "seed {seed} {energies:?}");
        assert_eq!(plan.front[0].moves, 0);
    }
    assert!(points > 6, "{points}");
}

#[test]
fn an_answer_under_a_step_budget_is_the_same_for_any_number_of_threads() {
    let snapshot = Snapshot::parse(text(12, 40, 5).as_bytes(), "drawn").unwrap();
    let wish = Wish::of(Goal::Balance);
    let of = |threads| {
        let options = Options { threads, ..options(20_000) };
        improve(&snapshot, &wish, options, &mut go_on).unwrap()
    };
    assert_eq!(of(1), of(2));
}

#[test]
fn hosts_to_evacuate_are_empty_and_impossible_wishes_are_refused() {
    let text = text(4, 8, 1);
    let snapshot = Snapshot::parse(text.as_bytes(), "drawn").unwrap();
    let mut wish = Wish::of(Goal::Evacuate);
    wish.evacuate = vec![0];
    let plan = planned(&snapshot, &wish).unwrap();
    assert!(plan.reached);
    let json = serde_json::to_string(&plan).unwrap();
    assert!(relocation::judge(&text, &json).unwrap().breaches.is_empty());
    let left = plan.moves.iter().filter(|m| m.from == "h0").count();
    assert_eq!(left, snapshot.home.iter().filter(|&&home| home == 0).count());
    assert!(plan.moves.iter().all(|m| m.to != "h0"));
    wish.evacuate = vec![0, 1, 2, 3];
    assert!(planned(&snapshot, &wish).is_err(), "nowhere is left");
}

#[test]
fn a_cap_takes_no_more_moves_than_saving_everything() {
    let snapshot = Snapshot::parse(text(6, 10, 2).as_bytes(), "drawn").unwrap();
    let most = planned(&snapshot, &Wish::of(Goal::Consolidate)).unwrap();
    let mut wish = Wish::of(Goal::PowerCap);
    wish.cap_w = 0.5 * (most.power_before_w + most.power_w);
    assert!(most.power_w < wish.cap_w, "there is something to save");
    let plan = planned(&snapshot, &wish).unwrap();
    assert!(plan.reached && plan.power_w <= wish.cap_w, "{} W", plan.power_w);
    assert!(plan.moves.len() <= most.moves.len());
}

#[test]
fn a_cluster_that_is_as_wished_gives_an_empty_plan() {
    let text = r#"{"hosts": [{"name": "a", "cpu": 40, "ram_mb": 4000, "idle_w": 90, "peak_w": 120},
        {"name": "b", "cpu": 40, "ram_mb": 4000, "idle_w": 90, "peak_w": 120}],
        "vms": [{"name": "v", "host": "a", "cpu": 5, "ram_mb": 100},
                {"name": "w", "host": "a", "cpu": 5, "ram_mb": 100}]}"#;
    let snapshot = Snapshot::parse(text.as_bytes(), "full").unwrap();
    let plan = planned(&snapshot, &Wish::of(Goal::Consolidate)).unwrap();
    assert!(plan.moves.is_empty());
    assert_eq!(plan.cost, plan.initial_cost);
}

#[test]
fn the_production_snapshot_is_defragmented_to_the_optimum_that_is_known() {
    let Some(path) = shared::file(SNAPSHOT) else { return };
    let bytes = roadef::read_text(&path).unwrap();
    let clusters = production::parse(&bytes, SNAPSHOT).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for (moves, known) in [(0, 0.97704), (25, 0.72453), (50, 0.57532)] {
        let options = defragment::Options { moves, gap: 1e-3, time: None, seed: 0 };
        let plan = defragment(&clusters, options, &mut |_, _| ControlFlow::Continue(()));
        let judged = fragments::judge(&text, &serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(judged.breaches, Vec::<String>::new(), "{moves} moves");
        assert!((judged.after - plan.fragment_rate).abs() < 1e-9);
        assert!(plan.moves.len() <= moves);
        assert!(plan.fragment_rate <= plan.fragment_rate_before);
        assert!(plan.lower_bound <= known + 5e-6, "{moves} moves: bound {}", plan.lower_bound);
        if SOLVER == Some("HiGHS") {
            assert_eq!(plan.status, defragment::Status::Proved, "{moves} moves");
            assert!((plan.fragment_rate - known).abs() < 5e-6, "{}", plan.fragment_rate);
        }
    }
}

#[test]
fn without_a_solver_in_time_the_plan_is_no_worse_than_the_start() {
    let Some(path) = shared::file(SNAPSHOT) else { return };
    let clusters = production::parse(&roadef::read_text(&path).unwrap(), SNAPSHOT).unwrap();
    let time = Some(std::time::Duration::ZERO);
    let options = defragment::Options { moves: 100, gap: 1e-3, time, seed: 0 };
    let plan = defragment(&clusters, options, &mut |_, _| ControlFlow::Break(()));
    assert!(plan.fragment_rate < 0.5, "completed blocks alone: {}", plan.fragment_rate);
    assert!(plan.lower_bound <= 0.42612);
}
