//! Ruin and recreate: a few machines are emptied, and their items find new places one by one.
//!
//! ```text
//! place(i) = argmin over candidates m of delta(i, m) + fit * left(m)        accept as in `anneal`
//! ```
//!
//! `delta`: change of the cost; `left`: part of its scarcest resource that `m` has left once `i` is
//! there; `fit`: a price drawn for each ruin. A machine costs as soon as it holds an item, so that
//! nothing is gained before the last one has left: no single step empties a machine, this does.
//! Candidates are the machines that were emptied, the first machine of the item, open machines
//! (where there are many, a sample of those with room), and an empty one where nothing else has
//! room.
//!
//! Source: Schrimpf, Schneider, Stamm-Wilbrandt and Dueck, Journal of Computational Physics 159(2),
//! 2000; skipping a candidate now and then ("blinks"): Christiaens and Vanden Berghe,
//! Transportation Science 54(2), 2020; emptying whole machines as for bin packing.

use super::dice::Dice;
use super::reach::Reach;
use super::state::State;
use super::step::Shift;

/// Most items that are taken out.
const ITEMS: usize = 60;

/// Most machines that are emptied besides the first.
const COMPANIONS: usize = 4;

/// Open machines that are looked at for each item.
const LOOKS: usize = 40;

/// Open machines that are drawn to find so many with room: as a multiple of those looked at.
const DRAWS: usize = 8;

/// Empty machines that are looked at where nothing else has room.
const EMPTY_LOOKS: usize = 8;

/// One of so many candidates is skipped.
const BLINK: usize = 80;

/// Least and most price of room that is left, as a part of what an idle machine costs.
const FIT: (f64, f64) = (0.003, 0.3);

/// A ruin, drawn and perhaps accepted.
pub(super) struct Ruin {
    /// Part of each item's scarcest resource on the mean machine, for the order of insertion.
    size: Vec<f64>,
    /// What an idle machine costs.
    idle: f64,
    machines: Vec<u32>,
    items: Vec<(f64, u32)>,
    done: Vec<(Shift, i64)>,
    candidates: Vec<u32>,
    /// Candidates that were priced.
    pub(super) looks: u64,
}

impl Ruin {
    pub(super) fn new(state: &State<'_>) -> Self {
        let instance = state.instance();
        let (width, machines) = (instance.resources(), instance.machine_count().max(1) as f64);
        let total = |r: usize| -> f64 {
            instance.machines.capacity.iter().skip(r).step_by(width).map(|&c| c as f64).sum()
        };
        let mean: Vec<f64> = (0..width).map(|r| (total(r) / machines).max(1.0)).collect();
        let share = |item: u32| {
            let parts = instance.demand(item).iter().zip(&mean);
            parts.map(|(&need, mean)| need as f64 / mean).fold(0.0, f64::max)
        };
        let idle: f64 = instance.power.idle.iter().map(|&idle| idle as f64).sum();
        Self {
            size: (0..instance.item_count() as u32).map(share).collect(),
            idle: idle / machines,
            machines: Vec::new(),
            items: Vec::new(),
            done: Vec::new(),
            candidates: Vec::new(),
            looks: 0,
        }
    }

    /// What an idle machine costs on average.
    pub(super) fn idle(&self) -> f64 {
        self.idle
    }

