//! How is a circle of moves that wait for each other broken?
//!
//! | way | what it costs |
//! |---|---|
//! | bypass | the VM moves twice, over a host that has room now |
//! | suspend | it is saved to disk and read again: stopped for both |
//! | reject | it stays where it is |
//!
//! Of all VMs of the circle and all ways that are allowed, the one of least cost is taken, costs in
//! seconds: a second move, twice memory over the disk's rate times a factor for being stopped, and
//! a fixed price for not moving. Source: Hermenier, Lorca, Menaud, Muller and Lawall, VEE 2009
//! (Entropy: cycles of migrations broken by a pivot host or suspension).

use super::dependencies::waiting_circles;
use super::{Instance, Move, MoveKind};
use crate::id::{HostId, Id};

/// Ways to break a circle that are allowed, and what they cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detour {
    /// Whether a VM may move over a third host.
    pub bypass: bool,
    /// Bytes per second of the disk to which VMs may be suspended; none where they may not.
    pub suspend_rate: Option<f64>,
    /// How much worse a second of suspension is than one of copying.
    pub suspend_factor: f64,
    /// Cost of leaving a VM where it is, s; none where that is no option.
    pub reject_cost_s: Option<f64>,
}

impl Default for Detour {
    fn default() -> Self {
        Self { bypass: true, suspend_rate: None, suspend_factor: 10.0, reject_cost_s: None }
    }
}

/// What breaks a circle.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Bypass(HostId),
    Suspend(f64),
    Reject,
}

/// Breaks one circle among the `waiting` moves, where the others of `instance` are carried out.
/// Gives the instance to plan instead and the moves that it leaves out, or the circles that cannot
/// be broken.
pub(super) fn break_one(
    instance: &Instance,
    waiting: &[usize],
    detour: &Detour,
) -> Result<(Instance, Option<Move>), Vec<Vec<usize>>> {
    let circles = waiting_circles(instance, waiting);
    let mut members: Vec<usize> = circles.iter().flatten().copied().collect();
    if members.is_empty() {
        // Nothing waits in a circle: the room is simply not there.
        members = waiting.to_vec();
    }
    let free = free_memory(instance, waiting);
    let mut best: Option<(f64, usize, Way)> = None;
    for &at in &members {
        for (cost, way) in ways(instance, at, &free, detour) {
            if best.is_none_or(|(least, _, _)| cost < least) {
                best = Some((cost, at, way));
            }
        }
    }
    let Some((_, at, way)) = best else { return Err(circles) };
    let mut changed = instance.clone();
    let rejected = match way {
        Way::Bypass(host) => {
            take_detour(&mut changed, at, MoveKind::Live, MoveKind::Live, host);
            None
        }
        Way::Suspend(seconds) => {
            let from = changed.moves[at].from;
            take_detour(&mut changed, at, MoveKind::Suspend, MoveKind::Resume, from);
            let last = changed.moves.len() - 1;
            for half in [at, last] {
                let one = &mut changed.moves[half];
                (one.seconds, one.path, one.rate) = (seconds, Vec::new(), 0.0);
                one.downtime_s = seconds;
            }
            None
        }
        Way::Reject => Some(reject(&mut changed, at)),
    };
    Ok((changed, rejected))
}

/// Memory free on every host once all but the `waiting` moves are over.
fn free_memory(instance: &Instance, waiting: &[usize]) -> Vec<i64> {
    let mut free: Vec<i64> =
        instance.hosts.iter().map(|h| h.memory.0 as i64 - h.used_memory.0 as i64).collect();
    for (at, one) in instance.moves.iter().enumerate() {
        if !waiting.contains(&at) {
            if one.arrives() {
                free[one.to.index()] -= one.memory.0 as i64;
            }
            if one.leaves() {
                free[one.from.index()] += one.memory.0 as i64;
            }
        }
    }
    free
}

fn ways(instance: &Instance, at: usize, free: &[i64], detour: &Detour) -> Vec<(f64, Way)> {
    let one = &instance.moves[at];
    let mut found = Vec::new();
    if one.kind != MoveKind::Live || one.begun {
        return found;
    }
    if detour.bypass {
        let hosts = (0..free.len()).map(HostId::from_index);
        let other = hosts.filter(|&host| host != one.from && host != one.to);
        let room = other.filter(|host| free[host.index()] >= one.memory.0 as i64);
        found.extend(room.map(|host| (one.seconds, Way::Bypass(host))));
    }
    if let Some(rate) = detour.suspend_rate {
        let seconds = one.memory.0 as f64 / rate;
        found.push((2.0 * seconds * detour.suspend_factor, Way::Suspend(seconds)));
    }
    if let Some(cost) = detour.reject_cost_s {
        found.push((cost, Way::Reject));
    }
    found
}

/// Replaces the move `at` by one to `over` and one from there, which is appended. The path of a
/// detour is that of the move where no better one is known.
fn take_detour(
    instance: &mut Instance,
    at: usize,
    first: MoveKind,
    second: MoveKind,
    over: HostId,
) {
    let whole = instance.moves[at].clone();
    let last = instance.moves.len();
    for one in &mut instance.moves {
        one.after.iter_mut().filter(|before| **before == at).for_each(|before| *before = last);
    }
    let (leave, arrive) = detour_paths(instance, &whole, over);
    let one = &mut instance.moves[at];
    (one.to, one.kind, one.path) = (over, first, leave);
    instance.moves.push(Move { from: over, kind: second, after: vec![at], path: arrive, ..whole });
}

/// The links of the two halves of a detour: the source's own links are those that all its moves
/// begin with, the destination's those that all its moves end with.
fn detour_paths(instance: &Instance, whole: &Move, over: HostId) -> (Vec<u32>, Vec<u32>) {
    let first = whole.path.first().copied();
    let last = whole.path.last().copied();
    let of_host = |arriving: bool| {
        instance.moves.iter().find_map(|one| {
            let host = if arriving { one.to } else { one.from };
            let link = if arriving { one.path.last() } else { one.path.first() };
            (host == over).then_some(link.copied()).flatten()
        })
    };
    let leave = first.into_iter().chain(of_host(true)).collect();
    let arrive = of_host(false).into_iter().chain(last).collect();
    (leave, arrive)
}

/// Takes the move `at` out; later moves are renumbered.
fn reject(instance: &mut Instance, at: usize) -> Move {
    let rejected = instance.moves.remove(at);
    for one in &mut instance.moves {
        one.after.retain(|&before| before != at);
        one.after.iter_mut().filter(|before| **before > at).for_each(|before| *before -= 1);
    }
    rejected
}
