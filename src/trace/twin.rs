//! A synthetic twin of a trace: VMs that are like those of the trace and are not they.
//!
//! ```text
//! z_t = sqrt(a) u_t + sqrt(b) v_t + sqrt(1 - a - b) e_t      u_t = p u_{t-1} + sqrt(1 - p^2) e'_t
//! x_t = Q((rank of z_t) / (n - 1))                           v_t = q v_{t-1} + sqrt(1 - q^2) e''_t
//! ```
//!
//! Per VM: `Q`: its quantile function at 109 points, straight between them; `u`, `v`: a slow and a
//! fast drift with correlations `p`, `q` from sample to sample and shares `a`, `b` of the variance;
//! `e`: white noise; `n`: samples, ranked from 0. The shares and correlations are chosen so that
//! the autocorrelation of `x` at 1, 2, 3, 6, 12 and 24 samples comes close to that of the VM: since
//! `Q` bends it, and a short series biases it, pilot series are made and the aim is moved by what
//! they miss.
//!
//! No sample of the trace is kept but what 109 quantiles of a VM say. Known differences: VMs are
//! independent of each other, there is no time of day, what happens once in a VM's life (a change
//! of level) is spread over all of it, and only the CPU is modelled.
//!
//! Only exact operations (`+ - * /`, square root, comparison) make samples out of random bits and
//! statistics, so that the same trace and seed make the same twin on every platform.

use rand::Rng;
use rayon::prelude::*;

use super::info::percents;
use super::{UtilisationTrace, Values};
use crate::random::{self, Stream};
use crate::stats::autocorrelation;

/// Lags at which the autocorrelation is fitted.
const LAGS: [usize; 6] = [1, 2, 3, 6, 12, 24];
/// Probabilities below and above the whole per cents at which a quantile is kept.
const TAILS: [f64; 4] = [0.0001, 0.0003, 0.001, 0.003];
/// Correlations from sample to sample that a drift may have.
const DRIFTS: [f64; 12] = [0.2, 0.4, 0.55, 0.7, 0.8, 0.88, 0.93, 0.96, 0.98, 0.99, 0.995, 0.999];
/// How often the aim is moved.
const ROUNDS: usize = 6;
/// Samples of all pilots of a round together, at least: fewer tell more of chance than of the fit.
const PILOT_SAMPLES: usize = 8_000;
/// How much of what a pilot misses the aim is moved by.
const EAGERNESS: f64 = 0.7;

/// What a VM is like.
#[derive(Debug, Clone, PartialEq)]
struct VmTwin {
    /// Per cent at the probabilities of [`probabilities`].
    quantiles: Vec<f64>,
    slow: Drift,
    fast: Drift,
}

/// A part of the variance that drifts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Drift {
    share: f64,
    correlation: f64,
}

/// The synthetic twin of `trace`, whose gaps count as nothing: `vms` VMs, or as many as it has,
/// named `twin_0000` and so on.
///
/// Twin `k` is like VM `k`; where there are to be fewer or more of them, which VM each is like is
/// drawn.
///
/// ```
/// use galerna::trace::{Parameters, fitness, generate, twin};
/// let trace = generate(&Parameters { vms: 20, ..Parameters::default() }, 1);
/// let made = twin(&trace, None, 7);
/// assert_eq!((made.vms(), made.samples()), (20, 288));
/// assert_ne!(made.values(), trace.values());
/// assert!(fitness(&trace, &made).distance < 0.05);
/// ```
pub fn twin(trace: &UtilisationTrace, vms: Option<usize>, seed: u64) -> UtilisationTrace {
    let count = vms.unwrap_or(trace.vms()).max(1);
    let models = models(trace.vms(), count, seed);
    let mut wanted = models.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let fitted: Vec<VmTwin> =
        wanted.par_iter().map(|&row| VmTwin::of(&percents(trace, row), row)).collect();
    let rows: Vec<Vec<f64>> = models
        .into_par_iter()
        .enumerate()
        .map(|(vm, model)| {
            let stream = &mut random::stream(seed, &format!("trace.twin/{vm}"));
            fitted[wanted.partition_point(|&row| row < model)].series(trace.samples(), stream)
        })
        .collect();
    let names = (0..count).map(|vm| format!("twin_{vm:04}")).collect();
    let cells = rows.iter().flatten();
    let values = match trace.values() {
        // In 0..=100 as the source, so that the cast loses nothing.
        Values::Percent(_) => Values::Percent(cells.map(|value| value.round() as u8).collect()),
        Values::Fraction(_) => {
            Values::Fraction(cells.map(|value| (value / 100.0) as f32).collect())
        }
    };
    UtilisationTrace::new(names, trace.step(), values)
}

