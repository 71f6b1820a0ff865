//! The search as a whole: several chains, round by round, each from the best of the round before.
//!
//! Which chains there are and what they draw follows from the seed. Under a limit of steps alone,
//! so does the answer, however many threads share the chains; under a limit of time there is one
//! chain per thread, and the answer depends on how far each comes.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::anneal::{BLOCK, Chain};
use super::bound::lower_bound;
use super::budget::{Budget, Clock};
use super::clash::{clash, search};
use super::cooling::{ROUNDS, RUIN_ROUNDS, Round, Way};
use super::dice::Dice;
use super::error::Error;
use super::instance::Instance;
use super::reach::Reach;
use super::repair::repair;
use super::state::State;
use super::terms::Terms;
use crate::problem::Problem;

/// Chains under a limit of steps.
const CHAINS: usize = 2;

/// Shifts from whose costs a chain takes its temperatures.
const SAMPLE: usize = 5_000;

/// How often progress is told.
const PULSE: Duration = Duration::from_millis(50);

/// What a search may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// When it ends.
    pub budget: Budget,
    /// Threads, at least 1.
    pub threads: usize,
    /// Seed of all draws.
    pub seed: u64,
    /// Gap at which it ends, `(cost - bound) / cost`; 0 to go on until nothing can be better.
    pub gap: f64,
}

/// What is known before a search begins, from an integer programme for instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// A cost below which no assignment lies; the search takes the larger of it and its own.
    pub lower_bound: Option<i64>,
    /// Assignments to begin with; those that break a rule or cost more than the start are not used.
    pub assignments: Vec<Vec<u32>>,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The cost is that of the lower bound.
    Optimal,
    /// It is as near to the lower bound as was asked.
    GapReached,
    /// The budget is used up.
    Limit,
    /// It was asked to end.
    Stopped,
}

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Time since it began, ms.
    pub elapsed_ms: u64,
    /// Least cost found so far.
    pub cost: i64,
    /// A cost below which no assignment lies.
    pub lower_bound: i64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The machine of each item.
    pub assignment: Vec<u32>,
    /// Its cost, never above that of the start where the start keeps all rules.
    pub cost: i64,
    /// The cost by term.
    pub terms: Terms,
    /// Cost of the start.
    pub initial_cost: i64,
    /// A cost below which no assignment lies.
    pub lower_bound: i64,
    /// How the search ended.
    pub status: Status,
    /// Steps of all chains.
    pub steps: u64,
    /// Each improvement that was seen, at most one per 50 ms.
    pub trajectory: Vec<Progress>,
}

impl Solution {
    /// The part of the cost that may be more than necessary: `(cost - bound) / cost`.
    pub fn gap(&self) -> f64 {
        gap(self.cost, self.lower_bound)
    }
}

/// `(cost - bound) / cost`; 0 when nothing costs anything.
pub fn gap(cost: i64, lower_bound: i64) -> f64 {
    if cost == 0 { 0.0 } else { (cost - lower_bound) as f64 / cost as f64 }
}

/// What the threads of a search share.
struct Shared<'a> {
    clock: Clock<'a>,
    stop: &'a AtomicBool,
    best: AtomicI64,
    steps: AtomicU64,
    lower_bound: i64,
    gap: f64,
    reproducible: bool,
}

/// A chain with what it has done and how its temperatures are measured.
struct Runner<'a> {
    chain: Chain<'a>,
    steps: u64,
    increase: f64,
}

impl Runner<'_> {
    /// Takes part in `round` until it is over.
    fn run(&mut self, round: Round, shared: &Shared<'_>) {
        while let Some(progress) = shared.progress(round, self.steps, self.chain.best.cost()) {
            match round.way {
                Way::Reheat => self.reheat(round, shared),
                Way::Ruin => {
                    let idle = self.chain.ruin.idle();
                    let blocks = self.chain.ruin_block(round.ruin_temperature(progress, idle));
                    self.steps += blocks * BLOCK;
                    shared.count(self.chain.best.cost(), blocks);
                }
                Way::Quench | Way::Anneal => {
                    self.chain.block(round.temperature(progress, self.increase));
                    self.steps += BLOCK;
                    shared.count(self.chain.best.cost(), 1);
                }
            }
        }
    }

    /// Anneals one region again.
    fn reheat(&mut self, round: Round, shared: &Shared<'_>) {
        let Self { chain, steps, .. } = self;
        chain.reheat(|best| {
            *steps += BLOCK;
            shared.count(best, 1);
            shared.progress(round, *steps, best).is_some()
        });
    }
}

