//! LOESS and robust LOESS: the trend of the load, carried on over the time a migration takes.
//!
//! ```text
//! line a + b x through (i, h_i), i = 1..n, minimising sum w_i (h_i - a - b i)^2, w tricube
//! overloaded <=> s * (a + b (n + m)) >= threshold
//! robust: fit again with w_i B(e_i / 6 median|e|), e the first residuals,
//!         B(r) = (1 - r^2)^2 for |r| < 1, 0 beyond                            (bisquare)
//! ```
//!
//! `h`: the latest `n` utilisations of the host, oldest first (fractions of capacity); `m`:
//! sampling intervals that the longest copy from the host takes, not rounded; `s`: safety,
//! dimensionless.
//!
//! Source: Cleveland, JASA 74(368), 1979, as OpenStack Neat applies it (`loess`, `loess_robust`;
//! Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 27(5), 2015). `lr` and `lrr` are the
//! same idea in the form of the 2012 experiment: 10 points, `m` rounded up, threshold 1. Neat
//! multiplies residuals by their weights before it squares them, which is `weigh = "residuals"`;
//! its bisquare does not stop at 1, so that the farthest outliers weigh again, and in the second
//! fit too its two oldest points weigh as the third, which is `outliers = "uncut"`. It takes the
//! mean copy time of a host's VMs where this takes the longest, and says "no" while the history is
//! shorter than `n` (here the fallback answers).

use serde::{Deserialize, Serialize};

use super::fitted_line::{FittedLine, tricube_weights, weighted_line};
use super::{HostLoad, OverloadDetector, Verdict};
use crate::policy::PolicyError;
use crate::stats::median_in_place;

/// What a weight multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weigh {
    /// The squared residual, as published.
    #[default]
    Squares,
    /// The residual before it is squared, as in Neat: weights count twice.
    Residuals,
}

/// What becomes of outliers in the robust fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outliers {
    /// Beyond six medians of the residuals a point weighs nothing, as published.
    #[default]
    Cut,
    /// The bisquare goes on and grows again, and the two oldest points weigh as the third: Neat.
    Uncut,
}

/// Local regression of any length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Loess {
    /// Predicted load, times `safety`, from which on a host is overloaded, above 0.
    pub threshold: f64,
    /// `s`, dimensionless, above 0.
    pub safety: f64,
    /// `n`: samples a fit uses, at least 3.
    pub length: usize,
    /// What a weight multiplies.
    pub weigh: Weigh,
}

impl Default for Loess {
    fn default() -> Self {
        Self { threshold: 1.0, safety: 1.2, length: 10, weigh: Weigh::Squares }
    }
}

/// As [`Loess`], with outliers weighed down in a second fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LoessRobust {
    /// Predicted load, times `safety`, from which on a host is overloaded, above 0.
    pub threshold: f64,
    /// `s`, dimensionless, above 0.
    pub safety: f64,
    /// `n`: samples a fit uses, at least 3.
    pub length: usize,
    /// What a weight multiplies.
    pub weigh: Weigh,
    /// What becomes of outliers.
    pub outliers: Outliers,
}

impl Default for LoessRobust {
    fn default() -> Self {
        let Loess { threshold, safety, length, weigh } = Loess::default();
        Self { threshold, safety, length, weigh, outliers: Outliers::Cut }
    }
}

/// Either form at work.
#[derive(Debug, Clone)]
pub struct Regression {
    spec: Loess,
    robust: Option<Outliers>,
    tricube: Vec<f64>,
    /// What points weigh in the fit at hand, and the squares of that.
    weights: Vec<f64>,
    squared: Vec<f64>,
    sizes: Vec<f64>,
}

impl From<Loess> for Regression {
    fn from(spec: Loess) -> Self {
        let tricube = tricube_weights(spec.length.max(3));
        let (weights, squared, sizes) = (Vec::new(), Vec::new(), Vec::new());
        Self { spec, robust: None, tricube, weights, squared, sizes }
    }
}

impl From<LoessRobust> for Regression {
    fn from(spec: LoessRobust) -> Self {
        let LoessRobust { threshold, safety, length, weigh, outliers } = spec;
        let plain = Loess { threshold, safety, length, weigh };
        Self { robust: Some(outliers), ..Self::from(plain) }
    }
}

impl Regression {
    /// The line through the latest samples of `history`, `None` while there are too few.
    pub fn line(&mut self, history: &[f64]) -> Option<FittedLine> {
        let latest = &history[history.len().checked_sub(self.tricube.len())?..];
        self.weights.clone_from(&self.tricube);
        let first = self.fit(latest);
        let Some(outliers) = self.robust else { return Some(first) };
        let residual = |(i, &y): (usize, &f64)| y - first.at((i + 1) as f64);
        self.sizes.clear();
        self.sizes.extend(latest.iter().enumerate().map(|point| residual(point).abs()));
        let scale = 6.0 * median_in_place(&mut self.sizes)?;
        if scale == 0.0 {
            // More than half of the points lie on the line: there is no scale for outliers.
            return Some(first);
        }
        for (weight, point) in self.weights.iter_mut().zip(latest.iter().enumerate()) {
            let distance = residual(point).abs() / scale;
            let distance = if outliers == Outliers::Cut { distance.min(1.0) } else { distance };
            let near = 1.0 - distance * distance;
            *weight *= near * near;
        }
        if outliers == Outliers::Uncut {
            (self.weights[0], self.weights[1]) = (self.weights[2], self.weights[2]);
        }
        Some(self.fit(latest))
    }

