//! The order in which the VMs of one lease begin: a web server after its database.
//!
//! A VM whose set names others begins when all VMs of these run. What it needs before may be under
//! way meanwhile. Who runs goes on when another of the lease falls.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::lease::{Guests, LeaseRequest};

/// For every VM of a set that begins after others: the VMs of these.
#[derive(Debug, Default)]
pub(super) struct StartOrder {
    before: BTreeMap<VmId, Vec<Range<usize>>>,
}

impl StartOrder {
    /// Of the VMs of `requests`, `each` one of the fleet.
    pub fn of(requests: &[LeaseRequest], each: Guests) -> Self {
        let mut before = BTreeMap::new();
        let mut first = 0;
        for request in requests {
            let nodes: Vec<usize> = request.guests(each).map(|guest| guest.node).collect();
            if request.is_ordered() {
                let spans = spans(request, &nodes, first);
                for (set, span) in request.nodes.iter().zip(&spans) {
                    let earlier: Vec<Range<usize>> =
                        request.before(set).into_iter().map(|set| spans[set].clone()).collect();
                    let after = span.clone().map(VmId::from_index);
                    before.extend(after.map(|vm| (vm, earlier.clone())));
                }
            }
            first += nodes.len();
        }
        before.retain(|_, earlier: &mut Vec<Range<usize>>| !earlier.is_empty());
        Self { before }
    }

    /// Whether those that `vm` begins after run.
    pub fn allows(&self, vm: VmId, home: &IdVec<VmId, Option<HostId>>) -> bool {
        let Some(earlier) = self.before.get(&vm) else { return true };
        earlier.iter().cloned().flatten().all(|vm| home[VmId::from_index(vm)].is_some())
    }

    /// Whether `vm` begins after others.
    pub fn concerns(&self, vm: VmId) -> bool {
        self.before.contains_key(&vm)
    }
}

/// The VMs of the fleet of each set of a lease whose first is `first`; `nodes` names the VM of the
/// lease that each stands for.
fn spans(request: &LeaseRequest, nodes: &[usize], first: usize) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let (mut node, mut from) = (0, 0);
    for set in &request.nodes {
        node += set.count as usize;
        let until = nodes.partition_point(|&of| of < node);
        spans.push(first + from..first + until);
        from = until;
    }
    spans
}
