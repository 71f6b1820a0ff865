//! Named, seeded streams of randomness: `stream(seed, "select.rs")`.
//!
//! Each consumer draws from a stream of its own, so that adding a draw in one policy never changes
//! what another sees. The generator is `ChaCha8`, whose output is fixed by its specification on
//! every platform; the key is the BLAKE3 hash of name and seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A reproducible random stream.
pub type Stream = ChaCha8Rng;

/// The stream `name` of the run with seed `seed`.
///
/// ```
/// use rand::Rng;
/// let mut a = galerna::random::stream(7, "select.rs");
/// let mut b = galerna::random::stream(7, "select.rs");
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
pub fn stream(seed: u64, name: &str) -> Stream {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(name.as_bytes());
    Stream::from_seed(*hasher.finalize().as_bytes())
}

/// A permutation of `0..len` drawn from `stream` (Fisher and Yates).
pub fn permutation(len: usize, stream: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, below(last + 1, stream));
    }
    order
}

/// A uniform draw from `0..bound` by rejection, so that it does not depend on a library's version.
///
/// Panics when `bound` is 0: there is nothing to draw from.
pub fn below(bound: usize, stream: &mut Stream) -> usize {
    use rand::Rng;
    assert!(bound > 0, "a draw needs at least one outcome");
    let bound = bound as u64;
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let draw = stream.next_u64();
        if draw < fair {
            return (draw % bound) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_seeds_separate_streams() {
        let draws = |seed, name| permutation(20, &mut stream(seed, name));
        assert_eq!(draws(1, "a"), draws(1, "a"));
        assert_ne!(draws(1, "a"), draws(1, "b"));
        assert_ne!(draws(1, "a"), draws(2, "a"));
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = permutation(100, &mut stream(3, "test"));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
