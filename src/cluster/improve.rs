//! The moves that come nearest to a wish, what each of them is good for, and how much better any
//! other plan could be.
//!
//! A reassignment problem is built from the wish and searched ([`crate::reassign`]); a small one is
//! proved by an integer programme
//! (`portfolio.rs`). The moves are put in an order in which each
//! has room when its turn comes; those that wait for each other are marked. What a move gains is
//! what the plan would lose without it: all others made, this one not.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;

use super::extra::Added;
use super::goal::{Goal, MICRO, Wish};
use super::order::Reached;
use super::pareto::Point;
use super::portfolio::solve;
use super::snapshot::Snapshot;
use crate::milp;
use crate::reassign::{
    Budget, Error, Hints, Instance, Options, Progress, Shift, Solution, State, Status, least_cost,
    solve_with,
};

/// Prices of moves that are tried for a cap, as multiples of the weights.
const PRICES: [f64; 7] = [30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.0];

/// One VM goes to another host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// The VM's name.
    pub vm: String,
    /// Its host.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// Why.
    pub reason: Reason,
    /// What the plan would lose without it, J; 0 where it cannot do without.
    pub gain_j: f64,
    /// What the move costs, J.
    pub cost_j: f64,
    /// Whether it needs room that only a later move makes.
    pub waits: bool,
}

/// Why a VM moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Its host is empty afterwards.
    EmptiesHost,
    /// Its host was above the limit.
    RelievesOverload,
    /// It evens out, or makes room for others.
    Rearranges,
}

/// The cost by term, J.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Costs {
    /// Energy, or what the goal counts in its place.
    pub energy: f64,
    /// Use above the limit, or above the mean.
    pub overload: f64,
    /// Moves.
    pub moves: f64,
}

/// A plan and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// What was wanted.
    pub goal: Goal,
    /// How the search ended.
    pub status: Status,
    /// Cost of the plan, J.
    pub cost: f64,
    /// Cost of leaving everything as it is, J.
    pub initial_cost: f64,
    /// A cost below which no plan lies, J; minus infinity where a cost was added that says none.
    pub lower_bound: f64,
    /// `(cost - lower_bound) / cost`.
    pub gap: f64,
    /// The cost by term, J.
    pub terms: Costs,
    /// Power now, W.
    pub power_before_w: f64,
    /// Power after the moves, W.
    pub power_w: f64,
    /// Hosts with VMs now.
    pub hosts_before: usize,
    /// Hosts with VMs after the moves.
    pub hosts_on: usize,
    /// Whether what the goal demands is reached: hosts empty, power below the cap.
    pub reached: bool,
    /// Per VM of the snapshot: the number of its host after the moves.
    pub assignment: Vec<u32>,
    /// The moves in order.
    pub moves: Vec<Move>,
    /// Costs of a user's own, part of the cost; empty where none were added.
    pub added: Vec<Added>,
    /// What came of each level of an order, the first one first; empty for a weighted sum.
    pub levels: Vec<Reached>,
    /// Points of a Pareto front; empty where none was asked for.
    pub front: Vec<Point>,
    /// Who answered: the search, or the solver beside it.
    pub solver: String,
}

