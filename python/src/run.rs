//! One run from Python: read the spec, run it, keep what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cpu_time::ProcessTime;
use galerna::account::Ledger;
use galerna::engine::Outcome;
use galerna::frames::lease_tables;
use galerna::frames::{self, Existing, FoundLeases, LeaseFolder, RunFolder, RunReport, Timing};
use galerna::lease::{LeaseSummary, Schedule};
use galerna::model::lease_record::event_log_blake3;
use galerna::report::Gantt;
use galerna::spec::{self, Inputs, LeaseInputs, LeaseSpec, LoadedLeases, Override, RunSpec};
use polars::prelude::DataFrame;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::interpreter::Here;
use crate::policies::Resolved;
use crate::table::Table;
use crate::{enter, errors};

/// A finished run: of load, of leases, or of leases that carry load.
#[pyclass(frozen, module = "galerna._core")]
pub struct Run {
    spec: RunSpec,
    timing: Timing,
    load: Option<(Inputs, Outcome)>,
    leases: Option<(LeaseInputs, Schedule)>,
}

/// Runs the spec called or stored at `path`, or the one in `tables` (JSON) when given.
///
/// `changes` is a JSON list of pairs: dotted key and value. `given` holds the Python policies that
/// are at hand as objects, by their keys under `[policy]` or `[leases.policies]`.
#[pyfunction]
pub fn run(
    py: Python<'_>,
    path: &str,
    tables: Option<&str>,
    changes: &str,
    given: BTreeMap<String, Resolved>,
) -> PyResult<Run> {
    let spec = read(path, tables, changes).map_err(|error| errors::spec(py, error))?;
    if let Some(leases) = spec.loaded_leases().cloned() {
        return run_leases_with_load(py, spec, &leases, given);
    }
    if let Some(leases) = spec.leases.clone() {
        return run_leases(py, spec, &leases, given);
    }
    let start = ProcessTime::now();
    let inputs = py.detach(|| Inputs::read(&spec)).map_err(|error| errors::trace(py, error))?;
    let read_s = start.elapsed().as_secs_f64();
    let start = ProcessTime::now();
    let policies = spec::policies_by(&spec, &inputs.fleet, Some(&Here::with(given)));
    let policies = policies.map_err(|error| errors::building(py, error))?;
    let outcome = enter::run(py, &inputs, policies)?;
    let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
    Ok(Run { spec, timing, load: Some((inputs, outcome)), leases: None })
}

fn run_leases(
    py: Python<'_>,
    spec: RunSpec,
    leases: &LeaseSpec,
    given: BTreeMap<String, Resolved>,
) -> PyResult<Run> {
    let start = ProcessTime::now();
    let inputs = py.detach(|| LeaseInputs::read(leases)).map_err(|e| errors::spec(py, e))?;
    inputs.check_prices(spec.costs.as_ref()).map_err(|e| errors::spec(py, e))?;
    let read_s = start.elapsed().as_secs_f64();
    let start = ProcessTime::now();
    let policies = spec::lease_policies(&spec, leases, Some(&Here::with(given)));
    let policies = policies.map_err(|error| errors::building(py, error))?;
    let schedule = enter::run_leases(py, &inputs, policies)?;
    let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
    Ok(Run { spec, timing, load: None, leases: Some((inputs, schedule)) })
}

fn run_leases_with_load(
    py: Python<'_>,
    spec: RunSpec,
    leases: &LeaseSpec,
    given: BTreeMap<String, Resolved>,
) -> PyResult<Run> {
    let start = ProcessTime::now();
    let inputs =
        py.detach(|| LoadedLeases::read(&spec, leases)).map_err(|e| errors::spec(py, e))?;
    let read_s = start.elapsed().as_secs_f64();
    let start = ProcessTime::now();
    let LoadedLeases { leases: inputs, load } = inputs;
    let here = Here::with(given);
    let decided = spec::policies_by(&spec, &load.fleet, Some(&here));
    let decided = decided.map_err(|error| errors::building(py, error))?;
    let served = spec::lease_policies(&spec, leases, Some(&here));
    let served = served.map_err(|error| errors::building(py, error))?;
    let (schedule, outcome) = enter::run_leases_with_load(py, &inputs, served, &load, decided)?;
    let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
    Ok(Run { spec, timing, load: Some((load, outcome)), leases: Some((inputs, schedule)) })
}

