//! One goal while others are kept within limits: the step of which lexicographic orders and Pareto
//! fronts are made.
//!
//! ```text
//! least f(x)   so that   g_j(x) <= most_j                       f, g_j: weighted sums of terms
//! f(x) >= (L(p, q) - sum over j of q_j most_j) / p     L(p, q): bound of p f + sum of q_j g_j
//! ```
//!
//! Limits are rules of the search ([`Ceiling`]). What is searched is `p f + sum of q_j g_j` for a
//! few prices `q`: a search for moves alone does not see which of two plans with as many moves
//! leaves more room under the limit of energy. All of it is in whole numbers, so that each search
//! also gives a bound for `f`: the Lagrangian one above. A small problem is proved by an integer
//! programme with the limits as rows (`exact.rs`).
//!
//! Source: Lagrangian bounds, Fisher, Management Science 27(1), 1981; the limits are those of the
//! epsilon-constraint method, Haimes, Lasdon and Wismer, 1971.

use std::ops::ControlFlow;

use super::exact;
use super::goal::{MICRO, Wish};
use super::portfolio::proved;
use super::snapshot::Snapshot;
use super::term::Level;
use crate::reassign::{
    Ceiling, Error, Hints, Instance, Options, Power, Progress, State, Status, gap, solve_with,
};

/// Prices of limits that are tried, as multiples of what makes both sides alike.
const PRICES: [f64; 3] = [1.0, 0.1, 10.0];

/// Largest factor of a weighted sum.
const FACTOR: f64 = 1e9;

/// What a level costs: an instance without rules.
pub(super) fn prices(snapshot: &Snapshot, wish: &Wish, level: &Level) -> Instance {
    let mut prices = wish.instance(snapshot, &level.weights(&wish.weights));
    prices.constraints.clear();
    prices
}

/// What `assignment` costs by `prices`.
pub(super) fn cost(prices: &Instance, assignment: &[u32]) -> i64 {
    let mut state = State::as_it_is(prices);
    state.become_like(assignment);
    state.cost()
}

/// A level that is kept within a limit.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub prices: Instance,
    pub most: i64,
}

/// A lower bound of a weighted sum: `f` by `weight` and each limited level by its own.
#[derive(Debug, Clone)]
pub(super) struct Support {
    weight: i64,
    of_limits: Vec<i64>,
    bound: i64,
}

impl Support {
    /// What `f` costs at least where the limited levels cost at most `most`.
    pub fn bound(&self, most: impl Iterator<Item = i64>) -> i64 {
        let paid =
            self.of_limits.iter().zip(most).map(|(&q, most)| i128::from(q) * i128::from(most));
        let left = i128::from(self.bound) - paid.sum::<i128>();
        let bound = left.div_euclid(i128::from(self.weight));
        i64::try_from(bound).unwrap_or(i64::MIN).max(0)
    }

    /// Found for one of two sides with the other limited, as a bound for the first of them; none
    /// where the second side took no part.
    pub fn of_first(&self, side: usize) -> Option<Self> {
        match (side, self.of_limits.as_slice()) {
            (0, [_]) => Some(self.clone()),
            (1, &[q]) if q > 0 => {
                Some(Self { weight: q, of_limits: vec![self.weight], bound: self.bound })
            }
            _ => None,
        }
    }
}

/// The best that is known of a level.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub assignment: Vec<u32>,
    pub cost: i64,
    pub bound: i64,
    pub status: Status,
    pub supports: Vec<Support>,
    pub steps: u64,
}

