//! How good could any plan be? A bound from prices for what hosts have and VMs take.
//!
//! ```text
//! L(s, r, d) = sum over hosts of the least of
//!   left:  moves of its VMs + s m + r R + d D            (if none of them is pinned)
//!   kept:  min over T of f(T) - s T + g max(0, M - T)    + s M - r F - d G
//!   asleep: 0, or  w + min over T of f(T) - s T          - r F - d G
//! ```
//!
//! What leaves a host pays the market, what arrives is paid by it, at one price for mean demand
//! (`s`), memory (`r`) and demand now (`d`); at any assignment both cancel, so no assignment costs
//! less than `L` at any prices, which are chosen to make it large (Lagrangian relaxation). `m`,
//! `R`, `D`: what the host's movable VMs take; `M`: mean demand on it, `T`: after the step; `F`,
//! `G`: its room for arrivals; `f`: cost without doubt about the demand, straight between tenths of
//! the capacity, so that the least lies at one of them, or at `M`; `g`: the least that a MIPS costs
//! to move.
//!
//! Source: own; Geoffrion, Mathematical Programming Study 2, 1974, for the relaxation.

use super::host_cost::HostCost;
use super::state::State;

/// What a host adds to the bound.
#[derive(Debug, Clone, Copy)]
struct Host {
    kind: usize,
    count: f64,
    open: bool,
    movable: bool,
    /// Mean on it, and of what may move.
    mean: [f64; 2],
    /// Memory and demand now of what may move.
    takes: [f64; 2],
    /// Room for memory and demand now.
    free: [f64; 2],
    /// All moves, and the least per MIPS.
    moves: [f64; 2],
}

/// The problem as the bound sees it.
pub struct Relaxation<'a> {
    prices: &'a HostCost,
    hosts: Vec<Host>,
    /// Mean, memory and demand now of VMs that are nowhere.
    loose: [f64; 3],
    /// What the best host of all takes when it is full, per MIPS and per byte.
    scale: [f64; 3],
}

/// Rounds of the search for prices, and halvings of each step.
const ROUNDS: usize = 12;

impl<'a> Relaxation<'a> {
    /// Of `state` as it is at the start, before anything is moved.
    pub fn of(state: &State<'a>) -> Self {
        let mut hosts: Vec<Host> = Vec::new();
        for (s, slot) in state.slots.iter().enumerate() {
            let free = [slot.free.ram.max(0.0), slot.free.cpu.max(0.0)];
            let like = |other: &Host| !other.open && other.kind == slot.kind && other.free == free;
            if !slot.open
                && let Some(known) = hosts.iter_mut().rev().take(8).find(|other| like(other))
            {
                known.count += 1.0;
                continue;
            }
            let mut host = Host {
                kind: slot.kind,
                count: 1.0,
                open: slot.open,
                movable: slot.pinned == 0,
                mean: [slot.mean, 0.0],
                takes: [0.0; 2],
                free,
                moves: [0.0, f64::INFINITY],
            };
            for item in state.lists[s].iter().map(|&i| &state.items[i]) {
                host.mean[1] += item.mean;
                host.takes[0] += item.needs.ram;
                host.takes[1] += item.needs.cpu;
                host.moves[0] += item.cost;
                host.moves[1] = host.moves[1].min(item.cost / item.mean.max(f64::MIN_POSITIVE));
            }
            hosts.push(host);
        }
        let mut loose = [0.0; 3];
        for item in state.items.iter().filter(|item| item.home.is_none()) {
            let takes = [item.mean, item.needs.ram, item.needs.cpu];
            loose.iter_mut().zip(takes).for_each(|(sum, one)| *sum += one);
        }
        let most = |of: fn(&Host) -> f64| hosts.iter().map(of).fold(1.0, f64::max);
        let full = |host: &Host| state.prices.at_least(host.kind, state.prices.capacity(host.kind));
        let cost = hosts.iter().map(full).fold(0.0, f64::max);
        let capacity = hosts.iter().map(|h| state.prices.capacity(h.kind)).fold(1.0, f64::max);
        let ram = most(|host| host.free[0] + host.takes[0]);
        let scale = [cost / capacity, cost / ram, cost / capacity];
        Self { prices: state.prices, hosts, loose, scale }
    }

    /// The bound at these prices, J.
    pub fn at(&self, [mean, ram, cpu]: [f64; 3]) -> f64 {
        let mut sum = self.loose[0] * mean + self.loose[1] * ram + self.loose[2] * cpu;
        for host in &self.hosts {
            let rent = ram * host.free[0] + cpu * host.free[1];
            let kept = self.kept(host, mean) - rent;
            let least = if host.open {
                let kept = kept + mean * host.mean[0];
                let pays = mean * host.mean[1] + ram * host.takes[0] + cpu * host.takes[1];
                let left = host.moves[0] + pays + self.prices.shutting_down(host.kind);
                if host.movable { kept.min(left) } else { kept }
            } else {
                (kept + self.prices.waking(host.kind)).min(0.0)
            };
            sum += host.count * least;
        }
        sum
    }

    /// Least over the mean after the step of what a host costs, less what it earns.
    fn kept(&self, host: &Host, mean: f64) -> f64 {
        let (now, capacity) = (host.mean[0], self.prices.capacity(host.kind));
        let at = |load: f64| {
            let moves = if load < now { host.moves[1] * (now - load) } else { 0.0 };
            let moves = if moves.is_nan() { 0.0 } else { moves };
            self.prices.at_least(host.kind, load) - mean * load + moves
        };
        let tenths = (0..=10).map(|tenth| at(capacity * f64::from(tenth) / 10.0));
        tenths.fold(at(now), f64::min)
    }

    /// The largest bound found, J.
    pub fn best(&self) -> f64 {
        let most = self.prices.stable_s * self.prices.price;
        let mut best = (self.at([0.0; 3]), [0.0; 3]);
        let starts = [[0.0, 0.0, 0.0], [0.2, 0.8, 0.0], [0.2, 0.0, 0.8], [0.9, 0.1, 0.0]];
        for start in starts {
            let mut prices = [0, 1, 2].map(|i| start[i] * self.scale[i]);
            prices[0] = prices[0].min(most);
            let mut value = self.at(prices);
            let mut step = self.scale.map(|scale| 0.4 * scale);
            for _ in 0..ROUNDS {
                for direction in DIRECTIONS {
                    let mut tried = prices;
                    (0..3).for_each(|i| tried[i] = (tried[i] + direction[i] * step[i]).max(0.0));
                    tried[0] = tried[0].min(most);
                    let found = self.at(tried);
                    if found > value {
                        (value, prices) = (found, tried);
                    }
                }
                step = step.map(|step| 0.6 * step);
            }
            if value > best.0 {
                best = (value, prices);
            }
        }
        best.0
    }
}

/// Ways in which prices are changed.
const DIRECTIONS: [[f64; 3]; 12] = [
    [1.0, 0.0, 0.0],
    [-1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, -1.0, 0.0],
    [0.0, 0.0, 1.0],
    [0.0, 0.0, -1.0],
    [1.0, -1.0, 0.0],
    [-1.0, 1.0, 0.0],
    [0.0, 1.0, -1.0],
    [0.0, -1.0, 1.0],
    [1.0, 0.0, -1.0],
    [-1.0, 0.0, 1.0],
];
