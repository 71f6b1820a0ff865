//! Which policies come with galerna?

use std::path::Path;

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
