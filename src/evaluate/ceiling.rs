//! How much of the last value's error can be saved at all, if the series is a level with noise?
//!
//! ```text
//! y = level + noise,  level(t) = level(t-1) + step      s = var(step) / var(noise)
//! r_1 of the differences = -1 / (2 + s)                 K = (-s + sqrt(s^2 + 4 s)) / 2
//! RMSE of the best forecast / RMSE of the last value = 1 / sqrt((1 - K)(2 + s))
//! ```
//!
//! At one step, for Gaussian noise. `r_1`: median over the series of the autocorrelation of the
//! differences at lag 1: -0.5 is pure noise around a level, with a ratio of 0.707; at 0 and above
//! the series is a random walk or smoother, of which this says nothing: 1.
//!
//! Source: Durbin and Koopman, Time Series Analysis by State Space Methods, 2nd ed., 2012, ch. 2.

use serde::Serialize;

use crate::forecast::Panel;
use crate::stats::{autocorrelation, median_in_place};

/// The noise of a trace and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ceiling {
    /// Median autocorrelation of the differences at lag 1.
    pub difference_autocorrelation: f64,
    /// Least possible ratio of RMSE to that of the last value, one step ahead.
    pub rmse_ratio: f64,
}

/// The ceiling of `panel`; `None` where all series are constant.
pub fn ceiling(panel: &Panel) -> Option<Ceiling> {
    let of = |row| {
        let series = panel.series(row);
        let changes: Vec<f64> =
            series.windows(2).map(|pair| f64::from(pair[1]) - f64::from(pair[0])).collect();
        autocorrelation(&changes, 1)
    };
    let mut each: Vec<f64> = (0..panel.vms()).filter_map(of).collect();
    let lag = median_in_place(&mut each)?;
    Some(Ceiling { difference_autocorrelation: lag, rmse_ratio: best_ratio(lag) })
}

fn best_ratio(lag: f64) -> f64 {
    if lag >= 0.0 {
        return 1.0;
    }
    let s = (-1.0 / lag - 2.0).max(0.0);
    let gain = ((s * s + 4.0 * s).sqrt() - s) / 2.0;
    (1.0 / ((1.0 - gain) * (2.0 + s))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pure noise: 1/sqrt 2. r = -1/2.5: s = .5, K = (1.5 - .5)/2 = .5, 1/sqrt(.5 * 2.5) = .894.
    #[test]
    fn the_ceiling_follows_from_the_autocorrelation() {
        assert!((best_ratio(-0.5) - 0.5f64.sqrt()).abs() < 1e-12);
        assert!((best_ratio(-0.4) - 0.8f64.sqrt()).abs() < 1e-12);
        assert_eq!(best_ratio(0.1), 1.0);
    }
}
