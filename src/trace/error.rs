//! What is wrong with a trace: every problem of the source in one [`Error`].
//!
//! | code | meaning |
//! |---|---|
//! | GLN-101 | a value is not what the format allows |
//! | GLN-102 | a VM file has the wrong number of lines |
//! | GLN-103 | text or a name is not UTF-8 |
//! | GLN-104 | the operating system could not read or write |
//! | GLN-105 | there is no VM in the source |
//! | GLN-106 | the form of the source is not known |
//! | GLN-107 | several days, none selected |
//! | GLN-108 | the selected day is not there |
//! | GLN-109 | the span or the step makes no sense for the source |
//! | GLN-110 | an archive or Parquet file is damaged |
//! | GLN-111 | an archive entry's name leads out of the archive |
//! | GLN-112 | an archive entry or folder member is neither file nor folder |
//! | GLN-113 | a VM file is there twice |
//! | GLN-114 | files lie at an unexpected depth |
//! | GLN-115 | more data than a trace can have |
//! | GLN-120 | a column is missing |
//! | GLN-121 | a column has an unexpected type |
//! | GLN-122 | a column has nulls |
//! | GLN-123 | a VM lacks a step or has one twice |
//! | GLN-124 | this build cannot read Parquet |
//! | GLN-127 | a line has another number of fields than the table |
//! | GLN-130 | a trace cannot be written in the layout asked for |
//! | GLN-131 | the file to be written is there already |
//! | GLN-150 | no published trace of that name is known |
//! | GLN-151 | the server refuses to send a file |
//! | GLN-152 | a fetched file has another checksum |
//! | GLN-153 | the connection failed or broke off |
//! | GLN-154 | an address is not HTTPS |
//! | GLN-155 | the publisher offers no direct download |

use std::path::Path;

use crate::problem::{Problem, first_listed};

/// Why a trace could not be read or written: all problems that were found, not only the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_listed(.problems))]
pub struct Error {
    /// At least one problem, in the order of the source.
    pub problems: Vec<Problem>,
}

impl Error {
    /// The error of a single problem.
    pub(super) fn one(
        code: &'static str,
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Problem::new(code, place, what, remedy).into()
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// The problem of an operation that the operating system refused.
pub(super) fn unreadable(place: impl Into<String>, cause: &std::io::Error) -> Problem {
    let remedy = "Check that the path exists and that you may read it";
    Problem::new("GLN-104", place, format!("cannot be read ({cause})"), remedy)
}

/// The error of a file that cannot be written.
pub(super) fn unwritable(path: &Path, cause: &std::io::Error) -> Error {
    let what = format!("cannot be written ({cause})");
    let remedy = "Check that the folder exists, is writable and has room";
    Error::one("GLN-104", path.display().to_string(), what, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_problems_are_printed_and_the_rest_is_counted() {
        let problems =
            (1..=23).map(|line| Problem::new("GLN-101", format!("f:{line}"), "x", "y")).collect();
        let text = Error { problems }.to_string();
        assert_eq!(text.lines().count(), 21);
        assert!(text.ends_with("GLN-101 f:20: x. y.\nand 3 more (23 problems in all)"), "{text}");
    }
}
