//! Notes of what is decided about leases, and why, for whoever repeats a run to explain it.
//!
//! Nothing is noted in other runs, and what is noted changes nothing: policies are asked no more
//! often, and what they answered is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::decision::{
    Candidate, Considered, Decided, Displaced, Hindrance, LeaseDecision, Planned, Way,
};
use super::plan::{Ending, Outline};
use super::reservation::ReservationId;
use super::scheduler::Scheduler;
use crate::model::lease::LeaseKind;
use crate::model::lease_record::LeaseState;
use crate::time::{Instant, Span};

/// Which decisions are noted; what is not given does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interest {
    /// The number of the lease.
    pub lease: Option<u64>,
    /// When, to the second.
    pub at: Option<Instant>,
}

/// Notes, shared by the scheduler that takes them and whoever reads them afterwards.
#[derive(Debug, Clone)]
pub struct Notes(Arc<Mutex<Pad>>);

#[derive(Debug, Default)]
struct Pad {
    interest: Interest,
    decisions: Vec<LeaseDecision>,
    attempt: Attempt,
}

/// What happened since a lease was first tried.
#[derive(Debug, Default)]
struct Attempt {
    /// What kept it from the first place that was tried.
    hindrance: Option<Hindrance>,
    considered: Vec<Considered>,
    /// Who may be displaced, the first to go last.
    candidates: Vec<Candidate>,
    displaced: Vec<u64>,
    price: Option<f64>,
    /// Whose attempt it is.
    lease: Option<u64>,
}

impl Notes {
    /// Empty notes of what is of `interest`.
    pub fn of(interest: Interest) -> Self {
        Self(Arc::new(Mutex::new(Pad { interest, ..Pad::default() })))
    }

    /// The decisions that were noted, in order.
    pub fn take(&self) -> Vec<LeaseDecision> {
        std::mem::take(&mut self.pad().decisions)
    }

