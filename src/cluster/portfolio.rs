//! Search, then integer programmes: a small problem is proved, of a large one a few hosts at a time
//! are packed anew.
//!
//! ```text
//! small enough and stated as a programme (exact.rs):  0.3 of the time for the search, then one
//!                                                     programme of everything, with a bound
//! stated, not small (neighbourhood.rs):               0.85 for the search, then one after another
//! else:                                               the search alone
//! ```
//!
//! What was found first is the start of what comes after it, so that nothing gets worse.

use std::ops::ControlFlow;
use std::time::Instant;

use super::{exact, neighbourhood};
use crate::milp;
use crate::reassign::{
    Error, Hints, Instance, Options, Progress, Solution, State, Status, solve_with,
};

/// Gap at which an integer programme has proved enough.
const PROOF: f64 = 1e-4;

/// Nodes of an integer programme under a limit of steps.
const NODES: u32 = 2_000;

/// Part of the time that the search may take before an integer programme is tried.
const SEARCH: f64 = 0.3;

/// The same where integer programmes only pack a few hosts anew.
const SEARCH_OF_LARGE: f64 = 0.85;

/// The answer of least cost within `options`, and who gave it; `watch` is told how the search goes
/// and may end it.
///
/// # Errors
///
/// Problems of the instance: GLN-543 to GLN-548.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use galerna::cluster;
/// use galerna::reassign::{Budget, Options, generate};
///
/// let instance = generate::consolidation(8, 20, 1)?;
/// let budget = Budget { steps: Some(50_000), time: None };
/// let options = Options { budget, threads: 1, seed: 0, gap: 0.0 };
/// let (solution, solver) =
///     cluster::solve(&instance, options, &mut |_| ControlFlow::Continue(()))?;
/// assert!(solution.lower_bound <= solution.cost && solution.cost < solution.initial_cost);
/// assert!(solver.starts_with("search"));
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn solve(
    instance: &Instance,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(Solution, String), Error> {
    instance.check("snapshot")?;
    let begun = Instant::now();
    let small = milp::SOLVER.filter(|_| exact::is_small(instance));
    let stated = milp::SOLVER.filter(|_| small.is_none() && exact::is_stated(instance));
    let mut first = options;
    if small.or(stated).is_some() {
        let part = if small.is_some() { SEARCH } else { SEARCH_OF_LARGE };
        first.budget.time = options.budget.time.map(|time| time.mul_f64(part));
    }
    let solution = solve_with(instance, first, &Hints::default(), watch)?;
    let done = matches!(solution.status, Status::Optimal | Status::GapReached | Status::Stopped);
    let mut left = options;
    left.budget.time = options.budget.time.map(|time| time.saturating_sub(begun.elapsed()));
    if let Some(solver) = stated.filter(|_| !done) {
        let found = neighbourhood::improve(instance, &solution.assignment, left);
        let better = becomes(instance, solution, found, options.gap);
        return Ok((better, format!("search and {solver}")));
    }
    let Some(solver) = small.filter(|_| !done) else {
        return Ok((solution, "search".to_owned()));
    };
    let Some((assignment, cost, bound)) = proved(instance, &solution.assignment, left) else {
        return Ok((solution, "search".to_owned()));
    };
    let raised = Solution { lower_bound: bound.max(solution.lower_bound), ..solution };
    let new = becomes(instance, raised, (assignment, cost), options.gap.max(PROOF));
    Ok((new, format!("search and {solver}")))
}

/// `solution` with the assignment that was `found`, if that costs less; `gap` is enough.
fn becomes(instance: &Instance, solution: Solution, found: (Vec<u32>, i64), gap: f64) -> Solution {
    let (assignment, cost) = found;
    let mut new = solution;
    if cost < new.cost {
        let mut state = State::as_it_is(instance);
        state.become_like(&assignment);
        (new.cost, new.terms, new.assignment) = (cost, state.terms(), assignment);
    }
    new.lower_bound = new.lower_bound.min(new.cost);
    if new.gap() <= gap {
        new.status = if new.gap() == 0.0 { Status::Optimal } else { Status::GapReached };
    }
    new
}

/// What an integer programme makes of `incumbent`: an assignment that keeps all rules and costs no
/// more, its cost, and a bound; none where it has nothing to say.
pub(super) fn proved(
    instance: &Instance,
    incumbent: &[u32],
    options: Options,
) -> Option<(Vec<u32>, i64, i64)> {
    let nodes = options.budget.steps.map(|_| NODES);
    let gap = options.gap.max(PROOF);
    let limits = milp::Limits { gap, time: options.budget.time, nodes };
    let found = exact::exact(instance, incumbent, limits)?;
    let mut state = State::as_it_is(instance);
    state.become_like(incumbent);
    let known = state.cost();
    state.become_like(&found.assignment);
    let bound = found.bound.unwrap_or(i64::MIN);
    if state.is_sound() && state.cost() < known {
        return Some((found.assignment, state.cost(), bound));
    }
    Some((incumbent.to_vec(), known, bound))
}
