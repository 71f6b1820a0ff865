//! Serial schedule generation: one move after the other gets its earliest start.
//!
//! Moves are taken in an order; each starts at 0, at the end of another or when those it waits for
//! are over, at the earliest time from which its destination has room for ever, and its links and
//! hosts are free as long as it takes. A move that finds no such time waits until another has been
//! given one. The schedules are active: no move could start earlier alone. Cost is quadratic, which
//! suits plans of some dozens.
//!
//! Source: Kolisch and Hartmann, in: Project Scheduling, Kluwer 1999, sect. 2 (serial generation).

use super::{Instance, Move};
use crate::id::HostId;

/// Starts by move; `None` for a move that found no time.
pub(super) type Starts = Vec<Option<f64>>;

/// Rounding that must not keep a link from being full.
const FULL: f64 = 1.0 + 1e-9;

/// Schedules the moves of `instance` in `order`.
pub(super) fn schedule(instance: &Instance, order: &[usize]) -> Starts {
    let mut made = Made { instance, starts: vec![None; instance.moves.len()], placed: Vec::new() };
    let mut left = order.to_vec();
    loop {
        let before = left.len();
        left.retain(|&at| !made.place(at));
        if left.is_empty() || left.len() == before {
            return made.starts;
        }
    }
}

struct Made<'a> {
    instance: &'a Instance,
    starts: Starts,
    /// `(move, start, end)` in the order of placing.
    placed: Vec<(usize, f64, f64)>,
}

impl Made<'_> {
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
        let mut candidates = vec![earliest];
        candidates.extend(self.placed.iter().map(|&(_, _, end)| end).filter(|&end| end > earliest));
        candidates.sort_unstable_by(f64::total_cmp);
        let start = candidates.into_iter().find(|&start| self.fits(one, start));
        let Some(start) = start else { return false };
        self.starts[at] = Some(start);
        self.placed.push((at, start, start + one.seconds));
        true
    }

    fn fits(&self, one: &Move, start: f64) -> bool {
        (!one.arrives() || self.has_room(one, start))
            && self.links_hold(one, start)
            && self.tokens_hold(one, start)
    }

    /// Whether the destination has room from `start` on, for ever.
    fn has_room(&self, one: &Move, start: f64) -> bool {
        let arrivals = self.placed.iter().filter(|&&(other, at, _)| {
            let other = &self.instance.moves[other];
            other.arrives() && other.to == one.to && at > start
        });
        let later = arrivals.map(|&(_, at, _)| at);
        std::iter::once(start).chain(later).all(|at| {
            let host = self.instance.host(one.to);
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
        let beside = self.beside(start, start + one.seconds);
        one.path.iter().all(|&link| {
            let on_it = beside
                .clone()
                .filter(|&&(other, _, _)| self.instance.moves[other].path.contains(&link));
            let capacity = self.instance.links[link as usize] * FULL;
            let times = on_it.clone().map(|&(_, at, _)| at.max(start));
            std::iter::once(start).chain(times).all(|at| {
                let load: f64 = on_it
                    .clone()
                    .filter(|&&(_, begin, end)| begin <= at && end > at)
                    .map(|&(other, _, _)| self.instance.moves[other].rate)
                    .sum();
                load + one.rate <= capacity
            })
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
