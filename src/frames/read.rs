//! From the folder of a run back to what the check judges.

use std::path::Path;

use polars::prelude::*;

use super::error::{Error, REMEDY, damaged};
use super::folder::{LEDGER, MANIFEST, TABLES};
use super::manifest::Manifest;
use super::provision_tables::read_provisions;
use super::read_actions::action_rows;
use super::read_failed::read_outages;
use super::read_leases::{self, FoundLeases};
use super::table_file::{TableFile, missing};
use crate::check::{self, Bill, BillRow, Evidence, Report, Tenancy};
use crate::id::{HostId, VmId};
use crate::model::lease::LeaseRequest;
use crate::model::record::{DecisionRecord, MoveEnding, MoveRecord, StageKind, StageRecord};
use crate::model::{Fleet, HostRecord, Record, Resources, SampleRecord, VmRecord};
use crate::problem::Problem;
use crate::spec;
use crate::time::Instant;

/// A run as its folder tells it.
#[derive(Debug, Clone)]
pub struct FoundRun {
    /// `run.json`.
    pub manifest: Manifest,
    /// The tables, for the check.
    pub evidence: FoundEvidence,
    /// Where files contradict `run.json`.
    pub contradictions: Vec<Problem>,
}

/// The tables of a run, of whichever kind it is.
#[derive(Debug, Clone)]
pub enum FoundEvidence {
    /// A run of load.
    Load(Box<Evidence>),
    /// A run of leases.
    Leases(Box<FoundLeases>),
}

/// The totals that `bill` claims.
fn billed(bill: &Option<Bill>) -> &[(String, f64)] {
    bill.as_ref().map_or(&[], |bill| &bill.totals)
}

impl FoundRun {
    /// The figures that the run reported, by name.
    pub fn reported(&self) -> impl Iterator<Item = &(String, f64)> {
        let (first, second, bill): (&[_], &[_], &[_]) = match &self.evidence {
            FoundEvidence::Load(evidence) => (&evidence.summary, &[], billed(&evidence.bill)),
            FoundEvidence::Leases(leases) => match &leases.load {
                Some(load) => (&leases.claims.summary, &load.summary, billed(&load.bill)),
                None => (&leases.claims.summary, &[], billed(&leases.bill)),
            },
        };
        first.iter().chain(second).chain(bill)
    }

    /// Everything that is wrong with the run: contradictions between its files, then what its
    /// actions do not bear out.
    pub fn check(&self) -> Report {
        let mut report = match &self.evidence {
            FoundEvidence::Load(evidence) => check::check(evidence),
            FoundEvidence::Leases(leases) => leases.check(),
        };
        report.findings.splice(0..0, self.contradictions.iter().cloned());
        report
    }
}

/// Reads the folder that [`write_run`](super::write_run) wrote.
///
/// # Errors
/// GLN-622, 623 and 624: every file that is missing, damaged or of another form.
pub fn read_run(dir: &Path) -> Result<FoundRun, Error> {
    let manifest = read_manifest(dir)?;
    let contradictions = spec_contradictions(dir, &manifest)?;
    if manifest.resolved_spec.leases.is_some() {
        return read_leases::read(dir, manifest, contradictions);
    }
    read_load(dir, manifest, contradictions)
}

/// Whether the resolved spec is the one that was run.
fn spec_contradictions(dir: &Path, manifest: &Manifest) -> Result<Vec<Problem>, Error> {
    let (spec, place) = (&manifest.resolved_spec, dir.join(MANIFEST).display().to_string());
    // Anyone may have edited the file: the limits of its spec are checked as any other's.
    spec::parse(&spec.to_toml(), &place, Vec::new())
        .map_err(|error| Error { problems: error.problems })?;
    let other = spec.blake3() != manifest.report.spec_blake3;
    let what = "resolved_spec is not the one that spec_blake3 names";
    Ok(other.then(|| Problem::new("GLN-614", place, what, REMEDY)).into_iter().collect())
}

