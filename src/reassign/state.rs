//! An assignment under change: every rule and cost kept in step, so that one more shift or swap is
//! judged in time proportional to the number of resources.
//!
//! Here and nowhere else rules and costs are listed; a new one is a file and a line in each list.

use super::balance::Balances;
use super::capacity::Capacity;
use super::conflict::Conflict;
use super::dependency::Dependency;
use super::error::Error;
use super::instance::Instance;
use super::item_move::ItemMoves;
use super::load::Load;
use super::machine_move::MachineMoves;
use super::power::PowerCost;
use super::roster::Roster;
use super::rules::Catalogue;
use super::service_move::ServiceMoves;
use super::spread::Spread;
use super::step::{Cost, Rule, Shift, Swap};
use super::terms::Terms;
use super::tier::Tiers;
use crate::problem::Problem;

/// An assignment that keeps all rules, with its cost.
#[derive(Debug, Clone)]
pub struct State<'a> {
    instance: &'a Instance,
    roster: Roster,
    capacity: Capacity,
    conflict: Conflict,
    spread: Spread,
    dependency: Dependency,
    load: Load,
    balances: Balances,
    items: ItemMoves,
    services: ServiceMoves,
    machines: MachineMoves,
    power: PowerCost,
    tiers: Tiers,
    catalogue: Catalogue,
    /// Whether there are power costs or tiers.
    has_more_costs: bool,
    /// Whether there are rules of an operator or budgets.
    has_catalogue: bool,
    cost: i64,
}

impl<'a> State<'a> {
    /// The assignment with which everything begins.
    ///
    /// # Errors
    ///
    /// GLN-545 for each breach of a rule.
    pub fn at_start(instance: &'a Instance) -> Result<Self, Error> {
        let state = Self::as_it_is(instance);
        let mut breaches = state.broken_base();
        if state.violations() > 0 {
            breaches
                .push(format!("the rules of the operator have {} violations", state.violations()));
        }
        let remedy = "Start from an assignment that keeps all rules";
        let word = |what| Problem::new("GLN-545", "starting assignment", what, remedy);
        Error::unless(breaches.into_iter().map(word).collect(), state)
    }

    /// The assignment with which everything begins, whatever it breaks; a search repairs it first.
    pub fn as_it_is(instance: &'a Instance) -> Self {
        let catalogue = Catalogue::at_start(instance);
        let mut state = Self {
            instance,
            roster: Roster::at_start(instance),
            capacity: Capacity::at_start(instance),
            conflict: Conflict::at_start(instance),
            spread: Spread::at_start(instance),
            dependency: Dependency::at_start(instance),
            load: Load::at_start(instance),
            balances: Balances::at_start(instance),
            items: ItemMoves::default(),
            services: ServiceMoves::at_start(instance),
            machines: MachineMoves::default(),
            power: PowerCost::at_start(instance),
            tiers: Tiers::at_start(instance),
            has_more_costs: !instance.power.is_empty() || !instance.tiers.is_empty(),
            has_catalogue: !catalogue.is_empty(),
            catalogue,
            cost: 0,
        };
        state.cost = state.terms().total();
        state
    }

    /// What breaks capacity, conflict, spread and dependency, in words.
    fn broken_base(&self) -> Vec<String> {
        let rules: [&dyn Rule; 4] =
            [&self.capacity, &self.conflict, &self.spread, &self.dependency];
        rules.iter().flat_map(|rule| rule.breaches(self.instance)).collect()
    }

