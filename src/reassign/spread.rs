//! Spread: the items of a service occupy at least so many distinct locations.

use super::instance::Instance;
use super::step::{Rule, Shift, Swap};

/// Marks a service that one location satisfies.
const FREE: u32 = u32::MAX;

/// How many items of each service are in each location, for services that must spread.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    row: Vec<u32>,
    locations: usize,
    /// Per row and location.
    items: Vec<u32>,
    /// Per row: locations with an item.
    occupied: Vec<u32>,
}

impl Spread {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let locations = instance.machines.location.iter().max().map_or(0, |&last| last + 1);
        let mut rows = 0;
        let mut number = |&least: &u32| {
            rows += u32::from(least > 1);
            if least > 1 { rows - 1 } else { FREE }
        };
        let row: Vec<u32> = instance.services.spread.iter().map(&mut number).collect();
        let locations = locations as usize;
        let items = vec![0; rows as usize * locations];
        let mut spread = Self { row, locations, items, occupied: vec![0; rows as usize] };
        for (item, &machine) in instance.start.iter().enumerate() {
            spread.enter(instance, item as u32, machine);
        }
        spread
    }

    fn enter(&mut self, instance: &Instance, item: u32, machine: u32) {
        let row = self.row[instance.items.service[item as usize] as usize];
        if row != FREE {
            let at = self.at(row, instance, machine);
            self.items[at] += 1;
            self.occupied[row as usize] += u32::from(self.items[at] == 1);
        }
    }

    fn leave(&mut self, instance: &Instance, item: u32, machine: u32) {
        let row = self.row[instance.items.service[item as usize] as usize];
        if row != FREE {
            let at = self.at(row, instance, machine);
            self.items[at] -= 1;
            self.occupied[row as usize] -= u32::from(self.items[at] == 0);
        }
    }

    #[inline]
    fn at(&self, row: u32, instance: &Instance, machine: u32) -> usize {
        row as usize * self.locations + instance.machines.location[machine as usize] as usize
    }

    fn holds(&self, instance: &Instance, service: usize) -> bool {
        let row = self.row[service];
        row == FREE || self.occupied[row as usize] >= instance.services.spread[service]
    }
}

impl Rule for Spread {
    #[inline]
    fn allows_shift(&self, instance: &Instance, shift: Shift) -> bool {
        let service = instance.items.service[shift.item as usize] as usize;
        let row = self.row[service];
        if row == FREE {
            return true;
        }
        let from = self.at(row, instance, shift.from);
        let to = self.at(row, instance, shift.to);
        let lost = u32::from(from != to && self.items[from] == 1);
        let won = u32::from(from != to && self.items[to] == 0);
        self.occupied[row as usize] + won - lost >= instance.services.spread[service]
    }

    #[inline]
    fn allows_swap(&self, instance: &Instance, swap: Swap) -> bool {
        let service = |item: u32| instance.items.service[item as usize];
        service(swap.first) == service(swap.second)
            || swap.shifts().iter().all(|&shift| self.allows_shift(instance, shift))
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.leave(instance, shift.item, shift.from);
        self.enter(instance, shift.item, shift.to);
    }

    fn holds_after(&self, instance: &Instance, shift: Shift) -> bool {
        self.holds(instance, instance.items.service[shift.item as usize] as usize)
    }

    fn breaches(&self, instance: &Instance) -> Vec<String> {
        let narrow = (0..instance.service_count()).filter(|&s| !self.holds(instance, s));
        let word = |service: usize| {
            let least = instance.services.spread[service];
            let occupied = self.occupied[self.row[service] as usize];
            format!("service {service} is in {occupied} locations, at least {least} are asked")
        };
        narrow.map(word).collect()
    }
}
