//! What hosts have and VMs take: CPU, memory, disk and network as one vector.
//!
//! Plain numbers for kernels; the columns of the [`Fleet`](super::Fleet) hold the same as
//! quantities with types. All but MIPS are whole numbers, so that sums do not depend on their
//! order; a resource of which a host states nothing has no limit and is infinite.

use std::ops::{AddAssign, Index, SubAssign};

use serde::{Deserialize, Serialize};

/// How many resources there are.
pub const RESOURCES: usize = 4;

/// One of the resources that a VM takes of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// CPU, MIPS.
    Cpu,
    /// Memory, bytes.
    Ram,
    /// Disk, bytes.
    Disk,
    /// Network, bytes per second in each direction.
    Net,
}

impl Resource {
    /// All of them, in the order of [`Resources::as_array`].
    pub const ALL: [Self; RESOURCES] = [Self::Cpu, Self::Ram, Self::Disk, Self::Net];

    /// Its name as in the run spec.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Ram => "ram",
            Self::Disk => "disk",
            Self::Net => "net",
        }
    }
}

/// An amount of every resource: what a host has or has left, or what a VM takes.
///
/// ```
/// use galerna::model::Resources;
///
/// let mut free = Resources { cpu: 3720.0, ram: 4e9, ..Resources::UNLIMITED };
/// let vm = Resources { cpu: 500.0, ram: 613e6, disk: 2.5e9, net: 0.0 };
/// assert!(vm.fit_in(&free));
/// free -= vm;
/// assert_eq!((free.cpu, free.disk), (3220.0, f64::INFINITY));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resources {
    /// CPU, MIPS.
    pub cpu: f64,
    /// Memory, bytes.
    pub ram: f64,
    /// Disk, bytes.
    pub disk: f64,
    /// Network, bytes per second in each direction.
    pub net: f64,
}

impl Resources {
    /// More than any VM takes.
    pub const UNLIMITED: Self =
        Self { cpu: f64::INFINITY, ram: f64::INFINITY, disk: f64::INFINITY, net: f64::INFINITY };

    /// Whether there is at least as much of every resource in `free`.
    #[inline]
    pub fn fit_in(&self, free: &Self) -> bool {
        (free.cpu >= self.cpu)
            & (free.ram >= self.ram)
            & (free.disk >= self.disk)
            & (free.net >= self.net)
    }

    /// The amounts in the order of [`Resource::ALL`].
    #[inline]
    pub fn as_array(&self) -> [f64; RESOURCES] {
        [self.cpu, self.ram, self.disk, self.net]
    }
}

impl Index<Resource> for Resources {
    type Output = f64;
    fn index(&self, resource: Resource) -> &f64 {
        match resource {
            Resource::Cpu => &self.cpu,
            Resource::Ram => &self.ram,
            Resource::Disk => &self.disk,
            Resource::Net => &self.net,
        }
    }
}

impl AddAssign for Resources {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.ram += other.ram;
        self.disk += other.disk;
        self.net += other.net;
    }
}

impl SubAssign for Resources {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        self.cpu -= other.cpu;
        self.ram -= other.ram;
        self.disk -= other.disk;
        self.net -= other.net;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_alone_can_refuse() {
        let vm = Resources { cpu: 1.0, ram: 2.0, disk: 3.0, net: 4.0 };
        assert!(vm.fit_in(&vm), "all of it is enough");
        for resource in Resource::ALL {
            let mut free = Resources::UNLIMITED;
            match resource {
                Resource::Cpu => free.cpu = 0.5,
                Resource::Ram => free.ram = 1.5,
                Resource::Disk => free.disk = 2.5,
                Resource::Net => free.net = 3.5,
            }
            assert!(!vm.fit_in(&free), "{}", resource.name());
            assert_eq!(free[resource], vm[resource] - 0.5);
        }
    }

    /// Infinity less anything is infinity, and so is infinity with it back.
    #[test]
    fn what_has_no_limit_never_runs_out() {
        let vm = Resources { cpu: 1.0, ram: 2.0, disk: 3.0, net: 4.0 };
        let mut free = Resources::UNLIMITED;
        free -= vm;
        free += vm;
        assert_eq!(free, Resources::UNLIMITED);
    }
}
