//! How full is a host, and how large is a VM: by one resource, or by several together (`by`)?
//!
//! ```text
//! room of a host    cpu, ram, disk, net:  free / capacity            of that resource
//!                   tightest:             min free_i / capacity_i    over the resources it limits
//!                   mean:                 mean free_i / capacity_i   over the resources it limits
//! size of a VM      cpu, ram, disk, net:  what it takes of that resource
//!                   tightest:             max needs_i / largest_i
//!                   mean:                 sum needs_i / largest_i
//! ```
//!
//! `largest_i`: the most of resource `i` that any host has. A resource that a host does not limit
//! is free altogether (1); one that no host limits makes no VM large (0).
//!
//! Source: the sizes of items with several dimensions (one of them, the largest, the sum) in
//! Maruyama, Chang and Tang, Int. J. Comput. Inf. Sci. 6(2), 1977.

use serde::{Deserialize, Serialize};

use crate::model::{Resource, Resources};

/// By what hosts and VMs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// CPU.
    #[default]
    Cpu,
    /// Memory.
    Ram,
    /// Disk.
    Disk,
    /// Network.
    Net,
    /// The scarcest resource.
    Tightest,
    /// All resources, each as a share.
    Mean,
}

impl Measure {
    fn resource(self) -> Option<Resource> {
        match self {
            Self::Cpu => Some(Resource::Cpu),
            Self::Ram => Some(Resource::Ram),
            Self::Disk => Some(Resource::Disk),
            Self::Net => Some(Resource::Net),
            Self::Tightest | Self::Mean => None,
        }
    }

    /// Share of a host that is free: 0 when it is full, 1 when it is empty.
    pub fn room(self, free: &Resources, has: &Resources) -> f64 {
        let share = |resource| share(free[resource], has[resource]);
        let limited = || Resource::ALL.into_iter().filter(|&r| has[r].is_finite());
        match self {
            Self::Tightest => limited().map(share).fold(1.0, f64::min),
            Self::Mean => limited().map(share).sum::<f64>() / limited().count().max(1) as f64,
            _ => self.resource().map_or(1.0, share),
        }
    }

    /// The least that [`Measure::room`] can be where a VM that takes `needs` fits.
    pub fn least_room(self, needs: &Resources, largest: &Resources) -> f64 {
        self.resource().map_or(0.0, |r| (needs[r] / largest[r]).min(1.0))
    }

    /// How large a VM is that takes `needs`.
    pub fn size(self, needs: &Resources, largest: &Resources) -> f64 {
        let shares = Resource::ALL.into_iter().map(|r| needs[r] / largest[r]);
        match self {
            Self::Tightest => shares.fold(0.0, f64::max),
            Self::Mean => shares.sum(),
            _ => self.resource().map_or(0.0, |r| needs[r]),
        }
    }
}

fn share(free: f64, has: f64) -> f64 {
    if has.is_finite() { free / has } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1000 of 4000 MIPS and 6 of 8 bytes are free, disk has no limit: .25, .75, 1; the tightest is
    /// .25, the mean (.25 + .75) / 2 = .5. A VM of 1000 MIPS and 4 bytes: .25 and .5 of the largest
    /// host, at most .5, together .75.
    #[test]
    fn rooms_and_sizes_of_the_worked_example() {
        let has = Resources { cpu: 4000.0, ram: 8.0, ..Resources::UNLIMITED };
        let free = Resources { cpu: 1000.0, ram: 6.0, ..Resources::UNLIMITED };
        let needs = Resources { cpu: 1000.0, ram: 4.0, disk: 7.0, net: 0.0 };
        let both = |by: Measure| (by.room(&free, &has), by.size(&needs, &has));
        assert_eq!(both(Measure::Cpu), (0.25, 1000.0));
        assert_eq!(both(Measure::Ram), (0.75, 4.0));
        assert_eq!(both(Measure::Disk), (1.0, 7.0));
        assert_eq!(both(Measure::Net), (1.0, 0.0));
        assert_eq!(both(Measure::Tightest), (0.25, 0.5));
        assert_eq!(both(Measure::Mean), (0.5, 0.75));
    }
}
