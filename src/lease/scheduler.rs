//! The scheduler of leases: what it holds, and what happens at one instant.
//!
//! ```text
//! premature ends -> ends -> starts -> new requests -> queue -> starts -> ends without length
//! ```
//!
//! The scheduler does not keep time. Whoever does asks it for the next instant at which something
//! happens and calls it then.
//!
//! Source: Haizea 1.1, order of events of its simulated clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::admission::AdmissionPolicy;
use super::decision::{Decided, Hindrance};
use super::host_selection::HostSelection;
use super::life::Life;
use super::mapper::mapping_order;
use super::mapping::MappingPolicy;
use super::notes::Notes;
use super::preemption::{Preemptee, PreemptionPolicy};
use super::pricing::{self, PricingPolicy};
use super::reservation::{Phase, ReservationId};
use super::rules::LeaseRules;
use super::schedule::{Schedule, UseOfCpu};
use super::shifting::ShiftingPolicy;
use super::site_rules::SiteRules;
use super::table::SlotTable;
use crate::model::lease::{CPU, LeaseKind, LeaseRequest, Site};
use crate::model::lease_record::{LeaseState, Stretch};
use crate::policy::PolicyError;
use crate::provision::{Caches, Repository, TransferId};
use crate::time::Instant;

/// The policies of a run, fresh for it.
pub struct LeasePolicies {
    /// Which requests are accepted at all.
    pub admission: Box<dyn AdmissionPolicy>,
    /// Who may displace whom.
    pub preemption: Box<dyn PreemptionPolicy>,
    /// Which hosts are taken first.
    pub host_selection: Box<dyn HostSelection>,
    /// Which VM goes to which host, in place of the greedy mapper.
    pub mapping: Option<Box<dyn MappingPolicy>>,
    /// What leases cost.
    pub pricing: Box<dyn PricingPolicy>,
    /// When those that can wait may begin; without it as soon as they can.
    pub shifting: Option<Box<dyn ShiftingPolicy>>,
    /// Where it is noted what is decided, if anybody asks why.
    pub notes: Option<Notes>,
}

impl LeasePolicies {
    /// The built-in policies that `rules` name.
    pub fn new(rules: &LeaseRules) -> Self {
        Self {
            admission: Box::new(rules.admission),
            preemption: Box::new(rules.preemption),
            host_selection: Box::new(rules.host_selection),
            mapping: None,
            pricing: Box::new(rules.pricing),
            shifting: None,
            notes: None,
        }
    }
}

/// VMs of a lease that begin or cease to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunChange {
    /// Row of the lease among the requests.
    pub lease: u32,
    /// Whether they begin.
    pub begins: bool,
    /// The host of each VM.
    pub hosts: Vec<u32>,
}

/// Places leases on hosts and moves them through their lives.
pub struct Scheduler<'a> {
    pub(super) requests: &'a [LeaseRequest],
    pub(super) rules: LeaseRules,
    pub(super) admission: Box<dyn AdmissionPolicy>,
    pub(super) preemption: Box<dyn PreemptionPolicy>,
    pub(super) host_selection: Box<dyn HostSelection>,
    pub(super) mapping: Option<Box<dyn MappingPolicy>>,
    pub(super) pricing: Box<dyn PricingPolicy>,
    pub(super) shifting: Option<Box<dyn ShiftingPolicy>>,
    pub(super) notes: Option<Notes>,
    pub(super) table: SlotTable,
    pub(super) lives: Vec<Life>,
    /// Leases that wait, by submission.
    pub(super) queue: Vec<u32>,
    /// Leases that are held back, and until when.
    pub(super) held: BTreeSet<(Instant, u32)>,
    /// Leases with a place in the future found by backfilling, by number.
    pub(super) future: Vec<u32>,
    pub(super) repository: Repository,
    pub(super) caches: Caches,
    /// The reservation of each transfer.
    pub(super) transfers: BTreeMap<TransferId, ReservationId>,
    /// Shutdowns under way.
    pub(super) shutdowns: Vec<ReservationId>,
    pub(super) premature: BinaryHeap<Reverse<(Instant, ReservationId)>>,
    pub(super) now: Instant,
    pub(super) stretches: Vec<Stretch>,
    pub(super) cpu: UseOfCpu,
    /// Which VMs began and ceased to run since that was last asked, if it is.
    pub(super) runs: Option<Vec<RunChange>>,
    /// Where VMs may be, if that is not everywhere.
    pub(super) site_rules: Option<SiteRules>,
    arrived: usize,
    /// Instants at which something happened.
    steps: u64,
}

