//! Among: all items of a set are inside one of several groups of machines, such as the racks of
//! a site.
//!
//! ```text
//! violations = sum over rules of (items - largest number of them inside one group)
//! ```
//!
//! Counters per group; a change is judged from all groups of a rule, which are few.
//!
//! Source: constraint `Among` of BtrPlace, discrete.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::members::Members;
use super::{Kind, arrivals, group_of_machines};

/// One rule: the group of each machine, how many items are in each, and how many in all.
#[derive(Debug, Clone)]
struct Inside {
    /// Per machine, nowhere last.
    group: Vec<Option<u32>>,
    items: Vec<i64>,
    all: i64,
}

/// How many items of each set are in each group.
#[derive(Debug, Clone)]
pub(super) struct Among {
    members: Members,
    machines: usize,
    rules: Vec<Inside>,
    violations: i64,
}

impl Among {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let machines = instance.machine_count();
        let (mut sets, mut rules) = (Vec::new(), Vec::new());
        for constraint in &instance.constraints {
            if let Constraint::Among { items, groups } = constraint {
                sets.push(vec![items.as_slice()]);
                let group = group_of_machines(groups, machines);
                rules.push(Inside { group, items: vec![0; groups.len()], all: 0 });
            }
        }
        let members = Members::of(instance.item_count(), &sets);
        let mut among = Self { members, machines, rules, violations: 0 };
        arrivals(instance).for_each(|shift| among.apply(instance, shift));
        (!among.rules.is_empty()).then_some(among)
    }

    /// Items outside the group that has most, after `shifts`.
    fn outside(&self, rule: u32, shifts: &[(Shift, u32)]) -> i64 {
        let Inside { group, items, all } = &self.rules[rule as usize];
        let place = |machine: u32| group[machine as usize];
        let present = |machine: u32| i64::from((machine as usize) < self.machines);
        let arrived = shifts.iter().map(|(s, _)| present(s.to) - present(s.from));
        let inside = |(at, &now): (usize, &i64)| {
            let here = |machine: u32| i64::from(place(machine) == Some(at as u32));
            now + shifts.iter().map(|(s, _)| here(s.to) - here(s.from)).sum::<i64>()
        };
        let most = items.iter().enumerate().map(inside).max().unwrap_or(0);
        all + arrived.sum::<i64>() - most
    }
}

impl Kind for Among {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        self.members.sum(shifts, |rule, own| self.outside(rule, own) - self.outside(rule, &[]))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        for (rule, _) in self.members.row(shift.item) {
            let Inside { group, items, all } = &mut self.rules[rule as usize];
            for (machine, by) in [(shift.from, -1), (shift.to, 1)] {
                if let Some(group) = group[machine as usize] {
                    items[group as usize] += by;
                }
                *all += if (machine as usize) < self.machines { by } else { 0 };
            }
        }
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
