//! A decision by a planner: all moves of the step at once, held against the draft.

use super::Policies;
use super::decide::Decision;
use super::world::{Move, World};
use crate::model::Snapshot;
use crate::model::record::Reason;
use crate::place::{Ask, Draft, HostSet, Planner, Roster, enter};
use crate::policy::PolicyError;

/// Does as `planner` says; its detector is the policy's.
pub fn plan(
    planner: &mut dyn Planner,
    world: &World<'_>,
    state: Snapshot<'_>,
    draft: &mut Draft,
    policies: &mut Policies,
) -> Result<Decision, PolicyError> {
    let excluded = HostSet::none(world.fleet.hosts());
    let mut ask = Ask { state, excluded: &excluded, wake: true, detector: &mut *policies.overload };
    let roster = Roster { home: &world.home, bound: &world.bound };
    let mark = draft.mark();
    let moves = planner.plan(draft, &mut ask, roster)?;
    draft.undo(mark);
    enter(&moves, draft, &ask, roster).map_err(|(vm, refusal)| {
        let subject = format!("VM {}", vm.0);
        PolicyError::new(planner.name(), refusal).with_code("GLN-405").about(subject)
    })?;
    let weighed = planner.weighed().cloned();
    let why = weighed.iter().flat_map(|weighed| &weighed.why).map(|&why| Reason::Weighed(why));
    let why = why.chain(std::iter::repeat(Reason::Planned));
    let moves = moves.into_iter().zip(why).map(|((vm, to), reason)| Move { vm, to, reason });
    let moves = moves.collect();
    Ok(Decision { moves, weighed, ..Decision::default() })
}
