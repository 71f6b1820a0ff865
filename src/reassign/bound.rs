//! How little could any assignment cost? Two closed forms, and no search.
//!
//! ```text
//! pooled = sum over r of weight(r) * max(0, sum of demand - sum of safety capacity)
//!        + sum over triples of weight * max(0, target * sum of left(first) - sum of left(second))
//! bound  = min over k of max(pooled, start - D(k)) + M(k)
//! ```
//!
//! `max(0, x)` is convex: the costs of use of all machines together are least when their sums are
//! taken as one machine's. No assignment uses less than `pooled`. Nor is it reached for nothing:
//! `start` is what use costs now, `D(k)` the most that moving `k` items can take off it (the `k`
//! largest of what one item can, wherever it goes), `M(k)` the least that `k` moves cost. Whatever
//! the number of moves is, no assignment is cheaper than the bound.
//!
//! Source: the pooled form is that of the ROADEF/EURO challenge 2012, where several teams report
//! it; the count of moves is ours, and proves the optimum of a1_1.

use super::instance::Instance;
use super::state::State;

/// What the use of machines costs at least.
///
/// ```
/// use galerna::reassign::{pooled_bound, roadef};
///
/// // One process that needs 3; safety capacities 2 and 0; a unit above costs 10.
/// let model = "1  0 10  2  0 0 4 2 0 1  0 1 3 0 1 0  1  0 0  1  0 3 5  0  1 10 100";
/// let instance = roadef::parse((model.as_bytes(), "model"), (b"0", "start"))?;
/// assert_eq!(pooled_bound(&instance), 10);
/// # Ok::<(), galerna::reassign::Error>(())
/// ```
pub fn pooled_bound(instance: &Instance) -> i64 {
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

/// A cost below which no assignment lies; `start` is the state with which everything begins.
pub(super) fn lower_bound(start: &State<'_>) -> i64 {
    let instance = start.instance();
    let pooled = pooled_bound(instance);
    let items = 0..instance.item_count() as u32;
    let mut gains: Vec<i64> = items.clone().map(|item| largest_gain(instance, item)).collect();
    gains.sort_unstable_by_key(|&gain| std::cmp::Reverse(gain));
    let ways = shortest_ways(instance);
    let mut prices: Vec<i64> = items.map(|item| least_price(instance, item, &ways)).collect();
    prices.sort_unstable();
    let services = instance.service_count().max(1);
    let (mut remaining, mut moves, mut best) = (start.cost(), 0, start.cost());
    for (k, (gain, price)) in gains.into_iter().zip(prices).enumerate() {
        remaining -= gain;
        moves += price;
        let crowd = (k + 1).div_ceil(services) as i64;
        best = best.min(remaining.max(pooled) + moves + instance.weights.service * crowd);
        if remaining <= pooled {
            break;
        }
    }
    best
}

/// The most that moving `item` can take off what use costs, whatever else has moved.
fn largest_gain(instance: &Instance, item: u32) -> i64 {
    let demand = instance.demand(item);
    let load: i64 = demand.iter().zip(&instance.load_weight).map(|(need, w)| need * w).sum();
    // What one machine misses less, the other misses more: at most one of them gains.
    let balances = instance.balances.iter().map(|triple| {
        triple.weight * (triple.target * demand[triple.first] - demand[triple.second]).abs()
    });
    load + balances.sum::<i64>()
}

/// Per machine: the least cost of a way to another.
fn shortest_ways(instance: &Instance) -> Vec<i64> {
    let machines = instance.machine_count() as u32;
    let shortest = |from: u32| {
        let others = (0..machines).filter(|&to| to != from);
        others.map(|to| instance.machine_move_cost(from, to)).min().unwrap_or(0)
    };
    (0..machines).map(shortest).collect()
}

/// The least that moving `item` costs, its service aside.
fn least_price(instance: &Instance, item: u32, ways: &[i64]) -> i64 {
    let way = ways[instance.start[item as usize] as usize];
    instance.weights.item * instance.items.move_cost[item as usize] + instance.weights.machine * way
}
