//! Do the rows of `hosts`, `vms` and `samples` follow from the actions?

use crate::id::{HostId, VmId};
use crate::problem::Problem;
use crate::time::Instant;

use super::Evidence;
use super::ledger::Ledger;
use super::report::agree;
use super::timetable::Timetable;

/// Absolute tolerance of seconds, joules, MIPS and million instructions.
const FLOOR: f64 = 1e-9;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// A named number as recorded and as it follows from the actions.
type Pair = (&'static str, f64, f64);

/// Compares all three tables.
pub(super) fn check(evidence: &Evidence, times: &Timetable, ledger: &Ledger) -> Vec<Problem> {
    let mut findings = hosts(evidence, ledger);
    findings.extend(vms(evidence, ledger));
    findings.extend(samples(evidence, times, ledger));
    findings
}

fn differences(code: &'static str, place: &str, pairs: &[Pair]) -> Vec<Problem> {
    let wrong = pairs.iter().filter(|(_, found, expected)| !agree(*found, *expected, FLOOR));
    wrong
        .map(|(name, found, expected)| {
            let what = format!("{name} found {found}, expected {expected}");
            Problem::new(code, place, what, REMEDY)
        })
        .collect()
}

fn hosts(evidence: &Evidence, ledger: &Ledger) -> Vec<Problem> {
    let mut findings = Vec::new();
    for (host, (row, total)) in evidence.record.hosts.iter().zip(&ledger.hosts).enumerate() {
        let host = HostId(host as u32);
        let place = format!("hosts row {host}");
        let machine = &evidence.fleet.machine_of(host).name;
        if row.machine != *machine {
            let what = format!("machine found {}, expected {machine}", row.machine);
            findings.push(Problem::new("GLN-607", place.clone(), what, REMEDY));
        }
        let pairs = [
            ("on_s", row.on_s, total.on_s),
            ("transition_s", row.transition_s, total.transition_s),
            ("violation_s", row.violation_s, total.violation_s),
            ("energy_j", row.energy_j, total.energy_j),
            ("shutdowns", f64::from(row.shutdowns), f64::from(total.shutdowns)),
        ];
        findings.extend(differences("GLN-607", &place, &pairs));
    }
    findings
}

fn vms(evidence: &Evidence, ledger: &Ledger) -> Vec<Problem> {
    let mut findings = Vec::new();
    for (vm, (row, total)) in evidence.record.vms.iter().zip(&ledger.vms).enumerate() {
        let pairs = [
            ("demanded_mi", row.demanded_mi, total.demanded_mi),
            ("allocated_mi", row.allocated_mi, total.allocated_mi),
            ("lost_to_migration_mi", row.lost_to_migration_mi, total.lost_mi),
            ("short_s", row.short_s, total.short_s),
            ("migrations", f64::from(row.migrations), f64::from(total.migrations)),
        ];
        let place = format!("vms row {}", VmId(vm as u32));
        findings.extend(differences("GLN-608", &place, &pairs));
    }
    findings
}

fn samples(evidence: &Evidence, times: &Timetable, ledger: &Ledger) -> Vec<Problem> {
    let mut findings = Vec::new();
    for row in &evidence.record.samples {
        let at = Instant::from_seconds(row.seconds);
        let Some(now) = ledger.decisions.get(&at).filter(|_| times.counts(at)) else { continue };
        let mut pairs = vec![
            ("seconds", row.seconds, now.seconds),
            ("hosts_on", f64::from(row.hosts_on), now.hosts_on as f64),
            ("vms", f64::from(row.vms), now.vms as f64),
            ("demand_mips", row.demand_mips, now.demand_mips),
            ("allocated_mips", row.allocated_mips, now.allocated_mips),
            ("power_w", row.power_w, now.power_w),
        ];
        // A copy to a sleeping host begins only when that is on, not when it is decided.
        if evidence.rules.host.wake_s == 0.0 && evidence.rules.host.shutdown_s == 0.0 {
            pairs.push(("migrations", f64::from(row.migrations), now.begun as f64));
        }
        let place = format!("samples row {} at {at}", row.sample);
        findings.extend(differences("GLN-609", &place, &pairs));
    }
    findings
}
