//! How long do all hosts together draw more than they may, and how much more?
//!
//! ```text
//! time above = sum of dt where P > W(t)        energy above = sum of (P - W(t)) dt there
//! ```
//!
//! `P`: power of all hosts, those that wake or shut down among them, W; `W`: the cap of the policy
//! `power-cap`, W. What a copy costs beyond the load of its hosts has no power and is not in it.

use serde::{Deserialize, Serialize};

use crate::model::costs::Rate;
use crate::time::Instant;
use crate::units::Joules;

/// Adds up what is above the cap.
#[derive(Debug, Clone)]
pub struct CapMeter {
    cap: Rate,
    above_s: f64,
    above_j: f64,
    peak_w: f64,
}

/// What a power cap came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CapSummary {
    /// Seconds above the cap.
    pub above_cap_s: f64,
    /// Energy above it, kWh.
    pub above_cap_kwh: f64,
    /// The highest power, W.
    pub peak_w: f64,
}

impl CapMeter {
    /// Nothing drawn yet under `cap`.
    pub fn new(cap: Rate) -> Self {
        Self { cap, above_s: 0.0, above_j: 0.0, peak_w: 0.0 }
    }

    /// All hosts together draw `watts` from one instant to another.
    pub fn pass(&mut self, from: Instant, to: Instant, watts: f64) {
        if to <= from {
            return;
        }
        self.peak_w = self.peak_w.max(watts);
        let mut since = from;
        while since < to {
            let until = self.cap.next_change(since).map_or(to, |change| change.min(to));
            let above = watts - self.cap.at(since);
            if above > 0.0 {
                let seconds = (until - since).seconds();
                self.above_s += seconds;
                self.above_j += above * seconds;
            }
            since = until;
        }
    }

    /// The figures.
    pub fn summary(&self) -> CapSummary {
        let above_cap_kwh = Joules(self.above_j).kwh();
        CapSummary { above_cap_s: self.above_s, above_cap_kwh, peak_w: self.peak_w }
    }
}

impl CapSummary {
    /// Every figure by name.
    pub fn named(&self) -> [(&'static str, f64); 3] {
        [
            ("above_cap_s", self.above_cap_s),
            ("above_cap_kwh", self.above_cap_kwh),
            ("peak_w", self.peak_w),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::costs::{Series, Then};

    /// 300 W for 20 s under a cap of 350 W that falls to 250 W after 10 s: 10 s and 500 J above.
    #[test]
    fn a_cap_that_falls_is_passed_from_then_on() {
        let steps = vec![(0.0, 350.0), (10.0, 250.0)];
        let series = Series { steps, then: Then::Hold, ..Series::default() };
        let mut meter = CapMeter::new(Rate::Series(series));
        let at = Instant::from_seconds;
        meter.pass(at(0.0), at(20.0), 300.0);
        meter.pass(at(20.0), at(30.0), 250.0);
        let CapSummary { above_cap_s, above_cap_kwh, peak_w } = meter.summary();
        assert_eq!((above_cap_s, peak_w), (10.0, 300.0));
        assert!((above_cap_kwh - 500.0 / 3.6e6).abs() < 1e-15);
    }
}
