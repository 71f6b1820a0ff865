//! Leases in the event loop: when something happens to them next, and whose VMs run where from then
//! on.
//!
//! The scheduler says when something happens next and is called then; the order of what happens to
//! leases at one instant is its own. Where leases carry load, each core of each of their VMs is a VM
//! of the fleet: those of the first lease by arrival come first.

use crate::id::{HostId, Id, VmId};
use crate::lease::{LeasePolicies, LeaseRules, RunChange, Schedule, Scheduler};
use crate::model::lease::{LeaseRequest, Site};
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
}

/// A VM that begins or ceases to run because its lease does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    pub vm: VmId,
    pub host: HostId,
    pub begins: bool,
}

/// The scheduler, as the event loop sees it.
pub(super) struct Leases<'a> {
    scheduler: Scheduler<'a>,
    requests: &'a [LeaseRequest],
    /// The first VM of the fleet of each lease.
    first_vm: Vec<usize>,
    last: Option<Instant>,
    turns: Vec<Turn>,
}

impl<'a> Leases<'a> {
    /// `carry_load`: whether the VMs of leases are those of a fleet.
    pub fn new(side: LeaseSide<'a>, carry_load: bool) -> Self {
        let LeaseSide { site, requests, rules, policies } = side;
        let mut scheduler = Scheduler::new(site, requests, rules.clone(), policies);
        let mut first_vm = Vec::new();
        if carry_load {
            scheduler.tell_runs();
            first_vm.extend(requests.iter().scan(0, |vms, lease| {
                let first = *vms;
                *vms += lease.cores().count();
                Some(first)
            }));
        }
        Self { scheduler, requests, first_vm, last: None, turns: Vec::new() }
    }

    /// When something happens next; never again when all is over.
    pub fn next_instant(&mut self) -> Option<Instant> {
        self.scheduler.next_instant()
    }

    /// Lets happen what happens to leases at `at`; gives the VMs that begin or cease to run then.
    pub fn step(&mut self, at: Instant) -> Result<&[Turn], PolicyError> {
        assert!(self.last.is_none_or(|last| last < at), "time goes forward");
        self.last = Some(at);
        self.scheduler.step(at)?;
        self.turns.clear();
        for RunChange { lease, begins, hosts } in self.scheduler.take_run_changes() {
            let vms = (self.first_vm[lease as usize]..).map(VmId::from_index);
            let cores = self.requests[lease as usize].cores().zip(vms);
            let turn = |((node, _), vm)| Turn { vm, host: HostId(hosts[node]), begins };
            self.turns.extend(cores.map(turn));
        }
        Ok(&self.turns)
    }

    /// Everything that came of them.
    pub fn finish(self) -> Schedule {
        self.scheduler.finish()
    }
}
