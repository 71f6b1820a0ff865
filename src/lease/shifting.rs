//! When may a lease that could begin now begin at the earliest?
//!
//! ```text
//! best effort:  min over s in [arrival, arrival + w] of  (1 / d) integral of r(t), t in [s, s + d]
//! deadline:     the same over s in [start, deadline - d]
//! ```
//!
//! `r`: carbon intensity or price of energy, `d`: the duration asked for, `w`: the longest time
//! that a best-effort lease is held back. Of equal times the earliest. A lease is held back once,
//! when it arrives; then it waits in the queue like any other. A deadline lease that finds no room
//! from that time on is tried from its own start on. Reservations and immediate leases are not
//! shifted.
//!
//! As `r` is a step function, the integral is piecewise linear in `s`, and least at an end of the
//! range or where a step begins or ends the stretch: only these are tried.
//!
//! Source: temporal shifting of jobs that can wait; Wiesner, Behnke, Scheinert, Gontarska and
//! Thamsen, *Let's wait awhile*, Middleware 2021, their non-interrupting strategy with a known
//! carbon intensity.

use serde::{Deserialize, Serialize};

use super::decision::Decided;
use super::scheduler::Scheduler;
use crate::model::costs::Rate;
use crate::model::lease::{LeaseKind, LeaseRequest};
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

/// Says when leases may begin at the earliest.
pub trait ShiftingPolicy: Send {
    /// The instant before which `lease`, which has just arrived, is not tried; one that is not
    /// later than it could begin anyway changes nothing.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn not_before(&mut self, lease: &LeaseRequest) -> Result<Instant, PolicyError>;

    /// The mean of what it goes by over `duration` from `start` on, for people; none if it goes by
    /// no rate.
    fn rate(&self, start: Instant, duration: Span) -> Option<f64> {
        let _ = (start, duration);
        None
    }
}

/// By what leases are shifted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShiftBy {
    /// Carbon intensity of the energy.
    #[default]
    Carbon,
    /// Price of the energy.
    Price,
}

/// Settings of shifting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShiftingSpec {
    /// What is to be low.
    pub by: ShiftBy,
    /// The longest time that a best-effort lease is held back.
    #[serde(rename = "at-most-s", with = "crate::time::seconds")]
    pub at_most: Span,
}

impl Default for ShiftingSpec {
    fn default() -> Self {
        Self { by: ShiftBy::Carbon, at_most: Span::from_seconds(86_400.0) }
    }
}

/// Shifts leases to when a rate is lowest.
#[derive(Debug, Clone)]
pub struct LowestRate {
    rate: Rate,
    at_most: Span,
}

impl LowestRate {
    /// Holds best-effort leases back for `at_most`, to when `rate` is lowest.
    pub fn new(rate: Rate, at_most: Span) -> Self {
        Self { rate, at_most }
    }
}

impl ShiftingPolicy for LowestRate {
    fn not_before(&mut self, lease: &LeaseRequest) -> Result<Instant, PolicyError> {
        let d = lease.duration;
        Ok(match lease.kind {
            LeaseKind::BestEffort => {
                lowest(&self.rate, lease.arrival, lease.arrival + self.at_most, d)
            }
            LeaseKind::Deadline { start, deadline } => {
                let from = start.max(lease.arrival);
                lowest(&self.rate, from, before(deadline, d).max(from), d)
            }
            LeaseKind::AdvanceReservation { start } => start,
            LeaseKind::Immediate => lease.arrival,
        })
    }

    fn rate(&self, start: Instant, duration: Span) -> Option<f64> {
        let end = start + duration;
        let sum = Integral::of(&self.rate, start, end).up_to(end);
        (end > start).then(|| sum / duration.seconds())
    }
}

impl Scheduler<'_> {
    /// When a lease may begin at the earliest.
    pub(super) fn not_before(&mut self, lease: u32) -> Result<Instant, PolicyError> {
        let Some(shifting) = &mut self.shifting else { return Ok(self.now) };
        let until = shifting.not_before(&self.requests[lease as usize]);
        let until = until.map_err(|error| self.blamed(error, lease))?;
        let from = self.window(lease).map_or(self.now, |(start, _)| start.max(self.now));
        if until > from {
            self.tell(lease, || self.held_back(lease, from, until));
        }
        Ok(until)
    }

    /// That `lease` is held back until then, and what that is worth.
    fn held_back(&self, lease: u32, from: Instant, until: Instant) -> Decided {
        let duration = self.requests[lease as usize].duration;
        let rate = |start| self.shifting.as_ref().and_then(|policy| policy.rate(start, duration));
        let rates = rate(from).zip(rate(until)).map(|(now, then)| [now, then]);
        Decided::HeldBack { from_s: from.seconds(), until_s: until.seconds(), rates }
    }

    /// A best-effort lease waits for its time, which may have come, and then in the queue.
    pub(super) fn hold_back(&mut self, lease: u32) -> Result<(), PolicyError> {
        let until = self.not_before(lease)?;
        self.held.insert((until.max(self.now), lease));
        Ok(())
    }

    /// Lets those into the queue whose time has come.
    pub(super) fn release(&mut self) {
        let now = self.now;
        while let Some((_, lease)) = self.held.first().copied().filter(|(until, _)| *until <= now) {
            self.held.pop_first();
            self.enqueue(lease);
        }
    }
}

