//! N+k headroom: room that is kept so that any `k` hosts may fail and all protected VMs can be
//! restarted at once, on hosts that are on.
//!
//! ```text
//! survives:  for every host h:  first fit decreasing puts P_h on the others, by memory, disk and
//!            network alone, and by these and CPU
//! spare:     k - 1 hosts if it survives, else k        on, empty, closed to policies
//! ```
//!
//! `P_h`: the protected VMs that run on `h`, come there or are to come there. The others are hosts
//! that are on and keep VMs; of each counts what nobody takes, comes with or is to come with, so
//! that the test holds during and after all moves that are decided. A spare host is as large as
//! every host with VMs: a host that fails goes there as a whole, so that with `k` of them any `k`
//! may fail, and with `k - 1` one more where the test finds room for it. Moves after which headroom
//! would be missing are not made at that decision, and a spare host is woken; one that is not
//! needed for some decisions may sleep again. Where no host is left to be spare headroom is
//! missing, and the time of that is told.

use std::cmp::Reverse;

use super::restarts::decreasing;
use super::run::Engine;
use super::share::Role;
use super::world::{Move, PowerState, World};
use crate::id::{HostId, IdVec, VmId};
use crate::model::Resources;
use crate::time::{Instant, Span};

/// Decisions for which a spare host stays that is no longer needed.
const STAYS_FOR: u32 = 12;

/// What is known of headroom.
#[derive(Debug, Default)]
pub(super) struct Headroom {
    /// For how many decisions the last spare host is still kept.
    stays_for: u32,
    missing_since: Option<Instant>,
    missing: Span,
}

impl Headroom {
    /// Seconds without it until `end`.
    pub fn missing_s(&self, end: Instant) -> f64 {
        let open = self.missing_since.map_or(Span::ZERO, |since| end - since);
        (self.missing + open).seconds()
    }

    /// Notes whether there is enough from `now` on.
    fn note(&mut self, is_enough: bool, now: Instant) {
        match (is_enough, self.missing_since) {
            (false, None) => self.missing_since = Some(now),
            (true, Some(since)) => {
                self.missing = self.missing + (now - since);
                self.missing_since = None;
            }
            _ => {}
        }
    }
}

impl Engine<'_> {
    /// Hosts that may fail at once, 0 where nobody asks for headroom.
    fn wanted_headroom(&self) -> usize {
        self.outages.as_ref().map_or(0, |outages| outages.rules.headroom)
    }

    /// Chooses and wakes spare hosts as they are needed now, and lets the others go.
    pub(super) fn keep_headroom(&mut self) {
        let (wanted, now) = (self.wanted_headroom(), self.world.now.instant);
        if wanted == 0 {
            return;
        }
        let survives = self.survives(&[]);
        let Some(outages) = &mut self.outages else { return };
        if !survives {
            outages.headroom.stays_for = STAYS_FOR;
        }
        let count = wanted - usize::from(outages.headroom.stays_for == 0);
        let spares = self.choose_spares(count);
        self.touched.extend(std::mem::replace(&mut self.world.spares, spares.clone()));
        for host in spares {
            if self.world.power[host] == PowerState::Off {
                self.rouse(host);
            }
        }
        let on = self.spares_on();
        let is_enough = on >= wanted || (on + 1 >= wanted && survives);
        if let Some(outages) = &mut self.outages {
            outages.headroom.note(is_enough, now);
        }
        self.flush();
    }

    /// One more decision is over.
    pub(super) fn count_headroom(&mut self) {
        if let Some(outages) = &mut self.outages {
            outages.headroom.stays_for = outages.headroom.stays_for.saturating_sub(1);
        }
    }

    /// Those of `moves` that leave enough headroom: all or none.
    pub(super) fn within_headroom(&mut self, moves: Vec<Move>) -> Vec<Move> {
        let wanted = self.wanted_headroom();
        if wanted == 0 || moves.is_empty() || self.spares_on() >= wanted {
            return moves;
        }
        let now = self.world.now.instant;
        let unnoticed = |outages: &super::outages::Outages<'_>| {
            outages.down.iter().any(|down| down.to.is_none() && !down.waits(now))
        };
        let unnoticed = self.outages.as_ref().is_some_and(unnoticed);
        if !unnoticed && (self.survives(&moves) || !self.survives(&[])) {
            return moves;
        }
        if let Some(outages) = &mut self.outages {
            outages.headroom.stays_for = STAYS_FOR;
        }
        Vec::new()
    }

    fn spares_on(&self) -> usize {
        let on = |&&host: &&HostId| self.world.power[host] == PowerState::On;
        self.world.spares.iter().filter(on).count()
    }

    /// Up to `count` empty hosts that are as large as any with VMs: those that are spare already,
    /// then those that are on, that wake, that are off.
    fn choose_spares(&self, count: usize) -> Vec<HostId> {
        let world = &self.world;
        let mut least = Resources::default();
        let mut core = 0.0;
        for &host in world.inhabited() {
            least = larger(least, world.fleet.capacities(host));
            core = world.fleet.core[host].0.max(core);
        }
        let suits = |&host: &HostId| {
            world.is_vacant(host)
                && !world.closing.contains(&host)
                && !matches!(world.power[host], PowerState::Failed | PowerState::ShuttingDown)
                && world.fleet.core[host].0 >= core
                && least.fit_in(&world.fleet.capacities(host))
        };
        let order = |&host: &HostId| {
            let nearness = match world.power[host] {
                PowerState::On => 0,
                PowerState::Waking => 1,
                _ => 2,
            };
            (Reverse(world.spares.contains(&host)), nearness, host)
        };
        let mut spares: Vec<HostId> = world.power.ids().filter(suits).collect();
        spares.sort_unstable_by_key(order);
        spares.truncate(count);
        spares
    }

    /// Whether all protected VMs of any host that fails find room on the others, spare hosts not
    /// counted, during and after `moves`.
    fn survives(&self, moves: &[Move]) -> bool {
        let waits = |outages: &super::outages::Outages<'_>| {
            let waiting = outages.down.iter().filter(|down| down.to.is_none());
            waiting.map(|down| down.vm).any(|vm| self.priority(vm) > 0)
        };
        if self.outages.as_ref().is_some_and(waits) {
            return false;
        }
        let mut tally = Tally::of(&self.world);
        moves.iter().for_each(|decided| tally.expect(&self.world, decided.vm, decided.to));
        let rooms = tally.rooms(&self.world);
        tally.vms.iter().all(|(host, vms)| {
            let protected = vms.iter().copied().filter(|&vm| self.priority(vm) > 0);
            let mut victims = decreasing(&self.world, protected);
            victims.dedup();
            let fit = |cpu| fit(&self.world, &victims, host, rooms.clone(), cpu);
            victims.is_empty() || (fit(false) && fit(true))
        })
    }
}

