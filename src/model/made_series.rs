//! A series that is made: a daily swing with noise that lasts, for experiments without one of one's
//! own.
//!
//! ```text
//! v(h) = m max(0, 1 + s cos(2 pi (h - p) / 24) + n a(h))       a(h) = f a(h - 1) + sqrt(1 - f^2) z
//! ```
//!
//! One step for each hour `h` from 0; `m`: mean, `s`: swing, a fraction of the mean, `p`: the hour
//! of the day at which it is highest, `n`: standard deviation of the noise, a fraction of the mean,
//! `f` = 0.9: how much of the noise is left after an hour, `z`: standard normal, from a stream of
//! the series' own seed and key. Values are rounded to millionths.
//!
//! Source: own; a cosine and an autoregression of order 1 are the plainest load curve there is.

use std::f64::consts::TAU;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::random::stream;
use crate::stats::normal_quantile_of_tail;

/// How much of the noise is left after an hour.
const KEPT: f64 = 0.9;
const HOUR_S: f64 = 3600.0;
/// Hours in a day.
const DAY_H: f64 = 24.0;

/// What a series is made by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MadeSeries {
    /// Its mean without noise.
    pub mean: f64,
    /// Half the distance between highest and lowest, a fraction of the mean.
    pub swing: f64,
    /// Hour of the day at which it is highest.
    pub peak_h: f64,
    /// Standard deviation of the noise, a fraction of the mean.
    pub noise: f64,
    /// Days that it lasts.
    pub days: u32,
    /// Another seed gives other noise.
    pub seed: u64,
}

impl Default for MadeSeries {
    fn default() -> Self {
        Self { mean: 300.0, swing: 0.3, peak_h: 19.0, noise: 0.1, days: 30, seed: 0 }
    }
}

impl MadeSeries {
    /// Its steps: seconds from the start, and the value from then on; `key` names its stream.
    ///
    /// ```
    /// use galerna::model::costs::MadeSeries;
    ///
    /// let calm = MadeSeries { noise: 0.0, days: 1, ..MadeSeries::default() };
    /// let steps = calm.steps("carbon-intensity");
    /// assert_eq!(steps.len(), 24);
    /// assert_eq!(steps[19], (19.0 * 3600.0, 390.0));
    /// assert_eq!(steps[7].1, 210.0);
    /// ```
    pub fn steps(&self, key: &str) -> Vec<(f64, f64)> {
        let draws = &mut stream(self.seed, &format!("costs.{key}"));
        let fresh = (1.0 - KEPT * KEPT).sqrt();
        let mut lasting = 0.0;
        (0..self.days * 24)
            .map(|hour| {
                let uniform = ((draws.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
                lasting = KEPT * lasting + fresh * normal_quantile_of_tail(uniform);
                let turn = (f64::from(hour) - self.peak_h) / DAY_H;
                let level = 1.0 + self.swing * (TAU * turn).cos() + self.noise * lasting;
                (f64::from(hour) * HOUR_S, millionths(self.mean * level.max(0.0)))
            })
            .collect()
    }
}

/// `value` to six decimals, so that it reads well and is read back as it is.
fn millionths(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over a thousand days the noise has the deviation and the memory that it was given.
    #[test]
    fn noise_is_as_large_and_as_lasting_as_asked() {
        let made = MadeSeries { swing: 0.0, days: 1000, mean: 100.0, ..MadeSeries::default() };
        let noise: Vec<f64> = made.steps("x").iter().map(|(_, value)| value - 100.0).collect();
        let product = |lag: usize| -> f64 {
            let pairs = noise.iter().zip(&noise[lag..]);
            pairs.map(|(a, b)| a * b).sum::<f64>() / noise.len() as f64
        };
        assert!((product(0).sqrt() - 10.0).abs() < 0.5, "{}", product(0).sqrt());
        assert!((product(1) / product(0) - 0.9).abs() < 0.02, "{}", product(1) / product(0));
        assert!((product(3) / product(0) - 0.729).abs() < 0.04);
    }

    #[test]
    fn seeds_and_keys_tell_series_apart() {
        let of = |seed, key| MadeSeries { seed, ..MadeSeries::default() }.steps(key);
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
        assert!(of(3, "a").iter().all(|(_, value)| *value >= 0.0));
    }
}
