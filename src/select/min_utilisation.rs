//! MU, minimum utilisation: the VM that uses the smallest fraction of its nominal rate.
//!
//! ```text
//! argmin demand(v) / mips(v)
//! ```
//!
//! The first in the host's order among equals. Source: the CloudSim 3.0.3 policy set published with
//! Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012.

use super::{VmSelector, first_least};
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;

/// Minimum utilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinUtilisation;

impl VmSelector for MinUtilisation {
    fn name(&self) -> &str {
        "mu"
    }
    fn pick(
        &mut self,
        _: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        Ok(first_least(candidates, |vm| state.vm_utilisation(vm)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::spec::tests::world;

    #[test]
    fn the_idlest_vm_leaves_first_whatever_its_memory() {
        world(&[613, 1740, 870], &[0.4, 0.1, 0.3], |state, vms| {
            assert_eq!(MinUtilisation.pick(HostId(0), vms, &state).unwrap(), Some(VmId(1)));
        });
    }
}
