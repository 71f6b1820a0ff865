//! A plan: good orders first, then better ones by small changes, until the bound is met.
//!
//! Orders that are tried first: most loaded link first, longest move first, earliest deadline
//! first, those that free room for others first. Then a move is taken out of the order and put back
//! elsewhere, at random; what is no worse is kept, and from time to time the search starts again
//! from a random order. It ends when the plan is as short as the lower bound, or after a fixed
//! number of trials, so that the same instance gives the same plan.
//!
//! Source: Kolisch and Hartmann, Eur. J. Oper. Res. 174, 2006 (priority lists and their
//! neighbourhoods).

use std::cmp::Ordering;

use super::cycles::Room;
use super::serial::{Serial, Starts};
use super::{Detour, Goal, Instance, Move, bound, chronological, cycles, dependencies, ways};
use crate::id::Id;
use crate::problem::{Problem, listed};
use crate::random::{Stream, below, permutation, stream};

/// How to plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// What the plan is to be best at, deadlines first.
    pub goal: Goal,
    /// How circles may be broken.
    pub detour: Detour,
    /// Orders that are tried.
    pub trials: usize,
    /// Seed of the search.
    pub seed: u64,
    /// Durations are whole multiples of this many seconds, so that a bound may be rounded up to
    /// one; 0 where they are not.
    pub grain_s: f64,
}

impl Default for Options {
    fn default() -> Self {
        let (goal, detour) = (Goal::default(), Detour::default());
        Self { goal, detour, trials: 1000, seed: 0, grain_s: 0.0 }
    }
}

/// A move with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Number of the move; the second half of a detour has one of its own.
    pub number: usize,
    /// The move; of a detour, one half.
    pub what: Move,
    /// When it begins, s.
    pub start_s: f64,
    /// When it is over, s.
    pub end_s: f64,
}

/// Moves with their times.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// By start.
    pub steps: Vec<Step>,
    /// Moves that stay undone, to break circles.
    pub rejected: Vec<Move>,
    /// When the last move is over, s.
    pub makespan_s: f64,
    /// No plan with the same moves is shorter, s.
    pub lower_bound_s: f64,
    /// Sum of the ends, s.
    pub sum_of_ends_s: f64,
    /// Moves that miss their deadline.
    pub late: usize,
    /// Bytes sent.
    pub bytes: f64,
    /// Seconds that VMs are stopped.
    pub downtime_s: f64,
    /// Energy of all moves, joules.
    pub energy_j: f64,
}

impl Plan {
    /// How much longer than the bound it is, as a fraction of the bound; 0 is optimal.
    pub fn gap(&self) -> f64 {
        if self.lower_bound_s > 0.0 { self.makespan_s / self.lower_bound_s - 1.0 } else { 0.0 }
    }

