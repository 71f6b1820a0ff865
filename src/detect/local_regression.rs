//! LR and LRR: extrapolate the recent trend of the load over the time a migration takes.
//!
//! ```text
//! line a + b x through (x_i, y_i) = (i, h_i), i = 1..n, by least squares with weights
//! w_i = (1 - ((n - i) / (n - 1))^3)^3,   w_1 = w_2 = w_3                      (tricube)
//! overloaded <=> s * (a + b (n + m)) >= 1
//! ```
//!
//! `h`: the latest `n` utilisations of the host, oldest first (fractions of capacity); `m`: whole
//! sampling intervals that cover the longest copy from the host; `s`: safety, dimensionless. The
//! robust form fits again with weights `w_i (1 - (e_i / 6 median|e|)^2)^2`, 0 beyond, where `e` are
//! the first residuals.
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.3 and
//! 6.4, after Cleveland, JASA 74(368), 1979. CloudSim 3.0.3 computes the weights and never applies
//! them (Q3): there LR and LRR are both the plain line, which is `weights = "none"` here.

use serde::{Deserialize, Serialize};

use super::fitted_line::{FittedLine, weighted_line};
use super::{HostLoad, Line as Statistic, Linear, OverloadDetector, Verdict};
use crate::policy::PolicyError;
use crate::stats::median_in_place;

/// Samples a fit uses, as published.
const POINTS: usize = 10;

/// Whether the fit is local.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// Recent samples weigh more, as published.
    #[default]
    Tricube,
    /// Q3: all samples weigh the same.
    None,
}

/// Local regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lr {
    /// `s`, dimensionless, above 0.
    pub safety: f64,
    /// How samples are weighed.
    pub weights: Weights,
}

impl Default for Lr {
    fn default() -> Self {
        Self { safety: 1.2, weights: Weights::Tricube }
    }
}

/// Robust local regression: as [`Lr`], with outliers weighed down in a second fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lrr {
    /// `s`, dimensionless, above 0.
    pub safety: f64,
    /// How samples are weighed; `none` also skips the second fit.
    pub weights: Weights,
}

impl Default for Lrr {
    fn default() -> Self {
        Self { safety: 1.2, weights: Weights::Tricube }
    }
}

impl Lr {
    /// The load once the longest copy is complete, without the safety; `None` while the past is too
    /// short.
    pub fn predicted(&self, load: HostLoad<'_>) -> Option<f64> {
        match self.weights {
            Weights::None => predicted(load, plain_line),
            Weights::Tricube => predicted(load, |y| weighted_line(y, &TRICUBE)),
        }
    }
}

impl Lrr {
    /// As [`Lr::predicted`].
    pub fn predicted(&self, load: HostLoad<'_>) -> Option<f64> {
        match self.weights {
            Weights::None => predicted(load, plain_line),
            Weights::Tricube => predicted(load, robust_line),
        }
    }
}

impl OverloadDetector for Lr {
    fn name(&self) -> &str {
        "lr"
    }
    fn window(&self) -> usize {
        POINTS
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match self.weights {
            Weights::None => judge(load, self.safety, plain_line),
            Weights::Tricube => judge(load, self.safety, |y| weighted_line(y, &TRICUBE)),
        })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        match self.weights {
            Weights::None => told(load, self.safety, plain_line),
            Weights::Tricube => told(load, self.safety, |y| weighted_line(y, &TRICUBE)),
        }
    }
    fn linear(&self) -> Option<Linear> {
        Some(statistic(self.weights, self.safety))
    }
}

impl OverloadDetector for Lrr {
    fn name(&self) -> &str {
        "lrr"
    }
    fn window(&self) -> usize {
        POINTS
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match self.weights {
            Weights::None => judge(load, self.safety, plain_line),
            Weights::Tricube => judge(load, self.safety, robust_line),
        })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        match self.weights {
            Weights::None => told(load, self.safety, plain_line),
            Weights::Tricube => told(load, self.safety, robust_line),
        }
    }
    fn linear(&self) -> Option<Linear> {
        (self.weights == Weights::None).then(|| statistic(Weights::None, self.safety))
    }
}

