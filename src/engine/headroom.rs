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

use super::fences::is_public;
use super::restarts::decreasing;
use super::run::Engine;
use super::share::Role;
use super::world::{Move, PowerState, World};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::{Resources, Sites};
use crate::place::Fence;
use crate::time::{Instant, Span};

/// Decisions for which a spare host stays that is no longer needed.
const STAYS_FOR: u32 = 12;

/// What is known of headroom.
#[derive(Debug)]
pub(super) struct Headroom {
    /// The kind of each host; empty where all are of kind 0.
    kinds: IdVec<HostId, u32>,
    /// For how many decisions the last spare host of each kind is still kept.
    stays_for: Vec<u32>,
    missing_since: Option<Instant>,
    missing: Span,
}

impl Headroom {
    /// Nothing is spare yet on `hosts` hosts, which stand at `sites`.
    pub fn new(sites: Option<&Sites>, hosts: usize) -> Self {
        let kinds = sites.map_or_else(IdVec::default, |sites| sites.kinds(hosts));
        let count = kinds.iter().map(|(_, &kind)| kind as usize + 1).max().unwrap_or(1);
        let (missing_since, missing) = (None, Span::ZERO);
        Self { kinds, stays_for: vec![0; count], missing_since, missing }
    }

    fn kind(&self, host: HostId) -> usize {
        self.kinds.as_slice().get(host.index()).map_or(0, |&kind| kind as usize)
    }

    /// Notes that spare hosts of `kind` are needed for some time.
    fn hold(&mut self, kind: usize) {
        self.stays_for[kind] = STAYS_FOR;
    }

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
        let lacking = survives.iter().enumerate().filter(|(_, test)| **test == Some(false));
        lacking.for_each(|(kind, _)| outages.headroom.hold(kind));
        let stays_for = outages.headroom.stays_for.clone();
        let asked = || survives.iter().enumerate().filter(|(_, test)| test.is_some());
        let spares: Vec<HostId> = asked()
            .flat_map(|(kind, _)| {
                self.choose_spares(kind, wanted - usize::from(stays_for[kind] == 0))
            })
            .collect();
        self.touched.extend(std::mem::replace(&mut self.world.spares, spares.clone()));
        for host in spares {
            if self.world.power[host] == PowerState::Off {
                self.rouse(host);
            }
        }
        let is_enough = asked().all(|(kind, &test)| {
            let on = self.spares_on(kind);
            on >= wanted || (on + 1 >= wanted && test == Some(true))
        });
        let nobody_waits = self.draft.fence().is_none() || !self.protected_wait();
        if let Some(outages) = &mut self.outages {
            outages.headroom.note(is_enough && nobody_waits, now);
        }
        self.flush();
    }

    /// One more decision is over.
    pub(super) fn count_headroom(&mut self) {
        if let Some(outages) = &mut self.outages {
            let all = &mut outages.headroom.stays_for;
            all.iter_mut().for_each(|left| *left = left.saturating_sub(1));
        }
    }

    /// Those of `moves` that leave enough headroom: all or none.
    pub(super) fn within_headroom(&mut self, moves: Vec<Move>) -> Vec<Move> {
        let Some(outages) = self.outages.as_ref().filter(|all| all.rules.headroom > 0) else {
            return moves;
        };
        let wanted = outages.rules.headroom;
        let kinds = 0..outages.headroom.stays_for.len();
        let short: Vec<usize> = kinds.filter(|&kind| self.spares_on(kind) < wanted).collect();
        if moves.is_empty() || short.is_empty() {
            return moves;
        }
        let now = self.world.now.instant;
        let unnoticed = outages.down.iter().any(|down| down.to.is_none() && !down.waits(now));
        let after = self.survives(&moves);
        let mut broken = short;
        broken.retain(|&kind| match after[kind] {
            Some(survives) => unnoticed || !survives,
            None => false,
        });
        if !unnoticed && !broken.is_empty() {
            let before = self.survives(&[]);
            broken.retain(|&kind| before[kind] != Some(false));
        }
        if broken.is_empty() {
            return moves;
        }
        if let Some(outages) = &mut self.outages {
            broken.into_iter().for_each(|kind| outages.headroom.hold(kind));
        }
        Vec::new()
    }

    fn kind_of(&self, host: HostId) -> usize {
        self.outages.as_ref().map_or(0, |outages| outages.headroom.kind(host))
    }

    /// Spare hosts of `kind` that are on.
    fn spares_on(&self, kind: usize) -> usize {
        let on = |&&host: &&HostId| {
            self.world.power[host] == PowerState::On && self.kind_of(host) == kind
        };
        self.world.spares.iter().filter(on).count()
    }

    /// Up to `count` empty hosts of `kind` that are as large as any of it with VMs: those that are
    /// spare already, then private ones, then those that are on, that wake, that are off.
    fn choose_spares(&self, kind: usize, count: usize) -> Vec<HostId> {
        let world = &self.world;
        let mut least = Resources::default();
        let mut core = 0.0;
        for &host in world.inhabited().iter().filter(|&&host| self.kind_of(host) == kind) {
            least = larger(least, world.fleet.capacities(host));
            core = world.fleet.core[host].0.max(core);
        }
        let suits = |&host: &HostId| {
            self.kind_of(host) == kind
                && world.is_vacant(host)
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
            let public = is_public(&self.draft, host);
            (Reverse(world.spares.contains(&host)), public, nearness, host)
        };
        let mut spares: Vec<HostId> = world.power.ids().filter(suits).collect();
        spares.sort_unstable_by_key(order);
        spares.truncate(count);
        spares
    }

    /// Whether someone who is protected waits for a host.
    fn protected_wait(&self) -> bool {
        let waits = |outages: &super::outages::Outages<'_>| {
            let waiting = outages.down.iter().filter(|down| down.to.is_none());
            waiting.map(|down| down.vm).any(|vm| self.priority(vm) > 0)
        };
        self.outages.as_ref().is_some_and(waits)
    }

    /// By kind: whether all protected VMs of any host of it that fails find room on the others,
    /// spare hosts not counted, during and after `moves`; none beside `[sites]` where nobody is
    /// protected.
    fn survives(&self, moves: &[Move]) -> Vec<Option<bool>> {
        let kinds = self.outages.as_ref().map_or(1, |all| all.headroom.stays_for.len());
        let mut fence = self.draft.fence().cloned();
        let mut found = vec![fence.is_none().then_some(true); kinds];
        let waits = self.protected_wait();
        if fence.is_none() && waits {
            return vec![Some(false)];
        }
        let mut tally = Tally::of(&self.world);
        moves.iter().for_each(|decided| tally.expect(&self.world, decided.vm, decided.to));
        if let Some(fence) = &mut fence {
            fence.clear();
            for (host, vms) in tally.present.iter() {
                vms.iter().for_each(|&vm| fence.enter(vm, host));
            }
        }
        let rooms = tally.rooms(&self.world);
        for (host, vms) in tally.vms.iter() {
            let protected = vms.iter().copied().filter(|&vm| self.priority(vm) > 0);
            let mut victims = decreasing(&self.world, protected);
            victims.dedup();
            let test = &mut found[self.kind_of(host)];
            if victims.is_empty() || *test == Some(false) {
                continue;
            }
            let left = fence.as_mut().map(|fence| (fence, &tally.present[host][..]));
            let mut trial = Trial { world: &self.world, failed: host, rooms: &rooms, left };
            *test = Some(!waits && trial.holds(&victims));
        }
        if waits {
            // Who waits may come to where it was, though nobody else is there.
            self.world.spares.iter().for_each(|&host| found[self.kind_of(host)] = Some(false));
        }
        found
    }
}