impl<'a> Scheduler<'a> {
    /// A scheduler for `requests`, which are in the order of their arrival, on `site`.
    pub fn new(
        site: &Site,
        requests: &'a [LeaseRequest],
        rules: LeaseRules,
        policies: LeasePolicies,
    ) -> Self {
        let mut lives: Vec<Life> = requests.iter().map(|_| Life::new()).collect();
        for (life, request) in lives.iter_mut().zip(requests) {
            life.need = request.total();
            life.company = request.company().map(Arc::new);
            if request.nodes.len() > 1 {
                life.order = mapping_order(&request.needs().collect::<Vec<_>>());
            }
        }
        Self {
            requests,
            rules,
            admission: policies.admission,
            preemption: policies.preemption,
            host_selection: policies.host_selection,
            mapping: policies.mapping,
            pricing: policies.pricing,
            shifting: policies.shifting,
            notes: policies.notes,
            table: SlotTable::new(&site.hosts),
            lives,
            queue: Vec::new(),
            held: BTreeSet::new(),
            future: Vec::new(),
            repository: Repository::default(),
            caches: Caches::new(site.hosts.len()),
            transfers: BTreeMap::new(),
            shutdowns: Vec::new(),
            premature: BinaryHeap::new(),
            now: Instant::START,
            stretches: Vec::new(),
            cpu: UseOfCpu::default(),
            runs: None,
            site_rules: None,
            arrived: 0,
            steps: 0,
        }
    }

    /// From here on it can be asked which VMs begin and cease to run.
    pub fn tell_runs(&mut self) {
        self.runs = Some(Vec::new());
    }

    /// The VMs that began or ceased to run since this was last asked, in order; none unless
    /// [`tell_runs`](Self::tell_runs) was called.
    pub fn take_run_changes(&mut self) -> Vec<RunChange> {
        self.runs.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Notes that the VMs of a lease begin or cease to run.
    pub(super) fn tell_run(&mut self, lease: u32, begins: bool, hosts: &[u32]) {
        if let Some(runs) = &mut self.runs {
            runs.push(RunChange { lease, begins, hosts: hosts.to_vec() });
        }
    }

    /// Leases that are planned to begin, or to go on, later than now, when, and where.
    pub fn promised(&self) -> impl Iterator<Item = (u32, Instant, &[u32])> + '_ {
        let runs = self.table.runs().iter().map(|&run| self.table.get(run));
        let ahead = runs.filter(|run| run.phase == Phase::Scheduled && run.start > self.now);
        ahead.map(|run| (run.lease, run.start, &run.mapping[..]))
    }

    /// The next instant at which something happens; none when all is over.
    pub fn next_instant(&mut self) -> Option<Instant> {
        let arrival = self.requests.get(self.arrived).map(|lease| lease.arrival);
        let begun = self.steps > 0;
        let now = if begun { self.now } else { Instant(i64::MIN) };
        let event = self.table.next_event(now);
        let premature = self.next_premature();
        let held = self.held.first().map(|&(until, _)| until);
        [arrival, event, premature, held].into_iter().flatten().min()
    }