fn judge(load: HostLoad<'_>, safety: f64, fit: impl Fn(&[f64; POINTS]) -> FittedLine) -> Verdict {
    match predicted(load, fit) {
        None => Verdict::Unknown,
        Some(load) if safety * load >= 1.0 => Verdict::Overloaded,
        Some(_) => Verdict::Normal,
    }
}

/// The load once the longest copy is complete; `None` while the past is too short.
fn predicted(load: HostLoad<'_>, fit: impl Fn(&[f64; POINTS]) -> FittedLine) -> Option<f64> {
    let latest = load.history.last_chunk::<POINTS>()?;
    Some(fit(latest).at(POINTS as f64 + load.whole_copy_intervals()))
}

fn told(
    load: HostLoad<'_>,
    safety: f64,
    fit: impl Fn(&[f64; POINTS]) -> FittedLine,
) -> Option<String> {
    let predicted = predicted(load, fit)?;
    let limit = 1.0 / safety;
    Some(format!("load {:.3}, predicted {predicted:.3}, limit {limit:.3}", load.now))
}

/// The prediction of a fit as a weighted sum: with `w` scaled to sum 1, x_w its mean of x and
/// b_i = w_i (x_i - x_w) / sum w (x - x_w)^2, it is sum (w_i + (n - x_w) b_i) h_i + m sum b_i h_i.
fn statistic(weights: Weights, safety: f64) -> Linear {
    let weights = if weights == Weights::None { [1.0; POINTS] } else { TRICUBE };
    let total: f64 = weights.iter().sum();
    let x = |i: usize| (i + 1) as f64;
    let mean_x = weights.iter().enumerate().map(|(i, w)| w / total * x(i)).sum::<f64>();
    let off = |i: usize| x(i) - mean_x;
    let spread: f64 = weights.iter().enumerate().map(|(i, w)| w * off(i) * off(i)).sum();
    let slope = |i: usize| weights[i] * off(i) / spread;
    let level = |i: usize| weights[i] / total + (POINTS as f64 - mean_x) * slope(i);
    let line = Statistic {
        level: (0..POINTS).map(|i| safety * level(i)).collect(),
        trend: (0..POINTS).map(|i| safety * slope(i)).collect(),
        limit: 1.0,
    };
    Linear { line: Some(line), threshold: None }
}

/// Ordinary least squares by updating means, in the order of operations of Apache Commons Math's
/// simple regression, which CloudSim uses.
#[inline]
fn plain_line(y: &[f64; POINTS]) -> FittedLine {
    let (mut mean_x, mut mean_y) = (1.0, y[0]);
    let (mut sum_y, mut spread_x, mut spread_xy) = (y[0], 0.0, 0.0);
    for (i, &value) in y.iter().enumerate().skip(1) {
        let (x, seen) = ((i + 1) as f64, i as f64);
        let (off_x, off_y) = (x - mean_x, value - mean_y);
        let share = seen / (seen + 1.0);
        spread_x += off_x * off_x * share;
        spread_xy += off_x * off_y * share;
        mean_x += off_x / (seen + 1.0);
        mean_y += off_y / (seen + 1.0);
        sum_y += value;
    }
    let slope = spread_xy / spread_x;
    FittedLine { intercept: (sum_y - slope * SUM_X) / POINTS as f64, slope }
}

/// 1 + 2 + .. + POINTS.
const SUM_X: f64 = (POINTS * (POINTS + 1) / 2) as f64;

/// The weights of the published local fit.
const TRICUBE: [f64; POINTS] = {
    let mut weights = [0.0; POINTS];
    let mut i = 0;
    while i < POINTS {
        let distance = (POINTS - 1 - i) as f64 / (POINTS - 1) as f64;
        let near = 1.0 - distance * distance * distance;
        weights[i] = near * near * near;
        i += 1;
    }
    (weights[0], weights[1]) = (weights[2], weights[2]);
    weights
};

