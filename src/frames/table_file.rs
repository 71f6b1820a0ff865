//! A table of a run's folder as its file tells it: columns by name and type, or what is wrong.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::error::{REMEDY, damaged};
use super::manifest::Manifest;
use crate::problem::Problem;
use crate::time::Instant;

/// The problem of a file that is not there.
pub(super) fn missing(path: &Path, cause: &std::io::Error) -> Problem {
    let remedy = "Name a folder that `galerna run --out` wrote";
    let what = format!("cannot be read ({cause}), expected a file of a run");
    Problem::new("GLN-622", path.display().to_string(), what, remedy)
}

/// One table with the file it comes from.
pub(super) struct TableFile {
    pub path: PathBuf,
    name: &'static str,
    blake3: String,
    pub frame: DataFrame,
}

impl TableFile {
    pub fn read(dir: &Path, name: &'static str) -> Result<Self, Problem> {
        let path = dir.join(name);
        let bytes = std::fs::read(&path).map_err(|cause| missing(&path, &cause))?;
        let blake3 = blake3::hash(&bytes).to_hex().to_string();
        // A damaged file must not make a panic of the decoder.
        let decode = AssertUnwindSafe(|| ParquetReader::new(Cursor::new(&bytes[..])).finish());
        let frame = match catch_unwind(decode) {
            Ok(decoded) => decoded.map_err(|cause| damaged(&path, &cause))?,
            Err(_) => return Err(damaged(&path, &"the decoder gave up")),
        };
        Ok(Self { path, name, blake3, frame })
    }

    /// Whether the file is another one than the run wrote.
    pub fn exchanged(&self, manifest: &Manifest) -> Option<Problem> {
        let expected = manifest.tables.get(self.name).map_or("none", String::as_str);
        let what = format!("blake3 found {}, expected {expected}", self.blake3);
        let place = self.path.display().to_string();
        let remedy = "Run the spec again; the file was changed after the run";
        (self.blake3 != expected).then(|| Problem::new("GLN-613", place, what, remedy))
    }

    pub fn typed<T: PolarsNumericType>(&self, name: &str) -> Result<ChunkedArray<T>, Problem> {
        let series = self.frame.column(name).map_err(|_| self.lacks(name, "found none"))?;
        let series = series.as_materialized_series();
        let typed = series.unpack::<T>().cloned();
        typed.map_err(|_| self.lacks(name, &format!("found type {}", series.dtype())))
    }

    pub fn lacks(&self, column: &str, found: &str) -> Problem {
        let place = format!("{}: column `{column}`", self.path.display());
        let what = format!("{found}, expected it as a run writes it");
        Problem::new("GLN-624", place, what, REMEDY)
    }

    /// A column of numbers without gaps.
    pub fn numbers<T: PolarsNumericType>(&self, name: &str) -> Result<Vec<T::Native>, Problem> {
        let column = self.typed::<T>(name)?;
        if column.null_count() > 0 {
            return Err(self.lacks(name, &format!("found {} nulls", column.null_count())));
        }
        Ok(column.iter().flatten().collect())
    }

    pub fn floats(&self, name: &str) -> Result<Vec<f64>, Problem> {
        self.numbers::<Float64Type>(name)
    }

    pub fn counts(&self, name: &str) -> Result<Vec<u32>, Problem> {
        self.numbers::<UInt32Type>(name)
    }

    pub fn maybe(&self, name: &str) -> Result<Vec<Option<u32>>, Problem> {
        Ok(self.typed::<UInt32Type>(name)?.iter().collect())
    }

    pub fn instants(&self, name: &str) -> Result<Vec<Option<Instant>>, Problem> {
        Ok(self.typed::<Int64Type>(name)?.iter().map(|time| time.map(Instant)).collect())
    }

    /// A column of numbers in which nothing means no limit.
    pub fn limits<T: PolarsNumericType>(
        &self,
        name: &str,
        of: impl Fn(T::Native) -> f64,
    ) -> Result<Vec<f64>, Problem> {
        let column = self.typed::<T>(name)?;
        Ok(column.iter().map(|limit| limit.map_or(f64::INFINITY, &of)).collect())
    }

    pub fn text(&self, name: &str) -> Result<Vec<Option<String>>, Problem> {
        let series = self.frame.column(name).map_err(|_| self.lacks(name, "found none"))?;
        let text = series.str().map_err(|_| self.lacks(name, "found no text"))?;
        Ok(text.iter().map(|word| word.map(str::to_owned)).collect())
    }
}
