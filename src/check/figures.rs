//! The figures of the summary, from the totals.
//!
//! ```text
//! SLATAH = mean over hosts ever on of violation / on      global: sum violation / sum on
//! PDM    = mean over VMs of lost / demanded               global: sum lost / sum demanded
//! SLAV   = SLATAH PDM        ESV = kWh SLAV       overall = (demanded - allocated) / demanded
//! average = mean of (r - a) / r over short VM-time, or over short intervals
//! ping-pong = migrations to a host that the VM began to leave at most 60 min before / migrations
//! ```
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6; the
//! global ratios are those of CloudSim 3.0.3 (Q16). Zero over zero is zero.

use crate::model::record::MoveEnding;
use crate::model::rules::Ratios;
use crate::problem::Problem;
use crate::time::{Instant, Span};

use super::doubt::Totals;
use super::event::{Deed, Event};
use super::ledger::Ledger;
use super::range::Range;
use super::{Evidence, Report, decisions, outages};

/// How long after it left a host a VM's return counts as ping-pong.
const RETURN_WITHIN: Span = Span(3_600_000_000);
/// Absolute tolerance: the product of two small ratios is small, a difference of sums is noisy.
const FLOOR: f64 = 1e-15;
const DIFFERENCE_FLOOR: f64 = 1e-12;
const SECONDS_FLOOR: f64 = 1e-9;

