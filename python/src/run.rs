//! One run from Python: read the spec, run it, keep what came out.

use std::path::Path;

use galerna::engine::Outcome;
use galerna::frames;
use galerna::spec::{self, Inputs, Override, RunSpec};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;

use crate::policies::Detector;
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
}

/// Runs the spec called or stored at `path`, or the one in `tables` (JSON) when given.
///
/// `changes` is a JSON list of pairs: dotted key and value.
#[pyfunction]
pub fn run(
    py: Python<'_>,
    path: &str,
    tables: Option<&str>,
    changes: &str,
    detector: Option<Detector>,
) -> PyResult<Run> {
    let spec = read(path, tables, changes).map_err(|error| errors::spec(py, error))?;
    let inputs = py.detach(|| Inputs::read(&spec)).map_err(|error| errors::trace(py, error))?;
    let mut policies = spec::policies(&spec, &inputs.fleet);
    if let Some(detector) = detector {
        policies.overload = detector.with_fallback(spec.policy.fallback.build());
    }
    let outcome = enter::run(py, &inputs, policies)?;
    Ok(Run { inner: Finished { spec, inputs, outcome } })
}

fn read(path: &str, tables: Option<&str>, changes: &str) -> Result<RunSpec, spec::Error> {
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

    /// How many VMs and how many samples the trace has.
    fn trace_shape(&self) -> (usize, usize) {
        (self.inner.inputs.trace.vms(), self.inner.inputs.trace.samples())
    }

    /// BLAKE3 of the event log.
    fn event_log_blake3(&self) -> String {
        self.inner.outcome.record.event_log_blake3()
    }

    /// The table called `hosts`, `vms`, `actions`, `samples` or `demand`.
    fn table(&self, py: Python<'_>, name: &str) -> PyResult<Table> {
        let Finished { inputs, outcome, .. } = &self.inner;
        let table = match name {
            "hosts" => py.detach(|| frames::hosts(&outcome.record, &inputs.fleet)),
            "vms" => py.detach(|| frames::vms(&outcome.record, &inputs.fleet)),
            "actions" => py.detach(|| frames::actions(&outcome.record)),
            "samples" => py.detach(|| frames::samples(&outcome.record)),
            "demand" => py.detach(|| frames::demand(&inputs.trace, &inputs.fleet)),
            _ => return Err(PyKeyError::new_err(name.to_owned())),
        };
        Ok(table.into())
    }
}
