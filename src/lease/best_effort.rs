//! When can a lease start that may start at any time? Best-effort and immediate leases.
//!
//! First the instants at which its images can be there are tried, at the earliest now. If nothing
//! fits and one more lease may hold a place in the future (backfilling), the ends of other leases
//! are tried, the earliest first. A slice may be shorter than asked for if the lease can be
//! suspended at its end and the slice is long enough to be worth its overheads:
//!
//! ```text
//! slice >= S (1 + f)      S = time to suspend (+ time to resume, if it waits suspended)
//! ```
//!
//! Source: Haizea 1.0 and 1.1, `VMScheduler`; EASY backfilling: Lifka, JSSPP 1995.

use super::decision::Hindrance;
use super::mapper::{Ask, Mapped};
use super::prepare::Readiness;
use super::rules::{ColdMigration, Suspension};
use super::scheduler::Scheduler;
use super::slots::NEVER;
use crate::model::lease::LeaseKind;
use crate::model::lease_record::{LeaseState, Use};
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

/// What a lease still needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// Time to run.
    pub work: Span,
    /// That, with what resuming and shutting down are estimated to take.
    pub asked: Span,
    /// What shutting down takes.
    pub shutdown: Span,
    /// The shortest slice of use.
    pub threshold: Span,
    /// Whether it must run to its end without a break.
    pub strict: bool,
    /// Whether it is resumed.
    pub resuming: bool,
}

/// A possible start, and the only hosts that could be ready then (all if none are given).
pub(super) type Probe = (Instant, Option<Vec<u32>>);

