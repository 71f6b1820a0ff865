//! A small reassignment problem as one mixed-integer programme, with a proof.
//!
//! ```text
//! x[v, h] = 1: VM v is on host h          sum over h of x[v, h] = 1
//! sum over v of need(v, r) x[v, h] <= capacity(h, r) y[h]        x[v, h] <= y[h]
//! e[h] >= sum over v of cpu(v) x[v, h] - safe(h)                 cost of overload
//! sum of prices of a ceiling . (x, y, e) <= most                 per ceiling
//! ```
//!
//! `x <= y` for each pair, which the capacities imply for whole numbers, is what makes the
//! relaxation tight: 50 hosts with 150 VMs are proved at the root. Rules of the operator, groups
//! and curves that are not straight are not stated; problems that have them are left to the search.
//!
//! Source: strong linking as for facility location: Krarup and Pruzan, EJOR 12(1), 1983.

use crate::milp::{Column, Limits, Programme};
use crate::reassign::{Budgets, Constraint, Instance};

/// Columns up to which a problem is small.
const COLUMNS: usize = 10_000;

/// An assignment, and a cost below which none lies.
pub(super) struct Proof {
    pub assignment: Vec<u32>,
    pub bound: Option<i64>,
}

/// Whether the programme can state `instance` and is small.
pub(super) fn is_small(instance: &Instance) -> bool {
    let (items, machines) = (instance.item_count(), instance.machine_count());
    let alone = instance.services.spread.iter().all(|&least| least < 2)
        && instance.service_count() == items;
    let roots = |c: &Constraint| matches!(c, Constraint::Root { .. } | Constraint::Fence { .. });
    (items + 2) * machines <= COLUMNS
        && is_straight(instance)
        && alone
        && instance.balances.is_empty()
        && Budgets { ceilings: Vec::new(), ..instance.budgets.clone() }.is_empty()
        && instance.budgets.ceilings.iter().all(|ceiling| is_straight(&ceiling.prices))
        && !instance.transient.contains(&true)
        && instance.constraints.iter().all(roots)
}

fn is_straight(instance: &Instance) -> bool {
    instance.power.curves.iter().all(|curve| curve.pieces.len() == 1)
}

/// Hosts on which each VM may be.
fn allowed(instance: &Instance) -> Vec<Vec<bool>> {
    let (items, machines) = (instance.item_count(), instance.machine_count());
    let mut allowed = vec![vec![true; machines]; items];
    for constraint in &instance.constraints {
        match constraint {
            Constraint::Root { items } => items.iter().for_each(|&item| {
                let home = instance.start[item as usize] as usize;
                (0..machines).for_each(|m| allowed[item as usize][m] &= m == home);
            }),
            Constraint::Fence { items, machines: inside } => {
                let mut on = vec![false; machines];
                inside.iter().for_each(|&m| on[m as usize] = true);
                for &item in items {
                    allowed[item as usize].iter_mut().zip(&on).for_each(|(a, on)| *a &= on);
                }
            }
            _ => {}
        }
    }
    allowed
}

/// The columns of a programme.
struct Columns {
    /// Per VM and host, where it may be there.
    x: Vec<Vec<Option<Column>>>,
    /// Per host, where it costs to be on.
    on: Vec<Option<Column>>,
    /// Excess over a threshold of a resource of a host: host, resource, threshold, column.
    over: Vec<(usize, usize, i64, Column)>,
}

