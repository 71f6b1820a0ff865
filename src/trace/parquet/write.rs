//! A trace as a Parquet file: one row per VM and step, with everything that the trace has.
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `vm` | text | the VM's name |
//! | `step` | u32 | sample number, from 0 |
//! | `cpu_pct` | u8 | CPU utilisation, whole per cent; or instead |
//! | `cpu` | f32 | CPU utilisation as a fraction; null in a gap |
//! | `memory_kb`, `disk_io_fraction`, ... | f32 or f64 | other quantities and their units |
//! | `cores`, `cpu_mhz`, `memory_size_kb` | f64 | the VM's size, where it is known |
//!
//! The file's metadata has the step in seconds under `galerna.step_s`. The same trace makes the
//! same bytes.

use std::path::Path;

use polars::prelude::*;

use super::file::STEP_KEY;
use crate::trace::error::unwritable;
use crate::trace::resource::{Metric, Readings, VmSize};
use crate::trace::{Error, UtilisationTrace, Values};
use crate::whole_file::replace;

/// Rows of a row group: a day of 3,600 VMs.
const ROW_GROUP: usize = 1 << 20;

/// Writes `trace` to `path`, which appears whole or not at all.
///
/// ```
/// use galerna::trace::{Selection, read, write_parquet};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("copy.parquet");
/// let trace = read("sample".as_ref(), &Selection::default()).unwrap();
/// write_parquet(&trace, &path).unwrap();
/// assert_eq!(read(&path, &Selection::default()).unwrap(), trace);
/// ```
///
/// # Errors
/// The file may not be writable (`GLN-104`).
pub fn write_parquet(trace: &UtilisationTrace, path: &Path) -> Result<(), Error> {
    encoded(trace)
        .map_err(std::io::Error::other)
        .and_then(|bytes| replace(path, &bytes))
        .map_err(|cause| unwritable(path, &cause))
}

fn encoded(trace: &UtilisationTrace) -> PolarsResult<Vec<u8>> {
    let mut frame = frame(trace)?;
    let step = trace.step().seconds().to_string();
    let note = KeyValueMetadata::from_static(vec![(STEP_KEY.to_owned(), step)]);
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_row_group_size(Some(ROW_GROUP))
        .set_parallel(false)
        .with_key_value_metadata(Some(note))
        .finish(&mut frame)?;
    Ok(bytes)
}

fn frame(trace: &UtilisationTrace) -> PolarsResult<DataFrame> {
    let samples = trace.samples();
    let vms = (0..trace.vms()).flat_map(|row| std::iter::repeat_n(trace.name(row), samples));
    let steps = (0..trace.vms()).flat_map(|_| 0..samples as u32);
    let mut columns = vec![
        StringChunked::from_iter_values("vm".into(), vms).into_column(),
        Column::new("step".into(), steps.collect::<Vec<u32>>()),
        match trace.values() {
            Values::Percent(values) => Column::new("cpu_pct".into(), values),
            Values::Fraction(values) => singles("cpu", values),
        },
    ];
    columns.extend(trace.metrics().iter().map(quantity));
    columns.extend(sizes(trace.sizes().unwrap_or_default(), samples));
    DataFrame::new_infer_height(columns)
}

/// `values` with nulls where there is none.
fn singles(name: &str, values: &[f32]) -> Column {
    let values = values.iter().map(|value| (!value.is_nan()).then_some(*value));
    Float32Chunked::from_iter_options(name.into(), values).into_column()
}

fn quantity(metric: &Metric) -> Column {
    let name = metric.resource.name().replace('-', "_");
    let name = format!("{name}_{}", metric.unit.suffix());
    match &metric.values {
        Readings::Single(values) => singles(&name, values),
        Readings::Double(values) => {
            let values = values.iter().map(|value| (!value.is_nan()).then_some(*value));
            Float64Chunked::from_iter_options(name.into(), values).into_column()
        }
    }
}

/// One of the sizes of a VM.
type SizeOf = fn(&VmSize) -> Option<f64>;

fn sizes(sizes: &[VmSize], samples: usize) -> Vec<Column> {
    let of: [(&str, SizeOf); 3] = [
        ("cores", |size| size.cores),
        ("cpu_mhz", |size| size.cpu_mhz),
        ("memory_size_kb", |size| size.memory_kb),
    ];
    let known = of.into_iter().filter(|(_, value)| sizes.iter().any(|size| value(size).is_some()));
    known
        .map(|(name, value)| {
            let values = sizes.iter().flat_map(|size| std::iter::repeat_n(value(size), samples));
            Float64Chunked::from_iter_options(name.into(), values).into_column()
        })
        .collect()
}
