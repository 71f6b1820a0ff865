//! Migrations by the pre-copy rule on shared links, from the first to the last: [`Transfers`] with
//! a clock of its own, for planners and measurements.
//!
//! A migration that will not end at its present pace is escalated: cancelled or stopped anyway, as
//! the caller chose. So nothing hangs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::live::Live;
use super::program::{Leg, Program};
use super::task::Task;
use super::transfers::{Due, News, Totals, TransferId, Transfers};
use super::{Constants, Convergence, Prediction, StageKind};
use crate::model::rules::Contention;
use crate::topology::LinkId;

/// Ticks of the clock of transfers in a second.
const MICROSECONDS: f64 = 1e6;

/// What becomes of a migration that would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
pub struct Traffic {
    constants: Arc<Constants>,
    transfers: Transfers,
    jobs: Vec<Job>,
    /// Migration of each transfer.
    of_transfer: Vec<usize>,
    /// `(time, serial number, what)`: the first is due next.
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    serial: u64,
    news: Vec<(TransferId, News)>,
    done: VecDeque<Done>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive(usize),
    Due(TransferId, u32),
}

type Waiting = (Box<dyn Program>, Box<[LinkId]>);

#[derive(Debug)]
struct Job {
    at_s: f64,
    /// Its program and path until it begins.
    waiting: Option<Waiting>,
    give_up_s: f64,
    escalation: Escalation,
    /// When the VM was stopped, and the seconds that what was in the socket then takes.
    stopped: Option<(f64, f64)>,
    /// When the last byte was sent.
    sent_s: f64,
    forced: Option<Convergence>,
}

impl Traffic {
    /// No migration on links of these capacities, bytes per second.
    pub fn new(capacities: impl IntoIterator<Item = f64>, constants: &Constants) -> Self {
        Self {
            constants: Arc::new(constants.clone()),
            transfers: Transfers::new(capacities.into_iter().collect(), Contention::MaxMin)
                .quietly(),
            jobs: Vec::new(),
            of_transfer: Vec::new(),
            queue: BinaryHeap::new(),
            serial: 0,
            news: Vec::new(),
            done: VecDeque::new(),
        }
    }

    /// Announces a migration and numbers it; it must not lie before what has happened already.
    pub fn arrive(&mut self, arrival: Arrival<'_>) -> usize {
        let Arrival { at_s, task, path, escalation } = arrival;
        let program = Live::new(task, &self.constants, None);
        self.jobs.push(Job {
            at_s,
            waiting: Some((Box::new(program), path.into())),
            give_up_s: task.give_up_s,
            escalation,
            stopped: None,
            sent_s: 0.0,
            forced: None,
        });
        let job = self.jobs.len() - 1;
        self.push(at_s, Event::Arrive(job));
        job
    }

    /// Bytes per second that pass `link` now.
    pub fn load(&self, link: LinkId) -> f64 {
        self.transfers.load(link)
    }

    /// Runs until the next migration is over; `None` when there is none.
    pub fn next_done(&mut self) -> Option<Done> {
        while self.done.is_empty() {
            let &Reverse((bits, _, _)) = self.queue.peek()?;
            let now = f64::from_bits(bits);
            while let Some(&Reverse((at, _, event))) = self.queue.peek()
                && at == bits
            {
                self.queue.pop();
                self.happen(event, now);
            }
            self.transfers
                .share(now * MICROSECONDS, &mut self.news)
                .expect("the rule of pre-copy always answers");
            self.hear(now);
        }
        self.done.pop_front()
    }

