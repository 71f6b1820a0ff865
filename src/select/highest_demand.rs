//! Highest demand: the VM that asks for most CPU.
//!
//! ```text
//! argmax demand(v)
//! ```
//!
//! `demand(v)`: MIPS that the VM asks for now; the first in the host's order among equals. It
//! clears an overload with few moves, of VMs that are hard to place and lose most while they are
//! copied.
//!
//! Source: the order in which Sandpiper empties hot spots (Wood et al., USENIX NSDI 2007), without
//! its division by memory. Forks of CloudSim have it by utilisation as "maximum utilization"; that
//! is the demand in fractions of the VM's nominal rate, the opposite of `mu`.

use super::{VmSelector, first_least};
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;

/// Highest demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HighestDemand;

impl VmSelector for HighestDemand {
    fn name(&self) -> &str {
        "highest-demand"
    }
    fn pick(
        &mut self,
        _: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        Ok(first_least(candidates, |vm| -state.demand[vm]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::spec::tests::world;

    #[test]
    fn the_busiest_vm_leaves_first_whatever_its_memory() {
        world(&[613, 1740, 870, 613], &[0.2, 0.7, 0.3, 0.7], |state, vms| {
            assert_eq!(HighestDemand.pick(HostId(0), vms, &state).unwrap(), Some(VmId(1)));
        });
    }
}
