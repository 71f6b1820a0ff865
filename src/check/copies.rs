//! Does every copy take exactly as long as the network makes it?
//!
//! ```text
//! alone:    duration = RAM / B                        B = card x share, bytes per second
//! max-min:  rates by progressive filling over the egress of each source and the ingress of each
//!           destination, each of B; filled anew whenever a copy begins or ends
//! ```
//!
//! Source of progressive filling: Bertsekas and Gallager, Data Networks, 2nd ed. 1992, sect. 6.5.2.
//! Rates change at the recorded times, so that rounding to microseconds does not add up over the
//! copies; a copy must have sent all its bytes, within 2 us, at its own recorded end. One that is
//! cut off because its VM ends then has sent no more than that.

use std::collections::BTreeSet;

use crate::model::rules::{Contention, Window};
use crate::problem::Problem;
use crate::time::Instant;

use super::event::{Deed, Event};
use super::timetable::Timetable;
use super::{Evidence, Report};

/// The only migration model whose durations are known here.
const MODEL: &str = "ram-over-bandwidth";
/// Tolerance of an end, microseconds.
const SLACK: f64 = 2.0;
/// Microseconds after which an end is late beyond doubt; less than the above by more than the
/// rounding of doubles.
const CERTAIN: f64 = 1.99;
/// Shares this close are one bottleneck.
const TIE: f64 = 1.0 + 1e-12;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// One migration as recorded.
#[derive(Debug, Clone, PartialEq)]
struct Copy {
    place: String,
    vm: usize,
    from: usize,
    to: usize,
    bytes: f64,
    start: Instant,
    end: Option<Instant>,
    /// Whether it was cut off then.
    cut: bool,
}

/// A copy under way.
struct Running<'a> {
    copy: &'a Copy,
    /// Bytes still to send; negative if the copy should have ended.
    left: f64,
    /// Bytes per microsecond.
    rate: f64,
}

/// Verifies the end of every migration.
pub(super) fn check(evidence: &Evidence, events: &[Event], times: &Timetable, out: &mut Report) {
    let rules = &evidence.rules.migration;
    if evidence.sending.is_some() {
        let why = "the tables do not tell what VMs write";
        out.unverified.push(format!("what each round of a migration leaves dirty: {why}"));
        return;
    }
    if let Some(why) = &evidence.unknown_durations {
        out.unverified.push(format!("durations of migrations: {why}"));
        return;
    }
    if rules.model != MODEL {
        out.unverified.push(format!("durations of migrations by the model `{}`", rules.model));
        return;
    }
    let copies = recorded(evidence, events);
    let horizon = match evidence.rules.accounting.window {
        Window::Whole => times.last.0 as f64,
        Window::DecisionsOnly => f64::INFINITY,
    };
    let per_us = rules.bandwidth() / 1e6;
    out.findings.extend(match rules.contention {
        Contention::None => copies.iter().filter_map(|copy| alone(copy, per_us, horizon)).collect(),
        Contention::MaxMin => shared(&copies, evidence.fleet.hosts(), per_us, horizon),
    });
}

fn recorded(evidence: &Evidence, events: &[Event]) -> Vec<Copy> {
    let mut copies: Vec<Copy> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let stopped = events.iter().filter_map(|event| match event.deed {
        Deed::Stop { vm, .. } => Some((event.at, vm)),
        _ => None,
    });
    let stops: BTreeSet<(Instant, usize)> = stopped.collect();
    for event in events {
        match event.deed {
            Deed::Depart { vm, from, to } => {
                let bytes = evidence.fleet.vm_ram.as_slice()[vm].0 as f64;
                let (place, start) = (event.place(), event.at);
                open.push(copies.len());
                copies.push(Copy { place, vm, from, to, bytes, start, end: None, cut: false });
            }
            Deed::Arrive { vm, to, .. } => {
                let same = |c: &Copy| (c.vm, c.to) == (vm, to);
                if let Some(slot) = open.iter().position(|&i| same(&copies[i])) {
                    copies[open.remove(slot)].end = Some(event.at);
                }
            }
            Deed::Abort { vm, to, .. } if stops.contains(&(event.at, vm)) => {
                let same = |c: &Copy| (c.vm, c.to) == (vm, to);
                if let Some(slot) = open.iter().position(|&i| same(&copies[i])) {
                    let copy = &mut copies[open.remove(slot)];
                    (copy.end, copy.cut) = (Some(event.at), true);
                }
            }
            _ => {}
        }
    }
    copies
}

