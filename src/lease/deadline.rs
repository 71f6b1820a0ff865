//! Deadline leases: at any time that lets them end in time, and never in the queue.
//!
//! A lease with little slack is first tried as a reservation at its start, then at every instant
//! at which room could come up. If nothing fits, the deadline leases that have not begun are taken
//! off and placed again together with the new one, the tightest first:
//!
//! ```text
//! tightness = (deadline - t) / remaining duration
//! ```
//!
//! Leases whose hosts the new order does not touch keep their places. If one cannot be placed, all
//! is as before and the new lease is refused. When a lease ends prematurely, later deadline leases
//! move into the time that it leaves.
//!
//! Source: Haizea 1.1 (`__schedule_deadline`, `reevaluate_schedule`). Leases that need disk images
//! are not taken off their places: their transfers are planned already.

use super::best_effort::Demand;
use super::decision::Hindrance;
use super::mapper::Ask;
use super::reservation::{Phase, ReservationId};
use super::scheduler::Scheduler;
use super::site_rules::SiteRules;
use crate::model::lease::LeaseKind;
use crate::model::lease_record::LeaseState;
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

/// Slack (time until the deadline by duration) up to which a lease is first tried at its start.
const LITTLE_SLACK: f64 = 2.0;

/// The plan of a lease, whole or from some run on, that can be given back to it.
#[derive(Debug, Clone)]
pub(super) struct TakenOff {
    pub lease: u32,
    /// The runs that stay.
    kept: Vec<ReservationId>,
    /// The runs that are taken off, by start.
    runs: Vec<ReservationId>,
    hosts: Vec<u32>,
    pub start: Instant,
}

