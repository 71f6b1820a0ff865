//! Item move cost: each item that is not where it was costs its own amount, wherever it is.

use super::instance::Instance;
use super::step::{Cost, Shift, Swap};

/// The cost of the items that are away.
#[derive(Debug, Clone, Default)]
pub(super) struct ItemMoves {
    cost: i64,
}

impl Cost for ItemMoves {
    #[inline]
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64 {
        let (before, after) = shift.away(instance);
        let change = i64::from(after) - i64::from(before);
        change * instance.weights.item * instance.items.move_cost[shift.item as usize]
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
