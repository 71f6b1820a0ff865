//! Who is where, as far as the rules of `[sites]` ask, and placements that go to public sites last.
//!
//! ```text
//! all VMs, public sites hidden;  each that is left alone, hidden, then anywhere
//! ```
//!
//! So nobody is rented room for as long as the placer of the run finds a private host for it.

use super::Policies;
use super::world::World;
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::place::{Ask, Draft, Fence, HostSet, Outcome, Placing};
use crate::policy::PolicyError;

/// Tells `fence` where everybody is, is copied from and to, and is to come.
pub(super) fn survey(world: &World<'_>, fence: &mut Fence) {
    fence.clear();
    for &host in world.inhabited() {
        for entry in &world.lists[host] {
            fence.enter(entry.vm, host);
        }
    }
    for (vm, host) in world.home.iter().filter_map(|(vm, home)| Some((vm, (*home)?))) {
        fence.settle(vm, host);
    }
    for host in world.power.ids() {
        world.pending[host].iter().for_each(|waiting| fence.enter(waiting.vm, host));
        world.coming[host].iter().for_each(|&vm| fence.enter(vm, host));
    }
}

/// A placement to be made: of whom, among which hosts.
pub(super) struct Wanted<'a> {
    pub state: Snapshot<'a>,
    pub vms: &'a [VmId],
    /// Hosts that may not receive.
    pub excluded: &'a HostSet,
    /// Whether hosts without VMs may receive.
    pub wake: bool,
    pub placing: Placing,
}

impl Wanted<'_> {
    /// Asks the placer of the run: for public sites only where no private one is left.
    pub fn place(
        &self,
        draft: &mut Draft,
        policies: &mut Policies,
    ) -> Result<Outcome, PolicyError> {
        if !draft.fence().is_some_and(Fence::has_public) {
            return self.ask(self.vms, draft, policies);
        }
        let mut outcome = self.privately(self.vms, draft, policies)?;
        if self.placing == Placing::AllOrNone {
            return Ok(outcome);
        }
        for vm in std::mem::take(&mut outcome.left) {
            let mut alone = self.privately(&[vm], draft, policies)?;
            if alone.placed.is_empty() {
                alone = self.ask(&[vm], draft, policies)?;
            }
            outcome.placed.extend(alone.placed);
            outcome.left.extend(alone.left);
        }
        Ok(outcome)
    }

    /// The same for VMs that share a host: on one that has room for all of them, or none is placed.
    ///
    /// The placer chooses the host of the first; where the others do not fit it chooses again,
    /// among the rest.
    pub fn place_as_one(
        &self,
        draft: &mut Draft,
        policies: &mut Policies,
    ) -> Result<Outcome, PolicyError> {
        let mark = draft.mark();
        let mut excluded = self.excluded.clone();
        for _ in 0..self.state.fleet.hosts() {
            let wanted = Wanted { excluded: &excluded, ..*self };
            let outcome = wanted.place(draft, policies)?;
            if outcome.left.is_empty() {
                return Ok(outcome);
            }
            draft.undo(mark);
            let Some(&(_, full)) = outcome.placed.first() else { break };
            excluded.insert(full);
        }
        Ok(Outcome { placed: Vec::new(), left: self.vms.to_vec() })
    }

    /// The same, never on a public site.
    pub fn privately(
        &self,
        vms: &[VmId],
        draft: &mut Draft,
        policies: &mut Policies,
    ) -> Result<Outcome, PolicyError> {
        draft.fence_mut().into_iter().for_each(|fence| fence.hide_public(true));
        let outcome = self.ask(vms, draft, policies);
        draft.fence_mut().into_iter().for_each(|fence| fence.hide_public(false));
        outcome
    }

    fn ask(
        &self,
        vms: &[VmId],
        draft: &mut Draft,
        policies: &mut Policies,
    ) -> Result<Outcome, PolicyError> {
        let Self { state, excluded, wake, placing, .. } = *self;
        let mut ask = Ask { state, excluded, wake, detector: &mut *policies.overload };
        policies.place.place(vms, draft, &mut ask, placing)
    }
}

/// Whether `host` is rented.
pub(super) fn is_public(draft: &Draft, host: HostId) -> bool {
    draft.fence().is_some_and(|fence| fence.is_public(host))
}