    /// The items that were moved by the last ruin.
    pub(super) fn moved(&self) -> impl Iterator<Item = u32> + '_ {
        self.items.iter().map(|&(_, item)| item)
    }

    /// Empties machines and finds places anew. Whether the result was kept: all rules allow it and
    /// it costs at most `limit` more.
    pub(super) fn carry_out(
        &mut self,
        state: &mut State<'_>,
        reach: &Reach,
        dice: &mut Dice,
        limit: i64,
    ) -> bool {
        self.draw_machines(state, dice);
        self.take_out(state, dice);
        let before: i64 = self.done.iter().map(|(_, delta)| delta).sum();
        let fit = self.idle * dice.between(FIT);
        let mut total = before;
        for at in 0..self.items.len() {
            let item = self.items[at].1;
            let place = self.place(state, reach, dice, item, fit);
            // An item without a place ends the try.
            let Some((shift, delta)) = place else {
                self.undo(state);
                return false;
            };
            state.apply(shift, delta);
            self.done.push((shift, delta));
            total += delta;
        }
        if total <= limit {
            return true;
        }
        self.undo(state);
        false
    }

    /// A machine that holds little, and a few more.
    fn draw_machines(&mut self, state: &State<'_>, dice: &mut Dice) {
        let open = state.open();
        self.machines.clear();
        if open.is_empty() {
            return;
        }
        let first = match dice.below(4) {
            0 => open[dice.below(open.len())],
            _ => {
                let drawn = [0; 3].map(|_| open[dice.below(open.len())]);
                *drawn.iter().min_by_key(|&&m| state.on(m).len()).expect("three were drawn")
            }
        };
        self.machines.push(first);
        let mut items = state.on(first).len();
        for _ in 0..dice.below(COMPANIONS + 1) {
            let other = open[dice.below(open.len())];
            if !self.machines.contains(&other) && items + state.on(other).len() <= ITEMS {
                items += state.on(other).len();
                self.machines.push(other);
            }
        }
    }

    /// Takes out all items of the machines drawn, in the order in which they look for places: large
    /// ones mostly first.
    fn take_out(&mut self, state: &mut State<'_>, dice: &mut Dice) {
        self.items.clear();
        self.done.clear();
        let noise = if dice.below(4) == 0 { 1.0 } else { 0.15 };
        for &machine in &self.machines {
            for &item in state.on(machine) {
                let size = self.size[item as usize] * (1.0 + noise * dice.fraction());
                self.items.push((size, item));
            }
        }
        self.items.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let nowhere = state.instance().nowhere();
        for &(_, item) in &self.items {
            let from = state.assignment()[item as usize];
            let shift = Shift { item, from, to: nowhere };
            let delta = state.shift_delta(shift);
            state.apply(shift, delta);
            self.done.push((shift, delta));
        }
    }

    fn undo(&mut self, state: &mut State<'_>) {
        for &(shift, delta) in self.done.iter().rev() {
            state.apply(shift.back(), -delta);
        }
    }

    /// The cheapest candidate for `item`, which is nowhere.
    fn place(
        &mut self,
        state: &State<'_>,
        reach: &Reach,
        dice: &mut Dice,
        item: u32,
        fit: f64,
    ) -> Option<(Shift, i64)> {
        self.candidates.clear();
        self.candidates.extend(&self.machines);
        self.candidates.push(state.instance().start[item as usize]);
        let open = state.open();
        if open.len() <= LOOKS {
            self.candidates.extend(open);
        } else {
            self.draw_roomy(state, dice, item);
        }
        let best = self.cheapest(state, reach, dice, item, fit);
        if best.is_some() {
            return best;
        }
        self.candidates.clear();
        self.candidates.extend((0..EMPTY_LOOKS).map(|_| reach.draw(item, dice)));
        self.cheapest(state, reach, dice, item, fit)
    }

    /// Adds open machines that have room for `item`, drawn at random.
    fn draw_roomy(&mut self, state: &State<'_>, dice: &mut Dice, item: u32) {
        let (open, demand) = (state.open(), state.instance().demand(item));
        let most = self.candidates.len() + LOOKS;
        for _ in 0..DRAWS * LOOKS {
            let machine = open[dice.below(open.len())];
            if state.room(machine).iter().zip(demand).all(|(room, need)| need <= room) {
                self.candidates.push(machine);
                if self.candidates.len() == most {
                    break;
                }
            }
        }
        // To draw one costs a fraction of what it costs to price one.
        self.looks += (LOOKS / 4) as u64;
    }

    fn cheapest(
        &mut self,
        state: &State<'_>,
        reach: &Reach,
        dice: &mut Dice,
        item: u32,
        fit: f64,
    ) -> Option<(Shift, i64)> {
        let from = state.instance().nowhere();
        let mut best: Option<(f64, Shift, i64)> = None;
        for &to in &self.candidates {
            if !reach.has(item, to) || dice.below(BLINK) == 0 {
                continue;
            }
            self.looks += 1;
            let shift = Shift { item, from, to };
            let Some(delta) = state.shift_within(shift, i64::MAX) else { continue };
            let score = delta as f64 + fit * left(state, item, to);
            if best.is_none_or(|(least, ..)| score < least) {
                best = Some((score, shift, delta));
            }
        }
        best.map(|(_, shift, delta)| (shift, delta))
    }
}

/// The part of its scarcest resource that `machine` has left once `item` is there.
#[inline]
fn left(state: &State<'_>, item: u32, machine: u32) -> f64 {
    let instance = state.instance();
    let capacity = &instance.machines.capacity[instance.row(machine)];
    let rows = state.room(machine).iter().zip(instance.demand(item)).zip(capacity);
    let part =
        |((&room, &need), &have): ((&i64, &i64), &i64)| (room - need) as f64 / have.max(1) as f64;
    rows.map(part).fold(1.0, f64::min)
}