/// Which of `all` VMs each of `count` twins is like.
fn models(all: usize, count: usize, seed: u64) -> Vec<usize> {
    if count == all {
        return (0..count).collect();
    }
    let stream = &mut random::stream(seed, "trace.twin/models");
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        drawn.extend(random::permutation(all, stream));
    }
    drawn.truncate(count);
    drawn
}

impl VmTwin {
    fn of(series: &[f64], vm: usize) -> Self {
        let mut values: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let quantiles: Vec<f64> = probabilities().map(|p| quantile(&values, p)).collect();
        let mut twin = Self { quantiles, slow: Drift::default(), fast: Drift::default() };
        let target: Vec<f64> =
            LAGS.iter().map(|&lag| autocorrelation(series, lag).unwrap_or(0.0)).collect();
        if values.first() != values.last() {
            twin.tune(&target, series.len(), vm);
        }
        twin
    }

    /// Chooses the drifts so that series of `samples` samples have the autocorrelation `target`.
    fn tune(&mut self, target: &[f64], samples: usize, vm: usize) {
        let pilots = PILOT_SAMPLES.div_ceil(samples);
        let mut aim = target.to_vec();
        let mut best = (f64::INFINITY, self.slow, self.fast);
        for round in 0..ROUNDS {
            (self.slow, self.fast) = drifts(&aim);
            // The same noise in every round, so that only the drifts make the difference.
            let stream = &mut random::stream(vm as u64, "trace.twin/pilot");
            let mut found = vec![0.0; LAGS.len()];
            for _ in 0..pilots {
                let pilot = self.series(samples, stream);
                for (sum, &lag) in found.iter_mut().zip(&LAGS) {
                    *sum += autocorrelation(&pilot, lag).unwrap_or(0.0) / pilots as f64;
                }
            }
            let missed: Vec<f64> = target.iter().zip(&found).map(|(t, f)| t - f).collect();
            let error = missed.iter().map(|m| m * m).sum::<f64>();
            if error < best.0 {
                best = (error, self.slow, self.fast);
            }
            if round + 1 < ROUNDS {
                let moved = aim.iter().zip(&missed).map(|(a, m)| (a + EAGERNESS * m).min(0.999));
                aim = moved.collect();
            }
        }
        (self.slow, self.fast) = (best.1, best.2);
    }

    /// A series of the VM's twin, in per cent.
    fn series(&self, samples: usize, stream: &mut Stream) -> Vec<f64> {
        let (slow, fast) = (self.slow, self.fast);
        let rest = (1.0 - slow.share - fast.share).max(0.0).sqrt();
        let weight = |drift: Drift| {
            (drift.share.sqrt(), (1.0 - drift.correlation * drift.correlation).sqrt())
        };
        let ((slow_weight, slow_step), (fast_weight, fast_step)) = (weight(slow), weight(fast));
        let (mut u, mut v) = (white(stream), white(stream));
        let mut latent = Vec::with_capacity(samples);
        for _ in 0..samples {
            latent.push(slow_weight * u + fast_weight * v + rest * white(stream));
            u = slow.correlation * u + slow_step * white(stream);
            v = fast.correlation * v + fast_step * white(stream);
        }
        let mut order: Vec<u32> = (0..samples as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            latent[a as usize].total_cmp(&latent[b as usize]).then(a.cmp(&b))
        });
        let points: Vec<f64> = probabilities().collect();
        let mut series = vec![0.0; samples];
        for (rank, &at) in order.iter().enumerate() {
            let p = rank as f64 / (samples - 1).max(1) as f64;
            series[at as usize] = self.value(&points, p);
        }
        series
    }

    /// `Q(p)`, straight between the points that are kept.
    fn value(&self, points: &[f64], p: f64) -> f64 {
        let above = points.partition_point(|&point| point < p).clamp(1, points.len() - 1);
        let (low, high) = (points[above - 1], points[above]);
        let (from, to) = (self.quantiles[above - 1], self.quantiles[above]);
        from + (to - from) * ((p - low) / (high - low)).clamp(0.0, 1.0)
    }
}

