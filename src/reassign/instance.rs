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

use serde::{Deserialize, Serialize};

use super::constraint::Constraint;
use super::error::Error;
use super::lists::Lists;
use super::power::Power;
use super::rules::ceiling::Ceiling;
use super::tier::Tier;
use crate::problem::Problem;

/// The machines, one column per property.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Machines {
    /// Neighbourhood of each.
    pub neighbourhood: Vec<u32>,
    /// Location of each.
    pub location: Vec<u32>,
    /// What it has of each resource.
    pub capacity: Vec<i64>,
    /// Use above which its load costs.
    pub safety: Vec<i64>,
    /// Cost of moving an item from one machine to another; empty where no way costs anything.
    pub move_cost: Vec<u32>,
}

/// The items, one column per property.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Items {
    /// Service of each.
    pub service: Vec<u32>,
    /// What it needs of each resource.
    pub demand: Vec<i64>,
    /// Cost of moving it anywhere.
    pub move_cost: Vec<i64>,
    /// Bytes that its move sends; empty where nothing limits them.
    pub bytes: Vec<i64>,
    /// Time that its move takes on links; empty where nothing limits it.
    pub link_time: Vec<i64>,
}

/// The services, one column per property.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MoveWeights {
    /// Of the cost of each moved item.
    pub item: i64,
    /// Of the largest number of moved items of one service.
    pub service: i64,
    /// Of the cost from machine to machine.
    pub machine: i64,
}

/// How far the moves of a plan may go; what is not given is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// Most items that are moved.
    pub moves: Option<i64>,
    /// Most bytes that are moved, in the unit of [`Items::bytes`].
    pub bytes: Option<i64>,
    /// Most time on links of all moves, in the unit of [`Items::link_time`].
    pub link_time: Option<i64>,
    /// Most time on the link into each machine; empty where it is not limited.
    pub ingress: Vec<i64>,
    /// Most time on the link out of each machine; empty where it is not limited.
    pub egress: Vec<i64>,
    /// Limits of what an assignment costs by other prices.
    #[serde(skip_deserializing)]
    pub ceilings: Vec<Ceiling>,
}

impl Budgets {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    fn need_link_time(&self) -> bool {
        self.link_time.is_some() || !self.ingress.is_empty() || !self.egress.is_empty()
    }
}

/// The whole problem.
///
/// What is empty costs and binds nothing: the problem of the challenge has no power, tiers, budgets
/// and constraints, a cluster of VMs mostly no balances and dependencies. All amounts are whole
/// numbers in units that whoever states the problem chooses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
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
    /// What machines cost that are on.
    pub power: Power,
    /// Costs of use besides that above the safety capacity.
    pub tiers: Vec<Tier>,
    /// How far moves may go.
    pub budgets: Budgets,
    /// The rules of the operator.
    pub constraints: Vec<Constraint>,
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
        if self.machines.move_cost.is_empty() || to as usize == self.machine_count() {
            return 0;
        }
        let at = from as usize * self.machine_count() + to as usize;
        i64::from(self.machines.move_cost[at])
    }

    /// The place of items that are taken out for a moment: behind the last machine.
    #[inline]
    pub(super) fn nowhere(&self) -> u32 {
        self.machine_count() as u32
    }

    /// Whether items may be taken out for a moment: no rule asks for their presence.
    pub(super) fn can_be_ruined(&self) -> bool {
        let alone = self.services.spread.iter().all(|&least| least < 2);
        alone && self.services.dependencies.has_no_values()
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

    /// Refuses columns of the wrong length, names of what is not there and limits below 0, all at
    /// once, and then numbers whose sums 64 bits might not hold.
    ///
    /// # Errors
    ///
    /// GLN-543, GLN-544 and GLN-547; `place` is what the problem is called in messages.
    pub fn check(&self, place: &str) -> Result<(), Error> {
        let mut problems = self.wrong_columns(place);
        let each = self.constraints.iter().enumerate();
        problems.extend(each.flat_map(|(at, constraint)| constraint.problems(self, at)));
        Error::unless(problems, ())?;
        self.budgets.ceilings.iter().try_for_each(|ceiling| ceiling.check(self))?;
        self.check_range(place)
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

    /// Columns that do not have one value for each machine or item, and names in them.
    fn wrong_columns(&self, place: &str) -> Vec<Problem> {
        let (machines, items, width) = (self.machine_count(), self.item_count(), self.resources());
        let (of_machines, of_items) = (&self.machines, &self.items);
        let lengths = [
            ("load weights", self.load_weight.len(), width, false),
            ("locations", of_machines.location.len(), machines, false),
            ("capacities", of_machines.capacity.len(), machines * width, false),
            ("safety capacities", of_machines.safety.len(), machines * width, false),
            ("ways", of_machines.move_cost.len(), machines * machines, true),
            ("demands", of_items.demand.len(), items * width, false),
            ("move costs", of_items.move_cost.len(), items, false),
            ("bytes", of_items.bytes.len(), items, self.budgets.bytes.is_none()),
            ("link times", of_items.link_time.len(), items, !self.budgets.need_link_time()),
            ("starting places", self.start.len(), items, false),
            ("idle costs", self.power.idle.len(), machines, true),
            ("power curves", self.power.curve.len(), machines, true),
            ("ingress budgets", self.budgets.ingress.len(), machines, true),
            ("egress budgets", self.budgets.egress.len(), machines, true),
        ];
        let tiers = self.tiers.iter().map(|t| ("thresholds", t.threshold.len(), machines, false));
        let wrong =
            lengths.into_iter().chain(tiers).filter(|&(_, found, expected, may_be_none)| {
                found != expected && !(may_be_none && found == 0)
            });
        let word = |(what, found, expected, _)| {
            let what = format!("has {found} {what}, expected {expected}");
            Problem::new("GLN-547", place, what, "Give one for each")
        };
        let names = [
            ("machine", self.start.iter().max().map(|&m| m as usize), machines),
            ("service", of_items.service.iter().max().map(|&s| s as usize), self.service_count()),
            ("power curve", self.power.curve.iter().max().map(|&c| c as usize), {
                self.power.curves.iter().filter(|curve| !curve.pieces.is_empty()).count()
            }),
            ("resource", (!self.power.is_empty()).then_some(self.power.resource), width),
            ("resource", self.tiers.iter().map(|tier| tier.resource).max(), width),
        ];
        let strange = names.into_iter().filter_map(|(kind, largest, count)| {
            let largest = largest.filter(|&largest| largest >= count)?;
            let what = format!("names {kind} {largest}, there are {count}");
            Some(Problem::new("GLN-543", place, what, "Name only what is there"))
        });
        wrong.map(word).chain(strange).collect()
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
        let power: i128 = self.power.idle.iter().map(|&idle| i128::from(idle)).sum();
        let metered = need.get(self.power.resource).copied().unwrap_or(0);
        let slopes = self.power.curves.iter().flat_map(|curve| &curve.pieces);
        let steepest = slopes.map(|piece| i128::from(piece.slope.abs())).max().unwrap_or(0);
        let tiers = self.tiers.iter().map(|tier| i128::from(tier.weight) * need[tier.resource]);
        load + power
            + metered * steepest * self.machine_count() as i128
            + tiers.sum::<i128>()
            + balance.sum::<i128>()
            + moved * i128::from(self.weights.item)
            + items * i128::from(farthest) * i128::from(self.weights.machine)
            + items * i128::from(self.weights.service)
    }
}
