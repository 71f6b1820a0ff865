//! Which links does a flow pass?
//!
//! The path of least latency, fewest links among equals. Where several paths are equal, each pair
//! of hosts takes one of them by a hash of the pair, as equal-cost multi-path routing does (RFC
//! 2992), the same one every time as long as the same links work. What was found is kept: distances
//! per destination, paths per pair.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{LinkId, Topology};
use crate::id::HostId;

/// Paths through a topology, kept once found.
#[derive(Debug)]
pub struct Routes<'a> {
    topology: &'a Topology,
    /// Distance of every node to the host, as (microseconds, links).
    distances: BTreeMap<HostId, Vec<Distance>>,
    paths: BTreeMap<(HostId, HostId), Vec<LinkId>>,
    /// Which links work, by number; empty where all do.
    working: Vec<bool>,
}

type Distance = (i64, u32);

const UNREACHABLE: Distance = (i64::MAX, u32::MAX);

impl<'a> Routes<'a> {
    /// No path found yet.
    pub fn new(topology: &'a Topology) -> Self {
        let (distances, paths) = (BTreeMap::new(), BTreeMap::new());
        Self { topology, distances, paths, working: Vec::new() }
    }

    /// The topology.
    pub fn topology(&self) -> &'a Topology {
        self.topology
    }

    /// Only the links that are `working` are passed from now on.
    pub fn connect(&mut self, working: Vec<bool>) {
        self.working = working;
        self.distances.clear();
        self.paths.clear();
    }

    /// Whether all of `links` work.
    pub fn carry(&self, links: &[LinkId]) -> bool {
        links.iter().all(|&link| works(&self.working, link))
    }

    /// The links from `from` to `to` in order; empty when they are the same, `None` where there is
    /// no path or no such host.
    pub fn path(&mut self, from: HostId, to: HostId) -> Option<&[LinkId]> {
        if !self.paths.contains_key(&(from, to)) {
            let path = self.find(from, to)?;
            self.paths.insert((from, to), path);
        }
        self.paths.get(&(from, to)).map(Vec::as_slice)
    }

    fn find(&mut self, from: HostId, to: HostId) -> Option<Vec<LinkId>> {
        let mut node = self.topology.host_node(from)?;
        let end = self.topology.host_node(to)?;
        let (topology, working) = (self.topology, &self.working);
        let distances =
            self.distances.entry(to).or_insert_with(|| distances(topology, working, end));
        if distances[node] == UNREACHABLE {
            return None;
        }
        let mut path = Vec::with_capacity(distances[node].1 as usize);
        while node != end {
            let nearer: Vec<(LinkId, usize)> = topology
                .out(node)
                .filter(|&(link, head)| {
                    works(working, link)
                        && distances[head] != UNREACHABLE
                        && through(distances[head], topology, link) == distances[node]
                })
                .collect();
            let (link, head) = nearer[spread(from, to, path.len()) % nearer.len()];
            path.push(link);
            node = head;
        }
        Some(path)
    }
}

fn works(working: &[bool], link: LinkId) -> bool {
    working.get(link as usize).copied().unwrap_or(true)
}

fn through((latency, links): Distance, topology: &Topology, link: LinkId) -> Distance {
    (latency + topology.link(link).latency.0, links + 1)
}

/// A number that differs between pairs and hops (the finaliser of `SplitMix64`).
fn spread(from: HostId, to: HostId, hop: usize) -> usize {
    let mut z = (u64::from(from.0) << 32 | u64::from(to.0)) ^ ((hop as u64) << 60);
    for factor in [0xbf58_476d_1ce4_e5b9_u64, 0x94d0_49bb_1331_11eb] {
        z = (z ^ (z >> 29)).wrapping_mul(factor);
    }
    (z >> 33) as usize
}

/// Dijkstra's algorithm towards `end`.
fn distances(topology: &Topology, working: &[bool], end: usize) -> Vec<Distance> {
    let mut found = vec![UNREACHABLE; topology.nodes().len()];
    found[end] = (0, 0);
    let mut queue = BinaryHeap::from([Reverse(((0, 0), end))]);
    while let Some(Reverse((distance, node))) = queue.pop() {
        if distance > found[node] {
            continue;
        }
        for (link, tail) in topology.into(node).filter(|&(link, _)| works(working, link)) {
            let next = through(distance, topology, link);
            if next < found[tail] {
                found[tail] = next;
                queue.push(Reverse((next, tail)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Cable, Place, generate};

    /// A slow direct cable (100 us) against two quick ones (2 x 10 us) through a switch.
    #[test]
    fn latency_decides_before_the_number_of_links() {
        let mut topology = Topology::default();
        let a = topology.add_host("a", Place::default());
        let b = topology.add_host("b", Place::default());
        let s = topology.add_switch("s", Place::default());
        topology.add_host("alone", Place::default());
        topology.connect(a, b, Cable::mbit(1000.0, 100));
        topology.connect(a, s, Cable::mbit(1000.0, 10));
        topology.connect(s, b, Cable::mbit(1000.0, 10));
        let mut routes = Routes::new(&topology);
        assert_eq!(routes.path(HostId(0), HostId(1)), Some(&[2, 4][..]));
        assert_eq!(routes.path(HostId(1), HostId(1)), Some(&[][..]));
        assert_eq!(routes.path(HostId(0), HostId(2)), None, "a host without a cable");
        assert_eq!(routes.path(HostId(0), HostId(9)), None, "no such host");
    }

    /// Through the quick switch, then, without its first cable, over the slow one, then not at all.
    #[test]
    fn other_paths_are_taken_when_links_are_out() {
        let mut topology = Topology::default();
        let a = topology.add_host("a", Place::default());
        let b = topology.add_host("b", Place::default());
        let s = topology.add_switch("s", Place::default());
        topology.connect(a, b, Cable::mbit(1000.0, 100));
        topology.connect(a, s, Cable::mbit(1000.0, 10));
        topology.connect(s, b, Cable::mbit(1000.0, 10));
        let mut routes = Routes::new(&topology);
        let mut without = |cables: &[usize]| {
            let mut laid = vec![true; 3];
            cables.iter().for_each(|&cable| laid[cable] = false);
            routes.connect(topology.working(&[true], &laid));
            assert_eq!(routes.carry(&[2, 4]), !cables.contains(&1));
            routes.path(HostId(0), HostId(1)).map(<[LinkId]>::to_vec)
        };
        assert_eq!(without(&[]), Some(vec![2, 4]));
        assert_eq!(without(&[1]), Some(vec![0]));
        assert_eq!(without(&[0, 1]), None);
        assert_eq!(without(&[0]), Some(vec![2, 4]));
    }

    #[test]
    fn pairs_spread_over_equal_paths() {
        let tree = generate::fat_tree(8, Cable::mbit(1000.0, 10));
        let mut routes = Routes::new(&tree);
        let mut load = vec![0; tree.links()];
        for host in 0..64 {
            let path = routes.path(HostId(host), HostId(127 - host)).expect("connected");
            path.iter().for_each(|&link| load[link as usize] += 1);
        }
        assert!(load.iter().max() <= Some(&6), "{:?}", load.iter().max());
        assert!(load.iter().filter(|&&flows| flows > 0).count() > 6 * 40);
    }
}
