//! A long table of one's own as text: the columns have plain names, or a map says what they are.

use std::io::BufRead;
use std::path::Path;

use super::columns::{self, Map, Role};
use super::error::Error;
use super::members::{Container, Table};
use super::planetlab;
use super::selection::Selection;
use super::series::{Clock, Sampling};
use super::table::{self, Part, Schema};
use super::{UtilisationTrace, tables};

/// The trace in the csv files at `path`, whose header is `header`.
pub(super) fn read(
    path: &Path,
    container: Container,
    header: &[String],
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let place = path.display().to_string();
    let map = map(&place, header, selection)?;
    let clock = clock(&map, selection);
    let mut schema = Schema::of(map.wanted(&selection.resources), clock.step);
    // The days are folders, or the values of a column.
    let of_column = schema.map.find(|role| *role == Role::Day).is_some();
    schema.day = selection.day.clone().filter(|_| of_column);
    let folder = selection.day.as_deref().filter(|_| !of_column);
    let one =
        |table: &Table, text: &mut dyn BufRead| table::read(&table.place, text, &schema, None);
    let part = Part::together(tables::parts(path, container, folder, &one)?);
    tables::finished(path, part, &schema, clock, selection)
}

/// The map of a long table: the user's, else what the plain names in `header` say.
pub(super) fn map(place: &str, header: &[String], selection: &Selection) -> Result<Map, Error> {
    let map = if selection.columns.is_empty() {
        columns::plain(&header.iter().map(String::as_str).collect::<Vec<_>>())
    } else {
        Map::of(&selection.columns)
    };
    let lacking = map.lacking();
    if lacking.is_empty() {
        return Ok(map);
    }
    let found = header.join(", ");
    let what = format!("no column is known to hold {}, found: {found}", lacking.join(", nor "));
    let remedy = "Name the columns, e.g. columns = { vm = \"host\", time-s = \"t\", \
                  cpu-percent = \"load\" }";
    Err(Error::one("GLN-120", place, what, remedy))
}

/// How the times of a long table become steps.
pub(super) fn clock(map: &Map, selection: &Selection) -> Clock {
    let step = selection.step_s.map_or(planetlab::STEP.0, |s| i64::from(s) * 1_000_000);
    let numbered = map.find(|role| *role == Role::Step).is_some();
    match numbered {
        true => Clock { origin: Some(0), step, sampling: Sampling::Nearest },
        false => Clock { origin: None, step, sampling: Sampling::BySpacing },
    }
}
