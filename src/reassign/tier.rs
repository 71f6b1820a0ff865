//! Overload in tiers: use above a threshold costs, above a higher one it costs more.
//!
//! ```text
//! cost = sum over tiers t and machines m of weight(t) * max(0, used(m, r(t)) - threshold(t, m))
//! ```
//!
//! Any convex piecewise linear cost of use is a sum of tiers. The safety capacity of the machines
//! is a first one for every resource (`load.rs`); tiers add more where one is not enough, such as a
//! penalty that grows towards full use.

use serde::{Deserialize, Serialize};

use super::instance::Instance;
use super::step::{Cost, Shift, Swap};

/// A threshold above which use costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The resource.
    pub resource: usize,
    /// Threshold of each machine.
    pub threshold: Vec<i64>,
    /// Cost of one unit above it, at least 0.
    pub weight: i64,
}

/// How far each machine is above each threshold.
#[derive(Debug, Clone)]
pub(super) struct Tiers {
    /// `used - threshold`, per tier and machine; nowhere, nothing is above.
    excess: Vec<i64>,
}

/// Below any threshold.
const FAR_BELOW: i64 = i64::MIN / 8;

impl Tiers {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let mut excess = Vec::new();
        if !instance.tiers.is_empty() {
            let (used, width) = (instance.use_at_start(), instance.resources());
            for tier in &instance.tiers {
                let used = used.iter().skip(tier.resource).step_by(width);
                excess.extend(used.zip(&tier.threshold).map(|(used, limit)| used - limit));
                excess.push(FAR_BELOW);
            }
        }
        Self { excess }
    }

    #[inline]
    fn transfer(
        &self,
        instance: &Instance,
        (from, to): (u32, u32),
        amount: impl Fn(usize) -> i64,
    ) -> i64 {
        let stride = instance.machine_count() + 1;
        let change = |(at, tier): (usize, &Tier)| {
            let row = &self.excess[at * stride..][..stride];
            let (here, there) = (row[from as usize], row[to as usize]);
            let amount = amount(tier.resource);
            let less = (here - amount).max(0) - here.max(0);
            let more = (there + amount).max(0) - there.max(0);
            tier.weight * (less + more)
        };
        instance.tiers.iter().enumerate().map(change).sum()
    }
}

impl Cost for Tiers {
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
        let stride = instance.machine_count() + 1;
        let demand = instance.demand(shift.item);
        for (at, tier) in instance.tiers.iter().enumerate() {
            self.excess[at * stride + shift.from as usize] -= demand[tier.resource];
            self.excess[at * stride + shift.to as usize] += demand[tier.resource];
        }
    }

    fn total(&self, instance: &Instance) -> i64 {
        let rows = self.excess.chunks_exact(instance.machine_count() + 1).zip(&instance.tiers);
        rows.map(|(row, tier)| tier.weight * row.iter().map(|&over| over.max(0)).sum::<i64>()).sum()
    }
}
