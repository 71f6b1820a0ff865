//! EWMA: a mean that forgets.
//!
//! ```text
//! m(t) = m(t-1) + a (y(t) - m(t-1))      y(t + h) = m(t)      a: gain in (0, 1]
//! ```
//!
//! Source: Brown, Statistical Forecasting for Inventory Control, 1959.

use super::asked::Asked;
use super::bank::Model;

/// Exponentially weighted moving average.
#[derive(Debug, Clone)]
pub struct Ewma {
    asked: Asked,
    gain: f32,
}

impl Ewma {
    /// An average with gain `gain` in (0, 1].
    pub fn new(asked: &Asked, gain: f32) -> Self {
        Self { asked: asked.clone(), gain }
    }
}

impl Model for Ewma {
    type State = Option<f32>;
    fn state(&self) -> Option<f32> {
        None
    }
    fn update(&self, state: &mut Option<f32>, value: f32) {
        let mean = state.get_or_insert(value);
        *mean += self.gain * (value - *mean);
    }
    fn predict(&self, state: &Option<f32>, row: &mut [f32]) {
        self.asked.constant(state.unwrap_or(0.0), row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// .4, then .4 + .5 (.8 - .4) = .6, then .6 + .5 (.2 - .6) = .4.
    #[test]
    fn the_mean_follows_by_its_gain() {
        let asked = Asked { quantiles: vec![], min_history: 1, ..Asked::default() };
        let row = row_after(Ewma::new(&asked, 0.5), &asked, &[0.4, 0.8, 0.2]);
        assert!((row[0] - 0.4).abs() < 1e-6);
    }
}
