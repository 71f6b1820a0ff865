//! Ceiling: what an assignment would cost by other prices than those of the problem is at most so
//! much: energy while migrations are made few, overload while energy is saved.
//!
//! ```text
//! violations = sum over ceilings of the thousandths by which
//!              load + power + tiers + sum of the move costs of moved items is above most
//! ```
//!
//! Load, power, tiers and move costs are those of an instance of its own with the same machines and
//! items. Each ceiling keeps their sums in step, so that a change is judged in O(resources). A
//! ceiling on one goal is what the next goals of a lexicographic order, and the points of a Pareto
//! front, are solved under.
//!
//! Source: the epsilon-constraint method, Haimes, Lasdon and Wismer, IEEE Transactions on Systems,
//! Man, and Cybernetics 1(3), 1971.

use serde::Serialize;

use super::super::error::Error;
use super::super::instance::{Instance, MoveWeights};
use super::super::load::Load;
use super::super::step::{Cost, Shift, Swap};
use super::super::tier::Tiers;
use super::{Kind, above};
use crate::problem::Problem;
use crate::reassign::power::PowerCost;

/// A limit of what an assignment costs by prices of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ceiling {
    /// The prices: load, power, tiers and item moves of an instance with the same machines, items
    /// and start.
    pub prices: Box<Instance>,
    /// The largest cost.
    pub most: i64,
}

impl Ceiling {
    /// Refuses prices of other things than `instance` has, and such as no ceiling knows.
    pub(in crate::reassign) fn check(&self, instance: &Instance) -> Result<(), Error> {
        let prices = &*self.prices;
        let is_same = prices.items.demand == instance.items.demand
            && prices.machines.capacity == instance.machines.capacity
            && prices.start == instance.start;
        let is_plain = prices.balances.is_empty()
            && prices.budgets.is_empty()
            && MoveWeights { item: 0, ..prices.weights } == MoveWeights::default();
        if is_same && is_plain && self.most >= 0 {
            return prices.check("prices of a ceiling");
        }
        let what = "is below 0, is of other items or machines, or has balances, services, ways or \
                    budgets in its prices";
        let remedy = "Price load, power, tiers and item moves of the same items";
        Err(Problem::new("GLN-547", "ceiling", what, remedy).into())
    }
}

/// One ceiling at work.
#[derive(Debug, Clone)]
struct Metered {
    ceiling: Ceiling,
    load: Load,
    power: PowerCost,
    tiers: Tiers,
    cost: i64,
}

impl Metered {
    fn at_start(ceiling: &Ceiling) -> Self {
        let prices = &*ceiling.prices;
        let (load, tiers) = (Load::at_start(prices), Tiers::at_start(prices));
        let power = PowerCost::at_start(prices);
        let cost = load.total(prices) + power.total(prices) + tiers.total(prices);
        Self { ceiling: ceiling.clone(), load, power, tiers, cost }
    }

    /// Change of the cost by one shift; an item that is nowhere is not moved.
    fn shift_delta(&self, shift: Shift) -> i64 {
        let prices = &*self.ceiling.prices;
        let mut delta = self.load.shift_delta(prices, shift);
        if !prices.power.is_empty() {
            delta += self.power.shift_delta(prices, shift);
        }
        if !prices.tiers.is_empty() {
            delta += self.tiers.shift_delta(prices, shift);
        }
        delta + moved(prices, shift)
    }

    fn swap_delta(&self, swap: Swap) -> i64 {
        let prices = &*self.ceiling.prices;
        let mut delta = self.load.swap_delta(prices, swap);
        if !prices.power.is_empty() {
            delta += self.power.swap_delta(prices, swap);
        }
        if !prices.tiers.is_empty() {
            delta += self.tiers.swap_delta(prices, swap);
        }
        delta + swap.shifts().iter().map(|&shift| moved(prices, shift)).sum::<i64>()
    }

    fn delta(&self, shifts: &[Shift]) -> i64 {
        match *shifts {
            [shift] => self.shift_delta(shift),
            [a, b] if (a.from, a.to) == (b.to, b.from) => self.swap_delta(Swap {
                first: a.item,
                first_on: a.from,
                second: b.item,
                second_on: b.from,
            }),
            _ => {
                let mut after = self.clone();
                shifts.iter().for_each(|&shift| after.apply(shift));
                after.cost - self.cost
            }
        }
    }

    fn apply(&mut self, shift: Shift) {
        self.cost += self.shift_delta(shift);
        let prices = &*self.ceiling.prices;
        self.load.apply(prices, shift);
        if !prices.power.is_empty() {
            self.power.apply(prices, shift);
        }
        if !prices.tiers.is_empty() {
            self.tiers.apply(prices, shift);
        }
    }
}

/// What `shift` adds to the costs of moves.
fn moved(prices: &Instance, shift: Shift) -> i64 {
    let home = prices.start[shift.item as usize];
    let is_moved = |machine: u32| i64::from(machine != home && machine != prices.nowhere());
    let cost = prices.weights.item * prices.items.move_cost[shift.item as usize];
    (is_moved(shift.to) - is_moved(shift.from)) * cost
}

/// All ceilings.
#[derive(Debug, Clone)]
pub(super) struct Ceilings {
    all: Vec<Metered>,
}

impl Ceilings {
    pub(super) fn at_start(instance: &Instance) -> Option<Self> {
        let all: Vec<Metered> = instance.budgets.ceilings.iter().map(Metered::at_start).collect();
        (!all.is_empty()).then_some(Self { all })
    }
}

impl Kind for Ceilings {
    fn change(&self, _: &Instance, shifts: &[Shift]) -> i64 {
        let of = |one: &Metered| {
            let most = one.ceiling.most;
            above(one.cost + one.delta(shifts), most) - above(one.cost, most)
        };
        self.all.iter().map(of).sum()
    }

    fn apply(&mut self, _: &Instance, shift: Shift) {
        self.all.iter_mut().for_each(|one| one.apply(shift));
    }

    fn violations(&self) -> i64 {
        self.all.iter().map(|one| above(one.cost, one.ceiling.most)).sum()
    }

    fn copied(&self) -> Box<dyn Kind> {
        Box::new(self.clone())
    }
}
