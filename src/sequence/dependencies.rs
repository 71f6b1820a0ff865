//! Which move has to wait for which?
//!
//! ```text
//! i -> j : j may begin only when i is over
//! ```
//!
//! Either because the instance says so, or because the destination of `j` has no room for it unless
//! `i` leaves: `free + all departures - i < j`. Moves that wait for each other in a circle cannot
//! be carried out as they are.

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Instance, Move};
use crate::id::Id;

/// The graph of moves that have to wait; nodes are numbered as the moves.
pub fn dependencies(instance: &Instance) -> DiGraph<(), ()> {
    let mut graph = said(instance);
    for (j, arrival) in instance.moves.iter().enumerate().filter(|(_, one)| one.arrives()) {
        let host = instance.host(arrival.to);
        let leaving = |one: &(usize, &Move)| one.1.leaves() && one.1.from == arrival.to;
        let departures: Vec<(usize, &Move)> =
            instance.moves.iter().enumerate().filter(leaving).collect();
        let memory: u64 = departures.iter().map(|(_, one)| one.memory.0).sum();
        let cpu: f64 = departures.iter().map(|(_, one)| one.cpu).sum();
        for (i, departure) in departures {
            let memory_left = host.memory.0 + memory - departure.memory.0;
            let cpu_left = host.cpu + cpu - departure.cpu;
            let fits = memory_left >= host.used_memory.0 + arrival.memory.0
                && cpu_left + 1e-9 >= host.used_cpu + arrival.cpu;
            if !fits && i != j {
                graph.update_edge(NodeIndex::new(i), NodeIndex::new(j), ());
            }
        }
    }
    graph
}

fn said(instance: &Instance) -> DiGraph<(), ()> {
    let mut graph = DiGraph::with_capacity(instance.moves.len(), 0);
    instance.moves.iter().for_each(|_| {
        graph.add_node(());
    });
    for (j, one) in instance.moves.iter().enumerate() {
        for &i in &one.after {
            graph.update_edge(NodeIndex::new(i), NodeIndex::new(j), ());
        }
    }
    graph
}

/// An order in which every move comes after those that the instance names; `None` where they form a
/// circle.
pub(super) fn order(instance: &Instance) -> Option<Vec<usize>> {
    toposort(&said(instance), None).ok().map(|nodes| nodes.iter().map(|n| n.index()).collect())
}

/// Moves that wait for each other in circles, each circle ascending, the first move first.
pub(super) fn circles(graph: &DiGraph<(), ()>) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = tarjan_scc(graph)
        .into_iter()
        .filter(|nodes| nodes.len() > 1)
        .map(|nodes| {
            let mut circle: Vec<usize> = nodes.iter().map(|n| n.index()).collect();
            circle.sort_unstable();
            circle
        })
        .collect();
    found.sort_unstable();
    found
}

/// The longest chain of moves that wait for one another, s; infinite where there is a circle.
pub(super) fn longest_chain(instance: &Instance) -> f64 {
    let graph = dependencies(instance);
    let Ok(order) = toposort(&graph, None) else { return f64::INFINITY };
    let mut end = vec![0.0_f64; instance.moves.len()];
    for node in order {
        let begin = graph
            .neighbors_directed(node, petgraph::Direction::Incoming)
            .map(|before| end[before.index()])
            .fold(0.0, f64::max);
        end[node.index()] = begin + instance.moves[node.index()].seconds;
    }
    end.into_iter().fold(0.0, f64::max)
}

/// Moves among `waiting` that wait for each other where nothing else is left to happen: a move
/// waits for every other one that would leave its full destination.
pub(super) fn waiting_circles(instance: &Instance, waiting: &[usize]) -> Vec<Vec<usize>> {
    let mut graph: DiGraph<(), ()> = DiGraph::new();
    instance.moves.iter().for_each(|_| {
        graph.add_node(());
    });
    for &j in waiting {
        for &i in waiting.iter().filter(|&&i| i != j) {
            let (one, other) = (&instance.moves[j], &instance.moves[i]);
            let frees = one.arrives() && other.leaves() && other.from.index() == one.to.index();
            if frees || one.after.contains(&i) {
                graph.update_edge(NodeIndex::new(i), NodeIndex::new(j), ());
            }
        }
    }
    circles(&graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::HostId;
    use crate::sequence::Host;
    use crate::units::Bytes;

    fn instance(free: u64, pairs: &[(u32, u32)]) -> Instance {
        let mut hosts = vec![Host::with_memory("h", Bytes(2)); 3];
        let moves: Vec<Move> = pairs
            .iter()
            .map(|&(from, to)| Move::new("v".into(), HostId(from), HostId(to), Bytes(2), 5.0))
            .collect();
        moves.iter().for_each(|one| hosts[one.from.index()].used_memory = Bytes(2));
        hosts[2].memory = Bytes(free);
        Instance { hosts, links: vec![], moves }
    }

    /// 0 -> 1 has to wait until 1 -> 2 is over; a swap of 0 and 1 is a circle.
    #[test]
    fn a_full_destination_makes_a_move_wait() {
        let chain = instance(2, &[(0, 1), (1, 2)]);
        let graph = dependencies(&chain);
        assert_eq!(graph.edge_count(), 1);
        assert!(graph.contains_edge(NodeIndex::new(1), NodeIndex::new(0)));
        assert_eq!(longest_chain(&chain), 10.0);
        let swap = instance(2, &[(0, 1), (1, 0)]);
        assert_eq!(circles(&dependencies(&swap)), [vec![0, 1]]);
        assert_eq!(longest_chain(&swap), f64::INFINITY);
    }
}
