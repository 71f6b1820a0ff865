//! A Parquet file by columns: names, integers and numbers of whatever type, nulls and all.
//!
//! The day column is read first; where the rows of the day lie together, as in a sorted file, only
//! their row groups are read of the others.

use std::collections::HashMap;
use std::fs::File;
use std::hash::Hash;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use polars::prelude::*;

use crate::problem::Problem;
use crate::trace::error::unreadable;
use crate::trace::{Error, Values, layout};

/// The note in a file's metadata that says how long a step is, in seconds.
pub(super) const STEP_KEY: &str = "galerna.step_s";

/// Rows of a column that are converted together, so that no second copy of all is needed.
const PIECE: usize = 1 << 20;

/// Which rows belong to the day that is wanted.
pub(super) enum Rows {
    /// All rows, or a range of them.
    Together(Option<Range<usize>>),
    /// Those where the mask is set.
    Apart(BooleanChunked),
}

impl Rows {
    pub(super) fn range(&self) -> Option<Range<usize>> {
        match self {
            Self::Together(range) => range.clone(),
            Self::Apart(_) => None,
        }
    }
}

/// A column of names as runs of equal ones: short where the table is sorted, right in any case.
pub(super) struct Labels {
    /// Per run the index of its name and the row after its last.
    runs: Vec<(u32, usize)>,
    /// The names in order of first appearance.
    pub(super) names: Vec<String>,
}

impl Labels {
    fn of<K: Copy + Eq + Hash>(keys: impl Iterator<Item = K>, name: impl Fn(K) -> String) -> Self {
        let mut labels = Self { runs: Vec::new(), names: Vec::new() };
        let mut numbers: HashMap<K, u32> = HashMap::new();
        let mut run: Option<(K, u32)> = None;
        let mut rows = 0;
        for key in keys {
            if run.is_none_or(|(same, _)| same != key) {
                labels.runs.extend(run.map(|(_, number)| (number, rows)));
                let number = *numbers.entry(key).or_insert_with(|| {
                    labels.names.push(name(key));
                    labels.names.len() as u32 - 1
                });
                run = Some((key, number));
            }
            rows += 1;
        }
        labels.runs.extend(run.map(|(_, number)| (number, rows)));
        labels
    }

    /// Each run with the row of its begin.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u32, Range<usize>)> {
        let starts = std::iter::once(0).chain(self.runs.iter().map(|&(_, end)| end));
        starts.zip(&self.runs).map(|(start, &(name, end))| (name, start..end))
    }

    /// Per row the index of its name.
    pub(super) fn rows(&self) -> Vec<u32> {
        let mut rows = Vec::with_capacity(self.runs.last().map_or(0, |&(_, end)| end));
        for (name, range) in self.ranges() {
            rows.resize(range.end, name);
        }
        rows
    }
}

