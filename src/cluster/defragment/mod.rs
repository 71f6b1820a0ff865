//! Which few VMs should move so that free cores come in whole blocks of 16?
//!
//! ```text
//! FR = sum over NUMA nodes of (free cores mod 16) / sum of free cores
//! ```
//!
//! `FR`, the fragment rate, in [0, 1], is least for at most so many moves. VMs move inside their
//! cluster, between nodes with room, one after the other: every move of the [`Plan`] can be made
//! when its turn comes.
//!
//! Solved as counts of like VMs (`model.rs`), from completed blocks (`greedy.rs`); where the
//! columns are too many, hosts are opened a few dozen at a time. `check::fragments` verifies plans
//! without this code.
//!
//! Source: the problem is that of VMR2L (Ding et al., EuroSys 2025); the count model is our own.

mod counts;
mod greedy;
mod model;
mod order;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rand::RngExt;
use serde::Serialize;

use super::numa::Cluster;
use crate::milp::{Limits, SOLVER};
use crate::random;
use counts::{BLOCK, Counts, Step};
use model::{Flow, Model};

/// Columns up to which all hosts are opened at once.
const AT_ONCE: usize = 12_000;

/// Hosts that are opened together where there are more.
const OPENED: usize = 30;

/// What a move costs in blocks while hosts are opened in turn, so that moves are saved for later.
const THRIFT: f64 = 1e-3;

/// Nodes of the search of one neighbourhood.
const NODES: u32 = 20;

/// When a search ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Moves at most.
    pub moves: usize,
    /// Enough when the part of the blocks that may be missing is at most this.
    pub gap: f64,
    /// Time that it may take; none: until nothing more is found.
    pub time: Option<Duration>,
    /// Seed of all draws.
    pub seed: u64,
}

/// One VM goes to other nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Move {
    /// The VM's name.
    pub vm: String,
    /// Where it is.
    pub from: Place,
    /// Where it goes.
    pub to: Place,
    /// Blocks that the move itself frees; below 0 it uses up.
    pub blocks: i64,
}

/// Nodes of a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// The host's name.
    pub host: String,
    /// Numbers of its nodes.
    pub nodes: Vec<u32>,
}

/// How a plan is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No plan leaves a fragment rate that is lower by more than the gap.
    Proved,
    /// A limit ended the search.
    Limit,
    /// It was asked to end.
    Stopped,
    /// This build has no solver: blocks were completed one by one.
    NoSolver,
}

/// Moves in order, and what they are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The moves, in an order in which each can be made.
    pub moves: Vec<Move>,
    /// Fragment rate now.
    pub fragment_rate_before: f64,
    /// Fragment rate after the moves.
    pub fragment_rate: f64,
    /// A rate below which no plan of so many moves leads.
    pub lower_bound: f64,
    /// Free blocks now.
    pub blocks_before: u64,
    /// Free blocks after the moves.
    pub blocks: u64,
    /// How the search ended.
    pub status: Status,
    /// Columns of the programme, where one was solved at once.
    pub columns: usize,
    /// Its rows.
    pub rows: usize,
}

/// The moves that leave the lowest fragment rate; `watch` is told rate and bound between two parts
/// of the search and may end it.
pub fn defragment(
    clusters: &[Cluster],
    options: Options,
    watch: &mut dyn FnMut(f64, f64) -> ControlFlow<()>,
) -> Plan {
    let start = Counts::of(clusters);
    let mut search = Search::of(&start, options);
    search.complete();
    let size = search.improve(watch);
    search.plan(clusters, size)
}

struct Search<'a> {
    start: &'a Counts,
    options: Options,
    begun: Instant,
    /// The best moves so far, in order.
    steps: Vec<Step>,
    blocks: f64,
    /// Blocks that no plan exceeds.
    most: f64,
    status: Status,
}

