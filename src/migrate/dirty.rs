//! How many distinct pages does a VM write within `t` seconds of a clean start?
//!
//! Every function here is 0 at 0 and never falls; all but free-form ones are concave, since pages
//! are written again and again. Slowing a VM to a fraction `s` of its speed gives `D(s t)`.
//!
//! | kind | `D(t)` |
//! |---|---|
//! | constant | `min(W, r t)`: one page after the other |
//! | uniform | `W (1 - exp(-r t / W))`: any page of the working set alike |
//! | hot/cold | share `f` of the writes on `H` hot pages, the rest on any of the `W` |
//! | mvm | hot size reached in the hot time, then the cold rate |
//! | measured | straight lines between measured points |
//!
//! `W`: working set in pages; `r`: writes per second, each to one page. Sources: Clark et al., NSDI
//! 2005 (writable working set); Kherbache, Madelaine and Hermenier, IEEE Trans. Cloud Comput. 2017
//! (mvm); the predictor that was proposed for QEMU in 2023 (measured points).

use std::fmt;
use std::sync::Arc;

/// A dirty-page function of one's own.
pub trait DirtyPages: fmt::Debug + Send + Sync {
    /// Distinct pages written within `seconds` of a clean start; must not fall.
    fn pages(&self, seconds: f64) -> f64;
    /// Pages written at all in the long run; infinite where that is not known.
    fn working_set(&self) -> f64;
}

/// Distinct pages written within a time.
#[derive(Debug, Clone)]
pub enum Dirty {
    /// Nothing is written.
    Idle,
    /// `min(W, r t)`.
    Constant {
        /// Writes per second.
        rate: f64,
        /// Pages of the working set.
        working_set: f64,
    },
    /// `W (1 - exp(-r t / W))`.
    Uniform {
        /// Writes per second.
        rate: f64,
        /// Pages of the working set.
        working_set: f64,
    },
    /// Two classes of pages.
    HotCold {
        /// Writes per second.
        rate: f64,
        /// Pages of the working set, the hot ones among them.
        working_set: f64,
        /// Hot pages.
        hot: f64,
        /// Share of the writes that goes to the hot pages alone; the rest goes to any page.
        share: f64,
    },
    /// mVM's two slopes.
    Mvm {
        /// Hot pages.
        hot: f64,
        /// Seconds until all hot pages are written.
        hot_s: f64,
        /// Pages per second beyond.
        cold_rate: f64,
    },
    /// Points `(seconds, pages)`, ascending, at least two.
    Measured(Arc<[(f64, f64)]>),
    /// Somebody else's function.
    Custom(Arc<dyn DirtyPages>),
}

impl Dirty {
    /// An assumption where nothing is known but the CPU: writes in proportion to its use, anywhere
    /// within a tenth of the `used` pages. `most` is the writes per second at full use (5000 a core
    /// is a usual assumption).
    pub fn from_cpu(utilisation: f64, used: f64, most: f64) -> Self {
        Self::Uniform { rate: most * utilisation, working_set: 0.1 * used }
    }

    /// Distinct pages written within `t` seconds of a clean start.
    pub fn pages(&self, t: f64) -> f64 {
        match self {
            Self::Idle => 0.0,
            Self::Constant { rate, working_set } => working_set.min(rate * t),
            Self::Uniform { rate, working_set } => saturating(*working_set, *rate, t),
            Self::HotCold { rate, working_set, hot, share } => {
                let (hot_rate, any_rate) = (share * rate, (1.0 - share) * rate);
                let any = any_rate / working_set;
                let warm =
                    if *hot > 0.0 { hot * -f64::exp_m1(-(hot_rate / hot + any) * t) } else { 0.0 };
                warm + (working_set - hot) * -f64::exp_m1(-any * t)
            }
            Self::Mvm { hot, hot_s, cold_rate } => {
                hot * (t / hot_s).min(1.0) + cold_rate * (t - hot_s).max(0.0)
            }
            Self::Measured(points) => interpolated(points, t),
            Self::Custom(function) => function.pages(t),
        }
    }

    /// Pages written at all in the long run, as far as they saturate.
    pub fn working_set(&self) -> f64 {
        match self {
            Self::Idle => 0.0,
            Self::Constant { working_set, .. }
            | Self::Uniform { working_set, .. }
            | Self::HotCold { working_set, .. } => *working_set,
            Self::Mvm { hot, .. } => *hot,
            Self::Measured(points) => points.last().map_or(0.0, |&(_, pages)| pages),
            Self::Custom(function) => function.working_set(),
        }
    }

