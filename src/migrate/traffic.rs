//! Migrations on shared links, event by event.
//!
//! Every migration is a flow along its path; its [`Rounds`] say what it sends next. When one begins
//! or ends, the max-min fair rates change, and with them the duration of the rounds under way and
//! the threshold of their stop rule. Between events all rates are constant, so the fluid model is
//! integrated exactly. Links are smooth here: a hypervisor's rate limit caps its flow and does not
//! burst.
//!
//! A migration that will not end at its present pace is escalated: cancelled or stopped anyway, as
//! the caller chose. So nothing hangs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::rounds::{Pass, Rounds, Step};
use super::task::{Pace, Task};
use super::{Constants, Convergence, Prediction, StageKind};
use crate::topology::{FairShare, FlowId, LinkId};

/// What becomes of a migration that would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escalation {
    /// It is cancelled; the VM stays.
    #[default]
    Cancel,
    /// The VM stops and the rest is sent.
    Stop,
}

/// A migration that is to begin.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// When, s.
    pub at_s: f64,
    /// What moves.
    pub task: &'a Task,
    /// The links it takes.
    pub path: &'a [LinkId],
    /// What happens when it would not end.
    pub escalation: Escalation,
}

/// A migration that is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    /// The number that [`Traffic::arrive`] gave it.
    pub migration: usize,
    /// When it was over, s.
    pub at_s: f64,
    /// What it cost; times count from its beginning.
    pub outcome: Prediction,
}

/// Migrations under way.
#[derive(Debug)]
pub struct Traffic<'a> {
    constants: &'a Constants,
    share: FairShare,
    jobs: Vec<Job<'a>>,
    /// Job of each flow.
    job_of: Vec<usize>,
    /// `(time, serial number, job, revision)`: the first is due next.
    queue: BinaryHeap<Reverse<(u64, u64, usize, u32)>>,
    serial: u64,
    altered: Vec<FlowId>,
}

#[derive(Debug)]
struct Job<'a> {
    arrival: Arrival<'a>,
    flow: Option<FlowId>,
    rounds: Option<Rounds<'a>>,
    send: Pass,
    /// When the send under way began, and what of it is left since when at which rate.
    sending_since: f64,
    remaining: f64,
    since: f64,
    rate: f64,
    bytes: f64,
    stopped_at: f64,
    /// Seconds that what was in the socket at the stop takes.
    backlog_s: f64,
    forced: Option<Convergence>,
    revision: u32,
}

const NOTHING: Pass = Pass { kind: StageKind::SetUp, bytes: 0.0, extra_s: 0.0, least_s: 0.0 };

impl<'a> Traffic<'a> {
    /// No migration on links of these capacities, bytes per second.
    pub fn new(capacities: impl IntoIterator<Item = f64>, constants: &'a Constants) -> Self {
        Self {
            constants,
            share: FairShare::new(capacities),
            jobs: Vec::new(),
            job_of: Vec::new(),
            queue: BinaryHeap::new(),
            serial: 0,
            altered: Vec::new(),
        }
    }

    /// Announces a migration and numbers it; it must not lie before what has happened already.
    pub fn arrive(&mut self, arrival: Arrival<'a>) -> usize {
        let job = self.jobs.len();
        let effective = arrival.task.features.effective(&arrival.task.memory, self.constants);
        let begin = arrival.at_s + self.constants.setup_s + effective.before_s;
        self.jobs.push(Job {
            arrival,
            flow: None,
            rounds: None,
            send: NOTHING,
            sending_since: begin,
            remaining: 0.0,
            since: begin,
            rate: 0.0,
            bytes: 0.0,
            stopped_at: 0.0,
            backlog_s: 0.0,
            forced: None,
            revision: 0,
        });
        self.push(begin, job);
        job
    }

    /// Bytes per second that pass `link` now.
    pub fn load(&self, link: LinkId) -> f64 {
        self.share.load(link)
    }

    /// Runs until the next migration is over; `None` when there is none.
    pub fn next_done(&mut self) -> Option<Done> {
        while let Some(Reverse((bits, _, job, revision))) = self.queue.pop() {
            if self.jobs[job].revision != revision {
                continue;
            }
            if let Some(done) = self.advance(job, f64::from_bits(bits)) {
                return Some(done);
            }
        }
        None
    }

    fn push(&mut self, at: f64, job: usize) {
        self.serial += 1;
        self.queue.push(Reverse((at.to_bits(), self.serial, job, self.jobs[job].revision)));
    }

