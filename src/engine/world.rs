//! The state of a run: where every VM is, what every host does, and what is under way.
//!
//! Only the methods here change it. A host is evaluated when something on it changes, and at every
//! sample; between two evaluations its values hold.

use std::collections::BTreeMap;

use super::capping::Capping;
use super::clock::Moment;
use super::demand::DemandCurve;
use super::hash_order;
use super::share::{Claim, Grant, Role, Sharing, Toll, Usage};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::metric::{HostMeter, Meter};
use crate::model::record::{Action, ActionKind, Reason, Record};
use crate::model::rules::{EnergyIntegral, Memory, Oversubscription};
use crate::model::{Fleet, Rules, Snapshot, VmHistories};
use crate::place::Draft;
use crate::power::PowerTable;
use crate::time::Instant;

/// Whether a host can run VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerState {
    /// Draws nothing.
    Off,
    /// On its way to `On`.
    Waking,
    /// Runs VMs.
    On,
    /// On its way to `Off`.
    ShuttingDown,
    /// Draws nothing, and cannot be woken.
    Failed,
}

/// A VM on the list of a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The VM.
    pub vm: VmId,
    /// What it does there.
    pub role: Role,
}

/// A migration that has been decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The VM.
    pub vm: VmId,
    /// Its destination.
    pub to: HostId,
    /// Why.
    pub reason: Reason,
}

/// Everything that changes during a run.
pub struct World<'a> {
    /// Hosts and VMs.
    pub fleet: &'a Fleet,
    /// The rules.
    pub rules: &'a Rules,
    /// What each VM asks for.
    pub demand: DemandCurve<'a>,
    /// The past of each VM.
    pub histories: VmHistories,
    /// VMs of each host, in the order in which they came.
    pub lists: IdVec<HostId, Vec<Entry>>,
    /// Host of each VM that is present.
    pub home: IdVec<VmId, Option<HostId>>,
    /// Copies of each VM under way.
    pub copies: IdVec<VmId, u8>,
    /// What its migration takes of each VM.
    pub toll: IdVec<VmId, Toll>,
    /// Moves of each VM decided and not completed.
    pub bound: IdVec<VmId, u8>,
    /// Whether each host is on.
    pub power: IdVec<HostId, PowerState>,
    /// Moves that wait for their destination to wake.
    pub pending: IdVec<HostId, Vec<Move>>,
    /// VMs that will begin on each host.
    pub coming: IdVec<HostId, Vec<VmId>>,
    /// Hosts that have failed and are not repaired.
    pub failed: Vec<HostId>,
    /// Hosts whose outage is known beforehand and has not begun, in id order; one that is to go out
    /// twice is there twice.
    pub closing: Vec<HostId>,
    /// Hosts that the network cuts off, in id order.
    pub cut: Vec<HostId>,
    /// Empty hosts that are kept for restarts, closed to policies.
    pub spares: Vec<HostId>,
    /// VMs whose host failed and that do not run again yet, and when each was last looked at,
    /// seconds.
    pub down: Vec<(VmId, f64)>,
    /// VMs at public sites, and since which decision.
    pub rented: BTreeMap<VmId, Instant>,
    /// Seconds that each VM was down, all together; empty until one is.
    pub down_s: Vec<f64>,
    /// VMs whose capacity is promised: what they do not ask for is nobody else's where policies
    /// place, and where a host runs short they are served first.
    pub reserved: IdVec<VmId, bool>,
    /// VMs that boot on each host and do not run yet.
    pub boots: IdVec<HostId, Vec<VmId>>,
    /// Utilisation of each host at its last evaluation.
    pub utilisation: IdVec<HostId, f64>,
    /// The books.
    pub meter: Meter,
    /// What happened.
    pub record: Record,
    /// Now.
    pub now: Moment,
    /// What keeps the power cap, where one is enforced.
    pub capping: Option<Capping>,
    /// Power of each machine.
    pub(super) tables: Vec<PowerTable>,
    pub(super) sharing: Sharing,
    /// Where each VM comes when requests are added up, before masking.
    ranks: IdVec<VmId, u32>,
    /// Mask of each host's table of requests; 0 keeps list order.
    masks: IdVec<HostId, u32>,
    /// Hosts with VMs, in id order.
    inhabited: Vec<HostId>,
    /// Whether a VM that asked for nothing was met since this was last asked.
    idle_seen: bool,
    claims: Vec<Claim>,
}

