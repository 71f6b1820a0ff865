//! Exchange: one item changes places with several of another machine.
//!
//! In a crowded cluster few single shifts and swaps are allowed: a large item must displace a few
//! small ones. The same draw leads back with the same probability, up to the sizes of the machines,
//! as an annealing wants; chains of ejections, in which whoever is displaced goes anywhere, do not.
//!
//! Source: the two-for-one exchanges and the big-process rearrangement of the ROADEF/EURO challenge
//! 2012 (team S41: Gavranovic, Buljubasic, Demirovic).

use super::dice::Dice;
use super::region::Region;
use super::state::State;
use super::step::Shift;

/// Most items that one changes places with.
const LARGEST: usize = 3;

/// An exchange, drawn and perhaps carried out.
pub(super) struct Exchange {
    single: Shift,
    group: Vec<u32>,
    done: Vec<(Shift, i64)>,
}

impl Exchange {
    pub(super) fn new() -> Self {
        let single = Shift { item: 0, from: 0, to: 0 };
        let (group, done) = (Vec::with_capacity(LARGEST), Vec::with_capacity(LARGEST + 1));
        Self { single, group, done }
    }

    /// The items that moved when the exchange was carried out.
    pub(super) fn moved(&self) -> impl Iterator<Item = u32> + '_ {
        self.done.iter().map(|(shift, _)| shift.item)
    }

    /// Draws an item and two or more of another machine. Whether these are different.
    pub(super) fn draw(&mut self, state: &State<'_>, region: &Region, dice: &mut Dice) -> bool {
        let machines = state.assignment();
        let (item, other) = (region.item(dice), region.item(dice));
        let (from, to) = (machines[item as usize], machines[other as usize]);
        self.single = Shift { item, from, to };
        self.group.clear();
        self.group.push(other);
        for _ in 1..2 + dice.below(LARGEST - 1) {
            if let Some(next) = dice.one_of(state.on(to)) {
                if self.group.contains(&next) {
                    return false;
                }
                self.group.push(next);
            }
        }
        from != to
    }

    /// Carries out what was drawn if the rules allow it and it costs at most `limit` more.
    pub(super) fn carry_out(&mut self, state: &mut State<'_>, limit: i64) -> bool {
        self.done.clear();
        if !state.fits_exchange(self.single, &self.group) {
            return false;
        }
        let Shift { from, to, .. } = self.single;
        let violations = state.violations();
        let back = |&item: &u32| Shift { item, from: to, to: from };
        for shift in [self.single].into_iter().chain(self.group.iter().map(back)) {
            let delta = state.shift_delta(shift);
            state.apply(shift, delta);
            self.done.push((shift, delta));
        }
        let delta: i64 = self.done.iter().map(|(_, delta)| delta).sum();
        let holds = |&(shift, _): &(Shift, i64)| state.holds_after(shift);
        if delta <= limit && state.violations() <= violations && self.done.iter().all(holds) {
            return true;
        }
        for &(shift, delta) in self.done.iter().rev() {
            state.apply(shift.back(), -delta);
        }
        false
    }
}