/// A rate over a stretch of time, with its integral.
struct Integral {
    /// From when on the rate is so high, and its integral up to there (per second).
    steps: Vec<(Instant, f64, f64)>,
}

impl Integral {
    fn of(rate: &Rate, from: Instant, until: Instant) -> Self {
        let mut steps = vec![(from, rate.at(from), 0.0)];
        while let Some(&(at, value, sum)) = steps.last()
            && let Some(next) = rate.next_change(at)
            && next < until
        {
            steps.push((next, rate.at(next), sum + value * (next - at).seconds()));
        }
        Self { steps }
    }

    fn up_to(&self, at: Instant) -> f64 {
        let step = self.steps.partition_point(|&(from, ..)| from <= at).saturating_sub(1);
        let (from, value, sum) = self.steps[step];
        sum + value * (at - from).seconds()
    }
}

/// `span` before `at`.
fn before(at: Instant, span: Span) -> Instant {
    Instant(at.0.saturating_sub(span.0))
}

/// The start in `[from, to]` from which `rate` is lowest for `duration`; the earliest of several.
///
/// ```
/// use galerna::lease::lowest;
/// use galerna::model::costs::{Rate, Series, Then};
/// use galerna::time::{Instant, Span};
///
/// // High by day, low from 22 h to 6 h.
/// let steps = vec![(0.0, 100.0), (21_600.0, 300.0), (79_200.0, 100.0)];
/// let until_s = Some(86_400.0);
/// let rate = Rate::Series(Series { steps, until_s, then: Then::Repeat, ..Series::default() });
/// let hours = |h: f64| Instant::from_seconds(3600.0 * h);
/// let two_hours = Span::from_seconds(7200.0);
/// assert_eq!(lowest(&rate, hours(8.0), hours(32.0), two_hours), hours(22.0));
/// assert_eq!(lowest(&rate, hours(8.0), hours(12.0), two_hours), hours(8.0));
/// ```
pub fn lowest(rate: &Rate, from: Instant, to: Instant, duration: Span) -> Instant {
    let integral = Integral::of(rate, from, to + duration);
    let edges = integral.steps.iter().map(|&(edge, ..)| edge);
    let mut starts: Vec<Instant> = edges.flat_map(|edge| [edge, before(edge, duration)]).collect();
    starts.extend([from, to]);
    starts.retain(|start| (from..=to).contains(start));
    starts.sort_unstable();
    let cost = |start: Instant| integral.up_to(start + duration) - integral.up_to(start);
    let mut best = (from, cost(from));
    for start in starts {
        let found = cost(start);
        // What differs by rounding alone is equal.
        if found < best.1 - 1e-9 * best.1.abs() {
            best = (start, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::costs::{Series, Then};
    use crate::random::{below, stream};

    fn random_rate(turn: u64) -> Rate {
        let random = &mut stream(turn, "test.rate");
        let mut at = 0.0;
        let steps = (0..2 + below(12, random)).map(|_| {
            let step = (at, below(50, random) as f64);
            at += 60.0 * (1 + below(90, random)) as f64;
            step
        });
        let steps = steps.collect();
        let then = if turn.is_multiple_of(2) { Then::Repeat } else { Then::Hold };
        Rate::Series(Series { steps, until_s: Some(at), then, ..Series::default() })
    }

    /// No start of any minute is better than the one that is found, by summing minute by minute.
    #[test]
    fn no_other_start_is_lower() {
        for turn in 0..200 {
            let rate = random_rate(turn);
            let random = &mut stream(turn, "test.range");
            let minute = |count: usize| Span::from_seconds(60.0 * count as f64);
            let from = Instant::START + minute(below(300, random));
            let (width, length) = (below(400, random), 1 + below(200, random));
            let sum =
                |start: Instant| -> f64 { (0..length).map(|k| rate.at(start + minute(k))).sum() };
            let found = lowest(&rate, from, from + minute(width), minute(length));
            let least = (0..=width).map(|k| sum(from + minute(k))).fold(f64::INFINITY, f64::min);
            assert!((from..=from + minute(width)).contains(&found));
            assert!(sum(found) <= least + 1e-6, "{turn}: {} above {least}", sum(found));
            let mut earlier = (0..width).map(|k| from + minute(k)).take_while(|&at| at < found);
            assert!(earlier.all(|start| sum(start) > least + 1e-6), "{turn}: not the earliest");
        }
    }

    #[test]
    fn a_constant_rate_shifts_nothing() {
        let at = Instant::from_seconds(77.0);
        let found =
            lowest(&Rate::Constant(5.0), at, at + Span::from_seconds(1e6), Span(60_000_000));
        assert_eq!(found, at);
    }
}
