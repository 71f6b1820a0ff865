//! How good could any plan be? A bound from prices for what hosts have and VMs take.
//!
//! ```text
//! L(s, r, d) = sum over hosts of one of
//!   left:  moves of its VMs + s m + r R + d D            (if none of them is pinned)
//!   kept:  min over T of f(T) - s T + g max(0, M - T)    + s M - r F - d G
//!   asleep: 0, or  w + min over T of f(T) - s T          - r F - d G
//! ```
//!
//! What leaves a host pays the market, what arrives is paid by it, at one price for mean demand
//! (`s`), memory (`r`) and demand now (`d`); at any assignment both cancel, so no assignment costs
//! less than `L` at any prices, which are chosen to make it large (Lagrangian relaxation): for each
//! number `n` of running hosts apart, with the `n` hosts kept or woken for which that is cheapest,
//! as half a host cannot run; the least over all `n` is the bound. `m`,
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
    count: usize,
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
    /// Running hosts that are told apart.
    most: usize,
    /// What the best host of all takes when it is full, per MIPS and per byte.
    scale: [f64; 3],
}

/// Numbers of running hosts for which prices are looked for, and steps in doing so.
const ROUNDS: usize = 10;
const HALVINGS: usize = 8;
/// A round that raises the bound by less is the last.
const ENOUGH: f64 = 1e-4;
/// Hosts that may wake before their number is no longer told apart.
const WAKING: usize = 24;

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
                known.count += 1;
                continue;
            }
            let mut host = Host {
                kind: slot.kind,
                count: 1,
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
                let cost = item.least_cost();
                host.moves[0] += cost;
                host.moves[1] = host.moves[1].min(cost / item.mean.max(f64::MIN_POSITIVE));
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
        let most = hosts.iter().filter(|host| host.open).count() + WAKING;
        Self { prices: state.prices, hosts, loose, most, scale }
    }

    /// Bounds at these prices for each number of running hosts, and for more than [`Self::most`].
    fn levels(&self, [mean, ram, cpu]: [f64; 3], levels: &mut Vec<f64>) {
        let mut base = self.loose[0] * mean + self.loose[1] * ram + self.loose[2] * cpu;
        let (mut forced, mut adds) = (0, Vec::with_capacity(self.hosts.len()));
        for host in &self.hosts {
            let rent = ram * host.free[0] + cpu * host.free[1];
            let kept = self.kept(host, mean) - rent + mean * host.mean[0];
            if !host.open {
                adds.push((kept + self.prices.waking(host.kind), host.count));
            } else if host.movable {
                let pays = mean * host.mean[1] + ram * host.takes[0] + cpu * host.takes[1];
                let left = host.moves[0] + pays + self.prices.shutting_down(host.kind);
                base += left;
                adds.push((kept - left, 1));
            } else {
                forced += 1;
                base += kept;
            }
        }
        adds.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        levels.clear();
        levels.resize(forced, f64::INFINITY);
        levels.push(base);
        let mut more = 0.0;
        for (add, count) in adds {
            let here = count.min((self.most + 1).saturating_sub(levels.len()));
            for _ in 0..here {
                base += add;
                levels.push(base);
            }
            more += add.min(0.0) * (count - here) as f64;
        }
        levels.push(base + more);
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

    /// The largest bound found, J: of each number of running hosts the largest at any prices tried,
    /// of these the least.
    pub fn best(&self) -> f64 {
        let mut book = Book::default();
        for start in STARTS {
            self.look(self.limited([0, 1, 2].map(|i| start[i] * self.scale[i])), &mut book);
        }
        let mut known = book.least();
        for _ in 0..ROUNDS {
            let Some(level) = known else { break };
            self.climb(level.0, &mut book);
            let found = book.least();
            if found.is_none_or(|found| found.1 <= level.1 + ENOUGH * level.1.abs()) {
                break;
            }
            known = found;
        }
        book.least().map_or(0.0, |(_, bound)| bound)
    }

    /// Looks for prices that raise the bound for this number of running hosts.
    fn climb(&self, level: usize, book: &mut Book) {
        let mut step = self.scale.map(|scale| 0.4 * scale);
        for _ in 0..HALVINGS {
            for direction in DIRECTIONS {
                let prices = book.prices[level];
                self.look(
                    self.limited([0, 1, 2].map(|i| prices[i] + direction[i] * step[i])),
                    book,
                );
            }
            step = step.map(|step| 0.55 * step);
        }
    }

    /// Prices below 0 prove nothing, and work that is not done has its price.
    fn limited(&self, prices: [f64; 3]) -> [f64; 3] {
        let [mean, ram, cpu] = prices.map(|price| price.max(0.0));
        [mean.min(self.prices.stable_s * self.prices.price), ram, cpu]
    }

    /// Enters what these prices prove.
    fn look(&self, prices: [f64; 3], book: &mut Book) {
        self.levels(prices, &mut book.levels);
        book.best.resize(book.levels.len(), f64::NEG_INFINITY);
        book.prices.resize(book.levels.len(), [0.0; 3]);
        for ((best, at), &level) in book.best.iter_mut().zip(&mut book.prices).zip(&book.levels) {
            if level > *best {
                (*best, *at) = (level, prices);
            }
        }
    }
}

/// The largest bound of each number of running hosts so far, and the prices that prove it.
#[derive(Debug, Default)]
struct Book {
    levels: Vec<f64>,
    best: Vec<f64>,
    prices: Vec<[f64; 3]>,
}

impl Book {
    /// The number of running hosts with the least bound, and that.
    fn least(&self) -> Option<(usize, f64)> {
        self.best.iter().copied().enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b))
    }
}

/// Where the search for prices starts, in parts of the scale.
const STARTS: [[f64; 3]; 5] =
    [[0.0; 3], [0.2, 0.8, 0.0], [0.2, 0.0, 0.8], [0.9, 0.1, 0.0], [0.5, 0.3, 0.2]];

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
