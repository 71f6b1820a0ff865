//! The wrong lines of one file: the first ones in full, the rest only counted.

use crate::problem::Problem;

/// How many wrong lines of one file are told apart before the rest is only counted.
const TOLD: usize = 20;

/// What is wrong with a file.
#[derive(Debug, Default)]
pub(super) struct Faults {
    told: Vec<Problem>,
    more: usize,
    place: String,
}

impl Faults {
    /// No faults yet in the file called `place`.
    pub(super) fn of(place: &str) -> Self {
        Self { place: place.to_owned(), ..Self::default() }
    }

    /// Adds a problem at `line`; `field` says which column.
    pub(super) fn line(
        &mut self,
        code: &'static str,
        line: u64,
        field: &str,
        what: impl FnOnce() -> String,
    ) {
        if self.told.len() == TOLD {
            self.more += 1;
            return;
        }
        let field = if field.is_empty() { String::new() } else { format!(", {field}") };
        let place = format!("{}:{line}{field}", self.place);
        self.told.push(Problem::new(code, place, what(), "Correct the line or leave it out"));
    }

    /// Adds a problem of the file as a whole.
    pub(super) fn push(&mut self, problem: Problem) {
        self.told.push(problem);
    }

    /// All of it.
    pub(super) fn problems(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let what = format!("found {} more wrong values after these", self.more);
            let remedy = "Check that the format is the one that was meant";
            self.told.push(Problem::new("GLN-101", self.place, what, remedy));
        }
        self.told
    }
}

/// The beginning of `text`, short enough for one line of an error, control characters escaped.
pub(super) fn excerpt(text: &[u8]) -> String {
    const SHOWN: usize = 24;
    let text = String::from_utf8_lossy(text);
    let start: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() { start + "..." } else { start }
}