    /// The problem.
    pub fn instance(&self) -> &'a Instance {
        self.instance
    }

    /// The machine of each item.
    pub fn assignment(&self) -> &[u32] {
        self.roster.machines()
    }

    /// The items on `machine`, in no order.
    pub fn on(&self, machine: u32) -> &[u32] {
        self.roster.on(machine)
    }

    /// The items that are not on their first machine, in no order.
    pub fn away(&self) -> &[u32] {
        self.roster.away()
    }

    /// The machines that hold an item, in no order.
    pub fn open(&self) -> &[u32] {
        self.roster.open()
    }

    /// What is left of each resource on `machine`.
    pub fn room(&self, machine: u32) -> &[i64] {
        self.capacity.room(self.instance, machine)
    }

    /// Whether every rule holds.
    pub fn is_sound(&self) -> bool {
        self.violations() == 0 && self.broken_base().is_empty()
    }

    /// Violations of the operator's rules and budgets.
    pub fn violations(&self) -> i64 {
        if self.has_catalogue { self.catalogue.violations() } else { 0 }
    }

    /// Violations of the operator's rules, of capacities and of conflicts.
    pub(super) fn wrong(&self) -> i64 {
        let machines = 0..self.instance.machine_count() as u32;
        let excess = machines.map(|machine| self.capacity.excess(self.instance, machine, None));
        excess.sum::<i64>() + self.conflict.violations() + self.violations()
    }

    /// By how much `shift` changes [`Self::wrong`].
    pub(super) fn wrong_delta(&self, shift: Shift) -> i64 {
        let instance = self.instance;
        let excess: i64 = [shift.from, shift.to]
            .map(|machine| {
                self.capacity.excess(instance, machine, Some(shift))
                    - self.capacity.excess(instance, machine, None)
            })
            .iter()
            .sum();
        let rules = if self.has_catalogue { self.catalogue.change(instance, &[shift]) } else { 0 };
        excess + self.conflict.change(instance, shift) + rules
    }

    /// The weighted cost.
    pub fn cost(&self) -> i64 {
        self.cost
    }

    /// The cost by term, summed afresh.
    pub fn terms(&self) -> Terms {
        Terms {
            load: self.load.total(self.instance),
            balance: self.balances.total(self.instance),
            item_moves: self.items.total(self.instance),
            service_moves: self.services.total(self.instance),
            machine_moves: self.machines.total(self.instance),
            power: self.power.total(self.instance),
            tiers: self.tiers.total(self.instance),
        }
    }

    /// What `machine` adds to the cost of use above what all machines as one would cost.
    pub(super) fn avoidable(&self, machine: u32) -> i64 {
        self.load.avoidable(self.instance, machine)
            + self.balances.avoidable(self.instance, machine)
    }

    /// Change of the cost by `shift` if all rules allow it and it is at most `limit`.
    #[inline]
    pub fn shift_within(&self, shift: Shift, limit: i64) -> Option<i64> {
        let instance = self.instance;
        if !(self.capacity.allows_shift(instance, shift)
            && self.conflict.allows_shift(instance, shift))
        {
            return None;
        }
        let delta = self.shift_delta(shift);
        (delta <= limit
            && self.spread.allows_shift(instance, shift)
            && self.dependency.allows_shift(instance, shift)
            && (!self.has_catalogue || self.catalogue.allows(instance, &[shift])))
        .then_some(delta)
    }

    /// Change of the cost by `swap` if all rules allow it and it is at most `limit`.
    #[inline]
    pub fn swap_within(&self, swap: Swap, limit: i64) -> Option<i64> {
        let instance = self.instance;
        if !(self.capacity.allows_swap(instance, swap) && self.conflict.allows_swap(instance, swap))
        {
            return None;
        }
        let costs = self.costs();
        let delta = costs.0.swap_delta(instance, swap)
            + costs.1.swap_delta(instance, swap)
            + costs.2.swap_delta(instance, swap)
            + costs.3.swap_delta(instance, swap)
            + costs.4.swap_delta(instance, swap)
            + self.more_swap_delta(swap);
        (delta <= limit
            && self.spread.allows_swap(instance, swap)
            && self.dependency.allows_swap(instance, swap)
            && (!self.has_catalogue || self.catalogue.allows(instance, &swap.shifts())))
        .then_some(delta)
    }

    /// Change of the cost by `shift`, whether or not the rules allow it.
    #[inline]
    pub fn shift_delta(&self, shift: Shift) -> i64 {
        let (instance, costs) = (self.instance, self.costs());
        costs.0.shift_delta(instance, shift)
            + costs.1.shift_delta(instance, shift)
            + costs.2.shift_delta(instance, shift)
            + costs.3.shift_delta(instance, shift)
            + costs.4.shift_delta(instance, shift)
            + self.more_shift_delta(shift)
    }

    /// The part of the costs that the problem of the challenge does not have.
    #[inline]
    fn more_shift_delta(&self, shift: Shift) -> i64 {
        if !self.has_more_costs {
            return 0;
        }
        let power = if self.instance.power.is_empty() {
            0
        } else {
            self.power.shift_delta(self.instance, shift)
        };
        power + self.tiers.shift_delta(self.instance, shift)
    }

    #[inline]
    fn more_swap_delta(&self, swap: Swap) -> i64 {
        if !self.has_more_costs {
            return 0;
        }
        let power = if self.instance.power.is_empty() {
            0
        } else {
            self.power.swap_delta(self.instance, swap)
        };
        power + self.tiers.swap_delta(self.instance, swap)
    }

    #[inline]
    fn costs(&self) -> (&Load, &Balances, &ItemMoves, &ServiceMoves, &MachineMoves) {
        (&self.load, &self.balances, &self.items, &self.services, &self.machines)
    }

    /// Carries out a shift that changes the cost by `delta`, allowed or not.
    pub fn apply(&mut self, shift: Shift, delta: i64) {
        let instance = self.instance;
        let rules: [&mut dyn Rule; 4] =
            [&mut self.capacity, &mut self.conflict, &mut self.spread, &mut self.dependency];
        rules.into_iter().for_each(|rule| rule.apply(instance, shift));
        let costs: [&mut dyn Cost; 5] = [
            &mut self.load,
            &mut self.balances,
            &mut self.items,
            &mut self.services,
            &mut self.machines,
        ];
        costs.into_iter().for_each(|cost| cost.apply(instance, shift));
        if !instance.power.is_empty() {
            self.power.apply(instance, shift);
        }
        if !instance.tiers.is_empty() {
            self.tiers.apply(instance, shift);
        }
        if self.has_catalogue {
            self.catalogue.apply(instance, shift);
        }
        self.roster.apply(instance, shift);
        self.cost += delta;
    }

    /// Carries out a swap that changes the cost by `delta`.
    pub fn apply_swap(&mut self, swap: Swap, delta: i64) {
        let [first, second] = swap.shifts();
        self.apply(first, delta);
        self.apply(second, 0);
    }

    /// Whether there is room for an item and a group of the machine where it goes to change places.
    #[inline]
    pub fn fits_exchange(&self, single: Shift, group: &[u32]) -> bool {
        let Shift { item, from, to } = single;
        self.capacity.fits_instead(self.instance, to, &[item], group)
            && self.capacity.fits_instead(self.instance, from, group, &[item])
    }

    /// Whether there is room for `come` once `go` has left the machine where it goes, and for `go`.
    #[inline]
    pub(super) fn fits_displacement(&self, come: Shift, go: Shift) -> bool {
        self.capacity.fits_instead(self.instance, come.to, &[come.item], &[go.item])
            && self.capacity.allows_shift(self.instance, go)
    }

    /// Whether the rules hold at all that `shift`, already carried out, has touched.
    pub fn holds_after(&self, shift: Shift) -> bool {
        let rules: [&dyn Rule; 4] =
            [&self.capacity, &self.conflict, &self.spread, &self.dependency];
        rules.iter().all(|rule| rule.holds_after(self.instance, shift))
    }

    /// Makes this assignment the one given, which keeps all rules.
    pub fn become_like(&mut self, assignment: &[u32]) {
        for (item, &to) in assignment.iter().enumerate() {
            let from = self.roster.machines()[item];
            if from != to {
                let shift = Shift { item: item as u32, from, to };
                let delta = self.shift_delta(shift);
                self.apply(shift, delta);
            }
        }
    }
}
