//! VMs of leases under consolidation: where they begin, which hosts are woken for them, and what
//! becomes of them when their lease is over.
//!
//! The calendar of leases promises capacity: whom it lets begin, and until when. Where the VM of a
//! lease runs is another question, which the policies of the run answer: its placer when the VM
//! begins, the others as long as it runs. So hosts sleep that leases hold, and a host carries more
//! VMs than reserved room for, as far as the policies dare.
//!
//! ```text
//! prepare:  start - (shutdown-s + wake-s)      a host is chosen for a promised start, and woken
//! slack:    m - r(t)                           of a reservation's VM, is nobody else's
//! ```
//!
//! `m`: what the VM reserved, `r(t)`: what it asks for now, MIPS. A VM whose host is not on waits
//! for it; one for which there is no room anywhere waits until there is, unless it is promised:
//! then it begins beside others where most is free.

use serde::{Deserialize, Serialize};

use super::decide::settle;
use super::fences::is_public;
use super::leases::{Leases, Promise, Turn};
use super::order::StartOrder;
use super::queue::Event;
use super::run::Engine;
use super::share::Role;
use super::start::place_newcomers;
use super::world::PowerState;
use super::{Error, Policies};
use crate::id::{HostId, VmId};
use crate::lease::LateStarts;
use crate::model::Resources;
use crate::model::lease::Guests;
use crate::model::record::{ActionKind, Reason};
use crate::time::{Instant, Span};

/// Whether the VMs of leases are consolidated (`leases.consolidate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsolidateLeases {
    /// They stay where their lease holds capacity, and all hosts are on.
    #[default]
    Off,
    /// Policies place and move them, and hosts without VMs sleep; nobody looks at what is promised.
    Blind,
    /// The same, and for every start that is promised a host is chosen and woken in time.
    Foresighted,
}

impl ConsolidateLeases {
    /// What the VMs of the fleet stand for.
    pub fn guests(&self) -> Guests {
        if self.is_off() { Guests::Cores } else { Guests::Vms }
    }

    /// Whether it is off.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// A VM that will begin on its host, or waits for that to wake.
#[derive(Debug, Clone, Copy)]
struct Coming {
    vm: VmId,
    host: HostId,
    /// When its lease begins.
    start: Instant,
    /// Whether it has.
    begun: bool,
}

/// The VMs of leases that are to come, and what was promised to them.
#[derive(Debug)]
pub(super) struct Tenants {
    foresighted: bool,
    /// Whether VMs run where their lease holds capacity, on hosts that are all on.
    pinned: bool,
    /// VMs with a host on which they do not run yet.
    coming: Vec<Coming>,
    /// VMs for which there was no room, and when their lease begins or began.
    homeless: Vec<(Instant, VmId)>,
    /// Promised starts for which no host is chosen yet, the first first.
    promises: Vec<Promise>,
    /// When the next host is to be chosen.
    expected: Option<Instant>,
    pub(super) late: LateStarts,
    /// Whether the last lease is over: the run ends before a host could go to sleep.
    pub(super) over: bool,
    /// Hosts without VMs that stay on.
    spare_hosts: usize,
    /// In which order VMs of one lease begin.
    pub(super) order: StartOrder,
}

impl Tenants {
    /// None where VMs begin at once with their lease, where that holds capacity.
    pub fn new(how: ConsolidateLeases, spare_hosts: usize, provisioned: bool) -> Option<Self> {
        (provisioned || !how.is_off()).then(|| Self {
            pinned: how.is_off(),
            foresighted: how == ConsolidateLeases::Foresighted,
            coming: Vec::new(),
            homeless: Vec::new(),
            promises: Vec::new(),
            expected: None,
            late: LateStarts::default(),
            over: false,
            spare_hosts,
            order: StartOrder::default(),
        })
    }
}

impl Engine<'_> {
    /// Lets VMs come and go with their leases at `at`.
    pub fn follow_consolidated(
        &mut self,
        at: Instant,
        leases: &mut Leases<'_>,
        policies: &mut Policies,
    ) -> Result<(), Error> {
        self.reach(self.clock.at(at));
        self.tenants().over = leases.next_instant().is_none();
        let turns = leases.turns();
        turns.iter().filter(|turn| !turn.begins).for_each(|turn| self.end_tenancy(turn.vm));
        let mut waiting = std::mem::take(&mut self.tenants().homeless);
        waiting.retain(|&(start, _)| start < at);
        let pinned = self.tenants().pinned;
        for &Turn { vm, host, .. } in turns.iter().filter(|turn| turn.begins) {
            let elsewhere = |coming: &Coming| coming.vm == vm && coming.host != host;
            if pinned && self.tenants().coming.iter().any(elsewhere) {
                self.forget(vm);
            }
            match self.tenants().coming.iter_mut().find(|coming| coming.vm == vm) {
                Some(prepared) => {
                    (prepared.begun, prepared.start) = (true, at);
                    let host = prepared.host;
                    self.begin_on(host);
                    self.hurry(vm, at);
                }
                None if pinned => self.expect(Coming { vm, host, start: at, begun: true }),
                None => waiting.push((at, vm)),
            }
        }
        while let Some(broken) = self.tenants().coming.iter().find(|c| c.start <= at && !c.begun) {
            let vm = broken.vm;
            self.forget(vm);
        }
        self.house(waiting, policies)?;
        self.keep_spare();
        self.keep_headroom();
        if self.tenants().foresighted || pinned {
            let is_new =
                |p: &Promise| self.world.home[p.vm].is_none() && self.world.bound[p.vm] == 0;
            let mut promises: Vec<Promise> = leases.promises().into_iter().filter(is_new).collect();
            promises.sort_by_key(|promise| self.ahead(promise));
            self.tenants().promises = promises;
            self.prepare(policies)?;
        }
        self.flush();
        self.failure.take().map_or(Ok(()), |error| Err(error.into()))
    }