impl<'a> World<'a> {
    /// A world before its start: every host off, no VM present. `window`: samples of history that
    /// policies look at, at most.
    pub fn new(
        fleet: &'a Fleet,
        rules: &'a Rules,
        demand: DemandCurve<'a>,
        meter: Meter,
        now: Moment,
        window: usize,
    ) -> Self {
        let (hosts, vms) = (fleet.hosts(), fleet.vms());
        Self {
            fleet,
            rules,
            demand,
            histories: VmHistories::with_window(vms, window),
            lists: IdVec::filled(Vec::new(), hosts),
            home: IdVec::filled(None, vms),
            copies: IdVec::filled(0, vms),
            toll: IdVec::filled(Toll::NONE, vms),
            bound: IdVec::filled(0, vms),
            power: IdVec::filled(PowerState::Off, hosts),
            pending: IdVec::filled(Vec::new(), hosts),
            coming: IdVec::filled(Vec::new(), hosts),
            failed: Vec::new(),
            closing: Vec::new(),
            cut: Vec::new(),
            spares: Vec::new(),
            down: Vec::new(),
            rented: BTreeMap::new(),
            down_s: Vec::new(),
            reserved: IdVec::filled(false, vms),
            boots: IdVec::filled(Vec::new(), hosts),
            utilisation: IdVec::filled(0.0, hosts),
            meter,
            record: Record::default(),
            now,
            capping: rules.host.cap_w.clone().map(|cap| Capping::new(cap, hosts)),
            tables: fleet.machines.iter().map(PowerTable::of).collect(),
            sharing: Sharing::new(rules),
            ranks: (0..vms).map(hash_order::hash).collect(),
            masks: IdVec::filled(0, hosts),
            inhabited: Vec::new(),
            idle_seen: false,
            claims: Vec::new(),
        }
    }

    /// Hosts with VMs, in id order.
    pub fn inhabited(&self) -> &[HostId] {
        &self.inhabited
    }

    /// Whether running VMs take memory.
    pub fn counts_memory(&self) -> bool {
        self.rules.host.memory == Memory::Enforced
    }

    /// Adds an action to the record.
    pub fn note(
        &mut self,
        kind: ActionKind,
        vm: Option<VmId>,
        from: Option<HostId>,
        to: Option<HostId>,
        reason: Reason,
    ) {
        let (at, seconds) = (self.now.instant, self.now.seconds);
        self.record.actions.push(Action { at, seconds, kind, vm, from, to, reason });
    }

    /// Adds an action of a host.
    pub fn note_host(&mut self, kind: ActionKind, host: HostId) {
        self.note(kind, None, Some(host), None, Reason::Consequence);
    }

    /// Puts an entry at the end of the list of `host`.
    pub fn enlist(&mut self, host: HostId, vm: VmId, role: Role) {
        if self.lists[host].is_empty()
            && let Err(at) = self.inhabited.binary_search(&host)
        {
            self.inhabited.insert(at, host);
        }
        self.lists[host].push(Entry { vm, role });
    }

    /// Notes how large each host's table of requests has grown: CloudSim enters a VM into it to ask
    /// whether the host would be overloaded, so one more than were ever there.
    pub fn file_requests(&mut self, draft: &Draft) {
        if self.rules.host.oversubscription == Oversubscription::Floored {
            for host in self.masks.ids() {
                self.masks[host] = hash_order::mask(draft.most_vms(host) + 1);
            }
        }
    }

    /// Gives the entry of `vm` on the list of `host` another role.
    pub fn set_role(&mut self, host: HostId, vm: VmId, role: Role) {
        let entry = self.lists[host].iter_mut().find(|entry| entry.vm == vm);
        entry.expect("a VM in migration is on the lists of both hosts").role = role;
    }

    /// Takes the entry of `vm` off the list of `host`.
    pub fn delist(&mut self, host: HostId, vm: VmId) {
        let before = self.lists[host].len();
        self.lists[host].retain(|entry| entry.vm != vm);
        assert_eq!(self.lists[host].len() + 1, before, "{vm} is on {host} once");
        if self.lists[host].is_empty()
            && let Ok(at) = self.inhabited.binary_search(&host)
        {
            self.inhabited.remove(at);
        }
    }

