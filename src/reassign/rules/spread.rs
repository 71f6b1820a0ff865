//! Spread: no two items of a set share a machine, so that one failure takes one of them.
//!
//! ```text
//! violations = sum over sets s and machines m of max(0, n(s, m) - 1)
//! ```
//!
//! `n(s, m)`: items of `s` on `m`. A change is judged from the counters of the sets that it
//! touches.
//!
//! Source: constraint `Spread` of BtrPlace, with discrete restriction: it holds at the end of a
//! plan.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::{Cells, Net};
use super::members::Members;
use super::{Kind, arrivals};

/// How many items of each set are on each machine.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    members: Members,
    machines: usize,
    items: Cells,
    violations: i64,
}

impl Spread {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let sets = instance.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::Spread { items } => Some(vec![items.as_slice()]),
            _ => None,
        });
        let sets: Vec<_> = sets.collect();
        let members = Members::of(instance.item_count(), &sets);
        let machines = instance.machine_count();
        let items = Cells::new(sets.len() * machines);
        let mut spread = Self { members, machines, items, violations: 0 };
        arrivals(instance).for_each(|shift| spread.apply(instance, shift));
        (!sets.is_empty()).then_some(spread)
    }

    fn net(&self, set: u32, shifts: &[(Shift, u32)]) -> Net {
        let (mut net, row) = (Net::new(), set as usize * self.machines);
        shifts.iter().for_each(|&(shift, _)| net.carry(row, self.machines, shift, 1));
        net
    }
}

/// Items too many of those on one machine.
fn excess(items: i64) -> i64 {
    (items - 1).max(0)
}

impl Kind for Spread {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        self.members.sum(shifts, |set, own| self.items.change(&self.net(set, own), excess))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        for (set, part) in self.members.row(shift.item) {
            self.items.apply(&self.net(set, &[(shift, part)]));
        }
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