fn read_load(
    dir: &Path,
    manifest: Manifest,
    mut contradictions: Vec<Problem>,
) -> Result<FoundRun, Error> {
    let files = load_files(dir)?;
    let fleet = manifest.resolved_spec.fleet.build(files[1].frame.height(), manifest.report.seed);
    let (evidence, found) = load_evidence(dir, &manifest, &files, fleet, None)?;
    contradictions.splice(0..0, found);
    let evidence = FoundEvidence::Load(Box::new(evidence));
    Ok(FoundRun { manifest, evidence, contradictions })
}

/// Reads the tables of load of a run of leases, whose VMs were there as `tenancy` says.
pub(super) fn read_leased_load(
    dir: &Path,
    manifest: &Manifest,
    requests: &[LeaseRequest],
    tenancy: Tenancy,
) -> Result<(Evidence, Vec<Problem>), Error> {
    let files = load_files(dir)?;
    let rows = demand_rows(&files[4], "row")?.len();
    let fleet = spec::fleet_of(&manifest.resolved_spec, requests, rows);
    load_evidence(dir, manifest, &files, fleet, Some(tenancy))
}

/// The tables of load, in the order of their names.
fn load_files(dir: &Path) -> Result<Vec<TableFile>, Error> {
    let (files, problems): (Vec<_>, Vec<_>) =
        TABLES.iter().map(|name| TableFile::read(dir, name)).partition(Result::is_ok);
    let problems: Vec<Problem> = problems.into_iter().filter_map(Result::err).collect();
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    Ok(files.into_iter().flatten().collect())
}

/// The tables of load for the check, and where they contradict `run.json`.
fn load_evidence(
    dir: &Path,
    manifest: &Manifest,
    files: &[TableFile],
    fleet: Fleet,
    tenancy: Option<Tenancy>,
) -> Result<(Evidence, Vec<Problem>), Error> {
    let mut contradictions: Vec<Problem> =
        files.iter().filter_map(|file| file.exchanged(manifest)).collect();
    let [hosts, vms, actions, samples, demand, moves, stages, decisions] = files else {
        unreachable!("every table was read")
    };
    let spec = &manifest.resolved_spec;
    let (Some(summary), Some(trace)) = (&manifest.report.summary, &manifest.report.trace) else {
        return Err(damaged(&dir.join(MANIFEST), &"no trace or no summary").into());
    };
    contradictions.extend(fleet_contradictions(&fleet, hosts, vms)?);
    let mut record = Record {
        hosts: host_rows(hosts)?,
        vms: vm_rows(vms)?,
        actions: action_rows(actions)?,
        samples: sample_rows(samples)?,
        moves: move_rows(moves)?,
        stages: stage_rows(stages)?,
        decisions: decision_rows(decisions)?,
        ..Record::default()
    };
    let report = &manifest.report;
    let log = match tenancy {
        Some(_) => report.load_log_blake3.clone(),
        None => Some(report.event_log_blake3.clone()),
    };
    let (bill, exchanged) = match spec.costs {
        Some(_) => read_bill(dir, manifest)?,
        None => (None, None),
    };
    contradictions.extend(exchanged);
    contradictions.extend(read_outages(dir, manifest, &mut record)?);
    let (provisions, sends, exchanged) = match spec.rules().provision {
        Some(_) => read_provisions(dir, manifest)?,
        None => Default::default(),
    };
    contradictions.extend(exchanged);
    let record = Record { provisions, sends, ..record };
    let evidence = Evidence {
        bill,
        rules: spec.rules(),
        demand: demand_rows(demand, if tenancy.is_some() { "row" } else { "vm" })?,
        step_s: trace.step_s,
        vacate_receivers: spec.consolidation.vacate_receivers,
        unknown_durations: spec.unknown_durations(),
        sending: spec.sending(),
        network: spec.network(),
        record,
        summary: summary.figures(),
        event_log_blake3: log,
        fleet,
        tenancy,
    };
    Ok((evidence, contradictions))
}

