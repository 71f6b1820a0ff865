//! High availability: VMs whose host failed are restarted elsewhere.
//!
//! ```text
//! up again = max(failed + detect, there is room) (+ wake-s, where the host sleeps) + boot
//! ```
//!
//! When the failure is noticed hosts are looked for, for the VMs of highest priority first: by the
//! placer of the run; where that leaves any of one priority, all of them are placed anew by first
//! fit decreasing (the largest memory first, hosts that are on before others, each by its number);
//! and where that leaves any, by the same without regard to CPU: better short than down. Who finds
//! no memory, disk or network waits, and is looked at again when a host is repaired and at every
//! decision. From then on the VM holds its room; it asks for CPU when it runs. As long as it does
//! not, its demand counts as not served.

use std::cmp::Reverse;

use super::decide::settle;
use super::fences::is_public;
use super::queue::Event;
use super::run::Engine;
use super::share::Role;
use super::start::place_newcomers;
use super::world::{PowerState, World};
use super::{Error, Policies};
use crate::id::{HostId, VmId};
use crate::model::Resources;
use crate::model::record::{ActionKind, Reason, RestartRecord};
use crate::place::Draft;
use crate::time::{Instant, Span};

/// A VM that does not run as its host failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Down {
    pub vm: VmId,
    /// Its row in the record.
    row: usize,
    /// From when on a host is looked for.
    ready: Instant,
    /// The host that was found.
    pub to: Option<HostId>,
    /// When it will run there, once that is on.
    pub up: Option<Instant>,
}

impl Down {
    /// Whether a host is to be looked for at `at`.
    pub fn waits(&self, at: Instant) -> bool {
        self.to.is_none() && self.ready <= at
    }
}

impl Engine<'_> {
    /// Who is restarted first: the higher, the sooner. Of leases reservations are protected.
    pub(super) fn priority(&self, vm: VmId) -> u32 {
        match &self.outages {
            _ if self.leased => u32::from(self.world.reserved[vm]),
            Some(outages) => outages.rules.priority_of(vm, self.world.fleet.vms()),
            None => 0,
        }
    }

    /// The VMs of `host`, which failed, are down.
    pub(super) fn fell_vms(&mut self, host: HostId) {
        let vms: Vec<VmId> = self.world.lists[host].iter().map(|entry| entry.vm).collect();
        for vm in vms {
            self.world.delist(host, vm);
            self.world.home[vm] = None;
            self.world.bound[vm] = 1;
            self.world.fall(vm);
            self.world.note(ActionKind::VmFail, Some(vm), Some(host), None, Reason::Consequence);
            self.await_restart(vm, host);
        }
    }

    fn await_restart(&mut self, vm: VmId, from: HostId) {
        let (failed, priority) = (self.world.now.instant, self.priority(vm));
        let Some(outages) = &mut self.outages else { return };
        outages.crashed.remove(&vm);
        let ready = failed + Span::from_seconds(outages.rules.detect_s);
        let row = self.world.record.restarts.len();
        let (to, placed, up, gone) = (None, None, None, None);
        let record = RestartRecord { vm, priority, from, failed, ready, to, placed, up, gone };
        self.world.record.restarts.push(record);
        outages.down.push(Down { vm, row, ready, to: None, up: None });
    }

    /// VMs that were to run on `host`, which failed, are to run elsewhere; for them and those that
    /// ran there hosts are looked for when the failure is noticed.
    pub(super) fn forget_coming(&mut self, host: HostId) {
        self.expel_newcomers(host);
        let now = self.world.now.instant;
        let Some(outages) = &mut self.outages else { return };
        let ready = now + Span::from_seconds(outages.rules.detect_s);
        for down in outages.down.iter_mut().filter(|down| down.to == Some(host)) {
            (down.to, down.up, down.ready) = (None, None, ready);
            let row = &mut self.world.record.restarts[down.row];
            (row.to, row.placed, row.ready) = (None, None, ready);
        }
        self.world.coming[host].clear();
        if outages.down.iter().any(|down| down.ready == ready) {
            self.queue.push(self.clock.at(ready), Event::Rescue);
        }
    }

    /// Looks for hosts for those that wait, and keeps headroom with what is left.
    pub(super) fn rescue(&mut self, policies: &mut Policies) -> Result<(), Error> {
        let now = self.world.now.instant;
        let Some(outages) = &self.outages else { return Ok(()) };
        let waiting = outages.down.iter().filter(|down| down.waits(now));
        let mut waiting: Vec<(Reverse<u32>, usize, VmId)> = waiting
            .map(|down| (Reverse(self.world.record.restarts[down.row].priority), down.row, down.vm))
            .collect();
        waiting.sort_unstable();
        if !waiting.is_empty() {
            // Now is what the spare hosts are for.
            self.touched.append(&mut self.world.spares);
        }
        for alike in waiting.chunk_by(|a, b| a.0 == b.0) {
            let vms: Vec<VmId> = alike.iter().map(|&(_, _, vm)| vm).collect();
            for (vm, host) in find_hosts(&self.world, &mut self.draft, policies, &vms)? {
                self.send_to(vm, host);
            }
        }
        self.keep_headroom();
        self.flush();
        Ok(())
    }

    /// `vm` is to be restarted on `host`.
    fn send_to(&mut self, vm: VmId, host: HostId) {
        let now = self.world.now.instant;
        let Some(outages) = &mut self.outages else { return };
        let Some(down) = outages.down.iter_mut().find(|down| down.vm == vm) else { return };
        down.to = Some(host);
        let row = &mut self.world.record.restarts[down.row];
        (row.to, row.placed) = (Some(host), Some(now));
        self.world.coming[host].push(vm);
        match self.world.power[host] {
            PowerState::On => self.boot_on(host),
            PowerState::Off => self.wake(host),
            _ => {}
        }
    }

    /// Boots the VMs that were waiting for `host` to be on.
    pub(super) fn boot_on(&mut self, host: HostId) {
        let now = self.world.now.instant;
        let Some(outages) = &mut self.outages else { return };
        let up = now + Span::from_seconds(outages.rules.boot_s);
        let waiting = |down: &&mut Down| down.to == Some(host) && down.up.is_none();
        for down in outages.down.iter_mut().filter(waiting) {
            down.up = Some(up);
            self.queue.push(self.clock.at(up), Event::Boots(down.vm));
        }
    }

    /// `vm` has booted.
    pub(super) fn boots(&mut self, vm: VmId) {
        let Some(Down { row, to: Some(host), .. }) = self.no_longer_down(vm) else { return };
        self.world.close_interval(host);
        self.world.home[vm] = Some(host);
        self.world.enlist(host, vm, Role::Running);
        self.world.record.restarts[row].up = Some(self.world.now.instant);
        self.world.note(ActionKind::VmRestart, Some(vm), None, Some(host), Reason::Consequence);
        self.touched.push(host);
    }

    /// The lease of `vm` lets it go while it is down; says whether it was.
    pub(super) fn give_up_restart(&mut self, vm: VmId) -> bool {
        let Some(Down { row, to, .. }) = self.no_longer_down(vm) else { return false };
        let record = &mut self.world.record.restarts[row];
        record.gone = Some(self.world.now.instant);
        let from = record.from;
        self.world.note(ActionKind::VmStop, Some(vm), Some(from), None, Reason::Lease);
        self.touched.extend(to);
        true
    }

    /// Takes `vm` off the list of those that are down.
    fn no_longer_down(&mut self, vm: VmId) -> Option<Down> {
        let outages = self.outages.as_mut()?;
        let row = outages.down.iter().position(|down| down.vm == vm)?;
        let down = outages.down.remove(row);
        if let Some(host) = down.to {
            self.world.coming[host].retain(|&other| other != vm);
        }
        self.world.bound[vm] = 0;
        self.world.rise(vm);
        Some(down)
    }
}

