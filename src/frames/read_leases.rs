//! From the folder of a run of leases back to what the check judges.

use std::path::Path;

use polars::prelude::*;

use super::error::{Error, REMEDY, damaged};
use super::folder::{LEASE_FILES, MANIFEST};
use super::manifest::Manifest;
use super::read::{FoundEvidence, FoundRun, read_bill, read_leased_load as read_load};
use super::table_file::{TableFile, missing};
use crate::check::{
    Bill, Evidence, LeaseClaims, LeaseEvidence, LeaseRun, Report, Tenancy, check, check_lease_bill,
    check_lease_run,
};
use crate::id::{Id, LeaseId};
use crate::lease::format::read_lwf;
use crate::lease::{LeaseRules, LeaseSummary, Schedule};
use crate::model::Costs;
use crate::model::lease::{LeaseRequest, RESOURCES, Site, Workload};
use crate::model::lease_record::{LeaseOutcome, LeaseState, Stretch, Use};
use crate::problem::Problem;
use crate::spec::{LeaseInputs, LeaseSpec};
use crate::time::{Instant, Span};

/// The tables of a run of leases.
#[derive(Debug, Clone)]
pub struct FoundLeases {
    /// What was asked for, and of which site.
    pub workload: Workload,
    /// The site.
    pub site: Site,
    /// How each lease fared.
    pub outcomes: Vec<LeaseOutcome>,
    /// What was held when by whom.
    pub stretches: Vec<Stretch>,
    /// Whether overheads may hold more than their VMs do.
    pub odd_overheads: bool,
    /// Whether reservations are shut down within their time.
    pub shutdown_inside: bool,
    /// What the run says of itself.
    pub claims: LeaseClaims,
    /// What their load came to, where they carry any.
    pub load: Option<Box<Evidence>>,
    /// The ledger, in a run with `[costs]` whose leases carry no load.
    pub bill: Option<Bill>,
    /// What it was made by.
    pub costs: Option<Costs>,
}

impl FoundLeases {
    /// The same of a run that has just ended; it claims nothing.
    pub fn of_run(inputs: &LeaseInputs, schedule: &Schedule) -> Self {
        let oddities = &inputs.rules.oddities;
        Self {
            workload: inputs.workload.clone(),
            site: inputs.site.clone(),
            outcomes: schedule.leases.clone(),
            stretches: schedule.stretches.clone(),
            odd_overheads: oddities.overheads_hold_more(),
            shutdown_inside: oddities.shutdown_inside_reservation,
            claims: LeaseClaims::default(),
            load: None,
            bill: None,
            costs: None,
        }
    }

    pub(super) fn check(&self) -> Report {
        let evidence = LeaseEvidence {
            site: &self.site,
            requests: &self.workload.leases,
            outcomes: &self.outcomes,
            stretches: &self.stretches,
            odd_overheads: self.odd_overheads,
            shutdown_inside: self.shutdown_inside,
        };
        let mut report = check_lease_run(evidence, &self.claims);
        if let Some(load) = &self.load {
            let Report { findings, recomputed, unverified, rows } = check(load);
            report.findings.extend(findings);
            report.recomputed.extend(recomputed);
            report.unverified.extend(unverified);
            report.rows.extend(rows);
        }
        if let (Some(costs), Some(bill)) = (&self.costs, &self.bill) {
            let (findings, recomputed) = check_lease_bill(costs, bill);
            report.findings.extend(findings);
            report.recomputed.extend(recomputed);
        }
        report
    }
}

