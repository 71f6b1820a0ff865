//! A tentative placement: who would be where, what each host would have left, and how to undo.
//!
//! Aggregates per host (allocated and requested MIPS, free MIPS and memory, the summed history of its
//! VMs) are kept in step with the lists. Appending a VM updates them in O(window); taking one away
//! rebuilds them in list order, so that their last bits never depend on what was tried before.

use serde::{Deserialize, Serialize};

use crate::detect::{HostLoads, OverloadDetector, Question, Verdict};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::history::WINDOW;
use crate::model::{Fleet, Snapshot};
use crate::policy::PolicyError;
use crate::units::Bytes;

/// Whose past a host's history is (`policy.history`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryKind {
    /// That of the VMs now on it (Q20): it moves with them, and asking about one more VM changes it.
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
#[derive(Debug, Clone, Copy, Default)]
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

/// A tentative placement.
#[derive(Debug, Clone)]
pub struct Draft {
    lists: IdVec<HostId, Vec<VmId>>,
    vm_allocated: IdVec<VmId, f64>,
    vm_request: IdVec<VmId, f64>,
    requested: IdVec<HostId, f64>,
    allocated: IdVec<HostId, f64>,
    free: IdVec<HostId, f64>,
    ram_free: IdVec<HostId, i64>,
    largest: IdVec<HostId, Bytes>,
    /// Row-major, `WINDOW` per host: summed past utilisation of its VMs, newest last.
    pasts: Vec<f64>,
    lengths: IdVec<HostId, u8>,
    /// Hosts with VMs, in id order.
    occupied: Vec<HostId>,
    kind: HistoryKind,
    count_ram: bool,
    rings: Option<crate::model::VmHistories>,
    log: Vec<(VmId, HostId)>,
    loads: HostLoads,
    verdicts: Vec<Verdict>,
    /// Copy time of one byte, in sampling intervals.
    intervals_per_byte: f64,
    window: usize,
}

