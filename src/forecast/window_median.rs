//! The median of the latest `w` samples: the mean's answer to bursts.

use super::asked::Asked;
use super::bank::Model;
use super::sorted::Ordered;

/// The median of a window of `W` samples.
#[derive(Debug, Clone)]
pub struct WindowMedian<const W: usize> {
    asked: Asked,
}

impl<const W: usize> WindowMedian<W> {
    /// The median as the answer to what is asked.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone() }
    }
}

impl<const W: usize> Model for WindowMedian<W> {
    type State = Ordered<W>;
    fn state(&self) -> Ordered<W> {
        Ordered::new()
    }
    fn update(&self, state: &mut Ordered<W>, value: f32) {
        state.push(value);
    }
    fn predict(&self, state: &Ordered<W>, row: &mut [f32]) {
        self.asked.constant(state.sorted.median(), row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// Of .9 .1 .1 .2 .8 .4 .6 the latest six are .1 .1 .2 .4 .6 .8 in order: median .3.
    #[test]
    fn the_median_is_that_of_the_latest_samples() {
        let asked = Asked { quantiles: vec![], min_history: 1, ..Asked::default() };
        let values = [0.9, 0.1, 0.1, 0.2, 0.8, 0.4, 0.6];
        let row = row_after(WindowMedian::<6>::new(&asked), &asked, &values);
        assert!((row[0] - 0.3).abs() < 1e-6);
    }
}
