//! A plan with costs and rules of a user's own, on top of those of the wish.
//!
//! First the problem is searched without them, which is fast and gives its bound; then, from the
//! better of that and no move at all, with them ([`solve_extra`]). The cost of the plan is that of
//! the weights and the extra costs together; it has a bound where each extra cost says below which
//! value it never is.

use std::ops::ControlFlow;

use serde::Serialize;

use super::goal::{MICRO, Wish};
use super::improve::{Plan, sound_start, told};
use super::portfolio::solve;
use super::snapshot::Snapshot;
use crate::policy::PolicyError;
use crate::reassign::{Error, Extras, Options, Progress, Status, solve_extra};

/// Part of the budget of the search without extras.
const WITHOUT: f64 = 0.3;

/// What an extra cost says of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Added {
    /// Its name.
    pub name: String,
    /// What it said of the start, J.
    pub initial: f64,
    /// What it says of the plan, J.
    pub value: f64,
}

/// Why there is no plan with extras.
#[derive(Debug, thiserror::Error)]
pub enum Unsolved {
    /// The snapshot cannot be.
    #[error(transparent)]
    Snapshot(#[from] Error),
    /// A cost or rule failed.
    #[error(transparent)]
    Extra(#[from] PolicyError),
}

/// The best plan by the weights of `wish` and the costs of `extras`, in J, that keeps their rules.
///
/// # Errors
///
/// Those of [`super::improve`], of the extras, and GLN-638 where their rules could not be kept.
pub fn improve_with(
    snapshot: &Snapshot,
    wish: &Wish,
    extras: &Extras,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Plan, Unsolved> {
    let start = sound_start(snapshot, wish, options)?;
    let instance = wish.instance(snapshot, &wish.weights);
    let (mut first, mut second) = (options, options.budget);
    first.budget.time = options.budget.time.map(|time| time.mul_f64(WITHOUT));
    second.time = options.budget.time.map(|time| time.mul_f64(1.0 - WITHOUT));
    let (plain, _) = solve(&instance, first, watch)?;
    if plain.status == Status::Stopped {
        second.steps = Some(0);
    }
    let from = (&start[..], &plain.assignment[..]);
    let found = solve_extra(&instance, from, extras, (second, options.seed), watch)?;
    if found.violations > 0 {
        let names: Vec<&str> = extras.rules.iter().map(|rule| rule.name()).collect();
        let what = format!(
            "no plan was found that keeps the rules that were added: the best has {} violations; \
             loosen one, or give it more time",
            found.violations
        );
        return Err(PolicyError::new(names.join(", "), what).with_code("GLN-638").into());
    }
    let is_stopped = found.stopped || plain.status == Status::Stopped;
    let status = if is_stopped { Status::Stopped } else { Status::Limit };
    let mut plan = told(snapshot, wish, found.assignment, status);
    let names = extras.costs.iter().map(|cost| cost.name().to_owned());
    let added = names.zip(found.initial.iter().zip(&found.costs));
    let added = added.map(|(name, (&initial, &value))| Added { name, initial, value });
    plan.added = added.collect();
    plan.cost += found.costs.iter().sum::<f64>();
    plan.initial_cost += found.initial.iter().sum::<f64>();
    let own = plain.lower_bound as f64 / MICRO;
    plan.lower_bound = extras.least().map_or(f64::NEG_INFINITY, |least| own + least);
    plan.lower_bound = plan.lower_bound.min(plan.cost);
    plan.gap = if plan.cost == 0.0 { 0.0 } else { (plan.cost - plan.lower_bound) / plan.cost };
    if plan.gap <= options.gap && !is_stopped {
        plan.status = if plan.gap == 0.0 { Status::Optimal } else { Status::GapReached };
    }
    plan.solver = "search with extras".to_owned();
    Ok(plan)
}
