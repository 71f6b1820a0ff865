//! Is this finished run possible, and do its numbers follow from its actions?
//!
//! Everything is worked out again from the run's own tables by code that shares nothing with the
//! engine: who was where, whether that was allowed, how long each copy took, and what the whole
//! cost in energy and SLA violations. The recomputation is naive on purpose: one loop over all
//! instants at which anything may change, every host from scratch at each of them.
//!
//! | code | what is wrong |
//! |---|---|
//! | GLN-601 | a table does not fit the fleet, or a number is impossible |
//! | GLN-602 | times run backwards, leave the run or disagree with its clock |
//! | GLN-603 | a VM does what it cannot do |
//! | GLN-604 | a host does what it cannot do |
//! | GLN-605 | a host holds more memory, disk or network than it has |
//! | GLN-606 | a copy takes longer or shorter than its network allows |
//! | GLN-607, 608, 609 | a row of `hosts`, `vms`, `samples` does not follow from the actions |
//! | GLN-610 | a figure of the summary does not follow from the actions |
//! | GLN-611 | the event log's hash is another one |
//! | GLN-612 | an idle VM was kept though the rules retire it |
//! | GLN-615 | a row of `moves` or `stages` does not fit the actions |
//! | GLN-617 | a row of `decisions` contradicts itself or `samples` |
//! | GLN-616 | VMs come or go otherwise than their leases |
//! | GLN-618, 619 | an entry or a total of the ledger does not follow |
//! | GLN-625 | a host fails or is repaired otherwise than `outages` and the rules say |
//! | GLN-627 | something is on a host that has failed |
//! | GLN-628 | a row of `restarts` does not fit the actions, the rules or the others |
//! | GLN-670 | a VM is where the rules of `[sites]` forbid it |
//! | GLN-671 | something goes from site to site that cannot |
//! | GLN-672 | a figure of `[sites]` does not follow from the actions |
//! | GLN-673 | a link fails otherwise than its outages say, or something is sent over it then |
//! | GLN-678 | what is out or cut off does not follow, or something passes it meanwhile |
//! | GLN-679 | a figure of the network does not follow from what failed |
//!
//! Symbols used throughout: `r` demand of a VM, MIPS; `c = min(r, core)` what one core can serve of
//! it; `a` what it gets; `W` what its host spends on all VMs; `C` the host's capacity.

mod bill;
mod billing;
mod capacity;
mod capping;
mod company;
mod copies;
mod cuts;
mod decisions;
mod doubt;
mod event;
mod figures;
pub mod fragments;
mod history;
mod image_caches;
mod layout;
mod lease_run;
mod leased_sites;
mod leases;
mod ledger;
mod log;
mod moves;
mod network;
mod outages;
pub mod plan;
mod provision;
mod range;
pub mod reassign;
pub mod relocation;
mod report;
pub mod roadef;
mod rows;
mod site_bill;
mod sites;
mod snapshot;
mod stages;
mod start_order;
mod supply;
mod tenancy;
mod timetable;

#[cfg(test)]
mod tests;

pub use bill::{Bill, BillRow, LeaseRun, check_lease_bill};
pub use lease_run::{LeaseClaims, check_lease_run};
pub use leases::{LeaseEvidence, check_leases};
pub use network::Network;
pub use report::Report;
pub use stages::Sending;
pub use tenancy::Tenancy;

use crate::model::{Fleet, Record, Rules};
use doubt::Totals;
use timetable::Timetable;

/// A finished run as its tables tell it; nothing in it is trusted.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The rules of the run, every default resolved.
    pub rules: Rules,
    /// Its hosts and VMs; VM `i` replays row `i` of `demand`, whatever `trace_row` says.
    pub fleet: Fleet,
    /// Per VM: the fraction of its nominal MIPS that it asks for, at each sample.
    pub demand: Vec<Vec<f64>>,
    /// Time between two samples, seconds.
    pub step_s: f64,
    /// Q9: whether a host that received a VM may be vacated in the same step, so that a VM may have
    /// two copies from one source at once.
    pub vacate_receivers: bool,
    /// The tables.
    pub record: Record,
    /// The figures that the run reported, by name; names unknown to the check are listed as
    /// unverified.
    pub summary: Vec<(String, f64)>,
    /// Why the durations of migrations cannot be worked out, where they cannot.
    pub unknown_durations: Option<String>,
    /// What makes it possible to verify how long each stage of a pre-copy sends, where it is.
    pub sending: Option<Sending>,
    /// The reported hash of the event log, hexadecimal; `None` leaves it unverified.
    pub event_log_blake3: Option<String>,
    /// Which leases the VMs belong to, in a run of leases; `demand` is then by row of the trace,
    /// and VM `i` replays row `fleet.trace_row[i]` over and over.
    pub tenancy: Option<Tenancy>,
    /// The ledger, in a run with `[costs]`.
    pub bill: Option<Bill>,
    /// How hosts are connected, in a run in which switches or cables fail.
    pub network: Option<Network>,
}

