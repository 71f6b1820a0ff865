//! Costs and rules that are not the problem's own: code of a user, asked about whole assignments.
//!
//! ```text
//! accept <=> fewer violations, or as many and delta <= -T ln(u)       T falls as in `cooling`
//! delta = change of the problem's cost + unit * change of the extra costs
//! ```
//!
//! An extra cost says what an assignment costs, and may say what one more move would change; an
//! extra rule counts its violations. They may be slow, and they may only be asked about assignments
//! in which every item has a machine. So a step of this search is a whole proposal: a shift, a
//! swap, a way home, or a few machines emptied and filled again ([`super::ruin`]), carried out by
//! the problem's own rules; only then the extras are asked, once each, and it is kept or undone.
//!
//! What the extras say move by move is summed up. In the end the whole cost of the best assignment
//! is asked for and must be that sum.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::budget::{Budget, Clock};
use super::dice::Dice;
use super::instance::Instance;
use super::reach::Reach;
use super::region::Region;
use super::ruin::Ruin;
use super::solve::Progress;
use super::state::State;
use super::step::{Shift, Swap};
use crate::policy::PolicyError;

/// Proposals from whose costs the first temperature is taken.
const SAMPLE: u64 = 100;

/// How many times cooler it is at the end.
const COOLING: f64 = 300.0;

/// One in so many proposals empties machines, where that can pay.
const RUINS: usize = 6;

/// How far the sum of changes may be from the cost itself, as a part of what was added up.
const TOLERANCE: f64 = 1e-6;

/// How often progress is told.
const PULSE: Duration = Duration::from_millis(50);

/// A cost that a user adds.
pub trait ExtraCost: Send + Sync {
    /// Its name in messages.
    fn name(&self) -> &str;

    /// What the assignment costs, one machine per item.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering, or an answer that is no number.
    fn cost(&self, assignment: &[u32]) -> Result<f64, PolicyError>;

    /// By how much `shift` changes the cost of the assignment; none where it only knows whole
    /// costs.
    ///
    /// # Errors
    ///
    /// Those of [`Self::cost`].
    fn delta(&self, assignment: &[u32], shift: Shift) -> Result<Option<f64>, PolicyError>;

    /// A cost below which it never is; none where none is known.
    fn least(&self) -> Option<f64>;
}

/// A rule that a user adds.
pub trait ExtraRule: Send + Sync {
    /// Its name in messages.
    fn name(&self) -> &str;

    /// How often the assignment breaks it; 0 where it holds.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering.
    fn violations(&self, assignment: &[u32]) -> Result<u64, PolicyError>;
}

/// The costs and rules that are added to a problem.
#[derive(Default)]
pub struct Extras {
    /// The costs.
    pub costs: Vec<Box<dyn ExtraCost>>,
    /// The rules.
    pub rules: Vec<Box<dyn ExtraRule>>,
    /// Cost of the problem per unit of an extra cost.
    pub unit: f64,
}

/// What a search with extras found.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraSolution {
    /// The machine of each item.
    pub assignment: Vec<u32>,
    /// What each extra cost says of it.
    pub costs: Vec<f64>,
    /// What each extra cost says of the start.
    pub initial: Vec<f64>,
    /// Violations of the extra rules.
    pub violations: u64,
    /// Proposals that were looked at.
    pub steps: u64,
    /// Whether it was asked to end.
    pub stopped: bool,
}

/// What is known of an assignment.
#[derive(Debug, Clone, PartialEq)]
struct Account {
    costs: Vec<f64>,
    violations: u64,
    /// All that was added up, for the tolerance of the check.
    size: f64,
}

impl Extras {
    /// Whether nothing is added.
    pub fn is_empty(&self) -> bool {
        self.costs.is_empty() && self.rules.is_empty()
    }

    /// What all extra costs are at least together; none where one of them does not say.
    pub fn least(&self) -> Option<f64> {
        self.costs.iter().map(|cost| cost.least()).sum()
    }

    fn account(&self, assignment: &[u32]) -> Result<Account, PolicyError> {
        let costs = self.costs.iter().map(|cost| cost.cost(assignment));
        let costs = costs.collect::<Result<Vec<f64>, _>>()?;
        let size = costs.iter().map(|cost| cost.abs()).sum();
        Ok(Account { costs, violations: self.violations(assignment)?, size })
    }

    fn violations(&self, assignment: &[u32]) -> Result<u64, PolicyError> {
        self.rules.iter().map(|rule| rule.violations(assignment)).sum()
    }

