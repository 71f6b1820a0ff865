//! Do the rows and figures of a run of leases follow from its states and holdings?
//!
//! ```text
//! wait             = last begin of a run that loads no memory - arrival
//! bounded slowdown = (end - arrival) / max(10 s, length)
//! utilisation      = sum over runs of CPU x time / (CPU of the site x last end)
//! ```
//!
//! Length is the time that it ran, or the requested one for `slowdown-by-request`. With
//! `overheads-count-as-use` utilisation is not verified: a suspension holds other CPU than it uses
//! then. Transfers and migrations without length leave no holding, so of these there may be more
//! than holdings.
//!
//! | code | what is wrong |
//! |---|---|
//! | GLN-647 | a row of `leases` does not follow from the states or holdings of the lease |
//! | GLN-648 | a figure of the lease summary does not follow from the rows |

use super::Report;
use super::leases::{LeaseEvidence, agreed, check_leases};
use crate::id::{Id, LeaseId};
use crate::model::lease::{CPU, LeaseRequest};
use crate::model::lease_record::{LeaseOutcome, LeaseState, Stretch, Use, event_log_blake3};
use crate::problem::Problem;
use crate::time::Instant;

const BOUND_S: f64 = 10.0;
/// Means are sums of many doubles, taken in another order than by the run.
const TOLERANCE: f64 = 1e-9;

const REMEDY: &str = "Run the spec again; if it happens again, report it with the folder";

/// What a run of leases says of itself, and by which rules its figures are made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeaseClaims {
    /// The figures, by name.
    pub summary: Vec<(String, f64)>,
    /// The hash of the event log; `None` leaves it unverified.
    pub event_log_blake3: Option<String>,
    /// Whether slowdown relates to the requested duration.
    pub slowdown_by_request: bool,
    /// Whether suspending, resuming and shutting down count as use of CPU.
    pub overheads_count_as_use: bool,
}

/// Everything that is wrong with a finished run of leases, and its figures worked out again.
pub fn check_lease_run(evidence: LeaseEvidence<'_>, claims: &LeaseClaims) -> Report {
    let LeaseEvidence { requests, outcomes, stretches, site, .. } = evidence;
    let states = outcomes.iter().map(|outcome| outcome.history.len()).sum();
    let rows = vec![
        ("leases", requests.len()),
        ("states", states),
        ("holdings", stretches.len()),
        ("hosts", site.hosts.len()),
    ];
    let mut report = Report { rows, findings: check_leases(evidence), ..Report::default() };
    let mut held: Vec<Vec<&Stretch>> = vec![Vec::new(); requests.len()];
    stretches.iter().for_each(|stretch| held[stretch.lease.index()].push(stretch));
    for (row, (request, outcome)) in requests.iter().zip(outcomes).enumerate() {
        let place = format!("lease {} ({})", request.number, LeaseId::from_index(row));
        let wrong = contradictions(request, outcome, &held[row]).into_iter();
        report.findings.extend(wrong.map(|what| Problem::new("GLN-647", &place, what, REMEDY)));
    }
    report.recomputed = figures(evidence, &held, claims);
    if claims.overheads_count_as_use {
        report.recomputed.retain(|(name, _)| name != "utilisation");
        report.unverified.push("utilisation: by these rules overheads count as use".into());
    }
    for (name, expected) in &report.recomputed {
        let found = claims.summary.iter().find(|(reported, _)| reported == name);
        let agrees = |found: f64| (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
        if !found.is_some_and(|(_, found)| agrees(*found)) {
            let found = found.map_or_else(|| "nothing".to_owned(), |(_, found)| found.to_string());
            let what = format!("found {found}, expected {expected}");
            let place = format!("leases: {name}");
            report.findings.push(Problem::new("GLN-648", place, what, REMEDY));
        }
    }
    match &claims.event_log_blake3 {
        None => report.unverified.push("event_log_blake3: none was reported".into()),
        Some(claimed) => {
            let found = event_log_blake3(outcomes, stretches);
            if found != *claimed {
                let what = format!("states and holdings hash to {found}, expected {claimed}");
                let place = "event_log_blake3";
                report.findings.push(Problem::new("GLN-611", place, what, REMEDY));
            }
        }
    }
    report
}

/// When `state` was last, or first, entered.
fn entered(
    outcome: &LeaseOutcome,
    wanted: LeaseState,
) -> impl DoubleEndedIterator<Item = Instant> + '_ {
    let entries = outcome.history.iter().filter(move |(_, state)| *state == wanted);
    entries.map(|&(at, _)| at)
}

/// When its VMs last began to run without memory being loaded.
fn fresh_start(outcome: &LeaseOutcome) -> Option<Instant> {
    let mut fresh = outcome
        .history
        .windows(2)
        .filter(|pair| pair[1].1 == LeaseState::Active && pair[0].1 != LeaseState::ResumedReady);
    fresh.next_back().map(|pair| pair[1].0)
}

