//! Split among: each set of items is inside one group of machines, and no two sets in the same,
//! such as replicas of a service on different sites.
//!
//! ```text
//! violations = sum over rules of (sum over sets of (items - largest number inside one group)
//!                                 + sum over groups of max(0, sets with an item there - 1))
//! ```
//!
//! Counters per set and group; a change is judged from all of a rule, which are few.
//!
//! Source: constraint `SplitAmong` of BtrPlace, discrete.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::members::Members;
use super::{Kind, arrivals, group_of_machines};

/// One rule: the group of each machine, and how many items each set has in each group.
#[derive(Debug, Clone)]
struct Sites {
    /// Per machine, nowhere last.
    group: Vec<Option<u32>>,
    groups: usize,
    /// Per set and group.
    items: Vec<i64>,
    /// Per set.
    all: Vec<i64>,
}

/// How many items of each set are in each group.
#[derive(Debug, Clone)]
pub(super) struct SplitAmong {
    members: Members,
    machines: usize,
    rules: Vec<Sites>,
    violations: i64,
}

impl SplitAmong {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let machines = instance.machine_count();
        let (mut all_sets, mut rules) = (Vec::new(), Vec::new());
        for constraint in &instance.constraints {
            if let Constraint::SplitAmong { sets, groups } = constraint {
                all_sets.push(constraint.sets());
                rules.push(Sites {
                    group: group_of_machines(groups, machines),
                    groups: groups.len(),
                    items: vec![0; sets.len() * groups.len()],
                    all: vec![0; sets.len()],
                });
            }
        }
        let members = Members::of(instance.item_count(), &all_sets);
        let mut split = Self { members, machines, rules, violations: 0 };
        arrivals(instance).for_each(|shift| split.apply(instance, shift));
        (!split.rules.is_empty()).then_some(split)
    }

    /// Violations of one rule after `shifts`.
    fn wrong(&self, rule: u32, shifts: &[(Shift, u32)]) -> i64 {
        let sites = &self.rules[rule as usize];
        let present = |machine: u32| i64::from((machine as usize) < self.machines);
        let count = |set: usize, group: usize| {
            let here = |m: u32| i64::from(sites.group[m as usize] == Some(group as u32));
            let own = shifts.iter().filter(|&&(_, part)| part as usize == set);
            let more: i64 = own.map(|(s, _)| here(s.to) - here(s.from)).sum();
            sites.items[set * sites.groups + group] + more
        };
        let scattered = (0..sites.all.len()).map(|set| {
            let own = shifts.iter().filter(|&&(_, part)| part as usize == set);
            let arrived: i64 = own.map(|(s, _)| present(s.to) - present(s.from)).sum();
            let most = (0..sites.groups).map(|group| count(set, group)).max().unwrap_or(0);
            sites.all[set] + arrived - most
        });
        let crowded = (0..sites.groups).map(|group| {
            let sets = (0..sites.all.len()).filter(|&set| count(set, group) > 0).count();
            (sets as i64 - 1).max(0)
        });
        scattered.sum::<i64>() + crowded.sum::<i64>()
    }
}

impl Kind for SplitAmong {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        self.members.sum(shifts, |rule, own| self.wrong(rule, own) - self.wrong(rule, &[]))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        for (rule, set) in self.members.row(shift.item) {
            let sites = &mut self.rules[rule as usize];
            for (machine, by) in [(shift.from, -1), (shift.to, 1)] {
                if let Some(group) = sites.group[machine as usize] {
                    sites.items[set as usize * sites.groups + group as usize] += by;
                }
                sites.all[set as usize] += if (machine as usize) < self.machines { by } else { 0 };
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
