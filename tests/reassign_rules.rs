//! Do an operator's rules hold, whatever a search does? Every kind against an independent check, on
//! random walks, and whole answers against brute force.

use std::ops::ControlFlow;

use galerna::check::reassign::{Judgement, judge};
use galerna::random::{self, Stream, stream};
use galerna::reassign::{
    Budget, Budgets, Ceiling, Clash, Constraint, Curve, Error, Instance, Items, Lists, Machines,
    MoveWeights, Options, Power, Services, Shift, Solution, State, Status, Swap, Tier, clash,
    generate, solve,
};

const MACHINES: usize = 4;
const KINDS: usize = 19;

/// A small cluster in which machines can be switched off.
fn cluster(items: usize, stream: &mut Stream) -> Instance {
    let mut draw = |bound: usize| random::below(bound, stream) as i64;
    let curve = Curve::through(&[0, 4, 10, 20], 4);
    let instance = Instance {
        transient: vec![false; 2],
        load_weight: vec![draw(4), 0],
        machines: Machines {
            neighbourhood: vec![0; MACHINES],
            location: (0..MACHINES as u32).collect(),
            capacity: (0..MACHINES).flat_map(|_| [12, 8 + draw(4)]).collect(),
            safety: (0..MACHINES).flat_map(|_| [6 + draw(5), 12]).collect(),
            move_cost: Vec::new(),
        },
        items: Items {
            service: (0..items as u32).collect(),
            demand: (0..items).flat_map(|_| [1 + draw(4), 1 + draw(3)]).collect(),
            move_cost: (0..items).map(|_| draw(5)).collect(),
            bytes: (0..items).map(|_| 1 + draw(9)).collect(),
            link_time: (0..items).map(|_| 1 + draw(9)).collect(),
        },
        services: Services {
            spread: vec![0; items],
            dependencies: Lists::from_iter(vec![Vec::new(); items]),
        },
        weights: MoveWeights { item: 1, service: draw(2), machine: 0 },
        power: Power {
            resource: 0,
            idle: (0..MACHINES).map(|_| 10 + draw(30)).collect(),
            curve: (0..MACHINES).map(|_| draw(2) as u32).collect(),
            curves: vec![Curve::linear(2), curve],
        },
        tiers: vec![Tier { resource: 0, threshold: vec![10; MACHINES], weight: draw(9) }],
        ..Instance::default()
    };
    let start = (0..items).map(|item| (item % MACHINES) as u32).collect();
    Instance { start, ..instance }
}

/// Some of `0..count`, between `least` and all.
fn some(count: usize, least: usize, stream: &mut Stream) -> Vec<u32> {
    let take = least + random::below(count - least + 1, stream);
    let mut chosen: Vec<u32> =
        random::permutation(count, stream)[..take].iter().map(|&n| n as u32).collect();
    chosen.sort_unstable();
    chosen
}

/// Two disjoint parts of some of `0..count`.
fn two_parts(count: usize, stream: &mut Stream) -> Vec<Vec<u32>> {
    let all = some(count, 2, stream);
    let (first, second) = all.split_at(1 + random::below(all.len() - 1, stream));
    vec![first.to_vec(), second.to_vec()]
}

/// Adds a rule of one kind; the last three are budgets.
fn add_rule(instance: &mut Instance, kind: usize, stream: &mut Stream) {
    let items = instance.item_count();
    let machines = some(MACHINES, 1, stream);
    let most = random::below(5, stream) as i64;
    let resource = random::below(2, stream);
    let of_items = some(items, 1, stream);
    let rule = match kind {
        0 => Constraint::Spread { items: of_items },
        1 => Constraint::Gather { items: of_items },
        2 => Constraint::Lonely { items: of_items },
        3 => Constraint::Split { sets: two_parts(items, stream) },
        4 => Constraint::SplitAmong {
            sets: two_parts(items, stream),
            groups: two_parts(MACHINES, stream),
        },
        5 => Constraint::Among { items: of_items, groups: two_parts(MACHINES, stream) },
        6 => Constraint::Ban { items: of_items, machines: some(MACHINES - 1, 1, stream) },
        7 => Constraint::Fence { items: of_items, machines },
        8 => Constraint::Root { items: of_items },
        9 => Constraint::Quarantine { machines },
        10 => Constraint::Offline { machines: some(MACHINES - 1, 1, stream) },
        11 => Constraint::Preserve { items: of_items, resource, amount: 2 + most },
        12 => Constraint::Overbook { machines, resource, percent: 60 + 20 * most },
        13 => Constraint::RunningCapacity { machines, most },
        14 => Constraint::ResourceCapacity { machines, resource, most: 2 + 2 * most },
        15 => Constraint::MaxOnline { machines, most },
        16 => {
            instance.budgets.moves = Some(most);
            instance.budgets.bytes = (most > 2).then_some(10);
            instance.budgets.link_time = (most < 2).then_some(12);
            return;
        }
        17 => {
            instance.budgets.ingress = vec![8; MACHINES];
            instance.budgets.egress = vec![5 + most; MACHINES];
            return;
        }
        _ => {
            add_ceiling(instance, stream);
            return;
        }
    };
    instance.constraints.push(rule);
}