/// Looks for the least that `level` costs within `limits`, from `start`, which keeps them; `given`
/// holds bounds known before.
///
/// # Errors
///
/// Those of the search.
pub(super) fn least(
    (snapshot, wish, level): (&Snapshot, &Wish, &Level),
    limits: &[Limit],
    start: &[u32],
    given: &[Support],
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Known, Error> {
    let mut own = wish.instance(snapshot, &level.weights(&wish.weights));
    let ceiling =
        |limit: &Limit| Ceiling { prices: Box::new(limit.prices.clone()), most: limit.most };
    own.budgets.ceilings = limits.iter().map(ceiling).collect();
    let floor = |bound: i64| rounded_up(&own, bound);
    let most = || limits.iter().map(|limit| limit.most);
    let mut known = Known {
        assignment: start.to_vec(),
        cost: cost(&own, start),
        bound: given.iter().map(|support| floor(support.bound(most()))).max().unwrap_or(0),
        status: Status::Limit,
        supports: Vec::new(),
        steps: 0,
    };
    let sums = sums(&own, limits);
    let programme = exact::is_small(&own) && crate::milp::SOLVER.is_some();
    let mut share = options;
    let parts = sums.len() as u32 + u32::from(programme) * 2;
    share.budget.time = options.budget.time.map(|time| time / parts);
    share.budget.steps = options.budget.steps.map(|steps| (steps / sums.len() as u64).max(1));
    for (sum, weights) in &sums {
        if known.is_enough(options.gap) || known.status == Status::Stopped {
            break;
        }
        let hints = Hints { lower_bound: None, assignments: vec![known.assignment.clone()] };
        let found = solve_with(sum, share, &hints, watch)?;
        let support = Support {
            weight: weights[0],
            of_limits: weights[1..].to_vec(),
            bound: found.lower_bound,
        };
        known.bound = known.bound.max(floor(support.bound(most())));
        known.supports.push(support);
        known.steps += found.steps;
        let new = cost(&own, &found.assignment);
        if new < known.cost {
            (known.cost, known.assignment) = (new, found.assignment);
        }
        if found.status == Status::Stopped {
            known.status = Status::Stopped;
        }
    }
    if programme && !known.is_enough(options.gap) && known.status != Status::Stopped {
        share.budget.time = share.budget.time.map(|time| time * 2);
        if let Some((assignment, cost, bound)) = proved(&own, &known.assignment, share) {
            known.bound = known.bound.max(floor(bound));
            (known.assignment, known.cost) = (assignment, cost);
        }
    }
    known.bound = known.bound.min(known.cost);
    if known.is_enough(options.gap) {
        let is_proved = known.bound == known.cost;
        known.status = if is_proved { Status::Optimal } else { Status::GapReached };
    }
    Ok(known)
}

impl Known {
    fn is_enough(&self, wanted: f64) -> bool {
        self.cost <= self.bound || gap(self.cost, self.bound) <= wanted
    }
}

/// A bound of what is counted in whole units (moves) is one of the next whole unit.
fn rounded_up(own: &Instance, bound: i64) -> i64 {
    let unit = MICRO as i64;
    let is_counted = own.power.is_empty()
        && own.tiers.is_empty()
        && own.load_weight.iter().all(|&weight| weight == 0)
        && own.items.move_cost.iter().all(|cost| cost % unit == 0);
    if is_counted { (bound + unit - 1).div_euclid(unit) * unit } else { bound }
}

/// Weighted sums of a level and its limits, with their weights; those that 64 bits hold.
fn sums(own: &Instance, limits: &[Limit]) -> Vec<(Instance, Vec<i64>)> {
    if limits.is_empty() {
        return vec![(own.clone(), vec![1])];
    }
    let size = |prices: &Instance| (largest(prices) as f64).max(1.0);
    let mut sums = Vec::new();
    for price in PRICES {
        let mut weights = vec![1.0];
        weights.extend(limits.iter().map(|limit| price * size(own) / size(&limit.prices)));
        let least = weights.iter().copied().fold(f64::INFINITY, f64::min);
        if weights.iter().any(|weight| weight / least > FACTOR) {
            continue;
        }
        let weights: Vec<i64> = weights.iter().map(|w| (w / least).round() as i64).collect();
        let parts = std::iter::once(own).chain(limits.iter().map(|limit| &limit.prices));
        let sum = weighted(own, parts.zip(&weights));
        if sum.check_range("sum").is_ok() && !sums.iter().any(|(_, known)| *known == weights) {
            sums.push((sum, weights));
        }
    }
    if sums.is_empty() {
        let alone = std::iter::once(1).chain(limits.iter().map(|_| 0));
        sums.push((own.clone(), alone.collect()));
    }
    sums
}

/// The largest amount that one host or one move costs by `prices`.
fn largest(prices: &Instance) -> i64 {
    let idle = prices.power.idle.iter().copied().max().unwrap_or(0);
    let moves = prices.items.move_cost.iter().copied().max().unwrap_or(0);
    let tier = prices.tiers.iter().map(|tier| tier.weight).max().unwrap_or(0);
    let over = tier.max(prices.load_weight.iter().copied().max().unwrap_or(0));
    let need = prices.items.demand.iter().step_by(prices.resources().max(1)).max();
    idle.max(moves).max(over.saturating_mul(*need.unwrap_or(&0)))
}

/// `own` with the sum of all parts, each so many times, as its costs.
fn weighted<'a>(own: &Instance, parts: impl Iterator<Item = (&'a Instance, &'a i64)>) -> Instance {
    let mut sum = own.clone();
    sum.power = Power::default();
    sum.tiers.clear();
    sum.load_weight.iter_mut().for_each(|weight| *weight = 0);
    sum.items.move_cost.iter_mut().for_each(|cost| *cost = 0);
    for (part, &times) in parts {
        let add = |to: &mut [i64], of: &[i64]| {
            let pairs = to.iter_mut().zip(of);
            pairs.for_each(|(to, of)| *to = to.saturating_add(of.saturating_mul(times)));
        };
        add(&mut sum.load_weight, &part.load_weight);
        add(&mut sum.items.move_cost, &part.items.move_cost);
        sum.tiers.extend(part.tiers.iter().cloned().map(|mut tier| {
            tier.weight = tier.weight.saturating_mul(times);
            tier
        }));
        // Only one of the levels can have energy: each term is named once.
        if !part.power.is_empty() {
            sum.power = part.power.clone();
            sum.power.idle.iter_mut().for_each(|idle| *idle = idle.saturating_mul(times));
            let pieces = sum.power.curves.iter_mut().flat_map(|curve| &mut curve.pieces);
            pieces.for_each(|piece| {
                piece.base = piece.base.saturating_mul(times);
                piece.slope = piece.slope.saturating_mul(times);
            });
        }
    }
    sum
}
