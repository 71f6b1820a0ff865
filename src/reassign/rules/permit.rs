//! Where an item may be at all: what ban, fence, root, quarantine and offline say together.
//!
//! ```text
//! permitted(i, m) = every such rule lets i be on m
//! violations      = items on machines that are not permitted
//! ```
//!
//! None of these rules looks at where other items are. So they are one table, put together before
//! a search begins, in which items of the same rules share a row; a change is judged by two bits.

use std::collections::HashMap;

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::{Kind, arrivals, ban, fence, offline, quarantine, root};

/// Row of an item that may be anywhere.
const ANYWHERE: u32 = u32::MAX;

/// Permitted machines.
#[derive(Debug, Clone)]
pub(in crate::reassign) struct Permit {
    row: Vec<u32>,
    machines: usize,
    /// Per row and machine.
    permitted: Vec<bool>,
    violations: i64,
}

/// An item's first machine and another, and which of the two a rule names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) home: u32,
    pub(super) machine: u32,
    pub(super) home_named: bool,
    pub(super) machine_named: bool,
}

/// A rule of these kinds, with the machines that it names marked.
struct Marked<'a> {
    rule: &'a Constraint,
    named: Vec<bool>,
}

impl<'a> Marked<'a> {
    /// `rule`, if it is of one of these kinds.
    fn of(rule: &'a Constraint, machines: usize) -> Option<Self> {
        let own = matches!(
            rule,
            Constraint::Ban { .. }
                | Constraint::Fence { .. }
                | Constraint::Root { .. }
                | Constraint::Quarantine { .. }
                | Constraint::Offline { .. }
        );
        let mut named = vec![false; if own { machines } else { 0 }];
        if own {
            let groups = rule.groups();
            groups.concat().into_iter().for_each(|machine| named[machine as usize] = true);
        }
        own.then_some(Self { rule, named })
    }

    fn permits(&self, home: u32, machine: u32) -> bool {
        let [home_named, machine_named] = [home, machine].map(|m| self.named[m as usize]);
        let place = Place { home, machine, home_named, machine_named };
        match self.rule {
            Constraint::Ban { .. } => ban::permits(place),
            Constraint::Fence { .. } => fence::permits(place),
            Constraint::Root { .. } => root::permits(place),
            Constraint::Quarantine { .. } => quarantine::permits(place),
            _ => offline::permits(place),
        }
    }
}

impl Permit {
    pub(in crate::reassign) fn at_start(instance: &Instance) -> Option<Self> {
        let machines = instance.machine_count();
        let rules = instance.constraints.iter().filter_map(|rule| Marked::of(rule, machines));
        let rules: Vec<Marked<'_>> = rules.collect();
        if rules.is_empty() {
            return None;
        }
        let mut permit = Self { row: Vec::new(), machines, permitted: Vec::new(), violations: 0 };
        permit.fill(instance, &rules);
        arrivals(instance).for_each(|shift| permit.apply(instance, shift));
        Some(permit)
    }

    /// One row for all items that the same rules concern, and that the same machine keeps.
    fn fill(&mut self, instance: &Instance, rules: &[Marked<'_>]) {
        let mut own: Vec<Vec<u32>> = vec![Vec::new(); instance.item_count()];
        let mut everyone = Vec::new();
        let mut keeps = vec![false; self.machines];
        for (at, marked) in rules.iter().enumerate() {
            match marked.rule {
                Constraint::Quarantine { machines } => {
                    machines.iter().for_each(|&machine| keeps[machine as usize] = true);
                    everyone.push(at as u32);
                }
                Constraint::Offline { .. } => everyone.push(at as u32),
                rule => rule
                    .sets()
                    .into_iter()
                    .flatten()
                    .for_each(|&item| own[item as usize].push(at as u32)),
            }
        }
        let mut rows: HashMap<(Vec<u32>, Option<u32>), u32> = HashMap::new();
        for (own, &home) in own.into_iter().zip(&instance.start) {
            if own.is_empty() && everyone.is_empty() {
                self.row.push(ANYWHERE);
                continue;
            }
            let is_root = |&at: &u32| matches!(rules[at as usize].rule, Constraint::Root { .. });
            let kept = (keeps[home as usize] || own.iter().any(is_root)).then_some(home);
            let next = rows.len() as u32;
            let row = *rows.entry((own.clone(), kept)).or_insert(next);
            self.row.push(row);
            if row == next {
                let concerned = || own.iter().chain(&everyone).map(|&at| &rules[at as usize]);
                let may = |machine: u32| concerned().all(|rule| rule.permits(home, machine));
                self.permitted.extend((0..self.machines as u32).map(may));
            }
        }
    }

    /// Whether `item` may be on `machine`; nowhere, everything may be.
    #[inline]
    pub(in crate::reassign) fn has(&self, item: u32, machine: u32) -> bool {
        let row = self.row[item as usize];
        row == ANYWHERE
            || machine as usize == self.machines
            || self.permitted[row as usize * self.machines + machine as usize]
    }
}

impl Kind for Permit {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        let wrong = |item, machine| i64::from(!self.has(item, machine));
        shifts.iter().map(|s| wrong(s.item, s.to) - wrong(s.item, s.from)).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
