//! Lonely: the items of a set share machines with one another only, such as those of a customer
//! who trusts nobody.
//!
//! ```text
//! violations = sum over sets s and machines m of min(n(s, m), n(m) - n(s, m))
//! ```
//!
//! `n(s, m)`: items of `s` on `m`; `n(m)`: all items on `m`. Whoever moves may be an outsider to
//! every set, so that a change is judged for each set, on its two machines.
//!
//! Source: constraint `Lonely` of BtrPlace, discrete.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::{Cells, Net};
use super::{Kind, arrivals};

/// How many items of each set, and of all, are on each machine.
#[derive(Debug, Clone)]
pub(super) struct Lonely {
    /// Per set and item: whether it is a member.
    is_member: Vec<Vec<bool>>,
    machines: usize,
    /// Per set and machine.
    own: Cells,
    /// Per machine.
    all: Cells,
    violations: i64,
}

impl Lonely {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let mut is_member = Vec::new();
        for constraint in &instance.constraints {
            if let Constraint::Lonely { items } = constraint {
                let mut row = vec![false; instance.item_count()];
                items.iter().for_each(|&item| row[item as usize] = true);
                is_member.push(row);
            }
        }
        let machines = instance.machine_count();
        let own = Cells::new(is_member.len() * machines);
        let all = Cells::new(machines);
        let mut lonely = Self { is_member, machines, own, all, violations: 0 };
        arrivals(instance).for_each(|shift| lonely.apply(instance, shift));
        (!lonely.is_member.is_empty()).then_some(lonely)
    }

    /// Changes per machine by those of `shifts` for which `counts` holds.
    fn net(&self, shifts: &[Shift], counts: impl Fn(u32) -> bool) -> Net {
        let mut net = Net::new();
        let counted = shifts.iter().filter(|shift| counts(shift.item));
        counted.for_each(|&shift| net.carry(0, self.machines, shift, 1));
        net
    }
}

impl Kind for Lonely {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        let all = self.net(shifts, |_| true);
        let of_set = |(set, is_member): (usize, &Vec<bool>)| -> i64 {
            let own = self.net(shifts, |item| is_member[item as usize]);
            let on = |(machine, more): (usize, i64)| {
                let (n, total) = (self.own.0[set * self.machines + machine], self.all.0[machine]);
                let (then, then_all) = (n + own.of(machine), total + more);
                then.min(then_all - then) - n.min(total - n)
            };
            all.iter().map(on).sum()
        };
        self.is_member.iter().enumerate().map(of_set).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        let all = self.net(&[shift], |_| true);
        for set in 0..self.is_member.len() {
            if self.is_member[set][shift.item as usize] {
                let row = set * self.machines;
                all.iter().for_each(|(machine, by)| self.own.0[row + machine] += by);
            }
        }
        self.all.apply(&all);
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
