//! How little could any assignment cost? A bound in closed form.
//!
//! ```text
//! bound = sum over r of weight(r) * max(0, sum of demand - sum of safety capacity)
//!       + sum over triples of weight * max(0, target * sum of left(first) - sum of left(second))
//! ```
//!
//! `max(0, x)` is convex: the costs of all machines together are least when their sums are taken as
//! one machine's, where rules no longer bind and no move costs anything. No assignment is cheaper.
//!
//! Source: ROADEF/EURO challenge 2012, where several teams report it.

use super::instance::Instance;

/// A cost below which no assignment lies.
///
/// ```
/// use galerna::reassign::{lower_bound, roadef};
///
/// // One process that needs 3; safety capacities 2 and 0; a unit above costs 10.
/// let model = "1  0 10  2  0 0 4 2 0 1  0 1 3 0 1 0  1  0 0  1  0 3 5  0  1 10 100";
/// let instance = roadef::parse((model.as_bytes(), "model"), (b"0", "start"))?;
/// assert_eq!(lower_bound(&instance), 10);
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn lower_bound(instance: &Instance) -> i64 {
    let width = instance.resources();
    let sum = |column: &[i64], r: usize| -> i64 { column.iter().skip(r).step_by(width).sum() };
    let need: Vec<i64> = (0..width).map(|r| sum(&instance.items.demand, r)).collect();
    let left = |r: usize| sum(&instance.machines.capacity, r) - need[r];
    let load =
        |r: usize| instance.load_weight[r] * (need[r] - sum(&instance.machines.safety, r)).max(0);
    let balances = instance.balances.iter().map(|triple| {
        triple.weight * (triple.target * left(triple.first) - left(triple.second)).max(0)
    });
    (0..width).map(load).sum::<i64>() + balances.sum::<i64>()
}
