//! AutoETS: of all exponential smoothings of a series the one with the least AICc, fitted anew at
//! every forecast.
//!
//! ```text
//! y(t) = l(t-1) + b(t-1) + e      l, b: level and trend, each smoothed or absent, damped or not
//! ```
//!
//! Looks at the latest 288 samples; the season is 1. The library is augurs. Quantiles are those of
//! its normal intervals. Where no model can be fitted (a constant series, fewer than 9 samples) the
//! median of the latest 12 samples answers. A fit takes milliseconds: for comparison, not for runs.
//!
//! Source: Hyndman, Koehler, Snyder and Grose, Int. Journal of Forecasting 18(3), 2002.

use augurs::ets::AutoETS;
use augurs::prelude::{Fit, Predict};

use super::asked::Asked;
use super::bank::Model;
use super::recent::Recent;

/// Samples that a model is fitted to.
const LOOKED_AT: usize = 288;

/// The best of all exponential smoothings.
#[derive(Debug, Clone)]
pub struct AutoEts {
    asked: Asked,
}

impl AutoEts {
    /// The search as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl Model for AutoEts {
    type State = Recent;
    fn state(&self) -> Recent {
        Recent::new(LOOKED_AT)
    }
    fn heap_bytes(&self) -> usize {
        LOOKED_AT * size_of::<f32>()
    }
    fn update(&self, state: &mut Recent, value: f32) {
        state.push(value);
    }
    fn predict(&self, state: &Recent, row: &mut [f32]) {
        let past = state.oldest_first();
        if !of_smoothing(&past, &self.asked, row) {
            of_median(&past, row);
        }
    }
    fn has_quantiles(&self) -> bool {
        true
    }
}

/// Writes what the best smoothing of `past` says; false where there is none.
pub(super) fn of_smoothing(past: &[f64], asked: &Asked, row: &mut [f32]) -> bool {
    let flat = past.windows(2).all(|pair| pair[0] == pair[1]);
    let fitted = if flat { None } else { AutoETS::non_seasonal().fit(past).ok() };
    fitted.is_some_and(|fitted| of_intervals(&fitted, asked, row))
}

/// Writes the points and quantiles of a fitted model; false where one is no number.
pub(super) fn of_intervals(fitted: &impl Predict, asked: &Asked, row: &mut [f32]) -> bool {
    let (per, far) = (asked.per_horizon(), asked.farthest());
    let ahead = |at: usize| usize::from(asked.horizons[at]) - 1;
    let Ok(forecast) = fitted.predict(far, None) else { return false };
    for at in 0..asked.horizons.len() {
        row[at * per] = forecast.point.get(ahead(at)).map_or(f32::NAN, |&value| value as f32);
    }
    for (k, &level) in asked.quantiles.iter().enumerate() {
        // An interval of 80 % ends at the quantiles 0.1 and 0.9.
        let inner = f64::from((2.0 * level - 1.0).abs());
        let Ok(forecast) = fitted.predict(far, inner.max(1e-6)) else { return false };
        let Some(ends) = forecast.intervals else { return false };
        let ends = if level < 0.5 { ends.lower } else { ends.upper };
        for at in 0..asked.horizons.len() {
            row[at * per + 1 + k] = ends.get(ahead(at)).map_or(f32::NAN, |&value| value as f32);
        }
    }
    row.iter().all(|value| value.is_finite())
}

/// Fills `row` with the median of the latest 12 of `past`.
pub(super) fn of_median(past: &[f64], row: &mut [f32]) {
    let mut latest = past[past.len().saturating_sub(12)..].to_vec();
    row.fill(crate::stats::median_in_place(&mut latest).unwrap_or(0.0) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// A rising line goes on rising, and noise around a level ends at the level with quantiles on
    /// both sides of it: +-.1 evenly, so .1 and .9 are about 1.28 standard deviations of .058 away.
    #[test]
    fn a_line_goes_on_and_a_level_stays() {
        let asked = Asked { quantiles: vec![0.1, 0.9], cap: 9.0, ..Asked::default() };
        let line: Vec<f32> = (0..100).map(|k| 0.1 + 0.01 * k as f32).collect();
        let row = row_after(AutoEts::new(&asked), &asked, &line);
        assert!((row[0] - 1.10).abs() < 0.01 && (row[6] - 1.21).abs() < 0.03, "{row:?}");
        let level: Vec<f32> =
            (0..288).map(|k| 0.5 + 0.1 * ((k * 7919 % 101) as f32 / 50.0 - 1.0)).collect();
        let row = row_after(AutoEts::new(&asked), &asked, &level);
        assert!((row[0] - 0.5).abs() < 0.05, "{row:?}");
        assert!(row[1] < row[0] - 0.03 && row[2] > row[0] + 0.03, "{row:?}");
    }
}