/// Adds a ceiling between what the start and another assignment cost by some prices.
fn add_ceiling(instance: &mut Instance, stream: &mut Stream) {
    let mut prices = Instance { constraints: Vec::new(), ..instance.clone() };
    (prices.budgets, prices.weights.service) = (Budgets::default(), 0);
    match random::below(3, stream) {
        0 => prices.power = Power::default(),
        1 => prices.tiers.clear(),
        _ => prices.weights.item = 0,
    }
    let cost = |assignment: &[u32]| judged(&prices, assignment).cost;
    let other: Vec<u32> =
        instance.start.iter().map(|_| random::below(MACHINES, stream) as u32).collect();
    let most = (cost(&instance.start) + cost(&other)) / 2;
    let most = i64::try_from(most).expect("costs are small");
    instance.budgets.ceilings.push(Ceiling { prices: Box::new(prices), most });
}

fn as_text(instance: &Instance) -> String {
    serde_json::to_string(instance).expect("numbers and lists can be written")
}

fn judged(instance: &Instance, assignment: &[u32]) -> Judgement {
    judge(&as_text(instance), assignment).expect("the assignment fits")
}

fn solved(instance: &Instance, steps: u64) -> Result<Solution, Error> {
    let budget = Budget { steps: Some(steps), ..Budget::default() };
    let options = Options { budget, threads: 1, seed: 0, gap: 0.0 };
    solve(instance, options, &mut |_| ControlFlow::Continue(()))
}

/// What a change leads to, when it is made or refused in a state that keeps all rules.
fn agrees(instance: &Instance, state: &State<'_>, shifts: &[Shift], delta: Option<i64>) {
    let mut after = state.assignment().to_vec();
    shifts.iter().for_each(|shift| after[shift.item as usize] = shift.to);
    let verdict = judged(instance, &after);
    if state.is_sound() {
        let words = &verdict.breaches;
        assert_eq!(delta.is_some(), words.is_empty(), "{shifts:?} {words:?} {instance:?}");
    }
    if let Some(delta) = delta {
        assert_eq!(i128::from(state.cost() + delta), verdict.cost, "{shifts:?}");
    }
}

/// A random walk through allowed and forbidden changes. How many states kept all rules, and how
/// many did not.
fn walk(kinds: &[usize], seed: u64) -> (usize, usize) {
    let draws = &mut stream(seed, "rules");
    let mut instance = cluster(7, draws);
    kinds.iter().for_each(|&kind| add_rule(&mut instance, kind, draws));
    instance.check("drawn").expect("it is drawn within its bounds");
    let mut state = State::as_it_is(&instance);
    let (mut kept, mut broken) = (0, 0);
    for _ in 0..25 {
        let verdict = judged(&instance, state.assignment());
        assert_eq!(state.is_sound(), verdict.breaches.is_empty(), "{verdict:?} {instance:?}");
        assert_eq!(i128::from(state.cost()), verdict.cost);
        assert_eq!(state.terms().total(), state.cost());
        if state.is_sound() {
            kept += 1;
        } else {
            broken += 1;
        }
        let machines = state.assignment().to_vec();
        let [first, second] = [0; 2].map(|_| random::below(machines.len(), draws) as u32);
        let on = |item: u32| machines[item as usize];
        let to = random::below(MACHINES, draws) as u32;
        let shift = Shift { item: first, from: on(first), to };
        if on(first) != to {
            agrees(&instance, &state, &[shift], state.shift_within(shift, i64::MAX));
        }
        if on(first) != on(second) {
            let (first_on, second_on) = (on(first), on(second));
            let swap = Swap { first, first_on, second, second_on };
            agrees(&instance, &state, &swap.shifts(), state.swap_within(swap, i64::MAX));
        }
        // Mostly what is allowed, now and then what is not.
        let is_allowed = state.shift_within(shift, i64::MAX).is_some();
        if on(first) != to && (is_allowed || random::below(3, draws) == 0) {
            let delta = state.shift_delta(shift);
            state.apply(shift, delta);
        }
    }
    (kept, broken)
}

