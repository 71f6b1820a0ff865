//! Simulated annealing over shifts and swaps.
//!
//! ```text
//! accept <=> delta <= -T * ln(u)        u uniform in (0, 1]
//! ```
//!
//! `T`: temperature, in units of cost; 0 accepts only what does not cost more. A step draws one of
//! four neighbourhoods: any item to any machine, any two items swapped, one item exchanged for
//! several, and an item that is away sent home, where it may displace another. The last keeps
//! transient resources free and brings move costs down at the end.
//!
//! Source: Kirkpatrick, Gelatt and Vecchi, Science 220(4598), 1983; for this problem, with shifts
//! and swaps, Portal, Ritt, Borba and Buriol, Annals of Operations Research 242(1), 2016.

use super::best::Best;
use super::dice::Dice;
use super::exchange::Exchange;
use super::state::State;
use super::step::{Shift, Swap};

/// Steps between two looks at the budget.
pub(super) const BLOCK: u64 = 512;

/// In 64 steps: so many shifts, swaps and exchanges; the others lead home.
const SHIFTS: usize = 24;
const SWAPS: usize = 28;
const EXCHANGES: usize = 4;

/// One search: where it is, the best that it met, and its draws.
pub(super) struct Chain<'a> {
    pub(super) state: State<'a>,
    pub(super) best: Best,
    dice: Dice,
    exchange: Exchange,
}

impl<'a> Chain<'a> {
    pub(super) fn new(state: State<'a>, dice: Dice) -> Self {
        let best = Best::new(state.cost(), state.assignment());
        Self { state, best, dice, exchange: Exchange::new() }
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
                n if n < SHIFTS + SWAPS + EXCHANGES => self.exchange(limit),
                _ => self.homeward(limit),
            }
        }
    }

    /// Mean of the increases among `draws` random shifts that the rules allow.
    pub(super) fn mean_increase(&mut self, draws: usize) -> f64 {
        let (mut sum, mut count) = (0.0, 0);
        for _ in 0..draws {
            let shift = self.any_shift();
            let delta = self.state.shift_within(shift, i64::MAX);
            if let Some(delta) = delta.filter(|&delta| delta > 0 && shift.from != shift.to) {
                (sum, count) = (sum + delta as f64, count + 1);
            }
        }
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    #[inline]
    fn any_shift(&mut self) -> Shift {
        let item = self.dice.below(self.state.assignment().len()) as u32;
        let to = self.dice.below(self.state.instance().machine_count()) as u32;
        Shift { item, from: self.state.assignment()[item as usize], to }
    }

    #[inline]
    fn shift(&mut self, limit: i64) {
        let shift = self.any_shift();
        self.try_shift(shift, limit);
    }

    /// Whether `shift` was carried out.
    #[inline]
    fn try_shift(&mut self, shift: Shift, limit: i64) -> bool {
        if shift.from == shift.to {
            return false;
        }
        let Some(delta) = self.state.shift_within(shift, limit) else { return false };
        self.state.apply(shift, delta);
        self.best.touch(shift.item);
        self.best.offer(self.state.cost(), self.state.assignment());
        true
    }

    #[inline]
    fn swap(&mut self, limit: i64) {
        let items = self.state.assignment().len();
        let (first, second) = (self.dice.below(items) as u32, self.dice.below(items) as u32);
        self.try_swap(first, second, limit);
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
        self.best.touch(first);
        self.best.touch(second);
        self.best.offer(self.state.cost(), self.state.assignment());
    }

    fn exchange(&mut self, limit: i64) {
        if self.exchange.draw(&self.state, &mut self.dice)
            && self.exchange.carry_out(&mut self.state, limit)
        {
            self.exchange.moved().for_each(|item| self.best.touch(item));
            self.best.offer(self.state.cost(), self.state.assignment());
        }
    }

    /// Sends an item home, in exchange for one that is there if it does not fit.
    fn homeward(&mut self, limit: i64) {
        let Some(item) = self.dice.one_of(self.state.away()) else { return };
        let home = self.state.instance().start[item as usize];
        let shift = Shift { item, from: self.state.assignment()[item as usize], to: home };
        if self.try_shift(shift, limit) {
            return;
        }
        if let Some(other) = self.dice.one_of(self.state.on(home)) {
            self.try_swap(item, other, limit);
        }
    }
}
