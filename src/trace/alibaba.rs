//! Alibaba cluster-trace-v2018, `machine_usage`: irregular samples of 4,000 machines, csv without a
//! header.
//!
//! ```text
//! machine, time (s, from 0), CPU %, memory %, memory bandwidth, misses per 1000 instructions,
//! network in, network out (normalised to 0..100), disk I/O %
//! ```
//!
//! Machines report at multiples of 10 s, on average about every 100 s. The trace has the mean of
//! the samples in each step of 300 s (or `step-s`), from time 0 on; a step without one is a gap.
//! Values of -1 and 101 mark a failed measurement and count as gaps.
//!
//! Source: the schema of cluster-trace-v2018, repository alibaba/clusterdata. Rows were at hand
//! only as Parquet, whose values are those of the csv.

use std::io::BufRead;
use std::path::Path;

use super::columns::Map;
use super::error::Error;
use super::members::{Container, Table};
use super::selection::Selection;
use super::series::{Clock, Sampling};
use super::table::{self, Part, Schema};
use super::{UtilisationTrace, tables};

/// Seconds between two steps unless the selection says otherwise.
pub(super) const STEP_S: u32 = 300;
/// Fields of a row.
pub(super) const FIELDS: usize = 9;
/// What stands for a failed measurement.
pub(super) const MARKERS: [f64; 2] = [-1.0, 101.0];

const COLUMNS: [(&str, u16); 7] = [
    ("vm", 1),
    ("time-s", 2),
    ("cpu-percent", 3),
    ("memory-percent", 4),
    ("net-in-percent", 7),
    ("net-out-percent", 8),
    ("disk-io-percent", 9),
];

/// The clock of the trace.
pub(super) fn clock(selection: &Selection) -> Clock {
    let step = i64::from(selection.step_s.unwrap_or(STEP_S)) * 1_000_000;
    Clock { origin: Some(0), step, sampling: Sampling::Within }
}

/// The trace in the csv files at `path`.
pub(super) fn read(
    path: &Path,
    container: Container,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let clock = clock(selection);
    let mut schema = Schema::of(Map::numbered(&COLUMNS).wanted(&selection.resources), clock.step);
    schema.markers = &MARKERS;
    let micros = |offset: super::Offset| offset.span().0;
    // 247 million rows: what lies outside of the span is not kept.
    schema.span = Some((
        selection.from.map_or(i64::MIN, |from| micros(from) - clock.step),
        selection.to.map_or(i64::MAX, |to| micros(to) + clock.step),
    ));
    let one =
        |table: &Table, text: &mut dyn BufRead| table::read(&table.place, text, &schema, None);
    let parts = tables::parts(path, container, selection.day.as_deref(), &one)?;
    tables::finished(path, Part::together(parts), &schema, clock, selection)
}