impl<'a> Search<'a> {
    fn of(start: &'a Counts, options: Options) -> Self {
        let (begun, blocks) = (Instant::now(), start.blocks());
        let most = closed_bound(start, options.moves);
        let status = if SOLVER.is_some() { Status::Limit } else { Status::NoSolver };
        Self { start, options, begun, steps: Vec::new(), blocks, most, status }
    }

    fn rate(&self, blocks: f64) -> f64 {
        let free: f64 = self.start.cores.iter().sum();
        if free > 0.0 { ((free - BLOCK * blocks) / free).max(0.0) } else { 0.0 }
    }

    fn complete(&mut self) {
        let mut counts = self.start.clone();
        self.steps = greedy::complete_blocks(&mut counts, self.options.moves);
        self.blocks = counts.blocks();
        if self.blocks >= self.most {
            self.status = Status::Proved;
        }
    }

    /// The programmes; columns and rows of the largest.
    fn improve(&mut self, watch: &mut dyn FnMut(f64, f64) -> ControlFlow<()>) -> (usize, usize) {
        if self.status != Status::Limit {
            return (0, 0);
        }
        let all = vec![true; self.start.cores.len()];
        let whole = Model::of(self.start, self.options.moves, &all, &[], 0.0);
        let size = whole.size();
        if watch(self.rate(self.blocks), self.rate(self.most)).is_break() {
            self.status = Status::Stopped;
        } else if size.0 <= AT_ONCE {
            self.solve(&whole, None);
        } else {
            self.wander(watch);
        }
        size
    }

    fn time_left(&self) -> Option<Duration> {
        self.options.time.map(|time| time.saturating_sub(self.begun.elapsed()))
    }

    /// All hosts at once.
    fn solve(&mut self, whole: &Model, nodes: Option<u32>) {
        let limits = Limits { gap: self.options.gap, time: self.time_left(), nodes };
        let solved = whole.solve(self.start, &flows(self.start, &self.steps), limits);
        self.most = self.most.min(solved.bound.unwrap_or(f64::INFINITY));
        self.take(&solved.flows);
        if self.most - self.blocks <= self.options.gap * self.blocks.max(1.0) {
            self.status = Status::Proved;
        }
    }

    /// Some hosts at a time, until time is over or nothing has come of as many rounds as it takes
    /// to open each host four times.
    fn wander(&mut self, watch: &mut dyn FnMut(f64, f64) -> ControlFlow<()>) {
        let mut dice = random::stream(self.options.seed, "defragment.hosts");
        let mut hosts: Vec<(usize, usize)> =
            self.start.owner.iter().map(|&(cluster, host, _)| (cluster, host)).collect();
        hosts.dedup();
        let patience = 4 * hosts.len().div_ceil(OPENED);
        let mut idle = 0;
        while idle < patience && self.most - self.blocks >= 1.0 - 1e-6 {
            if self.time_left().is_some_and(|left| left.is_zero()) {
                return;
            }
            if watch(self.rate(self.blocks), self.rate(self.most)).is_break() {
                self.status = Status::Stopped;
                return;
            }
            for at in 0..OPENED.min(hosts.len()) {
                let other = dice.random_range(at..hosts.len());
                hosts.swap(at, other);
            }
            let chosen = &hosts[..OPENED.min(hosts.len())];
            let open: Vec<bool> =
                self.start.owner.iter().map(|&(c, h, _)| chosen.contains(&(c, h))).collect();
            let now = flows(self.start, &self.steps);
            let model = Model::of(self.start, self.options.moves, &open, &now, THRIFT);
            let limits = Limits { gap: 0.0, time: self.time_left(), nodes: Some(NODES) };
            let before = (self.blocks, self.steps.len());
            self.take(&model.solve(self.start, &now, limits).flows);
            idle = if (self.blocks, self.steps.len()) == before { idle + 1 } else { 0 };
        }
        if self.blocks >= self.most {
            self.status = Status::Proved;
        }
    }

