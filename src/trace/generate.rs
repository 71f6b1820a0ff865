//! A synthetic day of `PlanetLab`-like load, from published statistics and a seed.
//!
//! ```text
//! x_t = round(clip(l_t + s z_t + b_t, 0, 100)), or 0 with probability i
//! ```
//!
//! `l_t`: the VM's level, drawn once from a skewed distribution (Lomax, shape 2) and now and then
//! drawn anew around its old value; `s`: the VM's spread; `z_t`: white noise of mean 0 and variance
//! 1; `b_t`: rare bursts; `i`: the VM's idle probability, 0 for the VMs that are never idle. All in
//! per cent of the VM's capacity. Nothing couples the noise of two samples, which is the main
//! finding about these traces.
//!
//! Fitted to statistics of the day 20110303 of the `CoMon` data (Park and Pai, ACM SIGOPS OSR
//! 40(1), 2006) as Beloglazov and Buyya, CCPE 24(13), 2012, use it, and to the measured table of
//! within-VM statistics of all ten days; no sample of it is copied. Known differences: no VM
//! resembles a real one, VMs are independent of each other, and there is no time of day.
//!
//! Only exact operations (`+ - * /`, square root, rounding) turn random bits into samples, so that
//! the same seed makes the same trace on every platform.

use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::planetlab::{SAMPLES, STEP};
use super::{UtilisationTrace, Values};
use crate::random::{self, Stream};

/// No VM's level is above this, per cent; the published days have no sample above 99.
const HIGHEST_LEVEL: f64 = 95.0;

/// What the synthetic load is like; the defaults were fitted to the statistics that they name.
///
/// ```
/// use galerna::trace::{Parameters, generate};
/// let small = Parameters { vms: 3, ..Parameters::default() };
/// let trace = generate(&small, 7);
/// assert_eq!((trace.vms(), trace.samples(), trace.name(2)), (3, 288, "synthetic_0002"));
/// assert_eq!(trace, generate(&small, 7));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// How many VMs, at least 1. Published: 1,052 on 20110303 (Beloglazov and Buyya, table 1).
    pub vms: usize,
    /// Scale of the levels, per cent. Fitted to the published mean of 12.31 %.
    pub level_percent: f64,
    /// Bounds between which a VM's spread is uniform, in per cent points. Fitted to the measured
    /// median standard deviation within a VM (5.61) and mean absolute change in 5 minutes (6.03).
    pub spread_percent: [f64; 2],
    /// Share of VMs that are idle at times, `0.0..=1.0`. Fitted to the count of VMs with two zero
    /// samples in a row: 532 of 1,052 on 20110303 (531 within the day).
    pub idle_share: f64,
    /// Bounds between which the probability of a zero sample of such a VM is uniform. Fitted to the
    /// median step of the first such pair: 10 of 288.
    pub idle_probability: [f64; 2],
    /// Probability of a level shift at a sample. Fitted, as the next three, to the measured median
    /// autocorrelation: 0.05 / 0.03 / 0.05 at 1 / 6 / 12 samples, -0.49 of the differences.
    pub shift_probability: f64,
    /// Greatest relative change of the level at a shift, `0.0..=1.0`.
    pub shift_share: f64,
    /// Probability that a burst begins at a sample.
    pub burst_probability: f64,
    /// Greatest height of a burst, in per cent points; it lasts one or two samples.
    pub burst_percent: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            vms: 1052,
            level_percent: 6.6,
            spread_percent: [1.8, 7.5],
            idle_share: 0.455,
            idle_probability: [0.03, 0.5],
            shift_probability: 0.005,
            shift_share: 0.4,
            burst_probability: 0.003,
            burst_percent: 60.0,
        }
    }
}

/// A synthetic day: VMs `synthetic_0000` and so on, 288 samples of 300 s, whole per cent.
///
/// VM `k` depends only on the seed, `k` and the parameters other than `vms`. Parameters out of
/// their range are brought to its nearest end.
pub fn generate(parameters: &Parameters, seed: u64) -> UtilisationTrace {
    let vms = parameters.vms.max(1);
    let days: Vec<[u8; SAMPLES]> = (0..vms)
        .into_par_iter()
        .map(|vm| day(parameters, &mut random::stream(seed, &format!("trace.generate/{vm}"))))
        .collect();
    let names = (0..vms).map(|vm| format!("synthetic_{vm:04}")).collect();
    UtilisationTrace::new(names, STEP, Values::Percent(days.concat()))
}