/// The ledger of the run, and whether its file is another one than the run wrote.
pub(super) fn read_bill(
    dir: &Path,
    manifest: &Manifest,
) -> Result<(Option<Bill>, Option<Problem>), Problem> {
    let Some(costs) = &manifest.report.costs else {
        return Err(damaged(&dir.join(MANIFEST), &"[costs] and no costs"));
    };
    let table = TableFile::read(dir, LEDGER)?;
    let (id, amount) = (table.counts("id")?, table.numbers::<Int64Type>("amount_micro")?);
    let start = table.numbers::<Int64Type>("start_us")?;
    let end = table.numbers::<Int64Type>("end_us")?;
    let (quantity, price) = (table.floats("quantity")?, table.floats("unit_price")?);
    let (subject, unit) = (table.text("subject")?, table.text("unit")?);
    let word = |words: &[Option<String>], row: usize| words[row].clone().unwrap_or_default();
    let accounts = table.text("account")?.into_iter().enumerate();
    let rows = accounts.map(|(row, account)| BillRow {
        account: account.unwrap_or_default(),
        subject: (word(&subject, row), id[row]),
        start: Instant(start[row]),
        end: Instant(end[row]),
        quantity: quantity[row],
        unit: word(&unit, row),
        unit_price: price[row],
        amount_micro: amount[row],
    });
    let totals = costs.named().into_iter().map(|(name, value)| (name.to_owned(), value));
    let totals = totals.chain(costs.by_site());
    let totals = totals.map(|(name, value)| (format!("costs.{name}"), value));
    let bill = Bill { rows: rows.collect(), totals: totals.collect(), runs: None };
    Ok((Some(bill), table.exchanged(manifest)))
}

/// Reads the `run.json` of the folder that [`write_run`](super::write_run) wrote.
///
/// # Errors
/// GLN-622 and 623: it is missing or damaged.
pub fn read_manifest(dir: &Path) -> Result<Manifest, Error> {
    let path = dir.join(MANIFEST);
    let text = std::fs::read(&path).map_err(|cause| missing(&path, &cause))?;
    Ok(serde_json::from_slice(&text).map_err(|cause| damaged(&path, &cause))?)
}

/// Rows of `hosts` and `vms` that are other than the spec makes them.
fn fleet_contradictions(
    fleet: &Fleet,
    hosts: &TableFile,
    vms: &TableFile,
) -> Result<Vec<Problem>, Problem> {
    let mut findings = Vec::new();
    let mut compare = |file: &TableFile, name: &str, found: Vec<f64>, expected: Vec<f64>| {
        let differs = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        if let Some(row) = differs {
            let place = format!("{}: column `{name}`, row {row}", file.path.display());
            let what = format!("found {}, expected {} by the spec", found[row], expected[row]);
            findings.push(Problem::new("GLN-614", place, what, REMEDY));
        }
    };
    let wide = |values: Vec<u64>| values.into_iter().map(|value| value as f64).collect();
    let narrow = |values: Vec<u32>| values.into_iter().map(f64::from).collect();
    let capacity = fleet.capacity.as_slice().iter().map(|mips| mips.0).collect();
    let ram = |bytes: &[crate::units::Bytes]| bytes.iter().map(|b| b.0 as f64).collect();
    let cores = fleet.capacity.ids().map(|host| f64::from(fleet.machine_of(host).cores)).collect();
    compare(hosts, "capacity_mips", hosts.floats("capacity_mips")?, capacity);
    compare(hosts, "cores", narrow(hosts.counts("cores")?), cores);
    let found = wide(hosts.numbers::<UInt64Type>("ram_bytes")?);
    compare(hosts, "ram_bytes", found, ram(fleet.host_ram.as_slice()));
    let limit = |of: fn(Resources) -> f64| {
        fleet.capacity.ids().map(|host| of(fleet.capacities(host))).collect()
    };
    let found = hosts.limits::<UInt64Type>("disk_bytes", |bytes| bytes as f64)?;
    compare(hosts, "disk_bytes", found, limit(|has| has.disk));
    let found = hosts.limits::<Float64Type>("net_bytes_s", |rate| rate)?;
    compare(hosts, "net_bytes_s", found, limit(|has| has.net));
    let mips = fleet.vm_mips.as_slice().iter().map(|mips| mips.0).collect();
    compare(vms, "mips", vms.floats("mips")?, mips);
    let cores = fleet.vm_cores.as_slice();
    if cores.iter().any(|&cores| cores > 1.0) {
        compare(vms, "cores", narrow(vms.counts("cores")?), cores.to_vec());
    }
    let found = wide(vms.numbers::<UInt64Type>("ram_bytes")?);
    compare(vms, "ram_bytes", found, ram(fleet.vm_ram.as_slice()));
    let found = wide(vms.numbers::<UInt64Type>("disk_bytes")?);
    compare(vms, "disk_bytes", found, ram(fleet.vm_disk.as_slice()));
    let net = fleet.vm_net.as_slice().iter().map(|rate| rate.0).collect();
    compare(vms, "net_bytes_s", vms.floats("net_bytes_s")?, net);
    for (file, name) in [(hosts, "host"), (vms, "vm")] {
        let found: Vec<f64> = narrow(file.counts(name)?);
        let expected = (0..found.len()).map(|row| row as f64).collect();
        compare(file, name, found, expected);
    }
    Ok(findings)
}

