//! A wide table as text: one column per VM, one row per sample.
//!
//! The column map says in what the values are told: `{ cpu-percent = "*" }`, with `*` for every
//! column that has no other role. Without a time or step column the rows are the steps from 0.

use std::io::BufRead;
use std::path::Path;

use super::UtilisationTrace;
use super::columns::{ColumnName, Map, Role};
use super::defect::Defects;
use super::delimited::{Fields, Lines, number, separator};
use super::error::{Error, unreadable};
use super::faults::{Faults, excerpt};
use super::grid;
use super::members::{self, Container};
use super::planetlab;
use super::selection::Selection;
use super::series::{Clock, Observations, Sampling, Series};
use crate::problem::Problem;

/// What the columns of a wide table are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layout {
    /// Position of the column with the time and what it counts.
    pub(super) time: Option<(usize, Role)>,
    /// What a value is divided by to become a fraction.
    pub(super) divisor: f64,
    /// Length of a step, microseconds.
    pub(super) step: i64,
}

impl Layout {
    /// The layout of a table with these columns; `place` is what problems call it.
    pub(super) fn of(
        place: &str,
        header: &[String],
        map: &Map,
        selection: &Selection,
    ) -> Result<Self, Error> {
        let step = selection.step_s.map_or(planetlab::STEP.0, |s| i64::from(s) * 1_000_000);
        let mut layout = Self { time: None, divisor: f64::NAN, step };
        for (role, column) in &map.entries {
            match (role, column) {
                (Role::Cpu(divisor), _) => layout.divisor = *divisor,
                (Role::Step | Role::Time(_), ColumnName::Name(name)) => {
                    let at = header.iter().position(|known| known == name);
                    let at = at.ok_or_else(|| {
                        let what = format!("{} is missing", column.shown());
                        let remedy = "Name the column as the header does";
                        Error::one("GLN-120", place, what, remedy)
                    })?;
                    layout.time = Some((at, *role));
                }
                _ => {}
            }
        }
        if layout.divisor.is_nan() || header.len() <= usize::from(layout.time.is_some()) {
            let what = "a wide table needs a map that says in what its values are told";
            let remedy = "Write e.g. columns = { time-s = \"time\", cpu-percent = \"*\" }";
            return Err(Error::one("GLN-120", place, what, remedy));
        }
        Ok(layout)
    }

    /// Microseconds of row `index`, whose time column holds `value`.
    pub(super) fn time(&self, index: usize, value: Option<f64>) -> i64 {
        match (self.time, value) {
            (Some((_, Role::Time(divisor))), Some(value)) => {
                (value * (1e6 / divisor)).round() as i64
            }
            (_, Some(step)) => (step * self.step as f64).round() as i64,
            _ => index as i64 * self.step,
        }
    }

    /// How its times become steps.
    pub(super) fn clock(&self) -> Clock {
        let timed = matches!(self.time, Some((_, Role::Time(_))));
        let sampling = if timed { Sampling::BySpacing } else { Sampling::Nearest };
        Clock { origin: (!timed).then_some(0), step: self.step, sampling }
    }
}

/// The trace in the wide table at `path`.
pub(super) fn read(
    path: &Path,
    container: Container,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let place = path.display().to_string();
    if container != Container::File {
        let what = "a wide table is one file, found a folder or archive";
        return Err(Error::one("GLN-106", place, what, "Give the file itself"));
    }
    let tables = members::tables(path, container)?;
    let text = members::open(&tables[0])?;
    let map = Map::of(&selection.columns);
    let (series, clock) = series(&place, text, &map, selection)?;
    let defects = Defects::default();
    grid::trace(Observations { place, others: Vec::new(), series, defects, clock }, selection)
}

