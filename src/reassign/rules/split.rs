//! Split: items of different sets never share a machine, such as two tenants or two tiers.
//!
//! ```text
//! violations = sum over rules and machines m of max(0, sets of the rule with an item on m - 1)
//! ```
//!
//! Counters per set and machine, and per rule and machine how many sets are there.
//!
//! Source: constraint `Split` of BtrPlace, discrete.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::{Cells, Net};
use super::members::Members;
use super::{Kind, arrivals};

/// How many items of each set are on each machine, and how many sets of each rule.
#[derive(Debug, Clone)]
pub(super) struct Split {
    members: Members,
    /// Per rule: the row of its first set.
    first: Vec<usize>,
    machines: usize,
    items: Cells,
    sets: Cells,
    violations: i64,
}

impl Split {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let rules = instance.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::Split { .. } => Some(constraint.sets()),
            _ => None,
        });
        let rules: Vec<_> = rules.collect();
        let (mut first, mut rows) = (Vec::new(), 0);
        for sets in &rules {
            first.push(rows);
            rows += sets.len();
        }
        let machines = instance.machine_count();
        let mut split = Self {
            members: Members::of(instance.item_count(), &rules),
            first,
            machines,
            items: Cells::new(rows * machines),
            sets: Cells::new(rules.len() * machines),
            violations: 0,
        };
        arrivals(instance).for_each(|shift| split.apply(instance, shift));
        (!rules.is_empty()).then_some(split)
    }

    /// Changes of items per set and machine, and of sets per rule and machine.
    fn nets(&self, rule: u32, shifts: &[(Shift, u32)]) -> (Net, Net) {
        let (mut items, mut sets) = (Net::new(), Net::new());
        for &(shift, set) in shifts {
            let row = (self.first[rule as usize] + set as usize) * self.machines;
            items.carry(row, self.machines, shift, 1);
        }
        for (cell, by) in items.iter() {
            let now = self.items.0[cell];
            let more = (now + by).min(1) - now.min(1);
            sets.add(rule as usize * self.machines + cell % self.machines, more);
        }
        (items, sets)
    }
}

/// Sets too many of those on one machine.
fn excess(sets: i64) -> i64 {
    (sets - 1).max(0)
}

impl Kind for Split {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        self.members.sum(shifts, |rule, own| self.sets.change(&self.nets(rule, own).1, excess))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        for (rule, set) in self.members.row(shift.item) {
            let (items, sets) = self.nets(rule, &[(shift, set)]);
            self.items.apply(&items);
            self.sets.apply(&sets);
        }
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
