//! What is wrong with what a forecast was asked, taught or compared with.
//!
//! | code | meaning |
//! |---|---|
//! | GLN-160 | horizons are not ascending from 1 on, or too far |
//! | GLN-161 | a quantile is outside of (0, 1), or they do not ascend |
//! | GLN-162 | a bound or parameter of a forecast is impossible |
//! | GLN-163 | no forecaster of that name is known |
//! | GLN-164 | too few series or samples to learn from |
//! | GLN-165 | parts for training, calibration and test overlap or do not exist |
//! | GLN-166 | external predictions are damaged or miss points |
//! | GLN-167 | a fitted model cannot be read, or is for something else |
//! | GLN-168 | what Python gives or is given has the wrong shape or is no number |

use crate::problem::{Problem, first_listed};

/// Why there is no forecast: all problems that were found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_listed(.problems))]
pub struct Error {
    /// At least one problem.
    pub problems: Vec<Problem>,
}

impl Error {
    /// The error of a single problem.
    pub fn one(
        code: &'static str,
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { problems: vec![Problem::new(code, place, what, remedy)] }
    }
}
