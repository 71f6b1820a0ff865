//! The past 96 samples of a VM, in less than 1 KiB: a ring, running sums, sorted windows.
//!
//! ```text
//! mean_w = S_w / n      sd_w^2 = Q_w / n - mean_w^2      n = min(w, samples seen)
//! S_w: sum, Q_w: sum of squares of the latest w samples
//! ```
//!
//! Sums are kept in `f64` and change by one sample at a time.

use super::sorted::Sorted;

/// Samples that a window holds.
pub(super) const LENGTH: usize = 96;

/// Widths of the windows of which sums are kept.
pub(super) const WIDTHS: [usize; 5] = [6, 12, 24, 48, 96];

/// The recent past of one series.
#[derive(Debug, Clone)]
pub struct Window {
    ring: [f32; LENGTH],
    /// Where the next sample goes.
    next: u8,
    /// Samples seen, at most [`LENGTH`].
    len: u8,
    /// Exponentially weighted means with gains 0.1 and 0.3.
    pub(super) smoothed: [f32; 2],
    sums: [(f64, f64); WIDTHS.len()],
    /// Sum of the latest 48 absolute changes.
    change_sum: f64,
    pub(super) latest12: Sorted<12>,
    pub(super) latest48: Sorted<48>,
    pub(super) changes48: Sorted<48>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            ring: [0.0; LENGTH],
            next: 0,
            len: 0,
            smoothed: [0.0; 2],
            sums: [(0.0, 0.0); WIDTHS.len()],
            change_sum: 0.0,
            latest12: Sorted::default(),
            latest48: Sorted::default(),
            changes48: Sorted::default(),
        }
    }
}

impl Window {
    /// How many samples it holds.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sample `lag` before the latest, the oldest where it holds fewer, 0 of nothing.
    #[inline]
    pub fn lag(&self, lag: usize) -> f32 {
        let lag = lag.min(self.len().saturating_sub(1));
        let at = usize::from(self.next) + LENGTH - 1 - lag;
        self.ring[if at >= LENGTH { at - LENGTH } else { at }]
    }

    fn old(&self, lag: usize) -> Option<f32> {
        (self.len() > lag).then(|| self.lag(lag))
    }

    /// Appends a sample, which is finite.
    #[inline]
    pub fn push(&mut self, value: f32) {
        for (sum, width) in self.sums.iter_mut().zip(WIDTHS) {
            let wide = f64::from(value);
            *sum = (sum.0 + wide, sum.1 + wide * wide);
            if self.len as usize >= width {
                let at = usize::from(self.next) + LENGTH - width;
                let old = f64::from(self.ring[if at >= LENGTH { at - LENGTH } else { at }]);
                *sum = (sum.0 - old, sum.1 - old * old);
            }
        }
        if self.len > 0 {
            let change = (value - self.lag(0)).abs();
            let leaving = self.old(48).map(|older| (self.lag(47) - older).abs());
            self.changes48.slide(change, leaving);
            self.change_sum += f64::from(change) - f64::from(leaving.unwrap_or(0.0));
            for (mean, gain) in self.smoothed.iter_mut().zip([0.1, 0.3]) {
                *mean += gain * (value - *mean);
            }
        } else {
            self.smoothed = [value; 2];
        }
        self.remember(value);
    }

    /// Appends a sample for who asks for lags and for quantiles of 12 and 48 samples only: less
    /// work than [`Window::push`]. The two may not be mixed.
    #[inline]
    pub(super) fn remember(&mut self, value: f32) {
        self.latest12.slide(value, self.old(11));
        self.latest48.slide(value, self.old(47));
        self.ring[usize::from(self.next)] = value;
        self.next = if usize::from(self.next) + 1 == LENGTH { 0 } else { self.next + 1 };
        self.len = (self.len + 1).min(LENGTH as u8);
    }

    /// Mean and standard deviation of the latest [`WIDTHS`]`[at]` samples.
    #[inline]
    pub(super) fn moments(&self, at: usize) -> (f32, f32) {
        let count = self.len().min(WIDTHS[at]).max(1) as f64;
        let mean = self.sums[at].0 / count;
        let variance = self.sums[at].1 / count - mean * mean;
        (mean as f32, (variance.max(0.0) as f32).sqrt())
    }

    /// Mean absolute change from sample to sample over the latest 48.
    #[inline]
    pub fn mean_change(&self) -> f32 {
        (self.change_sum.max(0.0) / self.changes48.len().max(1) as f64) as f32
    }

    /// Largest of the latest [`WIDTHS`] samples, each.
    #[inline]
    pub(super) fn maxima(&self) -> [f32; WIDTHS.len()] {
        let (mut maxima, mut from, mut top) = ([0.0; WIDTHS.len()], 0, 0.0);
        for (maximum, width) in maxima.iter_mut().zip(WIDTHS) {
            let to = width.min(self.len());
            // Lags from..to are at most two slices of the ring.
            let end = usize::from(self.next) + LENGTH - from;
            let start = usize::from(self.next) + LENGTH - to.max(from);
            let (start, end) = (start.min(end), end);
            let largest = |slice: &[f32], top: f32| slice.iter().fold(top, |m, &v| m.max(v));
            if end <= LENGTH {
                top = largest(&self.ring[start..end], top);
            } else if start >= LENGTH {
                top = largest(&self.ring[start - LENGTH..end - LENGTH], top);
            } else {
                top = largest(&self.ring[start..], top);
                top = largest(&self.ring[..end - LENGTH], top);
            }
            (*maximum, from) = (top, to.max(from));
        }
        maxima
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    #[test]
    fn running_figures_are_those_of_a_fresh_count() {
        let (mut window, mut draws) = (Window::default(), stream(2, "test"));
        let mut all: Vec<f32> = Vec::new();
        for _ in 0..700 {
            let value = below(101, &mut draws) as f32 / 100.0;
            all.push(value);
            window.push(value);
            let maxima = window.maxima();
            for (at, width) in WIDTHS.into_iter().enumerate() {
                let past = &all[all.len().saturating_sub(width)..];
                let mean = past.iter().sum::<f32>() / past.len() as f32;
                let squares: f32 = past.iter().map(|v| (v - mean) * (v - mean)).sum();
                let sd = (squares / past.len() as f32).sqrt();
                let found = window.moments(at);
                assert!((found.0 - mean).abs() < 1e-5 && (found.1 - sd).abs() < 1e-4);
                assert_eq!(maxima[at], past.iter().copied().fold(0.0, f32::max), "{width}");
            }
            let past = &all[all.len().saturating_sub(49)..];
            let changes: Vec<f32> = past.windows(2).map(|p| (p[1] - p[0]).abs()).collect();
            let mean = changes.iter().sum::<f32>() / changes.len().max(1) as f32;
            assert!((window.mean_change() - mean).abs() < 1e-5);
            assert_eq!(window.lag(3), all[all.len().saturating_sub(4)]);
        }
        assert!(size_of::<Window>() <= 1000, "{}", size_of::<Window>());
    }
}
