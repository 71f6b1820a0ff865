//! Conflict: two items of one service never share a machine.

use super::instance::Instance;
use super::step::{Rule, Shift, Swap};

/// Marks a service of one item, which cannot conflict.
const ALONE: u32 = u32::MAX;

/// How many items of each service are on each machine; services of one item have no row.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    row: Vec<u32>,
    /// Per row and machine, of which the last is nowhere and holds none: 0 or 1 while the rule
    /// holds; a few more within a compound move.
    items: Vec<u8>,
}

impl Conflict {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let mut sizes = vec![0_u32; instance.service_count()];
        instance.items.service.iter().for_each(|&service| sizes[service as usize] += 1);
        let mut rows = 0;
        let mut number = |&size: &u32| {
            rows += u32::from(size > 1);
            if size > 1 { rows - 1 } else { ALONE }
        };
        let row: Vec<u32> = sizes.iter().map(&mut number).collect();
        let items = vec![0; rows as usize * (instance.machine_count() + 1)];
        let mut conflict = Self { row, items };
        for (item, &machine) in instance.start.iter().enumerate() {
            if let Some(at) = conflict.at(instance, item as u32, machine) {
                conflict.items[at] = conflict.items[at].saturating_add(1);
            }
        }
        conflict
    }

    #[inline]
    fn at(&self, instance: &Instance, item: u32, machine: u32) -> Option<usize> {
        let row = self.row[instance.items.service[item as usize] as usize];
        let width = instance.machine_count() + 1;
        (row != ALONE).then(|| row as usize * width + machine as usize)
    }

    /// How many more items than one `shift` brings together, less how many it parts.
    pub(super) fn change(&self, instance: &Instance, shift: Shift) -> i64 {
        let others = |machine: u32, own: u8| {
            let at = self.at(instance, shift.item, machine);
            at.map_or(0, |at| i64::from(self.items[at].saturating_sub(own)))
        };
        let there = others(shift.to, 0);
        there.min(1) - others(shift.from, 1).min(1)
    }

    /// Items that share a machine with another of their service, but for one of each.
    pub(super) fn violations(&self) -> i64 {
        self.items.iter().map(|&n| i64::from(n.saturating_sub(1))).sum()
    }
}

impl Rule for Conflict {
    #[inline]
    fn allows_shift(&self, instance: &Instance, shift: Shift) -> bool {
        self.at(instance, shift.item, shift.to).is_none_or(|at| self.items[at] == 0)
    }

    #[inline]
    fn allows_swap(&self, instance: &Instance, swap: Swap) -> bool {
        let service = |item: u32| instance.items.service[item as usize];
        service(swap.first) == service(swap.second)
            || swap.shifts().iter().all(|&shift| self.allows_shift(instance, shift))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        let machines = instance.machine_count();
        let present = |machine: &u32| (*machine as usize) < machines;
        let at = |machine: u32| self.at(instance, shift.item, machine);
        let left = Some(shift.from).filter(present).and_then(at);
        let entered = Some(shift.to).filter(present).and_then(at);
        left.into_iter().for_each(|at| self.items[at] -= 1);
        entered.into_iter().for_each(|at| self.items[at] = self.items[at].saturating_add(1));
    }

    fn holds_after(&self, instance: &Instance, shift: Shift) -> bool {
        self.at(instance, shift.item, shift.to).is_none_or(|at| self.items[at] <= 1)
    }

    fn breaches(&self, instance: &Instance) -> Vec<String> {
        let machines = instance.machine_count() + 1;
        let rows = self.row.iter().enumerate().filter(|&(_, &row)| row != ALONE);
        let word = |(service, &row): (usize, &u32)| {
            let items = &self.items[row as usize * machines..][..machines];
            let crowded = items.iter().enumerate().filter(|&(_, &n)| n > 1);
            let words = crowded.map(move |(machine, n)| {
                format!("machine {machine} has {n} items of service {service}")
            });
            words.collect::<Vec<_>>()
        };
        rows.flat_map(word).collect()
    }
}
