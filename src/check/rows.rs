//! Do the rows of `hosts`, `vms` and `samples` follow from the actions?

use crate::id::{HostId, VmId};
use crate::problem::Problem;
use crate::time::Instant;

use super::Evidence;
use super::doubt::Totals;
use super::ledger::{AtDecision, HostTotal, VmTotal};
use super::range::Range;
use super::timetable::Timetable;

/// Absolute tolerance of seconds, joules, MIPS and million instructions.
const FLOOR: f64 = 1e-9;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// A named number as recorded and as it follows from the actions.
type Pair = (&'static str, f64, Range);

/// Compares all three tables.
pub(super) fn check(evidence: &Evidence, times: &Timetable, totals: &Totals) -> Vec<Problem> {
    let mut findings = hosts(evidence, totals);
    findings.extend(vms(evidence, totals));
    findings.extend(samples(evidence, times, totals));
    findings
}

fn differences(code: &'static str, place: &str, pairs: &[Pair]) -> Vec<Problem> {
    let wrong = pairs.iter().filter(|(_, found, expected)| !expected.agrees(*found, FLOOR));
    wrong
        .map(|(name, found, expected)| {
            let what = format!("{name} found {found}, expected {expected}");
            Problem::new(code, place, what, REMEDY)
        })
        .collect()
}

fn hosts(evidence: &Evidence, totals: &Totals) -> Vec<Problem> {
    let mut findings = Vec::new();
    for (host, row) in evidence.record.hosts.iter().enumerate() {
        let total = |part: fn(&HostTotal) -> f64| totals.range(|l| part(&l.hosts[host]));
        let host = HostId(host as u32);
        let place = format!("hosts row {host}");
        let machine = &evidence.fleet.machine_of(host).name;
        if row.machine != *machine {
            let what = format!("machine found {}, expected {machine}", row.machine);
            findings.push(Problem::new("GLN-607", place.clone(), what, REMEDY));
        }
        let pairs = [
            ("on_s", row.on_s, total(|h| h.on_s)),
            ("transition_s", row.transition_s, total(|h| h.transition_s)),
            ("violation_s", row.violation_s, total(|h| h.violation_s)),
            ("energy_j", row.energy_j, total(|h| h.energy_j)),
            ("shutdowns", f64::from(row.shutdowns), total(|h| f64::from(h.shutdowns))),
        ];
        findings.extend(differences("GLN-607", &place, &pairs));
    }
    findings
}

fn vms(evidence: &Evidence, totals: &Totals) -> Vec<Problem> {
    let mut findings = Vec::new();
    for (vm, row) in evidence.record.vms.iter().enumerate() {
        let total = |part: fn(&VmTotal) -> f64| totals.range(|l| part(&l.vms[vm]));
        let pairs = [
            ("demanded_mi", row.demanded_mi, total(|v| v.demanded_mi)),
            ("allocated_mi", row.allocated_mi, total(|v| v.allocated_mi)),
            ("lost_to_migration_mi", row.lost_to_migration_mi, total(|v| v.lost_mi)),
            ("short_s", row.short_s, total(|v| v.short_s)),
            ("migrations", f64::from(row.migrations), total(|v| f64::from(v.migrations))),
        ];
        let place = format!("vms row {}", VmId(vm as u32));
        findings.extend(differences("GLN-608", &place, &pairs));
    }
    findings
}

fn samples(evidence: &Evidence, times: &Timetable, totals: &Totals) -> Vec<Problem> {
    let mut findings = Vec::new();
    for row in &evidence.record.samples {
        let at = Instant::from_seconds(row.seconds);
        if !times.counts(at) || !totals.exact.decisions.contains_key(&at) {
            continue;
        }
        let now = |number: fn(&AtDecision) -> f64| {
            totals.range(|l| l.decisions.get(&at).map_or(f64::NAN, number))
        };
        let mut pairs = vec![
            ("seconds", row.seconds, now(|d| d.seconds)),
            ("hosts_on", f64::from(row.hosts_on), now(|d| d.hosts_on as f64)),
            ("vms", f64::from(row.vms), now(|d| d.vms as f64)),
            ("demand_mips", row.demand_mips, now(|d| d.demand_mips)),
            ("allocated_mips", row.allocated_mips, now(|d| d.allocated_mips)),
            ("power_w", row.power_w, now(|d| d.power_w)),
        ];
        // A copy to a sleeping host begins only when that is on, and one of many when it is its
        // turn, not when it is decided.
        let at_once = evidence.rules.host.wake_s == 0.0 && evidence.rules.host.shutdown_s == 0.0;
        if at_once && evidence.unknown_durations.is_none() {
            pairs.push(("migrations", f64::from(row.migrations), now(|d| d.begun as f64)));
        }
        let place = format!("samples row {} at {at}", row.sample);
        findings.extend(differences("GLN-609", &place, &pairs));
    }
    findings
}