    /// The load once the longest copy is complete; `None` while the past is too short.
    fn predicted(&mut self, load: HostLoad<'_>) -> Option<f64> {
        let line = self.line(load.history)?;
        Some(line.at(self.tricube.len() as f64 + load.copy_intervals))
    }

    /// Fits with the weights at hand.
    fn fit(&mut self, latest: &[f64]) -> FittedLine {
        match self.spec.weigh {
            Weigh::Squares => weighted_line(latest, &self.weights),
            Weigh::Residuals => {
                self.squared.clear();
                self.squared.extend(self.weights.iter().map(|weight| weight * weight));
                weighted_line(latest, &self.squared)
            }
        }
    }
}

impl OverloadDetector for Regression {
    fn name(&self) -> &str {
        if self.robust.is_some() { "loess-robust" } else { "loess" }
    }
    fn window(&self) -> usize {
        self.tricube.len()
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match self.predicted(load) {
            None => Verdict::Unknown,
            Some(load) if self.spec.safety * load >= self.spec.threshold => Verdict::Overloaded,
            Some(_) => Verdict::Normal,
        })
    }
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        let predicted = self.clone().predicted(load)?;
        let limit = self.spec.threshold / self.spec.safety;
        Some(format!("load {:.3}, predicted {predicted:.3}, limit {limit:.3}", load.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(spec: Loess, history: &[f64], copy_intervals: f64) -> Verdict {
        let load = HostLoad { copy_intervals, ..HostLoad::alone(0.0, history) };
        Regression::from(spec).assess(load).unwrap()
    }

    /// The ramp .1, .2, .3 goes on by .1 a sample: .35 half a sample and .4 a sample later; times
    /// 1.2 that is .42 and .48.
    #[test]
    fn a_ramp_is_carried_on_over_the_copy_without_rounding() {
        let spec = Loess { threshold: 0.45, length: 3, ..Loess::default() };
        let ramp = [0.9, 0.1, 0.2, 0.3];
        assert_eq!(after(spec.clone(), &ramp, 0.5), Verdict::Normal);
        assert_eq!(after(spec.clone(), &ramp, 1.0), Verdict::Overloaded);
        assert_eq!(after(spec, &ramp[2..], 1.0), Verdict::Unknown);
    }

    /// Four points 0 0 0 1 weigh a, a, a, 1 with a = (1 - 1/27)^3 (of distance 1/3). Weighed by
    /// squares: mean x = (6 a + 4) / (3 a + 1), mean y = 1 / (3 a + 1). Against weights a^2, 1 the
    /// newest point counts less.
    #[test]
    fn weighing_residuals_counts_weights_twice() {
        let history = [0.0, 0.0, 0.0, 1.0];
        let slope = |weigh, a: f64| {
            let spec = Loess { length: 4, weigh, ..Loess::default() };
            let line = Regression::from(spec).line(&history).unwrap();
            let (x, y) = ((6.0 * a + 4.0) / (3.0 * a + 1.0), 1.0 / (3.0 * a + 1.0));
            let off = |i: f64| i - x;
            let spread = a * (off(1.0).powi(2) + off(2.0).powi(2) + off(3.0).powi(2));
            let shared = -a * y * (off(1.0) + off(2.0) + off(3.0)) + off(4.0) * (1.0 - y);
            assert!((line.slope - shared / (spread + off(4.0).powi(2))).abs() < 1e-14);
            line.slope
        };
        let a = (26.0f64 / 27.0).powi(3);
        assert!(slope(Weigh::Squares, a) != slope(Weigh::Residuals, a * a));
    }

    /// A spike among points near .5, 1.17 times six medians off the first line, which predicts
    /// .6277: cut, the second predicts .4942; uncut, where the spike weighs .13 again, .5211.
    #[test]
    fn an_outlier_is_cut_unless_asked_otherwise() {
        let mut history = [0.50, 0.51, 0.49, 0.50, 0.51, 0.49, 0.50, 0.51, 0.49, 0.50];
        history[7] = 1.0;
        let robust = |outliers| {
            let spec = LoessRobust { outliers, ..LoessRobust::default() };
            Regression::from(spec).line(&history).unwrap().at(11.0)
        };
        let plain = Regression::from(Loess::default()).line(&history).unwrap().at(11.0);
        for (found, expected) in
            [(plain, 0.6277), (robust(Outliers::Cut), 0.4942), (robust(Outliers::Uncut), 0.5211)]
        {
            assert!((found - expected).abs() < 5e-5, "{found}, expected {expected}");
        }
    }
}
