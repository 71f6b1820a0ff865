//! The moves that come nearest to a wish, what each of them is good for, and how much better any
//! other plan could be.
//!
//! A reassignment problem is built from the wish and searched ([`crate::reassign`]); a small one is
//! proved by an integer programme ([`super::exact`]). The moves are put in an order in which each
//! has room when its turn comes; those that wait for each other are marked. What a move gains is
//! what the plan would lose without it: all others made, this one not.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::exact;
use super::goal::{Goal, MICRO, Wish};
use super::snapshot::Snapshot;
use crate::milp;
use crate::reassign::{
    Error, Hints, Instance, Options, Progress, Shift, Solution, State, Status, solve_with,
};

/// Prices of moves that are tried for a front, as multiples of the weights, and for a cap.
const PRICES: [f64; 7] = [30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.0];

/// Part of the time that the search may take before an integer programme is tried.
const SEARCH: f64 = 0.3;

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

/// Power and moves of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Power afterwards, W.
    pub power_w: f64,
    /// Moves that it takes.
    pub moves: usize,
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
    /// A cost below which no plan lies, J.
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
    /// The moves in order.
    pub moves: Vec<Move>,
    /// Answers of which none is better in power and moves than another, by falling power.
    pub front: Vec<Point>,
    /// Who answered: the search, or the solver that proved it.
    pub solver: String,
}

/// The best plan within `options`; `watch` is told how it goes and may end it. With `front` several
/// prices of moves share the time.
///
/// # Errors
///
/// Problems of the snapshot as a reassignment problem: GLN-543 to GLN-548.
pub fn improve(
    snapshot: &Snapshot,
    wish: &Wish,
    options: Options,
    front: bool,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Plan, Error> {
    if wish.goal != Goal::PowerCap && !front {
        let instance = wish.instance(snapshot, 1.0);
        let (solution, solver) = solved(&instance, options, watch)?;
        return Ok(plan(snapshot, wish, &instance, solution, solver));
    }
    let mut share = options;
    share.budget.time = options.budget.time.map(|time| time / PRICES.len() as u32);
    share.budget.steps = options.budget.steps.map(|steps| (steps / PRICES.len() as u64).max(1));
    let (mut answers, mut points) = (Vec::new(), Vec::new());
    for price in PRICES {
        let instance = wish.instance(snapshot, price);
        let (solution, solver) = solved(&instance, share, watch)?;
        let stopped = solution.status == Status::Stopped;
        let found = plan(snapshot, wish, &instance, solution, solver);
        points.push(Point { power_w: found.power_w, moves: found.moves.len() });
        let enough = found.reached && wish.goal == Goal::PowerCap;
        answers.push((price, found));
        if stopped || (enough && !front) {
            break;
        }
    }
    let chosen = chosen(&answers, wish.goal);
    let mut best = answers.swap_remove(chosen).1;
    best.front = not_dominated(points);
    Ok(best)
}

/// For a cap: the first answer that reaches it, else the one with least power; else that at the
/// weights as they are.
fn chosen(answers: &[(f64, Plan)], goal: Goal) -> usize {
    let least = (0..answers.len())
        .min_by(|&a, &b| answers[a].1.power_w.total_cmp(&answers[b].1.power_w))
        .unwrap_or(0);
    if goal == Goal::PowerCap {
        return answers.iter().position(|(_, plan)| plan.reached).unwrap_or(least);
    }
    answers.iter().position(|(price, _)| *price == 1.0).unwrap_or(answers.len() - 1)
}

fn not_dominated(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a.moves.cmp(&b.moves).then(a.power_w.total_cmp(&b.power_w)));
    let mut front: Vec<Point> = Vec::new();
    for point in points {
        if front.last().is_none_or(|last| point.power_w < last.power_w - 1e-9) {
            front.push(point);
        }
    }
    front
}

/// The search, and the integer programme where it is small enough.
fn solved(
    instance: &Instance,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(Solution, String), Error> {
    instance.check("snapshot")?;
    let begun = Instant::now();
    let small = milp::SOLVER.filter(|_| exact::is_small(instance));
    let mut first = options;
    if small.is_some() {
        first.budget.time = options.budget.time.map(|time| time.mul_f64(SEARCH));
    }
    let solution = solve_with(instance, first, &Hints::default(), watch)?;
    let done = matches!(solution.status, Status::Optimal | Status::GapReached | Status::Stopped);
    let Some(solver) = small.filter(|_| !done) else {
        return Ok((solution, "search".to_owned()));
    };
    let left = options.budget.time.map(|time| time.saturating_sub(begun.elapsed()));
    let limits = milp::Limits { gap: options.gap.max(1e-4), time: left, nodes: None };
    let Some(found) = exact::exact(instance, &solution.assignment, limits) else {
        return Ok((solution, "search".to_owned()));
    };
    let lower_bound = found.bound.unwrap_or(i64::MIN).max(solution.lower_bound);
    let mut state = State::as_it_is(instance);
    state.become_like(&found.assignment);
    let mut new = solution;
    if state.is_sound() && state.cost() < new.cost {
        (new.cost, new.terms, new.assignment) = (state.cost(), state.terms(), found.assignment);
    }
    new.lower_bound = lower_bound.min(new.cost);
    if new.gap() <= limits.gap {
        new.status = if new.gap() == 0.0 { Status::Optimal } else { Status::GapReached };
    }
    Ok((new, format!("search and {solver}")))
}

fn plan(
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
