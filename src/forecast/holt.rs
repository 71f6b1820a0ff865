//! Holt's linear trend, damped.
//!
//! ```text
//! l(t) = a y(t) + (1 - a)(l(t-1) + d b(t-1))
//! b(t) = g (l(t) - l(t-1)) + (1 - g) d b(t-1)
//! y(t + h) = l(t) + (d + d^2 + ... + d^h) b(t)
//! ```
//!
//! `l`: level, `b`: trend per sample, `a`, `g`: gains in (0, 1], `d`: damping in (0, 1]; 1 leaves
//! the trend as it is.
//!
//! Source: Gardner and McKenzie, Management Science 31(10), 1985. On load that is noise around a
//! level a trend does harm beyond one sample (docs/forecasting.md).

use super::asked::Asked;
use super::bank::Model;

/// Holt's method with damping.
#[derive(Debug, Clone)]
pub struct Holt {
    asked: Asked,
    /// `a`, `g`, `d`.
    pub(super) level_gain: f32,
    pub(super) trend_gain: f32,
    pub(super) damping: f32,
}

/// Level and trend.
#[derive(Debug, Clone, Copy)]
pub struct Trend {
    level: f32,
    slope: f32,
}

impl Holt {
    /// Gains `a` and `g`, damping `d`.
    pub fn new(asked: &Asked, level_gain: f32, trend_gain: f32, damping: f32) -> Self {
        Self { asked: asked.clone(), level_gain, trend_gain, damping }
    }
}

impl Model for Holt {
    type State = Option<Trend>;
    fn state(&self) -> Self::State {
        None
    }
    fn update(&self, state: &mut Self::State, value: f32) {
        let Some(Trend { level, slope }) = state else {
            *state = Some(Trend { level: value, slope: 0.0 });
            return;
        };
        let (before, damped) = (*level, self.damping * *slope);
        *level = self.level_gain * value + (1.0 - self.level_gain) * (before + damped);
        *slope = self.trend_gain * (*level - before) + (1.0 - self.trend_gain) * damped;
    }
    fn predict(&self, state: &Self::State, row: &mut [f32]) {
        let Trend { level, slope } = state.unwrap_or(Trend { level: 0.0, slope: 0.0 });
        let each = row.chunks_exact_mut(self.asked.per_horizon());
        for (cells, &horizon) in each.zip(&self.asked.horizons) {
            let (mut factor, mut sum) = (1.0, 0.0);
            for _ in 0..horizon {
                factor *= self.damping;
                sum += factor;
            }
            cells.fill(f32::NAN);
            cells[0] = level + sum * slope;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// a = g = .5, d = .5. y = .2, .4: l = .5 * .4 + .5 * .2 = .3, b = .5 * .1 = .05.
    /// h = 1: .3 + .5 * .05 = .325; h = 2: .3 + .75 * .05 = .3375.
    #[test]
    fn level_and_damped_trend_of_two_samples() {
        let asked =
            Asked { horizons: vec![1, 2], quantiles: vec![], min_history: 1, ..Asked::default() };
        let row = row_after(Holt::new(&asked, 0.5, 0.5, 0.5), &asked, &[0.2, 0.4]);
        assert!((row[0] - 0.325).abs() < 1e-6 && (row[1] - 0.3375).abs() < 1e-6, "{row:?}");
    }
}
