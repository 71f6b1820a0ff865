//! The initial placement: all VMs are present at time 0, where the policy's own placer puts them.

use serde::{Deserialize, Serialize};

use super::share::Role;
use super::world::{PowerState, World};
use super::{Error, Policies};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::record::{ActionKind, Reason};
use crate::place::{Ask, Draft, HostSet, Placing};
use crate::problem::Problem;

/// What VMs count as when they are first placed (`policy.initial`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitialDemand {
    /// Their demand at the first sample; the placer sees all of them at once.
    #[default]
    FirstSample,
    /// Their nominal rate, one VM after the other in id order, each idle once it is placed: as
    /// CloudSim creates them. Right for policies that never migrate, as they must provide for the
    /// peak.
    Nominal,
}

/// Places all VMs and switches their hosts on.
pub fn place_all(
    world: &mut World<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
) -> Result<(), Error> {
    let nominal: IdVec<VmId, f64> = world.fleet.vm_mips.as_slice().iter().map(|m| m.0).collect();
    let everyone: Vec<VmId> = nominal.ids().collect();
    let excluded = HostSet::none(world.fleet.hosts());
    let demand = match policies.initial {
        InitialDemand::FirstSample => world.demand.mips.clone(),
        InitialDemand::Nominal => nominal,
    };
    let state = world.snapshot_with(&demand);
    let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut *policies.overload };
    let mut hosts: Vec<(VmId, HostId)> = Vec::with_capacity(everyone.len());
    let batches: Vec<&[VmId]> = match policies.initial {
        InitialDemand::FirstSample => vec![&everyone],
        InitialDemand::Nominal => everyone.chunks(1).collect(),
    };
    for batch in batches {
        let outcome = policies.place.place(batch, draft, &mut ask, Placing::Each)?;
        if !outcome.left.is_empty() {
            return Err(infeasible(&outcome.left, batch.len(), &demand, world));
        }
        for &(vm, host) in &outcome.placed {
            if policies.initial == InitialDemand::Nominal {
                draft.silence(vm, host);
            }
            hosts.push((vm, host));
        }
    }
    hosts.sort_unstable();
    start(world, &hosts);
    Ok(())
}

fn start(world: &mut World<'_>, hosts: &[(VmId, HostId)]) {
    for &(vm, host) in hosts {
        if world.power[host] == PowerState::Off {
            world.power[host] = PowerState::On;
            world.note_host(ActionKind::HostOn, host);
        }
        world.home[vm] = Some(host);
        world.enlist(host, vm, Role::Running);
        world.note(ActionKind::VmStart, Some(vm), None, Some(host), Reason::Initial);
    }
}

fn infeasible(left: &[VmId], of: usize, demand: &IdVec<VmId, f64>, world: &World<'_>) -> Error {
    let first = left[0];
    let what = format!(
        "{} of {of} VMs fit on no host at the start, the first is VM {} ({:.0} MIPS, {} MB)",
        left.len(),
        first.index(),
        demand[first],
        world.fleet.vm_ram[first].0 / 1_000_000,
    );
    let remedy = "Add hosts or memory under [fleet], or select fewer VMs";
    Error::Infeasible(Problem::new("GLN-501", "initial placement", what, remedy))
}
