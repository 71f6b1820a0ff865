//! What is left of a topology when switches and cables are out?
//!
//! A link works if its cable and both of its ends do. Hosts that reach each other over what works
//! are one part of the network; the largest part, of equal ones that with the first host, is where
//! users and managers are, and every other host is cut off.

use super::graph::NodeKind;
use super::{LinkId, Topology};
use crate::id::Id;

impl Topology {
    /// How many switches.
    pub fn switches(&self) -> usize {
        self.switch_nodes().count()
    }

    /// How many cables; cable `c` is the links `2 c` and `2 c + 1`.
    pub fn cables(&self) -> usize {
        self.links() / 2
    }

    /// Name of switch `number`, of those in the order in which they were added.
    pub fn switch_name(&self, number: usize) -> &str {
        let node = self.switch_nodes().nth(number);
        node.map_or("", |node| self.node(node).name.as_str())
    }

    /// The names of both ends of cable `number`.
    pub fn cable_names(&self, number: usize) -> [&str; 2] {
        self.cable_ends(number).map(|node| self.node(node).name.as_str())
    }

    /// The nodes at both ends of cable `number`, by their numbers.
    pub fn cable_ends(&self, number: usize) -> [usize; 2] {
        self.ends(2 * number as LinkId)
    }

    fn switch_nodes(&self) -> impl Iterator<Item = usize> {
        let nodes = self.nodes().enumerate();
        nodes.filter(|(_, node)| node.kind == NodeKind::Switch).map(|(number, _)| number)
    }

    /// Which links work, by [`LinkId`], where `switches` and `cables` say which of these do.
    pub fn working(&self, switches: &[bool], cables: &[bool]) -> Vec<bool> {
        let mut nodes = vec![true; self.nodes().len()];
        for (node, &works) in self.switch_nodes().zip(switches) {
            nodes[node] = works;
        }
        let works = |link: LinkId| {
            let ends = self.ends(link);
            cables[link as usize / 2] && ends.into_iter().all(|node| nodes[node])
        };
        (0..self.links() as LinkId).map(works).collect()
    }

    /// Which of the first `hosts` hosts are cut off, where `links` says which work.
    pub fn cut_off(&self, links: &[bool], hosts: usize) -> Vec<bool> {
        let parts = self.parts(links);
        let part_of = |host: usize| {
            let node = self.host_node(crate::id::HostId::from_index(host));
            node.map_or(usize::MAX, |node| parts[node])
        };
        let of: Vec<usize> = (0..hosts).map(part_of).collect();
        let mut sizes = vec![0_usize; self.nodes().len()];
        of.iter().filter(|&&part| part != usize::MAX).for_each(|&part| sizes[part] += 1);
        let largest = sizes.iter().max().copied().unwrap_or(0);
        let rest = of.iter().find(|&&part| sizes.get(part) == Some(&largest));
        of.iter().map(|part| Some(part) != rest).collect()
    }

    /// The part of the network in which each node is: the number of the first node there.
    fn parts(&self, links: &[bool]) -> Vec<usize> {
        let mut parts = vec![usize::MAX; self.nodes().len()];
        for first in 0..parts.len() {
            let mut reached = vec![first];
            while let Some(node) = reached.pop() {
                if parts[node] != usize::MAX {
                    continue;
                }
                parts[node] = first;
                let beyond = self.out(node).filter(|&(link, _)| links[link as usize]);
                reached.extend(beyond.map(|(_, head)| head));
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use crate::topology::{Cable, generate};

    /// A fat tree of k = 4: 4 core switches, then in each pod 2 of aggregation and 2 of the edge.
    /// Switch 6 is the first of the edge; cable 6 is that from it to the first host.
    #[test]
    fn a_switch_of_the_edge_cuts_off_its_hosts_and_one_of_the_core_nobody() {
        let tree = generate::fat_tree(4, Cable::mbit(1000.0, 10));
        assert_eq!((tree.switches(), tree.cables()), (20, 48));
        assert_eq!((tree.switch_name(0), tree.switch_name(6)), ("core0", "pod0-rack0-switch"));
        assert_eq!(tree.cable_names(6), ["pod0-rack0-host0", "pod0-rack0-switch"]);
        let without = |switches: &[usize], cables: &[usize], hosts: usize| {
            let [mut up, mut laid] = [vec![true; 20], vec![true; 48]];
            switches.iter().for_each(|&switch| up[switch] = false);
            cables.iter().for_each(|&cable| laid[cable] = false);
            let cut = tree.cut_off(&tree.working(&up, &laid), hosts);
            (0..hosts).filter(|&host| cut[host]).collect::<Vec<_>>()
        };
        assert!(without(&[0, 1, 2], &[], 16).is_empty(), "one core switch is enough");
        assert_eq!(without(&[6], &[], 16), [0, 1]);
        assert_eq!(without(&[], &[6], 16), [0]);
        assert_eq!(without(&[4, 5], &[], 16), [0, 1, 2, 3], "two racks, each for itself");
        // Without the core every pod is alone, and the first is the rest.
        assert_eq!(without(&[0, 1, 2, 3], &[], 8), [4, 5, 6, 7]);
        // Hosts that the fleet does not have count nowhere.
        assert_eq!(without(&[0, 1, 2, 3], &[], 5), [4]);
        assert_eq!(without(&[0, 1, 2, 3, 4, 5], &[], 6), [2, 3, 4, 5], "two and two and two");
    }
}
