//! Does every stage of a pre-copy take as long as the network makes it?
//!
//! ```text
//! sent   = e x integral of the rate over the stage            e: goodput / rate
//! sent   = bytes                          rounds and the stop
//! sent   = bytes + what could be sent in a pause at its end of at most z pages x c_z
//!                                                                              the first pass
//! sent  >= bytes                          a round of the shortest length there is
//! ```
//!
//! Rates are max-min fair over the cards of the hosts, filled anew whenever a migration begins or
//! ends to send; they follow from who sends when, and from nothing that the engine says of them.
//! What a round leaves dirty is not verified: the tables do not tell what VMs write.

use std::collections::BTreeMap;

use super::{Evidence, Report};
use crate::model::record::{StageKind, StageRecord};
use crate::model::rules::Contention;
use crate::problem::Problem;
use crate::time::Instant;

/// What has to be known of the hypervisor for that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sending {
    /// Goodput of a link / its rate, in (0, 1].
    pub efficiency: f64,
    /// Longest pause of the first pass per byte of a VM's memory, s.
    pub pause_s_per_byte: f64,
    /// Shortest round, s.
    pub least_s: f64,
}

/// Tolerance, microseconds.
const SLACK: f64 = 2.0;
/// Relative rounding of sums of bytes.
const ROUNDING: f64 = 1e-9;
/// Shares this close are one bottleneck.
const TIE: f64 = 1.0 + 1e-12;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// A stage that sends, under way.
struct Running<'a> {
    stage: &'a StageRecord,
    /// Egress of the source and ingress of the destination.
    cards: [usize; 2],
    /// Bytes sent.
    sent: f64,
    /// Bytes per microsecond.
    rate: f64,
    /// `(time, sent, rate)` where the rate changed; of a first pass.
    marks: Vec<(f64, f64, f64)>,
}

impl Running<'_> {
    /// Notes a rate that is new.
    fn mark(&mut self, now: f64) {
        let known = self.marks.last().map(|&(_, _, rate)| rate);
        if self.stage.kind == StageKind::Bulk && known != Some(self.rate) {
            self.marks.push((now, self.sent, self.rate));
        }
    }

    /// Bytes sent until `at`.
    fn sent_until(&self, at: f64, efficiency: f64) -> f64 {
        let mark = self.marks.iter().rfind(|&&(time, _, _)| time <= at);
        mark.map_or(0.0, |&(time, sent, rate)| sent + efficiency * rate * (at - time))
    }
}

