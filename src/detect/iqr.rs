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

use serde::{Deserialize, Serialize};

use super::{HostLoad, OverloadDetector, Verdict};
use crate::model::history::WINDOW;
use crate::policy::PolicyError;
use crate::stats::order_statistic_in_place;

/// Adaptive threshold from the interquartile range of past load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Iqr {
    /// `s`, dimensionless, at least 0.
    pub safety: f64,
    /// Samples of history below which the verdict is `Unknown`.
    pub min_history: usize,
}

impl Default for Iqr {
    fn default() -> Self {
        Self { safety: 1.5, min_history: 12 }
    }
}

impl Iqr {
    /// `T` from the latest [`WINDOW`] samples, or `None` while the history is too short.
    pub fn threshold(&self, history: &[f64]) -> Option<f64> {
        if history.len() < self.min_history.max(3) {
            return None;
        }
        let history = &history[history.len().saturating_sub(WINDOW)..];
        let count = history.len();
        let mut scratch = [0.0; WINDOW];
        let values = &mut scratch[..count];
        values.copy_from_slice(history);
        let at = |quarter: f64| (quarter * (count + 1) as f64).round() as usize - 1;
        let upper = order_statistic_in_place(values, at(0.75));
        let lower = order_statistic_in_place(&mut values[..=at(0.75)], at(0.25));
        Some(1.0 - self.safety * (upper - lower))
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
            Some(limit) if load.now > limit => Verdict::Overloaded,
            Some(_) => Verdict::Normal,
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
