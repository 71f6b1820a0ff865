//! The plain form, of which every step of every VM must be there once.

use std::path::Path;

use super::file::ParquetFile;
use super::forms::Form;
use crate::time::Span;
use crate::trace::long::{self, Table};
use crate::trace::source::cut;
use crate::trace::{Error, Selection, UtilisationTrace, planetlab};

/// Whether `file` is of the plain form, and nothing is wanted that it does not have.
pub(super) fn suits(file: &ParquetFile, form: &Form, selection: &Selection) -> bool {
    if !form.is_plain || !selection.columns.is_empty() {
        return false;
    }
    // What `write_parquet` wrote as fractions may have gaps; whole per cent has none.
    let complete = file.step_s().is_none() || file.has("cpu_pct");
    let others = form.map.clone().wanted(&selection.resources).others();
    complete && others.is_empty() && !form.has_sizes()
}

/// The trace in `file`, which is at `path`.
pub(super) fn read(
    path: &Path,
    file: &ParquetFile,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let value = value_column(file)?;
    let day = file.has("day").then_some("day");
    let (rows, _) = file.rows_of(day, selection.day.as_deref())?;
    // One column after the other, so that names are given back before numbers are read.
    let column = |name| file.rows(&rows, &[name], &[name]);
    let vms = column("vm").and_then(|frame| file.labels(&frame, "vm"));
    let steps = column("step").and_then(|frame| file.integers(&frame, "step"));
    let values = column(value).and_then(|frame| file.values(&frame, value));
    let table = match (vms, steps, values) {
        (Ok(vms), Ok(steps), Ok(values)) => {
            Table { vms: vms.rows(), names: vms.names, steps, values }
        }
        (vms, steps, values) => {
            let failed = [vms.err(), steps.err(), values.err()];
            let problems = failed.into_iter().flatten().flat_map(|error| error.problems);
            return Err(Error { problems: problems.collect() });
        }
    };
    let given = selection.step_s.map(f64::from).or(file.step_s());
    let step = given.map_or(planetlab::STEP, Span::from_seconds);
    cut(path, long::dense(&file.place, table, selection.order, step)?, selection)
}

/// The name of the value column, once all columns that must be there are.
fn value_column(file: &ParquetFile) -> Result<&'static str, Error> {
    let value = ["cpu_pct", "cpu"].into_iter().find(|column| file.has(column));
    let missing = ["vm", "step"].into_iter().filter(|column| !file.has(column));
    let missing: Vec<&str> = missing.chain(value.is_none().then_some("cpu_pct` or `cpu")).collect();
    match value {
        Some(value) if missing.is_empty() => Ok(value),
        _ => Err(Error { problems: missing.iter().map(|column| file.lacks(column)).collect() }),
    }
}
