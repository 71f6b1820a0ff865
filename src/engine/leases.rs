//! Leases in the event loop: when something happens to them next, and whose VMs run where from then
//! on.
//!
//! The scheduler says when something happens next and is called then; the order of what happens to
//! leases at one instant is its own. Where leases carry load, each core of each of their VMs is a
//! VM of the fleet, or each VM where policies move them: those of the first lease by arrival come
//! first.

use super::Error;
use super::order::StartOrder;
use super::queue::Event;
use super::run::Engine;
use super::share::Role;
use super::tenants::{ConsolidateLeases, Tenants};
use crate::id::{HostId, Id, VmId};
use crate::lease::{LeasePolicies, LeaseRules, RunChange, Schedule, Scheduler};
use crate::model::lease::{Guest, LeaseRequest, Site};
use crate::model::record::{ActionKind, Reason};
use crate::model::site_law::SiteLaw;
use crate::place::Bonds;
use crate::policy::PolicyError;
use crate::time::Instant;

/// What a run of leases is made of.
pub struct LeaseSide<'a> {
    /// The hosts, as leases count them.
    pub site: &'a Site,
    /// What is asked for, in the order of arrival.
    pub requests: &'a [LeaseRequest],
    /// How leases are served.
    pub rules: &'a LeaseRules,
    /// Who decides.
    pub policies: LeasePolicies,
    /// Whether their VMs, where they carry load, are consolidated.
    pub consolidate: ConsolidateLeases,
    /// Hosts without VMs that stay on then, for VMs that begin unannounced.
    pub spare_hosts: usize,
}

/// A VM that begins or ceases to run because its lease does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    pub vm: VmId,
    pub host: HostId,
    pub begins: bool,
}

/// A VM whose lease is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Promise {
    pub start: Instant,
    pub vm: VmId,
    /// Where the calendar holds room for it.
    pub host: HostId,
}

/// The scheduler, as the event loop sees it.
pub(super) struct Leases<'a> {
    scheduler: Scheduler<'a>,
    requests: &'a [LeaseRequest],
    /// The first VM of the fleet of each lease.
    first_vm: Vec<usize>,
    pub(super) consolidate: ConsolidateLeases,
    pub(super) spare_hosts: usize,
    last: Option<Instant>,
    turns: Vec<Turn>,
}

impl<'a> Leases<'a> {
    /// `carry_load`: whether the VMs of leases are those of a fleet.
    pub fn new(side: LeaseSide<'a>, carry_load: bool) -> Self {
        let LeaseSide { site, requests, rules, policies, consolidate, spare_hosts } = side;
        let mut scheduler = Scheduler::new(site, requests, rules.clone(), policies);
        let mut first_vm = Vec::new();
        if carry_load {
            scheduler.tell_runs();
            first_vm.extend(requests.iter().scan(0, |vms, lease| {
                let first = *vms;
                *vms += lease.guests(consolidate.guests()).count();
                Some(first)
            }));
        }
        Self {
            scheduler,
            requests,
            first_vm,
            consolidate,
            spare_hosts,
            last: None,
            turns: Vec::new(),
        }
    }

    /// Hosts are held for VMs only where `law` lets them be.
    pub fn keep_rules(&mut self, law: SiteLaw) {
        self.scheduler.keep_rules(law, self.first_vm.clone());
    }

    /// When something happens next; never again when all is over.
    pub fn next_instant(&mut self) -> Option<Instant> {
        self.scheduler.next_instant()
    }

    /// Lets happen what happens to leases at `at`.
    pub fn step(&mut self, at: Instant) -> Result<(), PolicyError> {
        assert!(self.last.is_none_or(|last| last < at), "time goes forward");
        self.last = Some(at);
        self.scheduler.step(at)?;
        self.turns.clear();
        for RunChange { lease, begins, hosts } in self.scheduler.take_run_changes() {
            let vms = (self.first_vm[lease as usize]..).map(VmId::from_index);
            let guests = self.requests[lease as usize].guests(self.consolidate.guests());
            let host = |guest: Guest| HostId(hosts[guest.node]);
            let turn = |(guest, vm)| Turn { vm, host: host(guest), begins };
            self.turns.extend(guests.zip(vms).map(turn));
        }
        Ok(())
    }

    /// The VMs that began or ceased to run at the last step.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// VMs of leases that are to begin later, the first first.
    pub fn promises(&self) -> Vec<Promise> {
        let each = self.consolidate.guests();
        let mut all = Vec::new();
        for (lease, start, hosts) in self.scheduler.promised() {
            let vms = (self.first_vm[lease as usize]..).map(VmId::from_index);
            let guests = self.requests[lease as usize].guests(each).zip(vms);
            let host = |guest: Guest| HostId(hosts[guest.node]);
            all.extend(guests.map(|(guest, vm)| Promise { start, vm, host: host(guest) }));
        }
        all.sort_unstable();
        all
    }

    /// What is asked for.
    pub fn requests(&self) -> &'a [LeaseRequest] {
        self.requests
    }

    /// Everything that came of them.
    pub fn finish(self) -> Schedule {
        self.scheduler.finish()
    }
}

impl Engine<'_> {
    /// Begins without a VM, for they come with `leases`: all hosts on, unless they are
    /// consolidated.
    pub fn start_empty(&mut self, leases: &Leases<'_>) {
        let (requests, how) = (leases.requests, leases.consolidate);
        self.leased = true;
        self.expect_provisioning(leases);
        self.tenants = Tenants::new(how, leases.spare_hosts, self.provisioning.is_some());
        if let Some(tenants) = &mut self.tenants {
            tenants.order = StartOrder::of(requests, how.guests());
        }
        self.samples = usize::MAX;
        self.world.demand.repeat();
        self.world.demand.set_sample(0);
        self.draft.count_memory(self.world.counts_memory());
        let bonds = Bonds::of(requests, how.guests());
        if !bonds.is_empty() {
            self.draft.bind(bonds, self.world.fleet);
        }
        let of = |lease: &LeaseRequest| {
            std::iter::repeat_n(lease.is_reservation(), lease.guests(how.guests()).count())
        };
        self.world.reserved = requests.iter().flat_map(of).collect();
        self.expect_outages();
        self.expect_cap();
        if how.is_off() {
            // Nobody lets them sleep.
            self.world.power.ids().for_each(|host| self.host_on(host));
        } else {
            self.keep_spare();
            self.keep_headroom();
        }
        self.flush();
        self.queue.push(self.clock.first_decision(), Event::Sample(1));
    }

    /// Lets VMs come and go with their leases at `at`.
    pub fn follow(&mut self, at: Instant, turns: &[Turn]) -> Result<(), Error> {
        self.reach(self.clock.at(at));
        for &Turn { vm, host, begins } in turns {
            if begins { self.admit(vm, host) } else { self.dismiss(vm, host) }
        }
        self.flush();
        self.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// A VM begins to run on `host`.
    fn admit(&mut self, vm: VmId, host: HostId) {
        self.world.close_interval(host);
        self.world.home[vm] = Some(host);
        self.world.enlist(host, vm, Role::Running);
        self.world.note(ActionKind::VmStart, Some(vm), None, Some(host), Reason::Lease);
        self.touched.push(host);
    }

    /// A VM ceases to run on `host`.
    fn dismiss(&mut self, vm: VmId, host: HostId) {
        self.world.close_interval(host);
        self.world.delist(host, vm);
        self.world.home[vm] = None;
        self.world.note(ActionKind::VmStop, Some(vm), Some(host), None, Reason::Lease);
        self.touched.push(host);
    }
}
