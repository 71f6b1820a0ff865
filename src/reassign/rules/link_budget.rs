//! Link budget: what leaves a machine, and what comes to it, takes at most so much time on its
//! link.
//!
//! ```text
//! out(m) = sum of link time of moved items that began on m
//! in(m)  = sum of link time of moved items that end on m
//! violations = thousandths by which out(m) is above egress(m), and in(m) above ingress(m)
//! ```
//!
//! So the moves of a plan can be made within one interval: 120 s of each 300 s, say. One sum per
//! machine and direction; a change is judged from the links of the machines that it touches.
//!
//! Source: full-duplex links as cumulative resources, as in the network view of BtrPlace.

use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::{Cells, Net};
use super::{Kind, above};

/// Time on the links of all machines.
#[derive(Debug, Clone)]
pub(super) struct LinkBudget {
    into: Cells,
    out: Cells,
    violations: i64,
}

impl LinkBudget {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let budgets = &instance.budgets;
        let machines = instance.machine_count();
        let none = Self { into: Cells::new(machines), out: Cells::new(machines), violations: 0 };
        (!budgets.ingress.is_empty() || !budgets.egress.is_empty()).then_some(none)
    }

    /// What `shifts` add into and out of machines.
    fn nets(instance: &Instance, shifts: &[Shift]) -> (Net, Net) {
        let (mut into, mut out) = (Net::new(), Net::new());
        for shift in shifts {
            let time = instance.items.link_time[shift.item as usize];
            let home = instance.start[shift.item as usize];
            for (machine, sign) in [(shift.from, -1), (shift.to, 1)] {
                if machine != home && machine != instance.nowhere() {
                    into.add(machine as usize, sign * time);
                    out.add(home as usize, sign * time);
                }
            }
        }
        (into, out)
    }
}

/// Change of the violations of links with these `budgets`.
fn change(sums: &Cells, net: &Net, budgets: &[i64]) -> i64 {
    if budgets.is_empty() {
        return 0;
    }
    let on = |(machine, by): (usize, i64)| {
        let (now, most) = (sums.0[machine], budgets[machine]);
        above(now + by, most) - above(now, most)
    };
    net.iter().map(on).sum()
}

impl Kind for LinkBudget {
    fn change(&self, instance: &Instance, shifts: &[Shift]) -> i64 {
        let (into, out) = Self::nets(instance, shifts);
        let budgets = &instance.budgets;
        change(&self.into, &into, &budgets.ingress) + change(&self.out, &out, &budgets.egress)
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        let (into, out) = Self::nets(instance, &[shift]);
        self.into.apply(&into);
        self.out.apply(&out);
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
