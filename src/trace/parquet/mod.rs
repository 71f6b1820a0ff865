//! A trace in a Parquet file.
//!
//! The plain form has one row per VM and step, each step of each VM once:
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `day` | integer or text; may be missing | which day the row belongs to |
//! | `vm` | text, categorical or integer | the VM's name |
//! | `step` | integer | sample number, from 0 |
//! | `cpu_pct` | integer | CPU utilisation, whole per cent `0..=100`; or instead |
//! | `cpu` | float | CPU utilisation as a fraction `0.0..=1.0` |
//!
//! The forms of published traces (`forms`), tables with a column map, and what
//! [`write_parquet`](super::write_parquet) writes may have gaps and other quantities.

#[cfg(feature = "frames")]
mod dense;
#[cfg(feature = "frames")]
mod file;
#[cfg(feature = "frames")]
mod forms;
#[cfg(feature = "frames")]
mod rows;
#[cfg(feature = "frames")]
mod write;

#[cfg(feature = "frames")]
pub(super) use frames::{days, read};
#[cfg(feature = "frames")]
pub use write::write_parquet;

#[cfg(not(feature = "frames"))]
pub(super) use absent::{days, read};

/// What a build without data frames says to a Parquet file.
#[cfg(not(feature = "frames"))]
mod absent {
    use std::path::Path;

    use crate::trace::{Error, Selection, UtilisationTrace};

    pub(in crate::trace) fn read(path: &Path, _: &Selection) -> Result<UtilisationTrace, Error> {
        Err(refused(path))
    }

    pub(in crate::trace) fn days(path: &Path) -> Result<Vec<String>, Error> {
        Err(refused(path))
    }

    fn refused(path: &Path) -> Error {
        Error::one(
            "GLN-124",
            path.display().to_string(),
            "this build cannot read Parquet",
            "Build with the feature `frames`, or give the trace as a folder or archive",
        )
    }
}

#[cfg(feature = "frames")]
mod frames {
    use std::path::Path;

    use super::file::ParquetFile;
    use super::forms::Form;
    use super::{dense, rows};
    use crate::trace::{Error, Format, Selection, UtilisationTrace};

    /// The trace in the Parquet file at `path`.
    pub(in crate::trace) fn read(
        path: &Path,
        selection: &Selection,
    ) -> Result<UtilisationTrace, Error> {
        let file = ParquetFile::open(path)?;
        let form = Form::of(&file, selection)?;
        if selection.format == Format::Auto && dense::suits(&file, &form, selection) {
            return dense::read(path, &file, selection);
        }
        if form.map.is_wide() {
            return rows::read_wide(&file, &form, selection);
        }
        rows::read(path, &file, &form, selection)
    }

    /// The days of the Parquet file at `path`, ascending; none without a column that tells them.
    pub(in crate::trace) fn days(path: &Path) -> Result<Vec<String>, Error> {
        let file = ParquetFile::open(path)?;
        let form = Form::of(&file, &Selection::default())?;
        let Some(day) = form.day() else { return Ok(Vec::new()) };
        let mut days = file.labels(&file.frame(&[day], None)?, day)?.names;
        days.sort_unstable();
        Ok(days)
    }
}
