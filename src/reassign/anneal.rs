//! Simulated annealing over shifts and swaps.
//!
//! ```text
//! accept <=> delta <= -T * ln(u)        u uniform in (0, 1]
//! ```
//!
//! `T`: temperature, in units of cost; 0 accepts only what does not cost more. A step draws one of
//! five neighbourhoods: an item to a machine, two items swapped, one item exchanged for several,
//! one that displaces another, and an item that is away sent home, where it may displace another.
//! The last keeps transient resources free and brings move costs down at the end. All draws are
//! from a [`Region`], and only of machines on which an item may be ([`Reach`]).
//!
//! Source: Kirkpatrick, Gelatt and Vecchi, Science 220(4598), 1983; for this problem, with shifts
//! and swaps, Portal, Ritt, Borba and Buriol, Annals of Operations Research 242(1), 2016.

use super::best::Best;
use super::dice::Dice;
use super::displacement::Displacement;
use super::exchange::Exchange;
use super::reach::Reach;
use super::region::Region;
use super::ruin::Ruin;
use super::state::State;
use super::step::{Shift, Swap};

/// Steps between two looks at the budget.
pub(super) const BLOCK: u64 = 512;

/// In 64 steps: so many shifts, swaps, displacements and exchanges; the others lead home.
const SHIFTS: usize = 20;
const SWAPS: usize = 24;
const DISPLACEMENTS: usize = 8;
const EXCHANGES: usize = 4;

/// One search: where it is, the best that it met, its draws and what it draws from.
pub(super) struct Chain<'a> {
    pub(super) state: State<'a>,
    pub(super) best: Best,
    pub(super) dice: Dice,
    pub(super) region: Region,
    reach: &'a Reach,
    exchange: Exchange,
    pub(super) ruin: Ruin,
}

impl<'a> Chain<'a> {
    pub(super) fn new(state: State<'a>, reach: &'a Reach, dice: Dice) -> Self {
        let best = Best::new(state.cost(), state.assignment());
        let region = Region::everything(&state);
        let ruin = Ruin::new(&state);
        Self { state, best, dice, region, reach, exchange: Exchange::new(), ruin }
    }

    /// Goes on from `machines`, which cost `cost`.
    pub(super) fn restart(&mut self, cost: i64, machines: &[u32]) {
        self.state.become_like(machines);
        debug_assert_eq!(self.state.cost(), cost);
        self.best = Best::new(cost, machines);
    }

    /// Takes a block of steps at one temperature.
    pub(super) fn block(&mut self, temperature: f64) {
        if self.state.instance().item_count() == 0 {
            return;
        }
        for _ in 0..BLOCK {
            let limit = (-temperature * self.dice.fraction().ln()) as i64;
            match self.dice.below(64) {
                n if n < SHIFTS => self.shift(limit),
                n if n < SHIFTS + SWAPS => self.swap(limit),
                n if n < SHIFTS + SWAPS + DISPLACEMENTS => self.displace(limit),
                n if n < SHIFTS + SWAPS + DISPLACEMENTS + EXCHANGES => self.exchange(limit),
                _ => self.homeward(limit),
            }
        }
    }

    /// Ruins machines at one temperature, with single steps in between. How many blocks' worth of
    /// candidates were looked at.
    pub(super) fn ruin_block(&mut self, temperature: f64) -> u64 {
        if self.state.open().is_empty() {
            return 1;
        }
        self.ruin.looks = 0;
        let mut tries = 0;
        while self.ruin.looks < 8 * BLOCK && tries < 8 * BLOCK {
            tries += 1;
            let limit = (-temperature * self.dice.fraction().ln()) as i64;
            if self.ruin.carry_out(&mut self.state, self.reach, &mut self.dice, limit) {
                self.ruin.moved().for_each(|item| self.best.touch(item));
                self.best.offer(self.state.cost(), self.state.assignment());
            }
        }
        self.block(temperature);
        1 + self.ruin.looks.max(tries) / BLOCK
    }

    /// Mean of the increases among `draws` random shifts that the rules allow.
    pub(super) fn mean_increase(&mut self, draws: usize) -> f64 {
        let (mut sum, mut count) = (0.0, 0);
        for _ in 0..draws {
            let Some(shift) = self.any_shift() else { continue };
            let delta = self.state.shift_within(shift, i64::MAX);
            if let Some(delta) = delta.filter(|&delta| delta > 0) {
                (sum, count) = (sum + delta as f64, count + 1);
            }
        }
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// A shift within the region to another machine, if that is what was drawn.
    #[inline]
    fn any_shift(&mut self) -> Option<Shift> {
        let item = self.region.item(&mut self.dice);
        let to = self.region.machine_for(item, self.reach, &mut self.dice)?;
        let from = self.state.assignment()[item as usize];
        (from != to).then_some(Shift { item, from, to })
    }

    #[inline]
    fn shift(&mut self, limit: i64) {
        if let Some(shift) = self.any_shift() {
            self.try_shift(shift, limit);
        }
    }

    /// Whether `shift` was carried out.
    #[inline]
    fn try_shift(&mut self, shift: Shift, limit: i64) -> bool {
        let Some(delta) = self.state.shift_within(shift, limit) else { return false };
        self.state.apply(shift, delta);
        self.note(&[shift.item]);
        true
    }

    /// Tells the best so far that `items` have moved.
    #[inline]
    fn note(&mut self, items: &[u32]) {
        items.iter().for_each(|&item| self.best.touch(item));
        self.best.offer(self.state.cost(), self.state.assignment());
    }

    #[inline]
    fn swap(&mut self, limit: i64) {
        let Some(Shift { item, from, to }) = self.any_shift() else { return };
        let Some(other) = self.dice.one_of(self.state.on(to)) else { return };
        if self.reach.has(other, from) {
            self.try_swap(item, other, limit);
        }
    }

    #[inline]
    fn try_swap(&mut self, first: u32, second: u32, limit: i64) {
        let machines = self.state.assignment();
        let (first_on, second_on) = (machines[first as usize], machines[second as usize]);
        if first_on == second_on {
            return;
        }
        let swap = Swap { first, first_on, second, second_on };
        let Some(delta) = self.state.swap_within(swap, limit) else { return };
        self.state.apply_swap(swap, delta);
        self.note(&[first, second]);
    }

    fn displace(&mut self, limit: i64) {
        let drawn = Displacement::draw(&self.state, &self.region, self.reach, &mut self.dice);
        let Some(displacement) = drawn else { return };
        if displacement.carry_out(&mut self.state, limit) {
            self.note(&[displacement.come.item, displacement.go.item]);
        }
    }

    fn exchange(&mut self, limit: i64) {
        if self.exchange.draw(&self.state, &self.region, &mut self.dice)
            && self.exchange.carry_out(&mut self.state, limit)
        {
            self.exchange.moved().for_each(|item| self.best.touch(item));
            self.best.offer(self.state.cost(), self.state.assignment());
        }
    }

    /// Sends an item home, in exchange for one that is there if it does not fit.
    fn homeward(&mut self, limit: i64) {
        let drawn = self.region.homeward(&self.state, &mut self.dice);
        let Some((item, home)) = drawn else { return };
        let shift = Shift { item, from: self.state.assignment()[item as usize], to: home };
        if self.try_shift(shift, limit) {
            return;
        }
        let other = self.dice.one_of(self.state.on(home));
        if let Some(other) = other.filter(|&other| self.reach.has(other, shift.from)) {
            self.try_swap(item, other, limit);
        }
    }
}