    /// Evaluates every host that has VMs, and those VMs that are down.
    pub fn evaluate_all(&mut self) {
        for i in 0..self.inhabited.len() {
            self.evaluate(self.inhabited[i]);
        }
        for i in 0..self.down.len() {
            self.evaluate_down(i);
        }
    }

    /// Whether nothing is on `host`, and nothing is to come.
    pub fn is_vacant(&self, host: HostId) -> bool {
        self.lists[host].is_empty() && self.pending[host].is_empty() && self.coming[host].is_empty()
    }

    /// `vm`, which no host has any more, is down from now on.
    pub fn fall(&mut self, vm: VmId) {
        self.down.push((vm, self.now.seconds));
        self.evaluate_down(self.down.len() - 1);
    }

    /// `vm` is down no longer.
    pub fn rise(&mut self, vm: VmId) {
        if let Some(row) = self.down.iter().position(|&(down, _)| down == vm) {
            self.evaluate_down(row);
            self.down.remove(row);
        }
    }

    /// Closes the interval of a VM that is down: what it asks for it does not get.
    fn evaluate_down(&mut self, row: usize) {
        let (vm, since) = self.down[row];
        let dt = self.now.seconds - since;
        if dt > 0.0 {
            self.meter.integrate_vm(vm, dt);
            self.down_s.resize(self.home.len(), 0.0);
            self.down_s[vm.index()] += dt;
        }
        self.down[row].1 = self.now.seconds;
        let request = self.demand.update(vm, self.now.seconds);
        let meter = &mut self.meter.vms[vm];
        (meter.request, meter.allocated, meter.loss) = (request, 0.0, 0.0);
        meter.short = request > 0.0;
    }

    /// Whether a VM that asked for nothing was met since this was last asked.
    pub fn take_idle_seen(&mut self) -> bool {
        std::mem::take(&mut self.idle_seen)
    }

    /// Closes the interval of `host` and finds what it does from now on.
    pub fn evaluate(&mut self, host: HostId) {
        let HostMeter { watts, used, .. } = self.meter.hosts[host];
        let dt = self.meter.integrate(host, self.now.seconds);
        self.serve(host, dt);
        self.meter.add_energy(host, watts, used, dt);
    }

    /// Holds what all hosts draw from now until `at` against the power cap, if there is one.
    pub fn meter_cap(&mut self, at: Instant) {
        if let Some(cap) = &mut self.meter.cap {
            let watts = self.meter.hosts.iter().map(|(_, host)| host.watts).sum();
            cap.pass(self.now.instant, at, watts);
            if let Some(capping) = &self.capping {
                let withheld = capping.withheld(|host| self.meter.hosts[host].used);
                cap.withhold(self.now.instant, at, withheld);
            }
        }
    }

    /// Closes the interval of `host` with the VMs that it had: before any of them comes or goes.
    pub fn close_interval(&mut self, host: HostId) {
        let HostMeter { watts, used, .. } = self.meter.hosts[host];
        let dt = self.meter.integrate(host, self.now.seconds);
        if dt > 0.0 {
            for entry in self.lists[host].iter().filter(|e| e.role.is_here()) {
                self.meter.integrate_vm(entry.vm, dt);
            }
        }
        self.meter.add_energy(host, watts, used, dt);
    }

    /// Closes the interval of `dt` seconds of every VM of `host` and gives it what it asks for, up
    /// to one core for each of its own; `None` if there is not enough.
    fn serve_fully(&mut self, host: HostId, core: f64, capacity: f64, dt: f64) -> Option<Usage> {
        let (mut free, mut used, mut requested, mut enough) = (capacity, 0.0, 0.0, true);
        let now = self.now.seconds;
        for &Entry { vm, role } in &self.lists[host] {
            let request = self.demand.update(vm, now);
            let most = core * self.fleet.vm_cores[vm];
            let served = match role {
                Role::Running => self.sharing.serve_running(request, most),
                _ => self.sharing.serve(request, most, role, self.toll[vm]),
            };
            enough &= free >= served.asked;
            free -= served.asked;
            used += served.spent;
            requested += served.counted;
            self.idle_seen |= request == 0.0;
            if role.is_here() {
                if dt > 0.0 {
                    self.meter.integrate_vm(vm, dt);
                }
                let meter = &mut self.meter.vms[vm];
                let Grant { allocated, loss, short } = served.grant;
                (meter.request, meter.allocated, meter.loss) = (request, allocated, loss);
                meter.short = short;
            }
        }
        enough.then(|| self.sharing.usage(used, requested, capacity))
    }

