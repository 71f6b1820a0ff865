//! Are plans as short as they can be, and does every one of them hold at every instant?

mod shared;

use std::fs;
use std::time::Duration;

use cpu_time::ProcessTime;
use galerna::engine::doubts;
use galerna::id::{HostId, Id};
use galerna::migrate::{Channel, Constants, Dirty, Memory, MigrationModel, PAGE, PreCopy, Task};
use galerna::random::{below, stream};
use galerna::sequence::{
    Detour, Host, Instance, Interruption, Move, Options, Plan, plan, remainder,
};
use galerna::topology::{Cable, Routes, generate};
use galerna::units::Bytes;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Asserts that `plan` holds, by code that shares nothing with the planner, and that every VM ends
/// where it should.
fn assert_holds(instance: &Instance, plan: &Plan) {
    let problems = doubts(instance, plan);
    assert!(problems.is_empty(), "{problems:?}");
    for one in &instance.moves {
        let last = plan.steps.iter().rfind(|step| step.what.name == one.name);
        let rejected = plan.rejected.iter().any(|other| other.name == one.name);
        let arrived = last.map(|step| step.what.to);
        // Of the two halves of a detour the second one tells where it goes.
        let goal = instance.moves.iter().rfind(|other| other.name == one.name).map(|last| last.to);
        assert!(rejected || arrived == goal, "{} ends at {arrived:?}", one.name);
    }
}

fn gib(size: u64) -> Bytes {
    Bytes::from_gib(size)
}

/// A host that holds one VM of 2 GiB and has no room for another.
fn full(name: &str) -> Host {
    Host { used_memory: gib(2), ..Host::with_memory(name, gib(3)) }
}

fn between(from: u32, to: u32) -> Move {
    Move::new(format!("vm {from}-{to}"), HostId(from), HostId(to), gib(2), 10.0)
}

fn instance(hosts: Vec<Host>, moves: Vec<Move>) -> Instance {
    Instance { hosts, links: vec![], moves }
}

#[test]
fn two_full_hosts_swap_over_a_third_in_three_moves() {
    let hosts = vec![full("a"), full("b"), Host::with_memory("c", gib(3))];
    let swap = instance(hosts, vec![between(0, 1), between(1, 0)]);
    let plan = plan(&swap, &Options::default()).expect("there is a way round");
    assert_holds(&swap, &plan);
    assert_eq!((plan.steps.len(), plan.makespan_s), (3, 30.0));
    assert!(plan.is_optimal(), "bound {}", plan.lower_bound_s);
}

#[test]
fn without_room_a_swap_is_refused_suspended_or_left_undone() {
    let swap = instance(vec![full("a"), full("b")], vec![between(0, 1), between(1, 0)]);
    let error = plan(&swap, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("GLN-533 plan: these wait for each other: vm 0-1, vm 1-0"), "{error}");
    let rate = Some(gib(2).0 as f64 / 5.0);
    let detour = Detour { suspend_rate: rate, ..Detour::default() };
    let suspended = plan(&swap, &Options { detour, ..Options::default() }).expect("disk has room");
    assert_holds(&swap, &suspended);
    // 5 s to disk, 10 s for the other VM, 5 s from disk.
    assert_eq!((suspended.makespan_s, suspended.downtime_s), (20.0, 10.0));
    let detour = Detour { reject_cost_s: Some(1.0), ..Detour::default() };
    let left = plan(&swap, &Options { detour, ..Options::default() });
    // Leaving one where it is leaves no room for the other either.
    let left = left.expect("both may stay");
    assert_eq!((left.rejected.len(), left.steps.len()), (2, 0));
}