/// The best plan within `options`; `watch` is told how it goes and may end it.
///
/// # Errors
///
/// Problems of the snapshot as a reassignment problem: GLN-543 to GLN-548.
pub fn improve(
    snapshot: &Snapshot,
    wish: &Wish,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Plan, Error> {
    if wish.goal == Goal::PowerCap {
        return below_cap(snapshot, wish, options, watch);
    }
    let instance = wish.instance(snapshot, &wish.weights);
    let (solution, solver) = solve(&instance, options, watch)?;
    Ok(plan(snapshot, wish, &instance, solution, solver))
}

/// The first plan that is below the cap, as moves get cheaper; else that of least power.
fn below_cap(
    snapshot: &Snapshot,
    wish: &Wish,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Plan, Error> {
    let mut share = options;
    share.budget.time = options.budget.time.map(|time| time / PRICES.len() as u32);
    share.budget.steps = options.budget.steps.map(|steps| (steps / PRICES.len() as u64).max(1));
    let mut best: Option<Plan> = None;
    for price in PRICES {
        let instance = wish.instance(snapshot, &wish.weights.thrifty(price));
        let (solution, solver) = solve(&instance, share, watch)?;
        let stopped = solution.status == Status::Stopped;
        let found = plan(snapshot, wish, &instance, solution, solver);
        let is_better = best.as_ref().is_none_or(|best| found.power_w < best.power_w);
        let is_last = found.reached || stopped;
        if is_better || found.reached {
            best = Some(found);
        }
        if is_last {
            break;
        }
    }
    Ok(best.expect("there are prices"))
}

/// Where everything is, or, if that breaks a rule, an assignment that breaks none.
pub(super) fn sound_start(
    snapshot: &Snapshot,
    wish: &Wish,
    options: Options,
) -> Result<Vec<u32>, Error> {
    let instance = wish.instance(snapshot, &wish.weights);
    instance.check("snapshot")?;
    if State::as_it_is(&instance).is_sound() {
        return Ok(snapshot.home.clone());
    }
    let budget = Budget { steps: Some(1), time: None };
    let go_on = &mut |_: &Progress| ControlFlow::Continue(());
    let repaired = solve_with(&instance, Options { budget, ..options }, &Hints::default(), go_on)?;
    Ok(repaired.assignment)
}

/// A plan for `assignment`, found by other goals than the weighted sum, in the words of that sum.
pub(super) fn told(snapshot: &Snapshot, wish: &Wish, assignment: Vec<u32>, status: Status) -> Plan {
    let instance = wish.instance(snapshot, &wish.weights);
    let mut state = State::as_it_is(&instance);
    let initial_cost = state.cost();
    state.become_like(&assignment);
    let solution = Solution {
        cost: state.cost(),
        terms: state.terms(),
        lower_bound: least_cost(&instance).min(state.cost()),
        assignment,
        initial_cost,
        status,
        steps: 0,
        trajectory: Vec::new(),
    };
    let solver = milp::SOLVER.map_or("search".to_owned(), |name| format!("search and {name}"));
    plan(snapshot, wish, &instance, solution, solver)
}

/// What `solution` means for the cluster.
pub(super) fn plan(
    snapshot: &Snapshot,
    wish: &Wish,
    instance: &Instance,
    solution: Solution,
    solver: String,
) -> Plan {
    let (power_before_w, hosts_before) = snapshot.power(&snapshot.home);
    let (power_w, hosts_on) = snapshot.power(&solution.assignment);
    let joules = |cost: i64| cost as f64 / MICRO;
    let terms = solution.terms;
    let empty = |host: &u32| !solution.assignment.contains(host);
    let reached = match wish.goal {
        Goal::Evacuate => wish.evacuate.iter().all(empty),
        Goal::PowerCap => power_w <= wish.cap_w,
        Goal::Consolidate | Goal::Balance => true,
    };
    Plan {
        goal: wish.goal,
        status: solution.status,
        cost: joules(solution.cost),
        initial_cost: joules(solution.initial_cost),
        lower_bound: joules(solution.lower_bound),
        gap: solution.gap(),
        terms: Costs {
            energy: joules(terms.power),
            overload: joules(terms.load + terms.tiers),
            moves: joules(terms.item_moves + terms.machine_moves + terms.service_moves),
        },
        power_before_w,
        power_w,
        hosts_before,
        hosts_on,
        reached,
        moves: moves(snapshot, wish, instance, &solution.assignment),
        assignment: solution.assignment,
        added: Vec::new(),
        levels: Vec::new(),
        front: Vec::new(),
        solver,
    }
}

/// The moves in an order in which each has room; then those that wait for each other.
fn moves(snapshot: &Snapshot, wish: &Wish, instance: &Instance, new: &[u32]) -> Vec<Move> {
    let mut end = State::as_it_is(instance);
    end.become_like(new);
    let used = snapshot.used(&snapshot.home);
    let word = |vm: u32, waits: bool| {
        let (from, to) = (snapshot.home[vm as usize], new[vm as usize]);
        let back = end.shift_within(Shift { item: vm, from: to, to: from }, i64::MAX);
        let host = &snapshot.hosts[from as usize];
        let reason = if !new.contains(&from) {
            Reason::EmptiesHost
        } else if used[from as usize] > wish.limit * host.cpu {
            Reason::RelievesOverload
        } else {
            Reason::Rearranges
        };
        Move {
            vm: snapshot.vms[vm as usize].name.clone(),
            from: host.name.clone(),
            to: snapshot.hosts[to as usize].name.clone(),
            reason,
            gain_j: back.unwrap_or(0) as f64 / MICRO,
            cost_j: instance.items.move_cost[vm as usize] as f64 / MICRO,
            waits,
        }
    };
    let (order, waiting) = ordered(snapshot, new);
    let waiting = waiting.into_iter().map(|vm| word(vm, true));
    order.into_iter().map(|vm| word(vm, false)).chain(waiting).collect()
}

/// Moved VMs in an order in which memory and CPU suffice, and those for which there is none.
fn ordered(snapshot: &Snapshot, new: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut cpu = snapshot.used(&snapshot.home);
    let mut ram = vec![0.0; snapshot.hosts.len()];
    for (vm, &home) in snapshot.vms.iter().zip(&snapshot.home) {
        ram[home as usize] += vm.ram_mb;
    }
    let moved = (0..new.len() as u32).filter(|&v| new[v as usize] != snapshot.home[v as usize]);
    let (mut left, mut order): (Vec<u32>, Vec<u32>) = (moved.collect(), Vec::new());
    loop {
        let before = left.len();
        left.retain(|&v| {
            let vm = &snapshot.vms[v as usize];
            let (from, to) = (snapshot.home[v as usize] as usize, new[v as usize] as usize);
            let host = &snapshot.hosts[to];
            let fits =
                ram[to] + vm.ram_mb <= host.ram_mb + 1e-6 && cpu[to] + vm.cpu <= host.cpu + 1e-6;
            if fits {
                ram[to] += vm.ram_mb;
                cpu[to] += vm.cpu;
                ram[from] -= vm.ram_mb;
                cpu[from] -= vm.cpu;
                order.push(v);
            }
            !fits
        });
        if left.len() == before {
            return (order, left);
        }
    }
}

/// Time that a search takes where nothing is said.
pub const TIME: Duration = Duration::from_secs(10);