    /// Lets everything happen that happens at `now`, which is later than any instant before.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    pub fn step(&mut self, now: Instant) -> Result<(), PolicyError> {
        self.now = now;
        self.steps += 1;
        self.end_prematurely()?;
        self.end_reservations();
        self.begin_reservations();
        self.receive()?;
        self.serve_queue()?;
        self.begin_reservations();
        self.end_reservations();
        self.cpu.note(now);
        Ok(())
    }

    /// Takes in the requests that have arrived.
    fn receive(&mut self) -> Result<(), PolicyError> {
        let (mut dated, mut immediate) = (Vec::new(), Vec::new());
        while let Some(request) = self.requests.get(self.arrived) {
            if request.arrival > self.now {
                break;
            }
            let lease = self.arrived as u32;
            self.arrived += 1;
            self.turn(lease, LeaseState::Pending);
            self.try_anew(lease);
            self.tell(lease, || asked(request));
            let admitted = self.admission.admits(request);
            if !admitted.map_err(|error| self.blamed(error, lease))? {
                self.hinder(lease, || Hindrance::NotAdmitted);
                self.refuse(lease);
                continue;
            }
            match request.kind {
                LeaseKind::BestEffort => {
                    self.turn(lease, LeaseState::Queued);
                    self.hold_back(lease)?;
                }
                LeaseKind::Immediate => immediate.push(lease),
                LeaseKind::AdvanceReservation { .. } | LeaseKind::Deadline { .. } => {
                    dated.push(lease);
                }
            }
        }
        self.release();
        if self.rules.oddities.immediate_first {
            self.place_immediate(&immediate)?;
            return self.place_dated(&dated);
        }
        self.place_dated(&dated)?;
        self.place_immediate(&immediate)
    }

    fn place_immediate(&mut self, leases: &[u32]) -> Result<(), PolicyError> {
        for &lease in leases {
            if !self.place(lease, false)? {
                self.refuse(lease);
            }
        }
        Ok(())
    }

    fn place_dated(&mut self, leases: &[u32]) -> Result<(), PolicyError> {
        for &lease in leases {
            self.try_anew(lease);
            let placed = match self.requests[lease as usize].kind {
                LeaseKind::Deadline { start, deadline } => {
                    let later = self.not_before(lease)?;
                    (later > start.max(self.now)
                        && self.place_by_deadline(lease, later, deadline)?)
                        || self.place_by_deadline(lease, start, deadline)?
                }
                LeaseKind::AdvanceReservation { start } => self.reserve(lease, start)?,
                LeaseKind::BestEffort | LeaseKind::Immediate => false,
            };
            if !placed {
                self.refuse(lease);
            }
        }
        Ok(())
    }

    /// Tries to place the leases that wait, in order.
    fn serve_queue(&mut self) -> Result<(), PolicyError> {
        let waiting = std::mem::take(&mut self.queue);
        let mut left = Vec::with_capacity(waiting.len());
        let mut turns = waiting.into_iter();
        let mut free = self.table.site.at(self.now);
        while let Some(&lease) = turns.as_slice().first() {
            let could_wait = self.rules.backfilling.admits(self.future.len());
            let full = free[2] <= 0;
            if !could_wait && full {
                break;
            }
            turns.next();
            let tried = could_wait || self.could_begin(lease, free);
            if !tried {
                self.hinder_now(lease);
            }
            if tried && self.place(lease, true)? {
                free = self.table.site.at(self.now);
            } else {
                self.tell_waiting(lease);
                left.push(lease);
                if !self.rules.backfilling.admits(0) {
                    break;
                }
            }
        }
        let overtaken = if self.rules.backfilling.admits(0) { None } else { left.first() };
        self.tell_untried(turns.as_slice(), overtaken.copied());
        left.extend(turns);
        assert!(self.queue.is_empty(), "placing a best-effort lease displaces nobody");
        self.queue = left;
        Ok(())
    }

    /// `error` with the lease and the time at which a policy was asked.
    pub(super) fn blamed(&self, error: PolicyError, lease: u32) -> PolicyError {
        let number = self.requests[lease as usize].number;
        error.about(format!("lease {number}")).at(self.now)
    }

    /// A lease that could be displaced at `at`.
    pub(super) fn preemptee(&self, lease: u32, at: Instant) -> Preemptee<'a> {
        let requests = self.requests;
        Preemptee {
            request: &requests[lease as usize],
            remaining: self.remaining_at(lease, at),
            suspend: self.suspend_estimate(lease),
            resume: self.resume_estimate(lease),
        }
    }

    /// Whether the user of a lease accepts its price if `displaced` must go for it at `at`.
    pub(super) fn agrees(
        &mut self,
        lease: u32,
        displaced: &[u32],
        at: Instant,
    ) -> Result<bool, PolicyError> {
        let requests = self.requests;
        let request = &requests[lease as usize];
        let displaced: Vec<_> = displaced.iter().map(|&other| self.preemptee(other, at)).collect();
        let price = self.pricing.price(request, &displaced);
        let price = price.map_err(|error| self.blamed(error, lease))?;
        let accepted = pricing::accepts(request, price);
        match accepted {
            true => self.tell_price(price),
            false => self.hinder(lease, || Hindrance::TooDear { price }),
        }
        let told = self.pricing.feedback(request, price, accepted);
        told.map_err(|error| self.blamed(error, lease))?;
        self.life(lease).outcome.price = accepted.then_some(price);
        Ok(accepted)
    }

    /// Puts a lease into the queue by its submission, behind those of the same instant.
    pub(super) fn enqueue(&mut self, lease: u32) {
        let arrival = |lease: u32| self.requests[lease as usize].arrival;
        let at = self.queue.partition_point(|&other| arrival(other) <= arrival(lease));
        self.queue.insert(at, lease);
    }

    /// Changes the state of a lease.
    pub(super) fn turn(&mut self, lease: u32, state: LeaseState) {
        self.lives[lease as usize].turn(state, self.now);
    }

    pub(super) fn life(&mut self, lease: u32) -> &mut Life {
        &mut self.lives[lease as usize]
    }

    /// Adds a lease to those with a place in the future.
    pub(super) fn join_future(&mut self, lease: u32) {
        let number = |lease: u32| (self.requests[lease as usize].number, lease);
        let at = self.future.partition_point(|&other| number(other) < number(lease));
        self.future.insert(at, lease);
        self.life(lease).in_future = true;
    }

    pub(super) fn leave_future(&mut self, lease: u32) {
        if std::mem::take(&mut self.life(lease).in_future) {
            self.future.retain(|&other| other != lease);
        }
    }

    /// Notes that `cpu` hundredths of a core more (or less) are in use.
    pub(super) fn use_cpu(&mut self, cpu: i64) {
        self.cpu.change(cpu);
    }

    /// Ends the run: what still waits cannot ever be placed.
    pub fn finish(mut self) -> Schedule {
        for lease in std::mem::take(&mut self.queue) {
            self.tell(lease, || Decided::Fails);
            self.turn(lease, LeaseState::Failed);
        }
        let total = self.table.rows.iter().map(|row| row.capacity[CPU]).sum();
        Schedule {
            late: None,
            provision: None,
            leases: self.lives.into_iter().map(|life| life.outcome).collect(),
            stretches: self.stretches,
            cpu: self.cpu,
            total_cpu: total,
            end: self.now,
            steps: self.steps,
        }
    }
}

fn asked(request: &LeaseRequest) -> Decided {
    let (kind, vms) = (request.kind.name(), request.vms());
    Decided::Asked { kind, vms, duration_s: request.duration.seconds() }
}
