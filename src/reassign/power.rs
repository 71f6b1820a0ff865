//! Power: a machine costs something as soon as it holds an item, and more the more it is used.
//!
//! ```text
//! cost = sum over machines m with an item of idle(m) + curve(m, used(m))
//! curve(m, u) = base + slope * (u - from) of the last piece with from <= u
//! ```
//!
//! `used`: use of the metered resource. A curve is a piecewise linear function that is 0 at 0: one
//! piece for a machine whose draw is proportional, ten for a measured table. All are whole numbers
//! in a unit of cost that whoever states the problem chooses, so that sums are exact.
//!
//! Source: the idle share as what consolidation saves: Fan, Weber and Barroso, ISCA 2007; tables in
//! steps of 10 % are those of SPECpower_ssj2008.

use serde::{Deserialize, Serialize};

use super::instance::Instance;
use super::step::{Cost, Shift, Swap};

/// From a use on, what one more unit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Use at which it begins.
    pub from: i64,
    /// Cost there.
    pub base: i64,
    /// Cost of one more unit of use.
    pub slope: i64,
}

/// Cost of use: pieces by ascending `from`, of which the first begins at 0 and costs 0 there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curve {
    /// The pieces, at least one.
    pub pieces: Vec<Piece>,
}

impl Curve {
    /// Every unit of use costs the same.
    pub fn linear(slope: i64) -> Self {
        Self { pieces: vec![Piece { from: 0, base: 0, slope }] }
    }

    /// Through `values` at 0, `step`, 2 `step` and so on, of which the first is taken off all; the
    /// last piece goes on. Slopes are rounded down to whole units of cost per unit of use.
    ///
    /// ```
    /// use galerna::reassign::Curve;
    ///
    /// let curve = Curve::through(&[90, 100, 140], 10);
    /// assert_eq!([0, 5, 10, 15, 20].map(|used| curve.at(used)), [0, 5, 10, 30, 50]);
    /// ```
    pub fn through(values: &[i64], step: i64) -> Self {
        let first = values.first().copied().unwrap_or(0);
        let pieces = values.windows(2).enumerate().map(|(at, pair)| Piece {
            from: at as i64 * step,
            base: pair[0] - first,
            slope: (pair[1] - pair[0]) / step.max(1),
        });
        let pieces: Vec<Piece> = pieces.collect();
        if pieces.is_empty() { Self::linear(0) } else { Self { pieces } }
    }

    /// Cost of using so much.
    #[inline]
    pub fn at(&self, used: i64) -> i64 {
        let last = self.pieces.iter().rev().find(|piece| piece.from <= used);
        let piece = last.unwrap_or(&self.pieces[0]);
        piece.base + piece.slope * (used - piece.from)
    }
}

/// What machines cost that are on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Power {
    /// The resource whose use is metered.
    pub resource: usize,
    /// Cost of each machine as soon as it holds an item; empty where nothing can be switched off.
    pub idle: Vec<i64>,
    /// Curve of each machine; empty where use costs nothing.
    pub curve: Vec<u32>,
    /// The curves.
    pub curves: Vec<Curve>,
}

impl Power {
    /// Whether nothing is metered.
    pub fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.curve.is_empty()
    }
}

/// Items and use of each machine, and the cost of all.
#[derive(Debug, Clone)]
pub(super) struct PowerCost {
    items: Vec<u32>,
    used: Vec<i64>,
    cost: i64,
}

impl PowerCost {
    pub(super) fn at_start(instance: &Instance) -> Self {
        let machines = instance.machine_count() + 1;
        let mut power = Self { items: vec![0; machines], used: vec![0; machines], cost: 0 };
        if instance.power.is_empty() {
            return power;
        }
        for (item, &machine) in instance.start.iter().enumerate() {
            power.items[machine as usize] += 1;
            power.used[machine as usize] += need(instance, item as u32);
        }
        let each = |m: u32| price(instance, m, power.items[m as usize], power.used[m as usize]);
        power.cost = (0..instance.machine_count() as u32).map(each).sum();
        power
    }

    /// Change of the cost of `machine` by so many items and so much use.
    #[inline]
    fn change(&self, instance: &Instance, machine: u32, items: i32, used: i64) -> i64 {
        let (n, u) = (self.items[machine as usize], self.used[machine as usize]);
        price(instance, machine, n.wrapping_add_signed(items), u + used)
            - price(instance, machine, n, u)
    }
}

/// What `item` needs of the metered resource.
#[inline]
fn need(instance: &Instance, item: u32) -> i64 {
    instance.demand(item)[instance.power.resource]
}

/// What `machine` costs with so many items that use so much; nowhere costs nothing.
#[inline]
fn price(instance: &Instance, machine: u32, items: u32, used: i64) -> i64 {
    if items == 0 || machine as usize == instance.machine_count() {
        return 0;
    }
    let power = &instance.power;
    let idle = power.idle.get(machine as usize).copied().unwrap_or(0);
    let curve = power.curve.get(machine as usize);
    idle + curve.map_or(0, |&curve| power.curves[curve as usize].at(used))
}

impl Cost for PowerCost {
    #[inline]
    fn shift_delta(&self, instance: &Instance, shift: Shift) -> i64 {
        let need = need(instance, shift.item);
        self.change(instance, shift.from, -1, -need) + self.change(instance, shift.to, 1, need)
    }

    #[inline]
    fn swap_delta(&self, instance: &Instance, swap: Swap) -> i64 {
        let more = need(instance, swap.second) - need(instance, swap.first);
        self.change(instance, swap.first_on, 0, more)
            + self.change(instance, swap.second_on, 0, -more)
    }

    fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.cost += self.shift_delta(instance, shift);
        let need = need(instance, shift.item);
        self.items[shift.from as usize] -= 1;
        self.items[shift.to as usize] += 1;
        self.used[shift.from as usize] -= need;
        self.used[shift.to as usize] += need;
    }

    fn total(&self, _: &Instance) -> i64 {
        self.cost
    }
}