/// 0, the lower tail, 0.01 to 0.99, the upper tail, 1.
fn probabilities() -> impl Iterator<Item = f64> {
    let lower = std::iter::once(0.0).chain(TAILS);
    let middle = (1..100).map(|percent| f64::from(percent) / 100.0);
    let upper = TAILS.into_iter().rev().map(|p| 1.0 - p).chain([1.0]);
    lower.chain(middle).chain(upper)
}

/// The quantile at `p` of ascending values, straight between two of them; 0 of nothing.
pub(super) fn quantile(ascending: &[f64], p: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let at = p * last as f64;
    let low = at.floor();
    let (from, to) = (ascending[low as usize], ascending[(low as usize + 1).min(last)]);
    from + (to - from) * (at - low)
}

/// The two drifts whose sum has an autocorrelation closest to `aim`, by least squares over all
/// pairs of correlations.
fn drifts(aim: &[f64]) -> (Drift, Drift) {
    let curves: Vec<Vec<f64>> =
        DRIFTS.iter().map(|&c| LAGS.iter().map(|&lag| power(c, lag)).collect()).collect();
    let mut best = (f64::INFINITY, Drift::default(), Drift::default());
    for slow in 0..DRIFTS.len() {
        for fast in 0..=slow {
            let (a, b) = shares(&curves[slow], &curves[fast], aim);
            let error: f64 = (0..aim.len())
                .map(|k| aim[k] - a * curves[slow][k] - b * curves[fast][k])
                .map(|miss| miss * miss)
                .sum();
            if error < best.0 {
                let drift = |share, at: usize| Drift { share, correlation: DRIFTS[at] };
                best = (error, drift(a, slow), drift(b, fast));
            }
        }
    }
    (best.1, best.2)
}

/// `base` to the power of `exponent`, by multiplication.
fn power(base: f64, exponent: usize) -> f64 {
    (0..exponent).fold(1.0, |product, _| product * base)
}

/// The shares of two curves, at least 0 and together at most 0.999, that fit `aim` best.
fn shares(slow: &[f64], fast: &[f64], aim: &[f64]) -> (f64, f64) {
    const MOST: f64 = 0.999;
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let (ss, ff, sf) = (dot(slow, slow), dot(fast, fast), dot(slow, fast));
    let (sa, fa) = (dot(slow, aim), dot(fast, aim));
    let determinant = ss * ff - sf * sf;
    let alone = (sa / ss).clamp(0.0, MOST);
    if determinant <= 1e-12 {
        return (alone, 0.0);
    }
    let (a, b) = ((sa * ff - fa * sf) / determinant, (fa * ss - sa * sf) / determinant);
    match (a < 0.0, b < 0.0) {
        (true, _) => (0.0, (fa / ff).clamp(0.0, MOST)),
        (_, true) => (alone, 0.0),
        _ if a + b > MOST => (a * MOST / (a + b), b * MOST / (a + b)),
        _ => (a, b),
    }
}

