//! Which VMs of a lease share a host, and which never do: `together` and `apart` of its node-sets.
//!
//! ```text
//! together   all VMs of both sets are on one host;  of a set and itself: all of its VMs
//! apart      no VM of one is on a host with a VM of the other;  of a set and itself: no two are
//! ```
//!
//! Both hold in both directions, whichever set says so. Who is together with the same set is
//! together. VMs that are together are a block.

use super::lease::NodeSet;

/// The rules between the VMs of one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// The set of each VM.
    set_of: Vec<usize>,
    /// The block of each set whose VMs are together; sets of one block have the same number.
    block: Vec<Option<usize>>,
    /// Whether VMs of two sets are apart, row by row.
    apart: Vec<bool>,
}

/// Two sets, by position, that cannot be as they ask.
pub type Pair = (usize, usize);

impl Company {
    /// The rules between VMs of `sets`; none where there are none.
    pub fn of(sets: &[NodeSet]) -> Option<Self> {
        let free = |set: &NodeSet| set.part.together.is_empty() && set.part.apart.is_empty();
        if sets.iter().all(free) {
            return None;
        }
        let counts = sets.iter().enumerate();
        let set_of = counts.flat_map(|(row, set)| std::iter::repeat_n(row, set.count as usize));
        let (count, named) = (sets.len(), |name: &String| {
            sets.iter().position(|other| other.part.name.as_ref() == Some(name))
        });
        let (mut block, mut apart) = (vec![None; count], vec![false; count * count]);
        for (row, set) in sets.iter().enumerate() {
            for other in set.part.together.iter().filter_map(named) {
                let own = block[row].unwrap_or(row);
                let theirs = block[other].unwrap_or(other);
                (block[row], block[other]) = (Some(own), Some(own));
                block.iter_mut().filter(|of| **of == Some(theirs)).for_each(|of| *of = Some(own));
            }
            for other in set.part.apart.iter().filter_map(named) {
                (apart[row * count + other], apart[other * count + row]) = (true, true);
            }
        }
        Some(Self { set_of: set_of.collect(), block, apart })
    }

    fn sets(&self) -> usize {
        self.block.len()
    }

    /// Whether two VMs share a host.
    pub fn are_together(&self, a: usize, b: usize) -> bool {
        let block = |vm: usize| self.block[self.set_of[vm]];
        a != b && block(a).is_some() && block(a) == block(b)
    }

    /// Whether two VMs never share a host.
    pub fn are_apart(&self, a: usize, b: usize) -> bool {
        a != b && self.apart[self.set_of[a] * self.sets() + self.set_of[b]]
    }

    /// The VMs, those that are together in one block, by the first of each.
    pub fn blocks(&self) -> Vec<Vec<usize>> {
        let mut blocks: Vec<Vec<usize>> = Vec::new();
        for vm in 0..self.set_of.len() {
            match blocks.iter_mut().find(|block| self.are_together(block[0], vm)) {
                Some(block) => block.push(vm),
                None => blocks.push(vec![vm]),
            }
        }
        blocks
    }

    /// Two VMs that are not on `hosts` as they should be, one host for each VM.
    pub fn broken(&self, hosts: &[u32]) -> Option<(usize, usize)> {
        let pairs = (0..hosts.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
        pairs.into_iter().find(|&(a, b)| {
            let same = hosts[a] == hosts[b];
            (same && self.are_apart(a, b)) || (!same && self.are_together(a, b))
        })
    }

    /// Two sets that are to be together and apart.
    pub fn contradiction(&self) -> Option<Pair> {
        let vms = 0..self.set_of.len();
        let mut pairs = vms.clone().flat_map(|a| vms.clone().map(move |b| (a, b)));
        let pair = pairs.find(|&(a, b)| self.are_apart(a, b) && self.are_together(a, b))?;
        Some((self.set_of[pair.0], self.set_of[pair.1]))
    }

    /// Hosts that it takes at least, as so many blocks are each apart from all others: found by
    /// taking one after the other that is apart from all that are taken.
    pub fn least_hosts(&self) -> usize {
        let blocks = self.blocks();
        let apart =
            |a: &[usize], b: &[usize]| a.iter().any(|&a| b.iter().any(|&b| self.are_apart(a, b)));
        let mut taken: Vec<&Vec<usize>> = Vec::new();
        for block in &blocks {
            if taken.iter().all(|other| apart(block, other)) {
                taken.push(block);
            }
        }
        taken.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lease::RESOURCES;

    /// Sets by name, count, together and apart.
    pub fn sets(rows: &[(&str, u32, &str, &str)]) -> Vec<NodeSet> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let set = |&(name, count, together, apart): &(&str, u32, &str, &str)| {
            let mut set = NodeSet::new(count, [0; RESOURCES]);
            set.part.name = Some(name.to_owned());
            (set.part.together, set.part.apart) = (words(together), words(apart));
            set
        };
        rows.iter().map(set).collect()
    }

    /// Web servers 0 and 1 are apart; database 2 and cache 3 are together, as 4 is with 3.
    #[test]
    fn blocks_are_closed_and_pairs_hold_both_ways() {
        let rows = [("w", 2, "", "w"), ("d", 1, "c", ""), ("c", 1, "", ""), ("x", 1, "c", "w")];
        let company = Company::of(&sets(&rows)).expect("there are rules");
        assert_eq!(company.blocks(), [vec![0], vec![1], vec![2, 3, 4]]);
        assert!(company.are_apart(0, 1) && company.are_apart(1, 4) && company.are_apart(4, 0));
        assert!(!company.are_apart(0, 2) && company.are_together(4, 2));
        assert_eq!(company.broken(&[5, 6, 7, 7, 7]), None);
        assert_eq!(company.broken(&[5, 5, 7, 7, 7]), Some((0, 1)));
        assert_eq!(company.broken(&[5, 6, 8, 7, 7]), Some((2, 3)));
        assert_eq!(company.broken(&[5, 7, 7, 7, 7]), Some((1, 4)));
        assert_eq!((company.contradiction(), company.least_hosts()), (None, 3));
        assert_eq!(Company::of(&sets(&[("w", 2, "", "")])), None);
    }

    #[test]
    fn who_is_together_in_the_end_cannot_be_apart() {
        let rows = [("a", 1, "b", ""), ("b", 1, "c", ""), ("c", 1, "", "a")];
        let company = Company::of(&sets(&rows)).expect("there are rules");
        assert_eq!(company.contradiction(), Some((0, 2)));
        let alone = Company::of(&sets(&[("a", 2, "a", "a")])).expect("there are rules");
        assert_eq!(alone.contradiction(), Some((0, 0)));
        let one = Company::of(&sets(&[("a", 1, "a", "a")])).expect("there are rules");
        assert_eq!(one.contradiction(), None, "it has no other");
    }
}