/// Reads the files of a run of leases.
pub(super) fn read(
    dir: &Path,
    manifest: Manifest,
    mut contradictions: Vec<Problem>,
) -> Result<FoundRun, Error> {
    let [lwf, tables @ ..] = LEASE_FILES;
    let (files, problems): (Vec<_>, Vec<_>) =
        tables.iter().map(|name| TableFile::read(dir, name)).partition(Result::is_ok);
    let problems: Vec<Problem> = problems.into_iter().filter_map(Result::err).collect();
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    let files: Vec<TableFile> = files.into_iter().flatten().collect();
    let [leases, states, holdings, ..] = &files[..] else { unreachable!("every table was read") };
    contradictions.extend(files.iter().filter_map(|file| file.exchanged(&manifest)));
    let path = dir.join(lwf);
    let text = std::fs::read(&path).map_err(|cause| missing(&path, &cause))?;
    let hash = blake3::hash(&text).to_hex().to_string();
    if manifest.tables.get(lwf) != Some(&hash) {
        let what = format!("blake3 found {hash}, which is another than that of the run");
        contradictions.push(Problem::new("GLN-613", path.display().to_string(), what, REMEDY));
    }
    let workload = read_lwf(&path.display().to_string(), &text[..])
        .map_err(|error| Error { problems: error.problems })?;
    let site = workload.site.clone().ok_or_else(|| damaged(&path, &"no site"))?;
    let rules = manifest.resolved_spec.leases.as_ref().map(|leases| &leases.rules);
    let (Some(rules), Some(summary)) = (rules, &manifest.report.leases) else {
        return Err(damaged(&dir.join(MANIFEST), &"no leases").into());
    };
    let claims = claims(&manifest, summary, rules);
    let outcomes = outcomes(leases, states, workload.leases.len())?;
    let stretches = stretches(holdings, &site, workload.leases.len())?;
    let load = match manifest.resolved_spec.loaded_leases() {
        None => None,
        Some(leases) => {
            let tenancy = Tenancy::of(&workload.leases, &outcomes, &stretches);
            let tenancy = as_served(tenancy, leases, &workload.leases, &stretches, &claims);
            let read = read_load(dir, &manifest, &workload.leases, tenancy)?;
            contradictions.extend(read.1);
            let mut load = read.0;
            if let Some(bill) = &mut load.bill {
                bill.runs = Some(runs(&workload, &stretches));
            }
            Some(Box::new(load))
        }
    };
    let costs = manifest.resolved_spec.costs.clone();
    let mut bill = None;
    if let (Some(_), None) = (&costs, &load) {
        let (found, exchanged) = read_bill(dir, &manifest)?;
        contradictions.extend(exchanged);
        bill = found.map(|bill| Bill { runs: Some(runs(&workload, &stretches)), ..bill });
    }
    let found = FoundLeases {
        outcomes,
        stretches,
        load,
        bill,
        costs,
        odd_overheads: rules.oddities.overheads_hold_more(),
        shutdown_inside: rules.oddities.shutdown_inside_reservation,
        workload,
        site,
        claims,
    };
    let evidence = FoundEvidence::Leases(Box::new(found));
    Ok(FoundRun { manifest, evidence, contradictions })
}

/// `tenancy` as `leases` let its VMs run: where policies say, or when they are provisioned.
fn as_served(
    tenancy: Tenancy,
    leases: &LeaseSpec,
    requests: &[LeaseRequest],
    stretches: &[Stretch],
    claims: &LeaseClaims,
) -> Tenancy {
    let is_free = !leases.consolidate.is_off() || leases.provision.is_some();
    let tenancy = if is_free { tenancy.free(stretches, &claims.summary) } else { tenancy };
    if leases.consolidate.is_off() { tenancy } else { tenancy.consolidated(requests) }
}

/// What the run says of its leases.
fn claims(manifest: &Manifest, summary: &LeaseSummary, rules: &LeaseRules) -> LeaseClaims {
    let figures = summary.named().into_iter();
    LeaseClaims {
        summary: figures.map(|(name, value)| (name.to_owned(), value)).collect(),
        event_log_blake3: Some(manifest.report.event_log_blake3.clone()),
        slowdown_by_request: rules.oddities.slowdown_by_request,
        overheads_count_as_use: rules.oddities.overheads_count_as_use,
    }
}

/// When the VMs of leases ran.
fn runs(workload: &Workload, stretches: &[Stretch]) -> Vec<LeaseRun> {
    let runs = stretches.iter().filter(|stretch| stretch.purpose == Use::Run);
    runs.map(|run| {
        let nodes = &workload.leases[run.lease.index()].nodes;
        let typed = nodes.iter().filter_map(|set| Some((set.part.instance.clone()?, set.count)));
        let vms = nodes.iter().map(|set| set.count as usize).sum();
        let instances = typed.collect();
        LeaseRun { lease: run.lease.0, vms, instances, start: run.start, end: run.end }
    })
    .collect()
}

fn maybe_times(table: &TableFile, name: &str) -> Result<Vec<Option<Instant>>, Problem> {
    let seconds = table.typed::<Float64Type>(name)?;
    Ok(seconds.iter().map(|seconds| seconds.map(Instant::from_seconds)).collect())
}

fn times(table: &TableFile, name: &str) -> Result<Vec<Instant>, Problem> {
    Ok(table.floats(name)?.into_iter().map(Instant::from_seconds).collect())
}

