//! Who is where: the items of each machine, those that are away from their first machine, and the
//! machines that hold any, so that one of each can be drawn at once.

use super::instance::Instance;
use super::step::Shift;

/// Marks an item that is at home.
const AT_HOME: u32 = u32::MAX;

/// Marks a machine without items.
const EMPTY: u32 = u32::MAX;

/// Items by machine.
#[derive(Debug, Clone)]
pub(super) struct Roster {
    machine: Vec<u32>,
    members: Vec<Vec<u32>>,
    /// Per item: its place in the list of its machine.
    seat: Vec<u32>,
    away: Vec<u32>,
    /// Per item: its place in the list of those that are away.
    away_seat: Vec<u32>,
    /// Machines with items.
    open: Vec<u32>,
    /// Per machine: its place in the list of those with items.
    open_seat: Vec<u32>,
}

impl Roster {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let items = instance.item_count();
        let machines = instance.machine_count();
        let mut members = vec![Vec::new(); machines + 1];
        let mut seat = Vec::with_capacity(items);
        for (item, &machine) in instance.start.iter().enumerate() {
            let list: &mut Vec<u32> = &mut members[machine as usize];
            seat.push(list.len() as u32);
            list.push(item as u32);
        }
        let (away, away_seat) = (Vec::with_capacity(items), vec![AT_HOME; items]);
        let (open, open_seat) = (Vec::with_capacity(machines), vec![EMPTY; machines + 1]);
        let machine = instance.start.clone();
        let mut roster = Self { machine, members, seat, away, away_seat, open, open_seat };
        for machine in 0..machines as u32 {
            if !roster.on(machine).is_empty() {
                roster.switch_on(machine);
            }
        }
        roster
    }

    /// The machine of each item.
    #[inline]
    pub(super) fn machines(&self) -> &[u32] {
        &self.machine
    }

    /// The items on `machine`, in no order.
    #[inline]
    pub(super) fn on(&self, machine: u32) -> &[u32] {
        &self.members[machine as usize]
    }

    /// The items that are away from their first machine, in no order.
    #[inline]
    pub(super) fn away(&self) -> &[u32] {
        &self.away
    }

    pub(super) fn apply(&mut self, instance: &Instance, shift: Shift) {
        let Shift { item, from, to } = shift;
        let list = &mut self.members[from as usize];
        let seat = self.seat[item as usize];
        list.swap_remove(seat as usize);
        if let Some(&heir) = list.get(seat as usize) {
            self.seat[heir as usize] = seat;
        }
        let list = &mut self.members[to as usize];
        self.seat[item as usize] = list.len() as u32;
        list.push(item);
        self.machine[item as usize] = to;
        if self.members[from as usize].is_empty() && self.open_seat[from as usize] != EMPTY {
            self.switch_off(from);
        }
        if self.members[to as usize].len() == 1 && to != instance.nowhere() {
            self.switch_on(to);
        }
        match shift.away(instance) {
            (false, true) => self.leave_home(item),
            (true, false) => self.come_home(item),
            _ => {}
        }
    }

    /// The machines with items, in no order.
    pub(super) fn open(&self) -> &[u32] {
        &self.open
    }

    fn switch_on(&mut self, machine: u32) {
        self.open_seat[machine as usize] = self.open.len() as u32;
        self.open.push(machine);
    }

    fn switch_off(&mut self, machine: u32) {
        let seat = std::mem::replace(&mut self.open_seat[machine as usize], EMPTY);
        self.open.swap_remove(seat as usize);
        if let Some(&heir) = self.open.get(seat as usize) {
            self.open_seat[heir as usize] = seat;
        }
    }

    fn leave_home(&mut self, item: u32) {
        self.away_seat[item as usize] = self.away.len() as u32;
        self.away.push(item);
    }

    fn come_home(&mut self, item: u32) {
        let seat = std::mem::replace(&mut self.away_seat[item as usize], AT_HOME);
        self.away.swap_remove(seat as usize);
        if let Some(&heir) = self.away.get(seat as usize) {
            self.away_seat[heir as usize] = seat;
        }
    }
}
