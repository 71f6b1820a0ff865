//! A tentative placement: who would be where, what each host would have left, and how to undo.
//!
//! Aggregates per host (allocated and requested MIPS, free MIPS and memory, the summed history of
//! its VMs) are kept in step with the lists. Appending a VM updates them in O(window); taking one
//! away rebuilds them in list order, so that their last bits never depend on what was tried before.

use super::question::{add_past, own_past};
use super::{Held, HistoryKind, Resident, Room, TENTHS};
use crate::detect::{HostLoads, Verdict};
use crate::id::{HostId, IdVec, VmId};
use crate::model::{Fleet, Snapshot, VmHistories};
use crate::time::Instant;

/// One append, with what undoes it.
#[derive(Debug, Clone, Copy)]
struct Appended {
    vm: VmId,
    host: HostId,
    before: Room,
    allocated: f64,
    request: f64,
}

/// A tentative placement.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) lists: IdVec<HostId, Vec<VmId>>,
    pub(super) rooms: IdVec<HostId, Room>,
    pub(super) held: IdVec<HostId, Held>,
    pub(super) has_leaving: bool,
    pub(super) vm_allocated: IdVec<VmId, f64>,
    pub(super) vm_request: IdVec<VmId, f64>,
    /// Row-major, `window` per host: summed past utilisation of its VMs, newest last.
    pub(super) pasts: Vec<f64>,
    /// Hosts with VMs, or from which VMs are still being copied away, in id order.
    pub(super) occupied: Vec<HostId>,
    pub(super) kind: HistoryKind,
    pub(super) count_ram: bool,
    pub(super) rings: Option<VmHistories>,
    /// Hosts with VMs by machine and tenth of load: `machine * TENTHS + tenth`.
    pub(super) by_load: Vec<Vec<HostId>>,
    log: Vec<Appended>,
    /// Pasts of the hosts in `log` before they received.
    pub(super) saved_pasts: Vec<f64>,
    /// The most VMs each host ever had, undone or not.
    pub(super) most: IdVec<HostId, usize>,
    /// The past of one VM in fractions of each machine, `window` samples each: that of the VM last
    /// asked about.
    pub(super) scaled: Vec<f64>,
    pub(super) scaled_for: Option<(VmId, Instant)>,
    /// The past of the host that is being asked about, `window` samples.
    pub(super) own_past: Vec<f64>,
    pub(super) loads: HostLoads,
    pub(super) verdicts: Vec<Verdict>,
    /// Copy time of one byte, in sampling intervals.
    pub(super) intervals_per_byte: f64,
    pub(super) window: usize,
}

impl Draft {
    /// An empty draft over `fleet`, in which VMs take memory.
    ///
    /// `intervals_per_byte`: copy time of a byte in sampling intervals; `window`: samples of
    /// history that detectors look at, at most.
    pub fn new(fleet: &Fleet, kind: HistoryKind, intervals_per_byte: f64, window: usize) -> Self {
        let hosts = fleet.hosts();
        Self {
            lists: IdVec::filled(Vec::new(), hosts),
            rooms: fleet.capacity.ids().map(|host| Room::empty(host, fleet)).collect(),
            held: IdVec::filled(Held::default(), hosts),
            has_leaving: false,
            vm_allocated: IdVec::filled(0.0, fleet.vms()),
            vm_request: IdVec::filled(0.0, fleet.vms()),
            pasts: vec![0.0; hosts * window],
            occupied: Vec::new(),
            kind,
            count_ram: true,
            rings: (kind == HistoryKind::HostRing).then(|| VmHistories::with_window(hosts, window)),
            by_load: vec![Vec::new(); fleet.machines.len() * TENTHS],
            log: Vec::new(),
            saved_pasts: Vec::new(),
            most: IdVec::filled(0, hosts),
            scaled: vec![0.0; fleet.machines.len() * window],
            scaled_for: None,
            own_past: vec![0.0; window],
            loads: HostLoads::default(),
            verdicts: Vec::new(),
            intervals_per_byte,
            window,
        }
    }