/// A fault of `copy`, which was expected to end at `expected` microseconds.
fn wrong_end(copy: &Copy, expected: f64) -> Problem {
    let found = copy.end.map_or("no `migration-end`".into(), |end| format!("its end at {end}"));
    let expected = Instant(expected.round() as i64);
    let Copy { vm, from, to, .. } = copy;
    let what = format!("copy of v{vm} from h{from} to h{to}: found {found}, expected {expected}");
    Problem::new("GLN-606", copy.place.clone(), what, REMEDY)
}

/// A copy that has the whole bandwidth to itself.
fn alone(copy: &Copy, per_us: f64, horizon: f64) -> Option<Problem> {
    let expected = copy.start.0 as f64 + copy.bytes / per_us;
    let right = match copy.end {
        Some(end) if copy.cut => end.0 as f64 <= expected + SLACK,
        Some(end) => (end.0 as f64 - expected).abs() <= SLACK,
        None => expected + SLACK >= horizon,
    };
    (!right).then(|| wrong_end(copy, expected))
}

/// Copies that share the cards of their hosts.
fn shared(copies: &[Copy], hosts: usize, per_us: f64, horizon: f64) -> Vec<Problem> {
    let mut network = Network { hosts, per_us, now: 0.0, running: Vec::new() };
    let mut findings = Vec::new();
    let starts = copies.iter().map(|c| c.start);
    let changes: BTreeSet<Instant> = starts.chain(copies.iter().filter_map(|c| c.end)).collect();
    let mut waiting = copies.iter().peekable();
    for change in changes {
        network.advance(change.0 as f64, &mut findings);
        while let Some(copy) = waiting.next_if(|c| c.start == change) {
            network.running.push(Running { copy, left: copy.bytes, rate: per_us });
        }
        for done in network.running.extract_if(.., |r| r.copy.end == Some(change)) {
            let sent = done.left.abs() <= SLACK * done.rate;
            if !(sent || done.copy.cut && done.left > 0.0) {
                findings.push(wrong_end(done.copy, network.now + done.left / done.rate));
            }
        }
        fill(&mut network.running, hosts, per_us);
    }
    network.advance(horizon, &mut findings);
    findings
}

/// All copies under way at one time, microseconds.
struct Network<'a> {
    hosts: usize,
    per_us: f64,
    now: f64,
    running: Vec<Running<'a>>,
}

impl Network<'_> {
    /// Sends bytes until `until`; a copy that has long sent all of them is reported on the way, and
    /// uses the network no more. Each turn but the last drops a copy.
    fn advance(&mut self, until: f64, findings: &mut Vec<Problem>) {
        while self.now < until && !self.running.is_empty() {
            let certain = self.running.iter().map(|r| r.left / r.rate + SLACK);
            let next = until.min(self.now + certain.fold(f64::INFINITY, f64::min).max(0.0));
            for copy in &mut self.running {
                copy.left -= copy.rate * (next - self.now);
            }
            self.now = next;
            for late in self.running.extract_if(.., |r| r.left <= -CERTAIN * r.rate) {
                findings.push(wrong_end(late.copy, self.now + late.left / late.rate));
            }
            fill(&mut self.running, self.hosts, self.per_us);
        }
        self.now = until;
    }
}

