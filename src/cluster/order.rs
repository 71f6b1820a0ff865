//! A lexicographic order of goals: the first as good as it gets, then the second as good as it gets
//! without losing the first, and so on.
//!
//! ```text
//! z_1 = least f_1(x)      z_k = least f_k(x)   so that   f_j(x) <= (1 + tolerance) z_j,  j < k
//! ```
//!
//! `f_k`: level k, a term or a weighted sum of terms; `z_k`: the value found, which need not be the
//! least there is; its bound says how far it may be. `tolerance`: the part of a level that later
//! ones may lose; what one level keeps is a rule of the next ([`super::constrained`]).
//!
//! Source: preemptive goal programming, Ijiri, Management Goals and Accounting for Control, 1965;
//! with a tolerance, the hierarchical method of Waltz, IEEE Transactions on Automatic Control
//! 12(2), 1967.

use std::ops::ControlFlow;

use serde::Serialize;

use super::constrained::{Limit, cost, least, prices};
use super::goal::{MICRO, Wish};
use super::improve::{Plan, sound_start, told};
use super::snapshot::Snapshot;
use super::term::{Level, Term};
use crate::reassign::{Error, Options, Progress, Status, gap};

/// Levels, the one that counts most first.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The levels; each term is in one of them at most.
    pub levels: Vec<Level>,
    /// Part of the value of a level that later ones may lose.
    pub tolerance: f64,
}

impl Order {
    /// What is wrong with it for `wish`, in words.
    pub fn problem(&self, wish: &Wish) -> Option<String> {
        if self.levels.is_empty() {
            return Some("the order has no level".to_owned());
        }
        let mut seen: Vec<Term> = Vec::new();
        for level in &self.levels {
            for &term in level.terms() {
                if seen.contains(&term) {
                    return Some(format!("{} is named twice in the order", term.name()));
                }
                if level.terms().len() > 1 && wish.weights.get(term) == 0.0 {
                    let name = term.name();
                    return Some(format!("{name} has the weight 0 in the level {level}"));
                }
                seen.push(term);
            }
        }
        None
    }
}

/// What came of a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reached {
    /// Its terms.
    pub level: String,
    /// In what it is measured.
    pub unit: &'static str,
    /// What it was at the start.
    pub initial: f64,
    /// What it is in the plan.
    pub value: f64,
    /// The most that later levels may make of it; none for the last.
    pub limit: Option<f64>,
    /// Below which no plan lies that keeps the levels before.
    pub bound: f64,
    /// `(value found - bound) / value found`.
    pub gap: f64,
    /// How its search ended.
    pub status: Status,
}

/// The best plan by `order` within `options`, which all levels share.
///
/// # Errors
///
/// Problems of the snapshot as a reassignment problem: GLN-543 to GLN-549.
pub fn improve_in_order(
    snapshot: &Snapshot,
    wish: &Wish,
    order: &Order,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Plan, Error> {
    let mut assignment = sound_start(snapshot, wish, options)?;
    let count = order.levels.len() as u32;
    let mut share = options;
    share.budget.time = options.budget.time.map(|time| time / count);
    share.budget.steps = options.budget.steps.map(|n| (n / u64::from(count)).max(1));
    let (mut limits, mut levels): (Vec<Limit>, Vec<Reached>) = (Vec::new(), Vec::new());
    let mut status = Status::Optimal;
    let units = |cost: i64| cost as f64 / MICRO;
    for (at, level) in order.levels.iter().enumerate() {
        let problem = (snapshot, wish, level);
        let known = least(problem, &limits, &assignment, &[], share, watch)?;
        let own = prices(snapshot, wish, level);
        let slack = (order.tolerance * known.cost as f64).floor() as i64;
        let most = known.cost + slack;
        levels.push(Reached {
            level: level.to_string(),
            unit: level.unit(),
            initial: units(cost(&own, &snapshot.home)),
            value: units(known.cost),
            limit: (at + 1 < order.levels.len()).then_some(units(most)),
            bound: units(known.bound),
            gap: gap(known.cost, known.bound),
            status: known.status,
        });
        status = worse(status, known.status);
        limits.push(Limit { prices: own, most });
        assignment = known.assignment;
        if status == Status::Stopped {
            break;
        }
    }
    // Later levels may have used the tolerance of earlier ones.
    for (level, limit) in levels.iter_mut().zip(&limits) {
        level.value = units(cost(&limit.prices, &assignment));
    }
    let mut plan = told(snapshot, wish, assignment, status);
    plan.levels = levels;
    Ok(plan)
}

/// The status of two searches together.
pub(super) fn worse(a: Status, b: Status) -> Status {
    let rank = |status| match status {
        Status::Optimal => 0,
        Status::GapReached => 1,
        Status::Limit => 2,
        Status::Stopped => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}
