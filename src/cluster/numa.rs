//! Hosts of several NUMA nodes, and VMs that take cores and memory of one node or of all.

/// One NUMA node of a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Its cores.
    pub cores: f64,
    /// Cores that nobody has.
    pub free_cores: f64,
    /// Memory that nobody has, MB.
    pub free_mb: f64,
}

/// A host.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Whether VMs may come to it.
    pub receives: bool,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Their numbers in the source.
    pub numbers: Vec<u32>,
}

/// What a VM takes of one node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The node, by its place in [`Host::nodes`].
    pub node: usize,
    /// Cores.
    pub cores: f64,
    /// Memory, MB.
    pub mb: f64,
}

/// A VM.
#[derive(Debug, Clone, PartialEq)]
pub struct Vm {
    /// Its name.
    pub name: String,
    /// Its host, by its place in [`Cluster::hosts`].
    pub host: usize,
    /// What it takes, one part per node.
    pub parts: Vec<Part>,
    /// Whether it may move.
    pub movable: bool,
}

/// Hosts between which VMs may move.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// Its VMs.
    pub vms: Vec<Vm>,
}