/// A Parquet file with the columns that it has.
pub(super) struct ParquetFile {
    file: File,
    /// How messages call it.
    pub(super) place: String,
    /// The names of its columns.
    pub(super) columns: Vec<String>,
    step_s: Option<f64>,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|cause| unreadable(&place, &cause))?;
        let mut parquet = Self { file, place, columns: Vec::new(), step_s: None };
        let (schema, step_s) = parquet.guarded(|file| {
            let mut reader = ParquetReader::new(file);
            let schema = reader.schema()?;
            let notes = reader.get_metadata()?.key_value_metadata();
            let mut notes = notes.iter().flatten();
            let step = notes.find(|note| note.key == STEP_KEY).and_then(|note| note.value.clone());
            Ok((schema, step))
        })?;
        parquet.columns = schema.iter_names().map(ToString::to_string).collect();
        parquet.step_s = step_s.and_then(|text| text.parse().ok()).filter(|s: &f64| *s > 0.0);
        Ok(parquet)
    }

    /// Seconds between two steps, where [`write_parquet`](crate::trace::write_parquet) wrote it.
    pub(super) fn step_s(&self) -> Option<f64> {
        self.step_s
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|c| c == column)
    }

    pub(super) fn lacks(&self, column: &str) -> Problem {
        let found = self.columns.join(", ");
        Problem::new(
            "GLN-120",
            &self.place,
            format!("column `{column}` is missing, found: {found}"),
            "Name the columns `day` (if several), `vm`, `step` and `cpu_pct` or `cpu`",
        )
    }

    /// The rows of the day `wanted`, or of the only one; `column` tells the days, if there is one.
    pub(super) fn rows_of(
        &self,
        column: Option<&str>,
        wanted: Option<&str>,
    ) -> Result<(Rows, Option<String>), Error> {
        let Some(column) = column else {
            layout::chosen_day(&self.place, &[], wanted)?;
            return Ok((Rows::Together(None), None));
        };
        let days = self.labels(&self.frame(&[column], None)?, column)?;
        let mut sorted = days.names.clone();
        sorted.sort_unstable();
        let day = layout::chosen_day(&self.place, &sorted, wanted)?;
        let is_wanted = |name: u32| days.names.get(name as usize).map(String::as_str) == day;
        let mut wanted = days.ranges().filter(|(name, _)| is_wanted(*name));
        let rows = match (wanted.next(), wanted.next()) {
            (Some((_, together)), None) => Rows::Together(Some(together)),
            _ => {
                let mask = days.rows().into_iter().map(is_wanted);
                Rows::Apart(BooleanChunked::from_iter_values(column.into(), mask))
            }
        };
        Ok((rows, day.map(str::to_owned)))
    }

    /// `columns` of `rows`; of them `keys` may have no nulls.
    pub(super) fn rows(
        &self,
        rows: &Rows,
        columns: &[&str],
        keys: &[&str],
    ) -> Result<DataFrame, Error> {
        let frame = self.columns_of(columns, rows.range())?;
        self.without_nulls(&frame, keys)?;
        match rows {
            Rows::Together(_) => Ok(frame),
            Rows::Apart(mask) => frame.filter(mask).map_err(|cause| self.damaged(&cause).into()),
        }
    }

    /// The rows in `range`, or all, of `columns`; none of them may have nulls.
    pub(super) fn frame(
        &self,
        columns: &[&str],
        range: Option<Range<usize>>,
    ) -> Result<DataFrame, Error> {
        let frame = self.columns_of(columns, range)?;
        self.without_nulls(&frame, columns)?;
        Ok(frame)
    }

    fn columns_of(
        &self,
        columns: &[&str],
        range: Option<Range<usize>>,
    ) -> Result<DataFrame, Error> {
        let names = columns.iter().map(ToString::to_string).collect();
        self.guarded(|file| {
            let slice = range.map(|range| (range.start, range.len()));
            let reader = ParquetReader::new(file).with_columns(Some(names));
            reader.with_slice(slice).finish()
        })
    }

    fn without_nulls(&self, frame: &DataFrame, columns: &[&str]) -> Result<(), Error> {
        let columns = columns.iter().filter_map(|name| frame.column(name).ok());
        let problems: Vec<Problem> = columns.filter_map(|column| self.nulls(column)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
    }

    fn nulls(&self, column: &Column) -> Option<Problem> {
        let count = column.null_count();
        let first = column.is_null().iter().position(|null| null == Some(true))?;
        Some(Problem::new(
            "GLN-122",
            format!("{}: column `{}`, row {first}", self.place, column.name()),
            format!("found no value ({count} in all), expected one in every row"),
            "Fill the gaps or leave these VMs out",
        ))
    }

    /// A column of names, whatever their type.
    pub(super) fn labels(&self, frame: &DataFrame, column: &str) -> Result<Labels, Error> {
        let series = self.series(frame, column)?;
        match series.dtype() {
            DataType::String => {
                let text = series.str().map_err(|cause| self.damaged(&cause))?;
                Ok(Labels::of(text.iter().flatten(), str::to_owned))
            }
            DataType::Categorical(_, names) | DataType::Enum(_, names) => {
                let codes = self.cast(&series.to_physical_repr(), &DataType::UInt32)?;
                let codes = codes.u32().map_err(|cause| self.damaged(&cause))?;
                let name = |code| names.cat_to_str(code).unwrap_or_default().to_owned();
                Ok(Labels::of(dense(codes), name))
            }
            DataType::Int32 => {
                let numbers = series.i32().map_err(|cause| self.damaged(&cause))?;
                Ok(Labels::of(dense(numbers), |number| number.to_string()))
            }
            kind if kind.is_integer() => {
                let numbers = self.integers(frame, column)?.into_iter();
                Ok(Labels::of(numbers, |number| number.to_string()))
            }
            kind => Err(self.wrong_type(column, kind, "text, a categorical or an integer")),
        }
    }

    /// A column of integers of any width.
    pub(super) fn integers(&self, frame: &DataFrame, column: &str) -> Result<Vec<i64>, Error> {
        let series = self.series(frame, column)?;
        if !series.dtype().is_integer() {
            return Err(self.wrong_type(column, series.dtype(), "an integer"));
        }
        let mut all = Vec::with_capacity(series.len());
        for start in (0..series.len()).step_by(PIECE) {
            let wide = self.cast(&series.slice(start as i64, PIECE), &DataType::Int64)?;
            all.extend(dense(wide.i64().map_err(|cause| self.damaged(&cause))?));
        }
        Ok(all)
    }

    /// A column of numbers of any type; not a number where there is none.
    pub(super) fn numbers(&self, frame: &DataFrame, column: &str) -> Result<Vec<f64>, Error> {
        let series = self.series(frame, column)?;
        if !series.dtype().is_primitive_numeric() {
            return Err(self.wrong_type(column, series.dtype(), "a number"));
        }
        let wide = self.cast(&series, &DataType::Float64)?;
        let wide = wide.f64().map_err(|cause| self.damaged(&cause))?;
        Ok(wide.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// The value column in the resolution that it has.
    pub(super) fn values(&self, frame: &DataFrame, column: &str) -> Result<Values, Error> {
        let series = self.series(frame, column)?;
        if column == "cpu" {
            if !series.dtype().is_float() {
                return Err(self.wrong_type(column, series.dtype(), "a float"));
            }
            let fractions = self.cast(&series, &DataType::Float32)?;
            let fractions = fractions.f32().map_err(|cause| self.damaged(&cause))?;
            return Ok(Values::Fraction(collected(fractions)));
        }
        // What no byte can hold is as wrong as 101, and 255 says so.
        let narrow = |value: i64| u8::try_from(value).unwrap_or(u8::MAX);
        Ok(Values::Percent(match series.u8() {
            Ok(bytes) => collected(bytes),
            Err(_) => self.integers(frame, column)?.into_iter().map(narrow).collect(),
        }))
    }

    fn series(&self, frame: &DataFrame, column: &str) -> Result<Series, Error> {
        let column = frame.column(column).map_err(|cause| self.damaged(&cause))?;
        Ok(column.as_materialized_series().clone())
    }

    fn cast(&self, series: &Series, to: &DataType) -> Result<Series, Error> {
        series.strict_cast(to).map_err(|cause| self.damaged(&cause).into())
    }

    fn wrong_type(&self, column: &str, found: &DataType, expected: &str) -> Error {
        Error::one(
            "GLN-121",
            format!("{}: column `{column}`", self.place),
            format!("found type {found}, expected {expected}"),
            "Convert the column and write the file again",
        )
    }

    pub(super) fn damaged(&self, cause: &dyn std::fmt::Display) -> Problem {
        let cause = cause.to_string();
        let cause = cause.lines().next().unwrap_or_default();
        let what = format!("the Parquet file is damaged or cut short ({cause})");
        Problem::new("GLN-110", &self.place, what, "Write or fetch the file again")
    }

    /// Runs the Parquet decoder, of which a damaged file must not make a panic.
    fn guarded<T>(&self, decode: impl FnOnce(File) -> PolarsResult<T>) -> Result<T, Error> {
        let file = self.file.try_clone().map_err(|cause| unreadable(&self.place, &cause))?;
        match catch_unwind(AssertUnwindSafe(|| decode(file))) {
            Ok(decoded) => decoded.map_err(|cause| self.damaged(&cause).into()),
            Err(_) => Err(self.damaged(&"the decoder gave up").into()),
        }
    }
}

/// The values of a column that was found to have no nulls.
fn dense<T: PolarsNumericType>(column: &ChunkedArray<T>) -> impl Iterator<Item = T::Native> {
    column.downcast_iter().flat_map(|chunk| chunk.values().iter().copied())
}

/// The same as one vector, allocated once.
fn collected<T: PolarsNumericType>(column: &ChunkedArray<T>) -> Vec<T::Native> {
    let mut values = Vec::with_capacity(column.len());
    column.downcast_iter().for_each(|chunk| values.extend_from_slice(chunk.values()));
    values
}
