//! Who is where: the items of each machine, and those that are away from their first machine, so
//! that one of either can be drawn at once.

use super::instance::Instance;
use super::step::Shift;

/// Marks an item that is at home.
const AT_HOME: u32 = u32::MAX;

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
}

impl Roster {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let items = instance.item_count();
        let mut members = vec![Vec::new(); instance.machine_count()];
        let mut seat = Vec::with_capacity(items);
        for (item, &machine) in instance.start.iter().enumerate() {
            let list: &mut Vec<u32> = &mut members[machine as usize];
            seat.push(list.len() as u32);
            list.push(item as u32);
        }
        let (away, away_seat) = (Vec::with_capacity(items), vec![AT_HOME; items]);
        Self { machine: instance.start.clone(), members, seat, away, away_seat }
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
        match shift.away(instance) {
            (false, true) => self.leave_home(item),
            (true, false) => self.come_home(item),
            _ => {}
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
