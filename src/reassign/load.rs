//! Load cost: use above the safety capacity.
//!
//! ```text
//! cost = sum over m, r of weight(r) * max(0, used(m, r) - safety(m, r))
//! ```

use super::instance::Instance;
use super::step::{Cost, Shift, Swap};

/// Below any safety capacity: nowhere, load costs nothing.
const FAR_BELOW: i64 = i64::MIN / 8;

/// How far each machine is above its safety capacity.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// `used - safety`, per machine and resource.
    excess: Vec<i64>,
    /// Per resource: whether all machines together are above.
    is_scarce: Vec<bool>,
}

impl Load {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let used = instance.use_at_start();
        let safety = &instance.machines.safety;
        let mut excess: Vec<i64> =
            used.iter().zip(safety).map(|(used, safety)| used - safety).collect();
        let width = instance.resources();
        let sum = |r: usize| -> i64 { excess.iter().skip(r).step_by(width).sum() };
        let is_scarce = (0..width).map(|r| sum(r) > 0).collect();
        excess.resize(excess.len() + width, FAR_BELOW);
        Self { excess, is_scarce }
    }

    /// What `machine` adds to the cost above the pooled bound: of a resource of which there is
    /// enough, what it has too much, of one that is scarce, what it leaves unused.
    pub(super) fn avoidable(&self, instance: &Instance, machine: u32) -> i64 {
        let excess = self.excess[instance.row(machine)].iter().zip(&self.is_scarce);
        let each = excess.zip(&instance.load_weight);
        each.map(|((&over, &scarce), w)| w * if scarce { -over } else { over }.max(0)).sum()
    }

    /// Change of the cost when `amounts` go from one machine to another.
    #[inline]
    fn transfer(
        &self,
        instance: &Instance,
        (from, to): (u32, u32),
        amounts: impl Iterator<Item = i64>,
    ) -> i64 {
        let from = &self.excess[instance.row(from)];
        let to = &self.excess[instance.row(to)];
        let rows = from.iter().zip(to).zip(&instance.load_weight).zip(amounts);
        let changes = rows.map(|(((&from, &to), &weight), amount)| {
            let less = (from - amount).max(0) - from.max(0);
            let more = (to + amount).max(0) - to.max(0);
            weight * (less + more)
        });
        changes.sum()
    }
}

impl Cost for Load {
    #[inline]
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64 {
        let amounts = instance.demand(shift.item).iter().copied();
        self.transfer(instance, (shift.from, shift.to), amounts)
    }

    #[inline]
    fn swap_delta(&self, instance: &Instance, swap: Swap) -> i64 {
        let pairs = instance.demand(swap.first).iter().zip(instance.demand(swap.second));
        let amounts = pairs.map(|(first, second)| first - second);
        self.transfer(instance, (swap.first_on, swap.second_on), amounts)
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        let (from, to) = (instance.row(shift.from), instance.row(shift.to));
        for (sum, need) in self.excess[from].iter_mut().zip(instance.demand(shift.item)) {
            *sum -= need;
        }
        for (sum, need) in self.excess[to].iter_mut().zip(instance.demand(shift.item)) {
            *sum += need;
        }
    }

    fn total(&self, instance: &Instance) -> i64 {
        let rows = self.excess.chunks_exact(instance.resources().max(1));
        let cost = |row: &[i64]| -> i64 {
            row.iter().zip(&instance.load_weight).map(|(&over, weight)| weight * over.max(0)).sum()
        };
        rows.map(cost).sum()
    }
}
