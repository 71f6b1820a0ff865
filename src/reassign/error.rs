//! What is wrong with a reassignment problem: every problem of it in one [`Error`].
//!
//! | code | meaning |
//! |---|---|
//! | GLN-540 | a file cannot be read or written |
//! | GLN-541 | a value is not a whole number that the format allows |
//! | GLN-542 | a file ends too early or has values left over |
//! | GLN-543 | a number names something that is not there |
//! | GLN-544 | costs may become too large to be added exactly |
//! | GLN-545 | the starting assignment breaks a rule |
//! | GLN-547 | a column has the wrong length, or a rule of the operator a wrong limit |
//! | GLN-548 | a generated cluster has no room |
//! | GLN-549 | no assignment that keeps all rules was found |

use crate::problem::{Problem, first_listed};

/// Why a reassignment problem could not be read or solved: all problems that were found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_listed(.problems))]
pub struct Error {
    /// At least one problem, in the order of the source.
    pub problems: Vec<Problem>,
}

impl Error {
    /// `value`, unless there are problems.
    pub(super) fn unless<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self { problems }) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}
