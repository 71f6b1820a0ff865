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
//! a fixed price for not moving. Where a plan is to save downtime, bytes or energy, costs are
//! counted in those ([`Goal`]), combinations of ways are [searched](super::ways), and a VM stays
//! where it is only if nothing else helps. Source: Hermenier, Lorca, Menaud, Muller and Lawall, VEE
//! 2009 (Entropy: cycles of migrations broken by a pivot host or suspension).

use super::dependencies::waiting_circles;
use super::{Goal, Instance, Move, MoveKind, Options};
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

/// One way to break a circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WayOut {
    /// What it costs: seconds, or what the goal counts.
    pub(super) cost: f64,
    /// The move that is changed.
    pub(super) at: usize,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Bypass(HostId),
    Suspend(f64),
    Reject,
}

/// When a host has to have room for a VM that passes over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Once all but the waiting moves are over: a detour over it is sure to help.
    Lasting,
    /// At some time, if whoever leaves it has left and nobody has arrived: it may help.
    Passing,
}

/// All ways to break a circle among the `waiting` moves; where what passes is enough, by moves that
/// do not wait as well.
pub(super) fn ways_out(
    instance: &Instance,
    waiting: &[usize],
    options: &Options,
    room: Room,
) -> Vec<WayOut> {
    let circles = waiting_circles(instance, waiting);
    let mut members: Vec<usize> = circles.iter().flatten().copied().collect();
    if members.is_empty() {
        // Nothing waits in a circle: the room is simply not there.
        members = waiting.to_vec();
    }
    let free = free_memory(instance, waiting, room);
    let every: Vec<usize> = (0..instance.moves.len()).collect();
    // Who goes another way may also let those pass who wait.
    let changed = if room == Room::Passing { &every } else { &members };
    changed.iter().flat_map(|&at| ways(instance, at, &free, options)).collect()
}

impl WayOut {
    /// Whether a VM is left where it is.
    pub(super) fn leaves_out(&self) -> bool {
        self.way == Way::Reject
    }

    /// The instance to plan instead, and the move that is left out.
    pub(super) fn taken(&self, instance: &Instance) -> (Instance, Option<Move>) {
        let (mut changed, at) = (instance.clone(), self.at);
        match self.way {
            Way::Bypass(host) => {
                take_detour(&mut changed, at, MoveKind::Live, MoveKind::Live, host);
                (changed, None)
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
                (changed, None)
            }
            Way::Reject => {
                let left = reject(&mut changed, at);
                (changed, Some(left))
            }
        }
    }
}

/// Memory that is free on every host.
fn free_memory(instance: &Instance, waiting: &[usize], room: Room) -> Vec<i64> {
    let mut free: Vec<i64> =
        instance.hosts.iter().map(|h| h.memory.0 as i64 - h.used_memory.0 as i64).collect();
    for (at, one) in instance.moves.iter().enumerate() {
        if room == Room::Passing || !waiting.contains(&at) {
            if one.arrives() && room == Room::Lasting {
                free[one.to.index()] -= one.memory.0 as i64;
            }
            if one.leaves() {
                free[one.from.index()] += one.memory.0 as i64;
            }
        }
    }
    free
}

fn ways(instance: &Instance, at: usize, free: &[i64], options: &Options) -> Vec<WayOut> {
    let (one, detour, goal) = (&instance.moves[at], &options.detour, options.goal);
    let mut found = Vec::new();
    if one.kind != MoveKind::Live || one.begun {
        return found;
    }
    if detour.bypass {
        let hosts = (0..free.len()).map(HostId::from_index);
        let other = hosts.filter(|&host| host != one.from && host != one.to);
        let room = other.filter(|host| free[host.index()] >= one.memory.0 as i64);
        // It moves once more.
        let cost = goal.amount(one).unwrap_or(one.seconds);
        found.extend(room.map(|host| WayOut { cost, at, way: Way::Bypass(host) }));
    }
    if let Some(rate) = detour.suspend_rate {
        let seconds = one.memory.0 as f64 / rate;
        let cost = match goal {
            Goal::Downtime => 2.0 * seconds - one.downtime_s,
            Goal::Bytes | Goal::Energy => goal.amount(one).unwrap_or(0.0),
            Goal::Makespan | Goal::SumOfEnds => 2.0 * seconds * detour.suspend_factor,
        };
        found.push(WayOut { cost, at, way: Way::Suspend(seconds) });
    }
    if let Some(cost) = detour.reject_cost_s {
        found.push(WayOut { cost, at, way: Way::Reject });
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