const JOULES_PER_KWH: f64 = 3.6e6;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Compares the figures of a part of the run, those whose name `is_one`, with `expected`, and says
/// with `code` which are wrong, missing, or of what is not there, in the words of `strange`.
pub(super) fn compare(
    (code, strange): (&'static str, &str),
    is_one: fn(&str) -> bool,
    evidence: &Evidence,
    expected: Vec<(String, f64)>,
    out: &mut Report,
) {
    let mut refuse = |name: &str, what: String| {
        out.findings.push(Problem::new(code, format!("summary: {name}"), what, REMEDY));
    };
    let found = |name: &str| evidence.summary.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    for (name, value) in &expected {
        let near = |found: f64| (found - value).abs() <= 1e-9 * value.abs().max(1.0);
        if !found(name).is_some_and(near) {
            let found = found(name).map_or_else(|| "nothing".to_owned(), |found| found.to_string());
            refuse(name, format!("found {found}, expected {value}"));
        }
    }
    for (name, value) in evidence.summary.iter().filter(|(name, _)| is_one(name)) {
        if !expected.iter().any(|(known, _)| known == name) {
            refuse(name, format!("found {value}, and {strange}"));
        }
    }
    out.recomputed.extend(expected);
}

/// Recomputes every figure and compares those that were reported. Figures that may be undefined may
/// be missing, the others may not.
pub(super) fn check(evidence: &Evidence, events: &[Event], totals: &Totals, out: &mut Report) {
    let figures = recompute(evidence, events, &totals.exact);
    let optional = optional(evidence, events, &totals.exact);
    let lowered = recompute(evidence, events, totals.lowered());
    let mut ranges: Vec<(&str, Range)> = figures
        .iter()
        .zip(&lowered)
        .map(|((name, exact), (_, lowered))| (*name, Range::between(*exact, *lowered)))
        .collect();
    widen(&mut ranges, totals);
    ranges.extend(optional.iter().map(|(name, value)| (*name, Range::only(*value))));
    let found = |name: &str| evidence.summary.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    let missing = figures.iter().filter(|(name, _)| found(name).is_none());
    for (name, expected) in missing {
        let what = format!("missing, expected {expected}");
        out.findings.push(Problem::new("GLN-610", format!("summary: {name}"), what, REMEDY));
    }
    for (name, expected) in &ranges {
        let Some(found) = found(name).filter(|found| !expected.agrees(*found, floor(name))) else {
            continue;
        };
        let what = format!("found {found}, expected {expected}");
        out.findings.push(Problem::new("GLN-610", format!("summary: {name}"), what, REMEDY));
    }
    out.recomputed = figures
        .into_iter()
        .chain(optional)
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    for (name, _) in &evidence.summary {
        let known = out.recomputed.iter().any(|(known, _)| known == name);
        if !known && !super::sites::is_figure(name) && !super::network::is_figure(name) {
            out.unverified.push(format!("summary: {name}"));
        }
    }
}

/// Sets the ranges of those figures that may rise with one share in doubt and fall with another.
fn widen(ranges: &mut [(&str, Range)], totals: &Totals) {
    let range = |ranges: &[(&str, Range)], name| {
        let found = ranges.iter().find(|(known, _)| *known == name);
        found.map_or(Range::only(f64::NAN), |(_, range)| *range)
    };
    for i in 0..ranges.len() {
        ranges[i].1 = match ranges[i].0 {
            "slav" => range(ranges, "slatah").times(range(ranges, "pdm")),
            "esv" => range(ranges, "energy_kwh").times(range(ranges, "slav")),
            "average_sla_violation" => totals.mean_shortage(),
            _ => continue,
        };
    }
}

/// Absolute tolerance of a figure.
fn floor(name: &str) -> f64 {
    match name {
        "overall_sla_violation" => DIFFERENCE_FLOOR,
        name if name.ends_with("_s") => SECONDS_FLOOR,
        _ => FLOOR,
    }
}

/// Figures that need two of something, or at least one.
fn optional(evidence: &Evidence, events: &[Event], ledger: &Ledger) -> Vec<(&'static str, f64)> {
    let durations = durations(events);
    let moved_nothing = [MoveEnding::RolledBack, MoveEnding::Lost];
    let vain: Vec<f64> = evidence
        .record
        .moves
        .iter()
        .filter(|row| moved_nothing.contains(&row.ending))
        .map(|row| row.bytes)
        .collect();
    let figures = [
        ("sd_time_before_host_shutdown_s", deviation(&ledger.uptimes)),
        (
            "mean_migration_duration_s",
            (!durations.is_empty()).then(|| mean(durations.iter().copied())),
        ),
        ("sd_migration_duration_s", deviation(&durations)),
        ("wasted_migration_bytes", (!vain.is_empty()).then(|| vain.iter().sum())),
        ("mean_decision_gap", decisions::mean_gap(evidence)),
    ];
    let figures = figures.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let [above_s, above_j, peak_w] = ledger.capped;
    let capped =
        [("above_cap_s", above_s), ("above_cap_kwh", above_j / JOULES_PER_KWH), ("peak_w", peak_w)];
    let is_capped = evidence.rules.power_cap.is_some();
    let capped = capped.into_iter().filter(move |_| is_capped);
    let (limited_s, limited_mi) = ledger.limited;
    let is_enforced = evidence.rules.host.cap_w.is_some();
    let limited = [("capped_s", limited_s), ("capped_mi", limited_mi)];
    let capped = capped.chain(limited.into_iter().filter(move |_| is_enforced));
    figures.chain(outages::figures(evidence, events)).chain(capped).collect()
}

/// Seconds from start to end of each completed migration; two copies of one VM (Q9) are one.
fn durations(events: &[Event]) -> Vec<f64> {
    let mut begun: Vec<(usize, usize, f64)> = Vec::new();
    let mut durations = Vec::new();
    for event in events {
        match event.deed {
            Deed::Depart { vm, to, .. } => begun.push((vm, to, event.seconds)),
            Deed::Abort { vm, to, .. } | Deed::Crash { vm, to, .. } => {
                begun.retain(|(v, h, _)| (*v, *h) != (vm, to));
            }
            Deed::Arrive { vm, to, .. } => {
                if let Some(i) = begun.iter().position(|(v, h, _)| (*v, *h) == (vm, to)) {
                    let (_, _, start) = begun.remove(i);
                    if begun.iter().all(|(v, _, _)| *v != vm) {
                        durations.push(event.seconds - start);
                    }
                }
            }
            _ => {}
        }
    }
    durations
}

/// Sample standard deviation, of at least two values.
fn deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values.iter().copied());
    let squares: f64 = values.iter().map(|x| (x - centre).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() as f64 - 1.0)).sqrt())
}

