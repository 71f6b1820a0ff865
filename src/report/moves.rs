//! Migrations of a run as a picture: their stages over time, and what their links carry below.
//!
//! Loads are sums over all migrations, also those that are not among the rows. Where migrations
//! share the cards of their hosts, the load is that of the max-min fair rates between any two
//! instants at which one begins or ends to send; on other networks each stage counts with the mean
//! of its rate.

use std::collections::BTreeMap;

use super::chart::{Bar, Chart, Curve, Panel, Row};
use crate::id::{HostId, Id};
use crate::model::record::{MoveEnding, MoveRecord, Record, StageKind, StageRecord};
use crate::time::Instant;
use crate::topology::{FairShare, FlowId, LinkId};

/// What of a run is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// First second.
    pub from: f64,
    /// Last second.
    pub to: f64,
    /// Rows at most; those that begin first.
    pub rows: usize,
    /// Bytes per second that a host's card offers in each direction, where that is the network.
    pub card: Option<f64>,
    /// Whether migrations share those cards max-min fairly.
    pub shared: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { from: 0.0, to: f64::INFINITY, rows: 40, card: None, shared: false }
    }
}

/// Cards whose load is drawn.
const CARDS: usize = 3;
const BYTES_PER_MB: f64 = 1e6;

/// A stage of which both ends are known, in the view.
struct Sent<'r> {
    stage: &'r StageRecord,
    row: usize,
    of: &'r MoveRecord,
    from: f64,
    to: f64,
    /// Bytes per second in the mean.
    rate: f64,
}

/// The migrations of `record` in `view`, their stages, and the load of the busiest cards.
pub fn moves(record: &Record, view: &View) -> Chart {
    let sent = sent(record, view);
    let mut numbers: Vec<usize> = sent.iter().map(|sent| sent.row).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let all = numbers.len();
    numbers.truncate(view.rows);
    let rows = numbers.iter().map(|&number| row(record, number, &sent)).collect();
    let left_out = all - numbers.len();
    let title = match left_out {
        0 => format!("{all} migrations"),
        _ => format!("{} of {all} migrations", numbers.len()),
    };
    let moved = |&number: &usize| record.moves[number].ending == MoveEnding::Moved;
    let marks = if numbers.iter().all(moved) { "" } else { "; x: did not get there" };
    let title = title + marks;
    let legend = StageKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    let (loads, how): (Vec<Load<'_>>, _) = match view.card.filter(|_| view.shared) {
        Some(card) => (shared(record, view, card), "MB/s"),
        None => (sent.iter().map(Sent::load).collect(), "MB/s (mean of each stage)"),
    };
    let panels = vec![total(&loads, how), cards(&loads, view, how)];
    Chart { title, legend, rows, panels }
}

/// What a migration sends for some time, at a constant rate.
#[derive(Debug, Clone, Copy)]
struct Load<'r> {
    of: &'r MoveRecord,
    from: f64,
    to: f64,
    /// Bytes per second.
    rate: f64,
}

impl<'r> Sent<'r> {
    fn load(&self) -> Load<'r> {
        Load { of: self.of, from: self.from, to: self.to, rate: self.rate }
    }
}

/// When migrations send without a pause: `(migration, from, to)`, the last `None` where the run
/// ends first.
fn spells(record: &Record) -> Vec<(usize, Instant, Option<Instant>)> {
    let mut last: BTreeMap<u32, usize> = BTreeMap::new();
    let mut spells: Vec<(usize, Instant, Option<Instant>)> = Vec::new();
    for stage in record.stages.iter().filter(|stage| stage.bytes > 0.0) {
        match last.get(&stage.migration).map(|&at| &mut spells[at].2) {
            Some(end) if *end == Some(stage.start) => *end = stage.end,
            _ => {
                last.insert(stage.migration, spells.len());
                spells.push((stage.migration as usize, stage.start, stage.end));
            }
        }
    }
    spells
}

