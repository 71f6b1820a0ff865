//! VMs at public sites come home when there is room.
//!
//! ```text
//! returns:  there for return-after-s, and a private host takes it as if it asked for
//!           min((1 + return-margin) r, m)
//! ```
//!
//! `r`: what it asks for, `m`: its nominal rate, MIPS. The placer of the run says which host that
//! is; the stay is counted from the first decision at which the VM is there. Both keep a VM from
//! going to and fro.

use super::Policies;
use super::decide::Decision;
use super::fences::Wanted;
use super::world::{Move, World};
use crate::id::VmId;
use crate::model::record::Reason;
use crate::place::{Draft, Fence, HostSet, Placing};
use crate::policy::PolicyError;
use crate::time::Span;

/// Notes which VMs are rented, and since when.
pub(super) fn note(world: &mut World<'_>, fence: &Fence) {
    if !fence.has_public() {
        return;
    }
    let now = world.now.instant;
    for (vm, home) in world.home.iter() {
        match home.filter(|&host| fence.is_public(host)) {
            Some(_) => drop(world.rented.entry(vm).or_insert(now)),
            None => drop(world.rented.remove(&vm)),
        }
    }
}

/// Adds to `decision` the moves of VMs that return.
pub(super) fn bring_back(
    world: &World<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
    decision: &mut Decision,
) -> Result<(), PolicyError> {
    let Some(sites) = &world.rules.sites else { return Ok(()) };
    let stays = Span::from_seconds(sites.return_after_s);
    let now = world.now.instant;
    let made = |vm: VmId| decision.moves.iter().any(|decided| decided.vm == vm);
    let due = world
        .rented
        .iter()
        .filter(|&(&vm, &since)| now - since >= stays && world.bound[vm] == 0 && !made(vm))
        .filter(|&(&vm, _)| !world.is_stuck(vm));
    let vms: Vec<VmId> = due.map(|(&vm, _)| vm).collect();
    if vms.is_empty() {
        return Ok(());
    }
    let mut demand = world.demand.mips.clone();
    for &vm in &vms {
        let most = world.fleet.vm_mips[vm].0.max(demand[vm]);
        demand[vm] = ((1.0 + sites.return_margin) * demand[vm]).min(most);
    }
    let excluded = &HostSet::none(world.fleet.hosts());
    let (state, placing) = (world.snapshot_with(&demand), Placing::Each);
    for vm in vms {
        let wanted = Wanted { state, vms: &[vm], excluded, wake: true, placing };
        let outcome = wanted.privately(&[vm], draft, policies)?;
        let reason = Reason::Return;
        decision.moves.extend(outcome.placed.into_iter().map(|(vm, to)| Move { vm, to, reason }));
    }
    Ok(())
}
