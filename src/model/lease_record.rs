//! What became of leases: their states, how each fared, and what was held when by whom.
//!
//! Source: Haizea 1.1, lease states and accounting.

use crate::id::LeaseId;
use crate::time::{Instant, Span};

use super::lease::Amounts;

/// Where a lease is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseState {
    /// Known, not yet asked for.
    New,
    /// Asked for; or taken off its place to be placed again.
    Pending,
    /// Refused.
    Rejected,
    /// Waiting for a place.
    Queued,
    /// Has a place.
    Scheduled,
    /// Its own image transfer runs.
    Preparing,
    /// Could start.
    Ready,
    /// Running.
    Active,
    /// Its memory is being saved.
    Suspending,
    /// Saved; or taken off its place to be placed again.
    SuspendedPending,
    /// Saved, waiting for a place.
    SuspendedQueued,
    /// Saved, has a place.
    SuspendedScheduled,
    /// Its memory is being loaded.
    Resuming,
    /// Loaded, could run.
    ResumedReady,
    /// Over as agreed.
    Done,
    /// Withdrawn.
    Cancelled,
    /// Could not be served for a fault of the site.
    Failed,
}

impl LeaseState {
    /// Whether nothing happens to the lease any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Done | Self::Cancelled | Self::Failed)
    }

    /// Whether its memory is saved and not being loaded.
    pub fn is_suspended(self) -> bool {
        matches!(self, Self::SuspendedPending | Self::SuspendedQueued | Self::SuspendedScheduled)
    }
}

/// How a lease fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOutcome {
    /// Its state at the end.
    pub state: LeaseState,
    /// When its VMs first ran.
    pub first_start: Option<Instant>,
    /// When its VMs last started afresh, which is what it waited for.
    pub last_start: Option<Instant>,
    /// When it was over.
    pub end: Option<Instant>,
    /// How long its VMs ran for its result.
    pub run_time: Span,
    /// How often it was saved.
    pub suspensions: u32,
    /// How often it was loaded.
    pub resumptions: u32,
    /// Migrations of saved memory that began.
    pub memory_migrations: u32,
    /// Migrations of disk images that began.
    pub disk_migrations: u32,
    /// Image transfers that began for it.
    pub transfers: u32,
    /// How often it was displaced.
    pub preemptions: u32,
    /// When it was to start, when that was first promised to it by backfilling.
    pub promised: Option<Instant>,
    /// Whether it ended before the time it had asked for.
    pub premature: bool,
    /// The hosts of its VMs at the first start.
    pub first_hosts: Vec<u32>,
    /// Its states, each with its beginning.
    pub history: Vec<(Instant, LeaseState)>,
}

/// What a stretch of reserved time was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// The VMs ran.
    Run,
    /// Memory was saved.
    Suspend,
    /// Memory was loaded.
    Resume,
    /// The VMs were shut down.
    Shutdown,
    /// Saved memory went to another host.
    MoveMemory,
    /// Disk images went to another host.
    MoveDisk,
    /// A disk image came from the repository.
    Transfer,
}

/// Time that a lease really had on hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Whose.
    pub lease: LeaseId,
    /// What for.
    pub purpose: Use,
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// On which hosts, with what it held there.
    pub hosts: Vec<(u32, Amounts)>,
}
