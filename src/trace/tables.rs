//! Reads all tables of a source that belong to the selected day, and makes one trace of them.

use std::io::BufRead;
use std::path::Path;

use rayon::prelude::*;

use super::UtilisationTrace;
use super::archive;
use super::error::Error;
use super::grid;
use super::layout;
use super::members::{self, Container, Table};
use super::selection::Selection;
use super::series::{Clock, Observations};
use super::table::{Part, Schema};

/// How one table is read.
pub(super) type Reader<'r> = dyn Fn(&Table, &mut dyn BufRead) -> Part + Sync + 'r;

/// The parts of the tables at `path` that lie in the folder of `day`.
pub(super) fn parts(
    path: &Path,
    container: Container,
    day: Option<&str>,
    read: &Reader<'_>,
) -> Result<Vec<Part>, Error> {
    match container {
        Container::Archive(packing) => packed(path, packing, day, read),
        _ => {
            let tables = of_day(path, members::tables(path, container)?, day)?;
            let part = |table: &Table| match members::open(table) {
                Ok(mut text) => read(table, &mut text),
                Err(problem) => Part { problems: vec![problem], ..Part::default() },
            };
            Ok(tables.par_iter().map(part).collect())
        }
    }
}

/// The folders of the tables at `path`, ascending.
pub(super) fn days(path: &Path, container: Container) -> Result<Vec<String>, Error> {
    match container {
        Container::Archive(packing) => Ok(members::days(&listed(path, packing)?)),
        _ => Ok(members::days(&members::tables(path, container)?)),
    }
}

fn of_day(path: &Path, tables: Vec<Table>, day: Option<&str>) -> Result<Vec<Table>, Error> {
    let place = path.display().to_string();
    let days = members::days(&tables);
    let day = layout::chosen_day(&place, &days, day)?;
    let is_wanted = |table: &Table| day.is_none_or(|day| table.folder == day);
    Ok(tables.into_iter().filter(is_wanted).collect())
}

fn listed(path: &Path, packing: archive::Packing) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    members::visit(path, packing, &mut |table, _| tables.push(table.clone()))?;
    members::strip_common_folders(&mut tables);
    Ok(tables)
}

/// The tables of an archive are read one after the other, while it is unpacked. Where it has
/// several days, one pass finds out which there are and another one reads.
fn packed(
    path: &Path,
    packing: archive::Packing,
    day: Option<&str>,
    read: &Reader<'_>,
) -> Result<Vec<Part>, Error> {
    let mut whole: Vec<(Table, Part)> = Vec::new();
    let mut several = false;
    members::visit(path, packing, &mut |table, text| {
        several |= whole.first().is_some_and(|(first, _)| first.folder != table.folder);
        if !several {
            whole.push((table.clone(), read(table, text)));
        }
    })?;
    if whole.is_empty() {
        let what = "found no csv files in the archive, expected at least one";
        let place = path.display().to_string();
        return Err(Error::one("GLN-105", place, what, "Check that this is the trace"));
    }
    if several {
        let listed = listed(path, packing)?;
        let wanted = of_day(path, listed.clone(), day)?;
        whole.clear();
        let mut all = listed.into_iter();
        members::visit(path, packing, &mut |_, text| {
            let Some(table) = all.next() else { return };
            if wanted.contains(&table) {
                let part = read(&table, text);
                whole.push((table, part));
            }
        })?;
    } else {
        let mut tables: Vec<Table> = whole.iter().map(|(table, _)| table.clone()).collect();
        members::strip_common_folders(&mut tables);
        of_day(path, tables, day)?;
    }
    whole.sort_by_cached_key(|(table, _)| table.key());
    Ok(whole.into_iter().map(|(_, part)| part).collect())
}

/// The trace of `part`, whose columns are those of `schema`.
pub(super) fn finished(
    path: &Path,
    part: Part,
    schema: &Schema,
    clock: Clock,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let place = path.display().to_string();
    let Part { series, defects, problems, days } = part;
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    let days: Vec<String> = days.into_iter().collect();
    layout::chosen_day_of_column(&place, &days, selection.day.as_deref())?;
    let others = schema.map.others();
    grid::trace(Observations { place, others, series, defects, clock }, selection)
}
