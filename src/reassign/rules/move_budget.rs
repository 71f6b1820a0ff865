//! Move budget: a plan moves at most so many items, sends at most so many bytes, and takes at most
//! so much time on links, all moves together.
//!
//! ```text
//! violations = max(0, moved items - moves)
//!              + thousandths by which bytes and time on links are above their budgets
//! ```
//!
//! An item is moved when it ends elsewhere than it began. One sum per budget.
//!
//! Source: limits of moves per host and in all as in OpenNebula's OneDRS and of the rescheduling
//! benchmark of Ding et al. (VMR2L, EuroSys 2025); bytes and link time are ours.

use super::super::instance::Instance;
use super::super::step::Shift;
use super::{Kind, above};

/// What the moves of all items take.
#[derive(Debug, Clone)]
pub(super) struct MoveBudget {
    moves: i64,
    bytes: i64,
    link_time: i64,
    violations: i64,
}

impl MoveBudget {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let budgets = &instance.budgets;
        let limits = [budgets.moves, budgets.bytes, budgets.link_time];
        let none = Self { moves: 0, bytes: 0, link_time: 0, violations: 0 };
        limits.iter().any(Option::is_some).then_some(none)
    }

    /// What `shifts` add to each sum.
    fn more(instance: &Instance, shifts: &[Shift]) -> [i64; 3] {
        let column =
            |values: &[i64], item: u32| values.get(item as usize).copied().unwrap_or_default();
        let mut more = [0; 3];
        for shift in shifts {
            let item = shift.item;
            let is_moved = |machine: u32| {
                let home = instance.start[item as usize];
                i64::from(machine != home && machine != instance.nowhere())
            };
            let by = is_moved(shift.to) - is_moved(shift.from);
            more[0] += by;
            more[1] += by * column(&instance.items.bytes, item);
            more[2] += by * column(&instance.items.link_time, item);
        }
        more
    }

    fn wrong(&self, instance: &Instance, more: [i64; 3]) -> i64 {
        let budgets = &instance.budgets;
        let count = budgets.moves.map_or(0, |most| (self.moves + more[0] - most).max(0));
        let bytes = budgets.bytes.map_or(0, |most| above(self.bytes + more[1], most));
        let time = budgets.link_time.map_or(0, |most| above(self.link_time + more[2], most));
        count + bytes + time
    }
}

impl Kind for MoveBudget {
    fn change(&self, instance: &Instance, shifts: &[Shift]) -> i64 {
        self.wrong(instance, Self::more(instance, shifts)) - self.violations
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        let more = Self::more(instance, &[shift]);
        self.moves += more[0];
        self.bytes += more[1];
        self.link_time += more[2];
        self.violations = self.wrong(instance, [0; 3]);
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