    /// Pages per second right after a clean start.
    pub fn rate(&self) -> f64 {
        match self {
            Self::Idle => 0.0,
            Self::Constant { rate, .. }
            | Self::Uniform { rate, .. }
            | Self::HotCold { rate, .. } => *rate,
            Self::Mvm { hot, hot_s, .. } => hot / hot_s,
            Self::Measured(_) | Self::Custom(_) => self.pages(1e-3) / 1e-3,
        }
    }

    /// Where the function falls: `(seconds, pages before, pages there)`, of a measured or custom
    /// one. The built-in ones cannot.
    pub fn first_fall(&self) -> Option<(f64, f64, f64)> {
        if !matches!(self, Self::Measured(_) | Self::Custom(_)) {
            return None;
        }
        let mut before = self.pages(0.0);
        (0..=PROBES).map(|k| SHORTEST_S * 2.0_f64.powf(f64::from(k) / 4.0)).find_map(|t| {
            let pages = self.pages(t);
            let fall = (pages.is_nan() || pages < before).then_some((t, before, pages));
            before = pages;
            fall
        })
    }
}

/// Times at which a function that is not ours is probed: from 1 ms to about 17 minutes.
const PROBES: i32 = 80;
const SHORTEST_S: f64 = 1e-3;

fn saturating(working_set: f64, rate: f64, t: f64) -> f64 {
    if working_set > 0.0 { working_set * -f64::exp_m1(-rate * t / working_set) } else { 0.0 }
}

/// Left of the first point the line through the first two, but never below 0; right of the last
/// one the last slope.
fn interpolated(points: &[(f64, f64)], t: f64) -> f64 {
    if points.len() < 2 {
        return 0.0;
    }
    let after = points.partition_point(|&(at, _)| at < t).clamp(1, points.len() - 1);
    let ((t0, d0), (t1, d1)) = (points[after - 1], points[after]);
    (d0 + (d1 - d0) * (t - t0) / (t1 - t0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    /// 100 pages: 50/s give 50 after 1 s and 100 after 3 s; 100 (1 - e^-0.5) = 39.3469 uniformly.
    #[test]
    fn constant_and_uniform_writes_saturate() {
        let constant = Dirty::Constant { rate: 50.0, working_set: 100.0 };
        assert_eq!([constant.pages(1.0), constant.pages(3.0)], [50.0, 100.0]);
        let uniform = Dirty::Uniform { rate: 50.0, working_set: 100.0 };
        near(uniform.pages(1.0), 39.346_934_028_736_66);
    }

    /// 90 % of 100 writes/s on 10 pages, 10 % on any of 100: hot 10 (1 - e^-(9 + .1)), rest
    /// 90 (1 - e^-.1).
    #[test]
    fn hot_pages_are_written_first() {
        let hot = Dirty::HotCold { rate: 100.0, working_set: 100.0, hot: 10.0, share: 0.9 };
        near(hot.pages(1.0), 10.0 * (1.0 - (-9.1_f64).exp()) + 90.0 * (1.0 - (-0.1_f64).exp()));
        let mvm = Dirty::Mvm { hot: 10.0, hot_s: 2.0, cold_rate: 3.0 };
        assert_eq!([mvm.pages(1.0), mvm.pages(2.0), mvm.pages(4.0)], [5.0, 10.0, 16.0]);
    }

    /// Points (1, 10), (2, 14): slope 10 - 4 (1 - 0.5) = 8 at 0.5 s, 12 at 1.5 s, 18 at 3 s.
    #[test]
    fn measured_points_are_joined_by_lines() {
        let measured = Dirty::Measured(Arc::from([(1.0, 10.0), (2.0, 14.0)]));
        assert_eq!([0.5, 1.5, 3.0].map(|t| measured.pages(t)), [8.0, 12.0, 18.0]);
        assert!(measured.first_fall().is_none());
    }

    #[derive(Debug)]
    struct Falling;
    impl DirtyPages for Falling {
        fn pages(&self, seconds: f64) -> f64 {
            if seconds < 5.0 { seconds } else { 1.0 }
        }
        fn working_set(&self) -> f64 {
            5.0
        }
    }

    #[test]
    fn a_function_that_falls_is_found() {
        let (at, before, there) = Dirty::Custom(Arc::new(Falling)).first_fall().expect("it falls");
        assert!(at >= 5.0 && before > there && there == 1.0);
    }
}
