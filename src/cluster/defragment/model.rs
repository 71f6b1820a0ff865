//! How many VMs of each flavour leave and enter each place, so that most blocks come free: a
//! mixed-integer programme.
//!
//! ```text
//! maximise sum of y[n]          16 y[n] <= free cores of n + sum of cores * (out - in) at n
//!                               0 <= free memory of n + sum of memory * (out - in) at n
//!                               sum of out[f, .] = sum of in[f, .]        per flavour f
//!                               sum of out <= moves
//! ```
//!
//! Identical VMs are one count: 279 hosts with 2,089 VMs take 6,077 columns where one binary per VM
//! and place takes 1.2 million. A part of the hosts may be opened and the rest kept as it is.

use super::counts::{BLOCK, Counts, Flavour, blocks};
use crate::milp::{Column, Found, Limits, Programme};

/// VMs of a flavour that leave and enter a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    pub flavour: usize,
    pub place: usize,
    /// How many enter; below 0: leave.
    pub entering: i64,
}

struct Variable {
    flavour: usize,
    place: usize,
    column: Column,
    /// 1 where it counts those that enter, -1 where those that leave.
    sign: f64,
}

/// The programme with what its columns mean.
pub(super) struct Model {
    programme: Programme,
    variables: Vec<Variable>,
    blocks: Vec<(usize, Column)>,
    /// Blocks of nodes that are not open.
    closed: f64,
    open: Vec<bool>,
}

impl Model {
    /// The programme of `moves` moves from `start`; of the nodes that are not `open`, what `flows`
    /// say stays. A move costs `thrift` blocks.
    pub fn of(start: &Counts, moves: usize, open: &[bool], flows: &[Flow], thrift: f64) -> Self {
        let mut programme = Programme::default();
        let mut variables = Vec::new();
        let (mut cores, mut mb) = (start.cores.clone(), start.mb.clone());
        let limits = limits(start);
        let mut left = moves as f64;
        let mut balance = vec![0.0; start.flavours.len()];
        let is_open = |flavour: usize, place: usize| {
            open[place..place + start.flavours[flavour].width].iter().all(|&open| open)
        };
        for flow in flows.iter().filter(|flow| !is_open(flow.flavour, flow.place)) {
            let flavour = &start.flavours[flow.flavour];
            let entering = flow.entering as f64;
            for node in flow.place..flow.place + flavour.width {
                cores[node] -= entering * flavour.cores;
                mb[node] -= entering * flavour.mb;
            }
            balance[flow.flavour] += entering;
            left -= (-entering).max(0.0);
        }
        for (number, flavour) in start.flavours.iter().enumerate() {
            for (place, vms) in flavour.at.iter().filter(|(place, _)| is_open(number, *place)) {
                let column = programme.whole(thrift, 0.0, vms.len() as f64);
                variables.push(Variable { flavour: number, place: *place, column, sign: -1.0 });
            }
            for &place in flavour.places.iter().filter(|&&place| is_open(number, place)) {
                let most = room_at_most(&limits, flavour, place);
                if most > 0.0 {
                    let column = programme.whole(0.0, 0.0, most);
                    variables.push(Variable { flavour: number, place, column, sign: 1.0 });
                }
            }
        }
        let mut model =
            Self { programme, variables, blocks: Vec::new(), closed: 0.0, open: open.to_vec() };
        model.add_nodes(start, &cores, &mb, &limits);
        model.add_balances(&balance, left);
        model
    }

    fn add_nodes(&mut self, start: &Counts, cores: &[f64], mb: &[f64], limits: &[f64]) {
        let mut touching = vec![Vec::new(); cores.len()];
        for variable in &self.variables {
            let flavour = &start.flavours[variable.flavour];
            for touched in &mut touching[variable.place..variable.place + flavour.width] {
                let (cores, mb) = (variable.sign * flavour.cores, variable.sign * flavour.mb);
                touched.push((variable.column, cores, mb));
            }
        }
        for (node, touching) in touching.iter().enumerate() {
            if !self.open[node] {
                self.closed += blocks(cores[node]);
                continue;
            }
            let leave: f64 = touching.iter().map(|(_, cores, _)| (-cores).max(0.0)).sum();
            let most = if leave == 0.0 && touching.is_empty() {
                blocks(cores[node])
            } else {
                blocks(limits[node])
            };
            let free = self.programme.whole(-1.0, 0.0, most);
            self.blocks.push((node, free));
            let entries = touching.iter().map(|&(column, cores, _)| (column, cores));
            self.programme.at_most(cores[node], entries.chain([(free, BLOCK)]));
            self.add_rounded(cores[node], touching, free);
            if memory_may_run_out(touching, cores[node], mb[node], limits[node]) {
                let entries = touching.iter().map(|&(column, _, mb)| (column, mb));
                self.programme.at_most(mb[node], entries);
            }
        }
    }

