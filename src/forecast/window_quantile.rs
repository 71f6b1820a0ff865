//! The quantiles of the latest `w` samples stand for those of what comes; the point is the median.

use super::asked::Asked;
use super::bank::Model;
use super::sorted::Ordered;

/// The quantiles of a window of `W` samples.
#[derive(Debug, Clone)]
pub struct WindowQuantile<const W: usize> {
    asked: Asked,
}

impl<const W: usize> WindowQuantile<W> {
    /// The quantiles as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl<const W: usize> Model for WindowQuantile<W> {
    type State = Ordered<W>;
    fn state(&self) -> Ordered<W> {
        Ordered::new()
    }
    fn update(&self, state: &mut Ordered<W>, value: f32) {
        state.push(value);
    }
    fn predict(&self, state: &Ordered<W>, row: &mut [f32]) {
        for cells in row.chunks_exact_mut(self.asked.per_horizon()) {
            cells[0] = state.sorted.median();
            for (cell, &level) in cells[1..].iter_mut().zip(&self.asked.quantiles) {
                *cell = state.sorted.quantile(level);
            }
        }
    }
    fn has_quantiles(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// Of 0 .1 ... .5 the median is .25 and the 0.9 quantile .4 + .5 * .1.
    #[test]
    fn quantiles_are_those_of_the_window() {
        let asked = Asked { quantiles: vec![0.5, 0.9], horizons: vec![3], ..Asked::default() };
        let values = [0.5, 0.1, 0.0, 0.2, 0.4, 0.3];
        let row = row_after(WindowQuantile::<6>::new(&asked), &asked, &values);
        let expected = [0.25, 0.25, 0.45];
        assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{row:?}");
    }
}
