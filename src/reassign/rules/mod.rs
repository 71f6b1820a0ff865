//! The operator's rules at work: how many violations there are, and what a change does to them.
//!
//! A violation is counted in whole numbers: of things (items on a machine too many), or of
//! thousandths of a limit, rounded up. A rule holds when it has none. A change is allowed when it
//! adds none to any kind of rule; so what is broken at the start may stay as it is or get better,
//! and a repair knows where to go. Each kind is a file:
//!
//! | kind | files |
//! |---|---|
//! | items with items | `spread`, `gather`, `lonely`, `split`, `split_among`, `among` |
//! | items with machines | `permit`: `ban`, `fence`, `root`, `quarantine`, `offline` |
//! | capacity | `preserve`, `overbook`, `running_capacity`, `resource_capacity`, `max_online` |
//! | how far a plan may go | `move_budget`, `link_budget`, `ceiling` |
//!
//! An item that is taken out for a moment is nowhere and takes part in nothing.

mod among;
mod ban;
pub(super) mod ceiling;
mod cells;
mod fence;
mod gather;
mod link_budget;
mod lonely;
mod max_online;
mod members;
mod move_budget;
mod offline;
pub(super) mod overbook;
mod permit;
mod preserve;
mod quarantine;
mod resource_capacity;
mod root;
mod running_capacity;
mod split;
mod split_among;
mod spread;

pub(super) use permit::Permit;

use super::instance::Instance;
use super::step::Shift;

/// All rules of one kind.
pub(super) trait Kind: std::fmt::Debug + Send + Sync {
    /// By how much its violations change when shifts of different items, one or two, are made
    /// together.
    fn change(&self, instance: &Instance, shifts: &[Shift]) -> i64;

    /// Carries a shift out, allowed or not.
    fn apply(&mut self, instance: &Instance, shift: Shift);

    /// Violations now.
    fn violations(&self) -> i64;

    /// A copy.
    fn copied(&self) -> Box<dyn Kind>;
}

/// The kinds of rule that a problem has.
#[derive(Debug)]
pub(super) struct Catalogue {
    kinds: Vec<Box<dyn Kind>>,
}

impl Clone for Catalogue {
    fn clone(&self) -> Self {
        Self { kinds: self.kinds.iter().map(|kind| kind.copied()).collect() }
    }
}

/// `kind` as one of many.
fn boxed<K: Kind + 'static>(kind: Option<K>) -> Option<Box<dyn Kind>> {
    kind.map(|kind| Box::new(kind) as Box<dyn Kind>)
}

impl Catalogue {
    /// The rules of `instance`, with all items where they are at the start.
    pub(super) fn at_start(instance: &Instance) -> Self {
        let kinds = [
            boxed(Permit::at_start(instance)),
            boxed(spread::Spread::at_start(instance)),
            boxed(gather::Gather::at_start(instance)),
            boxed(lonely::Lonely::at_start(instance)),
            boxed(split::Split::at_start(instance)),
            boxed(split_among::SplitAmong::at_start(instance)),
            boxed(among::Among::at_start(instance)),
            boxed(preserve::Preserve::at_start(instance)),
            boxed(running_capacity::RunningCapacity::at_start(instance)),
            boxed(resource_capacity::ResourceCapacity::at_start(instance)),
            boxed(max_online::MaxOnline::at_start(instance)),
            boxed(move_budget::MoveBudget::at_start(instance)),
            boxed(link_budget::LinkBudget::at_start(instance)),
            boxed(ceiling::Ceilings::at_start(instance)),
        ];
        Self { kinds: kinds.into_iter().flatten().collect() }
    }

    /// Whether there is no rule.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether no kind of rule gets more violations.
    #[inline]
    pub(super) fn allows(&self, instance: &Instance, shifts: &[Shift]) -> bool {
        self.kinds.iter().all(|kind| kind.change(instance, shifts) <= 0)
    }

    /// By how much the violations of all kinds change.
    pub(super) fn change(&self, instance: &Instance, shifts: &[Shift]) -> i64 {
        self.kinds.iter().map(|kind| kind.change(instance, shifts)).sum()
    }

    pub(super) fn apply(&mut self, instance: &Instance, shift: Shift) {
        self.kinds.iter_mut().for_each(|kind| kind.apply(instance, shift));
    }

    /// Violations of all kinds.
    pub(super) fn violations(&self) -> i64 {
        self.kinds.iter().map(|kind| kind.violations()).sum()
    }
}

/// By how much an amount is above its limit, in thousandths of the limit, rounded up.
fn above(amount: i64, limit: i64) -> i64 {
    let over = amount.saturating_sub(limit).max(0);
    let parts = (i128::from(over) * 1000 + i128::from(limit.max(1)) - 1) / i128::from(limit.max(1));
    i64::try_from(parts).unwrap_or(i64::MAX / 16).min(i64::MAX / 16)
}

/// The starting places as shifts from nowhere, by which a rule counts up what is there.
fn arrivals(instance: &Instance) -> impl Iterator<Item = Shift> + '_ {
    let from = instance.nowhere();
    let items = instance.start.iter().enumerate();
    items.map(move |(item, &to)| Shift { item: item as u32, from, to })
}

/// Group of each machine, where it has one; nowhere comes last.
fn group_of_machines(groups: &[Vec<u32>], machines: usize) -> Vec<Option<u32>> {
    let mut group = vec![None; machines + 1];
    for (at, members) in groups.iter().enumerate() {
        members.iter().for_each(|&machine| group[machine as usize] = Some(at as u32));
    }
    group
}
