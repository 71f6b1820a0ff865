//! IQR: a threshold that tightens with the spread of the middle half of past load.
//!
//! ```text
//! T = 1 - s * (q3 - q1)      overloaded <=> u > T
//! q1 = h_(round(0.25 (n + 1)))      q3 = h_(round(0.75 (n + 1)))      (sorted, counted from 1)
//! ```
//!
//! `h`: the `n` past utilisations of the host, `u`: utilisation now (fractions of capacity); `s`:
//! safety, dimensionless. Quartiles are order statistics, halves rounded up, as in CloudSim.
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.2.
//! OpenStack Neat calls a load of exactly `T` overloaded, which is `at-limit = "overloaded"`, and
//! says "no" below its history limit, which is a `fallback` of `never`. It rounds halves away from
//! zero, which for these ranks is the same.

use serde::{Deserialize, Serialize};

use super::{AtLimit, HostLoad, OverloadDetector, Verdict};
use crate::model::history::WINDOW;
use crate::policy::PolicyError;
use crate::stats::interquartile_range;

/// Adaptive threshold from the interquartile range of past load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Iqr {
    /// `s`, dimensionless, at least 0.
    pub safety: f64,
    /// Samples of history below which the verdict is `Unknown`.
    pub min_history: usize,
    /// What a load of exactly `T` is.
    pub at_limit: AtLimit,
}

impl Default for Iqr {
    fn default() -> Self {
        Self { safety: 1.5, min_history: 12, at_limit: AtLimit::Normal }
    }
}

impl Iqr {
    /// `T` from the latest [`WINDOW`] samples, or `None` while the history is too short.
    pub fn threshold(&self, history: &[f64]) -> Option<f64> {
        if history.len() < self.min_history {
            return None;
        }
        let history = &history[history.len().saturating_sub(WINDOW)..];
        let mut scratch = [0.0; WINDOW];
        let scratch = &mut scratch[..history.len()];
        scratch.copy_from_slice(history);
        Some(1.0 - self.safety * interquartile_range(scratch)?)
    }
}

impl OverloadDetector for Iqr {
    fn name(&self) -> &str {
        "iqr"
    }
    fn window(&self) -> usize {
        WINDOW
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match self.threshold(load.history) {
            None => Verdict::Unknown,
            Some(limit) => self.at_limit.judge(load.now, limit),
        })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        let limit = self.threshold(load.history)?;
        Some(format!("load {:.3}, threshold {limit:.3} by IQR", load.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 12 values .05, .10, .., .60: .25 * 13 = 3.25 -> 3rd = .15, .75 * 13 = 9.75 -> 10th = .50;
    /// T = 1 - 1.5 * .35 = .475.
    #[test]
    fn threshold_of_a_ramp_is_0_475() {
        let ramp: Vec<f64> = (1..=12).rev().map(|i| f64::from(i) * 0.05).collect();
        assert!((Iqr::default().threshold(&ramp).unwrap() - 0.475).abs() < 1e-12);
        assert_eq!(Iqr::default().threshold(&ramp[..11]), None);
    }
}
