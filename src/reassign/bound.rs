//! How little could any assignment cost? Two closed forms, and no search.
//!
//! ```text
//! pooled = sum over r of weight(r) * (sum over m of max(0, fixed(m, r) - safety(m, r))
//!                                     + max(0, sum of demand - sum over m of useful(m, r)))
//!        + sum over triples of weight * max(0, target * sum of left(first) - sum of left(second))
//! useful(m, r) = safety(m, r), but at least fixed(m, r) and at most possible(m, r)
//! bound  = min over k of max(pooled, start - D(k)) + M(k)
//! ```
//!
//! `max(0, x)` is convex: the costs of use of all machines together are least when their sums are
//! taken as one machine's. `fixed`: what those use that can be nowhere else; it is there in any
//! assignment, and so is its cost. `possible`: what all use together that can be there, at most the
//! capacity; safety capacity beyond it is of no use. No assignment uses less than `pooled`. Nor is
//! it reached for nothing: `start` is what use costs now, `D(k)` the most that moving `k` items can
//! take off it (the `k` largest of what one item can, wherever it goes), `M(k)` the least that `k`
//! moves cost. Whatever the number of moves is, no assignment is cheaper than the bound.
//!
//! Source: the pooled form is that of the ROADEF/EURO challenge 2012, where several teams report
//! it without `fixed` and `possible`; these and the count of moves, which proves the optimum of
//! a1_1, are ours.

use super::class_bound::class_bound;
use super::instance::Instance;
use super::reach::Reach;
use super::rules::overbook;
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
    bound_of_use(instance, &Reach::of(instance))
}

fn bound_of_use(instance: &Instance, reach: &Reach) -> i64 {
    let width = instance.resources();
    let sum = |column: &[i64], r: usize| -> i64 { column.iter().skip(r).step_by(width).sum() };
    let need: Vec<i64> = (0..width).map(|r| sum(&instance.items.demand, r)).collect();
    let left = |r: usize| sum(&instance.machines.capacity, r) - need[r];
    let (unavoidable, useful) = useful_safety(instance, reach);
    let load = |r: usize| {
        let pooled = (need[r] - sum(&useful, r)).max(0);
        instance.load_weight[r] * (sum(&unavoidable, r) + pooled)
    };
    let balances = instance.balances.iter().map(|triple| {
        triple.weight * (triple.target * left(triple.first) - left(triple.second)).max(0)
    });
    (0..width).map(load).sum::<i64>() + balances.sum::<i64>()
}

/// Per machine and resource: what is above the safety capacity in any assignment, and how much of
/// it any can use.
fn useful_safety(instance: &Instance, reach: &Reach) -> (Vec<i64>, Vec<i64>) {
    let safety = &instance.machines.safety;
    let (mut fixed, mut possible) = (vec![0; safety.len()], vec![0; safety.len()]);
    for item in 0..instance.item_count() as u32 {
        let machines = reach.machines(item);
        for &machine in machines {
            for (at, need) in instance.row(machine).zip(instance.demand(item)) {
                possible[at] += need;
                fixed[at] += if machines.len() == 1 { *need } else { 0 };
            }
        }
    }
    let rows = safety.iter().zip(&fixed);
    let unavoidable = rows.map(|(safety, fixed)| (fixed - safety).max(0)).collect();
    let limits = overbook::limits(instance);
    let limits = fixed.iter().zip(possible.iter().zip(limits));
    let useful = safety.iter().zip(limits).map(|(&safety, (&fixed, (&possible, limit)))| {
        safety.max(fixed).min(possible.min(limit.max(fixed)))
    });
    (unavoidable, useful.collect())
}

/// A cost below which no assignment of `instance` lies: the best of the bounds that need no solver.
pub fn least_cost(instance: &Instance) -> i64 {
    lower_bound(&State::as_it_is(instance), &Reach::of(instance))
}

/// A cost below which no assignment lies; `start` is the state with which everything begins.
pub(super) fn lower_bound(start: &State<'_>, reach: &Reach) -> i64 {
    let instance = start.instance();
    let pooled = bound_of_use(instance, reach);
    if !instance.power.is_empty() || !instance.tiers.is_empty() {
        return class_bound(instance, reach).map_or(pooled, |bound| bound.max(pooled));
    }
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
