//! What can be wrong with a batch.
//!
//! | code | meaning |
//! |---|---|
//! | GLN-701 | the sweep file cannot be read |
//! | GLN-702 | a sweep file has an unknown key, or a key has a value of another kind |
//! | GLN-703 | an axis has no values, or one of them twice |
//! | GLN-704 | more runs than a batch may have |
//! | GLN-705 | a key is set in two places |
//! | GLN-710 | the specs cannot be compared |
//! | GLN-711 | there is no metric of that name |
//! | GLN-720 | the output folder holds something that would be lost |
//! | GLN-721 | the operating system could not write or read the output folder |
//! | GLN-722 | another sweep is writing to the output folder |
//! | GLN-730 | a run stopped by a bug in galerna (kept as a failed run) |

use crate::problem::{Problem, listed};
use crate::{spec, trace};

/// Why a batch was refused or did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Every problem that was found.
    #[error("{}", listed(.0))]
    Input(Vec<Problem>),
    /// The caller asked it to stop; finished runs are kept where there is an output folder.
    #[error("interrupted; the same command goes on where it stopped")]
    Interrupted,
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Input(vec![problem])
    }
}

impl From<spec::Error> for Error {
    fn from(error: spec::Error) -> Self {
        Self::Input(error.problems)
    }
}

impl From<trace::Error> for Error {
    fn from(error: trace::Error) -> Self {
        Self::Input(error.problems)
    }
}
