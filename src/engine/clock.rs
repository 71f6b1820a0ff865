//! Two ways to keep time: exact microseconds, or the doubles that CloudSim adds up.
//!
//! Events are ordered by integer microseconds either way; the accumulated clock carries the seconds
//! in which the reference computes beside them.

use crate::model::rules::ClockKind;
use crate::time::{Instant, Span};

/// When CloudSim's broker attaches the workloads, seconds.
const BROKER_START_S: f64 = 0.1;

/// A point in time as the run keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Exactly; events are ordered by this.
    pub instant: Instant,
    /// In seconds, for arithmetic.
    pub seconds: f64,
}

/// Keeps time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    kind: ClockKind,
    step: Span,
}

impl Clock {
    /// A clock of `kind` for samples `step` apart.
    pub fn new(kind: ClockKind, step: Span) -> Self {
        Self { kind, step }
    }

    /// The start of the run.
    pub fn start(self) -> Moment {
        Moment { instant: Instant::START, seconds: 0.0 }
    }

    /// The first decision.
    pub fn first_decision(self) -> Moment {
        match self.kind {
            ClockKind::Exact => self.at(Instant::START + self.step),
            ClockKind::Accumulated => self.rounded(BROKER_START_S + self.step.seconds()),
        }
    }

    /// The decision after the one at `moment`.
    pub fn next_decision(self, moment: Moment) -> Moment {
        self.later(moment, self.step.seconds(), self.step)
    }

    /// `seconds` after `moment`, which are `span` to the microsecond.
    pub fn later(self, moment: Moment, seconds: f64, span: Span) -> Moment {
        match self.kind {
            ClockKind::Exact => self.at(moment.instant + span),
            ClockKind::Accumulated => self.rounded(moment.seconds + seconds),
        }
    }

    /// A moment of which only the microsecond is known.
    pub fn at(self, instant: Instant) -> Moment {
        Moment { instant, seconds: instant.seconds() }
    }

    fn rounded(self, seconds: f64) -> Moment {
        Moment { instant: Instant::from_seconds(seconds), seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accumulated_clock_adds_doubles_and_the_exact_one_microseconds() {
        let step = Span::from_seconds(300.0);
        let reference = Clock::new(ClockKind::Accumulated, step);
        let exact = Clock::new(ClockKind::Exact, step);
        let mut moment = reference.first_decision();
        let mut sum = 0.1 + 300.0;
        for _ in 1..287 {
            moment = reference.next_decision(moment);
            sum += 300.0;
        }
        assert_eq!((moment.seconds, moment.instant), (sum, Instant(86_100_100_000)));
        assert_eq!(exact.first_decision().instant, Instant(300_000_000));
    }
}