impl Draft {
    /// An empty draft over `fleet`.
    ///
    /// `count_ram`: whether VMs take memory; `intervals_per_byte`: copy time of a byte in
    /// sampling intervals; `window`: samples of history the detector looks at.
    pub fn new(
        fleet: &Fleet,
        kind: HistoryKind,
        count_ram: bool,
        intervals_per_byte: f64,
        window: usize,
    ) -> Self {
        let hosts = fleet.hosts();
        Self {
            lists: IdVec::filled(Vec::new(), hosts),
            vm_allocated: IdVec::filled(0.0, fleet.vms()),
            vm_request: IdVec::filled(0.0, fleet.vms()),
            requested: IdVec::filled(0.0, hosts),
            allocated: IdVec::filled(0.0, hosts),
            free: fleet.capacity.as_slice().iter().map(|c| c.0).collect(),
            ram_free: fleet.host_ram.as_slice().iter().map(|r| r.0 as i64).collect(),
            largest: IdVec::filled(Bytes(0), hosts),
            pasts: vec![0.0; hosts * WINDOW],
            lengths: IdVec::filled(0, hosts),
            occupied: Vec::new(),
            kind,
            count_ram,
            rings: (kind == HistoryKind::HostRing).then(|| crate::model::VmHistories::new(hosts)),
            log: Vec::new(),
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
            self.recompute(host, fleet, None);
        }
        self.log.clear();
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
        self.recompute(host, state.fleet, Some(state));
        self.free[host] = (self.free[host] - leaving.mips).max(0.0);
        if self.count_ram {
            self.ram_free[host] -= leaving.ram.0 as i64;
        }
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
    /// MIPS given to the VMs of `host`.
    pub fn allocated(&self, host: HostId) -> f64 {
        self.allocated[host]
    }
    /// MIPS asked for on `host` over its capacity.
    pub fn utilisation(&self, host: HostId, fleet: &Fleet) -> f64 {
        self.requested[host] / fleet.capacity[host].0
    }
    /// Whether a VM that asks for `demand` MIPS and has `ram` fits on `host` beside the others.
    #[inline]
    pub fn fits(&self, host: HostId, demand: f64, ram: Bytes, fleet: &Fleet) -> bool {
        fleet.core[host].0 >= demand
            && self.free[host] >= demand
            && (!self.count_ram || self.ram_free[host] >= ram.0 as i64)
    }

    /// Puts `vm`, which asks for `demand` MIPS and gets them, on `host`, at the end of its list.
    pub fn append(&mut self, vm: VmId, host: HostId, demand: f64, state: &Snapshot<'_>) {
        if self.lists[host].is_empty()
            && let Err(at) = self.occupied.binary_search(&host)
        {
            self.occupied.insert(at, host);
        }
        self.lists[host].push(vm);
        self.vm_allocated[vm] = demand;
        self.vm_request[vm] = demand;
        self.add(vm, host, state.fleet, Some(state));
        self.log.push((vm, host));
    }

    /// Takes `vm` off `host`.
    pub fn remove(&mut self, vm: VmId, host: HostId, state: &Snapshot<'_>) {
        self.lists[host].retain(|&other| other != vm);
        self.recompute(host, state.fleet, Some(state));
    }

    /// A point to which [`Draft::undo`] returns.
    pub fn mark(&self) -> usize {
        self.log.len()
    }

    /// Undoes every append since `mark`.
    pub fn undo(&mut self, mark: usize, state: &Snapshot<'_>) {
        while self.log.len() > mark {
            let Some((vm, host)) = self.log.pop() else { return };
            let last = self.lists[host].pop();
            assert_eq!(last, Some(vm), "appends are undone in reverse order");
            self.recompute(host, state.fleet, Some(state));
            if self.lists[host].is_empty()
                && let Ok(at) = self.occupied.binary_search(&host)
            {
                self.occupied.remove(at);
            }
        }
    }

    /// From here on `vm` asks for nothing although it keeps what it was given: in CloudSim a VM that
    /// has just been created has no workload yet.
    pub fn silence(&mut self, vm: VmId, host: HostId, state: &Snapshot<'_>) {
        self.vm_request[vm] = 0.0;
        let kept: f64 = self.lists[host].iter().map(|&v| self.vm_request[v]).sum();
        self.requested[host] = kept;
        debug_assert!(self.lists[host].contains(&vm), "{vm} is on {host} at {}", state.now);
    }

    fn recompute(&mut self, host: HostId, fleet: &Fleet, state: Option<&Snapshot<'_>>) {
        self.requested[host] = 0.0;
        self.allocated[host] = 0.0;
        self.free[host] = fleet.capacity[host].0;
        self.ram_free[host] = fleet.host_ram[host].0 as i64;
        self.largest[host] = Bytes(0);
        self.lengths[host] = 0;
        let row = host.index() * WINDOW;
        self.pasts[row..row + WINDOW].fill(0.0);
        let list = std::mem::take(&mut self.lists[host]);
        for &vm in &list {
            self.add(vm, host, fleet, state);
        }
        self.lists[host] = list;
    }

    /// Adds one VM to the aggregates of `host`.
    #[inline]
    fn add(&mut self, vm: VmId, host: HostId, fleet: &Fleet, state: Option<&Snapshot<'_>>) {
        let request = self.vm_request[vm];
        self.requested[host] += request;
        self.allocated[host] += self.vm_allocated[vm];
        let served = request.min(fleet.core[host].0);
        let free = self.free[host];
        self.free[host] = if free >= served { free - served } else { 0.0 };
        if self.count_ram {
            self.ram_free[host] -= fleet.vm_ram[vm].0 as i64;
        }
        self.largest[host] = self.largest[host].max(fleet.vm_ram[vm]);
        let (Some(state), true) = (state, self.window > 0 && self.rings.is_none()) else { return };
        let history = state.histories.of(vm);
        let history = &history[history.len().saturating_sub(self.window)..];
        let (mips, capacity) = (fleet.vm_mips[vm].0, fleet.capacity[host].0);
        let row = host.index() * WINDOW;
        let past = &mut self.pasts[row + WINDOW - history.len()..row + WINDOW];
        for (sum, u) in past.iter_mut().zip(history) {
            *sum += u * mips / capacity;
        }
        self.lengths[host] = self.lengths[host].max(self.past_len(vm, state) as u8);
    }

    fn past_len(&self, vm: VmId, state: &Snapshot<'_>) -> usize {
        match self.kind {
            HistoryKind::VmsOnHostTrimmed => state.histories.trimmed_len(vm),
            _ => state.histories.len(vm),
        }
    }

    /// Adds to `loads` what a detector sees of `host`, with `extra` on it as well if given.
    fn describe(&mut self, host: HostId, extra: Option<(VmId, f64)>, state: &Snapshot<'_>) {
        let capacity = state.fleet.capacity[host].0;
        let requested = self.requested[host] + extra.map_or(0.0, |(_, demand)| demand);
        let mut largest = self.largest[host];
        let mut len = usize::from(self.lengths[host]);
        let width = self.window;
        let start = self.loads.histories.len();
        if let Some(rings) = &self.rings {
            let own = rings.of(VmId(host.0));
            len = own.len().min(width);
            self.loads.histories.resize(start + width - len, 0.0);
            self.loads.histories.extend_from_slice(&own[own.len() - len..]);
        } else if width > 0 {
            let row = host.index() * WINDOW;
            let past = &self.pasts[row + WINDOW - width..row + WINDOW];
            self.loads.histories.extend_from_slice(past);
            if let Some((vm, _)) = extra {
                len = len.max(self.past_len(vm, state));
            }
            let past = &mut self.loads.histories[start..];
            if let Some((vm, _)) = extra {
                let history = state.histories.of(vm);
                let history = &history[history.len().saturating_sub(width)..];
                let mips = state.fleet.vm_mips[vm].0;
                for (sum, u) in past[width - history.len()..].iter_mut().zip(history) {
                    *sum += u * mips / capacity;
                }
            }
        }
        if let Some((vm, _)) = extra {
            largest = largest.max(state.fleet.vm_ram[vm]);
        }
        let intervals = (largest.0 as f64 * self.intervals_per_byte).ceil().max(1.0);
        self.loads.hosts.push(host);
        self.loads.now.push(requested / capacity);
        self.loads.lengths.push(len.min(width));
        self.loads.copy_intervals.push(intervals);
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