/// k hosts in a ring, all but one full: k moves, one after the other.
#[test]
fn a_ring_of_full_hosts_turns_one_move_at_a_time() {
    for k in [3_u32, 5, 8] {
        let mut hosts: Vec<Host> = (0..k).map(|_| full("ring")).collect();
        hosts[k as usize - 1].memory = gib(4);
        let ring = instance(hosts, (0..k).map(|i| between(i, (i + 1) % k)).collect());
        let plan = plan(&ring, &Options::default()).expect("it turns");
        assert_holds(&ring, &plan);
        assert_eq!((plan.steps.len(), plan.makespan_s), (k as usize, f64::from(k) * 10.0));
    }
}

/// n VMs leave one host: its uplink carries one at a time.
#[test]
fn the_evacuation_of_a_host_takes_as_long_as_its_uplink() {
    let mut hosts = vec![Host::with_memory("source", gib(99)); 7];
    hosts[0].used_memory = gib(12);
    let moves = (1..7).map(|to| Move { path: vec![0], rate: 5.0, ..between(0, to) }).collect();
    let star = Instance { hosts, links: vec![5.0], moves };
    let plan = plan(&star, &Options::default()).expect("there is room");
    assert_holds(&star, &plan);
    assert_eq!((plan.makespan_s, plan.gap()), (60.0, 0.0));
}

#[test]
fn deadlines_come_before_the_makespan_and_order_is_kept() {
    let mut hosts = vec![Host::with_memory("h", gib(99)); 3];
    hosts[0].used_memory = gib(8);
    let one = |name: &str, seconds: f64, deadline_s| {
        let plain = Move::new(name.into(), HostId(0), HostId(1), gib(2), seconds);
        Move { path: vec![0], rate: 1.0, deadline_s, ..plain }
    };
    let mut moves = vec![one("long", 30.0, None), one("urgent", 10.0, Some(12.0))];
    moves.push(Move { after: vec![0], ..one("last", 1.0, None) });
    let instance = Instance { hosts, links: vec![1.0], moves };
    let plan = plan(&instance, &Options::default()).expect("there is room");
    let names: Vec<&str> = plan.steps.iter().map(|step| step.what.name.as_str()).collect();
    assert_eq!((names, plan.late), (vec!["urgent", "long", "last"], 0));
}

/// One published plan: its moves with their published durations, and its own makespan.
struct Published {
    name: String,
    instance: Instance,
    published: Plan,
}

/// The random plans: 12 GB of memory a host; links of 500, 500, 1000, 1000 Mbit/s.
fn published_plans(text: &str) -> Vec<Published> {
    let mut found: Vec<Published> = Vec::new();
    for line in text.lines().skip(1).filter(|line| line.starts_with("random")) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<f64>().expect("a number");
        if found.last().is_none_or(|last| last.name != cells[0]) {
            let hosts = (0..4).map(|i| Host::with_memory(format!("n{i}"), Bytes(12_000_000_000)));
            let links = [500.0, 500.0, 1000.0, 1000.0].iter().flat_map(|&mbit| [mbit, mbit]);
            let instance =
                Instance { hosts: hosts.collect(), links: links.collect(), moves: Vec::new() };
            let published = plan(&Instance::default(), &Options::default()).expect("nothing");
            found.push(Published { name: cells[0].into(), instance, published });
        }
        let last = found.last_mut().expect("it was just added");
        let [from, to] = [2, 3].map(|at| HostId(number(at) as u32));
        let memory = Bytes(number(4) as u64 * 1_000_000);
        let one = Move::new(cells[1].into(), from, to, memory, number(10) - number(9));
        let path = vec![2 * from.0, 2 * to.0 + 1];
        let one = Move { path, rate: number(8), ..one };
        let host = &mut last.instance.hosts[from.index()];
        host.used_memory += memory;
        last.instance.moves.push(one.clone());
        let (start_s, end_s, number) = (number(9), number(10), last.published.steps.len());
        last.published.steps.push(galerna::sequence::Step { number, what: one, start_s, end_s });
    }
    found
}