/// What hosts have left, who stays there, and who would have to be restarted.
struct Tally {
    free: IdVec<HostId, Resources>,
    stay: IdVec<HostId, i64>,
    vms: IdVec<HostId, Vec<VmId>>,
    /// The same with those that only hold their room, once for each time that they count.
    present: IdVec<HostId, Vec<VmId>>,
}

impl Tally {
    fn of(world: &World<'_>) -> Self {
        let hosts = world.fleet.hosts();
        let free = world.power.ids().map(|host| world.fleet.capacities(host));
        let mut tally = Self {
            free: free.collect(),
            stay: IdVec::filled(0, hosts),
            vms: IdVec::filled(Vec::new(), hosts),
            present: IdVec::filled(Vec::new(), hosts),
        };
        for &host in world.inhabited() {
            for entry in &world.lists[host] {
                tally.free[host] -= needs(world, entry.vm, true);
                tally.present[host].push(entry.vm);
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
        self.present[host].push(vm);
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

/// What would become of VMs if a host failed.
struct Trial<'t, 'w> {
    world: &'t World<'w>,
    failed: HostId,
    /// What the others have left.
    rooms: &'t [(HostId, Resources)],
    /// Who may be where with nobody gone, and who is on the host that fails, where rules ask.
    left: Option<(&'t mut Fence, &'t [VmId])>,
}

impl Trial<'_, '_> {
    /// Whether first fit puts `vms` on others, by what cannot be short and with CPU.
    fn holds(&mut self, vms: &[VmId]) -> bool {
        let failed = self.failed;
        if let Some((fence, gone)) = &mut self.left {
            gone.iter().for_each(|&vm| fence.leave(vm, failed));
        }
        let holds = self.fit(vms, false) && self.fit(vms, true);
        if let Some((fence, gone)) = &mut self.left {
            gone.iter().for_each(|&vm| fence.enter(vm, failed));
        }
        holds
    }

    fn fit(&mut self, vms: &[VmId], with_cpu: bool) -> bool {
        let mut rooms = self.rooms.to_vec();
        let mut placed: Vec<(VmId, HostId)> = Vec::new();
        for &vm in vms {
            let needs = needs(self.world, vm, with_cpu);
            let fence = self.left.as_ref().map(|left| &*left.0);
            let fits = |&&mut (host, ref free): &&mut (HostId, Resources)| {
                let free = if with_cpu { *free } else { Resources { cpu: f64::INFINITY, ..*free } };
                let may = host != self.failed && needs.fit_in(&free);
                may && fence.is_none_or(|fence| fence.admits(vm, host))
            };
            let Some((host, free)) = rooms.iter_mut().find(fits) else { break };
            *free -= needs;
            placed.push((vm, *host));
            if let Some((fence, _)) = &mut self.left {
                fence.enter(vm, *host);
            }
        }
        if let Some((fence, _)) = &mut self.left {
            placed.iter().for_each(|&(vm, host)| fence.leave(vm, host));
        }
        placed.len() == vms.len()
    }
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
