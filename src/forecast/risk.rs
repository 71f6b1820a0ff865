//! Overload risk: the probability that a host's demand passes a limit within a horizon.
//!
//! ```text
//! P(max of u(t+1) .. u(t+h) > c) = 1 / (1 + exp(-(x'b + s)))
//! s <- s + g (mean of events - mean of P) / mean of P(1 - P)
//! ```
//!
//! `u`: utilisation of the host from the past of the VMs that are on it now, `c`: limit, `x`:
//! features of `u / c`, of which the three oldest lags give way to how many standard deviations of
//! 48 samples the means of 6, 12 and 48 lie below the limit; `b`: fitted by logistic regression on
//! hosts drawn from a training part; `s`: shift tracked online. As everything is divided by `c` one
//! model serves any limit.
//!
//! Bottom-up, for a host that never had these VMs together, the VMs are taken as independent:
//!
//! ```text
//! p = 1 - N((c - sum m_i) / sqrt(k sum v_i))      P = 1 - (1 - p)^(h^0.75)
//! ```
//!
//! `m_i`: mean of the latest 12 and 48 samples of VM `i`, half and half, `v_i`: variance of its
//! latest 48, `k`: one factor fitted on a calibration part; `N`: normal distribution.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::features::{FEATURES, features};
use super::least_squares::Design;
use super::logistic::{Logistic, sigmoid};
use super::panel::Panel;
use super::window::Window;
use crate::stats::normal_tail;

/// Heads for several horizons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RiskModel {
    /// Samples ahead, ascending.
    pub horizons: Vec<u16>,
    /// One regression per horizon.
    pub heads: Vec<Logistic>,
    /// Of which quantity the hosts that it was fitted on may run short; `cpu` where not told.
    #[serde(default = "cpu")]
    pub resource: String,
}

fn cpu() -> String {
    "cpu".to_owned()
}

/// Most rows that a fit looks at.
const ROWS: usize = 60_000;

/// Features of a host whose utilisation, over the limit, is in `window`.
#[inline]
pub fn host_features(window: &Window) -> [f32; FEATURES] {
    let mut all = features(window);
    let spread = window.moments(3).1 + 0.02;
    for (feature, width) in all[10..13].iter_mut().zip([0, 1, 3]) {
        *feature = ((1.0 - window.moments(width).0) / spread).clamp(-8.0, 8.0);
    }
    all
}

/// Hands the features at every origin of `hosts` and the largest value over `limit` within each of
/// `horizons` to `take`.
pub fn each_origin(
    hosts: &Panel,
    limit: f32,
    horizons: &[u16],
    stride: usize,
    mut take: impl FnMut(usize, usize, &Window, &[f32]),
) {
    let farthest = horizons.last().map_or(0, |&h| usize::from(h));
    let end = hosts.samples().saturating_sub(farthest);
    let mut peaks = vec![0.0; horizons.len()];
    for host in 0..hosts.vms() {
        let (series, mut window) = (hosts.series(host), Window::default());
        for at in 0..end {
            window.push(series[at].max(0.0) / limit);
            if at < hosts.first_origin() || !(at - hosts.first_origin()).is_multiple_of(stride) {
                continue;
            }
            for (peak, &horizon) in peaks.iter_mut().zip(horizons) {
                let ahead = &series[at + 1..=at + usize::from(horizon)];
                *peak = ahead.iter().copied().fold(0.0, f32::max) / limit;
            }
            take(host, at, &window, &peaks);
        }
    }
}

impl RiskModel {
    /// Learns from the hosts of `hosts` at several limits between 0.8 and 1.2 of their capacity.
    ///
    /// # Errors
    /// `GLN-164` where there are too few rows, or no overload among them.
    pub fn fit(hosts: &Panel, limit: f32, horizons: &[u16]) -> Result<Self, Error> {
        let farthest = horizons.last().map_or(0, |&h| usize::from(h));
        let origins = hosts.samples().saturating_sub(farthest + hosts.first_origin());
        let stride = (hosts.vms() * origins).div_ceil(ROWS).max(1);
        let (mut design, mut events) = (Design::default(), vec![Vec::new(); horizons.len()]);
        each_origin(hosts, limit, horizons, stride, |_, _, window, peaks| {
            design.push(&host_features(window));
            for (events, &peak) in events.iter_mut().zip(peaks) {
                events.push(peak > 1.0);
            }
        });
        let few = events.iter().any(|events| {
            let came = events.iter().filter(|&&event| event).count();
            came < 20 || events.len() - came < 20
        });
        if few {
            let what = format!("{} rows hold too few overloads to learn from", design.len());
            return Err(Error::one("GLN-164", "hosts", what, "Give more hosts or a longer part"));
        }
        design.standardise();
        let heads = events.iter().map(|events| Logistic::fit(&design, events)).collect();
        Ok(Self { horizons: horizons.to_vec(), heads, resource: cpu() })
    }

    /// The log odds of overload within the horizon at `head`.
    #[inline]
    pub fn log_odds(&self, head: usize, window: &Window) -> f32 {
        self.heads[head].log_odds(&host_features(window))
    }

