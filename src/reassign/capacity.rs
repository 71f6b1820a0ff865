//! Capacity: no machine may hold more than it has; of transient resources, a moved item keeps its
//! share on its first machine as well.
//!
//! ```text
//! held(m, r) = sum of demand(i, r) over items i on m,
//!              and for transient r also over those that were on m at the start
//! rule: held(m, r) <= capacity(m, r), or what an operator's rule makes of it (`rules/overbook.rs`)
//! ```
//!
//! All moves count as made at once; an item that stays, or comes home, counts once.

use super::instance::Instance;
use super::rules::overbook;
use super::step::{Rule, Shift, Swap};

/// Room nowhere.
const NO_LIMIT: i64 = i64::MAX / 8;

/// Room that is left, per machine and resource; nowhere, there is no limit.
#[derive(Debug, Clone)]
pub(super) struct Capacity {
    /// `capacity - held`.
    room: Vec<i64>,
    /// Per resource: all bits where an item that comes home takes room, none where it has kept it.
    taken_at_home: Vec<i64>,
    /// Per resource: the mean demand of an item, at least 1.
    unit: Vec<i64>,
}

/// All bits, or none where `machine` is the item's first.
#[inline]
fn stranger(instance: &Instance, item: u32, machine: u32) -> i64 {
    -i64::from(instance.start[item as usize] != machine)
}

impl Capacity {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let used = instance.use_at_start();
        let limits = overbook::limits(instance).into_iter();
        let room = limits.zip(used).map(|(limit, used)| limit - used);
        let room = room.chain(std::iter::repeat_n(NO_LIMIT, instance.resources()));
        let taken_at_home = instance.transient.iter().map(|&t| if t { 0 } else { -1 }).collect();
        let (width, items) = (instance.resources(), instance.item_count().max(1) as i64);
        let total = |r: usize| instance.items.demand.iter().skip(r).step_by(width).sum::<i64>();
        let unit = (0..width).map(|r| (total(r) / items).max(1)).collect();
        Self { room: room.collect(), taken_at_home, unit }
    }

    /// Whether `machine` has room for those who come once those who go have left.
    #[inline]
    pub(super) fn fits_instead(
        &self,
        instance: &Instance,
        machine: u32,
        come: &[u32],
        go: &[u32],
    ) -> bool {
        let taken = |item: u32, r: usize| {
            let strange = stranger(instance, item, machine);
            instance.demand(item)[r] & (self.taken_at_home[r] | strange)
        };
        let room = &self.room[instance.row(machine)];
        room.iter().enumerate().all(|(r, &room)| {
            let needed: i64 = come.iter().map(|&item| taken(item, r)).sum();
            let freed: i64 = go.iter().map(|&item| taken(item, r)).sum();
            needed - freed <= room
        })
    }

    /// Adds `sign` times what `item` takes of the room of `machine`.
    fn give(&mut self, instance: &Instance, machine: u32, item: u32, sign: i64) {
        let strange = stranger(instance, item, machine);
        let room = &mut self.room[instance.row(machine)];
        let needs = instance.demand(item).iter().zip(&self.taken_at_home);
        for (room, (&need, &mask)) in room.iter_mut().zip(needs) {
            *room += sign * (need & (mask | strange));
        }
    }

    /// What is left of each resource on `machine`.
    #[inline]
    pub(super) fn room(&self, instance: &Instance, machine: u32) -> &[i64] {
        &self.room[instance.row(machine)]
    }

    /// What `machine` holds too much once `shift`, if any, is made: over all resources, in
    /// thousandths of a mean item's demand, rounded up, so that it may be added up with other
    /// violations.
    pub(super) fn excess(&self, instance: &Instance, machine: u32, shift: Option<Shift>) -> i64 {
        let room = self.room(instance, machine).iter().enumerate();
        let over = room.map(|(r, &room)| {
            let more = shift.map_or(0, |shift| {
                let strange = stranger(instance, shift.item, machine);
                let need = instance.demand(shift.item)[r] & (self.taken_at_home[r] | strange);
                need * (i64::from(shift.to == machine) - i64::from(shift.from == machine))
            });
            let over = i128::from((more - room).max(0));
            let unit = i128::from(self.unit[r]);
            i64::try_from((over * 1000 + unit - 1) / unit).unwrap_or(i64::MAX / 64)
        });
        over.sum()
    }

    #[inline]
    fn fits(&self, instance: &Instance, machine: u32) -> bool {
        self.room[instance.row(machine)].iter().all(|&room| room >= 0)
    }
}

impl Rule for Capacity {
    #[inline]
    fn allows_shift(&self, instance: &Instance, shift: Shift) -> bool {
        let strange = stranger(instance, shift.item, shift.to);
        let room = &self.room[instance.row(shift.to)];
        let needs = instance.demand(shift.item).iter().zip(&self.taken_at_home);
        room.iter().zip(needs).all(|(&room, (&need, &mask))| need & (mask | strange) <= room)
    }

    #[inline]
    fn allows_swap(&self, instance: &Instance, swap: Swap) -> bool {
        let Swap { first, first_on, second, second_on } = swap;
        self.fits_instead(instance, second_on, &[first], &[second])
            && self.fits_instead(instance, first_on, &[second], &[first])
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.give(instance, shift.from, shift.item, 1);
        self.give(instance, shift.to, shift.item, -1);
    }

    fn holds_after(&self, instance: &Instance, shift: Shift) -> bool {
        self.fits(instance, shift.to) && self.fits(instance, shift.from)
    }

    fn breaches(&self, instance: &Instance) -> Vec<String> {
        let width = instance.resources();
        let over = self.room.iter().enumerate().filter(|&(_, &room)| room < 0);
        let word = |(at, room): (usize, &i64)| {
            let (machine, resource) = (at / width, at % width);
            format!("machine {machine} lacks {} of resource {resource}", -room)
        };
        over.map(word).collect()
    }
}