fn host_rows(table: &TableFile) -> Result<Vec<HostRecord>, Problem> {
    let (on, transition) = (table.floats("on_s")?, table.floats("transition_s")?);
    let (violation, energy) = (table.floats("violation_s")?, table.floats("energy_j")?);
    let shutdowns = table.counts("shutdowns")?;
    let rows = table.text("machine")?.into_iter().enumerate().map(|(row, machine)| HostRecord {
        machine: machine.unwrap_or_default(),
        on_s: on[row],
        transition_s: transition[row],
        violation_s: violation[row],
        energy_j: energy[row],
        shutdowns: shutdowns[row],
    });
    Ok(rows.collect())
}

fn vm_rows(table: &TableFile) -> Result<Vec<VmRecord>, Problem> {
    let (demanded, allocated) = (table.floats("demanded_mi")?, table.floats("allocated_mi")?);
    let (lost, short) = (table.floats("lost_to_migration_mi")?, table.floats("short_s")?);
    let migrations = table.counts("migrations")?;
    let rows = table.text("trace")?.into_iter().enumerate().map(|(row, trace)| VmRecord {
        trace: trace.unwrap_or_default(),
        demanded_mi: demanded[row],
        allocated_mi: allocated[row],
        lost_to_migration_mi: lost[row],
        short_s: short[row],
        migrations: migrations[row],
    });
    Ok(rows.collect())
}

fn sample_rows(table: &TableFile) -> Result<Vec<SampleRecord>, Problem> {
    let seconds = table.floats("time_s")?;
    let (hosts_on, vms) = (table.counts("hosts_on")?, table.counts("vms")?);
    let (demand, allocated) = (table.floats("demand_mips")?, table.floats("allocated_mips")?);
    let power = table.floats("power_w")?;
    let (overloaded, migrations) = (table.counts("overloaded")?, table.counts("migrations")?);
    let rows = table.counts("sample")?.into_iter().enumerate().map(|(row, sample)| SampleRecord {
        sample,
        seconds: seconds[row],
        hosts_on: hosts_on[row],
        vms: vms[row],
        demand_mips: demand[row],
        allocated_mips: allocated[row],
        power_w: power[row],
        overloaded: overloaded[row],
        migrations: migrations[row],
    });
    Ok(rows.collect())
}

