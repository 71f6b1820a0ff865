//! How long may a search take, and how much of that is used up?

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Limits of a search; whichever is reached first ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Time by the clock on the wall.
    pub time: Option<Duration>,
    /// Steps of each chain; with this limit alone the answer is reproducible.
    pub steps: Option<u64>,
}

/// A budget under way.
pub(super) struct Clock<'a> {
    budget: Budget,
    begun: Instant,
    stop: &'a AtomicBool,
}

impl<'a> Clock<'a> {
    /// Starts now; `stop` ends it early.
    pub(super) fn start(budget: Budget, stop: &'a AtomicBool) -> Self {
        Self { budget, begun: Instant::now(), stop }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The part of the budget that is used up, from 0 to 1, once `steps` are done.
    pub(super) fn progress(&self, steps: u64) -> f64 {
        if self.stop.load(Ordering::Relaxed) {
            return 1.0;
        }
        let by_steps = self.budget.steps.map_or(0.0, |all| steps as f64 / all.max(1) as f64);
        let by_time = self
            .budget
            .time
            .map_or(0.0, |all| self.begun.elapsed().as_secs_f64() / all.as_secs_f64().max(1e-9));
        by_steps.max(by_time).min(1.0)
    }
}
