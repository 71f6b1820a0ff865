//! What is wrong with a file of leases: every problem of it in one [`Error`].
//!
//! | code | meaning |
//! |---|---|
//! | GLN-140 | a file of leases cannot be read |
//! | GLN-141 | it is not well-formed XML, or uses an entity |
//! | GLN-142 | an element or attribute is missing or out of place |
//! | GLN-143 | a value is not what the format allows |
//! | GLN-144 | a resource that the site does not have |
//! | GLN-145 | two leases have the same number |
//! | GLN-147 | an option of a configuration is unknown or has no meaning here |

use std::fmt::Display;

use crate::problem::{Problem, first_listed};

/// Why leases could not be read: all problems that were found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_listed(.problems))]
pub struct Error {
    /// At least one problem, in the order of the source.
    pub problems: Vec<Problem>,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// The problem of an operation that the operating system refused.
pub(super) fn unreadable(place: impl Display, cause: &std::io::Error) -> Problem {
    let remedy = "Check that the path exists, that you may read it and that it is whole";
    Problem::new("GLN-140", place.to_string(), format!("cannot be read ({cause})"), remedy)
}

/// `value`, unless there are problems.
pub(super) fn unless<T>(problems: Vec<Problem>, value: T) -> Result<T, Error> {
    if problems.is_empty() { Ok(value) } else { Err(Error { problems }) }
}
