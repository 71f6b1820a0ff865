//! Detectors whose statistic is a weighted sum of a host's past load.
//!
//! ```text
//! overloaded <=> sum a_i h_i + m sum b_i h_i >= limit        i = 1..n, the latest n samples
//! overloaded <=> u > threshold                               while the past is shorter than n
//! ```
//!
//! `h`, `u`: past and present load (fractions of capacity), `m`: whole sampling intervals that
//! cover the longest copy from the host. The load of a host is the sum of its VMs' loads, so both
//! sums are sums over its VMs: they are kept per host, and "would it be overloaded with this VM?"
//! costs a few additions instead of a new history. Verdicts within a hair of the limit, where the
//! order of the additions matters, are left to the detector itself.

use super::Verdict;

/// Far above the rounding errors of any order of additions, as a fraction of capacity.
const TOO_CLOSE: f64 = 1e-9;

/// The weights of a linear statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// `a`, oldest first.
    pub level: Vec<f64>,
    /// `b`, as many.
    pub trend: Vec<f64>,
    /// From which value on a host is overloaded.
    pub limit: f64,
}

/// What a linear detector looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// The statistic of the past; `None` for a detector that looks at the present only.
    pub line: Option<Line>,
    /// The limit on the present load where the past is too short, if there is one.
    pub threshold: Option<f64>,
}

/// The two sums of a VM, or of all VMs of a host, in MIPS.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sums {
    /// `sum a_i h_i`.
    pub level: f64,
    /// `sum b_i h_i`.
    pub trend: f64,
}

impl std::ops::Add for Sums {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { level: self.level + other.level, trend: self.trend + other.trend }
    }
}

/// A host about to be judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glance {
    /// The sums of its VMs.
    pub sums: Sums,
    /// What they ask for now, MIPS.
    pub requested: f64,
    /// Length of its past.
    pub length: usize,
    /// Sampling intervals that the longest copy takes, not rounded.
    pub copy_intervals: f64,
    /// Its capacity, MIPS.
    pub capacity: f64,
}

impl Linear {
    /// The sums of a VM of `mips` whose utilisation was `past`, oldest first.
    pub fn sums(&self, past: &[f64], mips: f64) -> Sums {
        let Some(line) = &self.line else { return Sums::default() };
        let points = line.level.len().min(past.len());
        let (levels, trends) = (latest(&line.level, points), latest(&line.trend, points));
        let (mut level, mut trend) = (0.0, 0.0);
        for ((a, b), u) in levels.iter().zip(trends).zip(latest(past, points)) {
            level += a * u;
            trend += b * u;
        }
        Sums { level: level * mips, trend: trend * mips }
    }

    /// The verdict, or `None` where it is too close to call or not for this detector to say.
    #[inline]
    pub fn judge(&self, host: Glance) -> Option<Verdict> {
        let excess = match &self.line {
            Some(line) if host.length >= line.level.len() => {
                let ahead = host.copy_intervals.ceil().max(1.0);
                host.sums.level + host.sums.trend * ahead - line.limit * host.capacity
            }
            _ => host.requested - self.threshold? * host.capacity,
        };
        let close = TOO_CLOSE * host.capacity;
        match excess {
            _ if excess > close => Some(Verdict::Overloaded),
            _ if excess < -close => Some(Verdict::Normal),
            _ => None,
        }
    }
}

/// The last `count` of `values`, which has as many.
#[inline]
fn latest(values: &[f64], count: usize) -> &[f64] {
    &values[values.len() - count..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{HostLoad, Lr, OverloadDetector, Thr, Weights, WithFallback};
    use crate::random::{below, stream};

    /// Two VMs of 1000 and 500 MIPS on 1600: the sums of the VMs are those of the host.
    #[test]
    fn sums_of_vms_judge_a_host_as_its_own_history_does() {
        let mut seen = [0, 0];
        for weights in [Weights::None, Weights::Tricube] {
            let thr = Box::new(Thr { threshold: 0.7 });
            let lr = Box::new(Lr { safety: 1.2, weights });
            let mut detector = WithFallback::new(lr, thr);
            let linear = detector.linear().unwrap();
            let mut draws = stream(7, "test");
            for case in 0..400 {
                let length = if case % 5 == 0 { 9 } else { 14 };
                let mut past = || -> Vec<f64> {
                    (0..length).map(|_| below(1500, &mut draws) as f64 / 1000.0).collect()
                };
                let (a, b) = (past(), past());
                let history: Vec<f64> =
                    a.iter().zip(&b).map(|(a, b)| (a * 1000.0 + b * 500.0) / 1600.0).collect();
                let now = *history.last().unwrap();
                let host = Glance {
                    sums: linear.sums(&a, 1000.0) + linear.sums(&b, 500.0),
                    requested: now * 1600.0,
                    length,
                    copy_intervals: 1.4,
                    capacity: 1600.0,
                };
                let copy_intervals = 1.4;
                let load = HostLoad { copy_intervals, ..HostLoad::alone(now, &history) };
                let verdict = detector.assess(load).unwrap();
                assert_eq!(linear.judge(host), Some(verdict), "case {case}");
                seen[usize::from(verdict == Verdict::Overloaded)] += 1;
            }
        }
        assert!(seen.iter().all(|&verdicts| verdicts > 100), "{seen:?}");
    }

    /// Exactly at the limit the order of additions decides: only the detector may.
    #[test]
    fn a_verdict_on_the_edge_is_left_to_the_detector() {
        let linear = Thr { threshold: 0.5 }.linear().unwrap();
        let at = |requested| {
            let (sums, copy_intervals, capacity) = (Sums::default(), 1.0, 1000.0);
            linear.judge(Glance { sums, requested, length: 0, copy_intervals, capacity })
        };
        assert_eq!(at(500.0 + 1e-9), None);
        assert_eq!((at(501.0), at(499.0)), (Some(Verdict::Overloaded), Some(Verdict::Normal)));
    }
}
