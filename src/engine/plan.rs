//! A decision by a planner: all moves of the step at once, held against the draft.

use std::borrow::Cow;

use super::Policies;
use super::decide::Decision;
use super::world::{Move, World};
use crate::model::record::Reason;
use crate::place::{Ask, Draft, HostSet, Planner, Roster, enter};
use crate::policy::PolicyError;

/// Does as `planner` says beside the moves that are `made` already; its detector is the policy's.
/// VMs at public sites are not for planners to move, nor are others to go there.
pub fn plan(
    planner: &mut dyn Planner,
    world: &World<'_>,
    made: &[Move],
    draft: &mut Draft,
    policies: &mut Policies,
) -> Result<Decision, PolicyError> {
    let state = world.snapshot();
    let mut excluded = HostSet::none(world.fleet.hosts());
    world.closing.iter().chain(&world.cut).for_each(|&host| excluded.insert(host));
    let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut *policies.overload };
    let mut bound = Cow::Borrowed(&world.bound);
    made.iter().for_each(|decided| bound.to_mut()[decided.vm] += 1);
    world.rented.keys().for_each(|&vm| bound.to_mut()[vm] += 1);
    if !world.cut.is_empty() {
        let stuck = world.home.ids().filter(|&vm| world.is_stuck(vm));
        stuck.for_each(|vm| bound.to_mut()[vm] += 1);
    }
    let roster = Roster { home: &world.home, bound: &bound, down_s: &world.down_s };
    draft.fence_mut().into_iter().for_each(|fence| fence.hide_public(true));
    let mark = draft.mark();
    let moves = planner.plan(draft, &mut ask, roster)?;
    draft.undo(mark);
    enter(&moves, draft, &ask, roster).map_err(|(vm, refusal)| {
        let subject = format!("VM {}", vm.0);
        PolicyError::new(planner.name(), refusal).with_code("GLN-405").about(subject)
    })?;
    draft.fence_mut().into_iter().for_each(|fence| fence.hide_public(false));
    let weighed = planner.weighed().cloned();
    let why = weighed.iter().flat_map(|weighed| &weighed.why).map(|&why| Reason::Weighed(why));
    let why = why.chain(std::iter::repeat(Reason::Planned));
    let moves = moves.into_iter().zip(why).map(|((vm, to), reason)| Move { vm, to, reason });
    let moves = moves.collect();
    Ok(Decision { moves, weighed, ..Decision::default() })
}
