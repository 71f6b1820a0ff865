//! One migration under way: its leg, what it still has to send, and when that will be done.

use super::StageKind;
use super::program::{Leg, Passed, Program, UnderWay};
use super::transfers::Due;
use crate::topology::{FlowId, LinkId};

/// Ticks of the clock in a second.
pub(super) const MICROSECONDS: f64 = 1e6;

/// Room for one migration; a slot is used again, its revision goes on counting.
#[derive(Debug)]
pub(super) struct Slot {
    pub program: Option<Box<dyn Program>>,
    pub path: Vec<LinkId>,
    pub place: Place,
    pub leg: Leg,
    /// When the leg began.
    pub began: f64,
    /// Bytes of the leg still to send at `since`.
    pub remaining: f64,
    /// Bytes per second that the links give from `since` on.
    pub rate: f64,
    pub since: f64,
    /// Bytes of all legs before this one.
    pub bytes: f64,
    /// When it is given up.
    pub give_up: f64,
    /// Counts the changes: an end announced for an earlier one is void.
    pub revision: u32,
    /// Counts the starts.
    pub serial: u64,
    pub announced: bool,
    /// Whether its end was announced past rounds of which nothing was told.
    pub foreseen: bool,
    /// Whether what was announced is that it is given up.
    pub gives_up: bool,
}

/// What a migration has of the links.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// Nothing: it sends nothing.
    Beside,
    /// Its narrowest link for itself.
    Alone,
    /// A share.
    Among(FlowId),
}

/// Seconds from `since` to `now`, which are microseconds.
pub(super) fn elapsed(since: f64, now: f64) -> f64 {
    (now - since) / MICROSECONDS
}

impl Slot {
    /// When its leg is complete at the present rate; where rounds are passed over `quiet`ly, the
    /// last of those that are foreseen.
    pub fn due(&mut self, now: f64, quiet: bool) -> Due {
        let Self { leg, remaining, rate, .. } = *self;
        let under_way = UnderWay { leg, remaining, elapsed_s: elapsed(self.began, now) };
        let passes = quiet && matches!(leg.kind, StageKind::Bulk | StageKind::Round);
        let foreseen = match &mut self.program {
            Some(program) if passes => program.foresee(&under_way, rate),
            _ => None,
        };
        self.foreseen = foreseen.is_some();
        let complete = foreseen.unwrap_or_else(|| under_way.left_s(rate));
        let left = if self.leg.kind.is_past_stop() {
            f64::INFINITY
        } else {
            elapsed(now, self.give_up).max(0.0)
        };
        self.gives_up = left <= complete;
        let Self { revision, gives_up, .. } = *self;
        Due { revision, after_s: complete.min(left), gives_up }
    }

    /// Goes on to the leg that is under way at `now`, where that was not told.
    pub fn pass_over(&mut self, now: f64) {
        if std::mem::take(&mut self.foreseen)
            && let Some(program) = &mut self.program
            && let Some(passed) = program.pass(Some(elapsed(self.since, now)))
        {
            self.enter_leg(passed, now);
        }
    }

    /// The leg that was announced is complete: seconds that it took.
    pub fn complete(&mut self, now: f64) -> f64 {
        if std::mem::take(&mut self.foreseen)
            && let Some(program) = &mut self.program
            && let Some(passed) = program.pass(None)
        {
            self.enter_leg(passed, now);
            self.remaining = 0.0;
            // Not the difference of two times, which is rounded.
            return passed.into_s;
        }
        elapsed(self.began, now)
    }

    fn enter_leg(&mut self, Passed { leg, into_s, bytes }: Passed, now: f64) {
        self.bytes += bytes;
        (self.leg, self.remaining) = (leg, leg.bytes);
        self.began = now - into_s * MICROSECONDS;
        self.since = self.began;
    }
}
