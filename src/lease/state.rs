//! Which states may follow which: the life of a lease as a table.
//!
//! ```text
//! new -> pending -> rejected | queued | scheduled
//! queued -> scheduled -> [preparing ->] ready -> active -> done
//! active -> suspending -> suspended-pending -> suspended-queued -> suspended-scheduled
//!        -> resuming -> resumed-ready -> active
//! ```
//!
//! Who has a place may lose it: a lease that has not been suspended returns to the queue (or to
//! `pending`, to be placed again at once), a suspended one to `suspended-queued` (or
//! `suspended-pending`). Any lease that is not final may be cancelled or fail.
//!
//! Source: Haizea 1.1, lease states.

use crate::model::lease_record::LeaseState;

/// Whether a lease may go from `from` to `to`.
pub fn is_legal(from: LeaseState, to: LeaseState) -> bool {
    use LeaseState::{
        Active, Cancelled, Done, Failed, New, Pending, Preparing, Queued, Ready, Rejected,
        ResumedReady, Resuming, Scheduled, SuspendedPending, SuspendedQueued, SuspendedScheduled,
        Suspending,
    };
    if matches!(to, Cancelled | Failed) {
        return !from.is_final();
    }
    match from {
        New => to == Pending,
        Pending => matches!(to, Rejected | Queued | Scheduled | Ready),
        Queued => matches!(to, Scheduled | Ready),
        Scheduled => matches!(to, Preparing | Ready | Active | Queued | Pending),
        Preparing => matches!(to, Ready | Active | Queued | Pending),
        Ready => matches!(to, Active | Queued | Pending),
        Active => matches!(to, Done | Suspending | Queued),
        Suspending => to == SuspendedPending,
        SuspendedPending => matches!(to, SuspendedQueued | SuspendedScheduled),
        SuspendedQueued => to == SuspendedScheduled,
        SuspendedScheduled => matches!(to, Resuming | SuspendedQueued | SuspendedPending),
        Resuming => matches!(to, ResumedReady | Queued),
        ResumedReady => matches!(to, Active | Queued),
        Rejected | Done | Cancelled | Failed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_the_end_and_nothing_skips_the_queue() {
        use LeaseState::{Active, Cancelled, Done, New, Queued, Rejected, SuspendedQueued};
        for end in [Done, Rejected, Cancelled] {
            for next in [Queued, Active, Done, Cancelled] {
                assert!(!is_legal(end, next));
            }
        }
        assert!(!is_legal(New, Active));
        assert!(!is_legal(Queued, Active), "a place comes first");
        assert!(!is_legal(SuspendedQueued, Active), "memory comes first");
        assert!(is_legal(Queued, Cancelled));
    }
}
