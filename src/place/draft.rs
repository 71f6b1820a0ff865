//! A tentative placement: who would be where, what each host would have left, and how to undo.
//!
//! Aggregates per host (allocated and requested MIPS, free MIPS and memory, the summed history of
//! its VMs) are kept in step with the lists. Appending a VM updates them in O(window); taking one
//! away rebuilds them in list order, so that their last bits never depend on what was tried before.

use super::index::Journal;
use super::question::{add_past, own_past};
use super::{Bonds, Fence, Held, HistoryKind, Resident, Room};
use crate::detect::{HostLoads, Linear, OverloadDetector, Sums, Verdict};
use crate::id::{HostId, IdVec, VmId};
use crate::model::{Fleet, Resources, Snapshot, VmHistories};
use crate::time::Instant;

/// What is free where nothing fits: no VM takes so much that its leaving makes room, and its square
/// is a number.
const NOTHING: f64 = -1e30;

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
    pub(super) vm_allocated: IdVec<VmId, f64>,
    pub(super) vm_request: IdVec<VmId, f64>,
    /// The detector's statistic, if sums of VMs' pasts are enough to judge by.
    pub(super) linear: Option<Linear>,
    /// Those sums of each VM, and of which time they are.
    pub(super) vm_sums: IdVec<VmId, (Option<Instant>, Sums)>,
    /// Row-major, `window` per host: summed past utilisation of its VMs, newest last. Not kept for
    /// a linear detector.
    pub(super) pasts: Vec<f64>,
    /// Hosts with VMs, or from which VMs are still being copied away, in id order.
    pub(super) occupied: Vec<HostId>,
    /// Hosts on which nothing fits.
    closed: Vec<HostId>,
    pub(super) kind: HistoryKind,
    pub(super) count_ram: bool,
    pub(super) rings: Option<VmHistories>,
    /// Which rooms have changed, for indices.
    journal: Journal,
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
    /// Sampling intervals that copying each VM takes, not rounded.
    pub(super) copy_intervals: IdVec<VmId, f64>,
    pub(super) window: usize,
    /// Whether pasts of hosts are lent, whatever the detector needs.
    lends_pasts: bool,
    /// Which VM may be where, in a run with rules about that.
    fence: Option<Fence>,
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
            vm_allocated: IdVec::filled(0.0, fleet.vms()),
            vm_request: IdVec::filled(0.0, fleet.vms()),
            linear: None,
            vm_sums: IdVec::filled((None, Sums::default()), fleet.vms()),
            pasts: vec![0.0; hosts * window],
            occupied: Vec::new(),
            closed: Vec::new(),
            kind,
            count_ram: true,
            rings: (kind == HistoryKind::HostRing).then(|| VmHistories::with_window(hosts, window)),
            journal: Journal::new(hosts),
            log: Vec::new(),
            saved_pasts: Vec::new(),
            most: IdVec::filled(0, hosts),
            scaled: vec![0.0; fleet.machines.len() * window],
            scaled_for: None,
            own_past: vec![0.0; window],
            loads: HostLoads::default(),
            verdicts: Vec::new(),
            copy_intervals: fleet
                .vm_ram
                .as_slice()
                .iter()
                .map(|ram| ram.0 as f64 * intervals_per_byte)
                .collect(),
            window,
            lends_pasts: false,
            fence: None,
        }
    }

    /// The draft, with the pasts of hosts at hand for who asks for them.
    pub fn lending_pasts(mut self, lends: bool) -> Self {
        self.lends_pasts = lends;
        self
    }

    /// The draft, kept in such a way that `detector` is asked most quickly.
    pub fn judged_by(mut self, detector: &dyn OverloadDetector) -> Self {
        self.linear = detector.linear().filter(|_| self.kind != HistoryKind::HostRing);
        self
    }

    /// From now on VMs of `fleet` go only where `bonds` admit them as well.
    pub fn bind(&mut self, bonds: Bonds, fleet: &Fleet) {
        self.fence.get_or_insert_with(|| Fence::open(fleet)).bind(bonds);
    }

    /// The draft, in which VMs go only where `fence` admits them.
    pub fn fenced(mut self, fence: Option<Fence>) -> Self {
        self.fence = fence;
        self
    }

    /// Which VM may be where.
    pub fn fence(&self) -> Option<&Fence> {
        self.fence.as_ref()
    }

    /// The same, to say who is where.
    pub fn fence_mut(&mut self) -> Option<&mut Fence> {
        self.fence.as_mut()
    }

    /// Whether the rules allow `vm` on `host`, whatever room there is.
    #[inline]
    pub fn admits(&self, vm: VmId, host: HostId) -> bool {
        self.fence.as_ref().is_none_or(|fence| fence.admits(vm, host))
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
            self.journal.note(host);
        }
        for host in std::mem::take(&mut self.closed) {
            self.rooms[host] = Room::empty(host, fleet);
            self.journal.note(host);
        }
        self.log.clear();
        self.saved_pasts.clear();
        self.fence.iter_mut().for_each(Fence::clear);
    }

    /// Nothing fits on `host` until everything starts over, whatever leaves it.
    pub fn close(&mut self, host: HostId) {
        let nothing = Resources { cpu: NOTHING, ram: NOTHING, disk: NOTHING, net: NOTHING };
        self.rooms[host].free = nothing;
        self.journal.note(host);
        self.closed.push(host);
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
    /// Which rooms have changed, for indices that follow the draft.
    pub fn journal(&self) -> &Journal {
        &self.journal
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
        self.weigh(vm, state);
        let (allocated, request) = (self.vm_allocated[vm], self.vm_request[vm]);
        self.log.push(Appended { vm, host, before: self.rooms[host], allocated, request });
        if self.keeps_pasts() {
            self.saved_pasts.extend_from_slice(&self.pasts[own_past(host, self.window)]);
        }
        self.lists[host].push(vm);
        self.fence.iter_mut().for_each(|fence| fence.enter(vm, host));
        self.vm_allocated[vm] = demand;
        self.vm_request[vm] = demand;
        self.add(vm, host, state);
        self.journal.note(host);
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
    pub fn undo(&mut self, mark: usize) {
        while self.log.len() > mark {
            let Some(Appended { vm, host, before, allocated, request }) = self.log.pop() else {
                return;
            };
            let last = self.lists[host].pop();
            assert_eq!(last, Some(vm), "appends are undone in reverse order");
            self.fence.iter_mut().for_each(|fence| fence.leave(vm, host));
            (self.vm_allocated[vm], self.vm_request[vm]) = (allocated, request);
            self.rooms[host] = before;
            self.journal.note(host);
            if self.keeps_pasts() {
                let saved = self.saved_pasts.len() - self.window;
                self.pasts[own_past(host, self.window)].copy_from_slice(&self.saved_pasts[saved..]);
                self.saved_pasts.truncate(saved);
            }
            if self.lists[host].is_empty()
                && self.held[host] == Held::default()
                && let Ok(at) = self.occupied.binary_search(&host)
            {
                self.occupied.remove(at);
            }
        }
    }

    /// Whether the pasts of hosts are kept in step: a linear detector needs them only where sums
    /// cannot tell.
    pub(super) fn keeps_pasts(&self) -> bool {
        let wanted = self.linear.is_none() || self.lends_pasts;
        wanted && self.rings.is_none() && self.window > 0
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
        self.journal.note(host);
        self.rooms[host] = Room::empty(host, state.fleet);
        self.pasts[own_past(host, self.window)].fill(0.0);
        let list = std::mem::take(&mut self.lists[host]);
        for &vm in &list {
            self.weigh(vm, state);
            self.add(vm, host, state);
        }
        self.lists[host] = list;
        let (room, held) = (&mut self.rooms[host], self.held[host]);
        let cpu = (room.free.cpu - held.cpu).max(0.0);
        room.free -= Held { ram: if self.count_ram { held.ram } else { 0.0 }, ..held };
        room.free.cpu = cpu;
    }

    /// Finds the sums of `vm`'s past at this decision, once.
    pub(super) fn weigh(&mut self, vm: VmId, state: &Snapshot<'_>) {
        let Some(linear) = &self.linear else { return };
        let (weighed, sums) = &mut self.vm_sums[vm];
        if *weighed != Some(state.now) {
            *weighed = Some(state.now);
            *sums = linear.sums(state.histories.of(vm), state.fleet.vm_mips[vm].0);
        }
    }

    /// Adds one VM to the aggregates of `host`.
    fn add(&mut self, vm: VmId, host: HostId, state: &Snapshot<'_>) {
        let past = self.past_len(vm, state) as u32;
        let keeps_pasts = self.keeps_pasts();
        let room = &mut self.rooms[host];
        let request = self.vm_request[vm];
        room.requested += request;
        room.allocated += self.vm_allocated[vm];
        let served = request.min(state.fleet.most_served(vm, host));
        let cpu = if room.free.cpu >= served { room.free.cpu - served } else { 0.0 };
        let mut needs = state.needs(vm);
        if !self.count_ram {
            needs.ram = 0.0;
        }
        room.free -= needs;
        room.free.cpu = cpu;
        room.copy_intervals = room.copy_intervals.max(self.copy_intervals[vm]);
        room.vms += 1;
        room.length = room.length.max(past);
        room.sums = room.sums + self.vm_sums[vm].1;
        if keeps_pasts {
            let own = &mut self.pasts[own_past(host, self.window)];
            add_past(own, vm, room.capacity, state);
        }
    }
}