/// Proves how little `instance` can cost, from the assignment `incumbent`; none where no better
/// values and no bound are found.
pub(super) fn exact(instance: &Instance, incumbent: &[u32], limits: Limits) -> Option<Proof> {
    // Costs near 1 suit a solver of floating point numbers.
    let unit = largest_cost(instance);
    let mut programme = Programme::default();
    let columns = columns(&mut programme, instance, unit);
    for row in &columns.x {
        programme.equal(1.0, row.iter().flatten().map(|&column| (column, 1.0)));
    }
    for machine in 0..instance.machine_count() {
        add_machine(&mut programme, instance, &columns, machine);
    }
    add_excess(&mut programme, instance, &columns);
    for ceiling in &instance.budgets.ceilings {
        let scale = 1.0 / ceiling.most.max(1) as f64;
        let entries = costs(&ceiling.prices, &columns);
        let entries = entries.into_iter().map(|(column, cost)| (column, cost * scale));
        programme.at_most(ceiling.most as f64 * scale, entries);
    }
    let start = start(&programme, instance, &columns, incumbent);
    let found = programme.solve(Some(&start), limits).ok()?;
    let home = |row: &Vec<Option<Column>>| {
        let chosen = |c: &Option<Column>| c.is_some_and(|c| found.values[c.index()] > 0.5);
        row.iter().position(chosen).map(|machine| machine as u32)
    };
    let assignment = columns.x.iter().map(home).collect::<Option<Vec<u32>>>()?;
    // What rounding of the solver may have added is taken off.
    let bound = found.bound.map(|bound| (unit * (bound - 1e-6 * bound.abs())).floor() as i64);
    Some(Proof { assignment, bound })
}

/// The largest cost of one host or one move.
fn largest_cost(instance: &Instance) -> f64 {
    let idle = instance.power.idle.iter().copied().max().unwrap_or(0);
    let moves = instance.items.move_cost.iter().copied().max().unwrap_or(0);
    idle.max(moves).max(1) as f64
}

/// What an item costs on a machine by itself: its move, and its part of a straight curve.
fn placing(instance: &Instance, item: u32, machine: u32) -> f64 {
    let home = instance.start[item as usize];
    let mut cost = 0;
    if home != machine {
        cost += instance.weights.item * instance.items.move_cost[item as usize]
            + instance.weights.machine * instance.machine_move_cost(home, machine);
    }
    if let Some(&curve) = instance.power.curve.get(machine as usize) {
        let slope = instance.power.curves[curve as usize].pieces[0].slope;
        cost += slope * instance.demand(item)[instance.power.resource];
    }
    cost as f64
}

fn idle(instance: &Instance, machine: usize) -> i64 {
    instance.power.idle.get(machine).copied().unwrap_or(0)
}

/// What a machine has of a resource; rows of it are scaled to that.
fn full(instance: &Instance, machine: usize, r: usize) -> f64 {
    instance.machines.capacity[instance.row(machine as u32).start + r].max(1) as f64
}

/// Thresholds above which use of a machine costs: resource, threshold, cost of a unit.
fn thresholds(instance: &Instance, machine: usize) -> Vec<(usize, i64, i64)> {
    let row = instance.row(machine as u32);
    let loads = instance.load_weight.iter().enumerate();
    let loads = loads.map(|(r, &weight)| (r, instance.machines.safety[row.start + r], weight));
    let tiers = instance.tiers.iter();
    let tiers = tiers.map(|tier| (tier.resource, tier.threshold[machine], tier.weight));
    loads.chain(tiers).filter(|&(_, _, weight)| weight > 0).collect()
}

/// What a unit above a threshold costs.
fn excess_cost(instance: &Instance, machine: usize, (r, threshold): (usize, i64)) -> i64 {
    let all = thresholds(instance, machine).into_iter();
    all.filter(|&(other, from, _)| (other, from) == (r, threshold)).map(|(_, _, w)| w).sum()
}

fn columns(programme: &mut Programme, instance: &Instance, unit: f64) -> Columns {
    let machines = instance.machine_count();
    let mut x: Vec<Vec<Option<Column>>> = Vec::new();
    for (item, allowed) in allowed(instance).iter().enumerate() {
        let column = |machine: usize| {
            let cost = placing(instance, item as u32, machine as u32) / unit;
            allowed[machine].then(|| programme.whole(cost, 0.0, 1.0))
        };
        x.push((0..machines).map(column).collect());
    }
    let ceilings = || instance.budgets.ceilings.iter().map(|ceiling| &*ceiling.prices);
    let all = || std::iter::once(instance).chain(ceilings());
    let (mut on, mut over) = (Vec::new(), Vec::new());
    for machine in 0..machines {
        let costs = all().any(|prices| idle(prices, machine) > 0);
        let own = idle(instance, machine) as f64 / unit;
        on.push(costs.then(|| programme.whole(own, 0.0, 1.0)));
        let mut known: Vec<(usize, i64)> =
            all().flat_map(|prices| thresholds(prices, machine)).map(|(r, t, _)| (r, t)).collect();
        known.sort_unstable();
        known.dedup();
        for (r, threshold) in known {
            let weight = excess_cost(instance, machine, (r, threshold)) as f64;
            let column = programme.any(weight * full(instance, machine, r) / unit, 0.0, 1e12);
            over.push((machine, r, threshold, column));
        }
    }
    Columns { x, on, over }
}

