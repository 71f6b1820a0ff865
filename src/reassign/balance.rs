//! Balance cost: what is left of two resources of a machine should keep a proportion.
//!
//! ```text
//! cost = sum over m and triples of weight * max(0, target * left(m, first) - left(m, second))
//! left(m, r) = capacity(m, r) - used(m, r)
//! ```

use super::instance::{Balance, Instance};
use super::step::{Cost, Shift, Swap};

/// Nowhere, nothing is missing.
const ENOUGH: i64 = i64::MIN / 8;

/// What is missing of each triple on each machine; negative where more than enough is left.
#[derive(Debug, Clone)]
pub(super) struct Balances {
    /// `target * left(first) - left(second)`, per machine and triple.
    missing: Vec<i64>,
    /// Per triple: whether something is missing in the sum over all machines.
    is_scarce: Vec<bool>,
}

/// What `amounts` add to what is missing of `triple` where they come from.
#[inline]
fn need(triple: &Balance, amounts: impl Fn(usize) -> i64) -> i64 {
    triple.target * amounts(triple.first) - amounts(triple.second)
}

impl Balances {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let used = instance.use_at_start();
        let mut missing = Vec::with_capacity(instance.machine_count() * instance.balances.len());
        for machine in 0..instance.machine_count() as u32 {
            let row = instance.row(machine);
            let left = |r: usize| instance.machines.capacity[row.start + r] - used[row.start + r];
            missing.extend(instance.balances.iter().map(|triple| need(triple, left)));
        }
        let width = instance.balances.len();
        let nowhere = missing.len();
        let sum = |at: usize| -> i64 { missing.iter().skip(at).step_by(width).sum() };
        let is_scarce = (0..width).map(|at| sum(at) > 0).collect();
        missing.resize(nowhere + width, ENOUGH);
        Self { missing, is_scarce }
    }

    /// What `machine` adds to the cost above the pooled bound, as for the load.
    pub(super) fn avoidable(&self, instance: &Instance, machine: u32) -> i64 {
        let width = instance.balances.len();
        let missing = &self.missing[machine as usize * width..][..width];
        let each = missing.iter().zip(&self.is_scarce).zip(&instance.balances);
        each.map(|((&gap, &scarce), b)| b.weight * if scarce { -gap } else { gap }.max(0)).sum()
    }

    /// Change of the cost when `amounts` go from one machine to another.
    #[inline]
    fn transfer(
        &self,
        instance: &Instance,
        (from, to): (u32, u32),
        amounts: impl Fn(usize) -> i64,
    ) -> i64 {
        let width = instance.balances.len();
        let (from, to) = (from as usize * width, to as usize * width);
        let change = |(at, triple): (usize, &Balance)| {
            let need = need(triple, &amounts);
            let (here, there) = (self.missing[from + at], self.missing[to + at]);
            let more = (here + need).max(0) - here.max(0);
            let less = (there - need).max(0) - there.max(0);
            triple.weight * (more + less)
        };
        instance.balances.iter().enumerate().map(change).sum()
    }
}

impl Cost for Balances {
    #[inline]
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64 {
        let demand = instance.demand(shift.item);
        self.transfer(instance, (shift.from, shift.to), |r| demand[r])
    }

    #[inline]
    fn swap_delta(&self, instance: &Instance, swap: Swap) -> i64 {
        let (first, second) = (instance.demand(swap.first), instance.demand(swap.second));
        self.transfer(instance, (swap.first_on, swap.second_on), |r| first[r] - second[r])
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        let width = instance.balances.len();
        let demand = instance.demand(shift.item);
        for (at, triple) in instance.balances.iter().enumerate() {
            let need = need(triple, |r| demand[r]);
            self.missing[shift.from as usize * width + at] += need;
            self.missing[shift.to as usize * width + at] -= need;
        }
    }

    fn total(&self, instance: &Instance) -> i64 {
        let rows = self.missing.chunks_exact(instance.balances.len().max(1));
        let cost = |row: &[i64]| -> i64 {
            row.iter().zip(&instance.balances).map(|(&gap, b)| b.weight * gap.max(0)).sum()
        };
        rows.map(cost).sum()
    }
}
