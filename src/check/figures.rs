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

use crate::model::rules::Ratios;
use crate::problem::Problem;
use crate::time::{Instant, Span};

use super::event::{Deed, Event};
use super::ledger::Ledger;
use super::report::agree;
use super::{Evidence, Report};

/// How long after it left a host a VM's return counts as ping-pong.
const RETURN_WITHIN: Span = Span(3_600_000_000);
/// Absolute tolerance: the product of two small ratios is small, a difference of sums is noisy.
const FLOOR: f64 = 1e-15;
const DIFFERENCE_FLOOR: f64 = 1e-12;

const JOULES_PER_KWH: f64 = 3.6e6;

/// Recomputes every figure and compares those that were reported.
pub(super) fn check(evidence: &Evidence, events: &[Event], ledger: &Ledger, out: &mut Report) {
    let figures = recompute(evidence, events, ledger);
    let remedy = "Rerun the spec; if it happens again, report it with the run directory";
    for (name, expected) in &figures {
        let floor = if *name == "overall_sla_violation" { DIFFERENCE_FLOOR } else { FLOOR };
        let found = evidence.summary.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        let what = match found {
            None => format!("missing, expected {expected}"),
            Some(found) if !agree(found, *expected, floor) => {
                format!("found {found}, expected {expected}")
            }
            Some(_) => continue,
        };
        out.findings.push(Problem::new("GLN-610", format!("summary: {name}"), what, remedy));
    }
    for (name, _) in &evidence.summary {
        if !figures.iter().any(|(known, _)| known == name) {
            out.unverified.push(format!("summary: {name}"));
        }
    }
    out.recomputed = figures.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
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
}
