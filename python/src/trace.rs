//! What is in a trace, which are published, and how to get, convert or make one?

use std::path::PathBuf;

use galerna::trace::{self, FetchOptions, Parameters, UtilisationTrace};
use pyo3::prelude::*;
use serde::Serialize;

use crate::{errors, run};

/// The published values of the trace that `changes` name: a JSON list of pairs, key and value of
/// the spec's `[trace]`.
fn opened(py: Python<'_>, changes: &str) -> PyResult<UtilisationTrace> {
    let spec = run::read("trace", Some("{}"), changes).map_err(|error| errors::spec(py, error))?;
    let selection = spec.trace.selection().published();
    py.detach(|| trace::read(&spec.trace.path, &selection))
        .map_err(|error| errors::trace(py, error))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has a JSON form")
}

/// Statistics of a trace as JSON.
#[pyfunction]
pub fn trace_info(py: Python<'_>, changes: &str) -> PyResult<String> {
    let trace = opened(py, changes)?;
    Ok(json(&py.detach(|| trace::info(&trace))))
}

/// The days of the trace at `path`.
#[pyfunction]
pub fn days(py: Python<'_>, path: PathBuf) -> PyResult<Vec<String>> {
    py.detach(|| trace::days(&path)).map_err(|error| errors::trace(py, error))
}

/// Writes a trace as Parquet to `out`.
#[pyfunction]
pub fn convert_trace(py: Python<'_>, out: PathBuf, changes: &str) -> PyResult<()> {
    let trace = opened(py, changes)?;
    py.detach(|| trace::write_parquet(&trace, &out)).map_err(|error| errors::trace(py, error))
}

/// The published traces as JSON.
#[pyfunction]
pub fn published_traces() -> String {
    json(&trace::catalogue())
}

/// Fetches the published trace `name`; returns the folder that it is in.
#[pyfunction]
pub fn fetch_trace(py: Python<'_>, name: &str, into: Option<PathBuf>) -> PyResult<PathBuf> {
    let fetched = py.detach(|| {
        let entry = trace::entry(name)?;
        let folder = into.unwrap_or_else(trace::cache_folder).join(&entry.name);
        entry.fetched(&folder, &FetchOptions::default())?;
        Ok(folder)
    });
    fetched.map_err(|error| errors::trace(py, error))
}

/// Writes a synthetic trace as Parquet to `out`, in the likeness of the trace that `like` names if
/// it does; returns how close it came as JSON.
#[pyfunction]
pub fn generate_trace(
    py: Python<'_>,
    out: PathBuf,
    like: Option<&str>,
    vms: Option<usize>,
    seed: u64,
) -> PyResult<Option<String>> {
    let source = like.map(|like| opened(py, like)).transpose()?;
    py.detach(|| {
        let made = match &source {
            Some(source) => trace::twin(source, vms, seed),
            None => {
                let usual = Parameters::default();
                trace::generate(&Parameters { vms: vms.unwrap_or(usual.vms), ..usual }, seed)
            }
        };
        trace::write_parquet(&made, &out)?;
        Ok(source.map(|source| json(&trace::fitness(&source, &made))))
    })
    .map_err(|error| errors::trace(py, error))
}
