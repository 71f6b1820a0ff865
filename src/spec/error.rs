//! What can be wrong with a run spec.

use crate::problem::{Problem, listed};

/// All problems of a spec.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", listed(.problems))]
pub struct Error {
    /// Every problem found, in the order of the file.
    pub problems: Vec<Problem>,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}