    /// VMs that began late so far, if VMs of leases are consolidated.
    pub fn late_starts(&self) -> Option<LateStarts> {
        self.tenants.as_ref().map(|tenants| tenants.late)
    }

    fn tenants(&mut self) -> &mut Tenants {
        self.tenants.as_mut().expect("leases are consolidated")
    }

    /// When a host is to be chosen for a promise, so that its VM is ready in time.
    fn ahead(&self, promise: &Promise) -> Instant {
        let host = &self.world.rules.host;
        let lead = self.provisioning.as_ref().map_or(Span::ZERO, |all| all.lead(promise.vm));
        let switching = Span::from_seconds(host.wake_s + host.shutdown_s);
        Instant(promise.start.0 - (switching + lead).0)
    }

    /// Schedules the choice of a host for the next promise.
    fn expect_promise(&mut self) {
        let now = self.world.now.instant;
        let first = self.tenants().promises.first().copied();
        let next = first.map(|promise| now.max(self.ahead(&promise)));
        if let Some(next) = next.filter(|_| next != self.tenants().expected) {
            self.queue.push(self.clock.at(next), Event::Prepare);
        }
        self.tenants().expected = next;
    }

    /// Chooses hosts for the promised starts that are near, and wakes them.
    pub(super) fn prepare(&mut self, policies: &mut Policies) -> Result<(), Error> {
        let now = self.world.now.instant;
        let promises = std::mem::take(&mut self.tenants().promises);
        let due = promises.partition_point(|promise| self.ahead(promise) <= now);
        self.tenants().promises = promises;
        let due: Vec<Promise> = self.tenants().promises.drain(..due).collect();
        if self.tenants().pinned {
            for Promise { start, vm, host } in due {
                self.expect(Coming { vm, host, start, begun: false });
            }
        } else {
            self.house(due.iter().map(|promise| (promise.start, promise.vm)).collect(), policies)?;
        }
        self.expect_promise();
        Ok(())
    }

    /// Whether `host`, which has no VM and expects none, may go to sleep.
    pub(super) fn may_sleep(&self, host: HostId) -> bool {
        if self.world.spares.contains(&host) {
            return false;
        }
        match &self.tenants {
            None => !self.leased,
            Some(tenants) if tenants.pinned => false,
            Some(tenants) => {
                let others = self.spare().filter(|&other| other != host);
                !tenants.over && others.count() >= tenants.spare_hosts
            }
        }
    }

