//! VMs of one lease that share a host, or never do, wherever policies put them.
//!
//! A VM counts where the [`Fence`](super::Fence) counts it: where it runs, where it is copied from
//! and to, and where it is to come. So VMs that share a host are put there one after the other, and
//! none of them is migrated while the others are there: on its way it would be elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{HostId, Id, VmId};
use crate::model::lease::{Guests, LeaseRequest};

/// What binds a VM.
#[derive(Debug, Clone, Default)]
struct Bond {
    together: Vec<VmId>,
    apart: Vec<VmId>,
}

/// What binds which VM, and where those count.
#[derive(Debug, Clone, Default)]
pub struct Bonds {
    law: Arc<BTreeMap<VmId, Bond>>,
    /// One entry for each time that a VM counts.
    spots: BTreeMap<VmId, Vec<HostId>>,
}

impl Bonds {
    /// Those of the VMs of `requests`, `each` one of the fleet.
    pub fn of(requests: &[LeaseRequest], each: Guests) -> Self {
        let (mut law, mut first) = (BTreeMap::new(), 0);
        for request in requests {
            let nodes: Vec<usize> = request.guests(each).map(|guest| guest.node).collect();
            if let Some(company) = request.company() {
                let others = |holds: &dyn Fn(usize) -> bool| -> Vec<VmId> {
                    let rows = nodes.iter().enumerate().filter(|&(_, &node)| holds(node));
                    rows.map(|(row, _)| VmId::from_index(first + row)).collect()
                };
                for (row, &node) in nodes.iter().enumerate() {
                    let together = others(&|other| company.are_together(node, other));
                    let apart = others(&|other| company.are_apart(node, other));
                    law.insert(VmId::from_index(first + row), Bond { together, apart });
                }
            }
            first += nodes.len();
        }
        Self { law: Arc::new(law), spots: BTreeMap::new() }
    }

    /// Whether nobody is bound.
    pub fn is_empty(&self) -> bool {
        self.law.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.spots.clear();
    }

    pub(super) fn enter(&mut self, vm: VmId, host: HostId) {
        if self.law.contains_key(&vm) {
            self.spots.entry(vm).or_default().push(host);
        }
    }

    pub(super) fn leave(&mut self, vm: VmId, host: HostId) {
        if let Some(spots) = self.spots.get_mut(&vm)
            && let Some(row) = spots.iter().rposition(|&spot| spot == host)
        {
            spots.remove(row);
        }
    }

    /// Whether `vm` may be put on `host`.
    pub(super) fn admits(&self, vm: VmId, host: HostId) -> bool {
        let Some(bond) = self.law.get(&vm) else { return true };
        let spots = |other: &VmId| self.spots.get(other).into_iter().flatten();
        bond.together.iter().flat_map(spots).all(|&spot| spot == host)
            && bond.apart.iter().flat_map(spots).all(|&spot| spot != host)
    }

    /// The VMs of `vms` that share a host with others of them, by host.
    pub(super) fn blocks_among(&self, vms: &[VmId]) -> Vec<Vec<VmId>> {
        let mut blocks: Vec<Vec<VmId>> = Vec::new();
        for &vm in vms {
            let Some(bond) = self.law.get(&vm) else { continue };
            if bond.together.is_empty() || blocks.iter().any(|block| block.contains(&vm)) {
                continue;
            }
            let among = |other: &&VmId| vms.contains(other);
            let mut block: Vec<VmId> = bond.together.iter().filter(among).copied().collect();
            if !block.is_empty() {
                block.push(vm);
                block.sort_unstable();
                blocks.push(block);
            }
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lease::{CORE, CPU, LeaseKind, NodeSet, RESOURCES, Software};
    use crate::time::{Instant, Span};

    /// VMs 0 and 1 are apart, 2 and 3 together; each is one of the fleet, or each has two cores.
    fn bonds(each: Guests) -> Bonds {
        let set = |name: &str, together: &str, apart: &str| {
            let mut need = [0; RESOURCES];
            need[CPU] = 2 * CORE;
            let mut set = NodeSet::new(2, need);
            set.part.name = Some(name.to_owned());
            set.part.together = together.split_whitespace().map(str::to_owned).collect();
            set.part.apart = apart.split_whitespace().map(str::to_owned).collect();
            set
        };
        let request = LeaseRequest {
            number: 1,
            arrival: Instant::START,
            kind: LeaseKind::BestEffort,
            nodes: vec![set("a", "", "a"), set("b", "b", "")],
            duration: Span(1),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        };
        Bonds::of(&[request], each)
    }

    fn admitted(bonds: &Bonds, vm: u32) -> Vec<u32> {
        (0..4).filter(|&host| bonds.admits(VmId(vm), HostId(host))).collect()
    }

    #[test]
    fn who_is_bound_goes_where_the_others_let_it() {
        let mut bonds = bonds(Guests::Vms);
        assert_eq!(admitted(&bonds, 0), [0, 1, 2, 3]);
        bonds.enter(VmId(0), HostId(1));
        bonds.enter(VmId(2), HostId(3));
        assert_eq!((admitted(&bonds, 1), admitted(&bonds, 3)), (vec![0, 2, 3], vec![3]));
        // While it is copied it counts at both ends, and there is no host with both.
        bonds.enter(VmId(0), HostId(2));
        bonds.enter(VmId(2), HostId(0));
        assert_eq!((admitted(&bonds, 1), admitted(&bonds, 3)), (vec![0, 3], Vec::new()));
        bonds.leave(VmId(0), HostId(1));
        bonds.leave(VmId(2), HostId(3));
        assert_eq!((admitted(&bonds, 1), admitted(&bonds, 3)), (vec![0, 1, 3], vec![0]));
        assert_eq!(admitted(&bonds, 4), [0, 1, 2, 3], "nobody binds it");
        let all: Vec<VmId> = (0..5).map(VmId).collect();
        assert_eq!(bonds.blocks_among(&all), [vec![VmId(2), VmId(3)]]);
        assert_eq!(bonds.blocks_among(&all[..3]), Vec::<Vec<VmId>>::new());
    }

    /// VM 0 is cores 0 and 1, VM 1 is cores 2 and 3.
    #[test]
    fn cores_of_one_vm_are_not_apart() {
        let mut bonds = bonds(Guests::Cores);
        bonds.enter(VmId(0), HostId(1));
        assert_eq!((admitted(&bonds, 1), admitted(&bonds, 2)), (vec![0, 1, 2, 3], vec![0, 2, 3]));
        bonds.enter(VmId(4), HostId(2));
        assert_eq!((admitted(&bonds, 5), admitted(&bonds, 6)), (vec![0, 1, 2, 3], vec![2]));
    }
}
