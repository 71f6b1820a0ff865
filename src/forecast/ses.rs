//! SES with the gain that has forecast best: simple exponential smoothing, tuned online.
//!
//! ```text
//! m_i(t) = m_i(t-1) + a_i (y(t) - m_i(t-1))
//! L_i(t) = f L_i(t-1) + (y(t) - m_i(t-1))^2      y(t + h) = m_i(t) of the i with the least L_i
//! ```
//!
//! `a_i`: 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1; `f`: 0.99. With Gaussian innovations the gain of
//! least one-step squared error is that of greatest likelihood, and the forecast that of the
//! Kalman filter of a local level.
//!
//! Source: Durbin and Koopman, Time Series Analysis by State Space Methods, 2nd ed., 2012, ch. 2.

use super::asked::Asked;
use super::bank::Model;

/// The gains that run side by side.
pub(super) const GAINS: [f32; 8] = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0];

/// What a squared error counts one sample later.
const KEPT: f32 = 0.99;

/// Simple exponential smoothing by likelihood.
#[derive(Debug, Clone)]
pub struct Ses {
    asked: Asked,
}

/// Levels and discounted squared errors per gain.
#[derive(Debug, Clone, Copy, Default)]
pub struct Levels {
    levels: [f32; GAINS.len()],
    errors: [f32; GAINS.len()],
    begun: bool,
}

impl Levels {
    #[inline]
    pub(super) fn update(&mut self, value: f32) {
        if !self.begun {
            (self.levels, self.begun) = ([value; GAINS.len()], true);
            return;
        }
        for ((level, loss), gain) in self.levels.iter_mut().zip(&mut self.errors).zip(GAINS) {
            let error = value - *level;
            *loss = KEPT * *loss + error * error;
            *level += gain * error;
        }
    }
    /// The level of the best gain; the smaller gain of two alike.
    #[inline]
    pub(super) fn best(&self) -> f32 {
        let mut best = 0;
        for at in 1..GAINS.len() {
            if self.errors[at] < self.errors[best] {
                best = at;
            }
        }
        self.levels[best]
    }
}

impl Ses {
    /// Smoothing as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl Model for Ses {
    type State = Levels;
    fn state(&self) -> Levels {
        Levels::default()
    }
    fn update(&self, state: &mut Levels, value: f32) {
        state.update(value);
    }
    fn predict(&self, state: &Levels, row: &mut [f32]) {
        self.asked.constant(state.best(), row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// A ramp is followed best by the gain 1, an alternation by the least gain: of .4 .6 .4 ... it
    /// stays near its start.
    #[test]
    fn the_gain_fits_the_series() {
        let asked = Asked { quantiles: vec![], min_history: 1, ..Asked::default() };
        let ramp: Vec<f32> = (0..50).map(|k| k as f32 / 100.0).collect();
        assert_eq!(row_after(Ses::new(&asked), &asked, &ramp)[0], 0.49);
        let flips: Vec<f32> = (0..200).map(|k| if k % 2 == 0 { 0.4 } else { 0.6 }).collect();
        let level = row_after(Ses::new(&asked), &asked, &flips)[0];
        assert!((level - 0.5).abs() < 0.02, "{level}");
    }
}
