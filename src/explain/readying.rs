//! Why was a VM of a lease ready when it was? Its stages, each beside what it takes alone, and the
//! critical path to its begin.
//!
//! ```text
//! image:  alone = bytes / min(repository, card)     share = alone / taken
//! clone:  alone = the copy itself                   the rest: the disk copied for others
//! ```
//!
//! Read from the rows of the repeated run, which `check` verifies.

use std::ops::Range;

use serde::Serialize;

use super::critical::{self, Leg};
use super::repeat::{Repeatable, Repeated};
use crate::id::VmId;
use crate::model::lease::Guests;
use crate::model::provision::ProvisionRecord;
use crate::model::{Record, Rules};
use crate::time::Instant;

/// How a VM became ready on a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Readying {
    /// The VM; of several cores the first.
    pub vm: VmId,
    /// Where.
    pub host: u32,
    /// When that began.
    pub start_s: f64,
    /// When it was ready; none if it was given up.
    pub ready_s: Option<f64>,
    /// When it began to run.
    pub began_s: Option<f64>,
    /// What it went through, in order.
    pub stages: Vec<Stage>,
    /// Other images on their way while its own was.
    pub others_sent: usize,
    /// What its begin waited for, the last first.
    pub critical: Vec<Leg>,
}

/// A stage of provisioning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stage {
    /// Which.
    pub name: &'static str,
    /// How long it took.
    pub taken_s: f64,
    /// How long it takes where nobody else uses the network, or the disk.
    pub alone_s: f64,
}

/// How the VMs `about` became ready.
pub(super) fn of(
    inputs: &Repeatable,
    each: Guests,
    repeated: &Repeated,
    about: Option<Range<usize>>,
) -> Vec<Readying> {
    let (Some(load), Some(outcome)) = (inputs.load(), &repeated.outcome) else { return Vec::new() };
    let Some(about) = about else { return Vec::new() };
    let record = &outcome.record;
    let wanted = record.provisions.iter().filter(|row| about.contains(&(row.vm.0 as usize)));
    let requests = inputs.leases().map_or(&[][..], |leases| &leases.workload.leases);
    wanted
        .map(|row| Readying {
            vm: row.vm,
            host: row.host.0,
            start_s: row.start.seconds(),
            ready_s: row.ready.map(Instant::seconds),
            began_s: critical::begin(record, row).map(Instant::seconds),
            stages: stages(row, record, &load.rules),
            others_sent: others_sent(row, record),
            critical: critical::path(row, record, requests, each),
        })
        .collect()
}

fn stages(row: &ProvisionRecord, record: &Record, rules: &Rules) -> Vec<Stage> {
    let Some(provision) = &rules.provision else { return Vec::new() };
    let ends = [Some(row.start), row.imaged, row.cloned, row.customised, row.ready];
    let sent = row.send.map(|send| record.sends[send as usize].bytes);
    // A VM whose image was there does not say how large that is; its copy is taken as it was.
    let fastest = provision.repository().min(rules.migration.bandwidth());
    let alone = |name: &str, taken: f64| match (name, sent) {
        ("image", Some(bytes)) => (bytes / fastest).min(taken),
        ("clone", Some(bytes)) => provision.clone_seconds(bytes).min(taken),
        _ => taken,
    };
    let named = ["image", "clone", "customise", "boot"].into_iter().zip(ends.windows(2));
    named
        .filter_map(|(name, ends)| {
            let taken_s = (ends[1]? - ends[0]?).seconds();
            Some(Stage { name, taken_s, alone_s: alone(name, taken_s) })
        })
        .collect()
}

/// Images that were on their way elsewhere while that of `row` was.
fn others_sent(row: &ProvisionRecord, record: &Record) -> usize {
    let (Some(send), Some(imaged)) = (row.send, row.imaged) else { return 0 };
    let own = send as usize;
    let meanwhile = |from: Instant, end: Option<Instant>| {
        from < imaged && end.is_none_or(|end| end > record.sends[own].start)
    };
    let others = record.sends.iter().enumerate().filter(|&(at, _)| at != own);
    others.filter(|(_, other)| meanwhile(other.start, other.end)).count()
}

impl std::fmt::Display for Readying {
    /// A few lines: the stages, and what the begin waited for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (vm, host, start) = (self.vm, self.host, Instant::from_seconds(self.start_s));
        match self.ready_s.map(Instant::from_seconds) {
            Some(ready) => writeln!(f, "{start}  {vm} is prepared on host-{host}, ready {ready}")?,
            None => writeln!(f, "{start}  {vm} is prepared on host-{host}, and given up")?,
        }
        for &Stage { name, taken_s, alone_s } in &self.stages {
            write!(f, "  {name:<9} {taken_s:.3} s")?;
            match taken_s - alone_s > 5e-4 {
                true if name == "image" => {
                    let (share, others) = (100.0 * alone_s / taken_s, self.others_sent);
                    writeln!(
                        f,
                        ", {alone_s:.3} s alone: {share:.0} % of it, {others} others sent"
                    )?;
                }
                true => writeln!(f, ", {alone_s:.3} s alone: the disk copied for others")?,
                false => writeln!(f)?,
            }
        }
        match self.began_s.map(Instant::from_seconds) {
            Some(at) => writeln!(f, "  begins {at}, after")?,
            None => writeln!(f, "  never began there")?,
        }
        self.critical.iter().try_for_each(|leg| writeln!(f, "    {leg}"))
    }
}
