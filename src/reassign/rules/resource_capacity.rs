//! Resource capacity: of a resource, some machines use at most so much together, such as the power
//! of a rack or the addresses of a network.
//!
//! ```text
//! violations = sum over rules of the thousandths by which
//!              the sum of demand(i, r) over items i on its machines is above most
//! ```
//!
//! One sum per rule; a shift concerns the rules that name one of its machines and not the other.
//!
//! Source: constraint `ResourceCapacity` of BtrPlace.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::{Kind, above, arrivals};

/// One rule, with how much its machines use.
#[derive(Debug, Clone)]
struct Metered {
    is_named: Vec<bool>,
    resource: usize,
    most: i64,
    used: i64,
}

/// All rules.
#[derive(Debug, Clone)]
pub(super) struct ResourceCapacity {
    rules: Vec<Metered>,
    violations: i64,
}

impl ResourceCapacity {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let mut rules = Vec::new();
        for constraint in &instance.constraints {
            if let &Constraint::ResourceCapacity { ref machines, resource, most } = constraint {
                let mut is_named = vec![false; instance.machine_count() + 1];
                machines.iter().for_each(|&machine| is_named[machine as usize] = true);
                rules.push(Metered { is_named, resource, most, used: 0 });
            }
        }
        let mut capacity = Self { rules, violations: 0 };
        arrivals(instance).for_each(|shift| capacity.apply(instance, shift));
        (!capacity.rules.is_empty()).then_some(capacity)
    }
}

impl Metered {
    fn more(&self, instance: &Instance, shifts: &[Shift]) -> i64 {
        let here = |machine: u32| i64::from(self.is_named[machine as usize]);
        let need = |item: u32| instance.demand(item)[self.resource];
        shifts.iter().map(|shift| (here(shift.to) - here(shift.from)) * need(shift.item)).sum()
    }
}

impl Kind for ResourceCapacity {
    fn change(&self, instance: &Instance, shifts: &[Shift]) -> i64 {
        let of = |rule: &Metered| {
            let then = rule.used + rule.more(instance, shifts);
            above(then, rule.most) - above(rule.used, rule.most)
        };
        self.rules.iter().map(of).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        self.rules.iter_mut().for_each(|rule| rule.used += rule.more(instance, &[shift]));
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
