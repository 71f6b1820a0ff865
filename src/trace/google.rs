//! Google clusterdata-2011, `task_usage`: resource usage of tasks, csv without a header.
//!
//! ```text
//! x_k(g) = sum over the rows of group g of  r |[b, e) and [k s, (k + 1) s)| / s
//! ```
//!
//! `b`, `e`: begin and end of a row's measurement, `r`: its mean CPU rate (or memory), `s`: length
//! of a step, 300 s. A group is what `group` says: all tasks of a job (the default, as the
//! published "VMs" of this trace are made), one task, or all tasks on a machine. Rates are in units
//! of the largest machine's CPU (memory likewise), so a job on many machines goes above 100 %:
//! `excess` decides about that.
//!
//! Rows of 20 fields (19 before version 2 of the trace): 1 begin (microseconds), 2 end, 3 job, 4
//! task index, 5 machine, 6 mean CPU rate, 7 canonical memory usage, 12 mean disk I/O time, 14
//! maximum CPU rate. The trace begins at 600 s, which is the step that begins it here as well.
//!
//! Source: Reiss, Wilkes and Hellerstein, "Google cluster-usage traces: format + schema", 2011;
//! repository google/cluster-data. No original bytes were at hand. Known difference: the sum of the
//! maxima of several tasks, which `cpu-peak` holds, is above the maximum of their sum.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::path::Path;

use super::columns::Map;
use super::delimited::{Fields, Lines, number, separator};
use super::error::Error;
use super::faults::{Faults, excerpt};
use super::members::{Container, Table};
use super::resource::Resource;
use super::selection::{Group, Selection};
use super::series::{Clock, Sampling, Series};
use super::table::{Part, Schema};
use super::{UtilisationTrace, tables};
use crate::problem::Problem;

/// Seconds between two steps unless the selection says otherwise.
const STEP_S: u32 = 300;
/// Fields of a row, in the first and in the later versions of the trace.
pub(super) const FIELDS: [usize; 2] = [19, 20];
/// A measurement that lasts longer is none: rows are at most 300 s long.
const LONGEST: i64 = 86_400_000_000;

/// Position of a field, from 0.
const BEGIN: usize = 0;
const END: usize = 1;
const JOB: usize = 2;
const TASK: usize = 3;
const MACHINE: usize = 4;
const CPU: usize = 5;
const OTHERS: [(Resource, usize); 3] =
    [(Resource::CpuPeak, 13), (Resource::Memory, 6), (Resource::DiskIo, 11)];

/// Per step the sums of the quantities, the CPU first.
type Sums = BTreeMap<i64, [f64; 1 + OTHERS.len()]>;

/// The trace in the csv files at `path`.
pub(super) fn read(
    path: &Path,
    container: Container,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let step = i64::from(selection.step_s.unwrap_or(STEP_S)) * 1_000_000;
    let one = |table: &Table, text: &mut dyn BufRead| {
        let (sums, problems) = usage(&table.place, text, selection, step);
        Part { series: series(sums, step), problems, ..Part::default() }
    };
    let parts = tables::parts(path, container, selection.day.as_deref(), &one)?;
    let mut part = summed(parts, step);
    for series in &mut part.series {
        let mut quantities = 0..;
        series.values.retain(|_| match quantities.next() {
            Some(0) | None => true,
            Some(at) => selection.resources.wants(OTHERS[at - 1].0),
        });
    }
    let wanted = OTHERS.iter().filter(|(resource, _)| selection.resources.wants(*resource));
    let entries: Vec<(String, u16)> =
        wanted.map(|(resource, at)| (format!("{resource}-fraction"), *at as u16 + 1)).collect();
    let entries: Vec<(&str, u16)> = entries.iter().map(|(role, at)| (role.as_str(), *at)).collect();
    let schema = Schema::of(Map::numbered(&entries), step);
    let clock = Clock { origin: None, step, sampling: Sampling::Within };
    tables::finished(path, part, &schema, clock, selection)
}

/// The groups by name, each with all quantities.
fn series(sums: HashMap<String, Sums>, step: i64) -> Vec<Series> {
    let mut groups: Vec<(String, Sums)> = sums.into_iter().collect();
    groups.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let one = |(name, sums): (String, Sums)| {
        let mut series = Series::new(name, 1 + OTHERS.len());
        sums.into_iter().for_each(|(index, sum)| series.push(index * step, &sum));
        series
    };
    groups.into_iter().map(one).collect()
}

