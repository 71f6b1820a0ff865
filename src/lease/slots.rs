//! What each host is reserved for: the rows of the slot table, and questions about one host.
//!
//! A row lists the reservations of a host that are not over, by start. Rows are short: what is
//! over leaves them.

use crate::model::lease::{Amounts, RESOURCES};
use crate::time::Instant;

/// After everything.
pub(super) const NEVER: Instant = Instant(i64::MAX);

/// A reservation on one host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub start: Instant,
    pub end: Instant,
    pub reservation: u32,
    pub lease: u32,
    pub amounts: Amounts,
}

/// A host: what it has, and its reservations by start.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub capacity: Amounts,
    pub slots: Vec<Slot>,
}

/// Whether `need` on top of `used` exceeds `capacity`.
fn exceeds(used: &Amounts, need: &Amounts, capacity: &Amounts) -> bool {
    (0..RESOURCES).any(|k| used[k] + need[k] > capacity[k])
}

fn add(sum: &mut Amounts, amounts: &Amounts) {
    for k in 0..RESOURCES {
        sum[k] += amounts[k];
    }
}

impl Row {
    pub fn insert(&mut self, slot: Slot) {
        let at = self.slots.partition_point(|other| other.start <= slot.start);
        self.slots.insert(at, slot);
    }

    /// Start and end of the first slot; [`NEVER`] if there is none.
    pub fn front(&self) -> (Instant, Instant) {
        self.slots.first().map_or((NEVER, NEVER), |slot| (slot.start, slot.end))
    }

    pub fn remove(&mut self, reservation: u32) {
        self.slots.retain(|slot| slot.reservation != reservation);
    }

    /// What is used at `time` by leases other than `ignored`.
    fn used_at(&self, time: Instant, ignored: &[u32]) -> Amounts {
        let mut used = [0; RESOURCES];
        for slot in self.slots.iter().take_while(|slot| slot.start <= time) {
            if slot.end > time && !ignored.contains(&slot.lease) {
                add(&mut used, &slot.amounts);
            }
        }
        used
    }

    /// The first instant of `[from, until)` at which `need` does not fit beside leases other than
    /// `ignored`.
    pub fn first_lack(
        &self,
        need: &Amounts,
        (from, until): (Instant, Instant),
        ignored: &[u32],
    ) -> Option<Instant> {
        if exceeds(&self.used_at(from, ignored), need, &self.capacity) {
            return Some(from);
        }
        let later = self.slots.iter().filter(|slot| slot.start > from);
        let starts = later.take_while(|slot| slot.start < until).map(|slot| slot.start);
        starts
            .into_iter()
            .find(|&start| exceeds(&self.used_at(start, ignored), need, &self.capacity))
    }

    /// Which resource is short of `need` at `time` beside leases other than `ignored`, and what is
    /// free of it; none if it fits.
    pub fn short_at(&self, need: &Amounts, time: Instant, ignored: &[u32]) -> Option<(usize, i64)> {
        let used = self.used_at(time, ignored);
        let short = (0..RESOURCES).find(|&k| used[k] + need[k] > self.capacity[k])?;
        Some((short, self.capacity[short] - used[short]))
    }

    /// Leases other than `ignored` that hold something at `time`, each once.
    pub fn holders_at(&self, time: Instant, ignored: &[u32]) -> Vec<u32> {
        let holds = |slot: &&Slot| slot.start <= time && slot.end > time;
        let mut leases: Vec<u32> = self.slots.iter().filter(holds).map(|slot| slot.lease).collect();
        leases.retain(|lease| !ignored.contains(lease));
        leases.sort_unstable();
        leases.dedup();
        leases
    }

    /// The first end of a reservation after `time` at which `need` fits beside leases other than
    /// `ignored`.
    pub fn fits_again(&self, need: &Amounts, time: Instant, ignored: &[u32]) -> Option<Instant> {
        let ends = self.slots.iter().map(|slot| slot.end).filter(|&end| end > time);
        ends.filter(|&end| self.short_at(need, end, ignored).is_none()).min()
    }

