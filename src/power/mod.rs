//! What does a host draw at this load? A measured table, straight lines between its points.
//!
//! ```text
//! P(u) = T[i] + (T[i+1] - T[i]) / 10 * (u - i / 10) * 100,    i = floor(10 u)
//! ```
//!
//! `u`: utilisation of the host in [0, 1]; `T`: watts at 0, 10, .., 100 % load, as published by
//! SPECpower_ssj2008. The order of operations is CloudSim's: differences between hosts are often
//! mathematically equal and rounding decides which is smaller.

mod pooled;

use crate::model::fleet::{Machine, POWER_STEPS};
use crate::units::Watts;

pub use pooled::PooledPower;

/// 0, 0.1, .., 1 as the quotients `i / 10`.
const TENTHS: [f64; POWER_STEPS + 1] = {
    let mut tenths = [0.0; POWER_STEPS + 1];
    let mut i = 0;
    while i <= POWER_STEPS {
        tenths[i] = i as f64 / 10.0;
        i += 1;
    }
    tenths
};

/// A power table prepared for evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerTable {
    watts: [f64; POWER_STEPS + 1],
    slopes: [f64; POWER_STEPS + 1],
}

impl PowerTable {
    /// The table of `machine`.
    pub fn of(machine: &Machine) -> Self {
        let watts = machine.power.map(|w| w.0);
        let mut slopes = [0.0; POWER_STEPS + 1];
        for i in 0..POWER_STEPS {
            slopes[i] = (watts[i + 1] - watts[i]) / 10.0;
        }
        Self { watts, slopes }
    }

    /// Power at `utilisation`, a fraction of the host's capacity; above 1 it stays at the peak.
    ///
    /// ```
    /// use galerna::{model::Machine, power::PowerTable, units::{Bytes, Watts}};
    /// let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
    /// assert_eq!(PowerTable::of(&g5).power(0.5), Watts(116.0));
    /// ```
    #[inline]
    pub fn power(&self, utilisation: f64) -> Watts {
        let tenths = utilisation * 10.0;
        let i = (tenths as u32 as usize).min(POWER_STEPS);
        if tenths == i as f64 {
            return Watts(self.watts[i]);
        }
        Watts(self.watts[i] + self.slopes[i] * (utilisation - TENTHS[i]) * 100.0)
    }

    /// The highest utilisation up to which power stays within `limit`; 0 where idle is above it.
    pub fn utilisation_within(&self, limit: Watts) -> f64 {
        for i in 0..POWER_STEPS {
            let (from, to) = (self.watts[i], self.watts[i + 1]);
            if to > limit.0 {
                let part = if from < limit.0 { (limit.0 - from) / (to - from) } else { 0.0 };
                return (i as f64 + part) / 10.0;
            }
        }
        1.0
    }

    /// Power of a host that is on and does nothing.
    pub fn idle(&self) -> Watts {
        Watts(self.watts[0])
    }
    /// Power at full load.
    pub fn peak(&self) -> Watts {
        Watts(self.watts[POWER_STEPS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    /// Step 2 of the worked sample: G5 at 4925 / 5320 = .925752: 133 + .2 * .025752 * 100.
    #[test]
    fn power_is_linear_between_the_points_of_the_table() {
        let g5 = PowerTable::of(&Machine::named("hp-ml110-g5", Bytes(0)).unwrap());
        assert!((g5.power(4925.0 / 5320.0).0 - 133.515_037_6).abs() < 1e-6);
        assert_eq!((g5.power(0.0), g5.power(1.0)), (Watts(93.7), Watts(135.0)));
        assert_eq!(g5.power(1.2), g5.peak());
    }

    /// G5: 105 W at 30 %, 110 at 40 %: 107 W at 34 %.
    #[test]
    fn a_limit_of_power_is_one_of_utilisation() {
        let g5 = PowerTable::of(&Machine::named("hp-ml110-g5", Bytes(0)).unwrap());
        let within = |watts: f64| g5.utilisation_within(Watts(watts));
        assert!((within(107.0) - 0.34).abs() < 1e-12);
        assert_eq!([93.0, 93.7, 135.0, 200.0].map(within), [0.0, 0.0, 1.0, 1.0]);
    }
}
