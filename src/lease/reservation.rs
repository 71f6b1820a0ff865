//! A reservation: resources of some hosts for a lease, from one instant to another.
//!
//! Intervals are half open: a reservation holds at `t` if `start <= t < end`. One without length
//! holds nothing but happens.

use crate::calendar::BookingId;
use crate::model::lease::Amounts;
use crate::model::lease_record::Use;
use crate::time::Instant;

/// Names a reservation of a slot table; never reused.
pub(super) type ReservationId = u32;

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// To come.
    Scheduled,
    /// Under way.
    Active,
    /// Over.
    Done,
    /// Taken out before it was over.
    Dropped,
}

/// Saved memory or a disk image of a VM on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    pub vm: u32,
    pub from: u32,
    pub to: u32,
}

/// Resources of hosts for a lease.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub lease: u32,
    pub purpose: Use,
    pub start: Instant,
    pub end: Instant,
    pub phase: Phase,
    /// What it holds on which hosts.
    pub hosts: Vec<(u32, Amounts)>,
    /// CPU that its VMs use while it is active, hundredths of a core.
    pub cpu: i64,
    /// The host of each VM; nothing of what only passes: migrations and transfers.
    pub mapping: Vec<u32>,
    /// Of a run: what comes before it (migrations, resumptions).
    pub before: Vec<ReservationId>,
    /// Of a run: what comes after it (suspensions or a shutdown).
    pub after: Vec<ReservationId>,
    /// Of a migration: what moves.
    pub moves: Vec<Move>,
    /// Of a transfer: which.
    pub transfer: u32,
    /// In the calendar of the site.
    pub(super) booking: Option<BookingId>,
    /// Of a run that is live: its place in the list of runs.
    pub(super) listed: u32,
    /// Counts changes of the start, so that old events are told from new ones.
    pub(super) start_revision: u32,
    /// Counts changes of the end.
    pub(super) end_revision: u32,
    /// Order of the present end among equal ends.
    pub(super) end_sequence: u64,
}

impl Reservation {
    pub fn new(lease: u32, purpose: Use, start: Instant, end: Instant) -> Self {
        Self {
            lease,
            purpose,
            start,
            end,
            phase: Phase::Scheduled,
            hosts: Vec::new(),
            cpu: 0,
            mapping: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            moves: Vec::new(),
            transfer: 0,
            booking: None,
            listed: 0,
            start_revision: 0,
            end_revision: 0,
            end_sequence: 0,
        }
    }

    /// Whether it is to come or under way.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Scheduled | Phase::Active)
    }
}
