//! Which run is next? Trace by trace, and of those that get in each other's way one at a time.
//!
//! Python runs in one thread of a process at a time. Two runs with policies written in Python, side
//! by side, pass its lock to and fro at every question and are many times slower than one after
//! the other. So one thread takes them while the others take the rest.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Runs that nobody has taken.
pub(super) struct Queue {
    state: Mutex<State>,
    /// The run that goes alone has ended.
    ended: Condvar,
    /// Which runs go one at a time.
    alone: Vec<bool>,
    /// Trace of each run.
    trace: Vec<usize>,
    /// How far ahead of the first trace runs are taken, in traces, so that few are in memory.
    traces_at_once: usize,
}

struct State {
    /// Those of one trace together.
    waiting: VecDeque<usize>,
    /// Whether one that goes alone is under way.
    occupied: bool,
}

/// A run that somebody has taken, until it is dropped.
pub(super) struct Taken<'q> {
    queue: &'q Queue,
    pub run: usize,
}

impl Queue {
    /// All runs, in an `order` that has those of one trace together.
    pub fn new(
        order: Vec<usize>,
        alone: Vec<bool>,
        trace: Vec<usize>,
        traces_at_once: usize,
    ) -> Self {
        let state = Mutex::new(State { waiting: order.into(), occupied: false });
        Self { state, ended: Condvar::new(), alone, trace, traces_at_once }
    }

    /// The next run; waits while there are only such as must wait. `None` when there is none left
    /// or the caller is `told_to_stop`.
    pub fn take(&self, told_to_stop: impl Fn() -> bool) -> Option<Taken<'_>> {
        let mut state = self.lock();
        loop {
            if told_to_stop() || state.waiting.is_empty() {
                return None;
            }
            if let Some(at) = self.next(&state) {
                let run = state.waiting.remove(at)?;
                state.occupied |= self.alone[run];
                return Some(Taken { queue: self, run });
            }
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Place of the run to take: one that goes alone, if it may go, else the first of the others.
    fn next(&self, state: &State) -> Option<usize> {
        let mut traces = 0;
        let mut latest = None;
        let mut other = None;
        for (at, &run) in state.waiting.iter().enumerate() {
            if latest != Some(self.trace[run]) {
                (latest, traces) = (Some(self.trace[run]), traces + 1);
            }
            if traces > self.traces_at_once {
                break;
            }
            match (self.alone[run], state.occupied) {
                (true, false) => return Some(at),
                (true, true) => {}
                (false, _) => other = other.or(Some(at)),
            }
            if other.is_some() && state.occupied {
                break;
            }
        }
        other
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.queue.alone[self.run] {
            self.queue.lock().occupied = false;
            self.queue.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Runs 0 to 5 on three traces, two each; 1, 3 and 5 go alone.
    fn queue(traces_at_once: usize) -> Queue {
        let alone = (0..6).map(|run| run % 2 == 1).collect();
        Queue::new((0..6).collect(), alone, vec![0, 0, 1, 1, 2, 2], traces_at_once)
    }

    fn run(taken: Option<&Taken<'_>>) -> Option<usize> {
        taken.map(|taken| taken.run)
    }

    #[test]
    fn runs_that_go_alone_begin_first_and_others_pass_them() {
        let queue = queue(2);
        let first = queue.take(|| false);
        let second = queue.take(|| false);
        let third = queue.take(|| false);
        assert_eq!(
            [&first, &second, &third].map(|taken| run(taken.as_ref())),
            [Some(1), Some(0), Some(2)],
            "3 waits for 1"
        );
        drop(first);
        let fourth = queue.take(|| false);
        assert_eq!(run(fourth.as_ref()), Some(3));
        assert_eq!(run(queue.take(|| false).as_ref()), Some(4), "5 waits for 3");
        drop((second, third, fourth));
        assert_eq!(run(queue.take(|| false).as_ref()), Some(5));
        assert!(queue.take(|| false).is_none());
    }

    #[test]
    fn nobody_runs_ahead_by_more_traces_than_may_be_in_memory() {
        let queue = queue(1);
        let alone = queue.take(|| false);
        assert_eq!(run(alone.as_ref()), Some(1));
        assert_eq!(run(queue.take(|| false).as_ref()), Some(0));
        assert_eq!(run(queue.take(|| false).as_ref()), Some(2), "the first trace is done with");
        let waits = queue.next(&queue.lock());
        assert_eq!(waits, None, "4 is on the next trace, 3 waits for 1");
    }

    #[test]
    fn whoever_waits_goes_on_when_told_to_stop_and_no_two_go_alone_at_once() {
        let queue = Queue::new((0..40).collect(), vec![true; 40], vec![0; 40], 2);
        let (under_way, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while let Some(_taken) = queue.take(|| done.load(Ordering::SeqCst) >= 30) {
                        assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0);
                        thread::sleep(Duration::from_micros(50));
                        under_way.fetch_sub(1, Ordering::SeqCst);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 30);
    }
}
