//! A tentative placement: who would be where, what each host would have left, and how to undo.
//!
//! Aggregates per host (allocated and requested MIPS, free MIPS and memory, the summed history of
//! its VMs) are kept in step with the lists. Appending a VM updates them in O(window); taking one
//! away rebuilds them in list order, so that their last bits never depend on what was tried before.

use serde::{Deserialize, Serialize};

use crate::detect::{HostLoad, HostLoads, OverloadDetector, Question, Verdict};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::history::WINDOW;
use crate::model::{Fleet, Snapshot, VmHistories};
use crate::policy::PolicyError;
use crate::time::Instant;
use crate::units::Bytes;

/// Whose past a host's history is (`policy.history`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryKind {
    /// That of the VMs now on it (Q20): it moves with them, and asking about one more VM changes
    /// it.
    #[default]
    VmsOnHost,
    /// The same without the zeros at its oldest end, as CloudSim builds it.
    VmsOnHostTrimmed,
    /// The host's own past; it ends before the sample that is being judged.
    HostRing,
}

/// A set of hosts.
#[derive(Debug, Clone, Default)]
pub struct HostSet(IdVec<HostId, bool>);

impl HostSet {
    /// The empty set over `hosts` hosts.
    pub fn none(hosts: usize) -> Self {
        Self(IdVec::filled(false, hosts))
    }
    /// Whether `host` belongs to it.
    pub fn contains(&self, host: HostId) -> bool {
        self.0[host]
    }
    /// Adds `host`.
    pub fn insert(&mut self, host: HostId) {
        self.0[host] = true
    }
    /// Takes `host` out.
    pub fn remove(&mut self, host: HostId) {
        self.0[host] = false
    }
    /// Takes all hosts out.
    pub fn clear(&mut self) {
        self.0.as_mut_slice().fill(false)
    }
}

/// A VM that is, or will be, on a host when a decision begins.
#[derive(Debug, Clone, Copy)]
pub struct Resident {
    /// The VM.
    pub vm: VmId,
    /// What it is given there now, MIPS.
    pub allocated: f64,
}

/// What VMs that are being copied away still hold on their source.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Held {
    /// CPU, MIPS.
    pub mips: f64,
    /// Memory.
    pub ram: Bytes,
}

/// How a placer asks about destinations.
pub struct Ask<'a> {
    /// State of the run.
    pub state: Snapshot<'a>,
    /// Hosts that may not receive.
    pub excluded: &'a HostSet,
    /// Whether hosts without VMs may receive.
    pub wake: bool,
    /// Who says whether a host would be overloaded.
    pub detector: &'a mut dyn OverloadDetector,
}

/// Tenths of load, the last one for hosts that are full.
pub const TENTHS: usize = 11;

/// One append, with what undoes it.
#[derive(Debug, Clone, Copy)]
struct Appended {
    vm: VmId,
    host: HostId,
    before: Room,
    allocated: f64,
    request: f64,
}

/// What one host has and has left.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// MIPS that nobody has asked for.
    pub free: f64,
    /// MIPS given to its VMs.
    pub allocated: f64,
    /// MIPS asked for by its VMs.
    pub requested: f64,
    /// CPU capacity, MIPS.
    pub capacity: f64,
    /// Rate of one core, MIPS.
    pub core: f64,
    /// Memory that nobody has, bytes; negative where the start placed more than running VMs may
    /// have.
    pub ram_free: i64,
    /// Largest memory of its VMs.
    pub largest: Bytes,
    /// How many VMs it has.
    pub vms: u32,
    /// Length of its history.
    length: u32,
    /// Where it stands in the index of hosts by load, if it has VMs.
    group: Option<u32>,
}

impl Room {
    fn empty(host: HostId, fleet: &Fleet) -> Self {
        let capacity = fleet.capacity[host].0;
        Self {
            free: capacity,
            allocated: 0.0,
            requested: 0.0,
            capacity,
            core: fleet.core[host].0,
            ram_free: fleet.host_ram[host].0 as i64,
            largest: Bytes(0),
            vms: 0,
            length: 0,
            group: None,
        }
    }

    /// Whether a VM that asks for `demand` MIPS and has `ram` fits beside the others.
    #[inline]
    pub fn fits(&self, demand: f64, ram: Bytes) -> bool {
        (self.core >= demand) & (self.free >= demand) & (self.ram_free >= ram.0 as i64)
    }

    /// MIPS asked for over capacity.
    pub fn utilisation(&self) -> f64 {
        self.requested / self.capacity
    }
}

