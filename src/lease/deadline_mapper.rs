//! The mapper `deadline`: who is displaced is planned anew at once, or stays.
//!
//! Like the greedy mapper, but each lease that is to be displaced is suspended at the start of the
//! preemptor (or taken off, if it does not run by then or not for long enough), and its rest is
//! planned behind the end of the preemptor, within its own deadline. If that fails it keeps its
//! plan and the next candidate is tried. If no room comes of it, all is as before.
//!
//! Source: Haizea 1.1, `DeadlineMapper`. Known differences: a run that is under way and too short
//! to be suspended is not given up; memory that must be sent to other hosts leaves when it has
//! been saved.

use super::best_effort::Demand;
use super::decision::Way;
use super::mapper::{Ask, Mapped};
use super::reservation::ReservationId;
use super::scheduler::Scheduler;
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

/// What gives a lease the plan back that it had.
struct Change {
    lease: u32,
    runs: Vec<ReservationId>,
    /// The run that was shortened, its old end and what came after it.
    shortened: Option<(ReservationId, Instant, Vec<ReservationId>)>,
    dropped: Vec<ReservationId>,
}

impl Scheduler<'_> {
    /// Maps a lease, planning those anew that must go.
    pub(super) fn map_by_deadline(&mut self, ask: &Ask<'_>) -> Result<Option<Mapped>, PolicyError> {
        let told = self.told();
        let mut changes = Vec::new();
        let mut candidates = None;
        // The order is that from before anybody makes way.
        let mut order = self.whole_order(ask)?;
        loop {
            if let Some((hosts, until)) = self.map_beside(ask, &[], &mut order)? {
                self.tell_mapping(&order.told, &[]);
                return Ok(Some(Mapped { hosts, until, displaced: Vec::new() }));
            }
            if candidates.is_none() {
                candidates = Some(self.candidates(ask)?);
            }
            let Some(next) = candidates.as_mut().and_then(Vec::pop) else {
                changes.into_iter().rev().for_each(|change| self.undo(change));
                self.untell(told);
                self.hinder(ask.lease, || self.no_room(ask, &[]));
                return Ok(None);
            };
            changes.extend(self.make_way(next, ask)?);
        }
    }

    /// Plans `lease` around `ask`; nothing happens if it would miss its deadline.
    fn make_way(&mut self, lease: u32, ask: &Ask<'_>) -> Result<Option<Change>, PolicyError> {
        let Some((_, deadline)) = self.window(lease) else { return Ok(None) };
        let runs = self.runs_of(lease);
        let mut change = Change { lease, runs: runs.clone(), shortened: None, dropped: Vec::new() };
        let mut kept = Vec::new();
        for run in runs {
            let plan = self.table.get(run);
            let slice = ask.start - plan.start.max(self.now);
            if plan.end <= ask.start {
                kept.push(run);
            } else if slice >= self.threshold(lease) && slice.0 > 0 && self.can_suspend(lease) {
                let shortened = self.shorten(run, ask.start);
                change.shortened = Some(shortened);
                kept.push(run);
            } else if self.is_ahead(run) {
                change.dropped.push(run);
                self.drop_run(run);
            } else {
                self.undo(change);
                return Ok(None);
            }
        }
        self.set_runs(lease, kept.clone());
        if self.plan_rest(lease, &kept, ask.until, deadline)? {
            self.life(lease).outcome.preemptions += 1;
            self.tell_displaced(lease, ask.start, Way::PlannedAnew, Span::ZERO);
            return Ok(Some(change));
        }
        self.undo(change);
        Ok(None)
    }

    /// Lets `run` end so that it is suspended by `at`; returns what it was.
    fn shorten(
        &mut self,
        run: ReservationId,
        at: Instant,
    ) -> (ReservationId, Instant, Vec<ReservationId>) {
        let plan = self.table.get(run);
        let (lease, old_end, hosts) = (plan.lease, plan.end, plan.mapping.clone());
        let parts = self.layout(&hosts, &self.suspend_spans(lease)).backward(at);
        let end = parts.iter().map(|part| part.start).min().unwrap_or(at);
        let old_after = std::mem::take(&mut self.table.get_mut(run).after);
        old_after.iter().for_each(|&part| self.table.drop(part));
        self.table.move_end(run, end);
        let after = self.enter_suspensions(run, &parts);
        self.table.get_mut(run).after = after;
        (run, old_end, old_after)
    }

    /// Plans what is left of `lease` after the runs that it keeps, from `earliest` on.
    pub(super) fn plan_rest(
        &mut self,
        lease: u32,
        kept: &[ReservationId],
        earliest: Instant,
        deadline: Instant,
    ) -> Result<bool, PolicyError> {
        let runs = kept.iter().map(|&run| self.table.get(run));
        let ran = runs.fold(Span::ZERO, |sum, run| sum + (run.end - run.start));
        let life = &self.lives[lease as usize];
        let resuming = !kept.is_empty() || life.state.is_suspended();
        let work = self.requests[lease as usize].duration - life.accumulated - ran;
        let resume = if resuming { self.resume_estimate(lease) } else { Span::ZERO };
        let shutdown = self.shutdown_estimate(lease);
        let asked = work + resume + shutdown;
        let threshold = Span::ZERO;
        let demand = Demand { work, asked, shutdown, threshold, strict: true, resuming };
        let starts = self.later_starts(earliest);
        for start in std::iter::once(earliest).chain(starts) {
            if start + work > deadline {
                break;
            }
            let until = start + asked;
            let (strict, least, hosts, displacing) = (true, asked, None, false);
            let ask = Ask { lease, start, until, strict, least, hosts, displacing };
            let Some(mapped) = self.map(&ask)? else { continue };
            let Some(outline) = self.outline(lease, &demand, start, &mapped) else { continue };
            if outline.end > deadline {
                continue;
            }
            self.append_run(lease, kept.last().copied(), outline);
            return Ok(true);
        }
        Ok(false)
    }

    /// Enters a run behind those that a lease keeps.
    fn append_run(
        &mut self,
        lease: u32,
        last: Option<ReservationId>,
        outline: super::plan::Outline,
    ) {
        let mut runs = self.runs_of(lease);
        match last {
            None => self.carry_out(lease, outline),
            Some(last) => {
                let saved = self.table.get(last);
                let places = saved.mapping.clone();
                let from = saved.after.iter().map(|&part| self.table.get(part).end).max();
                self.carry_out_from(lease, outline, &places, from.unwrap_or(self.now));
            }
        }
        runs.extend(self.lives[lease as usize].run);
        self.set_runs(lease, runs);
    }

    /// Gives a lease the plan back that it had.
    fn undo(&mut self, change: Change) {
        let Change { lease, runs, shortened, dropped } = change;
        for new in self.runs_of(lease).into_iter().filter(|new| !runs.contains(new)) {
            self.drop_run(new);
        }
        if let Some((id, end, after)) = shortened {
            for part in std::mem::take(&mut self.table.get_mut(id).after) {
                self.table.drop(part);
            }
            self.table.move_end(id, end);
            after.iter().for_each(|&part| self.table.reinstate(part));
            self.table.get_mut(id).after = after;
        }
        dropped.into_iter().for_each(|run| self.reinstate_run(run));
        self.set_runs(lease, runs);
    }
}