    /// The send of `id` is complete, or its time is up.
    fn advance(&mut self, id: usize, now: f64) -> Option<Done> {
        let job = &mut self.jobs[id];
        if job.rounds.is_none() {
            match job.flow {
                None => self.join(id, now),
                Some(_) => self.begin(id, now),
            }
            return None;
        }
        let late = now - job.arrival.at_s >= job.arrival.task.give_up_s;
        if job.send.kind == StageKind::Stop {
            return Some(self.end(id, now));
        }
        if late {
            let seconds = now - job.sending_since;
            job.bytes -= (job.remaining - job.rate * (now - job.since)).max(0.0);
            let remaining_pages = job.rounds.as_ref().map_or(0.0, |rounds| rounds.dirtied(seconds));
            job.forced = Some(Convergence::GivenUp { remaining_pages });
            return Some(self.end(id, now));
        }
        let pace = Pace { rate: job.rate, burst: None };
        let rounds = job.rounds.as_mut()?;
        let step = rounds.sent(now - job.sending_since, pace);
        let send = match step {
            Step::Pass(send) | Step::Stop(send) => send,
            Step::Never(fixed_point_pages) => {
                job.forced = Some(Convergence::Never { fixed_point_pages });
                rounds.stop_anyway()
            }
            Step::GiveUp(remaining_pages) => {
                job.forced = Some(Convergence::GivenUp { remaining_pages });
                rounds.stop_anyway()
            }
        };
        if job.forced.is_some() && job.arrival.escalation == Escalation::Cancel {
            return Some(self.end(id, now));
        }
        if send.kind == StageKind::Stop {
            job.stopped_at = now;
            job.backlog_s = self.constants.backlog_bytes / job.rate;
        }
        self.start_send(id, send, now);
        self.schedule(id, now);
        None
    }

    /// Takes its share of the links. What it sends first depends on that share, so that all that
    /// join at one instant do so before any of them begins.
    fn join(&mut self, id: usize, now: f64) {
        let Arrival { task, path, .. } = self.jobs[id].arrival;
        let efficiency = self.constants.link_efficiency;
        let most = task.features.effective(&task.memory, self.constants).most;
        let limit = (most / efficiency).min(task.channel.nominal());
        let flow = self.share.add(path, 1.0, limit);
        if self.job_of.len() <= flow as usize {
            self.job_of.resize(flow as usize + 1, 0);
        }
        self.job_of[flow as usize] = id;
        self.jobs[id].flow = Some(flow);
        self.share_anew(now);
        self.push(now, id);
    }

    fn begin(&mut self, id: usize, now: f64) {
        let pace = Pace { rate: self.jobs[id].rate, burst: None };
        let (rounds, send) = Rounds::begin(self.jobs[id].arrival.task, self.constants, pace);
        self.jobs[id].rounds = Some(rounds);
        self.start_send(id, send, now);
        self.schedule(id, now);
    }

    fn start_send(&mut self, id: usize, send: Pass, now: f64) {
        let job = &mut self.jobs[id];
        (job.send, job.remaining) = (send, send.bytes);
        (job.sending_since, job.since) = (now, now);
        job.bytes += send.bytes;
    }

    /// When the send under way is complete at the present rate.
    fn schedule(&mut self, id: usize, now: f64) {
        let job = &mut self.jobs[id];
        job.revision += 1;
        let complete = now + job.remaining / job.rate + job.send.extra_s;
        let complete = complete.max(job.sending_since + job.send.least_s);
        let up = job.arrival.at_s + job.arrival.task.give_up_s;
        let at = if job.send.kind == StageKind::Stop { complete } else { complete.min(up) };
        self.push(at.max(now), id);
    }

    /// Shares the links anew and moves what depends on it.
    fn share_anew(&mut self, now: f64) {
        let mut altered = std::mem::take(&mut self.altered);
        self.share.share(&mut altered);
        for flow in altered.drain(..) {
            let id = self.job_of[flow as usize];
            let rate = self.constants.link_efficiency * self.share.rate(flow);
            let job = &mut self.jobs[id];
            job.remaining = (job.remaining - job.rate * (now - job.since)).max(0.0);
            (job.since, job.rate) = (now, rate);
            if job.rounds.is_some() {
                self.schedule(id, now);
            }
        }
        self.altered = altered;
    }

    fn end(&mut self, id: usize, now: f64) -> Done {
        let outcome = self.outcome(id, now);
        let job = &mut self.jobs[id];
        job.revision += 1;
        // Its rounds are no longer needed; a long simulation keeps only what it must.
        job.rounds = None;
        if let Some(flow) = job.flow.take() {
            self.share.remove(flow);
            self.share_anew(now);
        }
        Done { migration: id, at_s: self.jobs[id].arrival.at_s + outcome.total_s, outcome }
    }