/// The second, outlier-resistant fit. Where more than half of the points lie on the first line
/// exactly there is no scale to judge outliers by and the first fit stands.
fn robust_line(y: &[f64; POINTS]) -> FittedLine {
    let first = weighted_line(y, &TRICUBE);
    let residuals: [f64; POINTS] = std::array::from_fn(|i| y[i] - first.at((i + 1) as f64));
    let mut sizes = residuals.map(f64::abs);
    let scale = 6.0 * median_in_place(&mut sizes).unwrap_or(0.0);
    if scale == 0.0 {
        return first;
    }
    let robust: [f64; POINTS] = std::array::from_fn(|i| {
        let outlying = (residuals[i] / scale).abs().min(1.0);
        TRICUBE[i] * (1.0 - outlying * outlying) * (1.0 - outlying * outlying)
    });
    weighted_line(y, &robust)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::tricube;

    const RAMP: [f64; POINTS] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

    fn verdict(detector: &mut dyn OverloadDetector, history: &[f64]) -> Verdict {
        detector.assess(HostLoad::alone(0.5, history)).unwrap()
    }

    #[test]
    fn every_fit_finds_an_exact_line() {
        for line in [plain_line(&RAMP), weighted_line(&RAMP, &TRICUBE), robust_line(&RAMP)] {
            assert!((line.slope - 0.1).abs() < 1e-12 && line.intercept.abs() < 1e-12);
        }
    }

    /// The last but one weight is (1 - (1/9)^3)^3 = (728/729)^3.
    #[test]
    fn weights_rise_to_one_and_the_oldest_three_are_equal() {
        assert_eq!(TRICUBE[9], 1.0);
        assert!((TRICUBE[8] - (728.0f64 / 729.0).powi(3)).abs() < 1e-15);
        assert_eq!((TRICUBE[0], TRICUBE[1]), (TRICUBE[2], TRICUBE[2]));
        assert!((TRICUBE[5] - tricube(4.0 / 9.0)).abs() < 1e-15);
    }

    /// 1, 2, .., 9 at y = 0 and y_10 = 1: plain slope = Sxy / Sxx = 4.5 / 82.5.
    #[test]
    fn the_plain_line_is_least_squares() {
        let mut y = [0.0; POINTS];
        y[9] = 1.0;
        let line = plain_line(&y);
        assert!((line.slope - 4.5 / 82.5).abs() < 1e-15);
        assert!((line.at(5.5) - 0.1).abs() < 1e-15);
    }

    /// A single spike on a flat .5: the robust fit puts it (nearly) out of the picture.
    #[test]
    fn the_robust_fit_resists_one_outlier() {
        let mut y = [0.50, 0.51, 0.49, 0.50, 0.51, 0.49, 0.50, 0.51, 0.49, 0.50];
        y[7] = 1.0;
        let (first, second) = (weighted_line(&y, &TRICUBE), robust_line(&y));
        assert!((second.at(11.0) - 0.5).abs() < 0.25 * (first.at(11.0) - 0.5).abs());
    }

    /// Ramp .1..1.0 predicts 1.1 at x = 11; 1.2 * 1.1 >= 1. Shifted down by .4: 1.2 * .7 < 1.
    #[test]
    fn overload_is_predicted_one_copy_ahead_and_needs_ten_samples() {
        for detector in [&mut Lr::default() as &mut dyn OverloadDetector, &mut Lrr::default()] {
            assert_eq!(verdict(detector, &RAMP), Verdict::Overloaded);
            assert_eq!(verdict(detector, &RAMP.map(|y| y - 0.4)), Verdict::Normal);
            assert_eq!(verdict(detector, &RAMP[1..]), Verdict::Unknown);
        }
    }
}