    /// Whether VMs take memory from here on.
    pub fn count_memory(&mut self, counts: bool) {
        self.count_ram = counts
    }

    /// Starts over: no VM anywhere.
    pub fn clear(&mut self, fleet: &Fleet) {
        for host in std::mem::take(&mut self.occupied) {
            self.lists[host].clear();
            self.held[host] = Held::default();
            self.rooms[host] = Room::empty(host, fleet);
        }
        self.has_leaving = false;
        self.by_load.iter_mut().for_each(Vec::clear);
        self.log.clear();
        self.saved_pasts.clear();
    }

    /// Sets the VMs of `host` when a decision begins, in list order. `leaving` is what VMs that are
    /// being copied away still hold there.
    pub fn settle(
        &mut self,
        host: HostId,
        residents: &[Resident],
        leaving: Held,
        state: &Snapshot<'_>,
    ) {
        for resident in residents {
            self.lists[host].push(resident.vm);
            self.vm_allocated[resident.vm] = resident.allocated;
            self.vm_request[resident.vm] = state.demand[resident.vm];
        }
        self.held[host] = leaving;
        self.has_leaving |= leaving != Held::default();
        self.recompute(host, state);
        self.occupied.push(host);
    }

    /// Appends each host's utilisation to its own past (`host-ring` only).
    pub fn remember(&mut self, utilisation: &IdVec<HostId, f64>) {
        if let Some(rings) = &mut self.rings {
            for (host, &u) in utilisation.iter() {
                rings.push(VmId(host.0), u);
            }
        }
    }

    /// The VMs of `host`, in list order.
    pub fn vms_on(&self, host: HostId) -> &[VmId] {
        &self.lists[host]
    }
    /// Hosts with VMs, or from which VMs are still being copied away, in id order.
    pub fn occupied(&self) -> &[HostId] {
        &self.occupied
    }
    /// What `host` has left.
    #[inline]
    pub fn room(&self, host: HostId) -> &Room {
        &self.rooms[host]
    }
    /// The most VMs that `host` ever had in a draft, undone or not.
    pub fn most_vms(&self, host: HostId) -> usize {
        self.most[host]
    }

    /// Puts `vm`, which asks for `demand` MIPS and gets them, on `host`, at the end of its list.
    pub fn append(&mut self, vm: VmId, host: HostId, demand: f64, state: &Snapshot<'_>) {
        if self.lists[host].is_empty()
            && let Err(at) = self.occupied.binary_search(&host)
        {
            self.occupied.insert(at, host);
            self.pasts[own_past(host, self.window)].fill(0.0);
        }
        let (allocated, request) = (self.vm_allocated[vm], self.vm_request[vm]);
        self.log.push(Appended { vm, host, before: self.rooms[host], allocated, request });
        self.saved_pasts.extend_from_slice(&self.pasts[own_past(host, self.window)]);
        self.lists[host].push(vm);
        self.vm_allocated[vm] = demand;
        self.vm_request[vm] = demand;
        self.add(vm, host, state);
        self.index(host, state.fleet);
        self.most[host] = self.most[host].max(self.lists[host].len());
    }

    /// Takes `vm` off `host`.
    pub fn remove(&mut self, vm: VmId, host: HostId, state: &Snapshot<'_>) {
        self.lists[host].retain(|&other| other != vm);
        self.recompute(host, state);
    }

    /// A point to which [`Draft::undo`] returns.
    pub fn mark(&self) -> usize {
        self.log.len()
    }

