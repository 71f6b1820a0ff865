//! Service move cost: the largest number of moved items of one service.

use super::instance::Instance;
use super::step::{Cost, Shift, Swap};

/// How many items of each service are away, and how many services have so many.
#[derive(Debug, Clone)]
pub(super) struct ServiceMoves {
    moved: Vec<u32>,
    /// Services with `n` moved items, for each `n`.
    services: Vec<u32>,
    most: usize,
}

/// What a shift does to the number of moved items of its service.
#[inline]
fn change(instance: &Instance, shift: Shift) -> (usize, i32) {
    let (before, after) = shift.away(instance);
    let service = instance.items.service[shift.item as usize] as usize;
    (service, i32::from(after) - i32::from(before))
}

impl ServiceMoves {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let services = instance.service_count();
        let mut counts = vec![0; instance.item_count() + 3];
        counts[0] = services as u32;
        Self { moved: vec![0; services], services: counts, most: 0 }
    }

    /// The largest number after changes of different services.
    fn most_after(&self, changes: &[(usize, i32)]) -> usize {
        let here = |level: usize| {
            let count = |&(service, by): &(usize, i32)| {
                let now = self.moved[service] as usize;
                let then = now.saturating_add_signed(by as isize);
                i64::from(then == level) - i64::from(now == level)
            };
            i64::from(self.services[level]) + changes.iter().map(count).sum::<i64>()
        };
        (1..=self.most + 2).rev().find(|&level| here(level) > 0).unwrap_or(0)
    }

    fn price(&self, instance: &Instance, changes: &[(usize, i32)]) -> i64 {
        if instance.weights.service == 0 || changes.iter().all(|&(_, by)| by == 0) {
            return 0;
        }
        instance.weights.service * (self.most_after(changes) as i64 - self.most as i64)
    }
}

impl Cost for ServiceMoves {
    #[inline]
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64 {
        self.price(instance, &[change(instance, shift)])
    }

    #[inline]
    fn swap_delta(&self, instance: &Instance, swap: Swap) -> i64 {
        let [first, second] = swap.shifts().map(|shift| change(instance, shift));
        if first.0 == second.0 {
            self.price(instance, &[(first.0, first.1 + second.1)])
        } else {
            self.price(instance, &[first, second])
        }
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        let change = change(instance, shift);
        let (service, by) = change;
        if by == 0 {
            return;
        }
        self.most = self.most_after(&[change]);
        let now = &mut self.moved[service];
        self.services[*now as usize] -= 1;
        *now = now.saturating_add_signed(by);
        self.services[*now as usize] += 1;
    }

    fn total(&self, instance: &Instance) -> i64 {
        instance.weights.service * self.most as i64
    }
}
