//! OTF: a host may be overloaded now and then, but not for more than a share of its time.
//!
//! ```text
//! OTF = (m + t_o) / (m + t_a)      overloaded <=> u >= threshold and OTF >= otf
//! ```
//!
//! `u`: utilisation now (fraction of capacity); `t_a`: decisions at which the host had VMs, this
//! one included; `t_o`: those of them at which `u` had reached the threshold; `m`: time that the
//! longest copy from the host takes, in the same unit, taken as overloaded since nothing helps
//! before its end. `otf`: share of time, 0 to 1. A host that has been quiet for long may stay
//! overloaded for long.
//!
//! Source: the overload time fraction of Beloglazov and Buyya, IEEE Trans. Parallel Distrib. Syst.
//! 24(7), 2013, as a detector in OpenStack Neat (`otf`). Neat takes the mean copy time of a host's
//! VMs where this takes the longest, and says "no" while its history is short; here the fallback
//! answers then. What Neat leaves open: a host with one VM more or less is judged as if it had had
//! that load at this decision and its own loads before.

use serde::{Deserialize, Serialize};

use super::overload_time::{OverloadTimes, Times};
use super::{HostLoad, OverloadDetector, Verdict};
use crate::policy::PolicyError;

/// Overload time fraction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Otf {
    /// Share of its time that a host may be overloaded, 0 to 1.
    pub otf: f64,
    /// Utilisation from which on a host counts as overloaded, fraction of capacity, above 0.
    pub threshold: f64,
    /// Samples of history below which the verdict is `Unknown`.
    pub min_history: usize,
}

impl Default for Otf {
    fn default() -> Self {
        Self { otf: 0.1, threshold: 0.8, min_history: 10 }
    }
}

/// OTF at work: it remembers every host's times.
#[derive(Debug, Clone)]
pub struct OtfDetector {
    spec: Otf,
    times: OverloadTimes,
}

impl OtfDetector {
    /// For one run.
    pub fn new(spec: Otf) -> Self {
        Self { spec, times: OverloadTimes::default() }
    }

    /// How long each host has been watched and overloaded.
    pub fn times(&self) -> &OverloadTimes {
        &self.times
    }
}

impl OverloadDetector for OtfDetector {
    fn name(&self) -> &str {
        "otf"
    }
    fn window(&self) -> usize {
        self.spec.min_history
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        let over = load.now >= self.spec.threshold;
        let Times { total, overloaded } = self.times.observe(&load, over);
        if load.history.len() < self.spec.min_history {
            return Ok(Verdict::Unknown);
        }
        let exceeded = over && fraction(load, total, overloaded) >= self.spec.otf;
        Ok(if exceeded { Verdict::Overloaded } else { Verdict::Normal })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        if load.history.len() < self.spec.min_history {
            return None;
        }
        let Otf { otf, threshold, .. } = self.spec;
        let Times { total, overloaded } = self.times.with(&load, load.now >= threshold);
        let share = fraction(load, total, overloaded);
        let now = load.now;
        Some(format!(
            "load {now:.3}, threshold {threshold:.3}; overloaded {overloaded} of {total} samples, \
             with the copy {share:.3} of the time, limit {otf:.3}"
        ))
    }
}

/// The share of overload in the time of the host and the copy.
fn fraction(load: HostLoad<'_>, total: u32, overloaded: u32) -> f64 {
    let copy = load.copy_intervals;
    (copy + f64::from(overloaded)) / (copy + f64::from(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    /// Copies take half an interval. Loads .5 .5 .9 .9: at the third decision OTF = 1.5 / 3.5 =
    /// .429 < .5, at the fourth 2.5 / 4.5 = .556 >= .5. Without a VM (load .7) it is fine then.
    #[test]
    fn overload_is_borne_until_it_takes_too_large_a_share_of_time() {
        let mut detector = OtfDetector::new(Otf { otf: 0.5, threshold: 0.8, min_history: 3 });
        let mut at = |now: f64, seen: usize| {
            let load = HostLoad {
                at: Instant::from_seconds(300.0 * seen as f64),
                copy_intervals: 0.5,
                ..HostLoad::alone(now, &[0.5; 4][..seen])
            };
            detector.assess(load).unwrap()
        };
        assert_eq!((at(0.5, 1), at(0.5, 2)), (Verdict::Unknown, Verdict::Unknown));
        assert_eq!(at(0.9, 3), Verdict::Normal);
        assert_eq!(at(0.9, 4), Verdict::Overloaded);
        assert_eq!(at(0.7, 4), Verdict::Normal);
        let load = HostLoad {
            at: Instant::from_seconds(1200.0),
            copy_intervals: 0.5,
            ..HostLoad::alone(0.9, &[0.5; 4])
        };
        let words = detector.words(load).unwrap();
        assert!(words.contains("overloaded 2 of 4 samples, with the copy 0.556"), "{words}");
    }
}