/// Refuses a folder to which a run may not be written.
#[pyfunction]
pub fn check_destination(py: Python<'_>, folder: PathBuf, overwrite: bool) -> PyResult<()> {
    let checked = frames::check_destination(&folder, existing(overwrite));
    checked.map_err(|error| errors::folder(py, error))
}

fn existing(overwrite: bool) -> Existing {
    if overwrite { Existing::Replace } else { Existing::Refuse }
}

/// The spec called or stored at `path`, or the one in `tables`, with `changes`.
pub fn read(path: &str, tables: Option<&str>, changes: &str) -> Result<RunSpec, spec::Error> {
    let changes: Vec<(String, toml::Value)> = from_json(changes, "overrides")?;
    let changes = changes.into_iter().map(|(key, value)| Override::new(key, value)).collect();
    match tables {
        None => spec::load(Path::new(path), changes),
        Some(tables) => {
            let tables: toml::Table = from_json(tables, path)?;
            let text = toml::to_string(&tables).expect("a TOML table has a TOML form");
            spec::parse(&text, path, changes)
        }
    }
}

/// `text` as TOML values; JSON has a few that TOML lacks, such as integers beyond 64 bits.
fn from_json<T: for<'a> serde::Deserialize<'a>>(text: &str, name: &str) -> Result<T, spec::Error> {
    serde_json::from_str(text).map_err(|error| {
        let remedy = "Use values that TOML can hold";
        galerna::problem::Problem::new("GLN-203", name, error.to_string(), remedy).into()
    })
}

#[pymethods]
impl Run {
    /// The spec with every default filled in, as JSON.
    fn spec(&self) -> String {
        serde_json::to_string(&self.spec).expect("a spec has a JSON form")
    }

    /// The metrics as JSON: those of load, unless it is a run of leases that carry none.
    fn summary(&self) -> String {
        let Some((_, outcome)) = &self.load else {
            return self.lease_summary().unwrap_or_default();
        };
        serde_json::to_string(&outcome.summary).expect("metrics have a JSON form")
    }

    /// The metrics of leases as JSON, in a run of leases.
    fn lease_summary(&self) -> Option<String> {
        let (inputs, schedule) = self.leases.as_ref()?;
        let summary = LeaseSummary::new(&inputs.workload.leases, schedule, &inputs.rules);
        Some(serde_json::to_string(&summary).expect("metrics have a JSON form"))
    }

    /// The totals of the ledger as JSON, where the spec has `[costs]`.
    fn costs(&self) -> Option<String> {
        let costs = self.billed()?.summary();
        Some(serde_json::to_string(&costs).expect("amounts have a JSON form"))
    }

    /// CPU seconds of reading the trace and of running.
    fn timing(&self) -> (f64, f64) {
        (self.timing.read_s, self.timing.run_s)
    }

    /// Writes all tables and `run.json` to `folder`, which calls the spec `name`.
    fn write(&self, py: Python<'_>, folder: PathBuf, name: &str, overwrite: bool) -> PyResult<()> {
        let Self { spec, timing, load, leases } = self;
        let (existing, command) = (existing(overwrite), &[][..]);
        let ledger = self.billed();
        let ledger = ledger.as_ref();
        let written = py.detach(|| match (leases, load) {
            (Some((inputs, schedule)), load) => {
                let report = RunReport::of_leases(name, spec, inputs, schedule, *timing);
                let report = match load {
                    Some((inputs, Outcome { record, summary })) => {
                        report.with_load(spec, inputs, record, summary)
                    }
                    None => report,
                }
                .with_costs(ledger);
                let load = load.as_ref().map(|(inputs, outcome)| (inputs, &outcome.record));
                let report = &report;
                let run = LeaseFolder { report, spec, inputs, schedule, load, ledger, command };
                frames::write_lease_run(&folder, &run, existing)
            }
            (None, Some((inputs, Outcome { record, summary }))) => {
                let report = RunReport::new(name, spec, inputs, record, summary, *timing);
                let report = &report.with_costs(ledger);
                let run = RunFolder { report, spec, inputs, record, ledger, command };
                frames::write_run(&folder, &run, existing)
            }
            (None, None) => unreachable!("a run is of load, of leases, or of both"),
        });
        written.map_err(|error| errors::folder(py, error))
    }

    /// How many leases and hosts there are, or how many VMs and samples the trace has.
    fn shape(&self) -> (usize, usize) {
        match (&self.leases, &self.load) {
            (Some((inputs, _)), _) => (inputs.workload.leases.len(), inputs.site.hosts.len()),
            (None, Some((inputs, _))) => (inputs.trace.vms(), inputs.trace.samples()),
            (None, None) => (0, 0),
        }
    }

