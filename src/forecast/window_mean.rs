//! The mean of the latest `w` samples, fewer while the series is young.

use super::asked::Asked;
use super::bank::Model;

/// The mean of a window of `W` samples.
#[derive(Debug, Clone)]
pub struct WindowMean<const W: usize> {
    asked: Asked,
}

/// The window, its sum and how much it holds.
#[derive(Debug, Clone)]
pub struct Sum<const W: usize> {
    ring: [f32; W],
    sum: f64,
    next: u16,
    len: u16,
}

impl<const W: usize> WindowMean<W> {
    /// The mean as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl<const W: usize> Model for WindowMean<W> {
    type State = Sum<W>;
    fn state(&self) -> Sum<W> {
        Sum { ring: [0.0; W], sum: 0.0, next: 0, len: 0 }
    }
    fn update(&self, state: &mut Sum<W>, value: f32) {
        let at = usize::from(state.next);
        // Places not yet written hold 0.
        state.sum += f64::from(value) - f64::from(state.ring[at]);
        state.ring[at] = value;
        state.next = if at + 1 == W { 0 } else { state.next + 1 };
        state.len = (state.len + 1).min(W as u16);
    }
    fn predict(&self, state: &Sum<W>, row: &mut [f32]) {
        self.asked.constant((state.sum / f64::from(state.len.max(1))) as f32, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// Of .9 .1 .2 .3 .4 .5 .6 the latest six have the mean 2.1 / 6 = .35.
    #[test]
    fn old_samples_leave_the_mean() {
        let asked = Asked { quantiles: vec![], min_history: 1, ..Asked::default() };
        let after = |values: &[f32]| row_after(WindowMean::<6>::new(&asked), &asked, values)[2];
        assert!((after(&[0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) - 0.35).abs() < 1e-6);
        assert!((after(&[0.2, 0.4]) - 0.3).abs() < 1e-6);
    }
}