    /// Whether it is proven that no plan with the same moves is shorter.
    pub fn is_optimal(&self) -> bool {
        self.makespan_s <= self.lower_bound_s * (1.0 + 1e-9)
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct PlanError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// Plans the moves of an instance.
///
/// # Errors
///
/// GLN-531, GLN-532 and GLN-534 where the instance is wrong, GLN-533 where moves wait for each
/// other and nothing that is allowed breaks the circle.
pub fn plan(original: &Instance, options: &Options) -> Result<Plan, PlanError> {
    let problems = original.problems();
    if !problems.is_empty() {
        return Err(PlanError { problems });
    }
    if options.goal.is_timeless()
        && let Some(plan) = ways::least(original, options)
    {
        return Ok(plan);
    }
    let (mut instance, mut rejected) = (original.clone(), Vec::new());
    let mut failed = None;
    // Every circle that is broken takes one move out of the circle for good.
    for _ in 0..=2 * original.moves.len() {
        match attempt(&instance, options, &rejected) {
            Ok(plan) => return Ok(plan),
            Err(waiting) => {
                let ways = cycles::ways_out(&instance, &waiting, options, Room::Lasting);
                let cheapest = ways.iter().min_by(|a, b| a.cost.total_cmp(&b.cost));
                let Some(way) = cheapest else {
                    failed = Some(stuck(&instance, &waiting));
                    break;
                };
                let (changed, left) = way.taken(&instance);
                instance = changed;
                rejected.extend(left);
            }
        }
    }
    // Nothing is sure to help: what may help is tried.
    let every = || stuck(original, &(0..original.moves.len()).collect::<Vec<usize>>());
    ways::least(original, options).ok_or_else(|| failed.unwrap_or_else(every))
}

/// The best plan of `instance` that is found, or the moves that wait for ever.
pub(super) fn attempt(
    instance: &Instance,
    options: &Options,
    rejected: &[Move],
) -> Result<Plan, Vec<usize>> {
    let bound = rounded(bound::lower_bound(instance), options.grain_s);
    let (starts, order) = search(instance, bound, options);
    let waiting: Vec<usize> = order.iter().copied().filter(|&at| starts[at].is_none()).collect();
    if waiting.is_empty() {
        Ok(made(instance, &starts, bound, rejected.to_vec()))
    } else {
        Err(waiting)
    }
}

fn rounded(bound: f64, grain: f64) -> f64 {
    if grain > 0.0 { (bound / grain - 1e-9).ceil() * grain } else { bound }
}

/// Why `waiting` never begin.
fn stuck(instance: &Instance, waiting: &[usize]) -> PlanError {
    let circles = dependencies::waiting_circles(instance, waiting);
    let names = |moves: &[usize]| {
        let names: Vec<&str> = moves.iter().map(|&at| instance.moves[at].name.as_str()).collect();
        names.join(", ")
    };
    let what = match circles.first() {
        Some(circle) => format!("these wait for each other: {}", names(circle)),
        None => format!("there is never room for: {}", names(waiting)),
    };
    let remedy = "Give a host with room to pass, or allow to suspend or to reject";
    PlanError { problems: vec![Problem::new("GLN-533", "plan", what, remedy)] }
}

/// Late moves, then the goal, then the other measure; moves without a time count most.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Worth {
    undone: usize,
    late: usize,
    first: f64,
    second: f64,
}

fn worth(instance: &Instance, starts: &Starts, goal: Goal) -> (Worth, f64) {
    let (mut undone, mut late, mut makespan, mut sum) = (0, 0, 0.0_f64, 0.0);
    for (one, start) in instance.moves.iter().zip(starts) {
        let Some(start) = start else {
            undone += 1;
            continue;
        };
        let end = start + one.seconds;
        late += usize::from(one.deadline_s.is_some_and(|deadline| end > deadline * (1.0 + 1e-12)));
        makespan = makespan.max(end);
        sum += end;
    }
    let (first, second) = match goal {
        Goal::SumOfEnds => (sum, makespan),
        _ => (makespan, sum),
    };
    (Worth { undone, late, first, second }, makespan)
}

/// Plans of up to so many moves are made move by move, larger ones as time goes on.
const SMALL: usize = 48;
const _: () = assert!(SMALL <= Serial::MOST);
/// Trials without progress after which the search starts from a random order.
const PATIENCE: usize = 60;

struct Search<'a> {
    instance: &'a Instance,
    /// For small plans.
    serial: Option<Serial<'a>>,
    /// What has begun before goes on: it comes first in every order.
    begun: bool,
    first: Vec<usize>,
    goal: Goal,
    bound: f64,
    best: (Starts, Vec<usize>),
    worth: Worth,
    makespan: f64,
}

impl Search<'_> {
    /// Schedules `order`, keeps it where it is the best so far, and says what it is worth.
    fn attempt(&mut self, order: &[usize]) -> Worth {
        let instance = self.instance;
        let order = if self.begun {
            let begun = |at: &&usize| instance.moves[**at].begun;
            self.first.clear();
            self.first.extend(order.iter().filter(begun));
            self.first.extend(order.iter().filter(|at| !begun(at)));
            self.first.as_slice()
        } else {
            order
        };
        let owned;
        let starts = match &mut self.serial {
            Some(serial) => serial.schedule(order),
            None => {
                owned = chronological::schedule(instance, order);
                &owned
            }
        };
        let (worth, makespan) = worth(instance, starts, self.goal);
        if worth.partial_cmp(&self.worth) == Some(Ordering::Less) {
            (self.worth, self.makespan) = (worth, makespan);
            self.best = (starts.clone(), order.to_vec());
        }
        worth
    }

    fn is_done(&self) -> bool {
        let met = self.makespan <= self.bound * (1.0 + 1e-9);
        met && self.worth.undone + self.worth.late == 0 && self.goal != Goal::SumOfEnds
    }
}

