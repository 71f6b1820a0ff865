//! Parallel schedule generation: as time goes on, whatever can start starts.
//!
//! At 0 and at every end the moves that wait are asked in their order, and each that finds room,
//! free links and tokens begins. A move that is refused waits at what refused it, and is asked
//! again only when something there is given back: a thousand moves on a thousand hosts are
//! scheduled in a few milliseconds.
//!
//! Source: Kolisch and Hartmann, in: Project Scheduling, Kluwer 1999, sect. 2 (parallel
//! generation).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::serial::Starts;
use super::{Instance, Move};
use crate::id::Id;

/// Schedules the moves of `instance` in `order` of priority.
pub(super) fn schedule(instance: &Instance, order: &[usize]) -> Starts {
    let mut state = State::new(instance, order);
    let mut asked: Vec<usize> = order.to_vec();
    let mut now = 0.0_f64;
    loop {
        for &at in &asked {
            state.ask(at, now);
        }
        let Some(Reverse((end, _))) = state.running.peek().copied() else { return state.starts };
        now = f64::from_bits(end);
        asked.clear();
        while let Some(&Reverse((bits, at))) = state.running.peek() {
            if bits != end {
                break;
            }
            state.running.pop();
            state.finish(at, &mut asked);
        }
        asked.sort_unstable_by_key(|&at| state.rank[at]);
        asked.dedup();
    }
}

struct State<'a> {
    instance: &'a Instance,
    starts: Starts,
    rank: Vec<usize>,
    /// Ends, as bits, and moves.
    running: BinaryHeap<Reverse<(u64, usize)>>,
    links: Vec<f64>,
    memory: Vec<i64>,
    cpu: Vec<f64>,
    outgoing: Vec<usize>,
    incoming: Vec<usize>,
    over: Vec<bool>,
    /// Moves that wait at a link, a destination, a source, another move.
    at_link: Vec<Vec<usize>>,
    at_host: Vec<Vec<usize>>,
    at_move: Vec<Vec<usize>>,
}

impl<'a> State<'a> {
    fn new(instance: &'a Instance, order: &[usize]) -> Self {
        let mut rank = vec![0; instance.moves.len()];
        order.iter().enumerate().for_each(|(place, &at)| rank[at] = place);
        let hosts = &instance.hosts;
        Self {
            instance,
            starts: vec![None; instance.moves.len()],
            rank,
            running: BinaryHeap::new(),
            links: instance.links.iter().map(|capacity| capacity * (1.0 + 1e-9)).collect(),
            memory: hosts.iter().map(|h| h.memory.0 as i64 - h.used_memory.0 as i64).collect(),
            cpu: hosts.iter().map(|h| h.cpu - h.used_cpu + 1e-9).collect(),
            outgoing: hosts.iter().map(|h| h.outgoing).collect(),
            incoming: hosts.iter().map(|h| h.incoming).collect(),
            over: vec![false; instance.moves.len()],
            at_link: vec![Vec::new(); instance.links.len()],
            at_host: vec![Vec::new(); hosts.len()],
            at_move: vec![Vec::new(); instance.moves.len()],
        }
    }

    /// Starts the move `at`, or lets it wait at what is missing.
    fn ask(&mut self, at: usize, now: f64) {
        let one = &self.instance.moves[at];
        let (from, to) = (one.from.index(), one.to.index());
        if let Some(&before) = one.after.iter().find(|&&before| !self.over[before]) {
            self.at_move[before].push(at);
        } else if one.arrives() && !self.has_room(one, to) {
            self.at_host[to].push(at);
        } else if one.leaves() && self.outgoing[from] == 0 {
            self.at_host[from].push(at);
        } else if let Some(&link) = one.path.iter().find(|&&l| self.links[l as usize] < one.rate) {
            self.at_link[link as usize].push(at);
        } else {
            self.start(at, now);
        }
    }

    fn has_room(&self, one: &Move, to: usize) -> bool {
        self.incoming[to] > 0 && self.memory[to] >= one.memory.0 as i64 && self.cpu[to] >= one.cpu
    }

    fn start(&mut self, at: usize, now: f64) {
        let one = &self.instance.moves[at];
        self.starts[at] = Some(now);
        self.running.push(Reverse(((now + one.seconds).to_bits(), at)));
        one.path.iter().for_each(|&link| self.links[link as usize] -= one.rate);
        if one.arrives() {
            let to = one.to.index();
            self.memory[to] -= one.memory.0 as i64;
            self.cpu[to] -= one.cpu;
            self.incoming[to] -= usize::from(self.incoming[to] != usize::MAX);
        }
        if one.leaves() {
            let from = one.from.index();
            self.outgoing[from] -= usize::from(self.outgoing[from] != usize::MAX);
        }
    }

    /// Ends the move `at`; appends those that waited for something that it gives back.
    fn finish(&mut self, at: usize, asked: &mut Vec<usize>) {
        let one = &self.instance.moves[at];
        self.over[at] = true;
        for &link in &one.path {
            self.links[link as usize] += one.rate;
            asked.append(&mut self.at_link[link as usize]);
        }
        if one.leaves() {
            let from = one.from.index();
            self.memory[from] += one.memory.0 as i64;
            self.cpu[from] += one.cpu;
            self.outgoing[from] += usize::from(self.outgoing[from] != usize::MAX);
            asked.append(&mut self.at_host[from]);
        }
        if one.arrives() {
            let to = one.to.index();
            self.incoming[to] += usize::from(self.incoming[to] != usize::MAX);
            asked.append(&mut self.at_host[to]);
        }
        asked.append(&mut self.at_move[at]);
    }
}
