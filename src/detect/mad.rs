//! MAD: a threshold that tightens when the host's load is erratic.
//!
//! ```text
//! T = 1 - s * MAD(h)      MAD(h) = median |h_i - median(h)|      overloaded <=> u > T
//! ```
//!
//! `h`: past CPU utilisation of the host, `u`: utilisation now (fractions of capacity); `s`:
//! safety, dimensionless; larger migrates earlier (more energy, fewer SLA violations).
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.1.
//! OpenStack Neat uses `u >= T` and answers "no" below its history limit.

use serde::{Deserialize, Serialize};

use super::{HostLoad, OverloadDetector, Verdict};
use crate::model::history::WINDOW;
use crate::policy::PolicyError;
use crate::stats::median_absolute_deviation;

/// Adaptive threshold from the median absolute deviation of past load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mad {
    /// `s`, dimensionless, at least 0.
    pub safety: f64,
    /// Samples of history below which the verdict is `Unknown`.
    pub min_history: usize,
}

impl Default for Mad {
    fn default() -> Self {
        Self { safety: 2.5, min_history: 12 }
    }
}

impl Mad {
    /// `T` from the latest [`WINDOW`] samples, or `None` while the history is too short.
    pub fn threshold(&self, history: &[f64]) -> Option<f64> {
        if history.len() < self.min_history {
            return None;
        }
        let history = &history[history.len().saturating_sub(WINDOW)..];
        let mut scratch = [0.0; WINDOW];
        let scratch = &mut scratch[..history.len()];
        scratch.copy_from_slice(history);
        Some(1.0 - self.safety * median_absolute_deviation(scratch)?)
    }
}

impl OverloadDetector for Mad {
    fn name(&self) -> &str {
        "mad"
    }
    fn window(&self) -> usize {
        WINDOW
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match self.threshold(load.history) {
            None => Verdict::Unknown,
            Some(limit) if load.now > limit => Verdict::Overloaded,
            Some(_) => Verdict::Normal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorted: .30 .35 .35 .40x5 .45 .45 .50 .60, median .40. Deviations: 0x5 .05x4 .10x2 .20,
    /// the 6th and 7th are .05, so MAD = .05 and T = 1 - 2.5 * .05 = .875.
    #[test]
    fn threshold_of_the_worked_example_is_0_875() {
        let past = [0.30, 0.35, 0.40, 0.40, 0.45, 0.50, 0.40, 0.35, 0.45, 0.40, 0.60, 0.40];
        assert!((Mad::default().threshold(&past).unwrap() - 0.875).abs() < 1e-12);
        assert_eq!(Mad::default().threshold(&past[1..]), None);
    }
}