/// The value of every word in the column `name`.
fn words<T>(
    table: &TableFile,
    name: &str,
    value: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    let known = |(row, word): (usize, Option<String>)| {
        let word = word.unwrap_or_default();
        value(&word).ok_or_else(|| table.lacks(name, &format!("row {row}: found `{word}`")))
    };
    table.text(name)?.into_iter().enumerate().map(known).collect()
}

fn flags(table: &TableFile, name: &str) -> Result<Vec<bool>, Problem> {
    let none = || table.lacks(name, "found no yes or no");
    let column = table.frame.column(name).map_err(|_| none())?;
    let flags = column.bool().map_err(|_| none())?;
    Ok(flags.iter().map(|flag| flag.unwrap_or(false)).collect())
}

fn outcomes(
    leases: &TableFile,
    states: &TableFile,
    requests: usize,
) -> Result<Vec<LeaseOutcome>, Problem> {
    let state = words(leases, "state", LeaseState::named)?;
    if state.len() != requests {
        let found = format!("found {} rows, the workload has {requests}", state.len());
        return Err(leases.lacks("lease", &found));
    }
    let (first, last) = (maybe_times(leases, "first_start_s")?, maybe_times(leases, "start_s")?);
    let (end, promised) = (maybe_times(leases, "end_s")?, maybe_times(leases, "promised_s")?);
    let run = leases.floats("run_s")?;
    let (suspensions, resumptions) = (leases.counts("suspensions")?, leases.counts("resumptions")?);
    let memory = leases.counts("memory_migrations")?;
    let disk = leases.counts("disk_migrations")?;
    let transfers = leases.counts("image_transfers")?;
    let preemptions = leases.counts("preemptions")?;
    let price: Vec<Option<f64>> = leases.typed::<Float64Type>("price")?.iter().collect();
    let premature = flags(leases, "premature")?;
    let hosts = words(leases, "first_hosts", |text| {
        text.split_whitespace().map(|host| host.parse().ok()).collect::<Option<Vec<u32>>>()
    })?;
    let rows = state.into_iter().zip(hosts).enumerate();
    let row = |(row, (state, first_hosts)): (usize, (LeaseState, Vec<u32>))| LeaseOutcome {
        state,
        first_start: first[row],
        last_start: last[row],
        end: end[row],
        run_time: Span::from_seconds(run[row]),
        suspensions: suspensions[row],
        resumptions: resumptions[row],
        memory_migrations: memory[row],
        disk_migrations: disk[row],
        transfers: transfers[row],
        preemptions: preemptions[row],
        price: price[row],
        promised: promised[row],
        premature: premature[row],
        first_hosts,
        history: Vec::new(),
    };
    let mut outcomes: Vec<LeaseOutcome> = rows.map(row).collect();
    let (lease, at) = (states.counts("lease")?, times(states, "time_s")?);
    for (row, state) in words(states, "state", LeaseState::named)?.into_iter().enumerate() {
        let outcome = outcomes.get_mut(lease[row] as usize).ok_or_else(|| {
            states.lacks("lease", &format!("row {row}: found lease {}", lease[row]))
        })?;
        outcome.history.push((at[row], state));
    }
    Ok(outcomes)
}

/// Holdings of one lease for one purpose and time are one stretch, host after host.
fn stretches(table: &TableFile, site: &Site, leases: usize) -> Result<Vec<Stretch>, Problem> {
    let (lease, host) = (table.counts("lease")?, table.counts("host")?);
    let (start, end) = (times(table, "start_s")?, times(table, "end_s")?);
    let names = site.resources.iter().take(RESOURCES);
    let amounts: Vec<Vec<i64>> =
        names.map(|name| table.numbers::<Int64Type>(name)).collect::<Result<_, _>>()?;
    let mut stretches: Vec<Stretch> = Vec::new();
    for (row, purpose) in words(table, "purpose", Use::named)?.into_iter().enumerate() {
        if lease[row] as usize >= leases || host[row] as usize >= site.hosts.len() {
            let found = format!("row {row}: found lease {}, host {}", lease[row], host[row]);
            return Err(table.lacks("host", &found));
        }
        let mut held = [0; RESOURCES];
        held.iter_mut().zip(&amounts).for_each(|(held, column)| *held = column[row]);
        let (lease, start, end) = (LeaseId(lease[row]), start[row], end[row]);
        let on = (host[row], held);
        let same = |last: &&mut Stretch| {
            (last.lease, last.purpose, last.start, last.end) == (lease, purpose, start, end)
        };
        match stretches.last_mut().filter(same) {
            Some(last) => last.hosts.push(on),
            None => stretches.push(Stretch { lease, purpose, start, end, hosts: vec![on] }),
        }
    }
    Ok(stretches)
}