/// Hosts for `vms`, which are alike in priority; some may get none.
fn find_hosts(
    world: &World<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
    vms: &[VmId],
) -> Result<Vec<(VmId, HostId)>, Error> {
    let mut placed = place_newcomers(world, draft, policies, vms)?;
    for with_cpu in [true, false] {
        if placed.len() == vms.len() {
            break;
        }
        placed = first_fit(world, draft, vms, with_cpu);
    }
    Ok(placed)
}

/// Places `vms` by first fit decreasing: the largest memory first, hosts that are on before others.
fn first_fit(
    world: &World<'_>,
    draft: &mut Draft,
    vms: &[VmId],
    with_cpu: bool,
) -> Vec<(VmId, HostId)> {
    let state = world.snapshot();
    draft.count_memory(true);
    settle(world, draft, &state);
    let mut hosts: Vec<HostId> = world.power.ids().collect();
    let order = |&host: &HostId| (is_public(draft, host), world.power[host] != PowerState::On);
    hosts.sort_by_key(order);
    let mut placed: Vec<(VmId, HostId)> = Vec::new();
    let blocks = draft.fence().map_or_else(Vec::new, |fence| fence.blocks_among(vms));
    let cpu = |vm: VmId| {
        if with_cpu { state.demand[vm] + world.slack(vm, state.demand[vm]) } else { 0.0 }
    };
    for vm in decreasing(world, vms.iter().copied()) {
        // Those that share a host go as one, when the turn of the first comes.
        let block = blocks.iter().find(|block| block.contains(&vm));
        let block = block.map_or_else(|| vec![vm], Clone::clone);
        if placed.iter().any(|(other, _)| *other == vm) {
            continue;
        }
        let mut needs = Resources::default();
        block.iter().for_each(|&vm| needs += world.fleet.needs(vm, cpu(vm)));
        let per_core = block.iter().map(|&vm| world.fleet.per_core(vm, cpu(vm)));
        let per_core = per_core.fold(0.0, f64::max);
        let has_room = |host: HostId| draft.room(host).fits(&needs, per_core);
        let admitted = |host: HostId| block.iter().all(|&vm| draft.admits(vm, host));
        let fits = |host: &HostId| has_room(*host) && admitted(*host);
        if let Some(host) = hosts.iter().copied().find(fits) {
            for vm in block {
                draft.append(vm, host, cpu(vm), &state);
                placed.push((vm, host));
            }
        }
    }
    draft.count_memory(world.counts_memory());
    placed
}

/// `vms` with the largest memory first.
pub(super) fn decreasing(world: &World<'_>, vms: impl Iterator<Item = VmId>) -> Vec<VmId> {
    let mut order: Vec<VmId> = vms.collect();
    order.sort_unstable_by_key(|&vm| (Reverse(world.fleet.vm_ram[vm].0), vm));
    order
}
