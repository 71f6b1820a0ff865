//! Draws of a search: from a named stream, cheap enough for every step.

use rand::Rng;

use crate::random::{Stream, stream};

/// Draws from one stream.
pub(super) struct Dice(Stream);

impl Dice {
    /// Those of the stream `name` of `seed`.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self(stream(seed, name))
    }

    /// One of `0..bound`, which is not empty; uniform to one in 2^32 / bound.
    #[inline]
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.0.next_u32()) * bound as u64) >> 32) as usize
    }

    /// One of `list`, if it has any.
    #[inline]
    pub(super) fn one_of(&mut self, list: &[u32]) -> Option<u32> {
        (!list.is_empty()).then(|| list[self.below(list.len())])
    }

    /// A number above 0 and at most 1.
    #[inline]
    pub(super) fn fraction(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 1.0) / 4_294_967_296.0
    }
}