impl Shared<'_> {
    /// How far the whole search is after `steps` of a chain; none when `round` is over for it.
    fn progress(&self, round: Round, steps: u64, best: i64) -> Option<f64> {
        let proved = self.is_enough(best);
        if proved && !self.reproducible {
            self.stop.store(true, Ordering::Relaxed);
        }
        let progress = self.clock.progress(steps);
        (!proved && !round.is_over(progress)).then_some(progress)
    }

    /// Whether a cost is as near to the bound as was asked.
    fn is_enough(&self, cost: i64) -> bool {
        cost <= self.lower_bound || gap(cost, self.lower_bound) <= self.gap
    }

    /// Notes blocks of steps, after which a chain's best costs `best`.
    fn count(&self, best: i64, blocks: u64) {
        self.steps.fetch_add(blocks * BLOCK, Ordering::Relaxed);
        self.best.fetch_min(best, Ordering::Relaxed);
    }
}

/// Looks for an assignment of least cost within a budget; `watch` is told how it goes and may end
/// it.
///
/// # Errors
///
/// GLN-545 when the start breaks a spread over locations or a dependency, which are not repaired;
/// GLN-549 when it breaks another rule and no assignment was found that keeps all.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use galerna::reassign::{Budget, Options, Status, roadef, solve};
///
/// // A process that needs 3 on a machine with safety capacity 2; the other has 3 and costs a move.
/// let model = "1  0 10  2  0 0 4 2 0 1  0 1 3 3 1 0  1  0 0  1  0 3 5  0  1 1 1";
/// let instance = roadef::parse((model.as_bytes(), "model"), (b"0", "start"))?;
/// let budget = Budget { steps: Some(10_000), ..Budget::default() };
/// let options = Options { budget, threads: 1, seed: 0, gap: 0.0 };
/// let solution = solve(&instance, options, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!((solution.initial_cost, solution.cost), (10, 7));
/// assert_eq!(solution.assignment, [1]);
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn solve(
    instance: &Instance,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution, Error> {
    solve_with(instance, options, &Hints::default(), watch)
}

/// The same, with what is known before.
///
/// # Errors
///
/// Those of [`solve`].
pub fn solve_with(
    instance: &Instance,
    options: Options,
    hints: &Hints,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution, Error> {
    let reach = Reach::of(instance);
    let origin = State::as_it_is(instance);
    let initial_cost = origin.cost();
    let known_bound = hints.lower_bound.unwrap_or(i64::MIN);
    let lower_bound = lower_bound(&origin, &reach).max(known_bound);
    let state = match (origin.is_sound(), hinted(&origin, hints)) {
        (false, Some(state)) => state,
        _ => sound(origin, &reach, options.seed)?,
    };
    let stop = AtomicBool::new(false);
    let reproducible = options.budget.steps.is_some();
    let shared = Shared {
        clock: Clock::start(options.budget, &stop),
        stop: &stop,
        best: AtomicI64::new(state.cost()),
        steps: AtomicU64::new(0),
        lower_bound,
        gap: options.gap,
        reproducible,
    };
    let chains = if reproducible { CHAINS } else { options.threads.max(1) };
    let mut runners: Vec<Runner<'_>> =
        (0..chains).map(|at| runner(state.clone(), &reach, options.seed, at)).collect();
    begin_with(hints, &state, &mut runners);
    drop(state);
    let mut story = Story { trajectory: Vec::new(), stopped: false, watch };
    let switches = !instance.power.idle.is_empty() && instance.can_be_ruined();
    let rounds: &[Round] = if switches { &RUIN_ROUNDS } else { &ROUNDS };
    for &round in rounds {
        in_parallel(&mut runners, round, &shared, options.threads.max(1), &mut story);
        share_the_best(&mut runners);
    }
    story.look(&shared);
    let best = best_of(&runners);
    let status = match () {
        () if best.0 <= shared.lower_bound => Status::Optimal,
        () if shared.is_enough(best.0) => Status::GapReached,
        () if story.stopped => Status::Stopped,
        () => Status::Limit,
    };
    let mut last = State::as_it_is(instance);
    last.become_like(&best.1);
    Ok(Solution {
        cost: best.0,
        terms: last.terms(),
        assignment: best.1,
        initial_cost,
        lower_bound: shared.lower_bound,
        status,
        steps: shared.steps.load(Ordering::Relaxed),
        trajectory: story.trajectory,
    })
}

fn runner<'a>(state: State<'a>, reach: &'a Reach, seed: u64, at: usize) -> Runner<'a> {
    let mut chain = Chain::new(state, reach, Dice::new(seed, &format!("reassign.{at}")));
    let increase = chain.mean_increase(SAMPLE);
    Runner { chain, steps: 0, increase }
}

/// An assignment that keeps all rules: the first one, repaired where it does not.
fn sound<'a>(mut state: State<'a>, reach: &Reach, seed: u64) -> Result<State<'a>, Error> {
    if state.is_sound() {
        return Ok(state);
    }
    let instance = state.instance();
    if !instance.can_be_ruined() {
        return State::at_start(instance);
    }
    if repair(&mut state, reach, &mut Dice::new(seed, "reassign.repair")) {
        return Ok(state);
    }
    let mut other = State::as_it_is(instance);
    if search(&mut other, reach) == Some(true) {
        return Ok(other);
    }
    let what = clash(instance).map_or_else(
        || format!("no assignment was found that keeps all rules: {} violations", state.wrong()),
        |clash| clash.words(instance),
    );
    let remedy = "Drop or loosen one of the rules, or add machines";
    Err(Problem::new("GLN-549", "reassignment", what, remedy).into())
}

