//! The median of the latest `w` samples: the mean's answer to bursts.

use super::asked::Asked;
use super::bank::Model;
use super::sorted::Sorted;

/// The median of a window of `W` samples.
#[derive(Debug, Clone)]
pub struct WindowMedian<const W: usize> {
    asked: Asked,
}

/// A window in order of time and in order of size.
#[derive(Debug, Clone)]
pub struct Ordered<const W: usize> {
    ring: [f32; W],
    next: u16,
    pub(super) sorted: Sorted<W>,
}

impl<const W: usize> Ordered<W> {
    pub(super) fn new() -> Self {
        Self { ring: [0.0; W], next: 0, sorted: Sorted::default() }
    }
    #[inline]
    pub(super) fn push(&mut self, value: f32) {
        let at = usize::from(self.next);
        let leaving = (self.sorted.len() == W).then_some(self.ring[at]);
        self.sorted.slide(value, leaving);
        self.ring[at] = value;
        self.next = if at + 1 == W { 0 } else { self.next + 1 };
    }
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
