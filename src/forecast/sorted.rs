//! The values of a sliding window in order, at the cost of one pass per sample.

/// At most `N` values, ascending.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sorted<const N: usize> {
    values: [f32; N],
    len: u16,
}

impl<const N: usize> Default for Sorted<N> {
    fn default() -> Self {
        Self { values: [f32::INFINITY; N], len: 0 }
    }
}

impl<const N: usize> Sorted<N> {
    /// Adds `value`; `leaving` is a value that falls out, needed once `N` are there.
    #[inline]
    pub(super) fn slide(&mut self, value: f32, leaving: Option<f32>) {
        let len = usize::from(self.len);
        match leaving {
            Some(old) => {
                let from = rank(&self.values[..len], old);
                let to = rank(&self.values[..len], value);
                if to > from {
                    self.values.copy_within(from + 1..to, from);
                    self.values[to - 1] = value;
                } else {
                    self.values.copy_within(to..from, to + 1);
                    self.values[to] = value;
                }
            }
            None => {
                let to = rank(&self.values[..len], value);
                self.values.copy_within(to..len, to + 1);
                self.values[to] = value;
                self.len += 1;
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The quantile at `level`, linear between neighbours (type 7 of Hyndman and Fan, 1996); 0 of
    /// nothing.
    #[inline]
    pub(super) fn quantile(&self, level: f32) -> f32 {
        if self.len == 0 {
            return 0.0;
        }
        let last = usize::from(self.len) - 1;
        let at = level * last as f32;
        let low = (at as usize).min(last);
        let (below, above) = (self.values[low], self.values[(low + 1).min(last)]);
        below + (at - low as f32) * (above - below)
    }

    /// The middle.
    #[inline]
    pub(super) fn median(&self) -> f32 {
        self.quantile(0.5)
    }
}

/// A window in order of time and in order of size.
#[derive(Debug, Clone)]
pub struct Ordered<const W: usize> {
    ring: [f32; W],
    next: u16,
    pub(super) sorted: Sorted<W>,
}

impl<const W: usize> Ordered<W> {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { ring: [0.0; W], next: 0, sorted: Sorted::default() }
    }

    /// Takes the next sample.
    #[inline]
    pub(super) fn push(&mut self, value: f32) {
        let at = usize::from(self.next);
        let leaving = (self.sorted.len() == W).then_some(self.ring[at]);
        self.sorted.slide(value, leaving);
        self.ring[at] = value;
        self.next = if at + 1 == W { 0 } else { self.next + 1 };
    }
}

/// How many of `values` are below `value`; counted without branches, as windows are short.
#[inline]
fn rank(values: &[f32], value: f32) -> usize {
    values.iter().map(|&other| u32::from(other < value)).sum::<u32>() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    #[test]
    fn a_sliding_window_stays_sorted_with_ties() {
        let (mut sorted, mut draws) = (Sorted::<12>::default(), stream(1, "test"));
        let mut all: Vec<f32> = Vec::new();
        for _ in 0..2000 {
            let value = below(7, &mut draws) as f32;
            let leaving = (all.len() >= 12).then(|| all[all.len() - 12]);
            all.push(value);
            sorted.slide(value, leaving);
            let mut window = all[all.len().saturating_sub(12)..].to_vec();
            window.sort_by(f32::total_cmp);
            assert_eq!(sorted.values[..sorted.len()], window);
        }
    }

    /// 1 2 3 4: the median is 2.5, the 0.9 quantile 3 + 0.7 * 1.
    #[test]
    fn quantiles_are_linear_between_neighbours() {
        let mut sorted = Sorted::<4>::default();
        assert_eq!(sorted.median(), 0.0);
        [4.0, 1.0, 3.0, 2.0].iter().for_each(|&v| sorted.slide(v, None));
        assert_eq!(sorted.median(), 2.5);
        assert!((sorted.quantile(0.9) - 3.7).abs() < 1e-6);
    }
}
