//! MU, minimum utilisation: the VM that uses the smallest fraction of its nominal rate.
//!
//! ```text
//! argmin demand(v) / mips(v)
//! ```
//!
//! `demand(v)`: MIPS that the VM asks for now, `mips(v)`: its nominal rate; the first in the host's
//! order among equals.
//!
//! Source: the CloudSim 3.0.3 policy set published with Beloglazov and Buyya, Concurrency
//! Computat.: Pract. Exper. 24(13), 2012. OpenStack Neat (`minimum_utilization`) compares what the
//! VMs use in MHz, whatever their nominal rates: `measure = "demand"`.

use serde::{Deserialize, Serialize};

use super::{VmSelector, first_least};
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Fractions of the VMs' nominal rates, as in CloudSim.
    #[default]
    Fraction,
    /// MIPS, as in OpenStack Neat.
    Demand,
}

/// Minimum utilisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MinUtilisation {
    /// What is compared.
    pub measure: Measure,
}

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
        Ok(match self.measure {
            Measure::Fraction => first_least(candidates, |vm| state.vm_utilisation(vm)),
            Measure::Demand => first_least(candidates, |vm| state.demand[vm]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::spec::tests::world;
    use crate::units::Mips;

    #[test]
    fn the_idlest_vm_leaves_first_whatever_its_memory() {
        world(&[613, 1740, 870], &[0.4, 0.1, 0.3], |state, vms| {
            let mut mu = MinUtilisation::default();
            assert_eq!(mu.pick(HostId(0), vms, &state).unwrap(), Some(VmId(1)));
        });
    }

    /// .3 of 2000 MIPS is 600, .5 of 1000 is 500: by fractions the first, by MIPS the second.
    #[test]
    fn fractions_and_mips_differ_where_vms_do() {
        world(&[613, 613], &[0.3, 0.5], |state, vms| {
            let mut fleet = state.fleet.clone();
            fleet.vm_mips[VmId(0)] = Mips(2000.0);
            let demand = [600.0, 500.0].into_iter().collect();
            let state = Snapshot { fleet: &fleet, demand: &demand, ..state };
            for (measure, vm) in [(Measure::Fraction, 0), (Measure::Demand, 1)] {
                let picked = MinUtilisation { measure }.pick(HostId(0), vms, &state).unwrap();
                assert_eq!(picked, Some(VmId(vm)));
            }
        });
    }
}