#[test]
fn published_plans_hold_and_ours_are_no_longer_than_the_best_known() {
    let Some(path) = shared::file("traces/mvm-plans/migrations.csv") else { return };
    let text = fs::read_to_string(&path).expect("it is readable");
    let best = fs::read_to_string(path.with_file_name("best_found.csv")).expect("it stands beside");
    let best: Vec<(&str, f64)> = best
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[0], cells[3].parse().expect("a number"))
        })
        .collect();
    let (mut sum, mut proven, mut slowest) = (0.0, 0, Duration::ZERO);
    let plans = published_plans(&text);
    assert_eq!(plans.len(), 25);
    for published in &plans {
        assert_holds(&published.instance, &published.published);
        let clock = ProcessTime::now();
        let options = Options { grain_s: 1.0, ..Options::default() };
        let ours = plan(&published.instance, &options).expect("it was carried out before");
        let took = clock.elapsed();
        slowest = slowest.max(took);
        assert_holds(&published.instance, &ours);
        let (_, known) = best.iter().find(|(name, _)| *name == published.name).expect("listed");
        println!(
            "{:10} {:5} s, best known {known:5} s, bound {:5} s, {took:?}",
            published.name, ours.makespan_s, ours.lower_bound_s
        );
        assert!(ours.makespan_s <= *known, "{}: {} > {known}", published.name, ours.makespan_s);
        sum += ours.makespan_s;
        proven += usize::from(ours.is_optimal());
    }
    println!("sum {sum} s, {proven} of 25 proven optimal, slowest {slowest:?}");
    assert!(sum <= 5436.0, "{sum}");
    assert!(proven >= 21, "only {proven} are proven optimal");
}

/// The fat tree of the benchmark: 1,024 hosts, 1,000 moves.
fn fat_tree() -> Instance {
    let cable = Cable::mbit(10_000.0, 1);
    let tree = generate::fat_tree(16, cable);
    let mut routes = Routes::new(&tree);
    let mut random = stream(0, "fat-tree");
    let mut hosts: Vec<Host> =
        (0..tree.hosts()).map(|i| Host::with_memory(format!("h{i}"), gib(1024))).collect();
    let constants = Constants::default();
    let mut moves = Vec::new();
    for number in 0..1000 {
        let from = below(hosts.len(), &mut random);
        let to = (from + 1 + below(hosts.len() - 1, &mut random)) % hosts.len();
        let part = |random: &mut _| below(1 << 20, random) as f64 / f64::from(1 << 20);
        let used = Bytes((gib(1).0 as f64 * (1.0 + 7.0 * part(&mut random))) as u64);
        let rate = 0.2 * part(&mut random) * cable.0.capacity.0 / PAGE;
        let dirty = Dirty::Constant { rate, working_set: 64.0 * 256.0 };
        let task = Task::new(Memory::of(used, used, dirty), Channel::link(cable.0.capacity));
        let prediction = PreCopy.predict(&task, &constants, None).expect("built-in");
        let [from, to] = [from, to].map(HostId::from_index);
        let path = routes.path(from, to).expect("connected").to_vec();
        let one = Move::new(format!("vm{number}"), from, to, used, 1.0).costing(&prediction);
        let host = &mut hosts[from.index()];
        host.used_memory += used;
        moves.push(Move { path, rate: cable.0.capacity.0, ..one });
    }
    Instance { hosts, links: tree.capacities(), moves }
}

#[test]
fn a_thousand_moves_on_a_fat_tree_are_within_five_per_cent_of_the_bound() {
    let instance = fat_tree();
    let clock = ProcessTime::now();
    let plan = plan(&instance, &Options { trials: 40, ..Options::default() }).expect("room");
    let took = clock.elapsed();
    println!(
        "{:.2} s, bound {:.2} s, gap {:.2} %, {took:?}",
        plan.makespan_s,
        plan.lower_bound_s,
        100.0 * plan.gap()
    );
    assert_holds(&instance, &plan);
    assert!(plan.gap() <= 0.05, "{}", plan.gap());
    assert_eq!(plan.steps.len(), 1000);
}