/// A tentative placement.
#[derive(Debug, Clone)]
pub struct Draft {
    lists: IdVec<HostId, Vec<VmId>>,
    rooms: IdVec<HostId, Room>,
    held: IdVec<HostId, Held>,
    has_leaving: bool,
    vm_allocated: IdVec<VmId, f64>,
    vm_request: IdVec<VmId, f64>,
    /// Row-major, `WINDOW` per host: summed past utilisation of its VMs, newest last.
    pasts: Vec<f64>,
    /// Hosts with VMs, or from which VMs are still being copied away, in id order.
    occupied: Vec<HostId>,
    kind: HistoryKind,
    count_ram: bool,
    rings: Option<VmHistories>,
    /// Hosts with VMs by machine and tenth of load: `machine * TENTHS + tenth`.
    by_load: Vec<Vec<HostId>>,
    log: Vec<Appended>,
    /// Pasts of the hosts in `log` before they received.
    saved_pasts: Vec<f64>,
    /// The most VMs each host ever had, undone or not.
    most: IdVec<HostId, usize>,
    /// The past of one VM in fractions of each machine: that of the VM last asked about.
    scaled: Vec<[f64; WINDOW]>,
    scaled_for: Option<(VmId, Instant)>,
    loads: HostLoads,
    verdicts: Vec<Verdict>,
    /// Copy time of one byte, in sampling intervals.
    intervals_per_byte: f64,
    window: usize,
}

