//! A small reassignment problem as one mixed-integer programme, with a proof.
//!
//! ```text
//! x[v, h] = 1: VM v is on host h          sum over h of x[v, h] = 1
//! sum over v of need(v, r) x[v, h] <= capacity(h, r) y[h]        x[v, h] <= y[h]
//! e[h] >= sum over v of cpu(v) x[v, h] - safe(h)                 cost of overload
//! ```
//!
//! `x <= y` for each pair, which the capacities imply for whole numbers, is what makes the
//! relaxation tight: 50 hosts with 150 VMs are proved at the root. Rules of the operator, groups
//! and curves that are not straight are not stated; problems that have them are left to the search.
//!
//! Source: strong linking as for facility location: Krarup and Pruzan, EJOR 12(1), 1983.

use crate::milp::{Column, Limits, Programme};
use crate::reassign::{Constraint, Instance};

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
    let straight = instance.power.curves.iter().all(|curve| curve.pieces.len() == 1);
    let alone = instance.services.spread.iter().all(|&least| least < 2)
        && instance.service_count() == items;
    let roots = |c: &Constraint| matches!(c, Constraint::Root { .. } | Constraint::Fence { .. });
    (items + 2) * machines <= COLUMNS
        && straight
        && alone
        && instance.balances.is_empty()
        && instance.budgets.is_empty()
        && !instance.transient.contains(&true)
        && instance.constraints.iter().all(roots)
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

/// Proves how little `instance` can cost, from the assignment `incumbent`; none where no better
/// values and no bound are found.
pub(super) fn exact(instance: &Instance, incumbent: &[u32], limits: Limits) -> Option<Proof> {
    // Costs near 1 suit a solver of floating point numbers.
    let unit = largest_cost(instance);
    let mut programme = Programme::default();
    let allowed = allowed(instance);
    let machines = instance.machine_count();
    let mut x: Vec<Vec<Option<Column>>> = Vec::new();
    for (item, allowed) in allowed.iter().enumerate() {
        let column = |machine: usize| {
            let cost = placing(instance, item as u32, machine as u32) / unit;
            allowed[machine].then(|| programme.whole(cost, 0.0, 1.0))
        };
        x.push((0..machines).map(column).collect());
    }
    for row in &x {
        programme.equal(1.0, row.iter().flatten().map(|&column| (column, 1.0)));
    }
    for machine in 0..machines {
        add_machine(&mut programme, instance, &x, machine, unit);
    }
    let start = start(&programme, instance, &x, incumbent);
    let found = programme.solve(Some(&start), limits).ok()?;
    let home = |row: &Vec<Option<Column>>| {
        let chosen = |m: &usize| row[*m].is_some_and(|c| found.values[c.index()] > 0.5);
        (0..machines).find(chosen).map(|machine| machine as u32)
    };
    let assignment = x.iter().map(home).collect::<Option<Vec<u32>>>()?;
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

type Entry = (Column, f64);

fn needs(instance: &Instance, x: &[Vec<Option<Column>>], m: usize, r: usize) -> Vec<Entry> {
    let need = |(item, row): (usize, &Vec<Option<Column>>)| {
        Some((row[m]?, instance.demand(item as u32)[r] as f64))
    };
    x.iter().enumerate().filter_map(need).filter(|(_, need)| *need != 0.0).collect()
}

/// Rows of one machine, each scaled to what it has.
fn add_machine(
    programme: &mut Programme,
    instance: &Instance,
    x: &[Vec<Option<Column>>],
    machine: usize,
    unit: f64,
) {
    let idle = instance.power.idle.get(machine).copied().unwrap_or(0);
    let on = (idle > 0).then(|| programme.whole(idle as f64 / unit, 0.0, 1.0));
    if let Some(on) = on {
        for column in x.iter().filter_map(|row| row[machine]) {
            programme.at_most(0.0, [(column, 1.0), (on, -1.0)]);
        }
    }
    let row = instance.row(machine as u32);
    for (r, &capacity) in instance.machines.capacity[row.clone()].iter().enumerate() {
        let scale = 1.0 / (capacity.max(1) as f64);
        let entries = needs(instance, x, machine, r).into_iter().map(|(c, n)| (c, n * scale));
        let full = capacity as f64 * scale;
        match on {
            Some(on) => programme.at_most(0.0, entries.chain([(on, -full)])),
            None => programme.at_most(full, entries),
        }
        let safe = instance.machines.safety[row.start + r];
        let loads = std::iter::once((safe, instance.load_weight[r]));
        let tiers = instance.tiers.iter().filter(|tier| tier.resource == r);
        let tiers = tiers.map(|tier| (tier.threshold[machine], tier.weight));
        for (threshold, weight) in loads.chain(tiers).filter(|&(_, weight)| weight > 0) {
            let most = 1e12;
            let over = programme.any(weight as f64 / scale / unit, 0.0, most);
            let entries = needs(instance, x, machine, r).into_iter();
            let entries = entries.map(|(column, need)| (column, need * scale));
            programme.at_most(threshold as f64 * scale, entries.chain([(over, -1.0)]));
        }
    }
}

/// Values of all columns at `incumbent`.
fn start(
    programme: &Programme,
    instance: &Instance,
    x: &[Vec<Option<Column>>],
    incumbent: &[u32],
) -> Vec<f64> {
    let mut values = vec![0.0; programme.column_count()];
    let mut used = vec![0; instance.machines.capacity.len()];
    let mut holds = vec![false; instance.machine_count()];
    for (item, &machine) in incumbent.iter().enumerate() {
        if let Some(column) = x[item][machine as usize] {
            values[column.index()] = 1.0;
        }
        holds[machine as usize] = true;
        let row = instance.row(machine);
        used[row].iter_mut().zip(instance.demand(item as u32)).for_each(|(u, n)| *u += n);
    }
    // The order of columns is that of `add_machine`.
    let mut next = x.iter().flatten().flatten().count();
    for (machine, &on) in holds.iter().enumerate() {
        if instance.power.idle.get(machine).is_some_and(|&idle| idle > 0) {
            values[next] = f64::from(u8::from(on));
            next += 1;
        }
        let row = instance.row(machine as u32);
        for (r, at) in row.enumerate() {
            let scale = 1.0 / (instance.machines.capacity[at].max(1) as f64);
            let loads = std::iter::once((instance.machines.safety[at], instance.load_weight[r]));
            let tiers = instance.tiers.iter().filter(|tier| tier.resource == r);
            let tiers = tiers.map(|tier| (tier.threshold[machine], tier.weight));
            for (threshold, _) in loads.chain(tiers).filter(|&(_, weight)| weight > 0) {
                values[next] = ((used[at] - threshold).max(0) as f64) * scale;
                next += 1;
            }
        }
    }
    values
}
