//! Where can an item ever be? On its first machine, and where it fits by itself.
//!
//! ```text
//! item i may be on m  <=>  m is its first machine, or for all r: demand(i, r) <= open(m, r)
//! open(m, r) = capacity(m, r), of transient r less what the items use that are on m at the start
//! ```
//!
//! Of a transient resource, those that leave a machine keep their share of it, so that newcomers
//! never get more than was free at the start. Where that is little, most moves that a search could
//! draw are impossible whatever else happens; they are not drawn.

use super::dice::Dice;
use super::instance::Instance;
use super::lists::Lists;

/// The machines of each item.
#[derive(Debug)]
pub(super) struct Reach {
    machines: usize,
    /// One bit per item and machine.
    bits: Vec<u64>,
    lists: Lists,
}

impl Reach {
    pub(super) fn of(instance: &Instance) -> Self {
        let open = open_room(instance);
        let machines = instance.machine_count();
        let mut bits = vec![0; (machines * instance.item_count()).div_ceil(64)];
        let mut lists = Lists::default();
        for (item, &home) in instance.start.iter().enumerate() {
            let demand = instance.demand(item as u32);
            let fits = |machine: u32| {
                let mut room = demand.iter().zip(&open[instance.row(machine)]);
                machine == home || room.all(|(need, open)| need <= open)
            };
            lists.push((0..machines as u32).filter(|&machine| fits(machine)));
            for &machine in lists.row(item as u32) {
                let at = item * machines + machine as usize;
                bits[at / 64] |= 1_u64 << (at % 64);
            }
        }
        Self { machines, bits, lists }
    }

    /// Whether `item` may ever be on `machine`.
    #[inline]
    pub(super) fn has(&self, item: u32, machine: u32) -> bool {
        let at = item as usize * self.machines + machine as usize;
        (self.bits[at / 64] >> (at % 64)) & 1 == 1
    }

    /// The machines on which `item` may ever be, ascending.
    #[inline]
    pub(super) fn machines(&self, item: u32) -> &[u32] {
        self.lists.row(item)
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
    let rows = instance.machines.capacity.iter().zip(used).enumerate();
    let open =
        |(at, (&have, used))| if instance.transient[at % width] { have - used } else { have };
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
