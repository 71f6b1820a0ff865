//! Pre-copy by QEMU's own stop rule, at the pace of one channel: the default.
//!
//! ```text
//! total    = s0 + sum of rounds + max(0, w - Qb / B) + s0        w = stop bytes / B_stop
//! downtime = c_d + w
//! ```
//!
//! `s0`: set-up, once to begin and as long to end, s; `w`: sending what is left while the VM is
//! stopped; `Qb`: bytes already in the socket then; `c_d`: device state, loading, resuming, s. The
//! rounds are those of [`super::Rounds`].
//!
//! A rate limit of the hypervisor works in windows of `window_s`: what fits in the rest of a window
//! goes out as a burst, and the limit is lifted for the stop. A shaped link is smooth.
//!
//! Source: QEMU 7.2, read as behaviour and measured (243 migrations). Differs from the full-round
//! model in stopping as soon as *what remains* fits the limit, pages of the first pass included.

use std::sync::Arc;

use super::prediction::{Timeline, note};
use super::rounds::{Pass, Rounds, Step};
use super::task::{Order, Pace, Task};
use super::{Answer, Constants, Convergence, Live, MigrationModel, Prediction, Program, StageKind};

/// The QEMU rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PreCopy;

impl MigrationModel for PreCopy {
    fn name(&self) -> &str {
        "pre-copy"
    }
    fn predict(&self, task: &Task, constants: &Constants, timeline: Timeline<'_>) -> Answer {
        match Course::new(task, constants, timeline).run(u32::MAX) {
            End::Done(prediction) | End::Cut(_, _, prediction) => Ok(prediction),
        }
    }
    fn live(&self, task: &Task, constants: &Arc<Constants>) -> Option<Box<dyn Program>> {
        Some(Box::new(Live::new(task, constants, None)))
    }
}

/// A migration under way at the pace of one channel.
pub(super) struct Course<'a, 't> {
    pub(super) task: &'a Task,
    pub(super) constants: &'a Constants,
    timeline: Timeline<'t>,
    pace: Pace,
    change: Option<(f64, Pace)>,
    /// Seconds since the command.
    pub(super) now: f64,
    /// Bytes sent in the current window of a rate limit.
    used: f64,
    pub(super) bytes: f64,
}

/// How the rounds end.
pub(super) enum End<'a, 't> {
    /// By themselves, or given up.
    Done(Prediction),
    /// After the number of passes asked for: where that is, and what it has cost.
    Cut(Box<Course<'a, 't>>, Box<Rounds>, Prediction),
}

impl<'a, 't> Course<'a, 't> {
    pub(super) fn new(task: &'a Task, constants: &'a Constants, timeline: Timeline<'t>) -> Self {
        let (pace, change) = task.channel.paces(constants);
        Self { task, constants, timeline, pace, change, now: 0.0, used: 0.0, bytes: 0.0 }
    }