    fn outcome(&self, id: usize, now: f64) -> Prediction {
        let (job, constants) = (&self.jobs[id], self.constants);
        let elapsed = now - job.arrival.at_s;
        let stopped = job.send.kind == StageKind::Stop;
        let wait = if stopped { now - job.stopped_at } else { 0.0 };
        let downtime = if stopped { constants.downtime_s + wait } else { 0.0 };
        let backlog = job.backlog_s.min(wait);
        let total = if stopped { elapsed - backlog + constants.setup_s } else { elapsed };
        let simple = Prediction::simple(constants, total, downtime, job.bytes);
        let (rounds, throttled) =
            job.rounds.as_ref().map_or((0, 0.0), |rounds| (rounds.count(), rounds.throttled_s()));
        Prediction {
            downtime_reported_s: wait - backlog,
            downtime_guest_s: downtime + if stopped { constants.first_schedule_s } else { 0.0 },
            rounds,
            convergence: job.forced.unwrap_or(Convergence::Converged),
            lost_s: simple.lost_s + throttled,
            ..simple
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::{Channel, Memory};
    use crate::migrate::{MigrationModel, PAGE, PreCopy};
    use crate::units::BytesPerSecond;

    fn task(dirty: Dirty) -> Task {
        let memory = Memory { pages: 50_000.0, nonzero: 30_000.0, dirty };
        Task::new(memory, Channel::link(BytesPerSecond(5000.0 * PAGE)))
    }

    fn all(traffic: &mut Traffic<'_>) -> Vec<Done> {
        std::iter::from_fn(|| traffic.next_done()).collect()
    }

    #[test]
    fn alone_a_migration_is_the_closed_form() {
        let constants = Constants::default();
        for dirty in [
            Dirty::Idle,
            Dirty::Uniform { rate: 3000.0, working_set: 4000.0 },
            Dirty::Constant { rate: 4000.0, working_set: 9000.0 },
        ] {
            let task = task(dirty);
            let mut traffic = Traffic::new([5000.0 * PAGE], &constants);
            let path = [0];
            let escalation = Escalation::Cancel;
            traffic.arrive(Arrival { at_s: 7.0, task: &task, path: &path, escalation });
            let done = all(&mut traffic)[0].outcome;
            let closed = PreCopy.predict(&task, &constants, None).expect("built-in");
            assert!((done.total_s - closed.total_s).abs() < 1e-9, "{done:?} {closed:?}");
            assert!((done.downtime_s - closed.downtime_s).abs() < 1e-9);
            assert!((done.bytes - closed.bytes).abs() < 1e-3);
            assert_eq!((done.rounds, done.convergence), (closed.rounds, closed.convergence));
        }
    }

    /// Idle VMs send the same bytes at any pace: three at once take three times the copy.
    #[test]
    fn equal_migrations_on_one_link_take_k_times_as_long() {
        let constants =
            Constants { setup_s: 0.0, backlog_bytes: 0.0, zero_page_s: 0.0, ..Constants::ideal() };
        let (task, path) = (task(Dirty::Idle), [0]);
        let last = |k: usize| {
            let mut traffic = Traffic::new([5000.0 * PAGE], &constants);
            for _ in 0..k {
                let escalation = Escalation::Cancel;
                traffic.arrive(Arrival { at_s: 0.0, task: &task, path: &path, escalation });
            }
            all(&mut traffic).iter().map(|done| done.at_s).fold(0.0, f64::max)
        };
        assert!((last(1) - 6.0).abs() < 1e-9);
        assert!((last(3) - 18.0).abs() < 1e-9);
    }

    #[test]
    fn what_never_ends_is_escalated() {
        let constants = Constants::ideal();
        let task = task(Dirty::Constant { rate: 8000.0, working_set: 20_000.0 });
        let path = [0];
        for (escalation, downtime) in [(Escalation::Cancel, 0.0), (Escalation::Stop, 4.3)] {
            let mut traffic = Traffic::new([5000.0 * PAGE], &constants);
            traffic.arrive(Arrival { at_s: 0.0, task: &task, path: &path, escalation });
            let done = all(&mut traffic);
            assert!(matches!(done[0].outcome.convergence, Convergence::Never { .. }));
            assert!((done[0].outcome.downtime_s - downtime).abs() < 1e-9, "{:?}", done[0]);
        }
        let mut hurried = task.clone();
        hurried.give_up_s = 9.0;
        let mut traffic = Traffic::new([5000.0 * PAGE], &constants);
        let escalation = Escalation::Cancel;
        traffic.arrive(Arrival { at_s: 1.0, task: &hurried, path: &path, escalation });
        let done = all(&mut traffic);
        assert_eq!(done[0].at_s, 10.0);
        assert!((done[0].outcome.bytes - 9.0 * 5000.0 * PAGE).abs() < 1.0, "every second was used");
    }
}
