//! Preserve: items are given at least so much of a resource, whatever they use now, such as one
//! whose load will rise.
//!
//! ```text
//! claim(i, r)  = max(demand(i, r), amounts of the rules that name i and r)
//! violations   = sum over m and such r of the thousandths by which
//!                the sum of claim(i, r) over items i on m is above limit(m, r)
//! ```
//!
//! `limit`: the capacity, or what `overbook` makes of it. What is kept on a first machine of a
//! transient resource is not counted here. Per resource with such a rule the room of each machine
//! is kept; a change is judged from that of its two machines.
//!
//! Source: constraint `Preserve` of BtrPlace.

use super::super::constraint::Constraint;
use super::super::instance::Instance;
use super::super::step::Shift;
use super::cells::Net;
use super::{Kind, above, arrivals, overbook};

/// One resource of which items are promised more than they use.
#[derive(Debug, Clone)]
struct Claims {
    claim: Vec<i64>,
    limit: Vec<i64>,
    claimed: Vec<i64>,
}

/// Claims per resource.
#[derive(Debug, Clone)]
pub(super) struct Preserve {
    machines: usize,
    resources: Vec<Claims>,
    violations: i64,
}

impl Preserve {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let (machines, width) = (instance.machine_count(), instance.resources());
        let limits = overbook::limits(instance);
        let column =
            |values: &[i64], r: usize| values.iter().skip(r).step_by(width).copied().collect();
        let mut claims: Vec<Option<Vec<i64>>> = vec![None; width];
        for constraint in &instance.constraints {
            if let Constraint::Preserve { items, resource, amount } = constraint {
                let claim = claims[*resource]
                    .get_or_insert_with(|| column(&instance.items.demand, *resource));
                for &item in items {
                    claim[item as usize] = claim[item as usize].max(*amount);
                }
            }
        }
        let resources = claims.into_iter().enumerate().filter_map(|(r, claim)| {
            Some(Claims { claim: claim?, limit: column(&limits, r), claimed: vec![0; machines] })
        });
        let resources = resources.collect();
        let mut preserve = Self { machines, resources, violations: 0 };
        arrivals(instance).for_each(|shift| preserve.apply(instance, shift));
        (!preserve.resources.is_empty()).then_some(preserve)
    }

    fn net(&self, claims: &Claims, shifts: &[Shift]) -> Net {
        let mut net = Net::new();
        for &shift in shifts {
            net.carry(0, self.machines, shift, claims.claim[shift.item as usize]);
        }
        net
    }
}

impl Kind for Preserve {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        let of = |claims: &Claims| -> i64 {
            let on = |(m, by): (usize, i64)| {
                let (now, limit) = (claims.claimed[m], claims.limit[m]);
                above(now + by, limit) - above(now, limit)
            };
            self.net(claims, shifts).iter().map(on).sum()
        };
        self.resources.iter().map(of).sum()
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.violations += self.change(instance, &[shift]);
        for at in 0..self.resources.len() {
            let net = self.net(&self.resources[at], &[shift]);
            net.iter().for_each(|(machine, by)| self.resources[at].claimed[machine] += by);
        }
    }

    fn violations(&self) -> i64 {
        self.violations
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
