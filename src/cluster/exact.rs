//! A small reassignment problem, or a few hosts of a large one, as one mixed-integer programme.
//!
//! ```text
//! x[v, h] = 1: VM v is on host h          sum over h of x[v, h] = 1
//! sum over v of need(v, r) x[v, h] <= capacity(h, r) y[h]        x[v, h] <= y[h]
//! e[h] >= sum over v of cpu(v) x[v, h] - safe(h)                 cost of overload
//! sum of prices of a ceiling . (x, y, e) <= most                 per ceiling
//! sum over v, h of what a move of v counts . x[v, h] <= most     per budget, h not its first host
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

/// The hosts, and the VMs, that a programme is about; all others stay as they are.
pub(super) struct Part {
    machines: Vec<usize>,
    /// Per VM.
    free: Vec<bool>,
}

impl Part {
    fn whole(instance: &Instance) -> Self {
        let machines = (0..instance.machine_count()).collect();
        Self { machines, free: vec![true; instance.item_count()] }
    }

    /// `machines` with the VMs that `incumbent` puts there.
    pub fn of(machines: Vec<usize>, incumbent: &[u32]) -> Self {
        let free = incumbent.iter().map(|&at| machines.contains(&(at as usize))).collect();
        Self { machines, free }
    }
}

/// Whether the programme can state `instance` and is small: with limits of moves, the relaxation of
/// one of 50 hosts and 150 VMs takes two minutes instead of four seconds.
pub(super) fn is_small(instance: &Instance) -> bool {
    let (items, machines) = (instance.item_count(), instance.machine_count());
    let budgets = Budgets { ceilings: Vec::new(), ..instance.budgets.clone() };
    (items + 2) * machines <= COLUMNS && budgets.is_empty() && is_stated(instance)
}

/// Whether a programme can state `instance`, whatever its size.
pub(super) fn is_stated(instance: &Instance) -> bool {
    let items = instance.item_count();
    let alone = instance.services.spread.iter().all(|&least| least < 2)
        && instance.service_count() == items;
    let roots = |c: &Constraint| matches!(c, Constraint::Root { .. } | Constraint::Fence { .. });
    is_straight(instance)
        && alone
        && instance.balances.is_empty()
        && instance.budgets.ceilings.iter().all(|ceiling| is_straight(&ceiling.prices))
        && !instance.transient.contains(&true)
        && instance.constraints.iter().all(roots)
}

fn is_straight(instance: &Instance) -> bool {
    instance.power.curves.iter().all(|curve| curve.pieces.len() == 1)
}