fn decision_rows(table: &TableFile) -> Result<Vec<DecisionRecord>, Problem> {
    let (seconds, before) = (table.floats("time_s")?, table.floats("before_j")?);
    let (cost, bound) = (table.floats("cost_j")?, table.floats("bound_j")?);
    let (steps, migrations) = (table.numbers::<UInt64Type>("steps")?, table.counts("migrations")?);
    let rows = table.counts("sample")?.into_iter().enumerate();
    let row = |(row, sample)| DecisionRecord {
        sample,
        seconds: seconds[row],
        before_j: before[row],
        cost_j: cost[row],
        bound_j: bound[row],
        steps: steps[row],
        migrations: migrations[row],
    };
    Ok(rows.map(row).collect())
}

fn move_rows(table: &TableFile) -> Result<Vec<MoveRecord>, Problem> {
    let [vm, from, to, rounds] = ["vm", "from", "to", "rounds"].map(|name| table.counts(name));
    let (vm, from, to, rounds) = (vm?, from?, to?, rounds?);
    let (start, end) = (table.numbers::<Int64Type>("start_us")?, table.instants("end_us")?);
    let (bytes, downtime) = (table.floats("bytes")?, table.floats("downtime_s")?);
    let energy = table.floats("energy_j")?;
    let row = |(row, name): (usize, Option<String>)| {
        let name = name.unwrap_or_default();
        let ending = MoveEnding::named(&name)
            .ok_or_else(|| table.lacks("ending", &format!("row {row}: found `{name}`")))?;
        Ok(MoveRecord {
            vm: VmId(vm[row]),
            from: HostId(from[row]),
            to: HostId(to[row]),
            start: Instant(start[row]),
            end: end[row],
            ending,
            bytes: bytes[row],
            rounds: rounds[row],
            downtime_s: downtime[row],
            energy_j: energy[row],
        })
    };
    table.text("ending")?.into_iter().enumerate().map(row).collect()
}

fn stage_rows(table: &TableFile) -> Result<Vec<StageRecord>, Problem> {
    let (migration, start) = (table.counts("migration")?, table.numbers::<Int64Type>("start_us")?);
    let (end, seconds) = (table.instants("end_us")?, table.floats("start_s")?);
    let (bytes, speed) = (table.floats("bytes")?, table.floats("speed")?);
    let row = |(row, name): (usize, Option<String>)| {
        let name = name.unwrap_or_default();
        let kind = StageKind::named(&name)
            .ok_or_else(|| table.lacks("kind", &format!("row {row}: found `{name}`")))?;
        let (migration, start, seconds) = (migration[row], Instant(start[row]), seconds[row]);
        let (end, bytes, speed) = (end[row], bytes[row], speed[row]);
        Ok(StageRecord { migration, kind, start, seconds, end, bytes, speed })
    };
    table.text("kind")?.into_iter().enumerate().map(row).collect()
}

/// Per VM the fraction of its rate that it asks for at each sample.
fn demand_rows(table: &TableFile, id: &str) -> Result<Vec<Vec<f64>>, Problem> {
    let values: Vec<f64> = match table.frame.column("cpu_pct") {
        Ok(_) => {
            let percent = table.numbers::<UInt8Type>("cpu_pct")?;
            percent.into_iter().map(|percent| f64::from(percent) / 100.0).collect()
        }
        Err(_) => table.numbers::<Float32Type>("cpu")?.into_iter().map(f64::from).collect(),
    };
    let mut rows: Vec<Vec<f64>> = Vec::new();
    let (vms, samples) = (table.counts(id)?, table.counts("sample")?);
    for ((&vm, &sample), value) in vms.iter().zip(&samples).zip(values) {
        if sample == 0 {
            rows.push(Vec::new());
        }
        let in_order = rows.len() == vm as usize + 1;
        match rows.last_mut().filter(|row| in_order && row.len() == sample as usize) {
            Some(row) => row.push(value),
            None => {
                let found = format!("found {id} {vm}, sample {sample} out of order");
                return Err(table.lacks("sample", &found));
            }
        }
    }
    Ok(rows)
}