    /// Hosts that are on, or will be, and that nobody needs.
    fn spare(&self) -> impl Iterator<Item = HostId> + '_ {
        let world = &self.world;
        let awake = |host| matches!(world.power[host], PowerState::On | PowerState::Waking);
        let idle = |host| world.is_vacant(host) && !world.spares.contains(&host);
        world.power.ids().filter(move |&host| awake(host) && idle(host))
    }

    /// Wakes hosts until as many are spare as there should be, or all are awake.
    pub(super) fn keep_spare(&mut self) {
        let wanted = self.tenants().spare_hosts;
        let missing = wanted.saturating_sub(self.spare().count());
        let off = self.world.power.iter().filter(|&(_, &power)| power == PowerState::Off);
        let off: Vec<HostId> = off.map(|(host, _)| host).take(missing).collect();
        for host in off {
            self.rouse(host);
        }
    }

    /// Wakes a host that is off; at the start of the run it is on at once.
    pub(super) fn rouse(&mut self, host: HostId) {
        match self.world.now.instant {
            Instant::START => self.host_on(host),
            _ => self.wake(host),
        }
    }

    /// Looks again for room for those for whom there was none.
    pub(super) fn house_waiting(&mut self, policies: &mut Policies) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.tenants().homeless);
        self.house(waiting, policies)
    }

    /// Finds hosts for VMs whose lease begins, or began, then; a VM whose host is on begins if its
    /// lease has.
    fn house(
        &mut self,
        mut newcomers: Vec<(Instant, VmId)>,
        policies: &mut Policies,
    ) -> Result<(), Error> {
        if newcomers.is_empty() {
            return Ok(());
        }
        newcomers.sort_unstable_by_key(|&(_, vm)| vm);
        let vms: Vec<VmId> = newcomers.iter().map(|&(_, vm)| vm).collect();
        self.introduce(&vms);
        let placed = place_newcomers(&self.world, &mut self.draft, policies, &vms)?;
        let now = self.world.now.instant;
        for (start, vm) in newcomers {
            let row = placed.binary_search_by_key(&vm, |&(vm, _)| vm);
            let chosen = row.ok().map(|row| placed[row].1);
            let begun = start <= now;
            let squeezed = if begun { self.squeeze(vm, chosen) } else { None };
            match squeezed.or(chosen) {
                Some(host) => self.expect(Coming { vm, host, start, begun }),
                None => self.tenants().homeless.push((start, vm)),
            }
        }
        Ok(())
    }

    /// A VM that begins now and whose host still wakes goes elsewhere, if it is promised.
    fn hurry(&mut self, vm: VmId, start: Instant) {
        let known = self.tenants().coming.iter().find(|coming| coming.vm == vm);
        let Some(asleep) = known.map(|coming| coming.host) else { return };
        settle(&self.world, &mut self.draft, &self.world.snapshot());
        if let Some(host) = self.squeeze(vm, Some(asleep)) {
            self.forget(vm);
            self.expect(Coming { vm, host, start, begun: true });
        }
    }

    /// Where a VM of a reservation that begins now begins all the same, though no host that is on
    /// has `chosen` room for it: beside others, where most CPU is free. Better short than late.
    fn squeeze(&mut self, vm: VmId, chosen: Option<HostId>) -> Option<HostId> {
        let on = |&host: &HostId| self.world.power[host] == PowerState::On;
        let kept = self.tenants.as_ref().is_some_and(|tenants| tenants.foresighted);
        let first = self.world.now.instant == Instant::START;
        if first || !kept || !self.world.reserved[vm] || chosen.as_ref().is_some_and(on) {
            return None;
        }
        let needs = Resources { cpu: 0.0, ..self.world.fleet.needs(vm, 0.0) };
        let has_room = |host: HostId| self.draft.room(host).fits(&needs, 0.0);
        let fits = |host: &HostId| has_room(*host) && self.draft.admits(vm, *host);
        let free = |host: HostId| self.draft.room(host).free.cpu;
        let hosts = self.world.power.ids().filter(on).filter(fits);
        let own = |host: HostId| !is_public(&self.draft, host);
        let better = |a: HostId, b: HostId| own(a).cmp(&own(b)).then(free(a).total_cmp(&free(b)));
        let host = hosts.max_by(|&a, &b| better(a, b).then(b.cmp(&a)))?;
        let state = self.world.snapshot();
        if let Some(chosen) = chosen {
            self.draft.remove(vm, chosen, &state);
        }
        self.draft.append(vm, host, state.demand[vm], &state);
        Some(host)
    }

    /// Works out what VMs ask for that do not run yet; those that are there from the start on have
    /// a first sample.
    fn introduce(&mut self, vms: &[VmId]) {
        let seconds = self.world.now.seconds;
        let world = &mut self.world;
        let first = world.now.instant == Instant::START && !world.demand.is_continuous();
        for &vm in vms {
            world.demand.update(vm, seconds);
            if first {
                let fraction = world.demand.fraction(vm, seconds);
                world.histories.push(vm, fraction);
            }
        }
    }

    /// Lets a VM come to its host, which is woken if it sleeps; at the start of the run it is on.
    fn expect(&mut self, coming: Coming) {
        let Coming { vm, host, .. } = coming;
        self.world.bound[vm] += 1;
        self.world.coming[host].push(vm);
        self.tenants().coming.push(coming);
        if self.world.power[host] == PowerState::Off {
            self.rouse(host);
        }
        self.begin_on(host);
    }

    /// Lets the VMs begin for which `host` is meant and whose lease has begun, if it is on.
    pub(super) fn begin_on(&mut self, host: HostId) {
        if self.tenants.is_none() || self.world.power[host] != PowerState::On {
            return;
        }
        let here = self.tenants().coming.iter().filter(|coming| coming.host == host);
        for vm in here.map(|coming| coming.vm).collect::<Vec<_>>() {
            self.provision(vm, host);
        }
        while let Some(Coming { vm, start, .. }) = self.next_due(host) {
            self.use_provision(vm);
            self.no_longer_comes(vm);
            self.world.close_interval(host);
            self.world.home[vm] = Some(host);
            self.world.enlist(host, vm, Role::Running);
            self.world.note(ActionKind::VmStart, Some(vm), None, Some(host), Reason::Lease);
            let late_s = (self.world.now.instant - start).seconds();
            let reserved = self.world.reserved[vm];
            self.tenants().late.count(late_s, reserved);
        }
        self.begin_followers();
    }

    /// Lets VMs begin that waited for others of their lease, which now run.
    fn begin_followers(&mut self) {
        let Some(tenants) = &self.tenants else { return };
        let follows = |c: &Coming| c.begun && tenants.order.concerns(c.vm);
        let is_on = |c: &Coming| self.world.power[c.host] == PowerState::On;
        let due = |c: &&Coming| follows(c) && is_on(c) && self.is_due(c);
        let next = tenants.coming.iter().find(due).map(|coming| coming.host);
        if let Some(host) = next {
            self.begin_on(host);
        }
    }

    /// Whether a VM whose lease has begun may begin on its host.
    fn is_due(&self, coming: &Coming) -> bool {
        let order = self.tenants.as_ref().map(|tenants| &tenants.order);
        let in_order = order.is_none_or(|order| order.allows(coming.vm, &self.world.home));
        in_order && self.is_provisioned(coming.vm)
    }

    /// A VM that may begin on `host` now.
    fn next_due(&self, host: HostId) -> Option<Coming> {
        let coming = &self.tenants.as_ref()?.coming;
        let due = |c: &&Coming| c.host == host && c.begun && self.is_due(c);
        coming.iter().find(due).copied()
    }

    /// VMs that were to begin on `host` are to begin elsewhere.
    pub(super) fn expel_newcomers(&mut self, host: HostId) {
        let Some(tenants) = &self.tenants else { return };
        let coming = tenants.coming.iter().filter(|coming| coming.host == host);
        for Coming { vm, start, .. } in coming.copied().collect::<Vec<_>>() {
            self.forget(vm);
            self.tenants().homeless.push((start, vm));
        }
    }

    /// A VM no longer comes to the host that was meant for it, and what was prepared is given up.
    fn forget(&mut self, vm: VmId) {
        self.drop_provision(vm);
        self.no_longer_comes(vm);
    }

    /// A VM is no longer expected where it was.
    fn no_longer_comes(&mut self, vm: VmId) {
        let row = self.tenants().coming.iter().position(|coming| coming.vm == vm);
        let Coming { host, .. } = self.tenants().coming.remove(row.expect("it is to come"));
        self.world.bound[vm] -= 1;
        self.world.coming[host].retain(|&other| other != vm);
        self.touched.push(host);
    }

    /// The lease of `vm` lets it go, wherever it is.
    fn end_tenancy(&mut self, vm: VmId) {
        self.release_image(vm);
        if self.give_up_restart(vm) {
            return;
        }
        let waiting = self.tenants().homeless.iter().position(|&(_, other)| other == vm);
        let coming = self.tenants().coming.iter().any(|coming| coming.vm == vm);
        if coming {
            self.forget(vm);
        }
        if let Some(row) = waiting {
            self.tenants().homeless.remove(row);
        }
        if coming || waiting.is_some() {
            self.tenants().late.never += 1;
            return;
        }
        self.abandon_moves(vm);
        let Some(host) = self.world.home[vm] else { return };
        self.world.close_interval(host);
        self.world.delist(host, vm);
        self.world.home[vm] = None;
        self.world.note(ActionKind::VmStop, Some(vm), Some(host), None, Reason::Lease);
        self.touched.push(host);
    }
}
