//! What one host has left in a draft, and sets of hosts.

use crate::detect::Sums;
use crate::id::{HostId, IdVec, VmId};
use crate::model::{Fleet, Resources};

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
pub type Held = Resources;

/// What one host has and has left.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// What nobody has asked for; memory is negative where the start placed more than running VMs
    /// may have.
    pub free: Resources,
    /// MIPS given to its VMs.
    pub allocated: f64,
    /// MIPS asked for by its VMs.
    pub requested: f64,
    /// CPU capacity, MIPS.
    pub capacity: f64,
    /// Rate of one core, MIPS.
    pub core: f64,
    /// Index of its machine type.
    pub machine: usize,
    /// How many VMs it has.
    pub vms: u32,
    /// Length of its history.
    pub(super) length: u32,
    /// Sums of its VMs' pasts, for a linear detector.
    pub(super) sums: Sums,
    /// Sampling intervals that the longest copy of one of its VMs takes, not
    /// rounded.
    pub(super) copy_intervals: f64,
}

impl Room {
    pub(super) fn empty(host: HostId, fleet: &Fleet) -> Self {
        let free = fleet.capacities(host);
        Self {
            free,
            allocated: 0.0,
            requested: 0.0,
            capacity: free.cpu,
            core: fleet.core[host].0,
            machine: usize::from(fleet.machine[host]),
            vms: 0,
            length: 0,
            sums: Sums::default(),
            copy_intervals: 0.0,
        }
    }

    /// Whether a VM that takes `needs`, `per_core` MIPS of them with each of its cores, fits beside
    /// the others: a core is fast enough, and there is enough of every resource.
    #[inline]
    pub fn fits(&self, needs: &Resources, per_core: f64) -> bool {
        (self.core >= per_core) & needs.fit_in(&self.free)
    }

    /// MIPS asked for over capacity.
    pub fn utilisation(&self) -> f64 {
        self.requested / self.capacity
    }
}
