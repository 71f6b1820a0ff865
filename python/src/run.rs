//! One run from Python: read the spec, run it, keep what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cpu_time::ProcessTime;
use galerna::engine::Outcome;
use galerna::frames::lease_tables;
use galerna::frames::{self, Existing, FoundLeases, LeaseFolder, RunFolder, RunReport, Timing};
use galerna::lease::{LeaseSummary, Schedule};
use galerna::model::lease_record::event_log_blake3;
use galerna::report::Gantt;
use galerna::spec::{self, Inputs, LeaseInputs, LeaseSpec, Override, RunSpec};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::interpreter::Here;
use crate::policies::Resolved;
use crate::table::Table;
use crate::{enter, errors};

/// A finished run.
#[pyclass(frozen, module = "galerna._core")]
pub struct Run {
    spec: RunSpec,
    timing: Timing,
    finished: Finished,
}

/// What a run was made from, and what came of it.
enum Finished {
    Load(Box<(Inputs, Outcome)>),
    Leases(Box<(LeaseInputs, Schedule)>),
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
    Ok(Run { spec, timing, finished: Finished::Load(Box::new((inputs, outcome))) })
}

fn run_leases(
    py: Python<'_>,
    spec: RunSpec,
    leases: &LeaseSpec,
    given: BTreeMap<String, Resolved>,
) -> PyResult<Run> {
    let start = ProcessTime::now();
    let inputs = py.detach(|| LeaseInputs::read(leases)).map_err(|e| errors::spec(py, e))?;
    let read_s = start.elapsed().as_secs_f64();
    let start = ProcessTime::now();
    let policies = spec::lease_policies(leases, spec.run.seed, Some(&Here::with(given)));
    let policies = policies.map_err(|error| errors::building(py, error))?;
    let schedule = enter::run_leases(py, &inputs, policies)?;
    let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
    Ok(Run { spec, timing, finished: Finished::Leases(Box::new((inputs, schedule))) })
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

    /// The metrics as JSON.
    fn summary(&self) -> String {
        let text = match &self.finished {
            Finished::Load(run) => serde_json::to_string(&run.1.summary),
            Finished::Leases(run) => serde_json::to_string(&lease_summary(run)),
        };
        text.expect("metrics have a JSON form")
    }

    /// CPU seconds of reading the trace and of running.
    fn timing(&self) -> (f64, f64) {
        (self.timing.read_s, self.timing.run_s)
    }

    /// Writes all tables and `run.json` to `folder`, which calls the spec `name`.
    fn write(&self, py: Python<'_>, folder: PathBuf, name: &str, overwrite: bool) -> PyResult<()> {
        let Self { spec, timing, finished } = self;
        let (existing, command) = (existing(overwrite), &[][..]);
        let written = py.detach(|| match finished {
            Finished::Load(run) => {
                let (inputs, Outcome { record, summary }) = &**run;
                let report = &RunReport::new(name, spec, inputs, record, summary, *timing);
                let run = RunFolder { report, spec, inputs, record, command };
                frames::write_run(&folder, &run, existing)
            }
            Finished::Leases(run) => {
                let (inputs, schedule) = &**run;
                let report = &RunReport::of_leases(name, spec, inputs, schedule, *timing);
                let run = LeaseFolder { report, spec, inputs, schedule, command };
                frames::write_lease_run(&folder, &run, existing)
            }
        });
        written.map_err(|error| errors::folder(py, error))
    }

    /// How many VMs and how many samples the trace has, or how many leases and hosts there are.
    fn shape(&self) -> (usize, usize) {
        match &self.finished {
            Finished::Load(run) => (run.0.trace.vms(), run.0.trace.samples()),
            Finished::Leases(run) => (run.0.workload.leases.len(), run.0.site.hosts.len()),
        }
    }

    /// The leases by host and time, as SVG.
    fn gantt(&self, py: Python<'_>, title: &str) -> PyResult<String> {
        let Finished::Leases(run) = &self.finished else {
            return Err(PyKeyError::new_err("gantt"));
        };
        Ok(py.detach(|| Gantt::new(&FoundLeases::of_run(&run.0, &run.1), title).svg()))
    }

    /// BLAKE3 of the event log.
    fn event_log_blake3(&self) -> String {
        match &self.finished {
            Finished::Load(run) => run.1.record.event_log_blake3(),
            Finished::Leases(run) => event_log_blake3(&run.1.leases, &run.1.stretches),
        }
    }

    /// The table called `hosts`, `vms`, `actions`, `samples`, `demand`, `moves` or `stages` of a
    /// run of load; `leases`, `lease_states`, `holdings`, `utilisation` or `image_transfers` of one
    /// of leases.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let table = match &self.finished {
            Finished::Load(run) => {
                let (Inputs { fleet, trace, .. }, Outcome { record, .. }) = &**run;
                match name {
                    "hosts" => py.detach(|| frames::hosts(record, fleet)),
                    "vms" => py.detach(|| frames::vms(record, fleet)),
                    "actions" => py.detach(|| frames::actions(record)),
                    "samples" => py.detach(|| frames::samples(record)),
                    "moves" => py.detach(|| frames::moves(record)),
                    "stages" => py.detach(|| frames::stages(record)),
                    "demand" => py.detach(|| frames::demand(trace, fleet)),
                    _ => return Err(PyKeyError::new_err(name.to_owned())),
                }
            }
            Finished::Leases(run) => {
                let (inputs, schedule) = &**run;
                match name {
                    "leases" => py.detach(|| lease_tables::leases(inputs, schedule)),
                    "lease_states" => py.detach(|| lease_tables::lease_states(schedule)),
                    "holdings" => py.detach(|| lease_tables::holdings(inputs, schedule)),
                    "utilisation" => py.detach(|| lease_tables::utilisation(schedule)),
                    "image_transfers" => {
                        py.detach(|| lease_tables::image_transfers(inputs, schedule))
                    }
                    _ => return Err(PyKeyError::new_err(name.to_owned())),
                }
            }
        };
        Ok(table.into())
    }
}

fn lease_summary((inputs, schedule): &(LeaseInputs, Schedule)) -> LeaseSummary {
    LeaseSummary::new(&inputs.workload.leases, schedule, &inputs.rules)
}