/// What each column costs by `prices`.
fn costs(prices: &Instance, columns: &Columns) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (item, row) in columns.x.iter().enumerate() {
        let there = row.iter().enumerate();
        entries.extend(there.filter_map(|(machine, &column)| {
            Some((column?, placing(prices, item as u32, machine as u32)))
        }));
    }
    let on = columns.on.iter().enumerate();
    entries.extend(on.filter_map(|(m, &column)| Some((column?, idle(prices, m) as f64))));
    entries.extend(columns.over.iter().map(|&(machine, r, threshold, column)| {
        let weight = excess_cost(prices, machine, (r, threshold)) as f64;
        (column, weight * full(prices, machine, r))
    }));
    entries.retain(|&(_, cost)| cost != 0.0);
    entries
}

type Entry = (Column, f64);

/// Needs of a resource on a machine, as parts of what it has.
fn needs(instance: &Instance, columns: &Columns, m: usize, r: usize) -> Vec<Entry> {
    let scale = 1.0 / full(instance, m, r);
    let need = |(item, row): (usize, &Vec<Option<Column>>)| {
        Some((row[m]?, instance.demand(item as u32)[r] as f64 * scale))
    };
    columns.x.iter().enumerate().filter_map(need).filter(|(_, need)| *need != 0.0).collect()
}

/// Capacity of one machine, and that it is on where it holds anything.
fn add_machine(programme: &mut Programme, instance: &Instance, columns: &Columns, machine: usize) {
    let on = columns.on[machine];
    if let Some(on) = on {
        for column in columns.x.iter().filter_map(|row| row[machine]) {
            programme.at_most(0.0, [(column, 1.0), (on, -1.0)]);
        }
    }
    let capacity = &instance.machines.capacity[instance.row(machine as u32)];
    for (r, &capacity) in capacity.iter().enumerate() {
        let entries = needs(instance, columns, machine, r).into_iter();
        let most = capacity as f64 / full(instance, machine, r);
        match on {
            Some(on) => programme.at_most(0.0, entries.chain([(on, -most)])),
            None => programme.at_most(most, entries),
        }
    }
}

fn add_excess(programme: &mut Programme, instance: &Instance, columns: &Columns) {
    for &(machine, r, threshold, over) in &columns.over {
        let entries = needs(instance, columns, machine, r).into_iter();
        let scale = 1.0 / full(instance, machine, r);
        programme.at_most(threshold as f64 * scale, entries.chain([(over, -1.0)]));
    }
}

/// Values of all columns at `incumbent`.
fn start(
    programme: &Programme,
    instance: &Instance,
    columns: &Columns,
    incumbent: &[u32],
) -> Vec<f64> {
    let mut values = vec![0.0; programme.column_count()];
    let mut used = vec![0; instance.machines.capacity.len()];
    for (item, &machine) in incumbent.iter().enumerate() {
        let chosen = [columns.x[item][machine as usize], columns.on[machine as usize]];
        chosen.iter().flatten().for_each(|column| values[column.index()] = 1.0);
        let row = instance.row(machine);
        used[row].iter_mut().zip(instance.demand(item as u32)).for_each(|(u, n)| *u += n);
    }
    for &(machine, r, threshold, column) in &columns.over {
        let above = used[instance.row(machine as u32).start + r] - threshold;
        values[column.index()] = above.max(0) as f64 / full(instance, machine, r);
    }
    values
}