fn series(
    place: &str,
    text: impl BufRead,
    map: &Map,
    selection: &Selection,
) -> Result<(Vec<Series>, Clock), Error> {
    let (mut lines, mut fields) = (Lines::of(text), Fields::default());
    let cannot = |cause| Error::from(unreadable(place, &cause));
    let Some((_, header)) = lines.next().map_err(cannot)? else {
        let what = "found an empty file, expected a header and rows";
        return Err(Error::one("GLN-105", place, what, "Give the table itself"));
    };
    let mark = separator(header);
    fields.split(header, mark);
    let header = fields.texts(header);
    let layout = Layout::of(place, &header, map, selection)?;
    let time = layout.time.map(|(at, _)| at);
    let mut series: Vec<Series> = header.iter().map(|name| Series::new(name, 1)).collect();
    let mut faults = Faults::of(place);
    let mut index = 0;
    while let Some((line, text)) = lines.next().map_err(cannot)? {
        fields.split(text, mark);
        if fields.len() != header.len() {
            let (found, expected) = (fields.len(), header.len());
            let what = || format!("found {found} fields, expected {expected}");
            faults.line("GLN-127", line, "", what);
            continue;
        }
        let mut value = |at: usize| {
            let field = fields.raw(text, at).unwrap_or_default();
            let is_time = time == Some(at);
            let negative = |v: f64| v < 0.0;
            let found = number(field).filter(|&v| if is_time { !v.is_nan() } else { !negative(v) });
            if found.is_none() {
                let what =
                    || format!("found `{}`, expected a number of at least 0", excerpt(field));
                faults.line("GLN-101", line, &format!("column `{}`", header[at]), what);
            }
            found
        };
        let at = time.map(|at| value(at).unwrap_or(0.0));
        let at = layout.time(index, at);
        for vm in (0..header.len()).filter(|vm| Some(*vm) != time) {
            if let Some(found) = value(vm) {
                series[vm].push(at, &[found / layout.divisor]);
            }
        }
        index += 1;
    }
    let problems: Vec<Problem> = faults.problems();
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    if let Some(at) = time {
        series.remove(at);
    }
    Ok((series, layout.clock()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Columns, Values};

    fn read_text(text: &str, columns: &str) -> Result<UtilisationTrace, Error> {
        let columns: Columns = serde_json::from_str(columns).unwrap();
        let selection = Selection { columns: columns.clone(), ..Selection::default() };
        let (series, clock) = series("w", text.as_bytes(), &Map::of(&columns), &selection)?;
        let observations = Observations {
            place: "w".into(),
            others: Vec::new(),
            series,
            defects: Defects::default(),
            clock,
        };
        grid::trace(observations, &selection)
    }

    #[test]
    fn columns_are_vms_and_rows_are_steps() {
        let trace = read_text("b,a\n10,20\n30,40\n", r#"{"cpu-percent": "*"}"#).unwrap();
        assert_eq!((trace.name(0), trace.samples(), trace.step().seconds()), ("a", 2, 300.0));
        assert_eq!(trace.values(), &Values::Fraction(vec![0.2, 0.4, 0.1, 0.3]));
    }

    #[test]
    fn a_time_column_places_the_rows() {
        let columns = r#"{"cpu-fraction": "*", "time-s": "t"}"#;
        let trace = read_text("a;t\n0.5;1000\n0.25;1600\n", columns).unwrap();
        assert_eq!(trace.values(), &Values::Fraction(vec![0.5, 0.5, 0.25]));
        assert_eq!(trace.defects().len(), 1);
    }

    #[test]
    fn wrong_cells_and_a_missing_map_are_told() {
        let told = |text: &str, columns: &str| read_text(text, columns).unwrap_err().to_string();
        let cell = told("a,b\n1,x\n1\n", r#"{"cpu-percent": "*"}"#);
        assert!(cell.contains("GLN-101 w:2, column `b`: found `x`"), "{cell}");
        assert!(cell.contains("GLN-127 w:3: found 1 fields, expected 2"), "{cell}");
        assert!(told("a,b\n1,2\n", "{}").contains("GLN-120 w: a wide table needs a map"));
        let time = told("a,b\n1,2\n", r#"{"cpu-percent": "*", "time-s": "t"}"#);
        assert!(time.contains("column `t` is missing"), "{time}");
    }
}