/// What hosts have left, who stays there, and who would have to be restarted.
struct Tally {
    free: IdVec<HostId, Resources>,
    stay: IdVec<HostId, i64>,
    vms: IdVec<HostId, Vec<VmId>>,
}

impl Tally {
    fn of(world: &World<'_>) -> Self {
        let hosts = world.fleet.hosts();
        let free = world.power.ids().map(|host| world.fleet.capacities(host));
        let mut tally = Self {
            free: free.collect(),
            stay: IdVec::filled(0, hosts),
            vms: IdVec::filled(Vec::new(), hosts),
        };
        for &host in world.inhabited() {
            for entry in &world.lists[host] {
                tally.free[host] -= needs(world, entry.vm, true);
                if entry.role != Role::Held {
                    tally.vms[host].push(entry.vm);
                }
                tally.stay[host] += i64::from(!matches!(entry.role, Role::Leaving | Role::Held));
            }
        }
        for host in world.power.ids() {
            for &vm in &world.coming[host] {
                tally.arrive(world, vm, host);
            }
            for decided in &world.pending[host] {
                tally.expect(world, decided.vm, host);
            }
        }
        tally
    }

    fn arrive(&mut self, world: &World<'_>, vm: VmId, host: HostId) {
        self.free[host] -= needs(world, vm, true);
        self.vms[host].push(vm);
        self.stay[host] += 1;
    }

    /// `vm` is to move to `host`.
    fn expect(&mut self, world: &World<'_>, vm: VmId, host: HostId) {
        self.arrive(world, vm, host);
        if let Some(home) = world.home[vm] {
            self.stay[home] -= 1;
        }
    }

    /// Hosts that are on and keep VMs, in order, with what they have left.
    fn rooms(&self, world: &World<'_>) -> Vec<(HostId, Resources)> {
        let counts = |&host: &HostId| {
            world.power[host] == PowerState::On
                && self.stay[host] > 0
                && !world.spares.contains(&host)
        };
        world.power.ids().filter(counts).map(|host| (host, self.free[host])).collect()
    }
}

/// Whether first fit puts `vms` into `rooms` other than that of `failed`.
fn fit(
    world: &World<'_>,
    vms: &[VmId],
    failed: HostId,
    mut rooms: Vec<(HostId, Resources)>,
    with_cpu: bool,
) -> bool {
    vms.iter().all(|&vm| {
        let needs = needs(world, vm, with_cpu);
        let fits = |&&mut (host, ref free): &&mut (HostId, Resources)| {
            let free = if with_cpu { *free } else { Resources { cpu: f64::INFINITY, ..*free } };
            host != failed && needs.fit_in(&free)
        };
        match rooms.iter_mut().find(fits) {
            Some((_, free)) => {
                *free -= needs;
                true
            }
            None => false,
        }
    })
}

/// What `vm` takes: of CPU what it asks for or has reserved, or nothing.
fn needs(world: &World<'_>, vm: VmId, with_cpu: bool) -> Resources {
    let demand = world.demand.mips[vm];
    let cpu = if with_cpu { demand + world.slack(vm, demand) } else { 0.0 };
    world.fleet.needs(vm, cpu)
}

/// The more of each resource.
fn larger(a: Resources, b: Resources) -> Resources {
    Resources {
        cpu: a.cpu.max(b.cpu),
        ram: a.ram.max(b.ram),
        disk: a.disk.max(b.disk),
        net: a.net.max(b.net),
    }
}
