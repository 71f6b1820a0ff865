//! The initial placement: all VMs are present at time 0, where the policy's own placer puts them.

use serde::{Deserialize, Serialize};

use super::decide::settle;
use super::fences::{Wanted, is_public};
use super::share::Role;
use super::world::{PowerState, World};
use super::{Error, Policies};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::record::{ActionKind, Reason};
use crate::place::{Draft, HostSet, Outcome, Placing};
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
    let everyone: Vec<VmId> = world.home.ids().collect();
    let demand = counted(world, policies.initial);
    let nobody = HostSet::none(world.fleet.hosts());
    world.failed.iter().chain(&world.cut).for_each(|&host| draft.close(host));
    let placed = place(world, draft, policies, &everyone, &demand, &nobody)?;
    let Outcome { placed: mut hosts, left } = placed;
    if !left.is_empty() {
        return Err(infeasible(&left, everyone.len(), &demand, world, draft));
    }
    hosts.sort_unstable();
    start(world, &hosts);
    Ok(())
}

/// Leaves room for the rounding of what others have been given.
const NEARLY_ALL: f64 = 1.0 - 1e-9;

/// Finds hosts for `vms`, which are about to begin beside those that run, and gives them by VM:
/// hosts that are on as long as there is room on these, then any. Those of reservations count as
/// what they reserved.
pub(super) fn place_newcomers(
    world: &World<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
    vms: &[VmId],
) -> Result<Vec<(VmId, HostId)>, Error> {
    let mut demand = counted(world, policies.initial);
    for &vm in vms.iter().filter(|&&vm| world.reserved[vm]) {
        demand[vm] = world.fleet.vm_mips[vm].0 * NEARLY_ALL;
    }
    settle(world, draft, &world.snapshot());
    draft.count_memory(true);
    let mut asleep = HostSet::none(world.fleet.hosts());
    let off = world.power.iter().filter(|&(_, &power)| power != PowerState::On);
    off.for_each(|(host, _)| asleep.insert(host));
    // A private host is woken before a public one is rented.
    let public = world.power.ids().filter(|&host| is_public(draft, host));
    public.for_each(|host| asleep.insert(host));
    let on = place(world, draft, policies, vms, &demand, &asleep)?;
    let Outcome { placed: mut hosts, left } = on;
    asleep.clear();
    hosts.extend(place(world, draft, policies, &left, &demand, &asleep)?.placed);
    draft.count_memory(world.counts_memory());
    hosts.sort_unstable();
    Ok(hosts)
}

/// What VMs count as when they are placed first, MIPS.
fn counted(world: &World<'_>, initial: InitialDemand) -> IdVec<VmId, f64> {
    match initial {
        InitialDemand::FirstSample => world.demand.mips.clone(),
        InitialDemand::Nominal => world.fleet.vm_mips.as_slice().iter().map(|m| m.0).collect(),
    }
}

/// Where the placer puts `vms`, not on hosts that are `excluded`, and those for which it finds no
/// room.
fn place(
    world: &World<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
    vms: &[VmId],
    demand: &IdVec<VmId, f64>,
    excluded: &HostSet,
) -> Result<Outcome, Error> {
    let state = world.snapshot_with(demand);
    let mut all = Outcome::default();
    let blocks = draft.fence().map_or_else(Vec::new, |fence| fence.blocks_among(vms));
    for block in &blocks {
        let wanted = Wanted { state, vms: block, excluded, wake: true, placing: Placing::Each };
        let outcome = wanted.place_as_one(draft, policies)?;
        all.placed.extend(outcome.placed);
        all.left.extend(outcome.left);
    }
    let alone = |vm: &&VmId| !blocks.iter().any(|block| block.contains(vm));
    let single: Vec<VmId>;
    let vms = if blocks.is_empty() {
        vms
    } else {
        single = vms.iter().filter(alone).copied().collect();
        &single
    };
    let batch = match policies.initial {
        InitialDemand::FirstSample => vms.len().max(1),
        InitialDemand::Nominal => 1,
    };
    for vms in vms.chunks(batch) {
        let wanted = Wanted { state, vms, excluded, wake: true, placing: Placing::Each };
        let outcome = wanted.place(draft, policies)?;
        all.left.extend(outcome.left);
        for (vm, host) in outcome.placed {
            if policies.initial == InitialDemand::Nominal {
                draft.silence(vm, host);
            }
            all.placed.push((vm, host));
        }
    }
    Ok(all)
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

fn infeasible(
    left: &[VmId],
    of: usize,
    demand: &IdVec<VmId, f64>,
    world: &World<'_>,
    draft: &Draft,
) -> Error {
    let first = left[0];
    let what = format!(
        "{} of {of} VMs fit on no host at the start, the first is VM {} ({:.0} MIPS, {} MB)",
        left.len(),
        first.index(),
        demand[first],
        world.fleet.vm_ram[first].0 / 1_000_000,
    );
    if draft.fence().is_some() {
        let (hosts, needs) = (world.fleet.hosts(), world.fleet.needs(first, demand[first]));
        let per_core = world.fleet.per_core(first, demand[first]);
        let may = world.power.ids().filter(|&host| draft.admits(first, host));
        let (mut allowed, mut fit) = (0, 0);
        may.for_each(|host| {
            allowed += 1;
            fit += usize::from(draft.room(host).fits(&needs, per_core));
        });
        let what = format!(
            "{what}; beside those that are placed the rules of [sites] allow it on {allowed} of \
             {hosts} hosts, of which {fit} have room"
        );
        let remedy = "Loosen the rules that name it, add hosts where it may be, or place by \
                      first-fit-decreasing";
        return Error::Infeasible(Problem::new("GLN-668", "initial placement", what, remedy));
    }
    let remedy = "Add hosts or memory under [fleet], or select fewer VMs";
    Error::Infeasible(Problem::new("GLN-501", "initial placement", what, remedy))
}
