//! Large neighbourhood search: a few hosts at a time are packed anew by a small integer programme.
//!
//! ```text
//! repeat:  H = the next host by load, others at random, one that is off
//!          least cost of the VMs of H on the hosts of H, all else as it is        (exact.rs)
//!          keep it if the whole costs less
//! ```
//!
//! The programme begins with what there is, so that nothing gets worse. Hosts are taken in the
//! order of their load, the emptiest first, as these are the ones that might be switched off. How
//! many programmes there are follows from the budget of steps, or from the time.
//!
//! It pays where the search was short. After 20 million steps for each of two chains it found
//! nothing better on generated clusters of 50 and 200 hosts, nor did neighbourhoods of 12 and 20.
//!
//! Source: Shaw, Using Constraint Programming and Local Search Methods to Solve Vehicle Routing
//! Problems, CP 1998; with integer programmes for machines as in Jaskowski, Szubert and Gawron, A
//! hybrid MIP-based large neighborhood search heuristic for solving the machine reassignment
//! problem, Annals of Operations Research 242, 2016.

use std::time::Instant;

use super::exact::{self, Part};
use crate::milp::Limits;
use crate::random::{below, stream};
use crate::reassign::{Instance, Options, State};

/// Hosts that are packed together.
const HOSTS: usize = 6;
/// Nodes of one programme.
const NODES: u32 = 50;
/// Steps of a search that one programme counts for.
const STEPS: u64 = 500_000;
/// Programmes in a row without success, per host that is on, after which it ends.
const PATIENCE: usize = 2;

/// An assignment that costs no more than `incumbent`, and its cost.
pub(super) fn improve(instance: &Instance, incumbent: &[u32], options: Options) -> (Vec<u32>, i64) {
    let begun = Instant::now();
    let mut state = State::as_it_is(instance);
    state.become_like(incumbent);
    let (mut best, mut cost) = (incumbent.to_vec(), state.cost());
    let draws = &mut stream(options.seed, "cluster.neighbourhood");
    let rounds = options.budget.steps.map_or(u64::MAX, |steps| steps.div_ceil(STEPS));
    let (mut failures, mut turn) = (0, 0);
    for _ in 0..rounds {
        let (order, off) = by_load(instance, &best);
        let left = options.budget.time.map(|time| time.saturating_sub(begun.elapsed()));
        let is_late = left.is_some_and(|left| left.is_zero());
        if order.len() < 2 || failures > PATIENCE * order.len() || is_late {
            break;
        }
        let mut machines = vec![order[turn % order.len()]];
        while machines.len() < HOSTS.min(order.len()) {
            let other = order[below(order.len(), draws)];
            if !machines.contains(&other) {
                machines.push(other);
            }
        }
        if !off.is_empty() {
            machines.push(off[below(off.len(), draws)]);
        }
        turn += 1;
        let limits = Limits { gap: 1e-6, time: left, nodes: Some(NODES) };
        let part = Part::of(machines, &best);
        let Some(found) = exact::exact_within(instance, &part, &best, limits) else {
            failures += 1;
            continue;
        };
        state.become_like(&found.assignment);
        if state.is_sound() && state.cost() < cost {
            (cost, best, failures) = (state.cost(), found.assignment, 0);
        } else {
            failures += 1;
        }
    }
    (best, cost)
}

/// Hosts with VMs, the emptiest first, and those without.
fn by_load(instance: &Instance, assignment: &[u32]) -> (Vec<usize>, Vec<usize>) {
    let machines = instance.machine_count();
    let (mut used, mut count) = (vec![0_i64; machines], vec![0_u32; machines]);
    for (item, &machine) in (0..).zip(assignment) {
        used[machine as usize] += instance.demand(item)[0];
        count[machine as usize] += 1;
    }
    let (mut on, off): (Vec<usize>, Vec<usize>) = (0..machines).partition(|&m| count[m] > 0);
    let load = |m: usize| {
        let capacity = instance.machines.capacity[instance.row(m as u32).start].max(1);
        used[m] as f64 / capacity as f64
    };
    on.sort_by(|&a, &b| load(a).total_cmp(&load(b)).then(a.cmp(&b)));
    (on, off)
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::reassign::{Budget, generate, solve};

    fn options(steps: u64, seed: u64) -> Options {
        Options { budget: Budget { steps: Some(steps), time: None }, threads: 1, seed, gap: 0.0 }
    }

    /// After a short search there is something left to find; what is found keeps all rules, costs
    /// less, and is the same again.
    #[test]
    fn hosts_packed_anew_cost_less() {
        if crate::milp::SOLVER.is_none() {
            return;
        }
        for seed in 0..3 {
            let instance = generate::consolidation(30, 90, seed).unwrap();
            assert!(exact::is_stated(&instance) && !instance.budgets.ingress.is_empty());
            let go_on = &mut |_: &_| ControlFlow::Continue(());
            let short = solve(&instance, options(20_000, seed), go_on).unwrap();
            let (found, cost) = improve(&instance, &short.assignment, options(10_000_000, seed));
            let mut state = State::as_it_is(&instance);
            state.become_like(&found);
            assert!(state.is_sound() && state.cost() == cost);
            println!("{seed}: {} -> {cost}, bound {}", short.cost, short.lower_bound);
            assert!(cost < short.cost && cost >= short.lower_bound, "{cost} of {}", short.cost);
            let again = improve(&instance, &short.assignment, options(10_000_000, seed));
            assert_eq!(again, (found, cost));
        }
    }

    /// With all hosts in one neighbourhood the answer is the best there is.
    #[test]
    fn a_neighbourhood_of_all_hosts_is_the_whole_problem() {
        if crate::milp::SOLVER.is_none() {
            return;
        }
        for seed in 0..4 {
            let instance = generate::consolidation(4, 7, seed).unwrap();
            let mut least = i64::MAX;
            let mut state = State::as_it_is(&instance);
            for code in 0..4_u32.pow(7) {
                let places: Vec<u32> = (0..7).map(|vm| code / 4_u32.pow(vm) % 4).collect();
                state.become_like(&places);
                if state.is_sound() {
                    least = least.min(state.cost());
                }
            }
            let limits = Limits { gap: 0.0, time: None, nodes: Some(1_000) };
            let all = Part::of((0..4).collect(), &instance.start);
            let found = exact::exact_within(&instance, &all, &instance.start, limits).unwrap();
            state.become_like(&found.assignment);
            assert_eq!(state.cost(), least, "seed {seed}");
        }
    }
}
