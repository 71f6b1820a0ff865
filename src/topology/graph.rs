//! Hosts, switches and links as a graph.

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::id::{HostId, Id, IdVec};
use crate::time::Span;
use crate::units::BytesPerSecond;

/// A directed link: its row among the links of a topology.
pub type LinkId = u32;

/// Where a node stands. Names are free; nodes of the same name stand together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Rack, the failure domain of one top-of-rack switch and one power feed.
    pub rack: Option<String>,
    /// Zone: racks that fail together.
    pub zone: Option<String>,
    /// Site: zones within a metropolitan distance.
    pub site: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A host, where flows begin and end.
    Host(HostId),
    /// A switch or router, which flows pass.
    Switch,
}

/// A host or a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Unique name.
    pub name: String,
    /// Host or switch.
    pub kind: NodeKind,
    /// Where it stands.
    pub place: Place,
}

/// One direction of a cable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// What it carries at most.
    pub capacity: BytesPerSecond,
    /// Time from end to end.
    pub latency: Span,
    /// Fraction of packets lost, in `[0, 1)`.
    pub loss: f64,
}

/// What two nodes are connected with: the same both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cable(pub Link);

impl Cable {
    /// A cable without latency and loss.
    pub fn of(capacity: BytesPerSecond) -> Self {
        Self(Link { capacity, latency: Span::ZERO, loss: 0.0 })
    }

    /// A cable of `mbit_s` megabits per second each way and `latency_us` microseconds.
    pub fn mbit(mbit_s: f64, latency_us: i64) -> Self {
        let capacity = BytesPerSecond(mbit_s * 1e6 / 8.0);
        Self(Link { capacity, latency: Span(latency_us), loss: 0.0 })
    }
}

/// Hosts, switches and the links between them.
#[derive(Debug, Clone, Default)]
pub struct Topology {
    graph: DiGraph<Node, Link>,
    hosts: IdVec<HostId, NodeIndex>,
}

impl Topology {
    /// Adds a host; hosts are numbered in the order in which they are added.
    pub fn add_host(&mut self, name: impl Into<String>, place: Place) -> usize {
        let host = HostId::from_index(self.hosts.len());
        let node = Node { name: name.into(), kind: NodeKind::Host(host), place };
        let index = self.graph.add_node(node);
        self.hosts.push(index);
        index.index()
    }

    /// Adds a switch.
    pub fn add_switch(&mut self, name: impl Into<String>, place: Place) -> usize {
        let node = Node { name: name.into(), kind: NodeKind::Switch, place };
        self.graph.add_node(node).index()
    }

    /// Connects the nodes `a` and `b`, which `add_host` and `add_switch` returned, both ways.
    pub fn connect(&mut self, a: usize, b: usize, cable: Cable) {
        self.connect_one_way(a, b, cable.0);
        self.connect_one_way(b, a, cable.0);
    }

    /// Adds a link from node `a` to node `b` only.
    pub fn connect_one_way(&mut self, a: usize, b: usize, link: Link) -> LinkId {
        self.graph.add_edge(NodeIndex::new(a), NodeIndex::new(b), link).index() as LinkId
    }

    /// How many hosts.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// How many links; a cable counts twice.
    pub fn links(&self) -> usize {
        self.graph.edge_count()
    }

    /// Every node, in the order in which they were added.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.graph.raw_nodes().iter().map(|node| &node.weight)
    }

    /// The node of `host`, or `None` where there is no such host.
    pub fn host(&self, host: HostId) -> Option<&Node> {
        self.hosts.as_slice().get(host.index()).map(|&node| &self.graph[node])
    }

    /// The link `id`. Panics where there is no such link.
    pub fn link(&self, id: LinkId) -> Link {
        self.graph[petgraph::graph::EdgeIndex::new(id as usize)]
    }

    /// `from -> to` of the link `id`, in names.
    pub fn link_name(&self, id: LinkId) -> String {
        let [from, to] = self.ends(id).map(|node| self.node(node).name.as_str());
        format!("{from} -> {to}")
    }

    /// The node `number`, in the order in which they were added.
    pub(super) fn node(&self, number: usize) -> &Node {
        &self.graph[NodeIndex::new(number)]
    }

    /// Tail and head of the link `id`.
    pub(super) fn ends(&self, id: LinkId) -> [usize; 2] {
        let ends = self.graph.edge_endpoints(petgraph::graph::EdgeIndex::new(id as usize));
        let (from, to) = ends.expect("the link is one of this topology");
        [from.index(), to.index()]
    }

    /// Capacity of every link in bytes per second, by [`LinkId`].
    pub fn capacities(&self) -> Vec<f64> {
        self.graph.edge_weights().map(|link| link.capacity.0).collect()
    }

    /// The node of `host` as a number, or `None`.
    pub(super) fn host_node(&self, host: HostId) -> Option<usize> {
        self.hosts.as_slice().get(host.index()).map(|node| node.index())
    }

    /// `(link, head)` of every link that leaves `node`, in the order in which they were added.
    pub(super) fn out(&self, node: usize) -> impl Iterator<Item = (LinkId, usize)> {
        self.edges(node, petgraph::Direction::Outgoing)
    }

    /// `(link, tail)` of every link that enters `node`, in the order in which they were added.
    pub(super) fn into(&self, node: usize) -> impl Iterator<Item = (LinkId, usize)> {
        self.edges(node, petgraph::Direction::Incoming)
    }

    fn edges(
        &self,
        node: usize,
        direction: petgraph::Direction,
    ) -> impl Iterator<Item = (LinkId, usize)> {
        let mut found: Vec<(LinkId, usize)> = self
            .graph
            .edges_directed(NodeIndex::new(node), direction)
            .map(|edge| {
                let outgoing = direction == petgraph::Direction::Outgoing;
                let other = if outgoing { edge.target() } else { edge.source() };
                (edge.id().index() as LinkId, other.index())
            })
            .collect();
        found.sort_unstable();
        found.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_is_two_links_and_hosts_are_numbered_in_order() {
        let mut topology = Topology::default();
        let a = topology.add_host("a", Place::default());
        let s = topology.add_switch("s", Place::default());
        let b = topology.add_host("b", Place::default());
        topology.connect(a, s, Cable::mbit(8.0, 5));
        topology.connect(s, b, Cable::mbit(16.0, 5));
        assert_eq!(topology.capacities(), [1e6, 1e6, 2e6, 2e6]);
        assert_eq!((topology.hosts(), topology.links()), (2, 4));
        assert_eq!(topology.host(HostId(1)).map(|node| node.name.as_str()), Some("b"));
        assert_eq!(topology.link_name(3), "b -> s");
        assert!(topology.host(HostId(2)).is_none());
    }
}