/// The files as one: a group's usage in a step is the sum over the files, in their order.
fn summed(parts: Vec<Part>, step: i64) -> Part {
    let mut whole = Part::default();
    let mut sums: HashMap<String, Sums> = HashMap::new();
    for part in parts {
        whole.problems.extend(part.problems);
        for group in part.series {
            let all = sums.entry(group.name).or_default();
            for (at, time) in group.times.iter().enumerate() {
                let sum = all.entry(time / step).or_default();
                sum.iter_mut().zip(&group.values).for_each(|(sum, column)| *sum += column[at]);
            }
        }
    }
    whole.series = series(sums, step);
    whole
}

/// The usage that the rows of `text` tell, by group and step.
fn usage(
    place: &str,
    text: &mut dyn BufRead,
    selection: &Selection,
    step: i64,
) -> (HashMap<String, Sums>, Vec<Problem>) {
    let (mut lines, mut fields) = (Lines::of(text), Fields::default());
    let (mut sums, mut faults) = (HashMap::new(), Faults::of(place));
    loop {
        match lines.next() {
            Ok(None) => break,
            Ok(Some((line, text))) => {
                fields.split(text, separator(text));
                row(line, text, &fields, selection, step, &mut sums, &mut faults);
            }
            Err(cause) => {
                let what = format!("the text is damaged or cut short ({cause})");
                faults.push(Problem::new("GLN-110", place, what, "Fetch the file again"));
                break;
            }
        }
    }
    (sums, faults.problems())
}

/// Spreads a row over the steps that it covers.
fn row(
    line: u64,
    text: &[u8],
    fields: &Fields,
    selection: &Selection,
    step: i64,
    sums: &mut HashMap<String, Sums>,
    faults: &mut Faults,
) {
    if !FIELDS.contains(&fields.len()) {
        let found = fields.len();
        faults.line("GLN-127", line, "", || format!("found {found} fields, expected 20"));
        return;
    }
    let mut value = |at: usize, name: &str, least: f64| {
        let field = fields.raw(text, at).unwrap_or_default();
        let found = number(field).filter(|value| value.is_nan() || *value >= least);
        if found.is_none() {
            let what = || format!("found `{}`, expected a number of at least 0", excerpt(field));
            faults.line("GLN-101", line, name, what);
        }
        found
    };
    let (Some(begin), Some(end), Some(cpu)) =
        (value(BEGIN, "begin", 0.0), value(END, "end", 0.0), value(CPU, "CPU rate", 0.0))
    else {
        return;
    };
    let mut rates = [cpu; 1 + OTHERS.len()];
    for (slot, (resource, at)) in OTHERS.iter().enumerate() {
        let Some(found) = value(*at, resource.name(), 0.0) else { return };
        rates[slot + 1] = found;
    }
    let (begin, end) = (begin as i64, end as i64);
    if end <= begin || end - begin > LONGEST {
        let what = || format!("found a measurement from {begin} to {end} microseconds");
        faults.line("GLN-101", line, "begin and end", what);
        return;
    }
    let group = group(text, fields, selection.group);
    // A row without a rate tells nothing; one without another quantity adds nothing to that.
    if group.is_empty() || rates[0].is_nan() {
        return;
    }
    let sums = sums.entry(group).or_default();
    for index in begin.div_euclid(step)..=(end - 1).div_euclid(step) {
        let covered = (end.min((index + 1) * step) - begin.max(index * step)) as f64 / step as f64;
        let sum = sums.entry(index).or_default();
        for (sum, rate) in sum.iter_mut().zip(rates) {
            *sum += if rate.is_nan() { 0.0 } else { rate * covered };
        }
    }
}

/// The name of the group that the row belongs to; empty where it has none.
fn group(text: &[u8], fields: &Fields, group: Group) -> String {
    let field = |at: usize| fields.text(text, at).unwrap_or_default();
    match group {
        Group::Job => field(JOB).into_owned(),
        Group::Machine => field(MACHINE).into_owned(),
        Group::Task => format!("{}-{}", field(JOB), field(TASK)),
    }
}