/// A random fleet and a random other placement of its VMs, both of which fit.
fn random_instance() -> impl Strategy<Value = Instance> {
    let vm = (1..5_u64, 0..5_u32, 0..5_u32, 1.0..9.0_f64);
    (prop::collection::vec(vm, 1..14), 0..4_u64).prop_map(|(vms, spare)| {
        let mut hosts: Vec<Host> =
            (0..5).map(|i| Host::with_memory(format!("h{i}"), Bytes(0))).collect();
        let mut after = [0; 5];
        let mut moves = Vec::new();
        for (number, (memory, from, to, seconds)) in vms.into_iter().enumerate() {
            let host = &mut hosts[from as usize];
            host.used_memory += Bytes(memory);
            after[to as usize] += memory;
            if from != to {
                let [a, b] = [from, to].map(HostId);
                let one = Move::new(format!("vm{number}"), a, b, Bytes(memory), seconds);
                moves.push(Move { path: vec![2 * from, 2 * to + 1], rate: 1.0, ..one });
            }
        }
        for (host, after) in hosts.iter_mut().zip(after) {
            host.memory = Bytes(host.used_memory.0.max(after) + spare);
        }
        Instance { hosts, links: vec![2.0; 10], moves }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(2015),
        ..ProptestConfig::default()
    })]
    #[test]
    fn every_plan_of_a_random_instance_holds(instance in random_instance()) {
        let detour = Detour { suspend_rate: Some(1.0), ..Detour::default() };
        let options = Options { detour, trials: 60, ..Options::default() };
        let plan = plan(&instance, &options).expect("a disk breaks every circle");
        assert_holds(&instance, &plan);
        prop_assert!(plan.makespan_s >= plan.lower_bound_s * (1.0 - 1e-9));
    }
    /// Interrupted anywhere, with any moves under way aborted, a plan can be made again from what
    /// is left, and every VM gets where it should.
    #[test]
    fn an_interrupted_plan_is_planned_again(
        instance in random_instance(),
        part in 0.0..1.0_f64,
        aborted in prop::collection::vec(any::<bool>(), 40),
    ) {
        let detour = Detour { suspend_rate: Some(1.0), ..Detour::default() };
        let options = Options { detour, trials: 20, ..Options::default() };
        let first = plan(&instance, &options).expect("a disk breaks every circle");
        let at_s = part * first.makespan_s;
        let numbers = first.steps.iter().map(|step| step.number);
        let aborted = numbers.filter(|&n| aborted[n % aborted.len()]).collect();
        let happened = Interruption { dead: vec![], aborted };
        let left = remainder(&instance, &first, at_s, &happened);
        prop_assert!(left.impossible.is_empty());
        let second = plan(&left.instance, &options).expect("a disk breaks every circle");
        assert_holds(&left.instance, &second);
        for one in &instance.moves {
            let over = first.steps.iter().filter(|step| step.end_s <= at_s);
            let mut steps = over.chain(&second.steps).filter(|step| step.what.name == one.name);
            prop_assert_eq!(steps.next_back().map(|step| step.what.to), Some(one.to));
        }
    }
}

#[test]
fn what_is_bound_for_a_dead_host_stays_and_is_told() {
    let mut hosts = vec![Host::with_memory("h", gib(9)); 3];
    hosts[0].used_memory = gib(4);
    let both = instance(hosts, vec![between(0, 1), between(0, 2)]);
    let first = plan(&both, &Options::default()).expect("there is room");
    let happened = Interruption { dead: vec![HostId(1)], aborted: vec![] };
    let left = remainder(&both, &first, 4.0, &happened);
    assert_eq!(left.impossible.len(), 1);
    assert_eq!(left.instance.moves.len(), 1);
    let second = plan(&left.instance, &Options::default()).expect("there is room");
    assert_eq!((second.makespan_s, second.steps[0].what.begun), (6.0, true));
}