    fn pad(&self) -> MutexGuard<'_, Pad> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduler<'_> {
    fn number(&self, lease: u32) -> u64 {
        self.requests[lease as usize].number
    }

    /// Whether decisions about `lease` are noted now.
    fn tells(&self, lease: u32) -> bool {
        let Some(notes) = &self.notes else { return false };
        let Interest { lease: wanted, at } = notes.pad().interest;
        wanted.is_none_or(|wanted| wanted == self.number(lease))
            && at.is_none_or(|at| (self.now - at).seconds().abs() < 1.0)
    }

    /// Notes a decision about `lease`, if anybody asks.
    pub(super) fn tell(&self, lease: u32, what: impl FnOnce() -> Decided) {
        if self.tells(lease) {
            let decision = LeaseDecision { at: self.now, lease: self.number(lease), what: what() };
            self.notes.iter().for_each(|notes| notes.pad().decisions.push(decision.clone()));
        }
    }

    /// How many decisions are noted.
    pub(super) fn told(&self) -> usize {
        self.notes.as_ref().map_or(0, |notes| notes.pad().decisions.len())
    }

    /// Strikes out all but the first decisions: what they led to was undone.
    pub(super) fn untell(&self, but: usize) {
        self.notes.iter().for_each(|notes| notes.pad().decisions.truncate(but));
    }

    fn on_attempt(&self, change: impl FnOnce(&mut Attempt)) {
        if let Some(notes) = &self.notes {
            change(&mut notes.pad().attempt);
        }
    }

    /// `lease` is tried.
    pub(super) fn try_anew(&self, lease: u32) {
        let lease = Some(self.number(lease));
        self.on_attempt(|attempt| *attempt = Attempt { lease, ..Attempt::default() });
    }

    /// Something keeps `lease` from a place.
    pub(super) fn hinder(&self, lease: u32, why: impl FnOnce() -> Hindrance) {
        if self.tells(lease) {
            let why = why();
            self.on_attempt(|attempt| {
                attempt.hindrance.get_or_insert(why);
            });
        }
    }

    /// These hosts were looked at, and these make way.
    pub(super) fn tell_mapping(&self, considered: &[Considered], displaced: &[u32]) {
        self.on_attempt(|attempt| {
            attempt.considered = considered.to_vec();
            attempt.displaced = displaced.iter().map(|&lease| self.number(lease)).collect();
        });
    }

    /// These may be displaced, the first to go last.
    pub(super) fn tell_candidates(&self, scored: &[(f64, u32)]) {
        let one = |&(score, lease): &(f64, u32)| Candidate { lease: self.number(lease), score };
        self.on_attempt(|attempt| attempt.candidates = scored.iter().map(one).collect());
    }

    pub(super) fn tell_price(&self, price: f64) {
        self.on_attempt(|attempt| attempt.price = Some(price));
    }

    /// The lease is refused, for what kept it from the first place that was tried.
    pub(super) fn refuse(&mut self, lease: u32) {
        let pad = self.notes.as_ref().map(Notes::pad);
        let why = pad.and_then(|mut pad| pad.attempt.hindrance.take());
        let deadline_s = self.window(lease).map(|(_, deadline)| deadline.seconds());
        if let Some(why) = why {
            self.tell(lease, || Decided::Refused { why, deadline_s });
        }
        self.turn(lease, LeaseState::Rejected);
    }

    /// The lease waits on, for what kept it from the first place that was tried.
    pub(super) fn tell_waiting(&self, lease: u32) {
        if !self.tells(lease) {
            return;
        }
        let numbers = || self.future.iter().map(|&other| self.number(other)).collect();
        let full = !self.rules.backfilling.admits(self.future.len());
        let future: Vec<u64> = if full { numbers() } else { Vec::new() };
        let (number, until_s) = (self.number(lease), self.now.seconds());
        let Some(notes) = &self.notes else { return };
        let mut pad = notes.pad();
        let Some(why) = pad.attempt.hindrance.take() else { return };
        let mut mine = pad.decisions.iter_mut().rev().filter(|decision| decision.lease == number);
        if let Some(Decided::Waits { until_s: until, tries, why: before, future: held }) =
            mine.next().map(|decision| &mut decision.what)
            && before.is_like(&why)
            && *held == future
        {
            (*until, *tries) = (until_s, *tries + 1);
            return;
        }
        let what = Decided::Waits { until_s, tries: 1, why, future };
        pad.decisions.push(LeaseDecision { at: self.now, lease: number, what });
    }

    /// The site as a whole has no room for `lease` now.
    pub(super) fn hinder_now(&self, lease: u32) {
        self.try_anew(lease);
        let now = (self.now, Instant(self.now.0 + 1));
        self.hinder(lease, || Hindrance::NoRoom(self.obstacle(lease, now, None, &[])));
    }

    /// These wait and were not tried: nobody overtakes the lease `first`, or the site is full.
    pub(super) fn tell_untried(&self, leases: &[u32], first: Option<u32>) {
        for &lease in leases.iter().filter(|&&lease| self.tells(lease)) {
            match first {
                None => self.hinder_now(lease),
                Some(first) => {
                    self.try_anew(lease);
                    self.hinder(lease, || Hindrance::Behind { lease: self.number(first) });
                }
            }
            self.tell_waiting(lease);
        }
    }

    /// A place was found for `lease`.
    pub(super) fn tell_plan(&self, lease: u32, outline: &Outline) {
        if !self.tells(lease) {
            return;
        }
        let number = self.number(lease);
        let Some(notes) = &self.notes else { return };
        let mut pad = notes.pad();
        let Attempt { hindrance, considered, candidates, displaced, price, lease: tried } =
            &pad.attempt;
        let own = *tried == Some(number);
        let score = |lease: &u64| candidates.iter().find(|other| other.lease == *lease).copied();
        let kept = |other: &&Candidate| !displaced.contains(&other.lease);
        let plan = Planned {
            start_s: outline.start.seconds(),
            end_s: outline.end.seconds(),
            hosts: outline.hosts.clone(),
            suspended: matches!(outline.ending, Ending::Suspension(_)),
            resumed: !outline.resumptions.is_empty(),
            considered: considered.clone(),
            not_sooner: hindrance.clone().filter(|_| own),
            displaces: displaced.iter().filter_map(score).collect(),
            spares: candidates.iter().rev().filter(kept).copied().collect(),
            price: price.filter(|_| own),
        };
        let mine = pad.decisions.iter().rev().find(|decision| decision.lease == number);
        let same = |old: &Planned| {
            (old.start_s, old.end_s, &old.hosts) == (plan.start_s, plan.end_s, &plan.hosts)
        };
        if mine.is_some_and(|mine| matches!(&mine.what, Decided::Planned(old) if same(old))) {
            return;
        }
        let what = Decided::Planned(plan);
        pad.decisions.push(LeaseDecision { at: self.now, lease: number, what });
    }

    /// `lease` makes way for the one that is tried, which begins at `start`.
    pub(super) fn tell_displaced(&self, lease: u32, start: Instant, how: Way, lost: Span) {
        if !self.tells(lease) {
            return;
        }
        let number = self.number(lease);
        let Some(notes) = &self.notes else { return };
        let mut pad = notes.pad();
        let Attempt { candidates, displaced, lease: by, .. } = &pad.attempt;
        let Some(by) = *by else { return };
        let own = candidates.iter().find(|other| other.lease == number);
        let kept = |other: &&Candidate| other.lease != number && !displaced.contains(&other.lease);
        let what = Decided::Displaced(Displaced {
            by,
            start_s: start.seconds(),
            score: own.map(|own| own.score),
            how,
            lost_s: lost.seconds(),
            suspend_s: self.suspend_estimate(lease).seconds(),
            resume_s: self.resume_estimate(lease).seconds(),
            others: candidates.iter().rev().filter(kept).copied().collect(),
        });
        pad.decisions.push(LeaseDecision { at: self.now, lease: number, what });
    }

    /// The VMs of `lease` begin on these hosts.
    pub(super) fn tell_begin(&self, lease: u32, hosts: &[u32]) {
        let request = &self.requests[lease as usize];
        let since = match request.kind {
            LeaseKind::AdvanceReservation { start } => start,
            _ => request.arrival,
        };
        let waited_s = (self.now - since).seconds();
        self.tell(lease, || Decided::Begins { hosts: hosts.to_vec(), waited_s });
    }

    /// The memory of `lease` is saved from now on.
    pub(super) fn tell_suspension(&self, lease: u32) {
        let run = self.lives[lease as usize].run;
        let until = run.map_or(self.now, |run| self.table.final_end(run));
        self.tell(lease, || Decided::Suspends { until_s: until.seconds() });
    }

    /// The memory of `lease` is loaded from now on.
    pub(super) fn tell_resumption(&self, lease: u32) {
        let run = self.lives[lease as usize].run.map(|run| self.table.get(run));
        let Some(run) = run else { return };
        let (until_s, hosts) = (run.start.seconds(), run.mapping.clone());
        self.tell(lease, || Decided::Resumes { until_s, hosts });
    }

    /// What `lease` has saved goes to other hosts from now on.
    pub(super) fn tell_moves(&self, lease: u32, what: &'static str, id: ReservationId) {
        let round = self.table.get(id);
        let moves = || round.moves.iter().map(|step| (step.vm, step.from, step.to)).collect();
        let until_s = round.end.seconds();
        self.tell(lease, || Decided::Moves { what, moves: moves(), until_s });
    }

    /// `lease` is over as agreed.
    pub(super) fn tell_end(&self, lease: u32) {
        let ran = self.lives[lease as usize].accumulated;
        let asked = self.requests[lease as usize].duration;
        let early_s = (asked - ran).seconds().max(0.0);
        self.tell(lease, || Decided::Ends { run_s: ran.seconds(), early_s });
    }
}