/// Verifies the length of every stage that sends.
pub(super) fn check(evidence: &Evidence, sending: &Sending, out: &mut Report) {
    let mut starts: BTreeMap<Instant, Vec<&StageRecord>> = BTreeMap::new();
    let mut changes: Vec<Instant> = Vec::new();
    for stage in evidence.record.stages.iter().filter(|stage| stage.bytes > 0.0) {
        starts.entry(stage.start).or_default().push(stage);
        changes.extend([Some(stage.start), stage.end].into_iter().flatten());
    }
    changes.sort_unstable();
    changes.dedup();
    let per_us = evidence.rules.migration.bandwidth() / 1e6;
    let (mut running, mut now): (Vec<Running<'_>>, f64) = (Vec::new(), 0.0);
    let mut network = Network::new(evidence, per_us);
    for change in changes {
        let until = change.0 as f64;
        for one in &mut running {
            one.sent += sending.efficiency * one.rate * (until - now);
        }
        now = until;
        let over = running.extract_if(.., |one| one.stage.end == Some(change));
        let over: Vec<Running<'_>> = over.collect();
        out.findings.extend(over.iter().filter_map(|one| wrong(evidence, sending, one)));
        let begun = starts.remove(&change).unwrap_or_default();
        // Where one stage follows another of the same migration, nobody's rate changes.
        let mut same = over.len() == begun.len();
        for stage in begun {
            let row = &evidence.record.moves[stage.migration as usize];
            let cards = [row.from, row.to].map(|host| host.0 as usize);
            let cards = [cards[0], evidence.fleet.hosts() + cards[1]];
            let before = over.iter().find(|one| one.stage.migration == stage.migration);
            same &= before.is_some();
            let rate = before.map_or(per_us, |one| one.rate);
            running.push(Running { stage, cards, sent: 0.0, rate, marks: Vec::new() });
        }
        if !same && evidence.rules.migration.contention == Contention::MaxMin {
            network.fill(&mut running);
        }
        running.iter_mut().for_each(|one| one.mark(now));
    }
}

/// What is wrong with a stage that is over.
fn wrong(evidence: &Evidence, sending: &Sending, one: &Running<'_>) -> Option<Problem> {
    let stage = one.stage;
    let goodput = sending.efficiency * one.rate;
    let tolerance = SLACK * goodput + ROUNDING * stage.bytes;
    let vm = evidence.record.moves[stage.migration as usize].vm;
    let seconds = (stage.end? - stage.start).seconds();
    // What must have been sent at least.
    let least = match stage.kind {
        StageKind::Bulk => {
            let pause = sending.pause_s_per_byte * evidence.fleet.vm_ram[vm].0 as f64;
            one.sent_until(stage.end?.0 as f64 - 1e6 * pause, sending.efficiency)
        }
        StageKind::Round if seconds <= sending.least_s + SLACK / 1e6 => 0.0,
        _ => one.sent,
    };
    let sound = stage.bytes <= one.sent + tolerance && stage.bytes >= least - tolerance;
    (!sound).then(|| {
        let place = format!("stages of moves row {} at {}", stage.migration, stage.start);
        let what = format!(
            "`{}` of {vm} takes {seconds} s: {:.0} B could be sent, {:.0} B are",
            stage.kind.name(),
            one.sent,
            stage.bytes
        );
        Problem::new("GLN-606", place, what, REMEDY)
    })
}

/// The cards of all hosts; room that every filling uses again.
struct Network {
    per_us: f64,
    free: Vec<f64>,
    users: Vec<u32>,
}

impl Network {
    fn new(evidence: &Evidence, per_us: f64) -> Self {
        let cards = 2 * evidence.fleet.hosts();
        Self { per_us, free: vec![0.0; cards], users: vec![0; cards] }
    }

    /// Sets the max-min fair rates: all rates grow alike until a card is full, which settles those
    /// that use it.
    fn fill(&mut self, running: &mut [Running<'_>]) {
        let mut open: Vec<usize> = (0..running.len()).collect();
        for one in running.iter() {
            one.cards
                .iter()
                .for_each(|&card| (self.free[card], self.users[card]) = (self.per_us, 0));
        }
        for one in running.iter() {
            one.cards.iter().for_each(|&card| self.users[card] += 1);
        }
        while !open.is_empty() {
            let share = |card: usize| self.free[card].max(0.0) / f64::from(self.users[card]);
            let tightest =
                |&at: &usize| f64::min(share(running[at].cards[0]), share(running[at].cards[1]));
            let shares: Vec<f64> = open.iter().map(tightest).collect();
            let level = shares.iter().copied().fold(f64::INFINITY, f64::min);
            let mut left = Vec::with_capacity(open.len());
            for (at, share) in open.into_iter().zip(shares) {
                if share > level * TIE {
                    left.push(at);
                    continue;
                }
                running[at].rate = level;
                for card in running[at].cards {
                    self.free[card] -= level;
                    self.users[card] -= 1;
                }
            }
            open = left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{HostId, VmId};
    use crate::model::record::{MoveEnding, MoveRecord, Record};
    use crate::model::{Fleet, Machine, VmType};
    use crate::units::{Bytes, Mips};

    /// Cards of 125 MB/s, half of them for migrations: 62.5 B/us, of which all go forward.
    const PLAIN: Sending = Sending { efficiency: 1.0, pause_s_per_byte: 0.0, least_s: 0.0 };

    fn evidence(stages: &[(u32, StageKind, i64, i64, f64)]) -> Evidence {
        let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(4)).expect("it is known");
        let mut fleet = Fleet::of_hosts(vec![g4], vec![0; 3]);
        for row in 0..2 {
            fleet.add_vm(VmType::new(Mips(1.0), Bytes::from_mb(100)), row);
        }
        let moved = |vm| MoveRecord {
            vm: VmId(vm),
            from: HostId(0),
            to: HostId(vm + 1),
            start: Instant(0),
            end: None,
            ending: MoveEnding::Moved,
            bytes: 0.0,
            rounds: 0,
            downtime_s: 0.0,
            energy_j: 0.0,
        };
        let stage = |&(migration, kind, start, end, bytes): &(u32, StageKind, i64, i64, f64)| {
            let (start, end) = (Instant(start), Some(Instant(end)));
            StageRecord { migration, kind, start, seconds: start.seconds(), end, bytes, speed: 1.0 }
        };
        let (moves, stages) = (vec![moved(0), moved(1)], stages.iter().map(stage).collect());
        let record = Record { moves, stages, ..Record::default() };
        Evidence { fleet, record, ..Evidence::default() }
    }

    fn findings(stages: &[(u32, StageKind, i64, i64, f64)], sending: &Sending) -> usize {
        let evidence = evidence(stages);
        let mut report = Report::of(&evidence);
        check(&evidence, sending, &mut report);
        report.findings.len()
    }

    /// The first sends 62,500 B alone in 1000 us; then a second joins at the card of h0, and both
    /// get 31.25 B/us: 31,250 B in 1000 us each.
    #[test]
    fn a_stage_sends_what_its_share_of_the_cards_carries() {
        let sound = [
            (0, StageKind::Bulk, 0, 2000, 62_500.0 + 31_250.0),
            (1, StageKind::Bulk, 1000, 2000, 31_250.0),
            (0, StageKind::Round, 2000, 2100, 3125.0),
            (1, StageKind::Stop, 2000, 2100, 3125.0),
        ];
        assert_eq!(findings(&sound, &PLAIN), 0);
        for (at, factor) in [(0, 1.01), (1, 0.99), (2, 1.05), (3, 0.9)] {
            let mut wrong = sound;
            wrong[at].4 *= factor;
            assert_eq!(findings(&wrong, &PLAIN), 1, "{at}");
        }
        let half = Sending { efficiency: 0.5, ..PLAIN };
        assert_eq!(findings(&sound, &half), 4);
    }

    /// A pause of 1 ms after the first pass, and a round that would take 16 us but lasts 50.
    #[test]
    fn pauses_and_shortest_rounds_are_known() {
        let stages =
            [(0, StageKind::Bulk, 0, 2000, 62_500.0), (0, StageKind::Round, 2000, 2050, 1000.0)];
        let pause_s_per_byte = 1e-3 / 1e8;
        let sending = Sending { pause_s_per_byte, least_s: 50e-6, ..PLAIN };
        assert_eq!(findings(&stages, &sending), 0);
        assert_eq!(findings(&stages, &Sending { least_s: 0.0, ..sending }), 1);
        assert_eq!(findings(&stages, &Sending { pause_s_per_byte: 0.5e-3 / 1e8, ..sending }), 1);
    }
}
