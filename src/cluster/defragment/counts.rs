//! A cluster as counts: how many VMs of each flavour are where, and may leave.
//!
//! A *flavour* is cores and memory per node and the number of nodes. VMs of one flavour are the
//! same for every count here. A *place* is where one can be: a node, or all nodes of a host. Places
//! are named by their first node, nodes are numbered through all hosts of all clusters.

use super::super::numa::Cluster;

/// Cores of a fragment's measure.
pub const BLOCK: f64 = 16.0;

/// VMs that take the same of as many nodes, in one cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flavour {
    pub cluster: usize,
    /// Nodes that it takes.
    pub width: usize,
    /// Cores of each.
    pub cores: f64,
    /// Memory of each, MB.
    pub mb: f64,
    /// Movable VMs at each place, by the first node, as `(cluster, vm)` in the order of the source.
    pub at: Vec<(usize, Vec<usize>)>,
    /// First nodes of the places to which it may go.
    pub places: Vec<usize>,
}

/// All nodes and flavours.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Counts {
    /// Free cores of each node.
    pub cores: Vec<f64>,
    /// Free memory of each node, MB.
    pub mb: Vec<f64>,
    /// Cluster and host of each node, and its place on the host.
    pub owner: Vec<(usize, usize, usize)>,
    pub flavours: Vec<Flavour>,
}

/// VMs of a flavour go from place to place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub flavour: usize,
    pub from: usize,
    pub to: usize,
}

impl Counts {
    /// Counts of `clusters` as they are.
    pub fn of(clusters: &[Cluster]) -> Self {
        let mut counts = Self::default();
        for (at, cluster) in clusters.iter().enumerate() {
            counts.add(at, cluster);
        }
        counts
    }

    fn add(&mut self, at: usize, cluster: &Cluster) {
        let mut first = Vec::new();
        for (number, host) in cluster.hosts.iter().enumerate() {
            first.push(self.cores.len());
            for (place, node) in host.nodes.iter().enumerate() {
                self.cores.push(node.free_cores);
                self.mb.push(node.free_mb);
                self.owner.push((at, number, place));
            }
        }
        let known = self.flavours.len();
        for (number, vm) in cluster.vms.iter().enumerate().filter(|(_, vm)| vm.movable) {
            let Some(part) = vm.parts.first() else { continue };
            let width = vm.parts.len();
            let alike = vm.parts.iter().all(|p| (p.cores, p.mb) == (part.cores, part.mb));
            // A VM on some of several nodes, or on unlike parts, stays.
            if !alike || (width > 1 && width != cluster.hosts[vm.host].nodes.len()) {
                continue;
            }
            let place = first[vm.host] + if width == 1 { part.node } else { 0 };
            let same = |f: &Flavour| (f.width, f.cores, f.mb) == (width, part.cores, part.mb);
            let flavour = match self.flavours[known..].iter().position(same) {
                Some(old) => known + old,
                None => {
                    let places = places(cluster, &first, width);
                    let (cores, mb) = (part.cores, part.mb);
                    let at_places = Vec::new();
                    let new = Flavour { cluster: at, width, cores, mb, at: at_places, places };
                    self.flavours.push(new);
                    self.flavours.len() - 1
                }
            };
            let list = &mut self.flavours[flavour].at;
            match list.iter_mut().find(|(p, _)| *p == place) {
                Some((_, vms)) => vms.push(number),
                None => list.push((place, vec![number])),
            }
        }
    }

    /// Free blocks of all nodes.
    pub fn blocks(&self) -> f64 {
        self.cores.iter().map(|&free| blocks(free)).sum()
    }

    /// Whether a VM of `flavour` has room at `place`.
    pub fn fits(&self, flavour: usize, place: usize) -> bool {
        let flavour = &self.flavours[flavour];
        let nodes = place..place + flavour.width;
        nodes.clone().all(|n| self.cores[n] + 1e-9 >= flavour.cores)
            && nodes.clone().all(|n| self.mb[n] + 1e-6 >= flavour.mb)
    }

    /// Puts VMs of `flavour` to `place`, or takes them away where `times` is below 0.
    pub fn put(&mut self, flavour: usize, place: usize, times: f64) {
        let Flavour { width, cores, mb, .. } = self.flavours[flavour];
        for node in place..place + width {
            self.cores[node] -= times * cores;
            self.mb[node] -= times * mb;
        }
    }

    /// Carries out a step.
    pub fn apply(&mut self, step: Step) {
        self.put(step.flavour, step.from, -1.0);
        self.put(step.flavour, step.to, 1.0);
    }
}

/// Whole blocks in so many cores.
pub(super) fn blocks(free: f64) -> f64 {
    ((free + 1e-9) / BLOCK).floor()
}

/// Where VMs of so many nodes can be in `cluster`, whose hosts begin at the nodes `first`.
fn places(cluster: &Cluster, first: &[usize], width: usize) -> Vec<usize> {
    let hosts = cluster.hosts.iter().zip(first).filter(|(host, _)| host.receives);
    if width == 1 {
        hosts.flat_map(|(host, &first)| first..first + host.nodes.len()).collect()
    } else {
        hosts.filter(|(host, _)| host.nodes.len() == width).map(|(_, &first)| first).collect()
    }
}