fn recompute(evidence: &Evidence, events: &[Event], ledger: &Ledger) -> Vec<(&'static str, f64)> {
    let host = |part: fn(&super::ledger::HostTotal) -> f64| ledger.hosts.iter().map(part).sum();
    let vm = |part: fn(&super::ledger::VmTotal) -> f64| ledger.vms.iter().map(part).sum();
    let (energy_j, on_s, violation_s): (f64, f64, f64) =
        (host(|h| h.energy_j), host(|h| h.on_s), host(|h| h.violation_s));
    let (demanded, allocated, lost): (f64, f64, f64) =
        (vm(|v| v.demanded_mi), vm(|v| v.allocated_mi), vm(|v| v.lost_mi));
    let migrations: f64 = vm(|v| f64::from(v.migrations));
    let (slatah_global, pdm_global) = (ratio(violation_s, on_s), ratio(lost, demanded));
    let (slatah, pdm) = match evidence.rules.accounting.ratios {
        Ratios::Global => (slatah_global, pdm_global),
        Ratios::Mean => {
            let ever_on = ledger.hosts.iter().filter(|h| h.on_s > 0.0);
            (
                mean(ever_on.map(|h| h.violation_s / h.on_s)),
                mean(ledger.vms.iter().map(|v| ratio(v.lost_mi, v.demanded_mi))),
            )
        }
    };
    let energy_kwh = energy_j / JOULES_PER_KWH;
    let slav = slatah * pdm;
    vec![
        ("energy_kwh", energy_kwh),
        ("migrations", migrations),
        ("slatah", slatah),
        ("pdm", pdm),
        ("slav", slav),
        ("esv", energy_kwh * slav),
        ("slatah_global", slatah_global),
        ("pdm_global", pdm_global),
        ("overall_sla_violation", ratio(demanded - allocated, demanded)),
        ("average_sla_violation", ratio(ledger.shortage.0, ledger.shortage.1)),
        ("host_shutdowns", host(|h| f64::from(h.shutdowns))),
        ("mean_time_before_host_shutdown_s", mean(ledger.uptimes.iter().copied())),
        ("ping_pong_rate", ratio(returns(events) as f64, migrations)),
        ("active_hosts_mean", ratio(on_s, ledger.window_s)),
    ]
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    ratio(values.iter().sum(), values.len() as f64)
}

/// Migrations that undo an earlier one soon after.
fn returns(events: &[Event]) -> usize {
    let mut left: Vec<(usize, usize, Instant)> = Vec::new();
    let mut returns = 0;
    for event in events {
        let Deed::Depart { vm, from, to } = event.deed else { continue };
        left.retain(|(_, _, at)| event.at - *at <= RETURN_WITHIN);
        returns += usize::from(left.iter().any(|(v, h, _)| (*v, *h) == (vm, to)));
        left.push((vm, from, event.at));
    }
    returns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depart(minutes: i64, from: usize, to: usize) -> Event {
        let at = Instant(minutes * 60_000_000);
        Event { row: 0, at, seconds: at.seconds(), deed: Deed::Depart { vm: 0, from, to } }
    }

    /// 0 -> 1 at 0 min, 1 -> 2 at 30, back to 1 at 90 (60 min after leaving it: a return), to 0 at
    /// 95 (left 95 min before: none).
    #[test]
    fn a_return_within_the_hour_is_ping_pong() {
        let moves = [depart(0, 0, 1), depart(30, 1, 2), depart(90, 2, 1), depart(95, 1, 0)];
        assert_eq!(returns(&moves), 1);
    }

    /// The first copy is given up after 10 min, the second takes 1 min.
    #[test]
    fn only_a_completed_migration_has_a_duration() {
        let after = |minutes: i64, deed: Deed| Event { deed, ..depart(minutes, 0, 1) };
        let events = [
            depart(0, 0, 1),
            after(10, Deed::Abort { vm: 0, from: 0, to: 1 }),
            depart(30, 0, 1),
            after(31, Deed::Arrive { vm: 0, from: 0, to: 1 }),
        ];
        assert_eq!(durations(&events), [60.0]);
    }
}