/// What a row says against the states and holdings of the lease.
fn contradictions(
    request: &LeaseRequest,
    outcome: &LeaseOutcome,
    held: &[&Stretch],
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, found: Option<f64>, expected: Option<f64>| {
        if found != expected {
            wrong.push(format!("{what} is {found:?}, by its states and holdings {expected:?}"));
        }
    };
    let time = |instant: Option<Instant>| instant.map(Instant::seconds);
    let times = |state| entered(outcome, state);
    let entries = |state| Some(times(state).count() as f64);
    let holdings = |purpose| held.iter().filter(|s| s.purpose == purpose).count() as u32;
    same("submit_s", time(outcome.history.first().map(|s| s.0)), time(Some(request.arrival)));
    same("first_start_s", time(outcome.first_start), time(times(LeaseState::Active).next()));
    same("start_s", time(outcome.last_start), time(fresh_start(outcome)));
    same("end_s", time(outcome.end), time(times(LeaseState::Done).next_back()));
    let resumed = entries(LeaseState::ResumedReady);
    same("resumptions", Some(f64::from(outcome.resumptions)), resumed);
    let saved = outcome.history.windows(2).filter(|pair| {
        pair[0].1 == LeaseState::Suspending && pair[1].1 == LeaseState::SuspendedPending
    });
    same("suspensions", Some(f64::from(outcome.suspensions)), Some(saved.count() as f64));
    if outcome.history.last().map(|s| s.1) != Some(outcome.state) {
        wrong.push(format!("state is {}, which is not its last", outcome.state.name()));
    }
    if outcome.history.windows(2).any(|pair| pair[0].0 > pair[1].0) {
        wrong.push("its states go back in time".to_owned());
    }
    let short = [
        ("memory_migrations", outcome.memory_migrations, holdings(Use::MoveMemory)),
        ("disk_migrations", outcome.disk_migrations, holdings(Use::MoveDisk)),
        ("image_transfers", outcome.transfers, holdings(Use::Transfer)),
    ];
    for (name, told, found) in short.into_iter().filter(|(_, told, found)| told < found) {
        wrong.push(format!("{name} is {told}, held are {found}"));
    }
    wrong
}

/// The figures by name.
fn figures(
    evidence: LeaseEvidence<'_>,
    held: &[Vec<&Stretch>],
    claims: &LeaseClaims,
) -> Vec<(String, f64)> {
    let leases = || evidence.requests.iter().zip(evidence.outcomes);
    let ended = |state| leases().filter(move |(_, outcome)| outcome.state == state);
    let reservations = |state| ended(state).filter(|(r, _)| r.is_reservation()).count() as f64;
    let done = || ended(LeaseState::Done).filter(|(request, _)| request.is_best_effort());
    let waits = done().filter_map(|(request, outcome)| {
        fresh_start(outcome).map(|start| (start - request.arrival).seconds())
    });
    let slowdowns = done().filter_map(|(request, outcome)| {
        let end = entered(outcome, LeaseState::Done).next_back()?;
        let alone = if claims.slowdown_by_request { request.duration } else { outcome.run_time };
        Some((end - request.arrival).seconds() / alone.seconds().max(BOUND_S))
    });
    let last = done().filter_map(|(_, outcome)| outcome.end).max();
    let sum = |of: fn(&LeaseOutcome) -> u32| -> f64 {
        evidence.outcomes.iter().map(|outcome| f64::from(of(outcome))).sum()
    };
    let early = leases().zip(held).filter(|((request, outcome), held)| {
        let whole = LeaseRequest { real_duration: None, ..(*request).clone() };
        let whole = agreed(&whole, held, evidence.shutdown_inside);
        outcome.state == LeaseState::Done && outcome.run_time < whole
    });
    [
        ("accepted_ar", reservations(LeaseState::Done)),
        ("rejected_ar", reservations(LeaseState::Rejected)),
        ("completed_best_effort", done().count() as f64),
        ("all_best_effort_s", last.map_or(0.0, Instant::seconds)),
        ("mean_wait_s", mean(waits.collect())),
        ("mean_bounded_slowdown", mean(slowdowns.collect())),
        ("utilisation", utilisation(evidence)),
        ("suspensions", sum(|outcome| outcome.suspensions)),
        ("resumptions", sum(|outcome| outcome.resumptions)),
        ("migrations", sum(|outcome| outcome.memory_migrations)),
        ("image_transfers", sum(|outcome| outcome.transfers)),
        ("premature_ends", early.count() as f64),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn mean(values: Vec<f64>) -> f64 {
    let count = values.len();
    if count == 0 { 0.0 } else { values.into_iter().sum::<f64>() / count as f64 }
}

/// Mean share of the site's CPU in use until that changed last.
fn utilisation(evidence: LeaseEvidence<'_>) -> f64 {
    let (mut work, mut end) = (0.0, Instant::START);
    for stretch in evidence.stretches.iter().filter(|stretch| stretch.purpose == Use::Run) {
        let cpu: i64 = stretch.hosts.iter().map(|(_, amounts)| amounts[CPU]).sum();
        work += (stretch.end - stretch.start).seconds() * cpu as f64;
        end = end.max(stretch.end);
    }
    let total: i64 = evidence.site.hosts.iter().map(|host| host[CPU]).sum();
    let whole = (end - Instant::START).seconds() * total as f64;
    if whole > 0.0 { work / whole } else { 0.0 }
}