impl Scheduler<'_> {
    /// What `lease` still needs.
    pub(super) fn demand(&self, lease: u32) -> Demand {
        let request = &self.requests[lease as usize];
        let life = &self.lives[lease as usize];
        let resuming = life.state.is_suspended();
        let work = request.duration - life.accumulated;
        let shutdown = self.shutdown_estimate(lease);
        let resume = if resuming { self.resume_estimate(lease) } else { Span::ZERO };
        Demand {
            work,
            asked: work + resume + shutdown,
            shutdown,
            threshold: self.threshold(lease),
            strict: !self.can_suspend(lease),
            resuming,
        }
    }

    /// Whether a lease may be suspended at all.
    pub(super) fn can_suspend(&self, lease: u32) -> bool {
        match self.rules.suspension {
            Suspension::None => false,
            Suspension::SerialOnly => self.requests[lease as usize].vms() == 1,
            Suspension::All => true,
        }
    }

    /// The shortest slice of use for a lease in its present state.
    pub(super) fn threshold(&self, lease: u32) -> Span {
        if let Some(threshold) = self.rules.threshold {
            return threshold;
        }
        if self.rules.suspension == Suspension::None {
            return Span::ZERO;
        }
        let mut overheads = self.suspend_estimate(lease);
        if self.lives[lease as usize].state == LeaseState::SuspendedQueued {
            overheads = overheads + self.resume_estimate(lease);
        }
        let factor = 1.0 + self.rules.threshold_factor;
        Span((overheads.0 as f64 * factor).round() as i64)
    }

    /// Finds a place for `lease` and plans it there; one in the future only if `may_wait`.
    pub(super) fn place(&mut self, lease: u32, may_wait: bool) -> Result<bool, PolicyError> {
        self.try_anew(lease);
        let demand = self.demand(lease);
        let readiness = self.readiness(lease);
        let probes = self.first_probes(lease, &readiness);
        let last = probes.last().map_or(self.now, |probe| probe.0);
        for probe in probes {
            if self.try_probe(lease, &demand, &probe, &readiness)? {
                return Ok(true);
            }
        }
        if !may_wait || !self.rules.backfilling.admits(self.future.len()) {
            return Ok(false);
        }
        if self.place_later(lease, &demand, last, &readiness)? {
            self.join_future(lease);
            self.promise(lease);
            return Ok(true);
        }
        Ok(false)
    }

    /// Writes down the first start that was promised to a lease.
    fn promise(&mut self, lease: u32) {
        let Some(run) = self.lives[lease as usize].run else { return };
        let start = self.table.get(run).start;
        self.life(lease).outcome.promised.get_or_insert(start);
    }

    fn place_later(
        &mut self,
        lease: u32,
        demand: &Demand,
        last: Instant,
        readiness: &Readiness,
    ) -> Result<bool, PolicyError> {
        let bound = demand.resuming && self.rules.migration == ColdMigration::No;
        let hosts = bound.then(|| self.previous_hosts(lease));
        let need = self.site_need(lease);
        let span = if demand.strict { demand.asked } else { demand.threshold.min(demand.asked) };
        let mut room = Instant(i64::MIN);
        for start in self.later_starts(last) {
            if !self.rules.oddities.starts_by_run_end {
                // Starts ascend: none is possible before the site as a whole has room.
                if start > room {
                    room = self.table.room_from(start, span.max(Span(1)), need);
                }
                if room == NEVER {
                    return Ok(false);
                }
                if start < room {
                    continue;
                }
            }
            if self.try_probe(lease, demand, &(start, hosts.clone()), readiness)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Instants at which images can be there, or at which a suspended lease can be resumed.
    fn first_probes(&self, lease: u32, readiness: &Readiness) -> Vec<Probe> {
        if self.lives[lease as usize].state.is_suspended() {
            return match self.rules.migration {
                ColdMigration::No => vec![(self.now, Some(self.previous_hosts(lease)))],
                _ => vec![(self.now + self.lives[lease as usize].moving, None)],
            };
        }
        match readiness {
            Readiness::AtOnce => vec![(self.now, None)],
            Readiness::Images { cached, other, .. } => {
                let everywhere = cached.len() == self.table.rows.len() || other.0 <= self.now;
                match (cached.is_empty(), everywhere) {
                    (_, true) => vec![(self.now, None)],
                    (true, false) => vec![(other.0, None)],
                    (false, false) => {
                        vec![(self.now, Some(cached.clone())), (other.0, None)]
                    }
                }
            }
        }
    }

    fn previous_hosts(&self, lease: u32) -> Vec<u32> {
        let mut hosts = self.lives[lease as usize].previous.clone();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// Instants after `last` at which a lease is over and its hosts are free.
    pub(super) fn later_starts(&self, last: Instant) -> Vec<Instant> {
        let runs = self.table.runs().iter().map(|&run| (run, self.table.get(run)));
        let mut ends: Vec<_> = runs
            .filter(|(_, run)| run.end > last)
            .map(|(id, run)| (run.end, run.end_sequence, self.table.final_end(id)))
            .collect();
        ends.sort_unstable();
        let mut starts: Vec<Instant> = ends.into_iter().map(|(.., end)| end).collect();
        starts.extend(self.shutdown_ends(last));
        if !self.rules.oddities.starts_by_run_end {
            starts.sort_unstable();
            starts.dedup();
        }
        starts
    }

    /// Ends after `last` of shutdowns of runs that are over by then.
    fn shutdown_ends(&self, last: Instant) -> Vec<Instant> {
        let planned = self.table.runs().iter().filter(|&&run| self.table.get(run).end <= last);
        let planned = planned.flat_map(|&run| self.table.get(run).after.iter());
        let mut ends: Vec<Instant> = planned
            .chain(&self.shutdowns)
            .map(|&id| self.table.get(id))
            .filter(|part| part.purpose == Use::Shutdown && part.is_live() && part.end > last)
            .map(|part| part.end)
            .collect();
        ends.sort_unstable();
        ends
    }

    /// Plans `lease` at the start that `probe` names, if it fits there.
    fn try_probe(
        &mut self,
        lease: u32,
        demand: &Demand,
        (start, hosts): &Probe,
        readiness: &Readiness,
    ) -> Result<bool, PolicyError> {
        let ask = Ask {
            lease,
            start: *start,
            until: *start + demand.asked,
            strict: demand.strict,
            least: demand.threshold,
            hosts: hosts.as_deref(),
            displacing: false,
        };
        let Some(mapped) = self.map(&ask)? else { return Ok(false) };
        if !self.is_worth_it(demand, *start, &mapped) {
            self.hinder(lease, || self.too_short(&ask, &mapped));
            return Ok(false);
        }
        let Some(outline) = self.outline(lease, demand, *start, &mapped) else {
            self.hinder(lease, || Hindrance::OnlyOverheads);
            return Ok(false);
        };
        let kind = self.requests[lease as usize].kind;
        if kind == LeaseKind::Immediate && !self.agrees(lease, &[], *start)? {
            return Ok(false);
        }
        self.carry_out(lease, outline);
        self.prepare(lease, readiness);
        Ok(true)
    }

    /// Whether the slice that was found is whole, or long enough to suspend at its end.
    fn is_worth_it(&self, demand: &Demand, start: Instant, mapped: &Mapped) -> bool {
        let slice = mapped.until - start;
        if slice == demand.asked {
            return true;
        }
        let whole = self.rules.oddities.slice_may_cut_the_shutdown
            || slice.0 <= demand.asked.0 - demand.shutdown.0;
        !demand.strict && slice >= demand.threshold && whole
    }
}
