//! From where does a trace come, and which part of it is wanted? [`read`] and [`days`].
//!
//! | path | form |
//! |---|---|
//! | the word `sample` | the bundled synthetic day |
//! | a folder | the published `PlanetLab` layout: VM files, or day folders with VM files |
//! | `.tar.xz`, `.tar.gz`, `.tgz`, `.tar` | the same layout, read without unpacking |
//! | `.parquet` | long form, one row per VM and step |

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::archive::{self, Packing};
use super::error::Error;
use super::{UtilisationTrace, directory, parquet, sample};

/// Which part of a source is read, and in which order its VMs come.
///
/// ```
/// use galerna::trace::{Order, Selection};
/// let day = Selection { day: Some("20110303".into()), ..Selection::default() };
/// assert_eq!(day.order, Order::Name);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// The day folder or `day` value; may be left out where the source has only one.
    pub day: Option<String>,
    /// The order of the VMs in the trace.
    pub order: Order,
}

/// The order of the VMs in the trace, which decides what type of VM each row drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Byte order of the VM's name: the same on every machine.
    #[default]
    Name,
    /// The order in which the folder, archive or table lists them, as the reference simulators
    /// take it; for a folder this depends on the file system.
    Listed,
}

/// Reads the part of the trace at `path` that `selection` asks for.
///
/// The result does not depend on the form of the source nor on the number of threads.
///
/// ```
/// use galerna::trace::{Selection, read};
/// let trace = read("sample".as_ref(), &Selection::default()).unwrap();
/// assert_eq!((trace.vms(), trace.samples()), (1052, 288));
/// assert_eq!(trace.step().seconds(), 300.0);
/// ```
///
/// # Errors
/// All problems of the source together, each with code, file and line: see the codes `GLN-1xx`.
pub fn read(path: &Path, selection: &Selection) -> Result<UtilisationTrace, Error> {
    match Source::of(path)? {
        Source::Sample => sample::read(selection),
        Source::Directory => directory::read(path, selection),
        Source::Archive(packing) => archive::read(path, packing, selection),
        Source::Parquet => parquet::read(path, selection),
    }
}

/// The days of the trace at `path`, ascending; empty where the source does not tell days apart.
///
/// ```
/// assert_eq!(galerna::trace::days("sample".as_ref()).unwrap(), ["sample"]);
/// ```
///
/// # Errors
/// What keeps the source from being listed; the samples themselves are not checked.
pub fn days(path: &Path) -> Result<Vec<String>, Error> {
    match Source::of(path)? {
        Source::Sample => sample::days(),
        Source::Directory => directory::days(path),
        Source::Archive(packing) => archive::days(path, packing),
        Source::Parquet => parquet::days(path),
    }
}

/// The forms of [`read`]'s table.
enum Source {
    Sample,
    Directory,
    Archive(Packing),
    Parquet,
}

impl Source {
    fn of(path: &Path) -> Result<Self, Error> {
        if path == Path::new(sample::WORD) {
            return Ok(Self::Sample);
        }
        if path.is_dir() {
            return Ok(Self::Directory);
        }
        if let Some(packing) = Packing::of(path) {
            return Ok(Self::Archive(packing));
        }
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("parquet")) {
            return Ok(Self::Parquet);
        }
        let found = if path.exists() { "a file of unknown form" } else { "nothing" };
        Err(Error::one(
            "GLN-106",
            path.display().to_string(),
            format!("found {found}, expected a trace"),
            "Give a folder, an archive (.tar.xz, .tar.gz, .tgz, .tar), a .parquet file or `sample`",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_trace_is_told_what_a_trace_is() {
        let error = read("no/such/thing".as_ref(), &Selection::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "GLN-106 no/such/thing: found nothing, expected a trace. Give a folder, an archive \
             (.tar.xz, .tar.gz, .tgz, .tar), a .parquet file or `sample`."
        );
    }

    #[test]
    fn a_selection_is_spelt_in_kebab_case_and_defaults_to_name_order() {
        let listed: Selection = toml::from_str("day = \"20110303\"\norder = \"listed\"").unwrap();
        assert_eq!(listed, Selection { day: Some("20110303".into()), order: Order::Listed });
        assert_eq!(toml::from_str::<Selection>("").unwrap(), Selection::default());
    }
}
