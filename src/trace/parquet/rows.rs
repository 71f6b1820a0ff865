//! A long table with gaps and any quantities, or a wide one, as observations.

use std::collections::HashMap;
use std::path::Path;

use polars::prelude::DataFrame;

use super::file::ParquetFile;
use super::forms::Form;
use crate::problem::Problem;
use crate::trace::columns::{ColumnName, Map, Role};
use crate::trace::defect::{Defect, Defects};
use crate::trace::delimited::{Fields, Lines, number, separator};
use crate::trace::error::unreadable;
use crate::trace::resource::{Unit, VmSize};
use crate::trace::series::{Observations, Series};
use crate::trace::wide::Layout;
use crate::trace::{Error, Selection, UtilisationTrace, grid, long_csv, members};

/// The trace in `file`, which is at `path` and of the form `form`.
pub(super) fn read(
    path: &Path,
    file: &ParquetFile,
    form: &Form,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let map = form.map.clone().wanted(&selection.resources);
    complete(file, &map, selection)?;
    let (rows, day) = file.rows_of(form.day(), selection.day.as_deref())?;
    let names: Vec<&str> = map.entries.iter().filter_map(|(_, column)| name(column)).collect();
    let vm = form.column(|role| *role == Role::Vm).unwrap_or_default();
    let time = form.column(|role| matches!(role, Role::Step | Role::Time(_))).unwrap_or_default();
    let frame = file.rows(&rows, &names, &[vm, time])?;
    let mut defects = Defects::default();
    let mut series = series(file, form, &map, &frame, &mut defects)?;
    if form.has_vms_csv {
        add_sizes(path, day.as_deref(), &mut series)?;
    }
    let (place, clock) = (file.place.clone(), form.clock);
    grid::trace(Observations { place, others: map.others(), series, defects, clock }, selection)
}

fn name(column: &ColumnName) -> Option<&str> {
    match column {
        ColumnName::Name(name) => Some(name),
        ColumnName::Position(_) => None,
    }
}

/// Whether the roles are complete and all columns are there.
fn complete(file: &ParquetFile, map: &Map, selection: &Selection) -> Result<(), Error> {
    long_csv::map(&file.place, &file.columns, selection).map(drop).or_else(|error| {
        // A published form brings its own map.
        if map.lacking().is_empty() { Ok(()) } else { Err(error) }
    })?;
    let missing = map.entries.iter().filter_map(|(_, column)| match column {
        ColumnName::Name(name) => (!file.has(name)).then(|| file.lacks(name)),
        ColumnName::Position(position) => {
            let what = format!("found column number {position}, expected names");
            let remedy = "Parquet files have a header: name the columns";
            Some(Problem::new("GLN-120", &file.place, what, remedy))
        }
    });
    let problems: Vec<Problem> = missing.collect();
    if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
}

/// The VMs in `frame` in order of first appearance.
fn series(
    file: &ParquetFile,
    form: &Form,
    map: &Map,
    frame: &DataFrame,
    defects: &mut Defects,
) -> Result<Vec<Series>, Error> {
    let vm = form.column(|role| *role == Role::Vm).unwrap_or_default();
    let labels = file.labels(frame, vm)?;
    let others = map.others();
    let mut series: Vec<Series> =
        labels.names.iter().map(|name| Series::new(name.as_str(), 1 + others.len())).collect();
    let mut problems = Vec::new();
    let mut changed = vec![false; series.len()];
    for (role, column) in &map.entries {
        let Some(column) = name(column) else { continue };
        let (slot, divisor) = match role {
            Role::Vm | Role::Day => continue,
            Role::Step | Role::Time(_) => {
                let times = times(file, form, *role, frame, column)?;
                for (vm, range) in labels.ranges() {
                    series[vm as usize].times.extend_from_slice(&times[range]);
                }
                continue;
            }
            Role::Cores | Role::CpuMhz | Role::MemorySize => {
                let sizes = file.numbers(frame, column)?;
                for (vm, range) in labels.ranges() {
                    changed[vm as usize] |=
                        grow(&mut series[vm as usize].size, *role, &sizes[range]);
                }
                continue;
            }
            Role::Cpu(divisor) => (0, *divisor),
            Role::Other(resource, _, divisor) => {
                let slot = others.iter().position(|(other, _)| other == resource);
                (slot.unwrap_or_default() + 1, *divisor)
            }
        };
        let is_ratio = !matches!(role, Role::Other(_, unit, _) if *unit != Unit::Fraction);
        let mut values = file.numbers(frame, column)?;
        problems.extend(cleaned(file, form, column, is_ratio, &mut values, defects));
        values.iter_mut().for_each(|value| *value = *value / divisor + 0.0);
        for (vm, range) in labels.ranges() {
            series[vm as usize].values[slot].extend_from_slice(&values[range]);
        }
    }
    let first = changed.iter().position(|changed| *changed).unwrap_or_default();
    let count = changed.iter().filter(|changed| **changed).count() as u64;
    let place = || format!("VM `{}`", labels.names[first]);
    defects.count(Defect::SizeChange, count, "largest size kept", place);
    if problems.is_empty() { Ok(series) } else { Err(Error { problems }) }
}

