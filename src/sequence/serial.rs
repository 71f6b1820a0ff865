//! Serial schedule generation: one move after the other gets its earliest start.
//!
//! Moves are taken in an order; each starts at 0, at the end of another or when those it waits for
//! are over, at the earliest time from which its destination has room for ever, and its links and
//! hosts are free as long as it takes. A move that finds no such time waits until another has been
//! given one. The schedules are active: no move could start earlier alone. Cost is quadratic, which
//! suits plans of some dozens: sets of moves are the bits of a word, and whoever shares no link and
//! no full host with the others is let through without looking at them one by one.
//!
//! Source: Kolisch and Hartmann, in: Project Scheduling, Kluwer 1999, sect. 2 (serial generation).

use super::{Instance, Move};
use crate::id::{HostId, Id};

/// Starts by move; `None` for a move that found no time.
pub(super) type Starts = Vec<Option<f64>>;

/// Rounding that must not keep a link from being full.
const FULL: f64 = 1.0 + 1e-9;

/// Moves as bits: as many as a [`Serial`] can hold.
type Set = u64;

/// What every schedule of an instance uses again.
pub(super) struct Serial<'a> {
    instance: &'a Instance,
    /// Moves on each link.
    on_link: Vec<Set>,
    /// Memory and CPU of each host once all have arrived and nobody has left.
    crowded: Vec<(u64, f64)>,
    starts: Starts,
    /// `(move, start, end)` in the order of placing.
    placed: Vec<(usize, f64, f64)>,
    /// Ends of those, ascending, each once.
    ends: Vec<f64>,
    left: Vec<usize>,
}

impl<'a> Serial<'a> {
    /// Moves that an instance may have at most.
    pub(super) const MOST: usize = Set::BITS as usize;

    /// Nothing scheduled yet.
    pub(super) fn new(instance: &'a Instance) -> Self {
        let mut on_link = vec![0; instance.links.len()];
        let mut crowded: Vec<(u64, f64)> =
            instance.hosts.iter().map(|host| (host.used_memory.0, host.used_cpu)).collect();
        for (at, one) in instance.moves.iter().enumerate() {
            one.path.iter().for_each(|&link| on_link[link as usize] |= 1 << at);
            if one.arrives() {
                let (memory, cpu) = &mut crowded[one.to.index()];
                (*memory, *cpu) = (*memory + one.memory.0, *cpu + one.cpu);
            }
        }
        let (starts, placed, ends, left) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { instance, on_link, crowded, starts, placed, ends, left }
    }

    /// Schedules the moves in `order`.
    pub(super) fn schedule(&mut self, order: &[usize]) -> &Starts {
        self.starts.clear();
        self.starts.resize(self.instance.moves.len(), None);
        self.placed.clear();
        self.ends.clear();
        let mut left = std::mem::take(&mut self.left);
        left.clear();
        left.extend_from_slice(order);
        loop {
            let before = left.len();
            left.retain(|&at| !self.place(at));
            if left.is_empty() || left.len() == before {
                break;
            }
        }
        self.left = left;
        &self.starts
    }

    /// Gives the move `at` its earliest start, if it has one.
    fn place(&mut self, at: usize) -> bool {
        let one = &self.instance.moves[at];
        let mut earliest = 0.0_f64;
        for &before in &one.after {
            match self.starts[before] {
                Some(start) => earliest = earliest.max(start + self.instance.moves[before].seconds),
                None => return false,
            }
        }
        let later = self.ends.partition_point(|&end| end <= earliest);
        let mut candidates = std::iter::once(earliest).chain(self.ends[later..].iter().copied());
        let Some(start) = candidates.find(|&start| self.fits(one, start)) else { return false };
        let end = start + one.seconds;
        self.starts[at] = Some(start);
        self.placed.push((at, start, end));
        let place = self.ends.partition_point(|&other| other < end);
        if self.ends.get(place) != Some(&end) {
            self.ends.insert(place, end);
        }
        true
    }

    fn fits(&self, one: &Move, start: f64) -> bool {
        (!one.arrives() || self.has_room(one, start))
            && self.links_hold(one, start)
            && self.tokens_hold(one, start)
    }

