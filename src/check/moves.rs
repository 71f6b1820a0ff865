//! Do the tables of migrations and their stages fit the actions, and one another?
//!
//! ```text
//! a migration has a row in `moves` and an action where it starts and where it ends
//! its stages follow one another from its start to its end; their bytes add up to its bytes
//! downtime = stop + resume;   energy = a MB + b
//! ```
//!
//! Rates are not known here, but no stage sends more than the narrower card of its hosts carries in
//! its time.

use std::collections::BTreeSet;

use super::event::{Deed, Event};
use super::{Evidence, Report};
use crate::model::record::{MoveEnding, MoveRecord, StageKind, StageRecord};
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Relative rounding of sums of bytes and of times that were cut to microseconds.
const ROUNDING: f64 = 1e-6;
/// Microseconds that a stage may lack by rounding.
const SLACK_S: f64 = 2e-6;

/// When a migration of which VM ends where, and how.
type End = (Instant, usize, usize, MoveEnding);

fn end(event: &Event) -> Option<End> {
    match event.deed {
        Deed::Arrive { vm, to, .. } => Some((event.at, vm, to, MoveEnding::Moved)),
        Deed::Abort { vm, to, .. } => Some((event.at, vm, to, MoveEnding::RolledBack)),
        Deed::Crash { vm, to, .. } => Some((event.at, vm, to, MoveEnding::Lost)),
        _ => None,
    }
}

/// Verifies `moves` and `stages`; both empty in runs of versions that had none.
pub(super) fn check(evidence: &Evidence, events: &[Event], out: &mut Report) {
    let moves = &evidence.record.moves;
    let begun = events.iter().filter(|e| matches!(e.deed, Deed::Depart { .. })).count();
    if moves.is_empty() && begun > 0 {
        out.unverified.push("stages of migrations: there is no table of them".into());
        return;
    }
    let mut refuse = |place: String, what: String| {
        out.findings.push(Problem::new("GLN-615", place, what, REMEDY));
    };
    if moves.len() != begun {
        return refuse("moves".into(), format!("{} rows, {begun} migrations began", moves.len()));
    }
    let mut stages = vec![Vec::new(); moves.len()];
    for stage in &evidence.record.stages {
        stages[stage.migration as usize].push(*stage);
    }
    let ends: BTreeSet<End> = events.iter().filter_map(end).collect();
    let departs = events.iter().filter(|e| matches!(e.deed, Deed::Depart { .. }));
    for ((number, row), depart) in moves.iter().enumerate().zip(departs) {
        let place = format!("moves row {number}");
        let found =
            [began(row, depart), ended(row, &ends), added_up(evidence, row, &stages[number])];
        found.into_iter().flatten().for_each(|what| refuse(place.clone(), what));
    }
}

fn began(row: &MoveRecord, depart: &Event) -> Option<String> {
    let Deed::Depart { vm, from, to } = depart.deed else { return None };
    let same = (row.vm.0 as usize, row.from.0 as usize, row.to.0 as usize) == (vm, from, to);
    (!same || row.start != depart.at)
        .then(|| format!("v{vm} left h{from} for h{to} at {}, not as the row says", depart.at))
}

/// Whether the action that ends the migration is there.
fn ended(row: &MoveRecord, ends: &BTreeSet<End>) -> Option<String> {
    let (vm, to) = (row.vm.0 as usize, row.to.0 as usize);
    let open = row.ending == MoveEnding::UnderWay;
    match row.end {
        None if open => None,
        Some(end) if !open => {
            let ends_so = ends.contains(&(end, vm, to, row.ending));
            (!ends_so).then(|| format!("no action ends it at {end} as `{}`", row.ending.name()))
        }
        _ => Some(format!("it is `{}` with the wrong end", row.ending.name())),
    }
}

fn added_up(evidence: &Evidence, row: &MoveRecord, stages: &[StageRecord]) -> Option<String> {
    let end = row.end?;
    let mut now = row.start;
    for stage in stages {
        if stage.start != now {
            return Some(format!(
                "a stage `{}` begins at {}, expected {now}",
                stage.kind.name(),
                stage.start
            ));
        }
        now = stage.end.unwrap_or(Instant::START);
        let seconds = (now - stage.start).seconds() + SLACK_S;
        let most = evidence.rules.migration.bandwidth() * seconds;
        if evidence.unknown_durations.is_none() && stage.bytes > most * (1.0 + ROUNDING) {
            let sent = stage.bytes;
            return Some(format!("`{}` sends {sent} B where {most} B can be", stage.kind.name()));
        }
    }
    if now != end {
        return Some(format!("its stages end at {now}, expected {end}"));
    }
    let stopped = |s: &&StageRecord| matches!(s.kind, StageKind::Stop | StageKind::Resume);
    let span = |s: &StageRecord| s.end.map_or(0.0, |end| (end - s.start).seconds());
    let downtime: f64 = stages.iter().filter(stopped).map(span).sum();
    let bytes: f64 = stages.iter().map(|stage| stage.bytes).sum();
    let energy = evidence.rules.migration.energy(row.bytes);
    let pairs = [
        ("bytes", row.bytes, bytes),
        ("downtime_s", row.downtime_s, downtime),
        ("energy_j", row.energy_j, energy),
    ];
    let wrong = pairs.into_iter().find(|&(_, found, expected)| {
        (found - expected).abs() > ROUNDING * expected.abs().max(1e-3)
    });
    wrong.map(|(name, found, expected)| format!("{name} found {found}, expected {expected}"))
}
