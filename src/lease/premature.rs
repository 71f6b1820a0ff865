//! Leases that end before the time they had asked for, and who profits.
//!
//! After each premature end the best-effort leases with a place in the future are placed again,
//! one after the other by number.
//!
//! Source: Haizea 1.1, `reevaluate_schedule`; it takes the leases in the order of a hash set, we
//! by number.

use std::cmp::Reverse;

use super::reservation::{Phase, ReservationId};
use super::scheduler::Scheduler;
use crate::model::lease::LeaseState;
use crate::policy::PolicyError;
use crate::time::Instant;

impl Scheduler<'_> {
    /// Whether `run` ends by itself at `at`.
    fn ends_prematurely(&self, at: Instant, run: ReservationId) -> bool {
        let run = self.table.get(run);
        let missed = self.rules.oddities.premature_end_within_slice && at >= run.end;
        run.phase == Phase::Active && at <= run.end && !missed
    }

    /// The next instant at which a run ends by itself.
    pub(super) fn next_premature(&mut self) -> Option<Instant> {
        while let Some(&Reverse((at, run))) = self.premature.peek() {
            if self.ends_prematurely(at, run) {
                return Some(at);
            }
            self.premature.pop();
        }
        None
    }

    /// Ends the runs that end by themselves now, in the order of their planned ends.
    pub(super) fn end_prematurely(&mut self) -> Result<(), PolicyError> {
        let mut due = Vec::new();
        while self.next_premature() == Some(self.now) {
            let Some(Reverse((_, id))) = self.premature.pop() else { break };
            let run = self.table.get(id);
            due.push((run.end, run.end_sequence, id));
        }
        due.sort_unstable();
        for (.., run) in due {
            if self.table.get(run).phase == Phase::Active {
                self.end_run_prematurely(run)?;
            }
        }
        Ok(())
    }

    fn end_run_prematurely(&mut self, run: ReservationId) -> Result<(), PolicyError> {
        let now = self.now;
        self.close(run);
        let reservation = self.table.get(run);
        let (lease, length) = (reservation.lease, now - reservation.start);
        for part in reservation.after.clone() {
            self.table.drop(part);
        }
        self.table.finish(run);
        let life = self.life(lease);
        life.accumulated = life.accumulated + length;
        life.outcome.premature = true;
        if self.rules.oddities.over_before_replans {
            self.conclude(lease);
            return self.place_again();
        }
        self.place_again()?;
        self.pull_forward(lease)?;
        self.conclude(lease);
        Ok(())
    }

    /// Places the leases again that have a place in the future.
    fn place_again(&mut self) -> Result<(), PolicyError> {
        for lease in self.future.clone() {
            let state = self.lives[lease as usize].state;
            let next = match state {
                LeaseState::Scheduled | LeaseState::Ready => LeaseState::Pending,
                LeaseState::Preparing if self.rules.oddities.replans_preparing => {
                    LeaseState::Pending
                }
                LeaseState::SuspendedScheduled => LeaseState::SuspendedPending,
                _ => continue,
            };
            self.drop_plan(lease);
            self.drop_preparation(lease);
            self.leave_future(lease);
            self.turn(lease, next);
            if self.place(lease, true)? {
                continue;
            }
            let queued = if next == LeaseState::Pending {
                LeaseState::Queued
            } else {
                LeaseState::SuspendedQueued
            };
            self.turn(lease, queued);
            self.enqueue(lease);
        }
        Ok(())
    }
}
