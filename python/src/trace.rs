//! What is in a trace?

use std::path::PathBuf;

use galerna::trace::{self, Selection};
use pyo3::prelude::*;

use crate::errors;

/// Statistics of the trace at `path` as JSON.
#[pyfunction]
pub fn trace_info(py: Python<'_>, path: PathBuf, day: Option<String>) -> PyResult<String> {
    let selection = Selection { day, ..Selection::default() };
    let info = py.detach(|| trace::read(&path, &selection).map(|trace| trace::info(&trace)));
    let info = info.map_err(|error| errors::trace(py, error))?;
    Ok(serde_json::to_string(&info).expect("statistics have a JSON form"))
}

/// The days of the trace at `path`.
#[pyfunction]
pub fn days(py: Python<'_>, path: PathBuf) -> PyResult<Vec<String>> {
    py.detach(|| trace::days(&path)).map_err(|error| errors::trace(py, error))
}