    /// Whether the destination has room from `start` on, for ever.
    fn has_room(&self, one: &Move, start: f64) -> bool {
        let (host, (memory, cpu)) = (self.instance.host(one.to), self.crowded[one.to.index()]);
        if memory <= host.memory.0 && cpu <= host.cpu {
            return true;
        }
        let arrivals = self.placed.iter().filter(|&&(other, at, _)| {
            let other = &self.instance.moves[other];
            other.arrives() && other.to == one.to && at > start
        });
        let later = arrivals.map(|&(_, at, _)| at);
        std::iter::once(start).chain(later).all(|at| {
            let (memory, cpu) = self.used(one.to, at);
            memory + one.memory.0 as i64 <= host.memory.0 as i64 && cpu + one.cpu <= host.cpu + 1e-9
        })
    }

    fn used(&self, host: HostId, at: f64) -> (i64, f64) {
        let start = self.instance.host(host);
        let (mut memory, mut cpu) = (start.used_memory.0 as i64, start.used_cpu);
        for &(other, begin, end) in &self.placed {
            let other = &self.instance.moves[other];
            if other.arrives() && other.to == host && begin <= at {
                (memory, cpu) = (memory + other.memory.0 as i64, cpu + other.cpu);
            }
            if other.leaves() && other.from == host && end <= at {
                (memory, cpu) = (memory - other.memory.0 as i64, cpu - other.cpu);
            }
        }
        (memory, cpu)
    }

    /// Moves under way at some time while `one` would be.
    fn beside(&self, start: f64, end: f64) -> impl Iterator<Item = &(usize, f64, f64)> + Clone {
        self.placed.iter().filter(move |&&(_, other, until)| other < end && until > start)
    }

    fn links_hold(&self, one: &Move, start: f64) -> bool {
        if one.path.is_empty() {
            return true;
        }
        let mut under_way: Set = 0;
        self.beside(start, start + one.seconds).for_each(|&(other, _, _)| under_way |= 1 << other);
        one.path.iter().all(|&link| {
            let capacity = self.instance.links[link as usize] * FULL;
            let on_it = under_way & self.on_link[link as usize];
            self.load(on_it) + one.rate <= capacity || self.holds_at_every_start(one, start, link)
        })
    }

    /// What `moves` would load a link with all at once.
    fn load(&self, mut moves: Set) -> f64 {
        let mut load = 0.0;
        while moves != 0 {
            load += self.instance.moves[moves.trailing_zeros() as usize].rate;
            moves &= moves - 1;
        }
        load
    }

    /// Whether `link` carries `one` beside those that are on it at the same instant.
    fn holds_at_every_start(&self, one: &Move, start: f64, link: u32) -> bool {
        let on_it = self
            .beside(start, start + one.seconds)
            .filter(|&&(other, _, _)| self.on_link[link as usize] >> other & 1 == 1);
        let capacity = self.instance.links[link as usize] * FULL;
        let times = on_it.clone().map(|&(_, at, _)| at.max(start));
        std::iter::once(start).chain(times).all(|at| {
            let now = on_it.clone().filter(|&&(_, begin, end)| begin <= at && end > at);
            let load: f64 = now.map(|&(other, _, _)| self.instance.moves[other].rate).sum();
            load + one.rate <= capacity
        })
    }

    fn tokens_hold(&self, one: &Move, start: f64) -> bool {
        let (out, into) =
            (self.instance.host(one.from).outgoing, self.instance.host(one.to).incoming);
        if out == usize::MAX && into == usize::MAX {
            return true;
        }
        // All that overlap, not all at the same instant: a safe bound.
        let beside =
            || self.beside(start, start + one.seconds).map(|&(at, _, _)| &self.instance.moves[at]);
        let leaving = beside().filter(|other| other.leaves() && other.from == one.from).count();
        let arriving = beside().filter(|other| other.arrives() && other.to == one.to).count();
        (!one.leaves() || leaving < out) && (!one.arrives() || arriving < into)
    }
}
