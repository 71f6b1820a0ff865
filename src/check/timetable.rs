//! At which instants a run is looked at, and which of them count.
//!
//! An instant is a decision, the time of an action, a change of an enforced power cap, or an end of
//! the window. Exact clock: decision
//! `k` is at `k step`. Accumulated clock: at `0.1 + step + step + ..` in doubles, from `k = 1`.
//! The window is either all of `[0, samples x step]` or reaches from the first recorded decision to
//! the last action or decision.

use std::collections::BTreeMap;

use crate::model::rules::{ClockKind, Window};
use crate::problem::Problem;
use crate::time::Instant;

use super::Evidence;
use super::event::Event;

/// When CloudSim's broker starts, seconds.
pub(super) const BROKER_START_S: f64 = 0.1;
/// How far an action's two times may differ: the rounding of one to microseconds.
const ROUNDING_S: f64 = 1e-6;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// The instants of a run by exact time, each with the time by the run's clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timetable {
    /// Every instant inside the run, also those before the window.
    pub instants: BTreeMap<Instant, f64>,
    /// Sample index of each decision the clock allows, by exact time.
    pub decisions: BTreeMap<Instant, u32>,
    /// First instant that counts.
    pub first: Instant,
    /// Last instant that counts, and the end of the run.
    pub last: Instant,
}

impl Timetable {
    /// The timetable of a run; `events` need not be in order.
    pub fn of(evidence: &Evidence, events: &[Event]) -> Self {
        let ticks = ticks(evidence);
        let decisions: BTreeMap<Instant, u32> =
            ticks.iter().map(|&(k, s)| (Instant::from_seconds(s), k)).collect();
        let mut instants: BTreeMap<Instant, f64> =
            ticks.iter().map(|&(_, s)| (Instant::from_seconds(s), s)).collect();
        for event in events {
            instants.entry(event.at).or_insert(match evidence.rules.demand.clock {
                ClockKind::Exact => event.at.seconds(),
                ClockKind::Accumulated => event.seconds,
            });
        }
        let (first, last) = match evidence.rules.accounting.window {
            Window::Whole => (Instant::START, Instant::from_seconds(whole_s(evidence))),
            Window::DecisionsOnly => {
                let recorded =
                    evidence.record.samples.first().map(|s| Instant::from_seconds(s.seconds));
                let first = recorded.or(decisions.keys().next().copied());
                let last = instants.keys().next_back().copied();
                (first.unwrap_or_default(), last.unwrap_or_default())
            }
        };
        // Hosts are limited anew when the cap changes.
        let cap = evidence.rules.host.cap_w.as_ref();
        let mut change = cap.and_then(|cap| cap.next_change(Instant::START));
        while let Some(at) = change.filter(|&at| at < last) {
            instants.entry(at).or_insert(at.seconds());
            change = cap.and_then(|cap| cap.next_change(at));
        }
        instants.entry(first).or_insert(first.seconds());
        instants.entry(last).or_insert(last.seconds());
        Self { instants, decisions, first, last }
    }

    /// Whether what is true at `at` counts until the next instant.
    pub fn counts(&self, at: Instant) -> bool {
        (self.first..=self.last).contains(&at)
    }

    /// Actions in order, inside the run, and equally dated by both of their times.
    pub fn check(&self, evidence: &Evidence, events: &[Event]) -> Vec<Problem> {
        let mut findings = Vec::new();
        let mut before = Instant::START;
        for event in events {
            let mut wrong =
                |what| findings.push(Problem::new("GLN-602", event.place(), what, REMEDY));
            if event.at < before {
                wrong(format!("it follows an action at {before}"));
            }
            if event.at > self.last {
                wrong(format!("the run ends at {}", self.last));
            }
            let clock = self.instants.get(&event.at).copied().unwrap_or(f64::NAN);
            let near = |time: f64| (event.seconds - time).abs() <= ROUNDING_S;
            if !near(clock) || !near(event.at.seconds()) {
                wrong(format!("found {} s, expected {clock} s by the run's clock", event.seconds));
            }
            before = before.max(event.at);
        }
        findings.extend(self.missing_decisions(evidence));
        findings
    }

    /// The `samples` table has one row for each decision; the one at time 0 may be left out, for
    /// there is nothing to decide right after the initial placement.
    fn missing_decisions(&self, evidence: &Evidence) -> Vec<Problem> {
        let found: Vec<(Instant, u32)> = evidence
            .record
            .samples
            .iter()
            .map(|s| (Instant::from_seconds(s.seconds), s.sample))
            .collect();
        let all: Vec<(Instant, u32)> = self.decisions.iter().map(|(&at, &k)| (at, k)).collect();
        let later = &all[all.iter().take_while(|(_, k)| *k == 0).count()..];
        if found == all || found == later {
            return Vec::new();
        }
        let odd = found.iter().find(|row| !all.contains(row));
        let what = match odd {
            Some((at, k)) => format!("sample {k} at {at} is no decision of this run's clock"),
            None => format!("found {} decisions in order, expected {}", found.len(), later.len()),
        };
        vec![Problem::new("GLN-602", "samples", what, REMEDY)]
    }
}

/// Length of the run, seconds: that of the trace, or until the last lease is over.
pub(super) fn whole_s(evidence: &Evidence) -> f64 {
    match &evidence.tenancy {
        Some(tenancy) => tenancy.end.seconds(),
        None => samples(evidence) as f64 * evidence.step_s,
    }
}

fn samples(evidence: &Evidence) -> usize {
    if let Some(tenancy) = &evidence.tenancy {
        // A run ends with what happens to its last lease, before the sample of that instant.
        return (tenancy.end.seconds() / evidence.step_s).ceil().max(1.0) as usize;
    }
    let recorded = evidence.record.samples.last().map_or(0, |s| s.sample as usize + 1);
    evidence.demand.first().map_or(recorded, Vec::len)
}

/// Index and clock time of each decision.
fn ticks(evidence: &Evidence) -> Vec<(u32, f64)> {
    let samples = samples(evidence) as u32;
    match evidence.rules.demand.clock {
        ClockKind::Exact => (0..samples).map(|k| (k, f64::from(k) * evidence.step_s)).collect(),
        ClockKind::Accumulated => {
            let mut now = BROKER_START_S;
            let mut ticks = Vec::new();
            for k in 1..samples {
                now += evidence.step_s;
                ticks.push((k, now));
            }
            ticks
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rules;

    fn of(clock: ClockKind, window: Window) -> Timetable {
        let mut rules = Rules::default();
        (rules.demand.clock, rules.accounting.window) = (clock, window);
        let demand = vec![vec![0.0; 3]];
        Timetable::of(&Evidence { rules, demand, step_s: 300.0, ..Evidence::default() }, &[])
    }

    /// 3 samples: the whole window looks at 0, 300, 600 and closes at 900 s.
    #[test]
    fn the_whole_window_ends_with_the_last_sample() {
        let times = of(ClockKind::Exact, Window::Whole);
        let seconds: Vec<f64> = times.instants.values().copied().collect();
        assert_eq!(seconds, [0.0, 300.0, 600.0, 900.0]);
        assert!(times.counts(Instant::START));
    }

    /// 3 samples: ticks at 0.1 + 300 and + 300 again, nothing before or after.
    #[test]
    fn the_accumulated_clock_starts_one_step_late() {
        let times = of(ClockKind::Accumulated, Window::DecisionsOnly);
        let seconds: Vec<f64> = times.instants.values().copied().collect();
        assert_eq!(seconds, [0.1 + 300.0, 0.1 + 300.0 + 300.0]);
        assert!(!times.counts(Instant::START));
    }
}