/// What everybody sends while all share cards of `card` bytes per second.
fn shared<'r>(record: &'r Record, view: &View, card: f64) -> Vec<Load<'r>> {
    let spells = spells(record);
    let mut changes: BTreeMap<Instant, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (number, &(_, start, end)) in spells.iter().enumerate() {
        changes.entry(start).or_default().1.push(number);
        if let Some(end) = end {
            changes.entry(end).or_default().0.push(number);
        }
    }
    let hosts = record.moves.iter().map(|row| row.from.max(row.to).index() + 1).max().unwrap_or(0);
    let mut cards = FairShare::new((0..2 * hosts).map(|_| card));
    let mut flow_of: Vec<Option<FlowId>> = vec![None; spells.len()];
    // Spell, since when, rate: by flow.
    let mut now: BTreeMap<FlowId, (usize, f64, f64)> = BTreeMap::new();
    let (mut loads, mut altered) = (Vec::new(), Vec::new());
    let mut note = |(spell, since, rate): (usize, f64, f64), until: f64| {
        let (from, to) = (since.max(view.from), until.min(view.to));
        if from < to && rate > 0.0 {
            loads.push(Load { of: &record.moves[spells[spell].0], from, to, rate });
        }
    };
    for (at, (over, begun)) in changes {
        let seconds = at.seconds();
        for flow in over.iter().filter_map(|&spell| flow_of[spell].take()) {
            now.remove(&flow).into_iter().for_each(|piece| note(piece, seconds));
            cards.remove(flow);
        }
        for spell in begun {
            let row = &record.moves[spells[spell].0];
            let path = [2 * row.from.index() as LinkId, 2 * row.to.index() as LinkId + 1];
            let flow = cards.add(&path, 1.0, f64::INFINITY);
            flow_of[spell] = Some(flow);
            now.insert(flow, (spell, seconds, 0.0));
        }
        cards.share(&mut altered);
        for flow in altered.drain(..) {
            if let Some(piece) = now.get_mut(&flow) {
                note(*piece, seconds);
                (piece.1, piece.2) = (seconds, cards.rate(flow));
            }
        }
    }
    loads
}

fn sent<'r>(record: &'r Record, view: &View) -> Vec<Sent<'r>> {
    let known = |stage: &'r StageRecord| {
        let (from, end) = (stage.start.seconds(), stage.end?.seconds());
        let row = stage.migration as usize;
        let of = record.moves.get(row)?;
        let rate = if end > from { stage.bytes / (end - from) } else { 0.0 };
        let (from, to) = (from.max(view.from), end.min(view.to));
        (from <= to).then_some(Sent { stage, row, of, from, to, rate })
    };
    record.stages.iter().filter_map(known).collect()
}

