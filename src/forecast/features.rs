//! What one model for all series sees of a series.
//!
//! | at | feature |
//! |---|---|
//! | 0 | 1 |
//! | 1-12 | the latest 12 samples, the last one first |
//! | 13-17, 18-22, 23-27 | mean, standard deviation, maximum of the latest 6, 12, 24, 48, 96 |
//! | 28-31 | median and 0.9 quantile of the latest 12, and of the latest 48 |
//! | 32, 33 | mean and median absolute change over the latest 48 |
//! | 34, 35 | exponentially weighted means with gains 0.1 and 0.3 |
//!
//! Windows hold fewer samples while the series is young; lags before its begin are its first value.

use super::window::Window;

/// How many features there are.
pub const FEATURES: usize = 36;

/// The features of `window`.
#[inline]
pub fn features(window: &Window) -> [f32; FEATURES] {
    let mut all = [1.0; FEATURES];
    for (lag, feature) in all[1..13].iter_mut().enumerate() {
        *feature = window.lag(lag);
    }
    let maxima = window.maxima();
    for (at, maximum) in maxima.into_iter().enumerate() {
        (all[13 + at], all[18 + at]) = window.moments(at);
        all[23 + at] = maximum;
    }
    all[28] = window.latest12.median();
    all[29] = window.latest12.quantile(0.9);
    all[30] = window.latest48.median();
    all[31] = window.latest48.quantile(0.9);
    all[32] = window.mean_change();
    all[33] = window.changes48.median();
    all[34..].copy_from_slice(&window.smoothed);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1, 2, 3: mean 2, sd sqrt(2/3), maximum 3, median 2, 0.9 quantile 2.8, changes 1, and
    /// smoothed by .1: 1 -> 1.1 -> 1.29.
    #[test]
    fn the_features_of_three_samples() {
        let mut window = Window::default();
        [1.0, 2.0, 3.0].into_iter().for_each(|value| window.push(value));
        let found = features(&window);
        let expected = [
            (0, 1.0),
            (1, 3.0),
            (3, 1.0),
            (12, 1.0),
            (13, 2.0),
            (18, 0.816_496_6),
            (23, 3.0),
            (28, 2.0),
            (31, 2.8),
            (32, 1.0),
            (34, 1.29),
        ];
        for (at, value) in expected {
            assert!((found[at] - value).abs() < 1e-5, "{at}: {} {value}", found[at]);
        }
    }
}
