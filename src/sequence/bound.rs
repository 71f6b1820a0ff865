//! How short can a plan be?
//!
//! ```text
//! LB1 = longest move
//! LB2 = most loaded link: sum of rate x seconds / capacity
//! LB3 = sum of seconds at a host / tokens
//! LB4 = longest chain of moves that wait for one another
//! ```
//!
//! The largest of them. Source: the usual bounds of resource-constrained project scheduling
//! (Brucker et al., Eur. J. Oper. Res. 112, 1999).

use super::{Instance, dependencies};
use crate::id::Id;

/// No plan of `instance` as it is can be shorter, s. Infinite where moves wait in a circle.
pub fn lower_bound(instance: &Instance) -> f64 {
    let longest = instance.moves.iter().map(|one| one.seconds).fold(0.0, f64::max);
    let mut links = vec![0.0; instance.links.len()];
    let mut out = vec![0.0; instance.hosts.len()];
    let mut into = vec![0.0; instance.hosts.len()];
    for one in &instance.moves {
        for &link in &one.path {
            links[link as usize] += one.rate * one.seconds / instance.links[link as usize];
        }
        if one.leaves() {
            out[one.from.index()] += one.seconds;
        }
        if one.arrives() {
            into[one.to.index()] += one.seconds;
        }
    }
    let link = links.into_iter().fold(0.0, f64::max);
    let tokens = instance.hosts.iter().enumerate().map(|(i, host)| {
        let share = |seconds: f64, tokens: usize| seconds / tokens.max(1) as f64;
        share(out[i], host.outgoing).max(share(into[i], host.incoming))
    });
    let tokens = tokens.fold(0.0, f64::max);
    longest.max(link).max(tokens).max(dependencies::longest_chain(instance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::HostId;
    use crate::sequence::{Host, Move};
    use crate::units::Bytes;

    /// Two moves of 5 s at half of a link's capacity load it for 5 s; with one token at their
    /// source they take 10 s.
    #[test]
    fn links_and_tokens_bound_a_plan() {
        let one = |to| {
            let one = Move::new("v".into(), HostId(0), HostId(to), Bytes(1), 5.0);
            Move { path: vec![0], rate: 1.0, ..one }
        };
        let mut hosts = vec![Host::with_memory("h", Bytes(9)); 3];
        hosts[0].used_memory = Bytes(2);
        let mut instance = Instance { hosts, links: vec![2.0], moves: vec![one(1), one(2)] };
        assert_eq!(lower_bound(&instance), 5.0);
        instance.hosts[0].outgoing = 1;
        assert_eq!(lower_bound(&instance), 10.0);
    }
}
