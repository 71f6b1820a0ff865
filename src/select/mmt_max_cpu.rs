//! MMT-max-CPU: of the VMs whose memory is copied fastest, the one that has used most CPU.
//!
//! ```text
//! argmax (c_(k-n+1) + .. + c_k) / n      over the VMs of the host with the least RAM
//! ```
//!
//! `c`: CPU that the VM has used, MIPS, up to now; `n`: how many samples are averaged, all there
//! are while there are fewer. The first in the host's order among equals. Where many VMs are of the
//! same type MMT says nothing about which of them helps; this takes the one that relieves the host
//! most.
//!
//! Source: OpenStack Neat, `minimum_migration_time_max_cpu` (Beloglazov and Buyya, Concurrency
//! Computat.: Pract. Exper. 27(5), 2015). There no VM leaves if all of those with the least memory
//! have idled, which is `skip-idle = true`; otherwise the first of them leaves, as under MMT.

use serde::{Deserialize, Serialize};

use super::VmSelector;
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;
use crate::stats::mean;

/// Minimum migration time, maximum CPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MmtMaxCpu {
    /// `n`: how many samples are averaged, 1 to 30.
    pub last_n: usize,
    /// Whether no VM leaves when those of the least memory have all idled.
    pub skip_idle: bool,
}

impl Default for MmtMaxCpu {
    fn default() -> Self {
        Self { last_n: 2, skip_idle: false }
    }
}

impl VmSelector for MmtMaxCpu {
    fn name(&self) -> &str {
        "mmt-max-cpu"
    }
    fn pick(
        &mut self,
        _: HostId,
        candidates: &[VmId],
        state: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        let ram = |vm: VmId| state.fleet.vm_ram[vm];
        let least = candidates.iter().map(|&vm| ram(vm)).min();
        let mut best: Option<(f64, VmId)> = None;
        for &vm in candidates.iter().filter(|&&vm| Some(ram(vm)) == least) {
            let average = mean(state.histories.latest(vm, self.last_n)).unwrap_or(0.0);
            let used = average * state.fleet.vm_mips[vm].0;
            if best.is_none_or(|(most, _)| used > most) {
                best = Some((used, vm));
            }
        }
        let best = best.filter(|&(used, _)| used > 0.0 || !self.skip_idle);
        Ok(best.map(|(_, vm)| vm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::spec::tests::{world, world_with_pasts};

    /// 613 MB: VMs 1 and 3; their latest two samples average .3 and .35, of 1000 MIPS each.
    #[test]
    fn among_vms_of_the_least_memory_the_busiest_leaves() {
        let pasts: [&[f64]; 4] = [&[0.9, 0.9], &[0.9, 0.4, 0.2], &[0.8], &[0.0, 0.3, 0.4]];
        world_with_pasts(&[870, 613, 1740, 613], &pasts, |state, vms| {
            let picked = |mut spec: MmtMaxCpu| spec.pick(HostId(0), vms, &state).unwrap();
            assert_eq!(picked(MmtMaxCpu::default()), Some(VmId(3)));
            let longer = MmtMaxCpu { last_n: 3, ..MmtMaxCpu::default() };
            assert_eq!(picked(longer), Some(VmId(1)));
        });
    }

    #[test]
    fn idle_vms_leave_unless_they_are_to_be_skipped() {
        world(&[613, 613, 870], &[0.0, 0.0, 0.9], |state, vms| {
            let mut lenient = MmtMaxCpu::default();
            assert_eq!(lenient.pick(HostId(0), vms, &state).unwrap(), Some(VmId(0)));
            let mut strict = MmtMaxCpu { skip_idle: true, ..lenient };
            assert_eq!(strict.pick(HostId(0), vms, &state).unwrap(), None);
        });
    }
}
