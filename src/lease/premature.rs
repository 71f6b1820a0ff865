//! Leases that end before the time they had asked for, and who profits.
//!
//! After each premature end the best-effort leases with a place in the future are placed again,
//! one after the other by number.
//!
//! Source: Haizea 1.1, `reevaluate_schedule`; it takes the leases in the order of a hash set, we
//! by number.

use std::cmp::Reverse;

use super::deadline::TakenOff;
use super::reservation::{Phase, ReservationId};
use super::scheduler::Scheduler;
use crate::model::lease_record::LeaseState;
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
        let reservation = self.table.get(run);
        let (lease, length) = (reservation.lease, self.now - reservation.start);
        for part in reservation.after.clone() {
            self.table.drop(part);
        }
        self.table.finish(run);
        self.close(run);
        let later = std::mem::take(&mut self.life(lease).later);
        later.into_iter().for_each(|run| self.drop_run(run));
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
            let old = self.revocable(lease);
            let told = self.told();
            self.drop_plan(lease);
            self.drop_preparation(lease);
            self.leave_future(lease);
            self.turn(lease, next);
            let placed = self.place(lease, true)?;
            if let Some(old) = old.filter(|old| self.starts_later(lease, old.start)) {
                self.untell(told);
                self.return_to(&old, state, placed);
                continue;
            }
            if !placed {
                let suspended = next == LeaseState::SuspendedPending;
                let queued =
                    if suspended { LeaseState::SuspendedQueued } else { LeaseState::Queued };
                self.turn(lease, queued);
                self.enqueue(lease);
            }
        }
        Ok(())
    }

    /// The plan of a lease, if it can be returned to should no better one be found.
    fn revocable(&self, lease: u32) -> Option<TakenOff> {
        let plan = self.table.get(self.lives[lease as usize].run?);
        let begun = |&part: &ReservationId| self.table.get(part).phase != Phase::Scheduled;
        let prepared = self.image_size(lease).is_some();
        let kept = self.rules.oddities.replans_may_delay || prepared;
        let ahead = !plan.before.iter().any(begun);
        (!kept && ahead).then(|| self.taken_off(lease, Instant(i64::MIN))).flatten()
    }

    /// Whether a lease has no plan, or one that starts after `start`.
    fn starts_later(&self, lease: u32, start: Instant) -> bool {
        let run = self.lives[lease as usize].run;
        run.is_none_or(|run| self.table.get(run).start > start)
    }

    /// Gives a lease its old plan and state back.
    fn return_to(&mut self, old: &TakenOff, state: LeaseState, placed: bool) {
        self.put_back(old);
        if !self.lives[old.lease as usize].in_future {
            self.join_future(old.lease);
        }
        if placed {
            return;
        }
        if state == LeaseState::SuspendedScheduled {
            return self.turn(old.lease, state);
        }
        self.turn(old.lease, LeaseState::Scheduled);
        if state == LeaseState::Ready {
            self.turn(old.lease, state);
        }
    }
}
