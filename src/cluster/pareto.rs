//! A Pareto front of two goals: plans of which none is better in one of them without being worse in
//! the other.
//!
//! ```text
//! for b from the most to the least that the second goal needs to be:
//!     least first(x)   so that   second(x) <= b
//! ```
//!
//! The ends of the front are the two orders of the goals; between them limits of the second goal
//! are spread evenly. Each search begins with the best plan that is within its limit, and each
//! gives bounds that hold for all points ([`super::constrained`]). Points that another one
//! dominates are left out.
//!
//! Source: the epsilon-constraint method, Haimes, Lasdon and Wismer, IEEE Transactions on Systems,
//! Man, and Cybernetics 1(3), 1971.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;

use super::constrained::{Known, Limit, Support, cost, least, prices};
use super::goal::{MICRO, Wish};
use super::improve::{Plan, sound_start, told};
use super::order::worse;
use super::snapshot::Snapshot;
use super::term::{Level, Term};
use crate::reassign::{Error, Instance, Options, Progress, Status, gap};

/// The front that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front {
    /// What is made small, and what is limited.
    pub axes: [Term; 2],
    /// Points that are looked for, at least 2.
    pub points: usize,
}

/// A plan that no other one dominates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Both terms, each in its unit.
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, f64>,
    /// Power after the moves, W.
    pub power_w: f64,
    /// Moves that it takes.
    pub moves: usize,
    /// No plan with at most as much of the second term has less of the first.
    pub bound: f64,
    /// `(first - bound) / first`.
    pub gap: f64,
    /// How its search ended.
    pub status: Status,
}

/// A point that was met, by its costs.
struct Met {
    at: [i64; 2],
    bound: i64,
    status: Status,
    assignment: Vec<u32>,
}

/// Plans along a front within `options`, which all points share. The plan that is returned is the
/// point that costs least by the weights of `wish`.
///
/// # Errors
///
/// Problems of the snapshot as a reassignment problem: GLN-543 to GLN-549.
pub fn improve_along_front(
    snapshot: &Snapshot,
    wish: &Wish,
    front: Front,
    options: Options,
    watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Plan, Error> {
    let start = sound_start(snapshot, wish, options)?;
    let count = front.points.max(2) as u32 + 2;
    let mut share = options;
    share.budget.time = options.budget.time.map(|time| time / count);
    share.budget.steps = options.budget.steps.map(|n| (n / u64::from(count)).max(1));
    let levels = front.axes.map(|term| Level::of(vec![term]));
    let sides = [0, 1].map(|at| prices(snapshot, wish, &levels[at]));
    let mut search = Search { snapshot, wish, levels, sides, share, watch, supports: Vec::new() };
    let mut met = search.ends(&start)?;
    let [most, least] = [met[0].at[1], met[1].at[1]];
    for part in (1..front.points.saturating_sub(1)).rev() {
        if met.iter().any(|point| point.status == Status::Stopped) {
            break;
        }
        let step = i128::from(most - least) * part as i128 / (front.points as i128 - 1);
        let limit = least + step as i64;
        let within = met.iter().filter(|point| point.at[1] <= limit);
        let from = within.min_by_key(|point| point.at[0]).map(|point| point.assignment.clone());
        let Some(from) = from else { continue };
        let known = search.least(0, limit, &from)?;
        met.push(search.met(known));
    }
    let supports = search.supports;
    let status = met.iter().fold(Status::Optimal, |all, point| worse(all, point.status));
    let kept = not_dominated(met);
    let weighted = wish.instance(snapshot, &wish.weights);
    let chosen = kept.iter().min_by_key(|point| cost(&weighted, &point.assignment));
    let chosen = chosen.expect("a front has ends").assignment.clone();
    let mut plan = told(snapshot, wish, chosen, status);
    let told = |met: &Met| point(snapshot, front.axes, met, &supports);
    plan.front = kept.iter().map(told).collect();
    Ok(plan)
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    wish: &'a Wish,
    levels: [Level; 2],
    sides: [Instance; 2],
    share: Options,
    watch: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
    /// Bounds of weighted sums of the first and the second side.
    supports: Vec<Support>,
}

impl Search<'_> {
    /// The least of one side with at most so much of the other.
    fn least(&mut self, side: usize, most: i64, from: &[u32]) -> Result<Known, Error> {
        let limit = Limit { prices: self.sides[1 - side].clone(), most };
        self.solve(side, &[limit], from)
    }

    fn solve(&mut self, side: usize, limits: &[Limit], from: &[u32]) -> Result<Known, Error> {
        let problem = (self.snapshot, self.wish, &self.levels[side]);
        let given = if side == 0 && !limits.is_empty() { &self.supports[..] } else { &[] };
        let known = least(problem, limits, from, given, self.share, self.watch)?;
        let of_both = known.supports.iter().filter_map(|support| support.of_first(side));
        self.supports.extend(of_both);
        Ok(known)
    }

    /// Both ends of the front: the least of each side, and with that the least of the other.
    fn ends(&mut self, start: &[u32]) -> Result<Vec<Met>, Error> {
        let mut met = Vec::new();
        for side in 0..2 {
            let alone = self.solve(side, &[], start)?;
            let most = alone.cost;
            let (bound, status) = (alone.bound, alone.status);
            let both = self.least(1 - side, most, &alone.assignment)?;
            let mut end = self.met(both);
            if side == 0 {
                (end.bound, end.status) = (bound.min(end.at[0]), worse(status, end.status));
            }
            met.push(end);
        }
        Ok(met)
    }

    fn met(&self, known: Known) -> Met {
        let at = [0, 1].map(|side: usize| cost(&self.sides[side], &known.assignment));
        Met {
            at,
            bound: known.bound.min(at[0]),
            status: known.status,
            assignment: known.assignment,
        }
    }
}

/// The points that none dominates, by rising second side.
fn not_dominated(mut met: Vec<Met>) -> Vec<Met> {
    met.sort_by_key(|point| (point.at[1], point.at[0]));
    let mut least = i64::MAX;
    met.retain(|point| {
        let is_better = point.at[0] < least;
        least = least.min(point.at[0]);
        is_better
    });
    met
}

fn point(snapshot: &Snapshot, axes: [Term; 2], met: &Met, supports: &[Support]) -> Point {
    let known = supports.iter().map(|support| support.bound(std::iter::once(met.at[1])));
    let bound = known.max().unwrap_or(0).max(met.bound).min(met.at[0]);
    let pairs = axes.iter().zip(met.at);
    let moved = met.assignment.iter().zip(&snapshot.home);
    Point {
        values: pairs.map(|(axis, at)| (axis.name(), at as f64 / MICRO)).collect(),
        power_w: snapshot.power(&met.assignment).0,
        moves: moved.filter(|(now, home)| now != home).count(),
        bound: bound as f64 / MICRO,
        gap: gap(met.at[0], bound),
        status: if bound == met.at[0] { Status::Optimal } else { met.status },
    }
}