    /// The least that is free from `from` on until each step before `until`, beside leases other
    /// than `ignored`.
    pub fn room(
        &self,
        (from, until): (Instant, Instant),
        ignored: &[u32],
    ) -> Vec<(Instant, Amounts)> {
        let free = |time: Instant| {
            let used = self.used_at(time, ignored);
            std::array::from_fn(|k| self.capacity[k] - used[k])
        };
        let mut steps: Vec<(Instant, Amounts)> = vec![(from, free(from))];
        let later = self.slots.iter().map(|slot| slot.start);
        for start in later.filter(|&start| start > from && start < until) {
            let (_, least) = steps[steps.len() - 1];
            let here: Amounts = free(start);
            let lower: Amounts = std::array::from_fn(|k| least[k].min(here[k]));
            if lower != least {
                steps.push((start, lower));
            }
        }
        steps
    }

    /// Leases on the host at `time`.
    pub fn leases_at(&self, time: Instant) -> usize {
        let holds = |slot: &&Slot| slot.start <= time && slot.end > time;
        let mut count = 0;
        for (at, slot) in self.slots.iter().enumerate().filter(|(_, slot)| holds(slot)) {
            let again = self.slots[..at].iter().filter(holds).any(|s| s.lease == slot.lease);
            count += usize::from(!again);
        }
        count
    }

    /// The first instant after `time` at which what is used or who uses it changes; [`NEVER`] if
    /// that stays as it is.
    pub fn next_change(&self, time: Instant) -> Instant {
        let mut now = time;
        loop {
            let edges = self.slots.iter().flat_map(|slot| [slot.start, slot.end]);
            let next = edges.filter(|&edge| edge > now).min().unwrap_or(NEVER);
            if next == NEVER || self.changes_at(next) {
                return next;
            }
            now = next;
        }
    }

    fn changes_at(&self, time: Instant) -> bool {
        let mut difference = [0; RESOURCES];
        let holds_before = |slot: &Slot| slot.start < time && slot.end >= time;
        let holds_after = |slot: &Slot| slot.start <= time && slot.end > time;
        for slot in self.slots.iter().take_while(|slot| slot.start <= time) {
            let (before, after) = (holds_before(slot), holds_after(slot));
            if before == after {
                continue;
            }
            let mut others = self.slots.iter().filter(|other| other.lease == slot.lease);
            let stays = if before { others.any(holds_after) } else { others.any(holds_before) };
            if !stays {
                return true;
            }
            let sign = if after { 1 } else { -1 };
            for (sum, amount) in difference.iter_mut().zip(slot.amounts) {
                *sum += sign * amount;
            }
        }
        difference != [0; RESOURCES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(start: i64, end: i64, lease: u32, cpu: i64) -> Slot {
        let mut amounts = [0; RESOURCES];
        amounts[0] = cpu;
        Slot { start: Instant(start), end: Instant(end), reservation: lease, lease, amounts }
    }

    fn row(slots: &[Slot]) -> Row {
        let mut capacity = [0; RESOURCES];
        capacity[0] = 100;
        let mut row = Row { capacity, slots: Vec::new() };
        slots.iter().for_each(|&slot| row.insert(slot));
        row
    }

    #[test]
    fn a_need_fits_until_the_first_reservation_that_leaves_too_little() {
        let row = row(&[slot(10, 20, 1, 60), slot(20, 30, 2, 30), slot(25, 40, 3, 40)]);
        let mut need = [0; RESOURCES];
        need[0] = 50;
        let lack = |from, until, ignored: &[u32]| {
            row.first_lack(&need, (Instant(from), Instant(until)), ignored).map(|t| t.0)
        };
        assert_eq!(lack(0, 10, &[]), None);
        assert_eq!(lack(0, 11, &[]), Some(10));
        assert_eq!(lack(0, 100, &[1]), Some(25));
        assert_eq!(lack(0, 100, &[1, 2]), None);
        assert_eq!(lack(26, 27, &[]), Some(26));
        let room = |ignored: &[u32]| -> Vec<(i64, i64)> {
            let steps = row.room((Instant(0), Instant(100)), ignored);
            steps.into_iter().map(|(time, free)| (time.0, free[0])).collect()
        };
        assert_eq!(room(&[]), [(0, 100), (10, 40), (25, 30)]);
        assert_eq!(room(&[1, 2]), [(0, 100), (25, 60)]);
    }

    #[test]
    fn two_equal_reservations_of_one_lease_in_succession_are_no_change() {
        let row = row(&[slot(0, 10, 1, 60), slot(10, 20, 1, 60), slot(20, 30, 1, 50)]);
        assert_eq!(row.next_change(Instant(0)), Instant(20));
        assert_eq!(row.next_change(Instant(20)), Instant(30));
        assert_eq!(row.next_change(Instant(30)), NEVER);
        assert_eq!(row.leases_at(Instant(10)), 1);
    }
}