impl Scheduler<'_> {
    /// Plans `lease` between `start` and `deadline`.
    pub(super) fn place_by_deadline(
        &mut self,
        lease: u32,
        start: Instant,
        deadline: Instant,
    ) -> Result<bool, PolicyError> {
        let earliest = start.max(self.now);
        let duration = self.requests[lease as usize].duration;
        let slack = (deadline - start).0 as f64 / duration.0 as f64;
        if slack <= LITTLE_SLACK && self.reserve(lease, start)? {
            return Ok(true);
        }
        if self.place_within(lease, earliest, deadline)? {
            return Ok(true);
        }
        if self.image_size(lease).is_some() || !self.reshuffle(lease, earliest)? {
            return Ok(false);
        }
        self.turn(lease, LeaseState::Scheduled);
        self.turn(lease, LeaseState::Ready);
        Ok(true)
    }

    /// Plans a new lease at the first instant from `earliest` on that lets it end by `deadline`.
    fn place_within(
        &mut self,
        lease: u32,
        earliest: Instant,
        deadline: Instant,
    ) -> Result<bool, PolicyError> {
        let work = self.requests[lease as usize].duration - self.lives[lease as usize].accumulated;
        let shutdown = self.shutdown_estimate(lease);
        let asked = work + shutdown;
        let threshold = Span::ZERO;
        let demand = Demand { work, asked, shutdown, threshold, strict: true, resuming: false };
        let later = self.later_starts(earliest);
        for start in std::iter::once(earliest).chain(later) {
            if start + work > deadline {
                break;
            }
            let ask = Ask {
                lease,
                start,
                until: start + asked,
                strict: true,
                least: asked,
                hosts: None,
                displacing: false,
            };
            let Some(mapped) = self.map(&ask)? else { continue };
            let Some(delivery) = self.delivery(lease, start, &mapped.hosts) else {
                self.hinder(lease, || Hindrance::ImageLate { start_s: start.seconds() });
                continue;
            };
            let Some(outline) = self.outline(lease, &demand, start, &mapped) else { continue };
            if !self.agrees(lease, &[], start)? {
                return Ok(false);
            }
            self.carry_out(lease, outline);
            self.deliver(lease, &mapped.hosts, delivery);
            return Ok(true);
        }
        Ok(false)
    }

    /// Start and deadline of a deadline lease.
    pub(super) fn window(&self, lease: u32) -> Option<(Instant, Instant)> {
        match self.requests[lease as usize].kind {
            LeaseKind::Deadline { start, deadline } => Some((start, deadline)),
            _ => None,
        }
    }

    /// Time from `from` to the deadline of a lease by what is left of it.
    fn tightness(&self, lease: u32, from: Instant) -> f64 {
        let deadline = self.window(lease).map_or(from, |window| window.1);
        let left = self.requests[lease as usize].duration - self.lives[lease as usize].accumulated;
        (deadline - from).0 as f64 / left.0 as f64
    }

    /// Runs of a lease, by start.
    pub(super) fn runs_of(&self, lease: u32) -> Vec<ReservationId> {
        let life = &self.lives[lease as usize];
        life.run.iter().chain(&life.later).copied().collect()
    }

    /// Whether neither `run` nor anything before it has begun.
    pub(super) fn is_ahead(&self, run: ReservationId) -> bool {
        let scheduled = |run: ReservationId| self.table.get(run).phase == Phase::Scheduled;
        scheduled(run) && self.table.get(run).before.iter().all(|&part| scheduled(part))
    }

    /// Deadline leases without images that have runs ahead, by number.
    fn movable(&self) -> Vec<u32> {
        let runs = self.table.runs().iter().filter(|&&run| self.is_ahead(run));
        let mut leases: Vec<u32> = runs.map(|&run| self.table.get(run).lease).collect();
        leases.retain(|&lease| self.window(lease).is_some() && self.image_size(lease).is_none());
        leases.sort_unstable_by_key(|&lease| (self.requests[lease as usize].number, lease));
        leases.dedup();
        leases
    }

    /// The runs of a lease that are ahead and end at or after `earliest`; none if there are none.
    pub(super) fn taken_off(&self, lease: u32, earliest: Instant) -> Option<TakenOff> {
        let (runs, kept): (Vec<ReservationId>, Vec<ReservationId>) = self
            .runs_of(lease)
            .into_iter()
            .partition(|&run| self.is_ahead(run) && self.table.get(run).end >= earliest);
        let plan = self.table.get(*runs.first()?);
        let (hosts, start) = (plan.mapping.clone(), plan.start);
        Some(TakenOff { lease, kept, runs, hosts, start })
    }

    fn take_off(&mut self, lease: u32, earliest: Instant) -> Option<TakenOff> {
        let taken = self.taken_off(lease, earliest)?;
        taken.runs.iter().for_each(|&run| self.drop_run(run));
        self.set_runs(lease, taken.kept.clone());
        Some(taken)
    }

    pub(super) fn set_runs(&mut self, lease: u32, runs: Vec<ReservationId>) {
        let life = self.life(lease);
        life.run = runs.first().copied();
        life.later = runs.get(1..).unwrap_or_default().to_vec();
    }

    /// Drops the runs that a lease has got instead of those taken off.
    fn clear(&mut self, taken: &TakenOff) {
        for run in self.runs_of(taken.lease) {
            if !taken.kept.contains(&run) {
                self.drop_run(run);
            }
        }
        self.set_runs(taken.lease, taken.kept.clone());
    }

    /// Gives a lease the runs back that were taken off.
    pub(super) fn put_back(&mut self, taken: &TakenOff) {
        self.clear(taken);
        taken.runs.iter().for_each(|&run| self.reinstate_run(run));
        let mut runs = [&taken.kept[..], &taken.runs[..]].concat();
        runs.sort_by_key(|&run| self.table.get(run).start);
        self.set_runs(taken.lease, runs);
    }

    /// Puts a run back that was dropped, with what comes before and after it.
    pub(super) fn reinstate_run(&mut self, run: ReservationId) {
        let plan = self.table.get(run);
        let parts = [&plan.before[..], &[run], &plan.after[..]].concat();
        parts.into_iter().for_each(|part| self.table.reinstate(part));
    }

    /// Places the deadline leases that have not begun again, with `lease` among them.
    fn reshuffle(&mut self, lease: u32, earliest: Instant) -> Result<bool, PolicyError> {
        let told = self.told();
        let movable = self.movable().into_iter();
        let taken: Vec<TakenOff> =
            movable.filter_map(|other| self.take_off(other, earliest)).collect();
        let mut order: Vec<u32> = taken.iter().map(|old| old.lease).collect();
        order.push(lease);
        order.sort_by(|&a, &b| self.tightness(a, earliest).total_cmp(&self.tightness(b, earliest)));
        let done = self.place_in_order(lease, &order, &taken, earliest)?;
        if !done {
            self.untell(told);
            self.drop_plan(lease);
            // All places are cleared before the old ones are taken again.
            taken.iter().for_each(|old| self.clear(old));
            taken.iter().for_each(|old| self.put_back(old));
        }
        Ok(done)
    }

    fn place_in_order(
        &mut self,
        new: u32,
        order: &[u32],
        taken: &[TakenOff],
        earliest: Instant,
    ) -> Result<bool, PolicyError> {
        let mut touched: Vec<u32> = Vec::new();
        let mut until = earliest;
        let mut turns = order.iter().copied();
        for lease in turns.by_ref() {
            if !self.place_again_within(lease, earliest, &mut touched, &mut until)? {
                return Ok(false);
            }
            if lease == new {
                break;
            }
        }
        let left: Vec<&TakenOff> =
            turns.filter_map(|lease| taken.iter().find(|old| old.lease == lease)).collect();
        if self.site_rules.as_ref().is_some_and(SiteRules::reach_beyond_hosts) {
            touched = (0..self.table.rows.len() as u32).collect();
        }
        spread(&left, &mut touched);
        let (affected, spared): (Vec<&TakenOff>, Vec<&TakenOff>) =
            left.into_iter().partition(|old| old.hosts.iter().any(|host| touched.contains(host)));
        spared.into_iter().for_each(|old| self.put_back(old));
        for (at, old) in affected.iter().enumerate() {
            let next = affected[at..].iter().map(|old| old.start).min();
            if next.is_some_and(|next| next > until) {
                affected[at..].iter().for_each(|old| self.put_back(old));
                break;
            }
            if !self.place_again_within(old.lease, earliest, &mut touched, &mut until)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Places `lease` again; notes its hosts and until when the new order reaches.
    fn place_again_within(
        &mut self,
        lease: u32,
        earliest: Instant,
        touched: &mut Vec<u32>,
        until: &mut Instant,
    ) -> Result<bool, PolicyError> {
        let Some((start, deadline)) = self.window(lease) else { return Ok(false) };
        let kept = self.runs_of(lease);
        if !self.plan_rest(lease, &kept, start.max(earliest), deadline)? {
            return Ok(false);
        }
        if let Some(&run) = self.runs_of(lease).last() {
            let run = self.table.get(run);
            touched.extend_from_slice(&run.mapping);
            *until = run.end.max(*until);
        }
        Ok(true)
    }

    /// Moves deadline leases into the time that `ended`, which is over prematurely, leaves.
    pub(super) fn pull_forward(&mut self, ended: u32) -> Result<(), PolicyError> {
        let now = self.now;
        let request = &self.requests[ended as usize];
        let nodes = request.vms();
        let free = request.duration - self.lives[ended as usize].accumulated;
        let until = now + free;
        let mut candidates = self.movable();
        candidates.retain(|&lease| {
            let state = self.lives[lease as usize].state;
            if !matches!(state, LeaseState::Scheduled | LeaseState::Ready) {
                return false;
            }
            let other = &self.requests[lease as usize];
            let Some((start, _)) = self.window(lease) else { return false };
            let run = self.lives[lease as usize].run.map(|run| self.table.get(run).start);
            let later = run.is_some_and(|planned| planned > now && planned != start);
            let fits = other.duration <= free && start + other.duration <= until;
            later && other.vms() <= nodes && start <= until && fits
        });
        candidates.sort_by(|&a, &b| self.tightness(a, now).total_cmp(&self.tightness(b, now)));
        let area = |nodes: usize, span: Span| nodes as i128 * i128::from(span.0);
        let mut used = 0;
        for lease in candidates {
            let other = &self.requests[lease as usize];
            let more = area(other.vms(), other.duration);
            let Some((start, _)) = self.window(lease) else { continue };
            if used + more > area(nodes, free) {
                continue;
            }
            let told = self.told();
            let Some(old) = self.take_off(lease, now) else { continue };
            if self.plan_rest(lease, &old.kept, start.max(now), until)? {
                used += more;
            } else {
                self.untell(told);
                self.put_back(&old);
            }
        }
        Ok(())
    }
}

/// Where a lease stands partly on touched hosts, all its hosts count as touched.
fn spread(left: &[&TakenOff], touched: &mut Vec<u32>) {
    loop {
        let before = touched.len();
        for old in left {
            let on = old.hosts.iter().filter(|host| touched.contains(host)).count();
            if on > 0 && on < old.hosts.len() {
                let more: Vec<u32> =
                    old.hosts.iter().copied().filter(|host| !touched.contains(host)).collect();
                touched.extend(more);
            }
        }
        if touched.len() == before {
            return;
        }
    }
}