    /// Shares the CPU of `host` where there is not enough.
    pub(super) fn ration(&mut self, host: HostId, core: f64, capacity: f64) -> Usage {
        let list = &self.lists[host];
        self.claims.clear();
        for &Entry { vm, role } in list {
            let rank = self.ranks[vm] & self.masks[host];
            self.claims.push(Claim {
                request: self.demand.mips[vm],
                most: core * self.fleet.vm_cores[vm],
                role,
                toll: self.toll[vm],
                rank,
                reserved: self.reserved[vm],
            });
        }
        let vms = &mut self.meter.vms;
        self.sharing.ration(capacity, &self.claims, |index, grant| {
            let meter = &mut vms[list[index].vm];
            (meter.allocated, meter.loss, meter.short) = (grant.allocated, grant.loss, grant.short);
        })
    }

    /// Closes the interval of `dt` seconds of the VMs of `host`, shares its CPU and sets its power.
    fn serve(&mut self, host: HostId, dt: f64) {
        let capacity = self.fleet.capacity[host].0;
        let core = self.fleet.core[host].0;
        let boot = self.boot_load(host).min(capacity);
        let mut usage = match self.serve_fully(host, core, capacity - boot, dt) {
            Some(usage) => usage,
            None => self.ration(host, core, capacity - boot),
        };
        usage = match self.capping {
            Some(_) => self.limit(host, core, usage, boot),
            None => Usage { used: usage.used + boot, ..usage },
        };
        let utilisation = usage.used / capacity;
        let utilisation = if utilisation > 1.0 && utilisation < 1.01 { 1.0 } else { utilisation };
        self.utilisation[host] = utilisation;
        let table = &self.tables[usize::from(self.fleet.machine[host])];
        let meter = &mut self.meter.hosts[host];
        (meter.used, meter.violating) = (usage.used, usage.violating);
        meter.watts = match self.power[host] {
            PowerState::Off | PowerState::Failed => 0.0,
            PowerState::Waking | PowerState::ShuttingDown => table.idle().0,
            PowerState::On => table.power(utilisation).0,
        };
        meter.in_transition =
            matches!(self.power[host], PowerState::Waking | PowerState::ShuttingDown);
        meter.active = match self.rules.accounting.energy {
            EnergyIntegral::Exact => self.power[host] == PowerState::On,
            EnergyIntegral::Trapezoid => usage.used > 0.0,
        };
    }

    /// What the VMs use that boot on `host`, MIPS: they are served before those that run.
    fn boot_load(&self, host: HostId) -> f64 {
        let rules = self.rules.provision.as_ref();
        let part = rules.map_or(0.0, |rules| rules.boot_cpu);
        self.boots[host].iter().map(|&vm| part * self.fleet.vm_mips[vm].0).sum()
    }

    /// What policies see, with `demand` as the demand of the VMs.
    pub fn snapshot_with<'s>(&'s self, demand: &'s IdVec<VmId, f64>) -> Snapshot<'s> {
        Snapshot {
            now: self.now.instant,
            fleet: self.fleet,
            demand,
            histories: &self.histories,
            utilisation: &self.utilisation,
        }
    }

    /// What `vm` reserved and does not ask for at `demand`, MIPS.
    pub fn slack(&self, vm: VmId, demand: f64) -> f64 {
        if self.reserved[vm] { (self.fleet.vm_mips[vm].0 - demand).max(0.0) } else { 0.0 }
    }

    /// What policies see.
    pub fn snapshot(&self) -> Snapshot<'_> {
        self.snapshot_with(&self.demand.mips)
    }

    /// Power that `host` would draw at full load, W.
    pub fn peak_watts(&self, host: HostId) -> f64 {
        self.tables[usize::from(self.fleet.machine[host])].peak().0
    }
}
