//! Where can an item ever be? On its first machine, and where it fits by itself.
//!
//! ```text
//! item i may be on m  <=>  the rules of the operator permit m (`rules/permit.rs`), and
//!                          m is its first machine, or for all r: demand(i, r) <= open(m, r)
//! open(m, r) = capacity(m, r), of transient r less what the items use that are on m at the start
//! ```
//!
//! Of a transient resource, those that leave a machine keep their share of it, so that newcomers
//! never get more than was free at the start. Where that is little, most moves that a search could
//! draw are impossible whatever else happens; they are not drawn.

use std::collections::HashMap;

use super::dice::Dice;
use super::instance::Instance;
use super::lists::Lists;
use super::rules::{Permit, overbook};

/// The machines of each item.
#[derive(Debug)]
pub(super) struct Reach {
    machines: usize,
    /// Per item: its row; items that may be on the same machines share one.
    row: Vec<u32>,
    /// One bit per row and machine.
    bits: Vec<u64>,
    lists: Lists,
}

impl Reach {
    pub(super) fn of(instance: &Instance) -> Self {
        let open = open_room(instance);
        let permit = Permit::at_start(instance);
        let machines = instance.machine_count();
        let mut reach = Self { machines, row: vec![], bits: vec![], lists: Lists::default() };
        let mut rows: HashMap<Vec<u64>, u32> = HashMap::new();
        for (item, &home) in instance.start.iter().enumerate() {
            let demand = instance.demand(item as u32);
            let permits = |machine| permit.as_ref().is_none_or(|p| p.has(item as u32, machine));
            let fits = |machine: u32| {
                let mut room = demand.iter().zip(&open[instance.row(machine)]);
                (machine == home || room.all(|(need, open)| need <= open)) && permits(machine)
            };
            let mut bits = vec![0_u64; machines.div_ceil(64)];
            for machine in (0..machines as u32).filter(|&machine| fits(machine)) {
                bits[machine as usize / 64] |= 1 << (machine % 64);
            }
            if bits.iter().all(|&bits| bits == 0) {
                // Nothing permits it anywhere: it stays, and the rules say so.
                bits[home as usize / 64] |= 1 << (home % 64);
            }
            let next = rows.len() as u32;
            let row = *rows.entry(bits).or_insert_with_key(|bits| {
                reach.add(bits);
                next
            });
            reach.row.push(row);
        }
        reach
    }

    fn add(&mut self, bits: &[u64]) {
        let has = |machine: &u32| (bits[*machine as usize / 64] >> (machine % 64)) & 1 == 1;
        self.lists.push((0..self.machines as u32).filter(has));
        self.bits.extend_from_slice(bits);
    }

    /// Whether `item` may ever be on `machine`.
    #[inline]
    pub(super) fn has(&self, item: u32, machine: u32) -> bool {
        let row = self.row[item as usize] as usize * self.machines.div_ceil(64);
        (self.bits[row + machine as usize / 64] >> (machine % 64)) & 1 == 1
    }

    /// The machines on which `item` may ever be, ascending.
    #[inline]
    pub(super) fn machines(&self, item: u32) -> &[u32] {
        self.lists.row(self.row[item as usize])
    }

    /// Every machine on which some item may be, often more than once.
    pub(super) fn all_rows(&self) -> impl Iterator<Item = &u32> {
        (0..self.lists.len() as u32).flat_map(|row| self.lists.row(row))
    }

    /// One of the machines on which `item` may ever be.
    #[inline]
    pub(super) fn draw(&self, item: u32, dice: &mut Dice) -> u32 {
        let machines = self.machines(item);
        machines[dice.below(machines.len())]
    }
}

/// The most that newcomers can ever use, per machine and resource.
fn open_room(instance: &Instance) -> Vec<i64> {
    let used = instance.use_at_start();
    let width = instance.resources();
    let rows = overbook::limits(instance).into_iter().zip(used).enumerate();
    let open = |(at, (have, used))| if instance.transient[at % width] { have - used } else { have };
    rows.map(open).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassign::{pooled_bound, roadef};

    /// Two machines with room for 4; items that need 3 and 2, one on each.
    fn pair(transient: u8) -> Instance {
        let model = format!(
            "1  {transient} 10  2  0 0 4 2 0 1  0 1 4 4 1 0  2  0 0 0 0  2  0 3 5  1 2 5  0  1 1 1"
        );
        roadef::parse((model.as_bytes(), "model"), (b"0 1", "start")).expect("it is right")
    }

    #[test]
    fn newcomers_get_what_was_free_of_a_transient_resource_and_all_there_is_of_another() {
        let reach = Reach::of(&pair(1));
        assert_eq!((reach.machines(0), reach.machines(1)), (&[0][..], &[1][..]));
        let reach = Reach::of(&pair(0));
        assert_eq!((reach.machines(0), reach.machines(1)), (&[0, 1][..], &[0, 1][..]));
        assert!(reach.has(0, 1) && reach.has(1, 0));
    }

    #[test]
    fn what_can_be_nowhere_else_costs_in_any_assignment() {
        // Of 5 units 3 stay where 2 are safe; all of them would be safe on one machine.
        assert_eq!((pooled_bound(&pair(1)), pooled_bound(&pair(0))), (10, 0));
    }

    #[test]
    fn safety_that_nothing_can_use_is_not_counted() {
        // Items of 2 and 4 where 1 is safe; on the other machine 3 are, but only the item of 2
        // fits. The 4 stay: 3 above. Of the 2, none need to be above.
        let model = "1  0 10  2  0 0 6 1 0 1  0 1 3 3 1 0  2  0 0 0 0  2  0 2 5  1 4 5  0  1 1 1";
        let start = (&b"0 0"[..], "start");
        let instance = roadef::parse((model.as_bytes(), "model"), start).expect("it is right");
        assert_eq!(pooled_bound(&instance), 10 * 3);
    }
}
