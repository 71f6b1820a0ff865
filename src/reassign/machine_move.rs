//! Machine move cost: each item costs what lies between its first machine and its machine.

use super::instance::Instance;
use super::step::{Cost, Shift, Swap};

/// The cost of all ways.
#[derive(Debug, Clone, Default)]
pub(super) struct MachineMoves {
    cost: i64,
}

impl Cost for MachineMoves {
    #[inline]
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64 {
        let home = instance.start[shift.item as usize];
        let way = |machine: u32| instance.machine_move_cost(home, machine);
        instance.weights.machine * (way(shift.to) - way(shift.from))
    }

    #[inline]
    fn swap_delta(&self, instance: &Instance, swap: Swap) -> i64 {
        swap.shifts().iter().map(|&shift| self.shift_delta(instance, shift)).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.cost += self.shift_delta(instance, shift);
    }

    fn total(&self, _: &Instance) -> i64 {
        self.cost
    }
}
