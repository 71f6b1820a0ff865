//! How a fault in the user's input is worded: code, place, what is wrong, what to do about it.
//!
//! Codes by family: 1xx trace, 2xx run spec, 3xx model, 4xx policy, 5xx plan, 6xx finished run.
//! A reader collects every problem of a file before it gives up, so each module's error holds a
//! `Vec<Problem>`.

use std::fmt;

/// One fault in an input, complete enough to be mended without reading source code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, e.g. `GLN-104`.
    pub code: &'static str,
    /// Where: file and line, or file and field.
    pub place: String,
    /// What was found and what was expected.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Problem {
    /// Words a problem; `what` and `remedy` are sentences without their final full stop.
    pub fn new(
        code: &'static str,
        place: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { code, place: place.into(), what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}. {}.", self.code, self.place, self.what, self.remedy)
    }
}

/// Writes `problems` one per line, the form in which every command prints them.
pub fn listed(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// How many problems [`first_listed`] writes.
const SHOWN: usize = 20;

/// The same for a source that may have very many: the first 20, then how many there are.
pub fn first_listed(problems: &[Problem]) -> String {
    let shown = listed(&problems[..problems.len().min(SHOWN)]);
    match problems.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}\nand {more} more ({} problems in all)", problems.len()),
    }
}

/// `" Did you mean `x`?"` when one of `known` is close to `word`, else nothing.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 3)
        .map(|(_, candidate)| format!(" (did you mean `{candidate}`?)"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_code_place_fault_remedy() {
        let problem = Problem::new("GLN-101", "a/b:3", "found `x`, expected 0 to 100", "Mend it");
        assert_eq!(problem.to_string(), "GLN-101 a/b:3: found `x`, expected 0 to 100. Mend it.");
    }

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_a_strange_one_does_not() {
        assert_eq!(suggestion("saftey", ["safety", "kind"]), " (did you mean `safety`?)");
        assert_eq!(suggestion("zzzzzz", ["safety", "kind"]), "");
    }
}