impl Evidence {
    /// What `vm` replays.
    fn load_of(&self, vm: usize) -> &[f64] {
        let row = if self.tenancy.is_some() { self.fleet.trace_row.as_slice()[vm] } else { vm };
        &self.demand[row]
    }
}

/// Verifies a run; a run without faults gives a report without findings.
///
/// Checks that need sound tables are left out when those are not sound, and the report says so.
///
/// One host, one VM of 500 MIPS that asks for half of it for 300 s: 250 of 3720 MIPS, by the
/// machine's table 86 + 0.672 x 3.4 = 88.285 W, so 26 485.5 J.
///
/// ```
/// use galerna::check::{Evidence, check};
/// use galerna::id::{HostId, VmId};
/// use galerna::model::record::Reason;
/// use galerna::model::{Action, ActionKind, Fleet, HostRecord, Machine, VmRecord, VmType};
/// use galerna::time::Instant;
/// use galerna::units::Bytes;
///
/// let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(32)).unwrap();
/// let mut fleet = Fleet::of_hosts(vec![g4], [0]);
/// fleet.add_vms_in_blocks(&VmType::PUBLISHED[3..], &[0]);
/// let demand = vec![vec![0.5]];
/// let mut evidence = Evidence { fleet, demand, step_s: 300.0, ..Evidence::default() };
///
/// let (at, reason, host) = (Instant::START, Reason::Initial, Some(HostId(0)));
/// let (kind, vm, from, to) = (ActionKind::HostOn, None, host, None);
/// let on = Action { at, seconds: 0.0, kind, vm, from, to, reason };
/// let (kind, vm, from, to) = (ActionKind::VmStart, Some(VmId(0)), None, host);
/// evidence.record.actions = vec![on, Action { kind, vm, from, to, ..on }];
/// evidence.record.hosts = vec![HostRecord::default()];
/// evidence.record.vms = vec![VmRecord::default()];
///
/// let report = check(&evidence);
/// let (name, kwh) = &report.recomputed[0];
/// assert_eq!(name, "energy_kwh");
/// assert!((kwh * 3.6e6 - 26_485.484).abs() < 1e-3);
/// assert!(!report.is_clean(), "the rows of the record are still empty");
/// ```
pub fn check(evidence: &Evidence) -> Report {
    let mut report = Report::of(evidence);
    let events = match event::parse(evidence) {
        Ok(events) => events,
        Err(findings) => {
            report.findings = findings;
            report.unverified.push("everything else: the tables do not fit together".into());
            return report;
        }
    };
    let times = Timetable::of(evidence, &events);
    report.findings.extend(times.check(evidence, &events));
    report.findings.extend(history::check(evidence, &events, &times));
    if let Some(tenancy) = &evidence.tenancy {
        report.findings.extend(tenancy.check_fleet(&evidence.fleet));
        report.findings.extend(tenancy.check(&evidence.record.actions));
        report.findings.extend(start_order::check(tenancy, &events));
        report.findings.extend(company::check(tenancy, &events));
        report.findings.extend(leased_sites::check(evidence));
    }
    outages::check(evidence, &events, &mut report);
    provision::check(evidence, &events, &mut report);
    let possible = report.is_clean();
    report.findings.extend(log::check(evidence));
    if !possible {
        report.unverified.push("capacities, copies, energy and SLA: mend the above first".into());
        return report;
    }
    report.findings.extend(capacity::check(evidence, &events));
    copies::check(evidence, &events, &times, &mut report);
    moves::check(evidence, &events, &mut report);
    sites::check(evidence, &events, &mut report);
    cuts::check(evidence, &mut report);
    network::check(evidence, &events, times.last, &mut report);
    decisions::check(evidence, &mut report);
    if let Some(sending) = &evidence.sending
        && report.is_clean()
    {
        stages::check(evidence, sending, &mut report);
    }
    let totals = Totals::of(evidence, &events, &times, &mut report);
    report.findings.extend(totals.exact.idle_kept.iter().cloned());
    report.findings.extend(rows::check(evidence, &times, &totals));
    figures::check(evidence, &events, &totals, &mut report);
    let energy_j: Vec<f64> = totals.exact.hosts.iter().map(|host| host.energy_j).collect();
    sites::compare(evidence, &events, &energy_j, times.last, &mut report);
    billing::check(evidence, &events, &times, &totals, &mut report);
    report
}
