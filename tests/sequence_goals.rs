//! Are small plans as good as can be by every goal? Held against all orders, and against all ways
//! to rearrange VMs, by code that shares nothing with the planner.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use galerna::engine::{doubts, verified_plan};
use galerna::id::{HostId, Id};
use galerna::random::{Stream, below, stream};
use galerna::sequence::{Detour, Goal, Host, Instance, Move, MoveKind, Options, Plan, Step, plan};
use galerna::units::Bytes;

fn between(low: u64, high: u64, random: &mut Stream) -> u64 {
    low + below((high - low + 1) as usize, random) as u64
}

/// Up to five VMs on three hosts and where they go; both placements fit, with `spare` room at most.
fn small(random: &mut Stream, most: u64, spare: u64) -> Instance {
    let mut hosts: Vec<Host> =
        (0..3).map(|i| Host::with_memory(format!("h{i}"), Bytes(0))).collect();
    let (mut after, mut moves) = ([0; 3], Vec::new());
    for number in 0..between(2, most, random) {
        let memory = between(1, 3, random);
        let [from, to] = [0, 0].map(|_| below(3, random));
        hosts[from].used_memory += Bytes(memory);
        after[to] += memory;
        if from != to {
            let seconds = between(2, 9, random) as f64;
            let ids = [from, to].map(HostId::from_index);
            let one = Move::new(format!("v{number}"), ids[0], ids[1], Bytes(memory), seconds);
            let path = vec![2 * from as u32, 2 * to as u32 + 1];
            moves.push(Move {
                path,
                rate: 1.0,
                bytes: between(1, 99, random) as f64,
                // Less than any suspension, so that nothing is suspended without need.
                downtime_s: between(1, 4, random) as f64 / 10.0,
                energy_j: between(1, 99, random) as f64,
                ..one
            });
        }
    }
    for (host, after) in hosts.iter_mut().zip(after) {
        host.memory = Bytes(host.used_memory.0.max(after) + between(0, spare, random));
    }
    Instance { hosts, links: vec![1.0; 6], moves }
}

/// The steps of a plan that begins with `steps` and then with `one`, as early as the verifier lets
/// it: at 0 or at the end of another.
fn placed(instance: &Instance, plan: &Plan, number: usize) -> Option<Plan> {
    let mut times: Vec<f64> = plan.steps.iter().map(|step| step.end_s).chain([0.0]).collect();
    times.sort_by(f64::total_cmp);
    times.into_iter().find_map(|start_s| {
        let what = instance.moves[number].clone();
        let end_s = start_s + what.seconds;
        let mut longer = plan.clone();
        longer.steps.push(Step { number, what, start_s, end_s });
        doubts(instance, &longer).is_empty().then_some(longer)
    })
}

/// The least makespan and the least sum of ends over all orders; one of the active schedules that
/// orders give is best by either.
fn best_of_all_orders(instance: &Instance) -> Option<(f64, f64)> {
    let nothing = plan(&Instance::default(), &Options::default()).expect("nothing");
    let (mut least, mut open) = (None, vec![(nothing, 0_u32)]);
    while let Some((so_far, taken)) = open.pop() {
        let left = (0..instance.moves.len()).filter(|at| taken >> at & 1 == 0);
        if taken.count_ones() as usize == instance.moves.len() {
            let ends = || so_far.steps.iter().map(|step| step.end_s);
            let (makespan, sum) = (ends().fold(0.0, f64::max), ends().sum());
            let (a, b): (f64, f64) = least.unwrap_or((f64::INFINITY, f64::INFINITY));
            least = Some((a.min(makespan), b.min(sum)));
        }
        open.extend(left.filter_map(|at| Some((placed(instance, &so_far, at)?, taken | 1 << at))));
    }
    least
}

#[test]
fn makespan_and_sum_of_ends_are_those_of_the_best_order() {
    let mut random = stream(0, "sequence_goals.orders");
    let mut compared = 0;
    for _ in 0..200 {
        let instance = small(&mut random, 5, 3);
        let Some((makespan, sum)) = best_of_all_orders(&instance) else { continue };
        let by = |goal| {
            let options = Options { goal, ..Options::default() };
            verified_plan(&instance, &options).expect("there is an order")
        };
        assert_eq!(by(Goal::Makespan).makespan_s, makespan, "{instance:?}");
        assert_eq!(by(Goal::SumOfEnds).sum_of_ends_s, sum, "{instance:?}");
        compared += usize::from(instance.moves.len() > 2);
    }
    assert!(compared > 40, "{compared}");
}

/// Where a VM is: on a host, or on a disk.
type Places = Vec<Option<usize>>;

