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
//! OpenStack Neat calls a load of exactly `T` overloaded, which is `at-limit = "overloaded"`, and
//! says "no" below its history limit, which is a `fallback` of `never`. Its median is the same.

use serde::{Deserialize, Serialize};

use super::{AtLimit, HostLoad, OverloadDetector, Verdict};
use crate::model::history::WINDOW;
use crate::policy::PolicyError;
use crate::stats::{median_absolute_deviation, median_in_place};

/// Adaptive threshold from the median absolute deviation of past load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mad {
    /// `s`, dimensionless, at least 0.
    pub safety: f64,
    /// Samples of history below which the verdict is `Unknown`.
    pub min_history: usize,
    /// What a load of exactly `T` is.
    pub at_limit: AtLimit,
}

impl Default for Mad {
    fn default() -> Self {
        Self { safety: 2.5, min_history: 12, at_limit: AtLimit::Normal }
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

/// Far above the rounding errors of a threshold.
const TOO_CLOSE: f64 = 1e-12;

impl Mad {
    /// The verdict where it follows from how many deviations are below `(1 - u) / s`, which spares
    /// finding the middle one.
    fn glance(&self, load: HostLoad<'_>) -> Option<Verdict> {
        let history = load.latest(WINDOW);
        let count = history.len();
        let limit = (1.0 - load.now) / self.safety;
        if load.history.len() < self.min_history || !limit.is_finite() {
            return None;
        }
        let mut scratch = [0.0; WINDOW];
        let scratch = &mut scratch[..count];
        scratch.copy_from_slice(history);
        let centre = median_in_place(scratch)?;
        let within = |limit: f64| -> usize {
            history.iter().map(|h| usize::from((h - centre).abs() < limit)).sum()
        };
        if within(limit - TOO_CLOSE) > count / 2 {
            return Some(Verdict::Normal);
        }
        (within(limit + TOO_CLOSE) <= (count - 1) / 2).then_some(Verdict::Overloaded)
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
        if let Some(verdict) = self.glance(load) {
            return Ok(verdict);
        }
        Ok(match self.threshold(load.history) {
            None => Verdict::Unknown,
            Some(limit) => self.at_limit.judge(load.now, limit),
        })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        let limit = self.threshold(load.history)?;
        Some(format!("load {:.3}, threshold {limit:.3} by MAD", load.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// Histories of 12 to 30 whole hundredths, so that deviations often are equal to the limit.
    #[test]
    fn a_glance_never_differs_from_the_threshold() {
        let (mut mad, mut draws, mut seen) = (Mad::default(), stream(3, "test"), [0, 0]);
        for _ in 0..20_000 {
            let count = 12 + below(19, &mut draws);
            let mut value = || below(40, &mut draws) as f64 / 100.0;
            let history: Vec<f64> = (0..count).map(|_| value()).collect();
            let now = 0.5 + value() + value() / 4.0;
            let expected = now > mad.threshold(&history).unwrap();
            let load = HostLoad::alone(now, &history);
            let verdict = mad.assess(load).unwrap();
            assert_eq!(verdict == Verdict::Overloaded, expected, "{now} after {history:?}");
            seen[usize::from(expected)] += 1;
        }
        assert!(seen.iter().all(|&verdicts| verdicts > 2000), "{seen:?}");
    }

    /// Sorted: .30 .35 .35 .40x5 .45 .45 .50 .60, median .40. Deviations: 0x5 .05x4 .10x2 .20,
    /// the 6th and 7th are .05, so MAD = .05 and T = 1 - 2.5 * .05 = .875.
    #[test]
    fn threshold_of_the_worked_example_is_0_875() {
        let past = [0.30, 0.35, 0.40, 0.40, 0.45, 0.50, 0.40, 0.35, 0.45, 0.40, 0.60, 0.40];
        assert!((Mad::default().threshold(&past).unwrap() - 0.875).abs() < 1e-12);
        assert_eq!(Mad::default().threshold(&past[1..]), None);
    }
}