/// Hosts on which each VM may be.
fn allowed(instance: &Instance, part: &Part) -> Vec<Vec<bool>> {
    let machines = instance.machine_count();
    let mut inside = vec![false; machines];
    part.machines.iter().for_each(|&m| inside[m] = true);
    let row = |&free: &bool| if free { inside.clone() } else { Vec::new() };
    let mut allowed: Vec<Vec<bool>> = part.free.iter().map(row).collect();
    for constraint in &instance.constraints {
        match constraint {
            Constraint::Root { items } => items.iter().for_each(|&item| {
                let home = instance.start[item as usize] as usize;
                let row = allowed[item as usize].iter_mut().enumerate();
                row.for_each(|(m, allowed)| *allowed &= m == home);
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
    exact_within(instance, &Part::whole(instance), incumbent, limits)
}

/// The same for a `part` of `instance`: the bound is one of the part alone.
pub(super) fn exact_within(
    instance: &Instance,
    part: &Part,
    incumbent: &[u32],
    limits: Limits,
) -> Option<Proof> {
    // Costs near 1 suit a solver of floating point numbers.
    let unit = largest_cost(instance);
    let mut programme = Programme::default();
    let columns = columns(&mut programme, instance, part, unit);
    for row in columns.x.iter().zip(&part.free).filter(|(_, free)| **free).map(|(row, _)| row) {
        programme.equal(1.0, row.iter().flatten().map(|&column| (column, 1.0)));
    }
    for &machine in &part.machines {
        add_machine(&mut programme, instance, &columns, machine);
    }
    add_excess(&mut programme, instance, &columns);
    for ceiling in &instance.budgets.ceilings {
        let scale = 1.0 / ceiling.most.max(1) as f64;
        let entries = costs(&ceiling.prices, &columns);
        let entries = entries.into_iter().map(|(column, cost)| (column, cost * scale));
        programme.at_most(ceiling.most as f64 * scale, entries);
    }
    add_budgets(&mut programme, instance, part, &columns, incumbent);
    let start = start(&programme, instance, &columns, incumbent);
    let found = programme.solve(Some(&start), limits).ok()?;
    let home = |(row, &before): (&Vec<Option<Column>>, &u32)| {
        let chosen = |c: &Option<Column>| c.is_some_and(|c| found.values[c.index()] > 0.5);
        let there = row.iter().position(chosen).map(|machine| machine as u32);
        if row.is_empty() { Some(before) } else { there }
    };
    let assignment = columns.x.iter().zip(incumbent).map(home).collect::<Option<Vec<u32>>>()?;
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

fn columns(programme: &mut Programme, instance: &Instance, part: &Part, unit: f64) -> Columns {
    let machines = instance.machine_count();
    let mut x: Vec<Vec<Option<Column>>> = Vec::new();
    for (item, allowed) in allowed(instance, part).iter().enumerate() {
        let column = |machine: usize| {
            let cost = placing(instance, item as u32, machine as u32) / unit;
            allowed[machine].then(|| programme.whole(cost, 0.0, 1.0))
        };
        x.push((0..allowed.len()).map(column).collect());
    }
    let ceilings = || instance.budgets.ceilings.iter().map(|ceiling| &*ceiling.prices);
    let all = || std::iter::once(instance).chain(ceilings());
    let (mut on, mut over) = (vec![None; machines], Vec::new());
    for &machine in &part.machines {
        let costs = all().any(|prices| idle(prices, machine) > 0);
        let own = idle(instance, machine) as f64 / unit;
        on[machine] = costs.then(|| programme.whole(own, 0.0, 1.0));
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
        Some(((*row.get(m)?)?, instance.demand(item as u32)[r] as f64 * scale))
    };
    columns.x.iter().enumerate().filter_map(need).filter(|(_, need)| *need != 0.0).collect()
}

/// Capacity of one machine, and that it is on where it holds anything.
fn add_machine(programme: &mut Programme, instance: &Instance, columns: &Columns, machine: usize) {
    let on = columns.on[machine];
    if let Some(on) = on {
        for column in columns.x.iter().filter_map(|row| *row.get(machine)?) {
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

/// One limit of what the moves count.
struct Limit<'a> {
    most: i64,
    /// Per VM; where it is empty, each counts one.
    counts: &'a [i64],
    /// The only first host of the VMs that count.
    from: Option<usize>,
    /// The only host to which moves count.
    to: Option<usize>,
}

/// All limits of moves that may touch `part`.
fn limits<'a>(instance: &'a Instance, part: &Part) -> Vec<Limit<'a>> {
    let (budgets, items) = (&instance.budgets, &instance.items);
    let of_all = |most: Option<i64>, counts: &'a [i64]| {
        most.map(|most| Limit { most, counts, from: None, to: None })
    };
    let all = [
        of_all(budgets.moves, &[]),
        of_all(budgets.bytes, &items.bytes),
        of_all(budgets.link_time, &items.link_time),
    ];
    let counts = &*items.link_time;
    let into = part.machines.iter().filter_map(|&to| {
        Some(Limit { most: *budgets.ingress.get(to)?, counts, from: None, to: Some(to) })
    });
    let out = budgets.egress.iter().enumerate();
    let out = out.map(|(from, &most)| Limit { most, counts, from: Some(from), to: None });
    all.into_iter().flatten().chain(into).chain(out).collect()
}

/// What moves may count: those of the VMs that stay where they are now are counted beforehand.
fn add_budgets(
    programme: &mut Programme,
    instance: &Instance,
    part: &Part,
    columns: &Columns,
    incumbent: &[u32],
) {
    for limit in limits(instance, part) {
        let scale = 1.0 / limit.most.max(1) as f64;
        let mut left = limit.most;
        let mut entries: Vec<Entry> = Vec::new();
        for (item, row) in columns.x.iter().enumerate() {
            let home = instance.start[item] as usize;
            if limit.from.is_some_and(|from| from != home) {
                continue;
            }
            let count = limit.counts.get(item).copied().unwrap_or(1);
            let counts = |to: usize| to != home && limit.to.is_none_or(|only| only == to);
            if !part.free[item] && counts(incumbent[item] as usize) {
                left -= count;
            }
            let there = row.iter().enumerate().filter(|&(to, _)| counts(to));
            entries.extend(there.filter_map(|(_, &x)| Some((x?, count as f64 * scale))));
        }
        if !entries.is_empty() {
            programme.at_most(left as f64 * scale, entries);
        }
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
        let there = columns.x[item].get(machine as usize).copied().flatten();
        let chosen = [there, columns.on[machine as usize]];
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
