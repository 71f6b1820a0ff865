//! A planner under observation: its moves, each with what it was weighed by.

use super::witness::Witness;
use super::{Cause, Choice, Cost};
use crate::id::{HostId, VmId};
use crate::place::{Ask, Draft, Planner, Roster, Weighed};
use crate::policy::PolicyError;

/// Plans as the planner that it wraps.
pub(super) struct Planning {
    pub(super) inner: Box<dyn Planner>,
    pub(super) witness: Witness,
}

impl Planning {
    fn note(&self, move_: (usize, VmId, HostId), draft: &Draft, ask: &Ask<'_>, roster: Roster<'_>) {
        let (number, vm, to) = move_;
        let from = roster.home[vm];
        let why = self.inner.weighed().and_then(|weighed| weighed.why.get(number));
        let change = from.map_or(0.0, |from| {
            let (room, demand) = (draft.room(from), ask.state.demand[vm]);
            let after = (room.allocated - demand).max(0.0);
            self.witness.change(room.machine, room.capacity, room.allocated, after)
        });
        self.witness.note(Choice {
            at: ask.state.now,
            vm,
            from,
            to: Some(to),
            cause: why.map_or(Cause::Planned, |&why| Cause::Weighed(why)),
            possibilities: Vec::new(),
            asleep: ask.state.fleet.hosts() - draft.occupied().len(),
            source_change_w: change,
            cost: Cost::NONE,
        });
    }
}

impl Planner for Planning {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn window(&self) -> usize {
        self.inner.window()
    }

    fn weighed(&self) -> Option<&Weighed> {
        self.inner.weighed()
    }

    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError> {
        let mark = draft.mark();
        let moves = self.inner.plan(draft, ask, roster)?;
        draft.undo(mark);
        if self.witness.is_interested(ask.state.now) {
            let known = |vm: VmId| (vm.0 as usize) < ask.state.fleet.vms();
            let all = moves.iter().enumerate().filter(|(_, (vm, _))| known(*vm));
            all.for_each(|(number, &(vm, to))| self.note((number, vm, to), draft, ask, roster));
        }
        Ok(moves)
    }
}
