//! Max online: of some machines, at most so many hold anything, such as by a limit of power or
//! cooling.
//!
//! ```text
//! violations = sum over rules of max(0, its machines with an item - most)
//! ```
//!
//! Counters of items per machine, and per rule of machines with any. A machine is on when it holds
//! an item.
//!
//! Source: constraint `MaxOnline` of BtrPlace, where a machine may be on and empty.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::{Cells, Net};
use super::{Kind, arrivals};

/// One rule, with how many of its machines are on.
#[derive(Debug, Clone)]
struct Online {
    is_named: Vec<bool>,
    most: i64,
    on: i64,
}

/// All rules.
#[derive(Debug, Clone)]
pub(super) struct MaxOnline {
    rules: Vec<Online>,
    items: Cells,
    violations: i64,
}

impl MaxOnline {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let mut rules = Vec::new();
        for constraint in &instance.constraints {
            if let &Constraint::MaxOnline { ref machines, most } = constraint {
                let mut is_named = vec![false; instance.machine_count()];
                machines.iter().for_each(|&machine| is_named[machine as usize] = true);
                rules.push(Online { is_named, most, on: 0 });
            }
        }
        let items = Cells::new(instance.machine_count());
        let mut online = Self { rules, items, violations: 0 };
        arrivals(instance).for_each(|shift| online.apply(instance, shift));
        (!online.rules.is_empty()).then_some(online)
    }

    fn net(&self, shifts: &[Shift]) -> Net {
        let mut net = Net::new();
        shifts.iter().for_each(|&shift| net.carry(0, self.items.0.len(), shift, 1));
        net
    }

    /// Machines of `rule` that `net` switches on, less those that it switches off.
    fn more(&self, rule: &Online, net: &Net) -> i64 {
        let switched =
            |(m, by): (usize, i64)| (self.items.0[m] + by).min(1) - self.items.0[m].min(1);
        net.iter().filter(|&(m, _)| rule.is_named[m]).map(switched).sum()
    }
}

impl Kind for MaxOnline {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        let net = self.net(shifts);
        let of = |rule: &Online| {
            let excess = |on: i64| (on - rule.most).max(0);
            excess(rule.on + self.more(rule, &net)) - excess(rule.on)
        };
        self.rules.iter().map(of).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        let net = self.net(&[shift]);
        for at in 0..self.rules.len() {
            let more = self.more(&self.rules[at], &net);
            self.rules[at].on += more;
        }
        self.items.apply(&net);
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