    /// The account after `shifts`, one after the other; `assignment` is left as it is after them.
    fn after(
        &self,
        before: &Account,
        assignment: &mut [u32],
        shifts: &[Shift],
    ) -> Result<Account, PolicyError> {
        let mut costs = before.costs.clone();
        let mut size = before.size;
        let mut whole = vec![false; costs.len()];
        for &shift in shifts {
            for (at, cost) in self.costs.iter().enumerate() {
                if whole[at] {
                    continue;
                }
                match cost.delta(assignment, shift)? {
                    Some(delta) => {
                        costs[at] += delta;
                        size += delta.abs();
                    }
                    None => whole[at] = true,
                }
            }
            assignment[shift.item as usize] = shift.to;
        }
        for (at, cost) in self.costs.iter().enumerate().filter(|(at, _)| whole[*at]) {
            costs[at] = cost.cost(assignment)?;
        }
        Ok(Account { costs, violations: self.violations(assignment)?, size })
    }

    fn sum(&self, account: &Account) -> f64 {
        self.unit * account.costs.iter().sum::<f64>()
    }
}

/// Looks for an assignment of least cost, extras included, from `start` or, if that is better, from
/// `other`; both keep the problem's own rules. `watch` is told the cost and may end it.
///
/// # Errors
///
/// What an extra fails with; GLN-637 where the changes that a cost told do not add up to it.
pub fn solve_extra(
    instance: &Instance,
    (start, other): (&[u32], &[u32]),
    extras: &Extras,
    (budget, seed): (Budget, u64),
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<ExtraSolution, PolicyError> {
    let reach = Reach::of(instance);
    let mut state = State::as_it_is(instance);
    state.become_like(start);
    let initial = extras.account(start)?;
    let mut search = Search::new(state, &reach, extras, initial.clone(), seed);
    search.try_from(other)?;
    let stop = AtomicBool::new(false);
    let clock = Clock::start(budget, &stop);
    let (mut told, mut stopped) = (Duration::ZERO, false);
    while instance.item_count() > 0 && instance.machine_count() > 1 {
        let progress = clock.progress(search.steps);
        if progress >= 1.0 {
            break;
        }
        search.step(progress)?;
        let elapsed = clock.elapsed();
        if elapsed >= told + PULSE {
            told = elapsed;
            let cost = search.best.1 as i64;
            let elapsed_ms = elapsed.as_millis() as u64;
            let now = Progress { elapsed_ms, cost, lower_bound: i64::MIN };
            if watch(&now).is_break() {
                stopped = true;
                break;
            }
        }
    }
    let (assignment, account) = (search.best_assignment, search.best_account);
    check(extras, &assignment, &account)?;
    Ok(ExtraSolution {
        assignment,
        costs: account.costs,
        initial: initial.costs,
        violations: account.violations,
        steps: search.steps,
        stopped,
    })
}

/// Fails where what a cost told move by move is not what it says of the whole.
fn check(extras: &Extras, assignment: &[u32], account: &Account) -> Result<(), PolicyError> {
    for (cost, &summed) in extras.costs.iter().zip(&account.costs) {
        let whole = cost.cost(assignment)?;
        if (whole - summed).abs() > TOLERANCE * account.size.max(whole.abs()).max(1.0) {
            let what = format!(
                "the changes that `delta` told add up to {summed}, `cost` of the same assignment \
                 is {whole}; let both say the same, or leave `delta` out"
            );
            return Err(PolicyError::new(cost.name(), what).with_code("GLN-637"));
        }
    }
    Ok(())
}

struct Search<'a> {
    state: State<'a>,
    reach: &'a Reach,
    extras: &'a Extras,
    region: Region,
    ruin: Ruin,
    dice: Dice,
    /// The last assignment that was kept.
    kept: Vec<u32>,
    account: Account,
    best: (u64, f64),
    best_assignment: Vec<u32>,
    best_account: Account,
    steps: u64,
    /// Sum and number of the changes of the first proposals.
    sample: (f64, u64),
    ruins: bool,
}

impl<'a> Search<'a> {
    fn new(
        state: State<'a>,
        reach: &'a Reach,
        extras: &'a Extras,
        account: Account,
        seed: u64,
    ) -> Self {
        let instance = state.instance();
        let kept = state.assignment().to_vec();
        let total = state.cost() as f64 + extras.sum(&account);
        Self {
            region: Region::everything(&state),
            ruin: Ruin::new(&state),
            dice: Dice::new(seed, "reassign.extra"),
            best: (account.violations, total),
            best_assignment: kept.clone(),
            best_account: account.clone(),
            ruins: instance.can_be_ruined(),
            steps: 0,
            sample: (0.0, 0),
            state,
            reach,
            extras,
            kept,
            account,
        }
    }

