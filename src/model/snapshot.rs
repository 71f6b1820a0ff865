//! What a policy sees at a decision: borrowed columns, nothing mutable, no future.

use super::fleet::Fleet;
use super::history::VmHistories;
use super::resources::Resources;
use crate::id::{HostId, IdVec, VmId};
use crate::time::Instant;

/// The state of the run at a decision.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    /// When.
    pub now: Instant,
    /// Hosts and VMs.
    pub fleet: &'a Fleet,
    /// Demand of each VM now, MIPS.
    pub demand: &'a IdVec<VmId, f64>,
    /// Past utilisation of each VM; ends with the current sample.
    pub histories: &'a VmHistories,
    /// Utilisation of each host as last evaluated, fraction of capacity.
    pub utilisation: &'a IdVec<HostId, f64>,
}

impl Snapshot<'_> {
    /// What `vm` takes of its host now: the CPU that it asks for, and all of its memory, disk and
    /// network. Placers and drafts reckon with nothing else, so that a trace of memory in use would
    /// enter here.
    #[inline]
    pub fn needs(&self, vm: VmId) -> Resources {
        self.fleet.needs(vm, self.demand[vm])
    }

    /// MIPS that `vm` asks of each of its cores now.
    #[inline]
    pub fn per_core(&self, vm: VmId) -> f64 {
        self.fleet.per_core(vm, self.demand[vm])
    }

    /// Mean and variance of what `vm` asked for in its latest `window` samples, MIPS; 0 without a
    /// past.
    pub fn moments(&self, vm: VmId, window: usize) -> (f64, f64) {
        let past = self.histories.latest(vm, window);
        let rate = self.fleet.vm_mips[vm].0;
        let count = past.len().max(1) as f64;
        let mean = past.iter().sum::<f64>() / count;
        let variance = past.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        (rate * mean, rate * rate * variance)
    }

    /// Utilisation of `vm` now, fraction of its nominal rate.
    pub fn vm_utilisation(&self, vm: VmId) -> f64 {
        self.demand[vm] / self.fleet.vm_mips[vm].0
    }
}
