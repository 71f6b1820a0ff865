//! The serial list of transfers of a repository: planned and running, no two at one time.

use crate::id::LeaseId;
use crate::time::{Instant, Span};

/// Names a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub u32);

/// A VM that gets its image by a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rider {
    /// Whose VM.
    pub lease: LeaseId,
    /// Which of its VMs.
    pub vm: u32,
    /// To which host.
    pub host: u32,
}

/// One image on its way to some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Its name.
    pub id: TransferId,
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// Which image.
    pub image: u32,
    /// Its size, MB.
    pub size: i64,
    /// Who caused it.
    pub first: LeaseId,
    /// Whom it serves.
    pub riders: Vec<Rider>,
    /// Whether it runs.
    pub started: bool,
}

/// Transfers by start.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    transfers: Vec<Transfer>,
    named: u32,
}

impl Repository {
    /// Transfers, planned and running, by start.
    pub fn transfers(&self) -> &[Transfer] {
        &self.transfers
    }

    /// Adds a transfer and names it.
    pub fn add(&mut self, mut transfer: Transfer) -> TransferId {
        let id = TransferId(self.named);
        self.named += 1;
        transfer.id = id;
        let at = self.transfers.partition_point(|other| other.start <= transfer.start);
        self.transfers.insert(at, transfer);
        id
    }

    /// Takes out a transfer that is over, or that nobody needs.
    pub fn take(&mut self, id: TransferId) -> Option<Transfer> {
        let at = self.transfers.iter().position(|transfer| transfer.id == id)?;
        Some(self.transfers.remove(at))
    }

    /// The transfer called `id`, unless it is over.
    pub fn transfer_mut(&mut self, id: TransferId) -> Option<&mut Transfer> {
        self.transfers.iter_mut().find(|transfer| transfer.id == id)
    }

    /// Takes `lease` off all transfers; those that serve nobody any more are taken out and named.
    pub fn forget(&mut self, lease: LeaseId) -> Vec<TransferId> {
        let mut empty = Vec::new();
        self.transfers.retain_mut(|transfer| {
            let before = transfer.riders.len();
            transfer.riders.retain(|rider| rider.lease != lease);
            let deserted = before > 0 && transfer.riders.is_empty();
            if deserted {
                empty.push(transfer.id);
            }
            !deserted
        });
        empty
    }

    /// When a transfer of length `duration` can start, first come first served: now if that is
    /// possible before all others, else in the first hole, else after all.
    pub fn first_come(&self, now: Instant, duration: Span) -> Instant {
        let Some(first) = self.transfers.first() else { return now };
        if now + duration <= first.start {
            return now;
        }
        let hole = self.transfers.windows(2).find(|pair| pair[0].end + duration <= pair[1].start);
        let before = hole.map_or(self.transfers.last(), |pair| Some(&pair[0]));
        before.map_or(now, |transfer| transfer.end)
    }

    /// The latest start of a transfer of length `duration` that is over by `deadline` (earliest
    /// deadline first); none if there is no hole.
    pub fn just_in_time(&self, deadline: Instant, duration: Span) -> Option<Instant> {
        let latest = Instant(deadline.0 - duration.0);
        let Some(last) = self.transfers.last() else { return Some(latest) };
        if last.end + duration <= deadline {
            return Some(latest);
        }
        for pair in self.transfers.windows(2).rev() {
            let (from, mut until) = (pair[0].end, pair[1].start);
            if from < deadline && deadline <= until {
                until = deadline;
            }
            if from < deadline && from + duration <= until {
                return Some(Instant(until.0 - duration.0));
            }
        }
        (deadline < self.transfers[0].start).then_some(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(busy: &[(i64, i64)]) -> Repository {
        let mut repository = Repository::default();
        for &(start, end) in busy {
            repository.add(Transfer {
                id: TransferId(0),
                start: Instant(start),
                end: Instant(end),
                image: 0,
                size: 1,
                first: LeaseId(0),
                riders: vec![Rider { lease: LeaseId(start as u32), vm: 0, host: 0 }],
                started: false,
            });
        }
        repository
    }

    #[test]
    fn the_first_hole_that_is_long_enough_is_taken() {
        let list = repository(&[(30, 40), (10, 20), (60, 70)]);
        let start = |now, length| list.first_come(Instant(now), Span(length)).0;
        assert_eq!([start(0, 10), start(0, 11), start(5, 10)], [0, 40, 20]);
        assert_eq!([start(5, 20), start(5, 21)], [40, 70]);
    }

    #[test]
    fn a_transfer_with_a_deadline_is_as_late_as_possible() {
        let list = repository(&[(10, 20), (30, 40), (60, 70)]);
        let start = |by, length| list.just_in_time(Instant(by), Span(length)).map(|s| s.0);
        assert_eq!(start(100, 10), Some(90));
        assert_eq!(start(65, 10), Some(50), "it ends where the transfer under way begins");
        assert_eq!(start(55, 10), Some(45));
        assert_eq!(start(45, 10), Some(20), "only 5 are left before 45");
        assert_eq!(start(9, 5), Some(4));
        assert_eq!(start(15, 5), None);
    }

    #[test]
    fn a_transfer_without_riders_is_taken_out() {
        let mut list = repository(&[(10, 20), (30, 40)]);
        assert_eq!(list.forget(LeaseId(30)), [TransferId(1)]);
        assert_eq!(list.transfers().len(), 1);
    }
}
