//! The latest samples of a series, as many as there is room for.

/// A ring of samples.
#[derive(Debug, Clone)]
pub struct Recent {
    ring: Box<[f32]>,
    seen: usize,
}

impl Recent {
    /// A ring for `room` samples.
    pub fn new(room: usize) -> Self {
        Self { ring: vec![0.0; room.max(1)].into(), seen: 0 }
    }
    /// Takes the next sample.
    pub fn push(&mut self, value: f32) {
        self.ring[self.seen % self.ring.len()] = value;
        self.seen += 1;
    }
    /// The samples, oldest first.
    pub fn oldest_first(&self) -> Vec<f64> {
        let (room, kept) = (self.ring.len(), self.seen.min(self.ring.len()));
        (self.seen - kept..self.seen).map(|at| f64::from(self.ring[at % room])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ring_forgets_the_oldest() {
        let mut recent = Recent::new(3);
        [1.0, 2.0].into_iter().for_each(|value| recent.push(value));
        assert_eq!(recent.oldest_first(), [1.0, 2.0]);
        [3.0, 4.0].into_iter().for_each(|value| recent.push(value));
        assert_eq!(recent.oldest_first(), [2.0, 3.0, 4.0]);
    }
}