    fn total(&self) -> f64 {
        self.state.cost() as f64 + self.extras.sum(&self.account)
    }

    /// Goes on from `other` if it is better.
    fn try_from(&mut self, other: &[u32]) -> Result<(), PolicyError> {
        let account = self.extras.account(other)?;
        self.state.become_like(other);
        let total = self.state.cost() as f64 + self.extras.sum(&account);
        if (account.violations, total) >= self.best {
            self.state.become_like(&self.kept);
            return Ok(());
        }
        (self.kept, self.account) = (other.to_vec(), account);
        self.note();
        Ok(())
    }

    /// Makes a proposal and keeps or undoes it.
    fn step(&mut self, progress: f64) -> Result<(), PolicyError> {
        self.steps += 1;
        let before = self.total();
        let items = self.propose();
        let shifts: Vec<Shift> = items
            .into_iter()
            .map(|item| {
                let (from, to) = (self.kept[item as usize], self.state.assignment()[item as usize]);
                Shift { item, from, to }
            })
            .filter(|shift| shift.from != shift.to)
            .collect();
        if shifts.is_empty() {
            return Ok(());
        }
        let account = self.extras.after(&self.account, &mut self.kept, &shifts)?;
        let delta = self.state.cost() as f64 + self.extras.sum(&account) - before;
        if self.sample.1 < SAMPLE && delta != 0.0 {
            self.sample = (self.sample.0 + delta.abs(), self.sample.1 + 1);
        }
        let heat = self.sample.0 / self.sample.1.max(1) as f64;
        let limit = -heat * COOLING.powf(-progress) / 10.0 * self.dice.fraction().ln();
        let (old, new) = (self.account.violations, account.violations);
        if new < old || (new == old && delta <= limit) {
            self.account = account;
            self.note();
            return Ok(());
        }
        for shift in shifts.iter().rev().map(|shift| shift.back()) {
            let delta = self.state.shift_delta(shift);
            self.state.apply(shift, delta);
            self.kept[shift.item as usize] = shift.to;
        }
        Ok(())
    }

    /// Remembers where it is if that is the best so far.
    fn note(&mut self) {
        let now = (self.account.violations, self.total());
        if now < self.best {
            self.best = now;
            self.best_assignment.clone_from(&self.kept);
            self.best_account = self.account.clone();
        }
    }

    /// Changes the assignment by the problem's own rules. The items that may have moved, each once.
    fn propose(&mut self) -> Vec<u32> {
        if self.ruins && self.dice.below(RUINS) == 0 {
            let Self { ruin, state, reach, dice, .. } = self;
            let done = ruin.carry_out(state, reach, dice, i64::MAX);
            return if done { ruin.moved().collect() } else { Vec::new() };
        }
        if self.dice.below(6) == 0 {
            let homeward = self.region.homeward(&self.state, &mut self.dice);
            return homeward.map_or_else(Vec::new, |(item, home)| self.shifted(item, home));
        }
        let item = self.region.item(&mut self.dice);
        let Some(to) = self.region.machine_for(item, self.reach, &mut self.dice) else {
            return Vec::new();
        };
        let other = self.dice.one_of(self.state.on(to));
        match other.filter(|_| self.dice.below(2) == 0) {
            Some(other) => self.swapped(item, other),
            None => self.shifted(item, to),
        }
    }

    fn shifted(&mut self, item: u32, to: u32) -> Vec<u32> {
        let shift = Shift { item, from: self.state.assignment()[item as usize], to };
        if shift.from == to {
            return Vec::new();
        }
        let Some(delta) = self.state.shift_within(shift, i64::MAX) else { return Vec::new() };
        self.state.apply(shift, delta);
        vec![item]
    }

    fn swapped(&mut self, first: u32, second: u32) -> Vec<u32> {
        let on = |item: u32| self.state.assignment()[item as usize];
        let swap = Swap { first, first_on: on(first), second, second_on: on(second) };
        if swap.first_on == swap.second_on || !self.reach.has(second, swap.first_on) {
            return Vec::new();
        }
        let Some(delta) = self.state.swap_within(swap, i64::MAX) else { return Vec::new() };
        self.state.apply_swap(swap, delta);
        vec![first, second]
    }
}
