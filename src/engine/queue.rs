//! The event queue and its tie rule.
//!
//! Events are ordered by (time, phase, sequence number); the phases of one instant are finish,
//! release, (leases,) sample, decide. So a migration that ends exactly when a sample arrives is
//! over before it is seen.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::clock::Moment;
use crate::id::{HostId, VmId};
use crate::migrate::TransferId;
use crate::migrate::failure::Part;

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A leg of a migration is complete, if its revision still holds.
    LegEnds(TransferId, u32),
    /// Something of the migration in that row of the record fails.
    Fails(TransferId, usize, Part),
    /// A VM that crashed runs again.
    Restart(VmId),
    /// A host that was shutting down is off.
    HostOff(HostId),
    /// A host that was waking is on.
    HostOn(HostId),
    /// An outage is known from now on.
    Closes(usize),
    /// An outage begins.
    Breaks(usize),
    /// An outage is over.
    Mends(usize),
    /// Hosts are looked for, for VMs whose host failed.
    Rescue,
    /// A VM whose host failed has booted elsewhere.
    Boots(VmId),
    /// The stage of provisioning in that row of the record is over.
    StageEnds(VmId, usize),
    /// Hosts are chosen for promised starts that are near.
    Prepare,
    /// The power cap is another one.
    CapChanges,
    /// A sample arrives.
    Sample(usize),
    /// Policies decide.
    Decide(usize),
    /// The accounting window closes.
    End,
}

impl Event {
    /// Whether a leg of a migration ends.
    pub fn is_leg_end(self) -> bool {
        matches!(self, Self::LegEnds(..))
    }

    /// Whether it comes before what happens to leases at the same instant.
    pub fn comes_before_leases(self) -> bool {
        self.phase() < 2
    }

    fn phase(self) -> u8 {
        match self {
            Self::LegEnds(..) => 0,
            Self::HostOff(_) | Self::HostOn(_) | Self::Fails(..) | Self::Restart(_) => 1,
            Self::Closes(_) | Self::Breaks(_) | Self::Mends(_) | Self::Rescue | Self::Boots(_) => 1,
            Self::Prepare | Self::StageEnds(..) | Self::CapChanges => 1,
            Self::Sample(_) | Self::End => 2,
            Self::Decide(_) => 3,
        }
    }
}

/// An event with its place in the order.
#[derive(Debug, Clone, Copy)]
struct Scheduled {
    at: Moment,
    sequence: u64,
    event: Event,
}

impl Scheduled {
    fn key(&self) -> (crate::time::Instant, u8, u64) {
        (self.at.instant, self.event.phase(), self.sequence)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Future events, the next one first.
#[derive(Debug, Default)]
pub struct EventQueue {
    heap: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
}

impl EventQueue {
    /// Adds `event` at `at`.
    pub fn push(&mut self, at: Moment, event: Event) {
        let sequence = self.scheduled;
        self.scheduled += 1;
        self.heap.push(Reverse(Scheduled { at, sequence, event }));
    }

    /// Takes the next event out.
    pub fn pop(&mut self) -> Option<(Moment, Event)> {
        self.heap.pop().map(|Reverse(next)| (next.at, next.event))
    }

    /// When the next event is due and which one it is.
    pub fn peek(&self) -> Option<(Moment, Event)> {
        self.heap.peek().map(|Reverse(next)| (next.at, next.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    #[test]
    fn a_copy_that_ends_with_a_sample_is_over_before_it_is_seen() {
        let at = |instant| Moment { instant, seconds: instant.seconds() };
        let mut queue = EventQueue::default();
        queue.push(at(Instant(5)), Event::Decide(1));
        queue.push(at(Instant(5)), Event::Sample(1));
        queue.push(at(Instant(5)), Event::HostOn(HostId(0)));
        queue.push(at(Instant(5)), Event::LegEnds(7, 0));
        queue.push(at(Instant(5)), Event::LegEnds(3, 0));
        queue.push(at(Instant(4)), Event::End);
        let order: Vec<Event> = std::iter::from_fn(|| queue.pop()).map(|(_, e)| e).collect();
        assert_eq!(order[0], Event::End);
        assert_eq!(order[1..3], [Event::LegEnds(7, 0), Event::LegEnds(3, 0)]);
        assert_eq!(order[3..], [Event::HostOn(HostId(0)), Event::Sample(1), Event::Decide(1)]);
    }
}
