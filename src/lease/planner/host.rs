//! What one host has free over time.
//!
//! CPU and memory, which nearly all ask for, have a calendar of their own; the other resources get
//! one when somebody first books some of them. So a site on which nobody does pays nothing for
//! them, in memory or in time.

use super::Need;
use super::hours::{self, Glance, Hours};
use crate::calendar::{BookingId, Calendar};
use crate::model::lease::{CPU, RESOURCES};
use crate::time::{Instant, Span};

/// CPU and memory.
const MAIN: usize = 2;
/// All others.
const OTHERS: usize = RESOURCES - MAIN;

/// What a host has free, from the distant past to the distant future.
#[derive(Debug)]
pub(super) struct Host {
    capacity: Need,
    main: Calendar<MAIN>,
    hours: Hours,
    /// What is free of them, once some was booked.
    others: Option<Box<Calendar<OTHERS>>>,
}

/// A booking on a host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Booked {
    main: BookingId,
    others: Option<BookingId>,
}

fn parts(need: Need) -> ([i64; MAIN], [i64; OTHERS]) {
    (std::array::from_fn(|k| need[k]), std::array::from_fn(|k| need[MAIN + k]))
}

impl Host {
    /// A host that has `capacity`, all of it free.
    pub fn new(capacity: Need) -> Self {
        let main = Calendar::new(parts(capacity).0);
        Self { capacity, main, hours: Hours::default(), others: None }
    }

    /// Books `need` in `[start, end)`.
    pub fn add(&mut self, start: Instant, end: Instant, need: Need) -> Booked {
        let (main, others) = parts(need);
        let has = parts(self.capacity).1;
        let others = (others != [0; OTHERS]).then(|| {
            let calendar = self.others.get_or_insert_with(|| Box::new(Calendar::new(has)));
            calendar.add(start, end, others)
        });
        let booked = Booked { main: self.main.add(start, end, main), others };
        self.look_again(start, end, true);
        booked
    }

    /// Notes what is to be seen of the hours of `[start, end)`; `booked` if something was booked
    /// throughout that time.
    fn look_again(&mut self, start: Instant, end: Instant, booked: bool) {
        if start >= end {
            return;
        }
        for hour in self.hours.cover(start, end) {
            let (from, until) = hours::bounds(hour);
            let least = self.main.min_during(from, until - from);
            let busy = booked || self.others.is_some() || least != parts(self.capacity).0;
            self.hours.set(hour, busy, least[CPU] <= 0);
        }
    }

    /// How often `need` fits beside itself in `[start, end)`: at most `most`, exactly where it is
    /// less.
    #[inline]
    pub fn room(&self, start: Instant, end: Instant, need: Need, most: u32) -> u32 {
        match self.hours.glance(start, end) {
            Glance::Idle => return nodes_in(self.capacity, need).min(most),
            Glance::Full if need[CPU] > 0 => return 0,
            _ => {}
        }
        // Most hosts that are in use lack something soon after the start: that is found at once.
        if self.free_until(start, need).is_some_and(|until| until < end) {
            return 0;
        }
        if most == 1 || nodes_in(self.capacity, need) == 1 {
            return 1;
        }
        nodes_in(self.min_during(start, end - start), need).min(most)
    }

    /// Takes a booking in `[start, end)` out.
    pub fn remove(&mut self, booked: Booked, start: Instant, end: Instant) {
        self.main.remove(booked.main);
        if let (Some(calendar), Some(id)) = (&mut self.others, booked.others) {
            calendar.remove(id);
        }
        self.look_again(start, end, false);
    }

    /// What is free of all resources throughout `[start, start + duration)`.
    pub fn min_during(&self, start: Instant, duration: Span) -> Need {
        let main = self.main.min_during(start, duration);
        let has = parts(self.capacity).1;
        let others = self.others.as_ref();
        let others = others.map_or(has, |calendar| calendar.min_during(start, duration));
        std::array::from_fn(|k| if k < MAIN { main[k] } else { others[k - MAIN] })
    }

    /// From `time` on, the first instant at which `need` is not free; none if it always is.
    #[inline]
    pub fn free_until(&self, time: Instant, need: Need) -> Option<Instant> {
        let (main, others) = parts(need);
        let until = self.main.free_until(time, main);
        if others == [0; OTHERS] {
            return until;
        }
        let other = match &self.others {
            Some(calendar) => calendar.free_until(time, others),
            None => (!self.could_have(others)).then_some(time),
        };
        until.into_iter().chain(other).min()
    }

    /// The first instant from `after` on from which `need` is free for `duration`; none if that
    /// never comes.
    ///
    /// Where both calendars have a say, each moves the start on until it suits both: neither can
    /// fit before the later of their own first possibilities.
    #[inline]
    pub fn earliest_start(&self, after: Instant, duration: Span, need: Need) -> Option<Instant> {
        let (main, others) = parts(need);
        let mut start = self.main.earliest_start(after, duration, main)?;
        if others == [0; OTHERS] {
            return Some(start);
        }
        let Some(calendar) = &self.others else {
            return self.could_have(others).then_some(start);
        };
        loop {
            let later = calendar.earliest_start(start, duration, others)?;
            if later == start {
                return Some(start);
            }
            start = self.main.earliest_start(later, duration, main)?;
            if start == later {
                return Some(start);
            }
        }
    }

    fn could_have(&self, others: [i64; OTHERS]) -> bool {
        others.iter().zip(parts(self.capacity).1).all(|(&need, has)| need <= has)
    }

    /// How many nodes it could take if it were empty.
    pub fn most_nodes(&self, need: Need) -> u32 {
        nodes_in(self.capacity, need)
    }

    /// What is free at `time`.
    #[cfg(test)]
    pub fn at(&self, time: Instant) -> Need {
        self.min_during(time, Span(1))
    }
}

/// How many nodes fit into `free`.
fn nodes_in(free: Need, need: Need) -> u32 {
    let asked = need.iter().zip(free).filter(|&(&need, _)| need > 0);
    asked.map(|(need, free)| (free.max(0) / need) as u32).min().unwrap_or(0)
}
