//! Azure Public Dataset V1 (2017): readings of CPU utilisation every 300 s, csv without a header.
//!
//! ```text
//! vm_cpu_readings:  timestamp (s, from 0), VM id, min CPU, max CPU, average CPU (per cent)
//! vmtable:          VM id, subscription, deployment, created (s), deleted (s), max CPU, avg CPU,
//!                   p95 of max CPU, category, cores, memory (GB)
//! ```
//!
//! The trace's CPU is the average, `cpu-peak` the maximum. VMs come and go: outside its life a VM
//! asks for nothing. Where a `vmtable` lies beside the readings, it gives the VMs' sizes.
//!
//! Source: Cortez and others, "Resource Central", SOSP 2017; the schema of
//! `AzurePublicDatasetV1.md`, repository Azure/AzurePublicDataset. No original bytes were at hand.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::columns::Map;
use super::delimited::{Fields, Lines, number, separator};
use super::error::{Error, unreadable};
use super::faults::Faults;
use super::members::{self, Container, Table};
use super::resource::VmSize;
use super::selection::Selection;
use super::series::{Clock, Sampling};
use super::table::{self, Part, Schema};
use super::{UtilisationTrace, tables};

/// Time between two readings, seconds.
const STEP_S: u32 = 300;
/// Fields of a row of the readings.
pub(super) const FIELDS: usize = 5;

const COLUMNS: [(&str, u16); 4] =
    [("time-s", 1), ("vm", 2), ("cpu-peak-percent", 4), ("cpu-percent", 5)];

/// The readings in the csv files at `path`.
pub(super) fn read(
    path: &Path,
    container: Container,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let step_s = selection.step_s.unwrap_or(STEP_S);
    let step = i64::from(step_s) * 1_000_000;
    let mut schema = Schema::of(Map::numbered(&COLUMNS).wanted(&selection.resources), step);
    let micros = |offset: super::Offset| offset.span().0;
    // The data are far larger than any memory: what lies outside of the span is not kept.
    schema.span = Some((
        selection.from.map_or(0, micros) - step,
        selection.to.map_or(i64::MAX, |to| micros(to) + step),
    ));
    let one =
        |table: &Table, text: &mut dyn BufRead| table::read(&table.place, text, &schema, None);
    let parts = tables::parts(path, container, selection.day.as_deref(), &one)?;
    let mut part = Part::together(parts);
    if let Some(table) = vm_table(path) {
        let sizes = sizes(&table)?;
        for series in &mut part.series {
            series.size = sizes.get(&series.name).copied().unwrap_or_default();
        }
    }
    let sampling = if step_s > STEP_S { Sampling::Within } else { Sampling::Nearest };
    let clock = Clock { origin: Some(0), step, sampling };
    tables::finished(path, part, &schema, clock, selection)
}

/// The `vmtable` beside the readings at `path`, or beside their folder.
fn vm_table(path: &Path) -> Option<PathBuf> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    let folders = [Some(folder.to_owned()), folder.parent().map(|p| p.join("vmtable"))];
    let names = ["vmtable.csv", "vmtable.csv.gz"];
    let candidates =
        folders.into_iter().flatten().flat_map(|folder| names.map(|name| folder.join(name)));
    candidates.into_iter().find(|table| table.is_file())
}

/// The sizes in the `vmtable` at `path`.
fn sizes(path: &Path) -> Result<HashMap<String, VmSize>, Error> {
    /// Positions of VM id, cores and memory, from 0.
    const VM: usize = 0;
    const CORES: usize = 9;
    const MEMORY_GB: usize = 10;
    let place = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|cause| unreadable(&place, &cause))?;
    let text = members::unpacked(file, &place).map_err(|cause| unreadable(&place, &cause))?;
    let (mut lines, mut fields) = (Lines::of(text), Fields::default());
    let (mut sizes, mut faults) = (HashMap::new(), Faults::of(&place));
    while let Some((line, text)) = lines.next().map_err(|cause| unreadable(&place, &cause))? {
        fields.split(text, separator(text));
        let of = |at: usize| fields.raw(text, at).map(|field| number(bound(field)));
        let (Some(name), Some(cores), Some(memory)) =
            (fields.text(text, VM), of(CORES), of(MEMORY_GB))
        else {
            let found = fields.len();
            faults.line("GLN-127", line, "", || format!("found {found} fields, expected 11"));
            continue;
        };
        match (cores, memory) {
            (Some(cores), Some(gigabytes)) => {
                let known = |value: f64| (!value.is_nan()).then_some(value);
                let memory_kb = known(gigabytes).map(|gb| gb * 1024.0 * 1024.0);
                let size = VmSize { cores: known(cores), cpu_mhz: None, memory_kb };
                sizes.insert(name.into_owned(), size);
            }
            // A header, if any.
            _ if line == 1 => {}
            _ => faults.line("GLN-101", line, "cores or memory", || "found no number".into()),
        }
    }
    let problems = faults.problems();
    if problems.is_empty() { Ok(sizes) } else { Err(Error { problems }) }
}

/// The bound of a bucket such as `>24`, which later versions of the table use.
fn bound(field: &[u8]) -> &[u8] {
    field.strip_prefix(b">").unwrap_or(field)
}
