//! Does the folder of a run bear out what it says?

use std::path::PathBuf;

use galerna::frames;
use pyo3::prelude::*;

use crate::errors;

type Columns = (&'static str, String, String, String);
type Checked = (Vec<Columns>, Vec<(String, f64)>, Vec<String>, String);

/// Findings, recomputed figures, what could not be verified, and all of it in words.
#[pyfunction]
pub fn check(py: Python<'_>, folder: PathBuf) -> PyResult<Checked> {
    let report = py.detach(|| frames::read_run(&folder).map(|found| found.check()));
    let report = report.map_err(|error| errors::folder(py, error))?;
    let text = report.to_string();
    let findings = report.findings.into_iter().map(errors::columns).collect();
    Ok((findings, report.recomputed, report.unverified, text))
}
