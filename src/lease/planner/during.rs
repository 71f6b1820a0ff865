//! Who is there during an interval: reservations by how long they last and when they start.
//!
//! A reservation that lasts from `2^c` to `2^(c+1)` and overlaps an interval starts at most
//! `2^(c+1)` before it. So a question looks, in each class of durations, at those that start from
//! then on, and meets at most about twice as many as overlap.

use std::collections::BTreeSet;

use super::Reserved;
use crate::time::Instant;

/// Classes of durations, by the position of their highest bit.
const CLASSES: usize = 64;

/// Starts and numbers of reservations, by class of duration.
#[derive(Debug)]
pub(super) struct During {
    classes: Vec<BTreeSet<(Instant, u64)>>,
}

fn class(reserved: &Reserved) -> usize {
    (reserved.end.0.saturating_sub(reserved.start.0).max(1)).ilog2() as usize
}

impl During {
    /// Nobody.
    pub fn new() -> Self {
        Self { classes: vec![BTreeSet::new(); CLASSES] }
    }

    /// Takes `reserved` in.
    pub fn insert(&mut self, reserved: &Reserved) {
        self.classes[class(reserved)].insert((reserved.start, reserved.id));
    }

    /// Takes `reserved` out.
    pub fn remove(&mut self, reserved: &Reserved) {
        self.classes[class(reserved)].remove(&(reserved.start, reserved.id));
    }

    /// Numbers of those that may overlap `[start, end)`: all that do, and some that end before it.
    pub fn candidates(&self, start: Instant, end: Instant) -> impl Iterator<Item = u64> + '_ {
        self.classes.iter().enumerate().flat_map(move |(class, starts)| {
            let longest = 1_i64.checked_shl(class as u32 + 1).filter(|&n| n > 0);
            let from = longest.map_or(i64::MIN, |longest| start.0.saturating_sub(longest));
            starts.range((Instant(from), 0)..(end.max(Instant(from)), 0)).map(|&(_, id)| id)
        })
    }
}
