//! GWA-T-12 Bitbrains: one csv file per VM, about 300 s between two rows.
//!
//! ```text
//! Timestamp [ms]; CPU cores; CPU capacity provisioned [MHZ]; CPU usage [MHZ]; CPU usage [%];
//! Memory capacity provisioned [KB]; Memory usage [KB]; Disk read throughput [KB/s];
//! Disk write throughput [KB/s]; Network received throughput [KB/s];
//! Network transmitted throughput [KB/s]
//! ```
//!
//! Separated by `;` and a tab. The VM is the file's name; folders such as `rnd/2013-8` are the
//! days. The step is the one nearest to the time stamp, counted from the earliest sample of all
//! VMs.
//!
//! Its flaws and what is done: time stamps are labelled ms and count seconds (their size decides);
//! they jitter by a second (nearest step); some come twice (averaged); a seventh of July 2013 is
//! missing (`gaps`); CPU goes to 182 % (`excess`); capacities are 0 for some VMs and change for
//! others (the largest is kept); a second copy of a file, `N (1).csv`, is left out.
//!
//! Source: Shen, van Beek and Iosup, CCGrid 2015; the Grid Workloads Archive, GWA-T-12.

use std::io::BufRead;
use std::path::Path;

use super::columns::Map;
use super::defect::{Defect, Defects};
use super::error::Error;
use super::members::{Container, Table};
use super::selection::Selection;
use super::series::{Clock, Sampling, Series};
use super::table::{self, Part, Schema};
use super::{UtilisationTrace, tables};

/// Time between two rows, seconds.
const STEP_S: u32 = 300;
/// A header with this column is of this format.
pub(super) const TELLTALE: &str = "CPU usage [%]";

const COLUMNS: [(&str, &str); 10] = [
    ("time-ms", "Timestamp [ms]"),
    ("cores", "CPU cores"),
    ("cpu-mhz", "CPU capacity provisioned [MHZ]"),
    ("cpu-percent", TELLTALE),
    ("memory-size-kb", "Memory capacity provisioned [KB]"),
    ("memory-kb", "Memory usage [KB]"),
    ("disk-read-kbps", "Disk read throughput [KB/s]"),
    ("disk-write-kbps", "Disk write throughput [KB/s]"),
    ("net-in-kbps", "Network received throughput [KB/s]"),
    ("net-out-kbps", "Network transmitted throughput [KB/s]"),
];

/// The trace in the csv files at `path`.
pub(super) fn read(
    path: &Path,
    container: Container,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let step_s = selection.step_s.unwrap_or(STEP_S);
    let step = i64::from(step_s) * 1_000_000;
    let mut schema = Schema::of(Map::known(&COLUMNS).wanted(&selection.resources), step);
    schema.doubtful_ms = true;
    let one = |table: &Table, text: &mut dyn BufRead| {
        table::read(&table.place, text, &schema, Some(&table.stem))
    };
    let parts = tables::parts(path, container, selection.day.as_deref(), &one)?;
    let mut part = Part::default();
    for mut file in parts {
        part.series.append(&mut file.series);
        part.problems.append(&mut file.problems);
        part.defects.merge(file.defects);
    }
    leave_out_copies(&mut part.series, &mut part.defects);
    count_missing_capacity(&part.series, &mut part.defects);
    let sampling = if step_s > STEP_S { Sampling::Within } else { Sampling::Nearest };
    let clock = Clock { origin: None, step, sampling };
    tables::finished(path, part, &schema, clock, selection)
}

/// `N` where `name` is `N (1)`, the name that a second copy of a file gets.
fn copied(name: &str) -> Option<&str> {
    let (base, number) = name.strip_suffix(')')?.rsplit_once(" (")?;
    number.parse::<u32>().is_ok().then_some(base)
}

/// A copy counts only where its original is not there.
fn leave_out_copies(series: &mut Vec<Series>, defects: &mut Defects) {
    let originals: std::collections::BTreeSet<String> =
        series.iter().map(|series| series.name.clone()).collect();
    series.retain_mut(|series| {
        let Some(base) = copied(&series.name).map(str::to_owned) else { return true };
        let place = || format!("`{}.csv`", series.name);
        if originals.contains(&base) {
            defects.count(Defect::StrayCopy, 1, "left out", place);
            return false;
        }
        defects.count(Defect::StrayCopy, 1, "left out where the original is there", place);
        series.name = base;
        true
    });
}

fn count_missing_capacity(series: &[Series], defects: &mut Defects) {
    let lacks =
        |series: &&Series| series.size.cpu_mhz == Some(0.0) || series.size.memory_kb == Some(0.0);
    let count = series.iter().filter(lacks).count() as u64;
    let first = || series.iter().find(lacks).map(|s| s.name.clone()).unwrap_or_default();
    defects.count(Defect::NoCapacity, count, "kept with the load that the file states", || {
        format!("VM `{}`", first())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_counts_only_without_its_original() {
        let mut defects = Defects::default();
        let named = |name: &str| Series::new(name, 1);
        let mut series = vec![named("5"), named("5 (1)"), named("7 (2)"), named("x (y)")];
        leave_out_copies(&mut series, &mut defects);
        let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["5", "7", "x (y)"]);
        assert_eq!(defects.findings()[0].count, 2);
    }
}
