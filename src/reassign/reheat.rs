//! Reheating: one region at a time is annealed again, and put back if it became worse.
//!
//! Large items are settled while a search is hot, and no single step of a cool one moves them
//! again: everything around would have to make way first. In a region of a few machines an
//! annealing of its own does that in a few milliseconds. Size and heat of each are drawn, from two
//! machines at little heat to many at much.
//!
//! Source: large neighbourhood search (Shaw, CP 1998, LNCS 1520), with annealing in place of the
//! exact search of a neighbourhood.

use super::anneal::{BLOCK, Chain};
use super::region::Region;
use super::state::State;
use super::step::Shift;

/// Fewest and most machines of a region.
const MACHINES: (f64, f64) = (2.0, 20.0);

/// Most pairs of an item and a machine in a region, above which it has fewer machines.
const PAIRS: f64 = 6_000.0;

/// Steps per pair of an item and a machine.
const STEPS: f64 = 80.0;

/// Fewest blocks of a reheating.
const BLOCKS: u64 = 20;

/// Least and most heat, in units of the mean increase by an allowed shift within the region.
const HEAT: (f64, f64) = (0.5, 5.0);

/// Temperature at which it has cooled, in units of cost, and the part of the steps that are taken
/// at none after that.
const COLD: f64 = 10.0;
const QUENCH: f64 = 0.15;

/// Shifts from whose costs the temperature is taken.
const SAMPLE: usize = 50;

impl Chain<'_> {
    /// Draws a region and anneals it; `next` is told the best cost before
    /// each block and says whether to go on.
    pub(super) fn reheat(&mut self, mut next: impl FnMut(i64) -> bool) {
        let machines = self.region_size();
        let region = Region::drawn(&self.state, machines, &mut self.dice);
        let heat = self.dice.between(HEAT);
        if region.items().is_empty() {
            next(self.best.cost());
            return;
        }
        let machines = self.state.assignment();
        let origin: Vec<u32> = region.items().iter().map(|&item| machines[item as usize]).collect();
        let before = self.state.cost();
        let blocks = blocks(region.items().len(), &self.state);
        let whole = std::mem::replace(&mut self.region, region);
        let hot = (self.mean_increase(SAMPLE) * heat).max(COLD);
        for at in 0..blocks {
            if !next(self.best.cost()) {
                break;
            }
            let x = at as f64 / (blocks as f64 * (1.0 - QUENCH));
            self.block(if x < 1.0 { hot * (COLD / hot).powf(x) } else { 0.0 });
        }
        let region = std::mem::replace(&mut self.region, whole);
        if self.state.cost() > before {
            put_back(&mut self.state, region.items(), &origin);
        }
    }

    /// How many machines the next region has.
    fn region_size(&mut self) -> usize {
        let drawn = MACHINES.0 + (MACHINES.1 - MACHINES.0) * self.dice.fraction();
        let items = self.state.assignment().len() as f64;
        let per_machine = items / self.state.instance().machine_count().max(1) as f64;
        drawn.min((PAIRS / per_machine.max(1.0)).sqrt()).max(MACHINES.0) as usize
    }
}

/// How many blocks a region of so many items takes.
fn blocks(items: usize, state: &State<'_>) -> u64 {
    let all = state.assignment().len().max(1) as f64;
    let machines = items as f64 * state.instance().machine_count() as f64 / all;
    let steps = STEPS * items as f64 * machines.min(PAIRS / items as f64).max(1.0);
    ((steps / BLOCK as f64) as u64).max(BLOCKS)
}

/// Moves each of `items` to its place in `origin`.
fn put_back(state: &mut State<'_>, items: &[u32], origin: &[u32]) {
    for (&item, &to) in items.iter().zip(origin) {
        let from = state.assignment()[item as usize];
        if from != to {
            let shift = Shift { item, from, to };
            let delta = state.shift_delta(shift);
            state.apply(shift, delta);
        }
    }
}
