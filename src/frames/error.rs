//! What can be wrong with the folder of a run.
//!
//! | code | meaning |
//! |---|---|
//! | GLN-613 | a table is not the one that the run wrote (a finding, not an error) |
//! | GLN-614 | a table or the spec contradicts `run.json` (a finding, not an error) |
//! | GLN-620 | the output folder holds something that would be lost |
//! | GLN-621 | the operating system could not write |
//! | GLN-622 | a file of the folder is missing or may not be read |
//! | GLN-623 | a file of the folder is damaged |
//! | GLN-624 | a table lacks a column, or it is of another type |

use std::path::Path;

use crate::problem::{Problem, listed};

/// What to do about a folder that is not as a run wrote it.
pub(super) const REMEDY: &str = "Run the spec again";

/// Why the folder of a run could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct Error {
    /// At least one problem.
    pub problems: Vec<Problem>,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// The problem of a write that the operating system refused.
pub(super) fn unwritable(place: &Path, cause: &std::io::Error) -> Problem {
    let remedy = "Check that the parent folder exists, is writable and has room";
    let what = format!("cannot be written ({cause})");
    Problem::new("GLN-621", place.display().to_string(), what, remedy)
}

/// The problem of a file that is not as a run writes it.
pub(super) fn damaged(place: &Path, cause: &dyn std::fmt::Display) -> Problem {
    let cause = cause.to_string();
    let what = format!("the file is damaged ({})", cause.lines().next().unwrap_or_default());
    Problem::new("GLN-623", place.display().to_string(), what, REMEDY)
}
