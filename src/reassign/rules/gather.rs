//! Gather: all items of a set are on one machine, such as those that talk to one another.
//!
//! ```text
//! violations = sum over sets s of max(0, machines with an item of s - 1)
//! ```
//!
//! Counters as for `spread`, and per set how many are above 0.
//!
//! Source: constraint `Gather` of BtrPlace, discrete.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::{Cells, Net};
use super::members::Members;
use super::{Kind, arrivals};

/// How many items of each set are on each machine, and on how many machines there are any.
#[derive(Debug, Clone)]
pub(super) struct Gather {
    members: Members,
    machines: usize,
    items: Cells,
    occupied: Cells,
    violations: i64,
}

impl Gather {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let sets = instance.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::Gather { items } => Some(vec![items.as_slice()]),
            _ => None,
        });
        let sets: Vec<_> = sets.collect();
        let members = Members::of(instance.item_count(), &sets);
        let machines = instance.machine_count();
        let items = Cells::new(sets.len() * machines);
        let occupied = Cells::new(sets.len());
        let mut gather = Self { members, machines, items, occupied, violations: 0 };
        arrivals(instance).for_each(|shift| gather.apply(instance, shift));
        (!sets.is_empty()).then_some(gather)
    }

    fn net(&self, set: u32, shifts: &[(Shift, u32)]) -> Net {
        let (mut net, row) = (Net::new(), set as usize * self.machines);
        shifts.iter().for_each(|&(shift, _)| net.carry(row, self.machines, shift, 1));
        net
    }
}

/// Machines too many of those that are occupied.
fn excess(machines: i64) -> i64 {
    (machines - 1).max(0)
}

impl Kind for Gather {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        self.members.sum(shifts, |set, own| {
            let more = self.items.change(&self.net(set, own), |n| n.min(1));
            let now = self.occupied.0[set as usize];
            excess(now + more) - excess(now)
        })
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        for (set, part) in self.members.row(shift.item) {
            let net = self.net(set, &[(shift, part)]);
            self.occupied.0[set as usize] += self.items.change(&net, |n| n.min(1));
            self.items.apply(&net);
        }
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