    fn order(&self) -> Order<'a> {
        Order { task: self.task, constants: self.constants }
    }

    /// The pace at this time.
    pub(super) fn pace(&mut self) -> Pace {
        if let Some((at, pace)) = self.change
            && self.now >= at
        {
            (self.pace, self.change) = (pace, None);
        }
        self.pace
    }

    /// Runs to the end, or to the synchronisation after `passes`.
    pub(super) fn run(mut self, passes: u32) -> End<'a, 't> {
        let start = self.pace();
        let (mut rounds, mut send) = Rounds::begin(self.order(), start);
        let before = self.constants.setup_s + rounds.effective().before_s;
        self.spend(StageKind::SetUp, before, 0.0, 1.0);
        loop {
            let seconds = self.send(&send, &rounds);
            if self.now > self.task.give_up_s {
                let remaining_pages = rounds.dirtied(self.order(), seconds);
                let given_up = Convergence::GivenUp { remaining_pages };
                return End::Done(self.abandon(&rounds, given_up));
            }
            let (pace, passed) = (self.pace(), rounds.count());
            let convergence = match rounds.sent(self.order(), seconds, pace) {
                Step::Stop(stop) => return End::Done(self.stop(&rounds, &stop)),
                Step::Pass(_) if passed >= passes => {
                    let so_far = self.costs(&rounds, self.now, 0.0, Convergence::Converged);
                    return End::Cut(Box::new(self), Box::new(rounds), so_far);
                }
                Step::Pass(next) => {
                    send = next;
                    continue;
                }
                Step::Never(fixed_point_pages) => Convergence::Never { fixed_point_pages },
                Step::GiveUp(remaining_pages) => Convergence::GivenUp { remaining_pages },
            };
            return End::Done(self.abandon(&rounds, convergence));
        }
    }

    pub(super) fn spend(&mut self, kind: StageKind, seconds: f64, bytes: f64, speed: f64) {
        note(&mut self.timeline, kind, seconds, bytes, speed);
        self.now += seconds;
        self.bytes += bytes;
    }

    /// Sends, and says how long it took.
    fn send(&mut self, send: &Pass, rounds: &Rounds) -> f64 {
        let pace = rounds.effective().pace(self.pace);
        let window = pace.rate * self.constants.window_s;
        let mut seconds = match (pace.burst, self.change) {
            (Some(burst), _)
                if send.kind == StageKind::Round && send.bytes <= window - self.used =>
            {
                self.used += send.bytes;
                send.bytes / burst
            }
            (_, Some((at, next))) => {
                self.across(send.bytes, pace, at, rounds.effective().pace(next))
            }
            (burst, None) => {
                if burst.is_some() {
                    self.used = (self.used + send.bytes) % window;
                }
                send.bytes / pace.rate
            }
        };
        seconds = (seconds + send.extra_s).max(send.least_s);
        let speed = rounds.speed() * (1.0 - self.constants.logging_slowdown);
        self.spend(send.kind, seconds, send.bytes, speed);
        seconds
    }

    /// Seconds to send `bytes` at `pace` until `at`, at `next` from then on.
    fn across(&mut self, bytes: f64, pace: Pace, at: f64, next: Pace) -> f64 {
        let before = (at - self.now).max(0.0);
        let rest = bytes - before * pace.rate;
        if rest <= 0.0 {
            return bytes / pace.rate;
        }
        self.used =
            if next.burst.is_some() { rest % (next.rate * self.constants.window_s) } else { 0.0 };
        before + rest / next.rate
    }

    fn stop(&mut self, rounds: &Rounds, stop: &Pass) -> Prediction {
        let constants = self.constants;
        let pace = rounds.effective().pace(self.pace);
        let wait = stop.bytes / pace.stopped();
        let reported = if pace.burst.is_some() {
            wait
        } else {
            (wait - constants.backlog_bytes / pace.rate).max(0.0)
        };
        let running = self.now;
        let downtime = constants.downtime_s + wait;
        let total = running + reported + constants.setup_s;
        self.spend(StageKind::Stop, downtime, stop.bytes, 0.0);
        Prediction {
            total_s: total,
            downtime_s: downtime,
            downtime_reported_s: reported,
            downtime_guest_s: downtime + constants.first_schedule_s,
            ..self.costs(rounds, running, downtime, Convergence::Converged)
        }
    }

    /// What it has cost when it does not end; a migration that would never end goes on until it is
    /// given up.
    fn abandon(&mut self, rounds: &Rounds, convergence: Convergence) -> Prediction {
        let rate = rounds.effective().pace(self.pace).rate;
        let end = self.task.give_up_s;
        if end.is_finite() {
            self.bytes = (self.bytes + (end - self.now) * rate).max(0.0);
            self.now = end;
        }
        self.costs(rounds, self.now, 0.0, convergence)
    }

    fn costs(
        &self,
        rounds: &Rounds,
        running: f64,
        downtime: f64,
        convergence: Convergence,
    ) -> Prediction {
        let constants = self.constants;
        let pages = rounds.effective().nonzero + rounds.sent_again();
        let costs = Prediction::simple(constants, running + downtime, downtime, self.bytes);
        let scanned = rounds.effective().zero * constants.zero_page_s;
        Prediction {
            total_s: running,
            downtime_s: 0.0,
            downtime_reported_s: 0.0,
            downtime_guest_s: 0.0,
            rounds: rounds.count(),
            convergence,
            cpu_source_s: costs.cpu_source_s + pages * rounds.effective().cpu_page_s + scanned,
            lost_s: costs.lost_s + rounds.throttled_s(),
            throttle: 1.0 - rounds.speed(),
            ..costs
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::PAGE;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::{Channel, Memory};
    use crate::units::BytesPerSecond;

    fn task(pages: f64, dirty: Dirty, pages_per_s: f64) -> Task {
        let memory = Memory { pages, nonzero: pages, dirty };
        Task::new(memory, Channel::link(BytesPerSecond(pages_per_s * PAGE)))
    }

    fn predict(task: &Task, constants: &Constants) -> Prediction {
        PreCopy.predict(task, constants, None).expect("built-in models answer")
    }

    /// The ideal machine, 1000 pages/s, limit 0.3 s = 300 pages. 1000 pages: 700 are sent in
    /// 0.7 s, 300 while stopped: 1 s in all, and nothing twice.
    #[test]
    fn an_idle_vm_is_sent_once() {
        let prediction = predict(&task(1000.0, Dirty::Idle, 1000.0), &Constants::ideal());
        assert!((prediction.total_s - 1.0).abs() < 1e-12);
        assert!((prediction.downtime_s - 0.3).abs() < 1e-12);
        assert_eq!((prediction.bytes, prediction.rounds), (1000.0 * PAGE, 1));
    }

    /// Likewise at a tenth of the writes, and checks every 60 ms, which leave 270 pages:
    /// 730 in 0.73 s dirty 73, so that 343 are pending; 73 in 0.073 s dirty 7.3: 277.3 are few
    /// enough. (The working set is so large that hardly a page is hit twice.)
    #[test]
    fn rounds_shrink_by_the_ratio_of_rates() {
        let busy = task(1000.0, Dirty::Constant { rate: 100.0, working_set: 1e12 }, 1000.0);
        let constants = Constants { check_s: 0.06, ..Constants::ideal() };
        let prediction = predict(&busy, &constants);
        assert_eq!(prediction.rounds, 2);
        let pages = 730.0 + 73.0 + 277.3;
        assert!((prediction.bytes / PAGE - pages).abs() < 1e-6, "{}", prediction.bytes / PAGE);
        assert!((prediction.total_s - pages / 1000.0).abs() < 1e-9);
    }

    /// 2000 writes/s on 5000 pages at 1000 pages/s never fit 300 pages; every round finds all of
    /// 5000 pages dirty.
    #[test]
    fn a_vm_that_never_converges_is_reported_with_its_fixed_point() {
        let dirty = Dirty::Constant { rate: 2000.0, working_set: 5000.0 };
        let mut busy = task(50_000.0, dirty, 1000.0);
        let Convergence::Never { fixed_point_pages } =
            predict(&busy, &Constants::ideal()).convergence
        else {
            panic!("it cannot converge")
        };
        assert!((fixed_point_pages - 5300.0).abs() < 1e-6, "{fixed_point_pages}");
        busy.give_up_s = 100.0;
        let given_up = predict(&busy, &Constants::ideal());
        assert_eq!(given_up.total_s, 100.0);
        assert!((given_up.bytes - 100.0 * 1000.0 * PAGE).abs() < 1.0);
    }

    #[test]
    fn the_timeline_tells_every_stage() {
        let busy = task(1000.0, Dirty::Constant { rate: 100.0, working_set: 1e6 }, 1000.0);
        let mut stages = Vec::new();
        let constants = Constants { check_s: 0.06, setup_s: 0.1, ..Constants::ideal() };
        let prediction =
            PreCopy.predict(&busy, &constants, Some(&mut stages)).expect("built-in models answer");
        let kinds: Vec<StageKind> = stages.iter().map(|stage| stage.kind).collect();
        assert_eq!(kinds[..2], [StageKind::SetUp, StageKind::Bulk]);
        assert_eq!(kinds.last(), Some(&StageKind::Stop));
        let bytes: f64 = stages.iter().map(|stage| stage.bytes).sum();
        assert!((bytes - prediction.bytes).abs() < 1e-6);
    }
}