#[test]
fn every_kind_of_rule_is_judged_as_the_check_judges_it() {
    for kind in 0..KINDS {
        let counts = (0..40).map(|seed| walk(&[kind], seed));
        let (kept, broken) = counts.fold((0, 0), |(k, b), (kept, broken)| (k + kept, b + broken));
        assert!(kept > 20 && broken > 20, "kind {kind}: {kept} kept, {broken} broken");
    }
}

#[test]
fn kinds_of_rules_work_together() {
    for seed in 0..150 {
        let draws = &mut stream(seed, "kinds");
        let kinds: Vec<usize> = (0..3).map(|_| random::below(KINDS, draws)).collect();
        walk(&kinds, 1_000 + seed);
    }
}

/// All assignments of so many items.
fn assignments(items: usize) -> impl Iterator<Item = Vec<u32>> {
    (0..MACHINES.pow(items as u32)).map(move |mut number| {
        let mut digit = || {
            let digit = number % MACHINES;
            number /= MACHINES;
            digit as u32
        };
        (0..items).map(|_| digit()).collect()
    })
}

/// The least cost of all assignments that keep the rules.
fn brute_force(instance: &Instance) -> Option<i128> {
    let text = as_text(instance);
    let judged = |assignment: Vec<u32>| judge(&text, &assignment).expect("the assignment fits");
    let all = assignments(instance.item_count()).map(judged);
    all.filter(|verdict| verdict.breaches.is_empty()).map(|verdict| verdict.cost).min()
}

/// `instance` with the rules of `clash` only, but one if it is named; the budgets come last.
fn reduced(instance: &Instance, clash: &Clash, without: Option<usize>) -> Instance {
    let mut part = instance.clone();
    let kept = clash.constraints.iter().enumerate().filter(|&(at, _)| Some(at) != without);
    part.constraints = kept.map(|(_, &rule)| instance.constraints[rule].clone()).collect();
    if !clash.budgets || without == Some(clash.constraints.len()) {
        part.budgets = Budgets::default();
    }
    part
}

#[test]
fn answers_are_the_best_there_are_or_say_what_clashes() {
    let (mut impossible, mut repaired) = (0, 0);
    for seed in 0..120 {
        let draws = &mut stream(seed, "tiny");
        let mut instance = cluster(5, draws);
        for _ in 0..1 + random::below(3, draws) {
            let kind = random::below(KINDS, draws);
            add_rule(&mut instance, kind, draws);
        }
        let best = brute_force(&instance);
        match (solved(&instance, 60_000), best) {
            (Ok(solution), Some(best)) => {
                let verdict = judged(&instance, &solution.assignment);
                assert!(verdict.breaches.is_empty(), "{:?}", verdict.breaches);
                assert_eq!(i128::from(solution.cost), verdict.cost);
                assert_eq!(verdict.cost, best, "seed {seed}: {instance:?}");
                assert!(i128::from(solution.lower_bound) <= best, "seed {seed}");
                repaired += usize::from(!State::as_it_is(&instance).is_sound());
                assert_eq!(clash(&instance), None);
            }
            (Err(error), None) => {
                impossible += 1;
                assert_eq!(error.problems[0].code, "GLN-549");
                let found = clash(&instance).expect("it is small enough to be proved");
                assert_eq!(brute_force(&reduced(&instance, &found, None)), None);
                for at in 0..found.constraints.len() + usize::from(found.budgets) {
                    let less = reduced(&instance, &found, Some(at));
                    assert!(brute_force(&less).is_some(), "{found:?} without {at}");
                }
            }
            (solution, best) => panic!("seed {seed}: {solution:?}, {best:?}, {instance:?}"),
        }
    }
    assert!(impossible > 5 && repaired > 5, "{impossible} impossible, {repaired} repaired");
}

#[test]
fn bounds_of_larger_clusters_stay_below_what_is_found() {
    for seed in 0..12 {
        let instance = generate::consolidation(12, 30, seed).expect("there is room");
        let solution = solved(&instance, 300_000).expect("the start keeps all rules");
        let verdict = judged(&instance, &solution.assignment);
        assert!(verdict.breaches.is_empty(), "{:?}", verdict.breaches);
        assert_eq!(i128::from(solution.cost), verdict.cost);
        assert!(solution.lower_bound <= solution.cost);
        assert!(solution.gap() < 0.02, "seed {seed}: {}", solution.gap());
    }
}

#[test]
fn a_cluster_that_is_as_good_as_can_be_is_left_alone() {
    let instance = generate::consolidation(30, 80, 5).expect("there is room");
    let mut first = solved(&instance, 2_000_000).expect("the start keeps all rules");
    // From what was found no move pays: after another search of the same length, nothing is left.
    let mut again = instance.clone();
    for _ in 0..5 {
        again.start.clone_from(&first.assignment);
        first = solved(&again, 2_000_000).expect("an answer keeps all rules");
        if first.assignment == again.start {
            return;
        }
    }
    panic!("it still moves {:?}", first.terms);
}