    /// The leases by host and time, as SVG.
    fn gantt(&self, py: Python<'_>, title: &str) -> PyResult<String> {
        let missing = || PyKeyError::new_err("gantt");
        let (inputs, schedule) = self.leases.as_ref().ok_or_else(missing)?;
        Ok(py.detach(|| Gantt::new(&FoundLeases::of_run(inputs, schedule), title).svg()))
    }

    /// BLAKE3 of the event log; that of the leases where there are any.
    fn event_log_blake3(&self) -> String {
        match (&self.leases, &self.load) {
            (Some((_, schedule)), _) => event_log_blake3(&schedule.leases, &schedule.stretches),
            (None, Some((_, outcome))) => outcome.record.event_log_blake3(),
            (None, None) => String::new(),
        }
    }

    /// The hash of what hosts and VMs did; empty in a run without load.
    fn load_log_blake3(&self) -> String {
        let load = self.load.as_ref();
        load.map_or_else(String::new, |(_, outcome)| outcome.record.event_log_blake3())
    }

    /// The table called `hosts`, `vms`, `actions`, `samples`, `demand`, `moves`, `stages`,
    /// `decisions`, `outages`, `link_outages`, `network_outages`, `cut_offs`, `restarts`,
    /// `provisions` or `image_sends` of a run with load; `leases`, `lease_states`, `holdings`,
    /// `utilisation` or `image_transfers` of one of leases; `ledger` of one with `[costs]`.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        if name == "ledger"
            && let Some(ledger) = self.billed()
        {
            return Ok(py.detach(|| frames::ledger(&ledger)).into());
        }
        let of_load = self.load.as_ref().and_then(|load| self.table_of_load(py, load, name));
        let table = of_load.or_else(|| table_of_leases(py, self.leases.as_ref()?, name));
        Ok(table.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?.into())
    }
}

impl Run {
    /// The ledger, where the spec has `[costs]`.
    fn billed(&self) -> Option<Ledger> {
        let costs = &self.spec.billing()?;
        let record = self.load.as_ref().map(|(_, outcome)| &outcome.record);
        Some(match (&self.leases, record) {
            (Some((inputs, schedule)), load) => {
                let load = load.map(|record| (record, self.spec.guests()));
                Ledger::of_leases(costs, &inputs.workload.leases, &schedule.stretches, load)
            }
            (None, record) => Ledger::of_load(costs, record?),
        })
    }

    fn table_of_load(
        &self,
        py: Python<'_>,
        (Inputs { fleet, trace, .. }, Outcome { record, .. }): &(Inputs, Outcome),
        name: &str,
    ) -> Option<DataFrame> {
        Some(match name {
            "hosts" => py.detach(|| frames::hosts(record, fleet)),
            "vms" => py.detach(|| frames::vms(record, fleet)),
            "actions" => py.detach(|| frames::actions(record)),
            "samples" => py.detach(|| frames::samples(record)),
            "moves" => py.detach(|| frames::moves(record)),
            "stages" => py.detach(|| frames::stages(record)),
            "decisions" => py.detach(|| frames::decisions(record)),
            "outages" => py.detach(|| frames::outages(record)),
            "link_outages" => py.detach(|| frames::link_outages(record)),
            "network_outages" => py.detach(|| frames::network_outages(record)),
            "cut_offs" => py.detach(|| frames::cut_offs(record)),
            "restarts" => py.detach(|| frames::restarts(record)),
            "provisions" => py.detach(|| frames::provisions(record)),
            "image_sends" => py.detach(|| frames::image_sends(record)),
            "demand" if self.leases.is_some() => py.detach(|| frames::trace_rows(trace)),
            "demand" => py.detach(|| frames::demand(trace, fleet)),
            _ => return None,
        })
    }
}

fn table_of_leases(
    py: Python<'_>,
    (inputs, schedule): &(LeaseInputs, Schedule),
    name: &str,
) -> Option<DataFrame> {
    Some(match name {
        "leases" => py.detach(|| lease_tables::leases(inputs, schedule)),
        "lease_states" => py.detach(|| lease_tables::lease_states(schedule)),
        "holdings" => py.detach(|| lease_tables::holdings(inputs, schedule)),
        "utilisation" => py.detach(|| lease_tables::utilisation(schedule)),
        "image_transfers" => py.detach(|| lease_tables::image_transfers(inputs, schedule)),
        _ => return None,
    })
}