/// Mean 0, variance 1, nearly Gaussian: four uniform draws of 16 bits (Irwin and Hall).
fn white(stream: &mut Stream) -> f64 {
    let bits = stream.next_u64();
    let parts = (0..4).map(|part| ((bits >> (16 * part)) & 0xffff) as f64);
    let sum: f64 = parts.sum();
    // Mean 2 * 65535, variance 4 * (65536^2 - 1) / 12.
    (sum - 131_070.0) / 37_837.227237206
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::trace::{Parameters, SAMPLE_SEED, fitness, generate, info};

    /// sqrt(4 * (65536^2 - 1) / 12) = 37837.2272372.
    #[test]
    fn noise_has_mean_zero_and_variance_one() {
        assert!((((65536.0f64 * 65536.0 - 1.0) / 3.0).sqrt() - 37_837.227237206).abs() < 1e-6);
        let stream = &mut random::stream(1, "test");
        let draws: Vec<f64> = (0..100_000).map(|_| white(stream)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|d| d * d).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    /// The sum of a drift 0.5 * 0.99^k and one 0.3 * 0.7^k is found again.
    #[test]
    fn two_drifts_are_found_again() {
        let aim: Vec<f64> =
            LAGS.iter().map(|&k| 0.5 * power(0.99, k) + 0.3 * power(0.7, k)).collect();
        let (slow, fast) = drifts(&aim);
        assert!((slow.share - 0.5).abs() < 1e-9 && slow.correlation == 0.99, "{slow:?}");
        assert!((fast.share - 0.3).abs() < 1e-9 && fast.correlation == 0.7, "{fast:?}");
    }

    #[test]
    fn shares_are_never_negative_nor_more_than_all() {
        for aim in [[-0.5; 6], [1.0; 6], [0.9, -0.5, 0.3, 0.8, -1.0, 0.0]] {
            let (slow, fast) = drifts(&aim);
            assert!(slow.share >= 0.0 && fast.share >= 0.0, "{slow:?} {fast:?}");
            assert!(slow.share + fast.share <= 0.9991, "{slow:?} {fast:?}");
        }
    }

    #[test]
    fn quantiles_are_straight_between_two_values() {
        let values = [0.0, 10.0, 20.0, 40.0];
        assert_eq!(quantile(&values, 0.0), 0.0);
        assert_eq!(quantile(&values, 1.0), 40.0);
        assert_eq!(quantile(&values, 0.5), 15.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert!(probabilities().zip(probabilities().skip(1)).all(|(a, b)| a < b));
        assert_eq!(probabilities().count(), 109);
    }

    #[test]
    fn a_twin_of_the_sample_has_its_level_spread_and_memory() {
        let trace = generate(&Parameters { vms: 150, ..Parameters::default() }, SAMPLE_SEED);
        let made = twin(&trace, None, 5);
        assert_eq!(made, twin(&trace, None, 5));
        assert_ne!(made, twin(&trace, None, 6));
        let (theirs, ours) = (info(&trace), info(&made));
        let close = |a: Option<f64>, b: Option<f64>, tolerance: f64, what: &str| {
            assert!((a.unwrap() - b.unwrap()).abs() < tolerance, "{what}: {a:?} {b:?}");
        };
        close(theirs.mean_percent, ours.mean_percent, 0.1, "mean");
        close(theirs.median_sd_percent, ours.median_sd_percent, 0.1, "sd");
        close(theirs.autocorrelation_lag_1, ours.autocorrelation_lag_1, 0.03, "lag 1");
        close(
            theirs.difference_autocorrelation_lag_1,
            ours.difference_autocorrelation_lag_1,
            0.03,
            "differences",
        );
        assert!(fitness(&trace, &made).distance < 0.02);
    }

    /// A slow drift, bent by an exponential marginal: the twin's memory comes close all the same.
    #[test]
    fn memory_survives_a_skewed_marginal() {
        let stream = &mut random::stream(3, "test");
        let vms = 40;
        let mut values = Vec::new();
        for _ in 0..vms {
            let mut level = 0.0;
            for _ in 0..600 {
                level = 0.95 * level + 0.31 * white(stream);
                let z = 0.8 * level + 0.6 * white(stream);
                values.push((0.05 * (1.0 + z * z * z * z) / 2.0).min(1.0) as f32);
            }
        }
        let names = (0..vms).map(|vm| vm.to_string()).collect();
        let trace =
            UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Fraction(values));
        let made = twin(&trace, None, 1);
        let (theirs, ours) = (info(&trace), info(&made));
        let found = (ours.autocorrelation_lag_1.unwrap(), ours.autocorrelation_lag_6.unwrap());
        let aim = (theirs.autocorrelation_lag_1.unwrap(), theirs.autocorrelation_lag_6.unwrap());
        assert!((found.0 - aim.0).abs() < 0.04, "{found:?} {aim:?}");
        assert!((found.1 - aim.1).abs() < 0.05, "{found:?} {aim:?}");
    }

    #[test]
    fn constant_vms_and_other_counts_are_made() {
        let names = vec!["a".to_owned(), "b".to_owned()];
        let step = Span::from_seconds(60.0);
        let values = Values::Fraction(vec![0.25, 0.25, 0.25, 0.25, f32::NAN, 0.5, 0.5, 0.5]);
        let made = twin(&UtilisationTrace::new(names, step, values), Some(5), 1);
        assert_eq!((made.vms(), made.samples(), made.step()), (5, 4, step));
        for row in 0..5 {
            assert!([0.25, 0.5].contains(&made.fraction(row, 3)));
        }
    }
}
