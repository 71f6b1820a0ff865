//! The largest of the latest `w` samples: a forecast that is rarely too low.

use super::asked::Asked;
use super::bank::Model;

/// The largest value of a window of `W` samples.
#[derive(Debug, Clone)]
pub struct WindowMax<const W: usize> {
    asked: Asked,
}

impl<const W: usize> WindowMax<W> {
    /// The maximum as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl<const W: usize> Model for WindowMax<W> {
    type State = ([f32; W], u16);
    fn state(&self) -> Self::State {
        ([0.0; W], 0)
    }
    fn update(&self, (ring, next): &mut Self::State, value: f32) {
        ring[usize::from(*next)] = value;
        *next = if usize::from(*next) + 1 == W { 0 } else { *next + 1 };
    }
    fn predict(&self, (ring, _): &Self::State, row: &mut [f32]) {
        self.asked.constant(ring.iter().copied().fold(0.0, f32::max), row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    #[test]
    fn a_peak_is_forgotten_after_the_window() {
        let asked = Asked { quantiles: vec![], min_history: 1, ..Asked::default() };
        let after = |values: &[f32]| row_after(WindowMax::<6>::new(&asked), &asked, values)[0];
        assert_eq!(after(&[0.9, 0.1, 0.1, 0.2, 0.3, 0.1]), 0.9);
        assert_eq!(after(&[0.9, 0.1, 0.1, 0.2, 0.3, 0.1, 0.1]), 0.3);
    }
}