/// The least amount by which all VMs get where they should, one after the other, over any hosts and
/// a disk of `rate`; Dijkstra's search over all placements.
fn least_amount(instance: &Instance, goal: Goal, rate: Option<f64>) -> Option<f64> {
    let moves = &instance.moves;
    let amount = |one: &Move| goal.amount(one).expect("it is timeless");
    let begin: Places = moves.iter().map(|one| Some(one.from.index())).collect();
    let end: Places = moves.iter().map(|one| Some(one.to.index())).collect();
    let room = |places: &Places, at: usize, host: usize| {
        let here = |(one, place): (&Move, &Option<usize>)| {
            let before = if one.from.index() == host { one.memory.0 as i64 } else { 0 };
            let now = if *place == Some(host) { one.memory.0 as i64 } else { 0 };
            now - before
        };
        let used: i64 = moves.iter().zip(places).map(here).sum();
        let host = &instance.hosts[host];
        host.used_memory.0 as i64 + used + moves[at].memory.0 as i64 <= host.memory.0 as i64
    };
    let (mut least, mut open) = (BTreeMap::new(), BinaryHeap::new());
    open.push((Reverse(0_u64), begin));
    while let Some((Reverse(bits), places)) = open.pop() {
        if least.contains_key(&places) {
            continue;
        }
        let cost = f64::from_bits(bits);
        if places == end {
            return Some(cost);
        }
        for (at, one) in moves.iter().enumerate() {
            let half = rate.map(|rate| match goal {
                Goal::Downtime => one.memory.0 as f64 / rate,
                _ => amount(one),
            });
            let mut go = |place: Option<usize>, more: f64| {
                let mut next = places.clone();
                next[at] = place;
                open.push((Reverse((cost + more).to_bits()), next));
            };
            for host in (0..instance.hosts.len()).filter(|&host| places[at] != Some(host)) {
                match (places[at], half) {
                    (Some(_), _) if room(&places, at, host) => go(Some(host), amount(one)),
                    (None, Some(half)) if room(&places, at, host) => go(Some(host), half),
                    _ => {}
                }
            }
            if let (Some(half), Some(_)) = (half, places[at]) {
                go(None, half);
            }
        }
        least.insert(places, cost);
    }
    None
}

#[test]
fn downtime_bytes_and_energy_are_least_over_all_ways_round() {
    let mut random = stream(1, "sequence_goals.ways");
    let (mut detours, mut suspended, mut refused) = (0, 0, 0);
    for number in 0..900 {
        let instance = small(&mut random, 4, 2);
        for goal in [Goal::Downtime, Goal::Bytes, Goal::Energy] {
            let suspend_rate = (number % 2 == 0).then_some(between(1, 4, &mut random) as f64);
            let detour = Detour { suspend_rate, ..Detour::default() };
            let options = Options { goal, detour, trials: 100, ..Options::default() };
            let known = least_amount(&instance, goal, suspend_rate);
            let Ok(made) = verified_plan(&instance, &options) else {
                assert_eq!(known, None, "{instance:?}");
                refused += 1;
                continue;
            };
            let told = match goal {
                Goal::Downtime => made.downtime_s,
                Goal::Bytes => made.bytes,
                _ => made.energy_j,
            };
            let known = known.expect("the plan is a way");
            assert!((told - known).abs() < 1e-9, "{goal:?}: {told} for {known}, {instance:?}");
            detours += made.steps.len() - instance.moves.len();
            suspended += made.steps.iter().filter(|s| s.what.kind == MoveKind::Suspend).count();
        }
    }
    assert!(detours > 60 && suspended > 40 && refused > 40, "{detours} {suspended} {refused}");
}

/// A VM stays where it is only if nothing else helps, although that would send least of all.
#[test]
fn a_vm_is_left_out_only_where_no_way_is_open() {
    let full =
        |spare: u64| Host { used_memory: Bytes(2), ..Host::with_memory("full", Bytes(2 + spare)) };
    let one = |from, to| Move::new(format!("v{from}"), HostId(from), HostId(to), Bytes(2), 5.0);
    let swap = |spare: u64| Instance {
        hosts: vec![full(0), full(0), full(spare)],
        links: vec![],
        moves: vec![one(0, 1), one(1, 0)],
    };
    let detour = Detour { reject_cost_s: Some(0.0), ..Detour::default() };
    for goal in [Goal::Downtime, Goal::Bytes, Goal::Energy] {
        let options = Options { goal, detour, ..Options::default() };
        let over = verified_plan(&swap(2), &options).expect("the third host has room");
        assert_eq!((over.steps.len(), over.rejected.len(), over.bytes), (3, 0, 6.0));
        let left = verified_plan(&swap(0), &options).expect("they may stay");
        assert_eq!((left.steps.len(), left.rejected.len()), (0, 2));
    }
}