    fn push(&mut self, at: f64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse((at.to_bits(), self.serial, event)));
    }

    fn happen(&mut self, event: Event, now: f64) {
        match event {
            Event::Arrive(id) => {
                let job = &mut self.jobs[id];
                let Some((program, path)) = job.waiting.take() else { return };
                let transfer =
                    self.transfers.start(program, &path, job.give_up_s, now * MICROSECONDS);
                if self.of_transfer.len() <= transfer {
                    self.of_transfer.resize(transfer + 1, 0);
                }
                self.of_transfer[transfer] = id;
            }
            Event::Due(id, revision) if self.transfers.is_current(id, revision) => {
                let advanced = self.transfers.advance(id, now * MICROSECONDS, &mut self.news);
                advanced.expect("the rule of pre-copy always answers");
                self.hear(now);
            }
            Event::Due(..) => {}
        }
    }

    /// Notes what the transfers tell.
    fn hear(&mut self, now: f64) {
        let mut news = std::mem::take(&mut self.news);
        while !news.is_empty() {
            for (id, told) in news.drain(..) {
                match told {
                    News::Due(Due { revision, after_s, .. }) => {
                        self.push(now + after_s, Event::Due(id, revision));
                    }
                    News::Leg(leg) => self.note(id, &leg, now),
                    News::Stuck(convergence) => self.escalate(id, convergence, now),
                    News::Over(totals) => self.end(self.of_transfer[id], &totals),
                }
            }
            std::mem::swap(&mut news, &mut self.news);
        }
        self.news = news;
    }

    fn note(&mut self, id: TransferId, leg: &Leg, now: f64) {
        let job = &mut self.jobs[self.of_transfer[id]];
        match leg.kind {
            StageKind::Stop => {
                let rate = self.constants.link_efficiency * self.transfers.rate(id);
                job.stopped = Some((now, self.constants.backlog_bytes / rate));
            }
            StageKind::Resume => job.sent_s = now,
            _ => {}
        }
    }

    fn escalate(&mut self, id: TransferId, convergence: Convergence, now: f64) {
        let number = self.of_transfer[id];
        let job = &mut self.jobs[number];
        job.forced = Some(convergence);
        job.sent_s = now;
        let late = now - job.at_s >= job.give_up_s;
        if job.escalation == Escalation::Stop && !late {
            return self.transfers.stop_anyway(id, now * MICROSECONDS, &mut self.news);
        }
        let totals = self.transfers.cancel(id, now * MICROSECONDS);
        self.end(number, &totals);
    }

    fn end(&mut self, number: usize, totals: &Totals) {
        let (job, constants) = (&self.jobs[number], &self.constants);
        let elapsed = job.sent_s - job.at_s;
        let (wait, backlog) = job.stopped.map_or((0.0, 0.0), |(stopped, backlog)| {
            let wait = job.sent_s - stopped;
            (wait, backlog.min(wait))
        });
        let moved = job.stopped.is_some();
        let downtime = if moved { constants.downtime_s + wait } else { 0.0 };
        let total = if moved { elapsed - backlog + constants.setup_s } else { elapsed };
        let simple = Prediction::simple(constants, total, downtime, totals.bytes);
        let outcome = Prediction {
            downtime_reported_s: wait - backlog,
            downtime_guest_s: downtime + if moved { constants.first_schedule_s } else { 0.0 },
            rounds: totals.rounds,
            convergence: job.forced.unwrap_or(Convergence::Converged),
            lost_s: simple.lost_s + totals.throttled_s,
            ..simple
        };
        self.done.push_back(Done { migration: number, at_s: job.at_s + total, outcome });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::dirty::Dirty;
    use crate::migrate::task::{Channel, Memory};
    use crate::migrate::{MigrationModel, PAGE, PreCopy};
    use crate::random::{below, stream};
    use crate::units::BytesPerSecond;

    fn task(dirty: Dirty) -> Task {
        let memory = Memory { pages: 50_000.0, nonzero: 30_000.0, dirty };
        Task::new(memory, Channel::link(BytesPerSecond(5000.0 * PAGE)))
    }

    fn all(traffic: &mut Traffic) -> Vec<Done> {
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

    /// Thirty migrations on four links, half of them over two, one of five given up after 30 s.
    fn crowd(quiet: bool, seed: u64) -> Vec<Done> {
        let constants = Constants::default();
        let mut traffic = Traffic::new([5000.0 * PAGE; 4], &constants);
        if !quiet {
            traffic.transfers = Transfers::new(vec![5000.0 * PAGE; 4], Contention::MaxMin);
        }
        let mut random = stream(seed, "crowd");
        for number in 0..30 {
            let part = |random: &mut _| below(1000, random) as f64 / 1000.0;
            let rate = 1200.0 * part(&mut random);
            let working_set = 500.0 + 5000.0 * part(&mut random);
            let dirty = match number % 3 {
                0 => Dirty::Constant { rate, working_set },
                1 => Dirty::Uniform { rate, working_set },
                _ => Dirty::HotCold { rate, working_set, hot: 0.1 * working_set, share: 0.9 },
            };
            let mut task = task(dirty);
            task.give_up_s = if number % 5 == 4 { 30.0 } else { f64::INFINITY };
            let first = below(4, &mut random) as LinkId;
            let path = [first, (first + 1) % 4];
            let path = if number % 2 == 0 { &path[..1] } else { &path[..] };
            let (at_s, escalation) = (5.3 * f64::from(number), Escalation::Stop);
            traffic.arrive(Arrival { at_s, task: &task, path, escalation });
        }
        let mut done = all(&mut traffic);
        done.sort_by_key(|done| done.migration);
        done
    }

    /// Round by round, or with rounds passed over: the same up to rounding. (Where rounds repeat,
    /// the rounding of times decides in which of them that is noticed: such crowds are left out.)
    #[test]
    fn rounds_that_are_passed_over_are_the_same_rounds() {
        let (mut compared, mut rounds) = (0, 0);
        for seed in 0..60 {
            let (quiet, told) = (crowd(true, seed), crowd(false, seed));
            let never = |done: &Done| matches!(done.outcome.convergence, Convergence::Never { .. });
            if told.iter().any(never) {
                continue;
            }
            compared += 1;
            assert_eq!(quiet.len(), 30);
            for (a, b) in quiet.iter().zip(&told) {
                assert_eq!(a.migration, b.migration);
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-7 * a.abs().max(1.0);
                let (a, b) = (&a.outcome, &b.outcome);
                assert!(near(a.total_s, b.total_s) && near(a.bytes, b.bytes), "{a:?} {b:?}");
                assert!(near(a.downtime_s, b.downtime_s) && near(a.lost_s, b.lost_s));
                assert_eq!(a.rounds, b.rounds);
                assert_eq!(a.convergence.converged(), b.convergence.converged());
                rounds += a.rounds;
            }
        }
        assert!(compared >= 10 && rounds > 2000, "{rounds} rounds in {compared} crowds");
    }
}