/// The samples of one VM.
fn day(parameters: &Parameters, stream: &mut Stream) -> [u8; SAMPLES] {
    let idles = uniform(stream) < parameters.idle_share;
    let idle = if idles { between(parameters.idle_probability, stream) } else { 0.0 };
    let spread = between(parameters.spread_percent, stream);
    // A VM that is never idle stays clear of zero by two of its spreads, the others by one.
    let floor = if idles { spread } else { 2.0 * spread };
    let shift = [1.0 - parameters.shift_share, 1.0 + parameters.shift_share];
    let mut level = (floor + parameters.level_percent * skewed(stream)).min(HIGHEST_LEVEL);
    let mut burst = Burst::default();
    std::array::from_fn(|_| {
        if uniform(stream) < parameters.shift_probability {
            level = (level * between(shift, stream)).min(HIGHEST_LEVEL);
        }
        let height = burst.height(parameters, stream);
        let noise = spread * white(stream);
        if uniform(stream) < idle {
            return 0;
        }
        // In 0..=100 after the clip, so that the cast loses nothing.
        (level + noise + height).clamp(0.0, 100.0).round() as u8
    })
}

/// A burst that lasts for some more samples.
#[derive(Default)]
struct Burst {
    left: usize,
    height: f64,
}

impl Burst {
    /// The height of the burst at the next sample, 0 where there is none.
    fn height(&mut self, parameters: &Parameters, stream: &mut Stream) -> f64 {
        if self.left == 0 && uniform(stream) < parameters.burst_probability {
            self.left = 1 + random::below(2, stream);
            self.height = parameters.burst_percent * uniform(stream);
        }
        if self.left == 0 {
            return 0.0;
        }
        self.left -= 1;
        self.height
    }
}

/// Uniform in `0.0..1.0` with 53 bits.
fn uniform(stream: &mut Stream) -> f64 {
    const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
    (stream.next_u64() >> 11) as f64 * UNIT
}

/// Uniform between two bounds.
fn between([low, high]: [f64; 2], stream: &mut Stream) -> f64 {
    low + (high - low) * uniform(stream)
}

/// Lomax of shape 2 and scale 1: mean 1, median 0.41, infinite variance.
fn skewed(stream: &mut Stream) -> f64 {
    1.0 / (1.0 - uniform(stream)).sqrt() - 1.0
}

/// Mean 0, variance 1, nearly Gaussian: twelve uniform draws less 6 (Irwin and Hall).
fn white(stream: &mut Stream) -> f64 {
    (0..12).map(|_| uniform(stream)).sum::<f64>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::info;

    /// Each published or measured statistic of the module's story with the tolerance of the fit.
    #[test]
    fn the_default_load_has_the_published_statistics() {
        for seed in [crate::trace::SAMPLE_SEED, 1, 2] {
            let info = info(&generate(&Parameters::default(), seed));
            println!("{info}");
            for (name, found, published, tolerance) in [
                ("mean", info.mean_percent, 12.31, 0.7),
                ("median sd", info.median_sd_percent, 5.61, 0.4),
                ("absolute change", info.mean_absolute_change_percent, 6.03, 0.4),
                ("level, lag 1", info.autocorrelation_lag_1, 0.05, 0.03),
                ("level, lag 6", info.autocorrelation_lag_6, 0.03, 0.03),
                ("level, lag 12", info.autocorrelation_lag_12, 0.05, 0.04),
                ("differences", info.difference_autocorrelation_lag_1, -0.49, 0.02),
                ("zero runs", Some(info.vms_with_zero_runs as f64), 532.0, 40.0),
                ("first zero run", info.median_first_zero_run, 10.0, 4.0),
            ] {
                let found = found.unwrap();
                assert!((found - published).abs() <= tolerance, "{name}: {found}, {published}");
            }
        }
    }

    #[test]
    fn a_vm_does_not_depend_on_how_many_there_are() {
        let few = Parameters { vms: 2, ..Parameters::default() };
        let more = Parameters { vms: 5, ..Parameters::default() };
        let (few, more) = (generate(&few, 3), generate(&more, 3));
        assert!((0..288).all(|t| few.fraction(1, t) == more.fraction(1, t)));
        assert_ne!(
            few.values(),
            generate(&Parameters { vms: 2, ..Parameters::default() }, 4).values()
        );
    }

    #[test]
    fn senseless_parameters_make_a_trace_all_the_same() {
        let parameters = Parameters {
            vms: 0,
            level_percent: f64::NAN,
            spread_percent: [1e300, -1e300],
            ..Parameters::default()
        };
        assert_eq!(generate(&parameters, 1).vms(), 1);
    }
}
