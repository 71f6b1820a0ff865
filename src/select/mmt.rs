//! MMT, minimum migration time: the VM whose memory is copied fastest.
//!
//! ```text
//! argmin RAM(v) / bandwidth
//! ```
//!
//! All VMs of a host share its bandwidth, so the smallest memory wins; the first in the host's
//! order among equals. Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13),
//! 2012, sect. 6.5.

use super::{VmSelector, first_least};
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;

/// Minimum migration time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mmt;

impl VmSelector for Mmt {
    fn name(&self) -> &str {
        "mmt"
    }
    fn pick(
        &mut self,
        _: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        Ok(first_least(candidates, |vm| state.fleet.vm_ram[vm]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::spec::tests::world;

    /// Step 5 of the worked sample: 613 MB goes first; then 870 MB ties go to the first.
    #[test]
    fn the_smallest_memory_leaves_first() {
        world(&[1740, 870, 613, 870], &[0.1; 4], |state, vms| {
            assert_eq!(Mmt.pick(HostId(0), vms, &state).unwrap(), Some(VmId(2)));
            let rest = [VmId(0), VmId(3), VmId(1)];
            assert_eq!(Mmt.pick(HostId(0), &rest, &state).unwrap(), Some(VmId(3)));
        });
    }
}
