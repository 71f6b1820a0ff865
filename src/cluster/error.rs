//! What is wrong with a snapshot of a cluster: every problem of it in one [`Error`].
//!
//! | code | meaning |
//! |---|---|
//! | GLN-560 | the text is not JSON of the expected shape |
//! | GLN-561 | a name is used twice or names nothing |
//! | GLN-562 | a number is impossible |
//! | GLN-563 | a host or node holds more than it has |
//! | GLN-564 | the snapshot asks for something that is not known |

use crate::problem::{Problem, first_listed};

/// Why a snapshot could not be used: all problems that were found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", first_listed(.problems))]
pub struct Error {
    /// At least one problem, in the order of the source.
    pub problems: Vec<Problem>,
}

/// Problems of one file, as they are found.
pub(super) struct Findings<'a> {
    source: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Findings<'a> {
    /// Nothing found yet in `source`, its name in messages.
    pub fn of(source: &'a str) -> Self {
        Self { source, problems: Vec::new() }
    }

    /// Adds a problem of `field`.
    pub fn add(&mut self, code: &'static str, field: &str, what: String, remedy: &str) {
        let place = format!("{}, {field}", self.source);
        self.problems.push(Problem::new(code, place, what, remedy));
    }

    /// Adds a problem unless `value` is a number from 0 up.
    pub fn amount(&mut self, field: &str, value: f64) {
        if !(value.is_finite() && value >= 0.0) {
            let what = format!("found {value}, expected a number from 0 up");
            self.add("GLN-562", field, what, "Mend the number");
        }
    }

    /// What a text that is no JSON of the expected shape is told.
    pub fn shape(mut self, cause: &serde_json::Error) -> Error {
        let field = format!("line {} column {}", cause.line(), cause.column());
        let remedy = "Mend the file; docs/reassign.md shows the formats";
        self.add("GLN-560", &field, format!("{cause}"), remedy);
        Error { problems: self.problems }
    }

    /// `value`, unless something was found.
    pub fn unless_any<T>(self, value: T) -> Result<T, Error> {
        if self.problems.is_empty() { Ok(value) } else { Err(Error { problems: self.problems }) }
    }
}
