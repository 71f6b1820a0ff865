//! The command line, for the console script.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line `args`, the first of which is the program's name; the exit code.
#[pyfunction]
pub fn main(py: Python<'_>, args: Vec<OsString>) -> i32 {
    py.detach(|| galerna::cli::main_with(args))
}
