//! Part of a cluster: a few machines and the items on them, between which a search moves things
//! while all else stays. The whole cluster is a region too.
//!
//! Most machines of a good assignment are as they should be. A region is drawn around one that is
//! not: its first machine in proportion to what it adds to the cost above the pooled bound, each
//! further one in the same way, from among the first machines of the items that are there (where
//! they have kept room), or any.

use super::dice::Dice;
use super::reach::Reach;
use super::state::State;

/// Draws for a further machine, after which a region stays as small as it is.
const TRIES: usize = 100;

/// Machines and the items on them.
pub(super) struct Region {
    machines: Vec<u32>,
    items: Vec<u32>,
    is_inside: Vec<bool>,
    is_everything: bool,
}

impl Region {
    pub(super) fn everything(state: &State<'_>) -> Self {
        let machines = state.instance().machine_count();
        Self {
            machines: (0..machines as u32).collect(),
            items: (0..state.assignment().len() as u32).collect(),
            is_inside: vec![true; machines],
            is_everything: true,
        }
    }

    /// `count` machines, at least one, or all there are.
    pub(super) fn drawn(state: &State<'_>, count: usize, dice: &mut Dice) -> Self {
        let all = state.instance().machine_count();
        let mut region = Self {
            machines: Vec::with_capacity(count),
            items: Vec::new(),
            is_inside: vec![false; all],
            is_everything: false,
        };
        let faults: Vec<i64> = (0..all as u32).map(|machine| state.avoidable(machine)).collect();
        for _ in 0..TRIES {
            if region.machines.len() >= count.min(all) {
                break;
            }
            let next = region.next(state, &faults, dice);
            if !std::mem::replace(&mut region.is_inside[next as usize], true) {
                region.machines.push(next);
            }
        }
        region.items.extend(region.machines.iter().flat_map(|&machine| state.on(machine)));
        region
    }

    /// A machine that might be added.
    fn next(&self, state: &State<'_>, faults: &[i64], dice: &mut Dice) -> u32 {
        let of_a_member = |dice: &mut Dice| {
            let member = dice.one_of(&self.machines)?;
            let item = dice.one_of(state.on(member))?;
            Some(state.instance().start[item as usize])
        };
        let way = if self.machines.is_empty() { 0 } else { dice.below(4) };
        let chosen = match way {
            0 => dice.in_proportion(faults),
            1 => of_a_member(dice),
            _ => None,
        };
        chosen.unwrap_or_else(|| dice.below(faults.len()) as u32)
    }

    /// Its items.
    pub(super) fn items(&self) -> &[u32] {
        &self.items
    }

    /// Whether `machine` is one of it.
    #[inline]
    pub(super) fn has(&self, machine: u32) -> bool {
        self.is_inside[machine as usize]
    }

    /// One of its items.
    #[inline]
    pub(super) fn item(&self, dice: &mut Dice) -> u32 {
        self.items[dice.below(self.items.len())]
    }

    /// One of its machines on which `item` may be; none if another was drawn.
    #[inline]
    pub(super) fn machine_for(&self, item: u32, reach: &Reach, dice: &mut Dice) -> Option<u32> {
        if self.is_everything {
            return Some(reach.draw(item, dice));
        }
        let machine = self.machines[dice.below(self.machines.len())];
        reach.has(item, machine).then_some(machine)
    }

    /// One of its items that are away from home, and that home, if it is in the region too.
    #[inline]
    pub(super) fn homeward(&self, state: &State<'_>, dice: &mut Dice) -> Option<(u32, u32)> {
        let item = if self.is_everything { dice.one_of(state.away())? } else { self.item(dice) };
        let home = state.instance().start[item as usize];
        let is_away = state.assignment()[item as usize] != home;
        (is_away && self.has(home)).then_some((item, home))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reassign::roadef;

    #[test]
    fn a_region_begins_where_something_can_be_avoided_and_holds_what_is_there() {
        // Three machines where 2 are safe; 3 are used on the last, 1 and 0 on the others.
        let machine = |at: usize| format!("0 {at} 9 2  0 0 0");
        let machines: Vec<String> = (0..3).map(machine).collect();
        let model =
            format!("1  0 10  3  {}  2  0 0 0 0  2  0 1 5  1 3 5  0  1 1 1", machines.join(" "));
        let start = (&b"0 2"[..], "start");
        let instance = roadef::parse((model.as_bytes(), "model"), start).expect("it is right");
        let state = State::at_start(&instance).expect("it keeps all rules");
        let dice = &mut Dice::new(0, "test");
        for _ in 0..20 {
            let region = Region::drawn(&state, 1, dice);
            assert_eq!((&region.machines[..], region.items()), (&[2][..], &[1][..]));
            let region = Region::drawn(&state, 2, dice);
            assert!(region.has(2) && region.machines.len() == 2);
        }
        assert_eq!(Region::drawn(&state, 9, dice).items().len(), 2);
    }
}
