//! One run from Python: read the spec, run it, keep what came out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cpu_time::ProcessTime;
use galerna::engine::Outcome;
use galerna::frames::{self, Existing, RunFolder, RunReport, Timing};
use galerna::spec::{self, Inputs, Override, RunSpec};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::interpreter::Here;
use crate::policies::Resolved;
use crate::table::Table;
use crate::{enter, errors};

/// A finished run.
#[pyclass(frozen, module = "galerna._core")]
pub struct Run {
    inner: Finished,
}

struct Finished {
    spec: RunSpec,
    inputs: Inputs,
    outcome: Outcome,
    timing: Timing,
}

/// Runs the spec called or stored at `path`, or the one in `tables` (JSON) when given.
///
/// `changes` is a JSON list of pairs: dotted key and value. `given` holds the Python policies that
/// are at hand as objects, by their keys under `[policy]`.
#[pyfunction]
pub fn run(
    py: Python<'_>,
    path: &str,
    tables: Option<&str>,
    changes: &str,
    given: BTreeMap<String, Resolved>,
) -> PyResult<Run> {
    let spec = read(path, tables, changes).map_err(|error| errors::spec(py, error))?;
    let start = ProcessTime::now();
    let inputs = py.detach(|| Inputs::read(&spec)).map_err(|error| errors::trace(py, error))?;
    let read_s = start.elapsed().as_secs_f64();
    let start = ProcessTime::now();
    let policies = spec::policies_by(&spec, &inputs.fleet, Some(&Here::with(given)));
    let policies = policies.map_err(|error| errors::building(py, error))?;
    let outcome = enter::run(py, &inputs, policies)?;
    let timing = Timing { read_s, run_s: start.elapsed().as_secs_f64() };
    Ok(Run { inner: Finished { spec, inputs, outcome, timing } })
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
        serde_json::to_string(&self.inner.spec).expect("a spec has a JSON form")
    }

    /// The metrics as JSON.
    fn summary(&self) -> String {
        serde_json::to_string(&self.inner.outcome.summary).expect("metrics have a JSON form")
    }

    /// CPU seconds of reading the trace and of running.
    fn timing(&self) -> (f64, f64) {
        (self.inner.timing.read_s, self.inner.timing.run_s)
    }

    /// Writes all tables and `run.json` to `folder`, which calls the spec `name`.
    fn write(&self, py: Python<'_>, folder: PathBuf, name: &str, overwrite: bool) -> PyResult<()> {
        let Finished { spec, inputs, outcome: Outcome { record, summary }, timing } = &self.inner;
        let written = py.detach(|| {
            let report = &RunReport::new(name, spec, inputs, record, summary, *timing);
            let folder_of_run = RunFolder { report, spec, inputs, record, command: &[] };
            frames::write_run(&folder, &folder_of_run, existing(overwrite))
        });
        written.map_err(|error| errors::folder(py, error))
    }

    /// How many VMs and how many samples the trace has.
    fn trace_shape(&self) -> (usize, usize) {
        (self.inner.inputs.trace.vms(), self.inner.inputs.trace.samples())
    }

    /// BLAKE3 of the event log.
    fn event_log_blake3(&self) -> String {
        self.inner.outcome.record.event_log_blake3()
    }

    /// The table called `hosts`, `vms`, `actions`, `samples`, `moves`, `stages` or `demand`.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let Finished { inputs, outcome, .. } = &self.inner;
        let table = match name {
            "hosts" => py.detach(|| frames::hosts(&outcome.record, &inputs.fleet)),
            "vms" => py.detach(|| frames::vms(&outcome.record, &inputs.fleet)),
            "actions" => py.detach(|| frames::actions(&outcome.record)),
            "samples" => py.detach(|| frames::samples(&outcome.record)),
            "moves" => py.detach(|| frames::moves(&outcome.record)),
            "stages" => py.detach(|| frames::stages(&outcome.record)),
            "demand" => py.detach(|| frames::demand(&inputs.trace, &inputs.fleet)),
            _ => return Err(PyKeyError::new_err(name.to_owned())),
        };
        Ok(table.into())
    }
}
