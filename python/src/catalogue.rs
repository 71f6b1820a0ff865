//! Which policies, machines and instance types come with galerna?

use std::path::{Path, PathBuf};

use galerna::model::Catalogue;
use galerna::spec;
use pyo3::prelude::*;

use crate::errors;

/// Name and one-line story of every bundled policy.
#[pyfunction]
pub fn policies() -> Vec<(&'static str, &'static str)> {
    spec::catalogue().iter().map(|entry| (entry.name, entry.story())).collect()
}

/// The text of the bundled policy `name`.
#[pyfunction]
pub fn describe(py: Python<'_>, name: &str) -> PyResult<String> {
    // Reading it finds the remedy for a name that does not exist.
    spec::load(Path::new(name), Vec::new()).map_err(|error| errors::spec(py, error))?;
    match spec::named(Path::new(name)) {
        Some(entry) => Ok(entry.text.to_owned()),
        None => Ok(std::fs::read_to_string(name)?),
    }
}

/// The machines of the catalogue as JSON, after those of a `file` of one's own.
#[pyfunction]
#[pyo3(signature = (file=None))]
pub fn catalogue_hosts(py: Python<'_>, file: Option<PathBuf>) -> PyResult<String> {
    Ok(as_json(&read(py, file)?.hosts))
}

/// The instance types of the catalogue as JSON, after those of a `file` of one's own.
#[pyfunction]
#[pyo3(signature = (file=None))]
pub fn catalogue_instances(py: Python<'_>, file: Option<PathBuf>) -> PyResult<String> {
    Ok(as_json(&read(py, file)?.instances))
}

fn read(py: Python<'_>, file: Option<PathBuf>) -> PyResult<Catalogue> {
    let read = spec::catalogue_with(file.as_deref());
    read.map_err(|problems| errors::spec(py, spec::Error { problems }))
}

fn as_json(rows: &impl serde::Serialize) -> String {
    serde_json::to_string(rows).expect("rows have a JSON form")
}
