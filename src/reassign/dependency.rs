//! Dependency: where service `a` depends on `b`, every neighbourhood with an item of `a` has one of
//! `b`.

use super::instance::Instance;
use super::lists::Lists;
use super::step::{Rule, Shift, Swap};

/// How many items of each service are in each neighbourhood.
#[derive(Debug, Clone)]
pub(super) struct Dependency {
    neighbourhoods: usize,
    /// Per service and neighbourhood.
    items: Vec<u32>,
    /// Per service: those that depend on it.
    dependents: Lists,
    /// Whether no service depends on any.
    is_empty: bool,
}

/// Items that a change brings to a service and neighbourhood.
struct Change<'a> {
    instance: &'a Instance,
    shifts: &'a [Shift],
}

impl Change<'_> {
    #[inline]
    fn of(&self, service: u32, neighbourhood: u32) -> i64 {
        let lies = |machine: u32| {
            i64::from(self.instance.machines.neighbourhood[machine as usize] == neighbourhood)
        };
        let own = self
            .shifts
            .iter()
            .filter(|shift| self.instance.items.service[shift.item as usize] == service);
        own.map(|shift| lies(shift.to) - lies(shift.from)).sum()
    }
}

impl Dependency {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let last = instance.machines.neighbourhood.iter().max();
        let neighbourhoods = last.map_or(0, |&last| last as usize + 1);
        let items = vec![0; instance.service_count() * neighbourhoods];
        let dependents = instance.services.dependencies.inverted();
        let is_empty = instance.services.dependencies.has_no_values();
        let mut dependency = Self { neighbourhoods, items, dependents, is_empty };
        for (item, &machine) in instance.start.iter().enumerate() {
            let service = instance.items.service[item];
            let place = instance.machines.neighbourhood[machine as usize];
            let at = dependency.at(service, place);
            dependency.items[at] += 1;
        }
        dependency
    }

    #[inline]
    fn at(&self, service: u32, neighbourhood: u32) -> usize {
        service as usize * self.neighbourhoods + neighbourhood as usize
    }

    #[inline]
    fn there(&self, service: u32, neighbourhood: u32, change: &Change<'_>) -> bool {
        let now = i64::from(self.items[self.at(service, neighbourhood)]);
        now + change.of(service, neighbourhood) > 0
    }

    /// Whether all that `shift` could break holds after the whole `change`.
    #[inline]
    fn holds(&self, shift: Shift, change: &Change<'_>) -> bool {
        if self.is_empty {
            return true;
        }
        let instance = change.instance;
        let service = instance.items.service[shift.item as usize];
        let left = instance.machines.neighbourhood[shift.from as usize];
        let entered = instance.machines.neighbourhood[shift.to as usize];
        if left == entered {
            return true;
        }
        let needs = instance.services.dependencies.row(service);
        let needy = self.dependents.row(service);
        (needs.iter().all(|&other| self.there(other, entered, change))
            || !self.there(service, entered, change))
            && (needy.is_empty()
                || self.there(service, left, change)
                || !needy.iter().any(|&other| self.there(other, left, change)))
    }
}

impl Rule for Dependency {
    #[inline]
    fn allows_shift(&self, instance: &Instance, shift: Shift) -> bool {
        self.holds(shift, &Change { instance, shifts: &[shift] })
    }

    #[inline]
    fn allows_swap(&self, instance: &Instance, swap: Swap) -> bool {
        let shifts = swap.shifts();
        let change = Change { instance, shifts: &shifts };
        shifts.iter().all(|&shift| self.holds(shift, &change))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        if self.is_empty {
            return;
        }
        let service = instance.items.service[shift.item as usize];
        let place = |machine: u32| instance.machines.neighbourhood[machine as usize];
        let (left, entered) =
            (self.at(service, place(shift.from)), self.at(service, place(shift.to)));
        self.items[left] -= 1;
        self.items[entered] += 1;
    }

    fn holds_after(&self, instance: &Instance, shift: Shift) -> bool {
        self.holds(shift, &Change { instance, shifts: &[] })
    }

    fn breaches(&self, instance: &Instance) -> Vec<String> {
        let mut found = Vec::new();
        let none = Change { instance, shifts: &[] };
        for service in 0..instance.service_count() as u32 {
            for place in 0..self.neighbourhoods as u32 {
                let needs = instance.services.dependencies.row(service);
                let missing = needs.iter().filter(|&&other| !self.there(other, place, &none));
                if self.there(service, place, &none) {
                    found.extend(missing.map(|other| {
                        format!("neighbourhood {place} has service {service} but not {other}")
                    }));
                }
            }
        }
        found
    }
}