/// The cheapest of the assignments hinted at that keeps all rules.
fn hinted<'a>(start: &State<'a>, hints: &Hints) -> Option<State<'a>> {
    let instance = start.instance();
    let fits = |machines: &&Vec<u32>| {
        machines.len() == instance.item_count()
            && machines.iter().all(|&machine| (machine as usize) < instance.machine_count())
    };
    let reached = hints.assignments.iter().filter(fits).filter_map(|machines| {
        let mut state = start.clone();
        state.become_like(machines);
        state.is_sound().then_some(state)
    });
    reached.min_by_key(State::cost)
}

/// Lets all chains begin with the cheapest of the start and the assignments hinted at.
fn begin_with(hints: &Hints, start: &State<'_>, runners: &mut [Runner<'_>]) {
    let best = hinted(start, hints).filter(|state| state.cost() < start.cost());
    if let Some(state) = best {
        let restart = |runner: &mut Runner<'_>| {
            runner.chain.restart(state.cost(), state.assignment());
        };
        runners.iter_mut().for_each(restart);
    }
}

/// The least cost, with the assignment of the first chain that has it.
fn best_of(runners: &[Runner<'_>]) -> (i64, Vec<u32>) {
    let bests = runners.iter().map(|runner| &runner.chain.best);
    let best = bests.min_by_key(|best| best.cost()).expect("there is at least one chain");
    (best.cost(), best.machines().to_vec())
}

fn share_the_best(runners: &mut [Runner<'_>]) {
    let (cost, machines) = best_of(runners);
    runners.iter_mut().for_each(|runner| runner.chain.restart(cost, &machines));
}

/// Runs one round of all chains on so many threads and tells how it goes.
fn in_parallel(
    runners: &mut [Runner<'_>],
    round: Round,
    shared: &Shared<'_>,
    threads: usize,
    story: &mut Story<'_>,
) {
    let queue = Mutex::new(runners.iter_mut());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        let (alive, ends) = channel::<()>();
        for _ in 0..threads {
            let alive = alive.clone();
            scope.spawn(move || {
                while let Some(runner) = next() {
                    runner.run(round, shared);
                }
                drop(alive);
            });
        }
        drop(alive);
        while ends.recv_timeout(PULSE) == Err(RecvTimeoutError::Timeout) {
            story.look(shared);
        }
    });
}

/// What is seen of a search from outside.
struct Story<'a> {
    trajectory: Vec<Progress>,
    stopped: bool,
    watch: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
}

impl Story<'_> {
    fn look(&mut self, shared: &Shared<'_>) {
        let progress = Progress {
            elapsed_ms: shared.clock.elapsed().as_millis() as u64,
            cost: shared.best.load(Ordering::Relaxed),
            lower_bound: shared.lower_bound,
        };
        if self.trajectory.last().is_none_or(|last| progress.cost < last.cost) {
            self.trajectory.push(progress);
        }
        if (self.watch)(&progress).is_break() {
            self.stopped = true;
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
}