    /// Undoes every append since `mark`.
    pub fn undo(&mut self, mark: usize, fleet: &Fleet) {
        while self.log.len() > mark {
            let Some(Appended { vm, host, before, allocated, request }) = self.log.pop() else {
                return;
            };
            let last = self.lists[host].pop();
            assert_eq!(last, Some(vm), "appends are undone in reverse order");
            (self.vm_allocated[vm], self.vm_request[vm]) = (allocated, request);
            let group = self.rooms[host].group;
            self.rooms[host] = Room { group, ..before };
            self.index(host, fleet);
            let saved = self.saved_pasts.len() - self.window;
            self.pasts[own_past(host, self.window)].copy_from_slice(&self.saved_pasts[saved..]);
            self.saved_pasts.truncate(saved);
            if self.lists[host].is_empty()
                && self.held[host] == Held::default()
                && let Ok(at) = self.occupied.binary_search(&host)
            {
                self.occupied.remove(at);
            }
        }
    }

    /// Whether VMs are still being copied away from any host.
    pub fn has_leaving(&self) -> bool {
        self.has_leaving
    }

    /// Hosts with VMs of `machine` whose load is in tenth `tenth`, in no particular order.
    pub fn by_load(&self, machine: usize, tenth: usize) -> &[HostId] {
        &self.by_load[machine * TENTHS + tenth]
    }

    /// Puts `host` where it belongs in the index of hosts by load.
    fn index(&mut self, host: HostId, fleet: &Fleet) {
        let room = &mut self.rooms[host];
        let tenth = ((room.allocated / room.capacity * 10.0) as usize).min(TENTHS - 1);
        let group = usize::from(fleet.machine[host]) * TENTHS + tenth;
        let group = (room.vms > 0).then_some(group as u32);
        if room.group == group {
            return;
        }
        let old = std::mem::replace(&mut room.group, group);
        if let Some(hosts) = old.and_then(|old| self.by_load.get_mut(old as usize))
            && let Some(at) = hosts.iter().position(|&other| other == host)
        {
            hosts.swap_remove(at);
        }
        if let Some(hosts) = group.and_then(|new| self.by_load.get_mut(new as usize)) {
            hosts.push(host);
        }
    }

    /// From here on `vm` asks for nothing although it keeps what it was given: in CloudSim a VM
    /// that has just been created has no workload yet.
    pub fn silence(&mut self, vm: VmId, host: HostId) {
        self.vm_request[vm] = 0.0;
        let kept: f64 = self.lists[host].iter().map(|&v| self.vm_request[v]).sum();
        self.rooms[host].requested = kept;
    }

    /// Rebuilds the aggregates of `host` in list order.
    fn recompute(&mut self, host: HostId, state: &Snapshot<'_>) {
        let group = self.rooms[host].group;
        self.rooms[host] = Room { group, ..Room::empty(host, state.fleet) };
        self.pasts[own_past(host, self.window)].fill(0.0);
        let list = std::mem::take(&mut self.lists[host]);
        for &vm in &list {
            self.add(vm, host, state);
        }
        self.lists[host] = list;
        let (room, held) = (&mut self.rooms[host], self.held[host]);
        let cpu = (room.free.cpu - held.cpu).max(0.0);
        room.free -= Held { ram: if self.count_ram { held.ram } else { 0.0 }, ..held };
        room.free.cpu = cpu;
        self.index(host, state.fleet);
    }

    /// Adds one VM to the aggregates of `host`.
    fn add(&mut self, vm: VmId, host: HostId, state: &Snapshot<'_>) {
        let past = self.past_len(vm, state) as u32;
        let room = &mut self.rooms[host];
        let request = self.vm_request[vm];
        room.requested += request;
        room.allocated += self.vm_allocated[vm];
        let served = request.min(room.core);
        let cpu = if room.free.cpu >= served { room.free.cpu - served } else { 0.0 };
        let mut needs = state.needs(vm);
        if !self.count_ram {
            needs.ram = 0.0;
        }
        room.free -= needs;
        room.free.cpu = cpu;
        room.largest = room.largest.max(state.fleet.vm_ram[vm]);
        room.vms += 1;
        room.length = room.length.max(past);
        if self.window > 0 && self.rings.is_none() {
            let own = &mut self.pasts[own_past(host, self.window)];
            add_past(own, vm, room.capacity, state);
        }
    }
}
