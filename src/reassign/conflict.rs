//! Conflict: two items of one service never share a machine.

use super::instance::Instance;
use super::step::{Rule, Shift, Swap};

/// Marks a service of one item, which cannot conflict.
const ALONE: u32 = u32::MAX;

/// How many items of each service are on each machine; services of one item have no row.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    row: Vec<u32>,
    /// 0 or 1 while the rule holds; a few more within a compound move.
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
        let items = vec![0; rows as usize * instance.machine_count()];
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
        (row != ALONE).then(|| row as usize * instance.machine_count() + machine as usize)
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
        if let Some(at) = self.at(instance, shift.item, shift.from) {
            self.items[at] -= 1;
        }
        if let Some(at) = self.at(instance, shift.item, shift.to) {
            self.items[at] += 1;
        }
    }

    fn holds_after(&self, instance: &Instance, shift: Shift) -> bool {
        self.at(instance, shift.item, shift.to).is_none_or(|at| self.items[at] <= 1)
    }

    fn breaches(&self, instance: &Instance) -> Vec<String> {
        let machines = instance.machine_count();
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
