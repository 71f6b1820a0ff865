//! What do integers cost least that obey these rows? Mixed-integer programmes, and how far from the
//! best an answer to one can be.
//!
//! ```text
//! minimise cost . x   so that   low <= row . x <= high,   floor <= x <= ceiling,   some x whole
//! ```
//!
//! A [`Programme`] is filled column by column and row by row and solved from an incumbent: what
//! comes back never costs more than that. HiGHS (feature `ilp`) says a bound as well; microlp
//! (`ilp-pure`, Rust alone) says one only when it has finished; without either feature the
//! incumbent comes back as it is and [`Status::NoSolver`] says why.
//!
//! Limits of [`Limits::nodes`] give the same answer on every machine. A limit of time cuts short,
//! and is looked at between the steps of the solver, which may take a second at the root of a large
//! programme. One thread each.
//!
//! ```
//! use galerna::milp::{Limits, Programme};
//!
//! // The knapsack of 6 with things of 4 and 3, worth 5 and 3 each.
//! let mut programme = Programme::default();
//! let four = programme.whole(-5.0, 0.0, 10.0);
//! let three = programme.whole(-3.0, 0.0, 10.0);
//! programme.at_most(6.0, [(four, 4.0), (three, 3.0)]);
//! let found = programme.solve(Some(&[0.0, 0.0]), Limits::default()).unwrap();
//! # if galerna::milp::SOLVER.is_some() {
//! assert_eq!(found.cost, -6.0);
//! assert_eq!(found.values, [0.0, 2.0]);
//! # }
//! ```

#[cfg(feature = "ilp")]
mod highs;
#[cfg(all(feature = "ilp-pure", not(feature = "ilp")))]
mod microlp;
mod programme;
#[cfg(any(feature = "ilp", feature = "ilp-pure"))]
mod translate;

use std::time::Duration;

use serde::Serialize;

pub use programme::{Column, Programme};

/// The solver of this build; none without the features `ilp` and `ilp-pure`.
pub const SOLVER: Option<&str> = if cfg!(feature = "ilp") {
    Some("HiGHS")
} else if cfg!(feature = "ilp-pure") {
    Some("microlp")
} else {
    None
};

/// When a solver ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Enough when `(cost - bound) / |cost|` is at most this.
    pub gap: f64,
    /// Longest time; none: as long as it takes.
    pub time: Option<Duration>,
    /// Most nodes of the search tree; none: any number. Not heeded by microlp.
    pub nodes: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { gap: 1e-4, time: None, nodes: None }
    }
}

/// How an answer is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing costs less than the answer by more than the gap asked for.
    Proved,
    /// A limit ended the search.
    Limit,
    /// No values obey all rows.
    Infeasible,
    /// This build has no solver.
    NoSolver,
}

/// What came of a programme.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The value of each column; whole ones are exactly whole.
    pub values: Vec<f64>,
    /// What they cost.
    pub cost: f64,
    /// A cost below which no values lie; none where the solver says none.
    pub bound: Option<f64>,
    /// How the search ended.
    pub status: Status,
}

/// Neither the solver nor the caller has values that obey all rows.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("no values are known that obey all rows (status {status:?})")]
pub struct Nothing {
    /// Infeasible, or why it is not known.
    pub status: Status,
    /// A cost below which no values lie; none where the solver says none.
    pub bound: Option<f64>,
}

/// What a solver says: values as it has them, not yet looked at.
struct Reply {
    values: Option<Vec<f64>>,
    bound: Option<f64>,
    status: Status,
}

impl Programme {
    /// Values of least cost within the limits, or `start` if nothing better is found.
    ///
    /// What a solver returns is rounded to whole numbers and looked at again, row by row; values
    /// that break one are dropped, and so is a `start` that does.
    ///
    /// # Errors
    ///
    /// [`Nothing`] without a start when the solver finds nothing either.
    pub fn solve(&self, start: Option<&[f64]>, limits: Limits) -> Result<Found, Nothing> {
        let start = start.map(|values| self.whole_values(values)).filter(|v| self.holds(v));
        let reply = self.ask(start.as_deref(), limits);
        let new = reply.values.map(|values| self.whole_values(&values)).filter(|v| self.holds(v));
        let known = [start, new].into_iter().flatten();
        let best = known
            .map(|values| (self.cost(&values), values))
            .reduce(|old, new| if new.0 < old.0 { new } else { old });
        let (bound, mut status) = (reply.bound, reply.status);
        let Some((cost, values)) = best else { return Err(Nothing { status, bound }) };
        // A start that holds refutes a solver that says nothing does.
        if status == Status::Infeasible {
            status = Status::Limit;
        }
        // Rounding may cost as much as tolerances of a solver; a bound is never above an answer.
        let bound = bound.map(|bound| bound.min(cost));
        let close = |bound: f64| cost - bound <= limits.gap * cost.abs().max(1e-9) + 1e-9;
        if status == Status::Proved && !bound.is_some_and(close) {
            status = Status::Limit;
        }
        Ok(Found { values, cost, bound, status })
    }

    #[cfg(feature = "ilp")]
    fn ask(&self, start: Option<&[f64]>, limits: Limits) -> Reply {
        highs::ask(self, start, limits)
    }

    #[cfg(all(feature = "ilp-pure", not(feature = "ilp")))]
    fn ask(&self, start: Option<&[f64]>, limits: Limits) -> Reply {
        microlp::ask(self, start, limits)
    }

    #[cfg(not(any(feature = "ilp", feature = "ilp-pure")))]
    fn ask(&self, _start: Option<&[f64]>, _limits: Limits) -> Reply {
        Reply { values: None, bound: None, status: Status::NoSolver }
    }
}

#[cfg(test)]
mod tests;
