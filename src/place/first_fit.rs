//! First fit: the first host, in id order, on which the VM fits.
//!
//! Fits: one core is fast enough, and enough of every resource is free. It asks no detector.
//!
//! Source: the placement of the DVFS and NPA baselines of Beloglazov and Buyya, Concurrency
//! Computat.: Pract. Exper. 24(13), 2012.

use super::{Ask, Draft, Outcome, Placer, Placing, place_in_order};
use crate::id::{HostId, IdVec, VmId};
use crate::policy::PolicyError;

/// First fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirstFit;

impl Placer for FirstFit {
    fn name(&self) -> &str {
        "first-fit"
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        place_in_order(vms, draft, ask, placing, |vm, draft, ask| Ok(first(vm, draft, ask)))
    }
}

fn first(vm: VmId, draft: &Draft, ask: &Ask<'_>) -> Option<HostId> {
    let fleet = ask.state.fleet;
    let needs = ask.state.needs(vm);
    let hosts: &IdVec<HostId, _> = &fleet.capacity;
    hosts.ids().find(|&host| {
        !ask.excluded.contains(host)
            && (ask.wake || draft.room(host).vms > 0)
            && draft.room(host).fits(&needs)
    })
}
