//! Running capacity: some machines hold at most so many items together, such as by a licence.
//!
//! ```text
//! violations = sum over rules of max(0, items on its machines - most)
//! ```
//!
//! One counter per rule; a shift concerns the rules that name one of its machines and not the
//! other.
//!
//! Source: constraint `RunningCapacity` of BtrPlace.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::{Kind, arrivals};

/// One rule, with how many items are on its machines.
#[derive(Debug, Clone)]
struct Counted {
    is_named: Vec<bool>,
    most: i64,
    items: i64,
}

/// All rules.
#[derive(Debug, Clone)]
pub(super) struct RunningCapacity {
    rules: Vec<Counted>,
    violations: i64,
}

impl RunningCapacity {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let mut rules = Vec::new();
        for constraint in &instance.constraints {
            if let &Constraint::RunningCapacity { ref machines, most } = constraint {
                let mut is_named = vec![false; instance.machine_count() + 1];
                machines.iter().for_each(|&machine| is_named[machine as usize] = true);
                rules.push(Counted { is_named, most, items: 0 });
            }
        }
        let mut running = Self { rules, violations: 0 };
        arrivals(instance).for_each(|shift| running.apply(instance, shift));
        (!running.rules.is_empty()).then_some(running)
    }
}

impl Counted {
    fn more(&self, shifts: &[Shift]) -> i64 {
        let here = |machine: u32| i64::from(self.is_named[machine as usize]);
        shifts.iter().map(|shift| here(shift.to) - here(shift.from)).sum()
    }
}

impl Kind for RunningCapacity {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        let of = |rule: &Counted| {
            let excess = |items: i64| (items - rule.most).max(0);
            excess(rule.items + rule.more(shifts)) - excess(rule.items)
        };
        self.rules.iter().map(of).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        self.rules.iter_mut().for_each(|rule| rule.items += rule.more(&[shift]));
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
