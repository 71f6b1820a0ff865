//! Which groups is an item in, and in which part of each?

use super::super::lists::Lists;
use super::super::step::Shift;

/// The groups of each item.
#[derive(Debug, Clone)]
pub(super) struct Members {
    /// Per item: its groups, ascending.
    groups: Lists,
    /// In the same places: its part of each group.
    parts: Lists,
}

impl Members {
    /// Groups that are lists of parts; an item is in one part of a group at most.
    pub(super) fn of(items: usize, groups: &[Vec<&[u32]>]) -> Self {
        let mut found = vec![Vec::new(); items];
        for (group, parts) in groups.iter().enumerate() {
            for (part, members) in parts.iter().enumerate() {
                members.iter().for_each(|&item| found[item as usize].push((group, part)));
            }
        }
        let (mut groups, mut parts) = (Lists::default(), Lists::default());
        for row in found {
            groups.push(row.iter().map(|&(group, _)| group as u32));
            parts.push(row.iter().map(|&(_, part)| part as u32));
        }
        Self { groups, parts }
    }

    /// Groups and parts of `item`.
    pub(super) fn row(&self, item: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.groups.row(item).iter().copied().zip(self.parts.row(item).iter().copied())
    }

    fn part(&self, item: u32, group: u32) -> Option<u32> {
        let at = self.groups.row(item).binary_search(&group).ok()?;
        Some(self.parts.row(item)[at])
    }

    /// The sum of `price` over the groups of which a member shifts: it is told the group, and the
    /// shifts of its members with their parts.
    pub(super) fn sum(
        &self,
        shifts: &[Shift],
        mut price: impl FnMut(u32, &[(Shift, u32)]) -> i64,
    ) -> i64 {
        let mut sum = 0;
        for (at, &shift) in shifts.iter().enumerate() {
            let other = shifts.get(1 - at.min(1)).copied().filter(|_| shifts.len() > 1);
            for (group, part) in self.row(shift.item) {
                let joint = other.and_then(|other| Some((other, self.part(other.item, group)?)));
                sum += match joint {
                    None => price(group, &[(shift, part)]),
                    Some(joint) if at == 0 => price(group, &[(shift, part), joint]),
                    Some(_) => 0,
                };
            }
        }
        sum
    }
}
