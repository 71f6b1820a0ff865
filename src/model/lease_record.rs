//! What became of leases: their states, how each fared, and what was held when by whom.
//!
//! Source: Haizea 1.1, lease states and accounting.

use crate::id::{Id, LeaseId};
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
    /// Every state, by its number in the event log.
    pub const ALL: [Self; 17] = [
        Self::New,
        Self::Pending,
        Self::Rejected,
        Self::Queued,
        Self::Scheduled,
        Self::Preparing,
        Self::Ready,
        Self::Active,
        Self::Suspending,
        Self::SuspendedPending,
        Self::SuspendedQueued,
        Self::SuspendedScheduled,
        Self::Resuming,
        Self::ResumedReady,
        Self::Done,
        Self::Cancelled,
        Self::Failed,
    ];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Rejected => "rejected",
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Suspending => "suspending",
            Self::SuspendedPending => "suspended-pending",
            Self::SuspendedQueued => "suspended-queued",
            Self::SuspendedScheduled => "suspended-scheduled",
            Self::Resuming => "resuming",
            Self::ResumedReady => "resumed-ready",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The state called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

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

impl Use {
    /// Every use, by its number in the event log.
    pub const ALL: [Self; 7] = [
        Self::Run,
        Self::Suspend,
        Self::Resume,
        Self::Shutdown,
        Self::MoveMemory,
        Self::MoveDisk,
        Self::Transfer,
    ];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Shutdown => "shutdown",
            Self::MoveMemory => "move-memory",
            Self::MoveDisk => "move-disk",
            Self::Transfer => "transfer",
        }
    }

    /// The use called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
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

/// Numbers of kinds in the event log: states of a lease, then the begin and end of each use.
const STATE: u8 = 32;
const BEGIN: u8 = 64;
const END: u8 = 80;

/// BLAKE3 of the event log of leases: records as those of
/// [`Record::event_log_blake3`](super::Record::event_log_blake3) for every state that a lease
/// enters, and for every host on which it begins or ends to hold something, by time, then lease.
pub fn event_log_blake3(outcomes: &[LeaseOutcome], stretches: &[Stretch]) -> String {
    const NOBODY: u32 = u32::MAX;
    let mut events = Vec::new();
    for (row, outcome) in outcomes.iter().enumerate() {
        let lease = LeaseId::from_index(row);
        for &(at, state) in &outcome.history {
            events.push((at, lease, STATE + state as u8, NOBODY, NOBODY));
        }
    }
    for stretch in stretches {
        let (lease, purpose) = (stretch.lease, stretch.purpose as u8);
        for &(host, _) in &stretch.hosts {
            events.push((stretch.start, lease, BEGIN + purpose, NOBODY, host));
            events.push((stretch.end, lease, END + purpose, host, NOBODY));
        }
    }
    // States of one instant stay in their order: only time and lease are compared.
    events.sort_by_key(|&(at, lease, ..)| (at, lease));
    let mut hasher = blake3::Hasher::new();
    for (at, lease, kind, from, to) in events {
        hasher.update(&at.0.to_le_bytes()).update(&[kind]);
        for id in [lease.0, from, to] {
            hasher.update(&id.to_le_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}