fn search(instance: &Instance, bound: f64, options: &Options) -> (Starts, Vec<usize>) {
    let count = instance.moves.len();
    let nothing = Worth { undone: usize::MAX, late: 0, first: 0.0, second: 0.0 };
    let mut search = Search {
        instance,
        serial: (count <= SMALL).then(|| Serial::new(instance)),
        begun: instance.moves.iter().any(|one| one.begun),
        first: Vec::new(),
        goal: options.goal,
        bound,
        best: (vec![None; count], (0..count).collect()),
        worth: nothing,
        makespan: f64::INFINITY,
    };
    for order in first_orders(instance) {
        search.attempt(&order);
        if search.is_done() {
            return search.best;
        }
    }
    let mut random = stream(options.seed, "sequence.improve");
    let (mut current, mut level) = (search.best.1.clone(), search.worth);
    let (mut idle, mut order) = (0, Vec::with_capacity(count));
    for _ in 0..options.trials {
        if search.is_done() || count < 2 {
            break;
        }
        order.clone_from(&current);
        shift(&mut order, &mut random);
        let worth = search.attempt(&order);
        idle = if worth < level { 0 } else { idle + 1 };
        if worth <= level {
            std::mem::swap(&mut current, &mut order);
            level = worth;
        }
        if idle > PATIENCE && count <= SMALL {
            current = together(instance, permutation(count, &mut random));
            level = search.attempt(&current);
            idle = 0;
        }
    }
    search.best
}

/// Takes one move out and puts it back elsewhere.
fn shift(order: &mut Vec<usize>, random: &mut Stream) {
    let taken = order.remove(below(order.len(), random));
    let place = below(order.len() + 1, random);
    order.insert(place, taken);
}

/// Orders worth trying before chance.
fn first_orders(instance: &Instance) -> Vec<Vec<usize>> {
    let moves = &instance.moves;
    let mut load = vec![0.0; instance.links.len()];
    for one in moves {
        for &link in &one.path {
            load[link as usize] += one.rate * one.seconds / instance.links[link as usize];
        }
    }
    let mut freed = vec![0; moves.len()];
    for edge in dependencies(instance).raw_edges() {
        freed[edge.source().index()] += 1;
    }
    let heaviest =
        |one: &Move| one.path.iter().map(|&link| load[link as usize]).fold(0.0, f64::max);
    let deadline = |one: &Move| one.deadline_s.unwrap_or(f64::INFINITY);
    let longer = |a: usize, b: usize| moves[b].seconds.total_cmp(&moves[a].seconds);
    let by = |compare: &dyn Fn(usize, usize) -> Ordering| {
        let mut order: Vec<usize> = (0..moves.len()).collect();
        order.sort_by(|&a, &b| compare(a, b).then(a.cmp(&b)));
        together(instance, order)
    };
    vec![
        by(&|a, b| heaviest(&moves[b]).total_cmp(&heaviest(&moves[a])).then(longer(a, b))),
        by(&longer),
        by(&|a, b| deadline(&moves[a]).total_cmp(&deadline(&moves[b])).then(longer(a, b))),
        by(&|a, b| freed[b].cmp(&freed[a]).then(longer(a, b))),
        by(&|a, b| moves[a].from.index().cmp(&moves[b].from.index()).then(longer(a, b))),
    ]
}

/// Brings the moves of each group to the place of its first one.
fn together(instance: &Instance, order: Vec<usize>) -> Vec<usize> {
    if instance.moves.iter().all(|one| one.group.is_none()) {
        return order;
    }
    let mut found: Vec<usize> = Vec::with_capacity(order.len());
    let mut taken = vec![false; order.len()];
    for &at in &order {
        if taken[at] {
            continue;
        }
        let group = instance.moves[at].group;
        let same = |other: &usize| {
            *other == at || (group.is_some() && instance.moves[*other].group == group)
        };
        for &other in order.iter().filter(|other| same(other)) {
            if !std::mem::replace(&mut taken[other], true) {
                found.push(other);
            }
        }
    }
    found
}

fn made(instance: &Instance, starts: &Starts, bound: f64, rejected: Vec<Move>) -> Plan {
    let timed =
        instance.moves.iter().zip(starts).enumerate().filter_map(|(number, (one, start))| {
            let what = one.clone();
            start.map(|start_s| Step { number, what, start_s, end_s: start_s + one.seconds })
        });
    let mut steps: Vec<Step> = timed.collect();
    steps.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
    let (worth, makespan_s) = worth(instance, starts, Goal::Makespan);
    let sum = |value: fn(&Move) -> f64| steps.iter().map(|step| value(&step.what)).sum();
    Plan {
        rejected,
        makespan_s,
        lower_bound_s: bound,
        sum_of_ends_s: worth.second,
        late: worth.late,
        bytes: sum(|one| one.bytes),
        downtime_s: sum(|one| one.downtime_s),
        energy_j: sum(|one| one.energy_j),
        steps,
    }
}