    /// Keeps what `flows` lead to if that is better and can be made move by move.
    fn take(&mut self, flows: &[Flow]) {
        let (steps, _) = order::ordered(self.start, flows, self.options.seed);
        let mut counts = self.start.clone();
        steps.iter().for_each(|&step| counts.apply(step));
        let blocks = counts.blocks();
        if blocks > self.blocks || (blocks == self.blocks && steps.len() < self.steps.len()) {
            (self.steps, self.blocks) = (steps, counts.blocks());
        }
    }

    fn plan(&self, clusters: &[Cluster], (columns, rows): (usize, usize)) -> Plan {
        let before = self.start.blocks();
        Plan {
            moves: moves(self.start, &self.steps, clusters),
            fragment_rate_before: self.rate(before),
            fragment_rate: self.rate(self.blocks),
            lower_bound: self.rate(self.most),
            blocks_before: before as u64,
            blocks: self.blocks as u64,
            status: self.status,
            columns,
            rows,
        }
    }
}

/// Blocks that no plan exceeds, in closed form: those of each cluster's free cores in one piece,
/// and as many more than now as the moves can free.
fn closed_bound(start: &Counts, moves: usize) -> f64 {
    let clusters = start.owner.iter().map(|&(cluster, ..)| cluster + 1).max().unwrap_or(0);
    let mut free = vec![0.0; clusters];
    for (cores, &(cluster, ..)) in start.cores.iter().zip(&start.owner) {
        free[cluster] += cores;
    }
    let pooled: f64 = free.into_iter().map(counts::blocks).sum();
    let largest = start.flavours.iter().map(|f| f.width as f64 * (f.cores / BLOCK).ceil());
    let gain = largest.fold(0.0, f64::max);
    pooled.min(start.blocks() + gain * moves as f64)
}

/// What `steps` come to in all.
fn flows(start: &Counts, steps: &[Step]) -> Vec<Flow> {
    let mut net = std::collections::BTreeMap::new();
    for step in steps {
        *net.entry((step.flavour, step.from)).or_insert(0) -= 1;
        *net.entry((step.flavour, step.to)).or_insert(0) += 1;
    }
    debug_assert!(net.keys().all(|&(flavour, _)| flavour < start.flavours.len()));
    let moving = net.into_iter().filter(|&(_, entering)| entering != 0);
    moving.map(|((flavour, place), entering)| Flow { flavour, place, entering }).collect()
}

/// The VMs that make `steps`: at each place those that come first in the source, and those that
/// came to it before.
fn moves(start: &Counts, steps: &[Step], clusters: &[Cluster]) -> Vec<Move> {
    let mut here: Vec<std::collections::BTreeMap<usize, Vec<usize>>> = Vec::new();
    for flavour in &start.flavours {
        // From the end, so that the first is popped first.
        let turned = |vms: &[usize]| vms.iter().rev().copied().collect();
        here.push(flavour.at.iter().map(|(place, vms)| (*place, turned(vms))).collect());
    }
    let mut counts = start.clone();
    let mut moves = Vec::new();
    for &step in steps {
        let flavour = &start.flavours[step.flavour];
        let there = here[step.flavour].get_mut(&step.from);
        let Some(vm) = there.and_then(Vec::pop) else { continue };
        here[step.flavour].entry(step.to).or_default().push(vm);
        let before = counts.blocks();
        counts.apply(step);
        let place = |first: usize| {
            let (cluster, host, node) = start.owner[first];
            let host = &clusters[cluster].hosts[host];
            let nodes = host.numbers[node..node + flavour.width].to_vec();
            Place { host: host.name.clone(), nodes }
        };
        moves.push(Move {
            vm: clusters[flavour.cluster].vms[vm].name.clone(),
            from: place(step.from),
            to: place(step.to),
            blocks: (counts.blocks() - before) as i64,
        });
    }
    moves
}