#[test]
fn a_balanced_cluster_gives_an_empty_plan() {
    // Load below the thresholds everywhere, nothing can be switched off: moves only cost.
    let draws = &mut stream(3, "balanced");
    let mut instance = cluster(8, draws);
    instance.power = Power::default();
    instance.machines.safety = vec![12; 2 * MACHINES];
    instance.tiers[0].threshold = vec![12; MACHINES];
    instance.items.move_cost = vec![1; 8];
    let solution = solved(&instance, 50_000).expect("the start keeps all rules");
    assert_eq!((solution.assignment, solution.cost), (instance.start, 0));
    assert_eq!(solution.status, Status::Optimal);
}

/// Power-aware best fit decreasing from nothing: by falling use of CPU, each item to the machine
/// whose power rises least, the use of CPU kept below 80 %.
fn pabfd(instance: &Instance) -> Option<Vec<u32>> {
    let mut order: Vec<u32> = (0..instance.item_count() as u32).collect();
    order.sort_by_key(|&item| std::cmp::Reverse(instance.demand(item)[0]));
    let mut room = instance.machines.safety.clone();
    let mut is_on = vec![false; instance.machine_count()];
    let mut assignment = vec![0; order.len()];
    for item in order {
        let need = instance.demand(item);
        let fits = |m: &usize| need.iter().zip(&room[m * 2..]).all(|(need, room)| need <= room);
        let rise = |m: &usize| {
            let curve = &instance.power.curves[instance.power.curve[*m] as usize];
            (if is_on[*m] { 0 } else { instance.power.idle[*m] }) + curve.at(need[0])
        };
        let best = (0..instance.machine_count()).filter(fits).min_by_key(rise)?;
        need.iter().zip(&mut room[best * 2..]).for_each(|(need, room)| *room -= need);
        is_on[best] = true;
        assignment[item as usize] = best as u32;
    }
    Some(assignment)
}

#[test]
fn nothing_costs_more_than_power_aware_best_fit_decreasing() {
    for (hosts, vms, seed) in [(20, 60, 1), (50, 150, 2), (100, 300, 3)] {
        let instance = generate::consolidation(hosts, vms, seed).expect("there is room");
        let solution = solved(&instance, 500_000).expect("the start keeps all rules");
        let other = pabfd(&instance).expect("half of the hosts are enough");
        // Without regard to what its moves cost and whether links carry them.
        let mut free = instance.clone();
        free.items.move_cost = vec![0; vms];
        let energy = judged(&free, &solution.assignment).cost;
        assert!(i128::from(solution.cost) < judged(&instance, &other).cost);
        assert!(energy <= judged(&free, &other).cost, "{hosts} x {vms}");
    }
}

#[test]
fn an_answer_is_the_same_on_any_number_of_threads() {
    let instance = generate::consolidation(40, 120, 9).expect("there is room");
    let budget = Budget { steps: Some(400_000), ..Budget::default() };
    let [one, two] = [1, 2].map(|threads| {
        let options = Options { budget, threads, seed: 4, gap: 0.0 };
        solve(&instance, options, &mut |_| ControlFlow::Continue(())).expect("it is feasible")
    });
    assert_eq!((one.assignment, one.cost), (two.assignment, two.cost));
}

#[test]
fn fifty_hosts_are_proved_within_two_thousandths() {
    let instance = generate::consolidation(50, 150, 1).expect("there is room");
    let budget = Budget { steps: Some(20_000_000), ..Budget::default() };
    let options = Options { budget, threads: 1, seed: 0, gap: 0.002 };
    let solution = solve(&instance, options, &mut |_| ControlFlow::Continue(()));
    let solution = solution.expect("the start keeps all rules");
    assert!(matches!(solution.status, Status::GapReached | Status::Optimal), "{}", solution.gap());
}

#[test]
fn faults_of_rules_are_told_all_at_once() {
    let mut instance = generate::consolidation(4, 6, 0).expect("there is room");
    instance.constraints = vec![
        Constraint::Spread { items: vec![0, 6] },
        Constraint::Among { items: vec![1], groups: vec![vec![0, 1], vec![1]] },
        Constraint::Overbook { machines: vec![9], resource: 2, percent: -1 },
    ];
    instance.items.move_cost.pop();
    let error = instance.check("the cluster").expect_err("five things are wrong");
    let codes: Vec<&str> = error.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["GLN-547", "GLN-543", "GLN-547", "GLN-543", "GLN-543", "GLN-547"]);
}