    /// Whether it can be used.
    pub fn is_whole(&self) -> bool {
        let whole = |head: &Logistic| {
            head.coefficients.len() == FEATURES && head.coefficients.iter().all(|c| c.is_finite())
        };
        !self.heads.is_empty()
            && self.heads.len() == self.horizons.len()
            && self.heads.iter().all(whole)
    }
}

/// A shift of the log odds that follows what came.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Calibration {
    shift: f64,
    /// Discounted sums of events, of probabilities and of their variances.
    sums: [f64; 3],
}

/// What a round of outcomes counts one round later.
const KEPT: f64 = 0.9;
/// Share of the shift that a round corrects.
const GAIN: f64 = 0.1;
/// Largest shift of the log odds.
const FARTHEST: f64 = 3.0;

impl Calibration {
    /// The probability for `log_odds`.
    #[inline]
    pub fn probability(&self, log_odds: f32) -> f32 {
        sigmoid(log_odds + self.shift as f32)
    }

    /// Takes the outcomes of a round: log odds as said and whether the event came.
    pub fn learn(&mut self, outcomes: impl IntoIterator<Item = (f32, bool)>) {
        let mut sums = [0.0; 3];
        for (log_odds, came) in outcomes {
            let chance = f64::from(self.probability(log_odds));
            sums[0] += f64::from(u8::from(came));
            sums[1] += chance;
            sums[2] += chance * (1.0 - chance);
        }
        for (sum, new) in self.sums.iter_mut().zip(sums) {
            *sum = KEPT * *sum + new;
        }
        // Too little is no ground for a shift.
        if self.sums[2] > 1.0 {
            self.shift += GAIN * (self.sums[0] - self.sums[1]) / self.sums[2];
            self.shift = self.shift.clamp(-FARTHEST, FARTHEST);
        }
    }
}

/// The risk of VMs that were never together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BottomUp {
    /// `k`: what the sum of variances is multiplied by.
    pub factor: f64,
}

impl Default for BottomUp {
    fn default() -> Self {
        Self { factor: 1.3 }
    }
}

impl BottomUp {
    /// The probability that VMs of mean and variance sums `mean` and `variance` pass `limit` within
    /// `horizon` samples; all in one unit.
    pub fn probability(&self, mean: f64, variance: f64, limit: f64, horizon: u16) -> f64 {
        let spread = (self.factor * variance).sqrt().max(1e-6 * limit.abs()).max(1e-12);
        let one = normal_tail((limit - mean) / spread);
        1.0 - (1.0 - one).powf(f64::from(horizon).powf(0.75))
    }

    /// The factor of greatest likelihood on `cases` of (mean, variance, limit, overload).
    pub fn fit(cases: &[(f64, f64, f64, bool)], horizon: u16) -> Self {
        let mut best = (f64::INFINITY, Self::default());
        for step in 0..60 {
            let candidate = Self { factor: 0.2 * 1.08f64.powi(step) };
            let loss: f64 = cases
                .iter()
                .map(|&(mean, variance, limit, came)| {
                    let p = candidate.probability(mean, variance, limit, horizon);
                    let p = p.clamp(1e-6, 1.0 - 1e-6);
                    if came { -p.ln() } else { -(1.0 - p).ln() }
                })
                .sum();
            if loss < best.0 {
                best = (loss, candidate);
            }
        }
        best.1
    }
}

/// Mean and variance of one VM for [`BottomUp`].
#[inline]
pub fn mean_and_variance(window: &Window) -> (f64, f64) {
    let (near, (far, spread)) = (window.moments(1).0, window.moments(3));
    (f64::from(0.5 * (near + far)), f64::from(spread * spread))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4 VMs of mean 0.2 and variance 0.01: sum .8, spread .2; to 1.0 it is one spread, of which
    /// the normal tail is .158655; in 2 steps 1 - .841345^(2^.75).
    #[test]
    fn the_bottom_up_risk_of_four_vms() {
        let risk = BottomUp { factor: 1.0 };
        assert!((risk.probability(0.8, 0.04, 1.0, 1) - 0.158_655).abs() < 1e-5);
        let two = 1.0 - 0.841_345f64.powf(2f64.powf(0.75));
        assert!((risk.probability(0.8, 0.04, 1.0, 2) - two).abs() < 1e-5);
        assert_eq!(risk.probability(0.5, 0.0, 1.0, 6), 0.0);
    }

    /// Probabilities that are always too low by a shift of 1 are corrected.
    #[test]
    fn a_biased_model_is_calibrated_online() {
        let mut calibration = Calibration::default();
        let before = calibration.probability(-1.0);
        for _ in 0..200 {
            // Events of probability one half, where the odds said are exp(-1).
            calibration.learn((0..100).map(|k| (-1.0, k % 2 == 0)));
        }
        let after = calibration.probability(-1.0);
        assert!((before - 0.2689).abs() < 1e-3 && (after - 0.5).abs() < 0.01, "{after}");
    }
}