fn row(record: &Record, number: usize, sent: &[Sent<'_>]) -> Row {
    let MoveRecord { vm, from, to, ending, .. } = record.moves[number];
    let failed = if ending == MoveEnding::Moved { "" } else { " x" };
    let bars = sent.iter().filter(|sent| sent.row == number).map(|sent| Bar {
        from: sent.from,
        to: sent.to,
        class: StageKind::ALL.iter().position(|&kind| kind == sent.stage.kind).unwrap_or(0),
        note: format!(
            "{}: {:.3} s, {:.1} MB, guest at {:.0} %",
            sent.stage.kind.name(),
            sent.to - sent.from,
            sent.stage.bytes / BYTES_PER_MB,
            100.0 * sent.stage.speed
        ),
    });
    Row { label: format!("{vm}: {from} to {to}{failed}"), bars: bars.collect() }
}

/// What all migrations send.
fn total(loads: &[Load<'_>], how: &str) -> Panel {
    let curve = Curve { label: String::new(), points: load(loads.iter()) };
    Panel { label: format!("all migrations, {how}"), curves: vec![curve], limit: None }
}

/// What the busiest cards carry.
fn cards(loads: &[Load<'_>], view: &View, how: &str) -> Panel {
    let mut bytes: BTreeMap<(HostId, bool), f64> = BTreeMap::new();
    for load in loads {
        for card in [(load.of.from, true), (load.of.to, false)] {
            *bytes.entry(card).or_default() += load.rate * (load.to - load.from);
        }
    }
    let mut busiest: Vec<_> = bytes.into_iter().collect();
    busiest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let curve = |&((host, out), _): &((HostId, bool), f64)| {
        let on_it = loads.iter().filter(|l| if out { l.of.from == host } else { l.of.to == host });
        let label = format!("{host} {}", if out { "out" } else { "in" });
        Curve { label, points: load(on_it) }
    };
    let curves = busiest.iter().take(CARDS).map(curve).collect();
    let limit = view.card.map(|card| card / BYTES_PER_MB);
    Panel { label: format!("busiest cards, {how}"), curves, limit }
}

/// The sum of the rates over time, MB/s.
fn load<'s, 'r: 's>(loads: impl Iterator<Item = &'s Load<'r>>) -> Vec<(f64, f64)> {
    let mut changes: Vec<(f64, f64)> =
        loads.flat_map(|load| [(load.from, load.rate), (load.to, -load.rate)]).collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rate, mut points) = (0.0, Vec::new());
    for (at, change) in changes {
        rate += change;
        let value = f64::max(rate, 0.0) / BYTES_PER_MB;
        match points.last_mut() {
            Some((last, held)) if *last == at => *held = value,
            _ => points.push((at, value)),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::VmId;
    use crate::time::Instant;

    fn record() -> Record {
        let at = |seconds: f64| Instant::from_seconds(seconds);
        let row = |vm, from, to| MoveRecord {
            vm: VmId(vm),
            from: HostId(from),
            to: HostId(to),
            start: at(0.0),
            end: Some(at(4.0)),
            ending: MoveEnding::Moved,
            bytes: 4e6,
            rounds: 1,
            downtime_s: 0.0,
            energy_j: 0.0,
        };
        let stage = |migration, from, to, bytes| StageRecord {
            migration,
            kind: StageKind::Bulk,
            start: at(from),
            seconds: from,
            end: Some(at(to)),
            bytes,
            speed: 1.0,
        };
        let moves = vec![row(7, 0, 1), row(8, 0, 2)];
        let stages = vec![stage(0, 0.0, 4.0, 4e6), stage(1, 2.0, 4.0, 4e6)];
        Record { moves, stages, ..Record::default() }
    }

    #[test]
    fn the_mark_of_what_did_not_get_there_is_explained() {
        let mut record = record();
        record.moves[1].ending = MoveEnding::RolledBack;
        let chart = moves(&record, &View::default());
        assert_eq!(chart.title, "2 migrations; x: did not get there");
        assert_eq!(chart.rows[1].label, "v8: h0 to h2 x");
    }

    /// 1 MB/s from 0 to 4 s and 2 MB/s from 2 s on, both out of host 0.
    #[test]
    fn loads_add_up_over_the_stages() {
        let chart = moves(&record(), &View::default());
        assert_eq!((chart.rows.len(), chart.title.as_str()), (2, "2 migrations"));
        assert_eq!(chart.panels[0].curves[0].points, [(0.0, 1.0), (2.0, 3.0), (4.0, 0.0)]);
        assert_eq!(chart.panels[1].curves[0].label, "h0 out");
        let part = moves(&record(), &View { to: 1.0, rows: 1, ..View::default() });
        assert_eq!((part.rows.len(), part.rows[0].bars[0].to), (1, 1.0));
    }

    /// A card of 2 MB/s: alone the first has all of it, from 2 s on both have half, and nothing
    /// lies above the line; means of the stages would add up to 1 + 2.
    #[test]
    fn shared_cards_carry_no_more_than_they_can() {
        let view = View { card: Some(2e6), shared: true, ..View::default() };
        let chart = moves(&record(), &view);
        let out = &chart.panels[1].curves[0];
        assert_eq!((out.label.as_str(), chart.panels[1].limit), ("h0 out", Some(2.0)));
        assert_eq!(out.points, [(0.0, 2.0), (2.0, 2.0), (4.0, 0.0)]);
    }
}