/// Sets the max-min fair rates: all unfrozen rates grow alike until a card is full, which freezes
/// the copies that use it.
fn fill(running: &mut [Running<'_>], hosts: usize, per_us: f64) {
    let cards: Vec<[usize; 2]> = running.iter().map(|r| [r.copy.from, hosts + r.copy.to]).collect();
    let mut free = vec![per_us; 2 * hosts];
    let mut frozen = vec![false; running.len()];
    while frozen.contains(&false) {
        let mut users = vec![0_u32; 2 * hosts];
        for (card, _) in cards.iter().zip(&frozen).filter(|(_, frozen)| !**frozen) {
            card.iter().for_each(|&c| users[c] += 1);
        }
        let share = |card: usize| free[card].max(0.0) / f64::from(users[card]);
        let level =
            (0..2 * hosts).filter(|&c| users[c] > 0).map(share).fold(f64::INFINITY, f64::min);
        let full: Vec<bool> =
            (0..2 * hosts).map(|c| users[c] > 0 && share(c) <= level * TIE).collect();
        for (i, card) in cards.iter().enumerate() {
            if !frozen[i] && card.iter().any(|&c| full[c]) {
                frozen[i] = true;
                running[i].rate = level;
                card.iter().for_each(|&c| free[c] -= level);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(from: usize, to: usize, start: i64, end: Option<i64>) -> Copy {
        let (place, start, end) = ("actions row 0".into(), Instant(start), end.map(Instant));
        Copy { place, vm: 0, from, to, bytes: 100.0, start, end, cut: false }
    }

    /// Cards of 1 byte/us. Egress of h0 carries copies to h1 and h2, ingress of h2 also one from
    /// h3: h0's two get 1/2; h2's other then gets 1 - 1/2 = 1/2 as well. With a third copy from h0
    /// to h1 the egress gives 1/3 each, and h3's copy gets 1 - 1/3 = 2/3.
    #[test]
    fn rates_are_max_min_fair() {
        let copies =
            [copy(0, 1, 0, None), copy(0, 2, 0, None), copy(3, 2, 0, None), copy(0, 1, 0, None)];
        let mut running: Vec<Running<'_>> =
            copies.iter().map(|copy| Running { copy, left: 1.0, rate: 0.0 }).collect();
        fill(&mut running[..3], 4, 1.0);
        let rates = |r: &[Running<'_>]| r.iter().map(|r| r.rate).collect::<Vec<_>>();
        assert_eq!(rates(&running[..3]), [0.5, 0.5, 0.5]);
        fill(&mut running, 4, 1.0);
        let third = 1.0 / 3.0;
        for (rate, expected) in rates(&running).iter().zip([third, third, 2.0 * third, third]) {
            assert!((rate - expected).abs() < 1e-12, "{rate} != {expected}");
        }
    }

    /// Two copies of 100 bytes leave h0, at 0 and at 50 us: the first sends 50 alone, then both get
    /// 1/2; it ends at 150, the other has sent 50 by then and ends at 200.
    #[test]
    fn a_second_copy_slows_the_first_and_any_other_end_is_reported() {
        let ends = |first: i64, second: Option<i64>, horizon: f64| {
            let copies = [copy(0, 1, 0, Some(first)), copy(0, 2, 50, second)];
            shared(&copies, 3, 1.0, horizon).len()
        };
        assert_eq!(ends(150, Some(200), 1e9), 0);
        assert_eq!(ends(149, Some(200), 1e9), 0, "within 2 us");
        assert_eq!(ends(145, Some(198), 1e9), 1, "too early; the other is right for what it got");
        assert_eq!(ends(160, Some(200), 1e9), 1, "too late; the other is not held up by it");
        assert_eq!(ends(150, Some(210), 1e9), 1);
        assert_eq!(ends(150, None, 1e9), 1, "never ends");
        assert_eq!(ends(150, None, f64::INFINITY), 1, "never ends");
        assert_eq!(ends(150, None, 190.0), 0, "cut off by the end of the run");
    }

    #[test]
    fn a_lone_copy_takes_size_over_bandwidth() {
        assert_eq!(alone(&copy(0, 1, 7, Some(107)), 1.0, 1e9), None);
        assert!(alone(&copy(0, 1, 7, Some(110)), 1.0, 1e9).is_some());
        assert!(alone(&copy(0, 1, 7, None), 1.0, 1e9).is_some());
        assert_eq!(alone(&copy(0, 1, 7, None), 1.0, 100.0), None);
    }
}