impl Draft {
    /// An empty draft over `fleet`, in which VMs take memory.
    ///
    /// `intervals_per_byte`: copy time of a byte in sampling intervals; `window`: samples of
    /// history the detector looks at, at most [`WINDOW`].
    pub fn new(fleet: &Fleet, kind: HistoryKind, intervals_per_byte: f64, window: usize) -> Self {
        let hosts = fleet.hosts();
        Self {
            lists: IdVec::filled(Vec::new(), hosts),
            rooms: fleet.capacity.ids().map(|host| Room::empty(host, fleet)).collect(),
            held: IdVec::filled(Held::default(), hosts),
            has_leaving: false,
            vm_allocated: IdVec::filled(0.0, fleet.vms()),
            vm_request: IdVec::filled(0.0, fleet.vms()),
            pasts: vec![0.0; hosts * WINDOW],
            occupied: Vec::new(),
            kind,
            count_ram: true,
            rings: (kind == HistoryKind::HostRing).then(|| VmHistories::new(hosts)),
            by_load: vec![Vec::new(); fleet.machines.len() * TENTHS],
            log: Vec::new(),
            saved_pasts: Vec::new(),
            most: IdVec::filled(0, hosts),
            scaled: vec![[0.0; WINDOW]; fleet.machines.len()],
            scaled_for: None,
            loads: HostLoads::default(),
            verdicts: Vec::new(),
            intervals_per_byte,
            window: window.min(WINDOW),
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
    pub fn silence(&mut self, vm: VmId, host: HostId, state: &Snapshot<'_>) {
        self.vm_request[vm] = 0.0;
        let kept: f64 = self.lists[host].iter().map(|&v| self.vm_request[v]).sum();
        self.rooms[host].requested = kept;
        debug_assert!(self.lists[host].contains(&vm), "{vm} is on {host} at {}", state.now);
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
        room.free = (room.free - held.mips).max(0.0);
        if self.count_ram {
            room.ram_free -= held.ram.0 as i64;
        }
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
        room.free = if room.free >= served { room.free - served } else { 0.0 };
        let ram = state.fleet.vm_ram[vm];
        if self.count_ram {
            room.ram_free -= ram.0 as i64;
        }
        room.largest = room.largest.max(ram);
        room.vms += 1;
        room.length = room.length.max(past);
        if self.window > 0 && self.rings.is_none() {
            let own = &mut self.pasts[own_past(host, self.window)];
            add_past(own, vm, room.capacity, state);
        }
    }

    fn past_len(&self, vm: VmId, state: &Snapshot<'_>) -> usize {
        match self.kind {
            HistoryKind::VmsOnHostTrimmed => state.histories.trimmed_len(vm),
            _ => state.histories.len(vm),
        }
    }

    /// Sampling intervals that copying the largest VM of a host takes.
    #[inline]
    fn copy_intervals(&self, largest: Bytes) -> f64 {
        (largest.0 as f64 * self.intervals_per_byte).ceil().max(1.0)
    }

    /// Writes the history of `host`, with `extra` on it as well if given, into `past` (as long as
    /// the window) and says how many of its values count.
    fn write_past(
        &self,
        host: HostId,
        extra: Option<VmId>,
        state: &Snapshot<'_>,
        past: &mut [f64],
    ) -> usize {
        let width = past.len();
        if let Some(rings) = &self.rings {
            let own = rings.of(VmId(host.0));
            let len = own.len().min(width);
            past[width - len..].copy_from_slice(&own[own.len() - len..]);
            return len;
        }
        let room = &self.rooms[host];
        past.copy_from_slice(&self.pasts[own_past(host, width)]);
        let Some(vm) = extra else { return (room.length as usize).min(width) };
        let scaled = &self.scaled[usize::from(state.fleet.machine[host])][WINDOW - width..];
        past.iter_mut().zip(scaled).for_each(|(sum, own)| *sum += own);
        (room.length as usize).max(self.past_len(vm, state)).min(width)
    }

    /// Prepares the past of `vm` in fractions of each machine.
    fn scale(&mut self, vm: VmId, state: &Snapshot<'_>) {
        if self.rings.is_some() || self.scaled_for == Some((vm, state.now)) {
            return;
        }
        self.scaled_for = Some((vm, state.now));
        for (scaled, machine) in self.scaled.iter_mut().zip(&state.fleet.machines) {
            let scaled = &mut scaled[WINDOW - self.window..];
            scaled.fill(0.0);
            add_past(scaled, vm, machine.capacity().0, state);
        }
    }

    /// Adds to `loads` what a detector sees of `host`, with `extra` on it as well if given.
    fn describe(&mut self, host: HostId, extra: Option<(VmId, f64)>, state: &Snapshot<'_>) {
        let mut past = [0.0; WINDOW];
        let past = &mut past[..self.window];
        let len = self.write_past(host, extra.map(|(vm, _)| vm), state, past);
        let room = &self.rooms[host];
        let (arriving, demand) =
            extra.map_or((Bytes(0), 0.0), |(vm, demand)| (state.fleet.vm_ram[vm], demand));
        let intervals = self.copy_intervals(room.largest.max(arriving));
        self.loads.hosts.push(host);
        self.loads.now.push((room.requested + demand) / room.capacity);
        self.loads.lengths.push(len);
        self.loads.copy_intervals.push(intervals);
        self.loads.histories.extend_from_slice(past);
    }

    /// Judges `host` as it would be with `vm`, which asks for `demand` MIPS, on it.
    ///
    /// # Errors
    /// Those of the detector, naming the host.
    pub fn assess_one_with(
        &mut self,
        vm: VmId,
        demand: f64,
        host: HostId,
        ask: &mut Ask<'_>,
    ) -> Result<Verdict, PolicyError> {
        self.scale(vm, &ask.state);
        let mut past = [0.0; WINDOW];
        let past = &mut past[..self.window];
        let len = self.write_past(host, Some(vm), &ask.state, past);
        let room = &self.rooms[host];
        let largest = room.largest.max(ask.state.fleet.vm_ram[vm]);
        let load = HostLoad {
            now: (room.requested + demand) / room.capacity,
            history: &past[self.window - len..],
            copy_intervals: self.copy_intervals(largest),
        };
        ask.detector.assess(load).map_err(|error| error.about(format!("host {}", host.0)))
    }

    /// Judges `hosts` as they are in the draft; [`Draft::verdicts`] has the answers.
    ///
    /// # Errors
    /// Those of the detector.
    pub fn assess(
        &mut self,
        hosts: &[HostId],
        state: &Snapshot<'_>,
        detector: &mut dyn OverloadDetector,
    ) -> Result<(), PolicyError> {
        self.loads.clear(Question::Now, self.window);
        for &host in hosts {
            self.describe(host, None, state);
        }
        self.ask(detector)
    }

    /// Judges `hosts` as they would be with `vm`, which asks for `demand` MIPS, on each of them;
    /// [`Draft::verdicts`] has the answers.
    ///
    /// # Errors
    /// Those of the detector.
    pub fn assess_with(
        &mut self,
        vm: VmId,
        demand: f64,
        hosts: &[HostId],
        ask: &mut Ask<'_>,
    ) -> Result<(), PolicyError> {
        self.loads.clear(Question::WithVm, self.window);
        self.scale(vm, &ask.state);
        for &host in hosts {
            self.describe(host, Some((vm, demand)), &ask.state);
        }
        self.ask(ask.detector)
    }

    /// The verdicts of the latest assessment, one per host asked about.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    fn ask(&mut self, detector: &mut dyn OverloadDetector) -> Result<(), PolicyError> {
        detector.assess_all(&self.loads, &mut self.verdicts)?;
        assert_eq!(self.verdicts.len(), self.loads.len(), "one verdict per host");
        Ok(())
    }
}

/// Where the past of `host` lies, for a detector that looks at `window` samples.
fn own_past(host: HostId, window: usize) -> std::ops::Range<usize> {
    let end = (host.index() + 1) * WINDOW;
    end - window..end
}

/// Adds the past of `vm` to that of a host of `capacity` MIPS; both end with the newest sample. VM
/// by VM in fractions of the host, as CloudSim does.
#[inline]
fn add_past(past: &mut [f64], vm: VmId, capacity: f64, state: &Snapshot<'_>) {
    let history = state.histories.of(vm);
    let history = &history[history.len().saturating_sub(past.len())..];
    let mips = state.fleet.vm_mips[vm].0;
    let start = past.len() - history.len();
    for (sum, u) in past[start..].iter_mut().zip(history) {
        *sum += u * mips / capacity;
    }
}
