//! What is to be decided? Items on machines, what each needs and has, which rules bind them and
//! what it costs, as columns.
//!
//! | column | place of a value |
//! |---|---|
//! | demand of an item, (safety) capacity of a machine | row times resources + resource |
//! | cost of moving from machine to machine | from times machines + to |
//! | everything else | the item, machine or service |
//!
//! A machine is a host, an item a VM or process, a service a set of items that serve together.
//! Every machine lies in one location and one neighbourhood.
//!
//! Source: ROADEF/EURO challenge 2012, machine reassignment problem (Google).

use super::error::Error;
use super::lists::Lists;
use crate::problem::Problem;

/// The machines, one column per property.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machines {
    /// Neighbourhood of each.
    pub neighbourhood: Vec<u32>,
    /// Location of each.
    pub location: Vec<u32>,
    /// What it has of each resource.
    pub capacity: Vec<i64>,
    /// Use above which its load costs.
    pub safety: Vec<i64>,
    /// Cost of moving an item from one machine to another.
    pub move_cost: Vec<u32>,
}

/// The items, one column per property.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Items {
    /// Service of each.
    pub service: Vec<u32>,
    /// What it needs of each resource.
    pub demand: Vec<i64>,
    /// Cost of moving it anywhere.
    pub move_cost: Vec<i64>,
}

/// The services, one column per property.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Services {
    /// Least number of distinct locations of its items.
    pub spread: Vec<u32>,
    /// Services of which one item must run in every neighbourhood where this one runs.
    pub dependencies: Lists,
}

/// A wish that what is left of two resources keeps a proportion.
///
/// ```text
/// cost = weight * max(0, target * left(first) - left(second))
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Resource of which little is wanted to be left.
    pub first: usize,
    /// Resource of which `target` times as much is wanted.
    pub second: usize,
    /// Proportion wanted, at least 0.
    pub target: i64,
    /// Cost of one missing unit, at least 0.
    pub weight: i64,
}

/// What the three kinds of move cost count for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MoveWeights {
    /// Of the cost of each moved item.
    pub item: i64,
    /// Of the largest number of moved items of one service.
    pub service: i64,
    /// Of the cost from machine to machine.
    pub machine: i64,
}

/// The whole problem.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instance {
    /// Per resource: whether an item that moves keeps what it has on its first machine as well.
    pub transient: Vec<bool>,
    /// Per resource: cost of one unit of use above the safety capacity.
    pub load_weight: Vec<i64>,
    /// The machines.
    pub machines: Machines,
    /// The items.
    pub items: Items,
    /// The services.
    pub services: Services,
    /// The proportions that are wanted.
    pub balances: Vec<Balance>,
    /// Weights of the move costs.
    pub weights: MoveWeights,
    /// Where each item is now.
    pub start: Vec<u32>,
}

impl Instance {
    /// How many resources there are.
    pub fn resources(&self) -> usize {
        self.transient.len()
    }

    /// How many machines there are.
    pub fn machine_count(&self) -> usize {
        self.machines.neighbourhood.len()
    }

    /// How many items there are.
    pub fn item_count(&self) -> usize {
        self.items.service.len()
    }

    /// How many services there are.
    pub fn service_count(&self) -> usize {
        self.services.spread.len()
    }

    /// What `item` needs of each resource.
    #[inline]
    pub fn demand(&self, item: u32) -> &[i64] {
        let width = self.resources();
        &self.items.demand[item as usize * width..][..width]
    }

    /// The row of `machine` in a column of one value per machine and resource.
    #[inline]
    pub fn row(&self, machine: u32) -> std::ops::Range<usize> {
        let width = self.resources();
        machine as usize * width..(machine as usize + 1) * width
    }

    /// Cost of moving an item between two machines, before its weight.
    #[inline]
    pub fn machine_move_cost(&self, from: u32, to: u32) -> i64 {
        let at = from as usize * self.machine_count() + to as usize;
        i64::from(self.machines.move_cost[at])
    }

    /// Use of each machine and resource by the items where they are now.
    pub fn use_at_start(&self) -> Vec<i64> {
        let mut used = vec![0; self.machines.capacity.len()];
        for (item, &machine) in self.start.iter().enumerate() {
            for (sum, need) in used[self.row(machine)].iter_mut().zip(self.demand(item as u32)) {
                *sum += need;
            }
        }
        used
    }

    /// Refuses numbers whose sums 64 bits might not hold.
    ///
    /// # Errors
    ///
    /// GLN-544 when the largest conceivable cost exceeds a quarter of what 64 bits hold.
    pub fn check_range(&self, place: &str) -> Result<(), Error> {
        let largest = self.largest_cost();
        if largest <= i128::from(i64::MAX / 4) {
            return Ok(());
        }
        let what = format!("costs may reach {largest}, more than can be added exactly");
        let remedy = "Measure resources or costs in a larger unit";
        Err(Problem::new("GLN-544", place, what, remedy).into())
    }

    /// More than any assignment can cost.
    fn largest_cost(&self) -> i128 {
        let sum = |column: &[i64], resource| -> i128 {
            column.iter().skip(resource).step_by(self.resources()).map(|&v| i128::from(v)).sum()
        };
        let need: Vec<i128> = (0..self.resources()).map(|r| sum(&self.items.demand, r)).collect();
        let have: Vec<i128> =
            (0..self.resources()).map(|r| sum(&self.machines.capacity, r)).collect();
        let load: i128 =
            need.iter().zip(&self.load_weight).map(|(need, &w)| need * i128::from(w)).sum();
        let reach = |r: usize| have[r] + need[r];
        let balance = self.balances.iter().map(|b| {
            (i128::from(b.target) * reach(b.first) + reach(b.second)) * (1 + i128::from(b.weight))
        });
        let moved: i128 = self.items.move_cost.iter().map(|&cost| i128::from(cost)).sum();
        let farthest = self.machines.move_cost.iter().copied().max().unwrap_or(0);
        let items = self.item_count() as i128;
        load + balance.sum::<i128>()
            + moved * i128::from(self.weights.item)
            + items * i128::from(farthest) * i128::from(self.weights.machine)
            + items * i128::from(self.weights.service)
    }
}
