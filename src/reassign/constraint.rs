//! The rules that an operator may add: the catalogue of placement constraints of BtrPlace, over
//! machines and items.
//!
//! | what is bound | constraints |
//! |---|---|
//! | items with items | spread, gather, lonely, split, split-among, among |
//! | items with machines | ban, fence, root, quarantine, offline |
//! | capacity | preserve, overbook, running-capacity, resource-capacity, max-online |
//!
//! How far the moves of a plan may go is in [`Budgets`](super::Budgets). What each asks, and how a
//! change is judged, is told in its file of `rules/`.
//!
//! Source: F. Hermenier, J. Lawall and G. Muller, "BtrPlace: a flexible consolidation manager for
//! highly available applications", IEEE Transactions on Dependable and Secure Computing 10(5),
//! 2013; names as in the catalogue of the btrplace scheduler.

use serde::{Deserialize, Serialize};

use super::instance::Instance;
use crate::problem::Problem;

/// One rule of an operator. Items, machines and resources are named by their index.
///
/// ```
/// use galerna::reassign::Constraint;
///
/// let text = r#"{"kind": "fence", "items": [0, 1], "machines": [4]}"#;
/// let fence: Constraint = serde_json::from_str(text)?;
/// assert_eq!(fence, Constraint::Fence { items: vec![0, 1], machines: vec![4] });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Constraint {
    /// No two of the items share a machine.
    Spread {
        /// The items.
        items: Vec<u32>,
    },
    /// All items are on one machine.
    Gather {
        /// The items.
        items: Vec<u32>,
    },
    /// The items share machines with one another only.
    Lonely {
        /// The items.
        items: Vec<u32>,
    },
    /// Items of different sets never share a machine.
    Split {
        /// Sets without a common item.
        sets: Vec<Vec<u32>>,
    },
    /// Each set is inside one group of machines, and no two sets in the same.
    SplitAmong {
        /// Sets of items without a common item.
        sets: Vec<Vec<u32>>,
        /// Groups of machines without a common machine.
        groups: Vec<Vec<u32>>,
    },
    /// All items are inside one of the groups of machines.
    Among {
        /// The items.
        items: Vec<u32>,
        /// Groups of machines without a common machine.
        groups: Vec<Vec<u32>>,
    },
    /// None of the items is on any of the machines.
    Ban {
        /// The items.
        items: Vec<u32>,
        /// The machines.
        machines: Vec<u32>,
    },
    /// Each of the items is on one of the machines.
    Fence {
        /// The items.
        items: Vec<u32>,
        /// The machines.
        machines: Vec<u32>,
    },
    /// The items stay where they are.
    Root {
        /// The items.
        items: Vec<u32>,
    },
    /// Nothing leaves the machines, nothing comes.
    Quarantine {
        /// The machines.
        machines: Vec<u32>,
    },
    /// Nothing is on the machines.
    Offline {
        /// The machines.
        machines: Vec<u32>,
    },
    /// Each of the items is given at least so much of a resource.
    Preserve {
        /// The items.
        items: Vec<u32>,
        /// The resource.
        resource: usize,
        /// The least amount, in the resource's unit, at least 0.
        amount: i64,
    },
    /// The machines may be filled to so many per cent of what they have of a resource.
    Overbook {
        /// The machines.
        machines: Vec<u32>,
        /// The resource.
        resource: usize,
        /// Part of the capacity that may be used, in per cent, at least 0; above 100 overbooks.
        percent: i64,
    },
    /// The machines hold at most so many items together.
    RunningCapacity {
        /// The machines.
        machines: Vec<u32>,
        /// The largest number of items.
        most: i64,
    },
    /// Of a resource, the machines use at most so much together.
    ResourceCapacity {
        /// The machines.
        machines: Vec<u32>,
        /// The resource.
        resource: usize,
        /// The largest amount, in the resource's unit.
        most: i64,
    },
    /// Of the machines, at most so many hold anything.
    MaxOnline {
        /// The machines.
        machines: Vec<u32>,
        /// The largest number of machines.
        most: i64,
    },
}

