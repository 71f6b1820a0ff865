//! How long do all hosts together draw more than they may, and how much more?
//!
//! ```text
//! time above = sum of dt where P > W(t)        energy above = sum of (P - W(t)) dt there
//! ```
//!
//! `P`: power of all hosts, those that wake or shut down among them, W; `W`: the cap of `[host]` or
//! of the policy `power-cap`, W. What a copy costs beyond the load of its hosts has no power and is
//! not in it. Where the cap is enforced, it is passed only by more than the rounding of sums, a
//! billionth of it; then also for how long hosts are limited is counted, and the work that they do
//! not do for that.

use serde::{Deserialize, Serialize};

use crate::model::costs::Rate;
use crate::time::Instant;
use crate::units::Joules;

/// Adds up what is above the cap.
#[derive(Debug, Clone)]
pub struct CapMeter {
    cap: Rate,
    /// Part of the cap that it is passed by at least.
    rounding: f64,
    /// Seconds in which hosts are limited, and million instructions not done, where it is enforced.
    limited: Option<(f64, f64)>,
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
    /// Seconds in which hosts were limited, where the cap is enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped_s: Option<f64>,
    /// Million instructions that hosts did not do for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capped_mi: Option<f64>,
}

impl CapMeter {
    /// Nothing drawn yet under `cap`, which may be enforced.
    pub fn new(cap: Rate, enforced: bool) -> Self {
        let rounding = if enforced { 1e-9 } else { 0.0 };
        let limited = enforced.then_some((0.0, 0.0));
        Self { cap, rounding, limited, above_s: 0.0, above_j: 0.0, peak_w: 0.0 }
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
            let cap = self.cap.at(since);
            let above = watts - cap;
            if above > cap * self.rounding {
                let seconds = (until - since).seconds();
                self.above_s += seconds;
                self.above_j += above * seconds;
            }
            since = until;
        }
    }

    /// Where hosts are limited from one instant to another, they do not do `withheld` MIPS.
    pub fn withhold(&mut self, from: Instant, to: Instant, withheld: Option<f64>) {
        if let (Some((limited_s, lost_mi)), Some(mips)) = (&mut self.limited, withheld) {
            let seconds = (to - from).seconds();
            *limited_s += seconds;
            *lost_mi += mips * seconds;
        }
    }

    /// The figures.
    pub fn summary(&self) -> CapSummary {
        let above_cap_kwh = Joules(self.above_j).kwh();
        let (capped_s, capped_mi) = self.limited.unzip();
        let (above_cap_s, peak_w) = (self.above_s, self.peak_w);
        CapSummary { above_cap_s, above_cap_kwh, peak_w, capped_s, capped_mi }
    }
}

impl CapSummary {
    /// Every figure by name.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let limited = [("capped_s", self.capped_s), ("capped_mi", self.capped_mi)];
        let limited = limited.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let of_all = [
            ("above_cap_s", self.above_cap_s),
            ("above_cap_kwh", self.above_cap_kwh),
            ("peak_w", self.peak_w),
        ];
        of_all.into_iter().chain(limited).collect()
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
        let mut meter = CapMeter::new(Rate::Series(series), false);
        let at = Instant::from_seconds;
        meter.pass(at(0.0), at(20.0), 300.0);
        meter.pass(at(20.0), at(30.0), 250.0);
        let CapSummary { above_cap_s, above_cap_kwh, peak_w, .. } = meter.summary();
        assert_eq!((above_cap_s, peak_w), (10.0, 300.0));
        assert!((above_cap_kwh - 500.0 / 3.6e6).abs() < 1e-15);
    }

    /// 100 W kept for 10 s but for rounding, with 50 MIPS not given in the last 4 s of them.
    #[test]
    fn an_enforced_cap_is_not_passed_by_rounding() {
        let mut meter = CapMeter::new(Rate::Constant(100.0), true);
        let at = Instant::from_seconds;
        meter.pass(at(0.0), at(10.0), 100.0 + 1e-12);
        meter.withhold(at(0.0), at(6.0), None);
        meter.withhold(at(6.0), at(10.0), Some(50.0));
        let CapSummary { above_cap_s, capped_s, capped_mi, .. } = meter.summary();
        assert_eq!((above_cap_s, capped_s, capped_mi), (0.0, Some(4.0), Some(200.0)));
    }
}
