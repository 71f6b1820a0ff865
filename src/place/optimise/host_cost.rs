//! What does a host cost over the stable time: energy, and work that is not done.
//!
//! ```text
//! E max(0, D - C) = s g((C - M) / s)      g(z) = n(z) - z Q(z)      D ~ N(M, s^2)
//! ```
//!
//! `n`, `Q`: density and tail of the standard normal distribution. `g` is read off a table with
//! straight lines between its points; as it is convex these lie above it, and so above max(0, -z).
//! So is `Q`, the probability that all VMs of the host get less than they ask for.

use crate::model::Fleet;
use crate::power::PowerTable;
use crate::stats::{expected_excess, normal_tail};

/// Where the table ends on either side.
const REACH: f64 = 6.0;
/// Points of it per unit.
const PER_UNIT: f64 = 64.0;

/// A kind of host.
#[derive(Debug, Clone)]
struct Kind {
    capacity: f64,
    power: PowerTable,
}

/// Prices of what hosts do.
#[derive(Debug, Clone)]
pub struct HostCost {
    kinds: Vec<Kind>,
    loss: Vec<f64>,
    tail: Vec<f64>,
    /// Stable time, s.
    pub stable_s: f64,
    /// Price of work that is not done, J per million instructions.
    pub price: f64,
    /// Price of a second in which a VM gets less than it asks for, J.
    pub short_vm_j: f64,
    /// Correction of the variance.
    pub factor: f64,
    /// Seconds to wake and to shut down.
    pub switching_s: [f64; 2],
}

impl HostCost {
    /// The costs of the machines of `fleet`.
    pub fn new(fleet: &Fleet, stable_s: f64, price: f64, factor: f64) -> Self {
        let kind = |machine: &crate::model::Machine| Kind {
            capacity: machine.capacity().0,
            power: PowerTable::of(machine),
        };
        let points = (2.0 * REACH * PER_UNIT) as usize;
        let at = |i: usize| expected_excess(i as f64 / PER_UNIT - REACH, 1.0);
        Self {
            kinds: fleet.machines.iter().map(kind).collect(),
            loss: (0..=points).map(at).collect(),
            tail: (0..=points).map(|i| normal_tail(i as f64 / PER_UNIT - REACH)).collect(),
            stable_s,
            price,
            short_vm_j: 0.0,
            factor,
            switching_s: [0.0; 2],
        }
    }

    /// What a host of `kind` costs while VMs with `mean` and `variance` run on it, J.
    #[inline]
    pub fn running(&self, kind: usize, mean: f64, variance: f64) -> f64 {
        let Kind { capacity, power } = &self.kinds[kind];
        let watts = power.power((mean / capacity).clamp(0.0, 1.0)).0;
        let short = self.shortage(capacity - mean, (self.factor * variance).max(0.0).sqrt());
        self.stable_s * (watts + self.price * short)
    }

    /// What it costs that so many `vms` of a host of `kind` may all get less than they ask for, J.
    #[inline]
    pub fn alarm(&self, kind: usize, mean: f64, variance: f64, vms: usize) -> f64 {
        if self.short_vm_j == 0.0 {
            return 0.0;
        }
        let spare = self.kinds[kind].capacity - mean;
        let deviation = (self.factor * variance).max(0.0).sqrt();
        self.stable_s * self.short_vm_j * vms as f64 * self.chance(spare, deviation)
    }

    /// How probably demand is more than `spare` MIPS above its mean, with that deviation.
    fn chance(&self, spare: f64, deviation: f64) -> f64 {
        if deviation <= 0.0 {
            return f64::from(u8::from(spare < 0.0));
        }
        let place = (spare / deviation + REACH) * PER_UNIT;
        if place <= 0.0 {
            return 1.0;
        }
        let i = place as usize;
        if i + 1 >= self.tail.len() {
            return 0.0;
        }
        let (a, b) = (self.tail[i], self.tail[i + 1]);
        a + (b - a) * (place - i as f64)
    }

    /// The least that a host of `kind` may cost at `mean`, whatever the variance: straight between
    /// tenths of the capacity, and beyond it.
    pub fn at_least(&self, kind: usize, mean: f64) -> f64 {
        let Kind { capacity, power } = &self.kinds[kind];
        let watts = power.power((mean / capacity).clamp(0.0, 1.0)).0;
        self.stable_s * (watts + self.price * (mean - capacity).max(0.0))
    }

    /// Energy of waking a host of `kind`, J.
    pub fn waking(&self, kind: usize) -> f64 {
        self.switching_s[0] * self.kinds[kind].power.idle().0
    }

    /// Energy of shutting one down, J.
    pub fn shutting_down(&self, kind: usize) -> f64 {
        self.switching_s[1] * self.kinds[kind].power.idle().0
    }

    /// Capacity of a host of `kind`, MIPS.
    pub fn capacity(&self, kind: usize) -> f64 {
        self.kinds[kind].capacity
    }

    /// Mean shortage with `spare` MIPS left at the mean and that deviation.
    fn shortage(&self, spare: f64, deviation: f64) -> f64 {
        if deviation <= 0.0 {
            return (-spare).max(0.0);
        }
        let place = (spare / deviation + REACH) * PER_UNIT;
        if place <= 0.0 {
            return -spare;
        }
        let i = place as usize;
        if i + 1 >= self.loss.len() {
            return 0.0;
        }
        let (a, b) = (self.loss[i], self.loss[i + 1]);
        deviation * (a + (b - a) * (place - i as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Machine;
    use crate::units::Bytes;

    fn cost() -> HostCost {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
        HostCost::new(&Fleet::of_hosts(vec![g5], [0]), 100.0, 2.0, 1.0)
    }

    /// Half loaded without doubt: 116 W for 100 s. At capacity with a deviation of 1000 MIPS the
    /// mean shortage is 1000 / sqrt(2 pi) = 398.94 MIPS, at 2 J each, beside 135 W.
    #[test]
    fn energy_and_expected_shortage_are_added() {
        assert!((cost().running(0, 2660.0, 0.0) - 11_600.0).abs() < 1e-9);
        let full = cost().running(0, 5320.0, 1e6);
        assert!((full - 100.0 * (135.0 + 2.0 * 398.942_28)).abs() < 1e-2, "{full}");
    }

    /// At capacity half the time; three VMs for 100 s at 4 J each.
    #[test]
    fn vms_of_a_host_are_short_together() {
        let mut cost = cost();
        assert_eq!(cost.alarm(0, 5320.0, 1e6, 3), 0.0);
        cost.short_vm_j = 4.0;
        assert!((cost.alarm(0, 5320.0, 1e6, 3) - 600.0).abs() < 1e-6);
        assert_eq!((cost.alarm(0, 5300.0, 0.0, 3), cost.alarm(0, 5321.0, 0.0, 3)), (0.0, 1200.0));
    }

    #[test]
    fn the_cost_is_never_below_that_without_doubt() {
        let cost = cost();
        for mean in [0.0, 800.0, 4000.0, 5319.0, 5400.0, 9000.0] {
            for deviation in [0.0, 1.0, 300.0, 2000.0, 90_000.0] {
                let running = cost.running(0, mean, deviation * deviation);
                assert!(running >= cost.at_least(0, mean) - 1e-9, "{mean} {deviation}");
            }
        }
    }
}