impl Constraint {
    /// Its name in files and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Spread { .. } => "spread",
            Self::Gather { .. } => "gather",
            Self::Lonely { .. } => "lonely",
            Self::Split { .. } => "split",
            Self::SplitAmong { .. } => "split-among",
            Self::Among { .. } => "among",
            Self::Ban { .. } => "ban",
            Self::Fence { .. } => "fence",
            Self::Root { .. } => "root",
            Self::Quarantine { .. } => "quarantine",
            Self::Offline { .. } => "offline",
            Self::Preserve { .. } => "preserve",
            Self::Overbook { .. } => "overbook",
            Self::RunningCapacity { .. } => "running-capacity",
            Self::ResourceCapacity { .. } => "resource-capacity",
            Self::MaxOnline { .. } => "max-online",
        }
    }

    /// The items that it names, set by set.
    pub(super) fn sets(&self) -> Vec<&[u32]> {
        match self {
            Self::Spread { items }
            | Self::Gather { items }
            | Self::Lonely { items }
            | Self::Among { items, .. }
            | Self::Ban { items, .. }
            | Self::Fence { items, .. }
            | Self::Root { items }
            | Self::Preserve { items, .. } => vec![items],
            Self::Split { sets } | Self::SplitAmong { sets, .. } => {
                sets.iter().map(Vec::as_slice).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The machines that it names, group by group.
    pub(super) fn groups(&self) -> Vec<&[u32]> {
        match self {
            Self::Ban { machines, .. }
            | Self::Fence { machines, .. }
            | Self::Quarantine { machines }
            | Self::Offline { machines }
            | Self::Overbook { machines, .. }
            | Self::RunningCapacity { machines, .. }
            | Self::ResourceCapacity { machines, .. }
            | Self::MaxOnline { machines, .. } => vec![machines],
            Self::SplitAmong { groups, .. } | Self::Among { groups, .. } => {
                groups.iter().map(Vec::as_slice).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What is wrong with it, as constraint number `at` of `instance`.
    pub(super) fn problems(&self, instance: &Instance, at: usize) -> Vec<Problem> {
        let place = format!("constraint {at} ({})", self.name());
        let mut found = Vec::new();
        let mut say = |code, what: String, remedy| {
            found.push(Problem::new(code, place.clone(), what, remedy));
        };
        for (kind, lists, count) in [
            ("item", self.sets(), instance.item_count()),
            ("machine", self.groups(), instance.machine_count()),
        ] {
            let mut named = vec![false; count];
            for &index in lists.iter().copied().flatten() {
                let seen = named.get_mut(index as usize);
                match seen.map(|seen| std::mem::replace(seen, true)) {
                    None => say(
                        "GLN-543",
                        format!("names {kind} {index}, there are {count}"),
                        "Name only what is there; indices begin at 0",
                    ),
                    Some(true) => say(
                        "GLN-547",
                        format!("names {kind} {index} twice"),
                        "Name it once, in one set or group",
                    ),
                    Some(false) => {}
                }
            }
        }
        let (resource, least) = match *self {
            Self::Preserve { resource, amount, .. } => (resource, amount),
            Self::Overbook { resource, percent, .. } => (resource, percent),
            Self::ResourceCapacity { resource, most, .. } => (resource, most),
            Self::RunningCapacity { most, .. } | Self::MaxOnline { most, .. } => (0, most),
            _ => return found,
        };
        if resource >= instance.resources().max(1) {
            let what = format!("names resource {resource}, there are {}", instance.resources());
            say("GLN-543", what, "Name only what is there; indices begin at 0");
        }
        if least < 0 {
            say("GLN-547", format!("has the limit {least}"), "Write a number that is at least 0");
        }
        found
    }
}