    /// The row of a node's cores once more, rounded to whole blocks: the relaxation knows then that
    /// half of what a block takes frees none.
    ///
    /// ```text
    /// y + sum of c(a) x <= floor(b),   c(a) = floor(a) + max(0, (a - floor(a) - f) / (1 - f))
    /// ```
    ///
    /// for a row `y + sum of a x <= b` in blocks, `f = b - floor(b)`.
    ///
    /// Source: mixed-integer rounding: Nemhauser and Wolsey, Mathematical Programming 46, 1990.
    fn add_rounded(&mut self, cores: f64, touching: &[(Column, f64, f64)], free: Column) {
        let whole = blocks(cores);
        let part = (cores / BLOCK - whole).max(0.0);
        if part == 0.0 || touching.is_empty() {
            return;
        }
        let rounded = |&(column, cores, _): &(Column, f64, f64)| {
            let (a, floor) = (cores / BLOCK, (cores / BLOCK).floor());
            (column, floor + ((a - floor - part) / (1.0 - part)).max(0.0))
        };
        let entries = touching.iter().map(rounded).filter(|(_, factor)| *factor != 0.0);
        self.programme.at_most(whole, entries.chain([(free, 1.0)]));
    }

    fn add_balances(&mut self, balance: &[f64], left: f64) {
        for (flavour, fixed) in balance.iter().enumerate() {
            let own = self.variables.iter().filter(|variable| variable.flavour == flavour);
            let entries: Vec<_> = own.map(|variable| (variable.column, variable.sign)).collect();
            if !entries.is_empty() {
                self.programme.equal(-fixed, entries);
            }
        }
        let leaving = self.variables.iter().filter(|variable| variable.sign < 0.0);
        self.programme.at_most(left, leaving.map(|variable| (variable.column, 1.0)));
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.programme.column_count(), self.programme.row_count())
    }

    /// Flows that free the most blocks, from the incumbent `flows`; without thrift also a bound on
    /// the blocks of all nodes.
    pub fn solve(&self, start: &Counts, flows: &[Flow], limits: Limits) -> Solved {
        let values = self.values(start, flows);
        let found = self.programme.solve(Some(&values), limits).unwrap_or_else(|nothing| Found {
            cost: self.programme.cost(&values),
            values: values.clone(),
            bound: nothing.bound,
            status: nothing.status,
        });
        let is_open = |flow: &&Flow| {
            let width = start.flavours[flow.flavour].width;
            self.open[flow.place..flow.place + width].iter().all(|&open| open)
        };
        let mut new: Vec<Flow> = flows.iter().filter(|flow| !is_open(flow)).copied().collect();
        let mut net = std::collections::BTreeMap::new();
        for variable in &self.variables {
            let entering = found.values[variable.column.index()] * variable.sign;
            *net.entry((variable.flavour, variable.place)).or_insert(0) += entering as i64;
        }
        let moving = net.into_iter().filter(|&(_, entering)| entering != 0);
        new.extend(moving.map(|((flavour, place), entering)| Flow { flavour, place, entering }));
        new.sort_unstable();
        // Blocks are whole: so is the most that a bound leaves.
        let bound = found.bound.map(|bound| self.closed + (-bound + 1e-6).floor());
        Solved { flows: new, bound }
    }

    /// The values of the columns at `flows`.
    fn values(&self, start: &Counts, flows: &[Flow]) -> Vec<f64> {
        let mut values = vec![0.0; self.programme.column_count()];
        let mut counts = start.clone();
        for flow in flows {
            counts.put(flow.flavour, flow.place, flow.entering as f64);
        }
        for variable in &self.variables {
            let same = |flow: &&Flow| {
                (flow.flavour, flow.place) == (variable.flavour, variable.place)
                    && (flow.entering as f64) * variable.sign > 0.0
            };
            let flow = flows.iter().find(same);
            values[variable.column.index()] = flow.map_or(0.0, |flow| flow.entering.abs() as f64);
        }
        for &(node, column) in &self.blocks {
            values[column.index()] = blocks(counts.cores[node]);
        }
        values
    }
}

/// What a programme came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solved {
    pub flows: Vec<Flow>,
    pub bound: Option<f64>,
}

/// Whether VMs that have the cores of a node may lack its memory.
///
/// ```text
/// dense * (free + gone) - sparse * gone <= mb
/// ```
///
/// says that they cannot: `dense` and `sparse` are the most and the least memory per core of what
/// may enter or leave, `gone` the cores of all that may leave.
fn memory_may_run_out(touching: &[(Column, f64, f64)], free: f64, mb: f64, limit: f64) -> bool {
    let per_core = touching.iter().map(|(_, cores, mb)| mb / cores);
    let (sparse, dense) = per_core
        .fold((f64::INFINITY, 0.0_f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
    let gone = (limit - free).max(0.0);
    let worst = dense * (free + gone) - sparse * gone;
    // A VM without cores makes the ratio no number, and the row stays.
    !touching.is_empty() && (worst.is_nan() || worst > mb)
}

/// Cores of each node that are free once all that may leave has left.
fn limits(start: &Counts) -> Vec<f64> {
    let mut free = start.cores.clone();
    for flavour in &start.flavours {
        for (place, vms) in &flavour.at {
            for free in &mut free[*place..place + flavour.width] {
                *free += flavour.cores * vms.len() as f64;
            }
        }
    }
    free
}

/// VMs of `flavour` that may enter `place` at most, all else being gone.
fn room_at_most(limits: &[f64], flavour: &Flavour, place: usize) -> f64 {
    let free = limits[place..place + flavour.width].iter().copied().fold(f64::INFINITY, f64::min);
    if flavour.cores == 0.0 { free } else { (free / flavour.cores + 1e-9).floor() }
}
