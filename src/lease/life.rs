//! What becomes of a lease: its state, its plan, where its images are, and its record.

use std::sync::Arc;

use super::reservation::ReservationId;
use super::state::is_legal;
use crate::model::company::Company;
use crate::model::lease_record::{LeaseOutcome, LeaseState};
use crate::time::{Instant, Span};

/// A lease in the scheduler.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub state: LeaseState,
    /// Work done in runs that ended as planned.
    pub accumulated: Span,
    /// The run that is planned or under way.
    pub run: Option<ReservationId>,
    /// Runs that are planned after that one, by start (deadline leases that were displaced).
    pub later: Vec<ReservationId>,
    /// The host of each VM in the run before.
    pub previous: Vec<u32>,
    /// How long moving it from there is estimated to take.
    pub moving: Span,
    /// Where the saved memory of each VM is.
    pub memory_at: Vec<u32>,
    /// Where the disk image of each VM is.
    pub disk_at: Vec<Option<u32>>,
    /// Whether it holds a place in the future that was found by backfilling.
    pub in_future: bool,
    /// Order of its VMs when they are mapped; none if it is that of their numbers.
    pub order: Option<Vec<u32>>,
    /// The rules between its VMs.
    pub company: Option<Arc<Company>>,
    /// CPU and memory of all its VMs.
    pub need: [i64; 2],
    pub outcome: LeaseOutcome,
}

impl Life {
    pub fn new() -> Self {
        Self {
            state: LeaseState::New,
            accumulated: Span::ZERO,
            run: None,
            later: Vec::new(),
            previous: Vec::new(),
            moving: Span::ZERO,
            memory_at: Vec::new(),
            disk_at: Vec::new(),
            in_future: false,
            order: None,
            company: None,
            need: [0; 2],
            outcome: LeaseOutcome {
                state: LeaseState::New,
                first_start: None,
                last_start: None,
                end: None,
                run_time: Span::ZERO,
                suspensions: 0,
                resumptions: 0,
                memory_migrations: 0,
                disk_migrations: 0,
                transfers: 0,
                preemptions: 0,
                price: None,
                promised: None,
                premature: false,
                first_hosts: Vec::new(),
                history: Vec::new(),
            },
        }
    }

    /// Changes the state at `now`.
    ///
    /// Panics when the change is not legal: the scheduler has lost track of the lease.
    pub fn turn(&mut self, state: LeaseState, now: Instant) {
        let legal = is_legal(self.state, state);
        assert!(legal, "legal transitions only: {:?} to {state:?} at {now}", self.state);
        self.state = state;
        self.outcome.state = state;
        self.outcome.history.push((now, state));
    }
}