/// The times of all rows, microseconds.
fn times(
    file: &ParquetFile,
    form: &Form,
    role: Role,
    frame: &DataFrame,
    column: &str,
) -> Result<Vec<i64>, Error> {
    let scaled = |value: f64, factor: f64| (value * factor).round() as i64;
    Ok(match role {
        Role::Time(divisor) => {
            let times = file.numbers(frame, column)?;
            times.into_iter().map(|time| scaled(time, 1e6 / divisor)).collect()
        }
        _ => {
            let steps = file.integers(frame, column)?;
            steps.into_iter().map(|step| step.saturating_mul(form.clock.step)).collect()
        }
    })
}

/// Takes the largest of `sizes`; returns whether they differ.
fn grow(size: &mut VmSize, role: Role, sizes: &[f64]) -> bool {
    let mut last = None;
    let mut changed = false;
    for &value in sizes {
        // Sizes hardly ever change from row to row.
        if last == Some(value) {
            continue;
        }
        last = Some(value);
        let known = (!value.is_nan()).then_some(value);
        let mut found = VmSize::default();
        match role {
            Role::Cores => found.cores = known,
            Role::CpuMhz => found.cpu_mhz = known,
            _ => found.memory_kb = known,
        }
        changed |= size.grow(found);
    }
    changed
}

/// Turns markers and saturated values into gaps and refuses what is no quantity.
fn cleaned(
    file: &ParquetFile,
    form: &Form,
    column: &str,
    is_ratio: bool,
    values: &mut [f64],
    defects: &mut Defects,
) -> Option<Problem> {
    let mut wrong: Option<(usize, f64)> = None;
    let mut count = 0;
    for (row, value) in values.iter_mut().enumerate() {
        let place = || format!("column `{column}`, row {row}");
        if is_ratio && form.markers.contains(value) {
            defects.count(Defect::Marker, 1, "count as gaps", place);
            *value = f64::NAN;
        } else if is_ratio && form.saturated.contains(value) {
            defects.count(Defect::Saturated, 1, "count as gaps", place);
            *value = f64::NAN;
        } else if *value < 0.0 || value.is_infinite() {
            wrong = wrong.or(Some((row, *value)));
            count += 1;
        }
    }
    let (row, value) = wrong?;
    let place = format!("{}: column `{column}`, row {row}", file.place);
    let what = format!("found {value}, expected a number of at least 0 ({count} such rows)");
    Some(Problem::new("GLN-101", place, what, "Correct the values or leave the VMs out"))
}

/// The month of the rows: the day that was chosen, or the one that the file's name tells.
fn month(path: &Path, day: Option<&str>) -> Option<String> {
    if let Some(day) = day {
        return Some(day.to_owned());
    }
    let name = path.file_stem()?.to_str()?;
    let at = name.find("2013-")? + "2013-".len();
    let digits = name.get(at..at + 2)?;
    Some(digits.trim_start_matches('0').to_owned())
}

/// Adds the sizes in the file `vms.csv` beside the one at `path`: month, vm, cores, cpu_cap_mhz,
/// mem_cap_kb and others.
fn add_sizes(path: &Path, day: Option<&str>, series: &mut [Series]) -> Result<(), Error> {
    let table = path.with_file_name("vms.csv");
    let (Some(month), true) = (month(path, day), table.is_file()) else { return Ok(()) };
    let place = table.display().to_string();
    let cannot = |cause| Error::from(unreadable(&place, &cause));
    let file = std::fs::File::open(&table).map_err(cannot)?;
    let text = members::unpacked(file, &place).map_err(cannot)?;
    let (mut lines, mut fields) = (Lines::of(text), Fields::default());
    let mut sizes: HashMap<String, VmSize> = HashMap::new();
    while let Some((_, line)) = lines.next().map_err(cannot)? {
        fields.split(line, separator(line));
        let of = |at: usize| fields.raw(line, at).and_then(number).filter(|v| !v.is_nan());
        let text = |at: usize| fields.text(line, at).unwrap_or_default();
        if text(0) == month {
            let size = VmSize { cores: of(2), cpu_mhz: of(3), memory_kb: of(4) };
            sizes.insert(text(1).into_owned(), size);
        }
    }
    for vm in series {
        vm.size = sizes.get(&vm.name).copied().unwrap_or_default();
    }
    Ok(())
}

/// The trace in the wide table `file`.
pub(super) fn read_wide(
    file: &ParquetFile,
    form: &Form,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let layout = Layout::of(&file.place, &file.columns, &form.map, selection)?;
    let time = layout.time.map(|(at, _)| at);
    let mut defects = Defects::default();
    let mut problems = Vec::new();
    let mut series = Vec::new();
    let mut times: Vec<i64> = Vec::new();
    let order = time.into_iter().chain((0..file.columns.len()).filter(|at| Some(*at) != time));
    for at in order {
        let column = file.columns[at].as_str();
        let keys: &[&str] = if time == Some(at) { &[column] } else { &[] };
        let frame = file.rows(&super::file::Rows::Together(None), &[column], keys)?;
        let mut values = file.numbers(&frame, column)?;
        if time == Some(at) {
            times = values.iter().map(|value| layout.time(0, Some(*value))).collect();
            continue;
        }
        if times.is_empty() {
            times = (0..values.len()).map(|row| layout.time(row, None)).collect();
        }
        problems.extend(cleaned(file, form, column, true, &mut values, &mut defects));
        values.iter_mut().for_each(|value| *value = *value / layout.divisor + 0.0);
        let mut vm = Series::new(column, 1);
        vm.times.clone_from(&times);
        vm.values = vec![values];
        series.push(vm);
    }
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    let (place, clock) = (file.place.clone(), layout.clock());
    grid::trace(Observations { place, others: Vec::new(), series, defects, clock }, selection)
}
