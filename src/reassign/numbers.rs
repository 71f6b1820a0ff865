//! Whole numbers of a text, one after the other, with the line on which each stands.

use super::error::Error;
use crate::problem::Problem;

/// Largest value that the format allows.
const LARGEST: u64 = u32::MAX as u64;

/// A text of numbers, read from front to back. What is wrong is collected.
pub(super) struct Numbers<'a> {
    place: &'a str,
    rest: &'a [u8],
    line: usize,
    ended: bool,
    problems: Vec<Problem>,
}

impl<'a> Numbers<'a> {
    /// The numbers of `text`, which is called `place` in messages.
    pub(super) fn of(text: &'a [u8], place: &'a str) -> Self {
        Self { place, rest: text, line: 1, ended: false, problems: Vec::new() }
    }

    /// The next word; none at the end.
    fn word(&mut self) -> Option<&'a [u8]> {
        while let [first, rest @ ..] = self.rest {
            if !first.is_ascii_whitespace() {
                break;
            }
            self.line += usize::from(*first == b'\n');
            self.rest = rest;
        }
        let end = self.rest.iter().position(u8::is_ascii_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The next number, which is `what`; 0 in place of one that is faulty or not there.
    pub(super) fn number(&mut self, what: &str) -> u32 {
        if self.ended {
            return 0;
        }
        let Some(word) = self.word() else {
            self.ended = true;
            let found = format!("the file ends where {what} is expected");
            self.report("GLN-542", found, "Fetch the file again; it is cut short");
            return 0;
        };
        let text = std::str::from_utf8(word).ok();
        let number = text.and_then(|text| text.parse::<u64>().ok());
        match number.filter(|&number| number <= LARGEST) {
            Some(number) => number as u32,
            None => {
                let found = String::from_utf8_lossy(&word[..word.len().min(20)]);
                let wrong = format!("found `{found}`, expected {what}, 0 to {LARGEST}");
                self.report("GLN-541", wrong, "Write a whole number");
                0
            }
        }
    }

    /// As [`Self::number`], for costs and amounts.
    pub(super) fn amount(&mut self, what: &str) -> i64 {
        i64::from(self.number(what))
    }

    /// The next number, which names one of `count` things, counted from 0.
    pub(super) fn index(&mut self, what: &str, count: usize) -> u32 {
        let number = self.number(what);
        if number as usize >= count && !self.ended {
            let wrong = format!("{what} is {number}, but there are only {count}, counted from 0");
            self.report("GLN-543", wrong, "Name one that is there");
            return 0;
        }
        number
    }

    /// The next number, which announces so many things of at least `fields` numbers each.
    pub(super) fn count(&mut self, what: &str, fields: usize) -> usize {
        let count = self.number(what) as usize;
        // Each number takes two bytes but for the last.
        let possible = self.rest.len().div_ceil(2) / fields.max(1);
        if count <= possible {
            return count;
        }
        if !self.ended {
            self.ended = true;
            let wrong = format!("{what} is {count}, but the file has at most {possible} of them");
            self.report("GLN-542", wrong, "Check the number, or fetch the file again");
        }
        0
    }

    /// Whether nothing more can be read.
    pub(super) fn is_over(&self) -> bool {
        self.ended
    }

    /// Records a problem on the present line.
    pub(super) fn report(&mut self, code: &'static str, what: String, remedy: &str) {
        let place = format!("{}:{}", self.place, self.line);
        self.problems.push(Problem::new(code, place, what, remedy));
    }

    /// `value`, if all that was read was right and nothing is left over.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, Error> {
        if !self.ended && self.word().is_some() {
            let wrong = "there are values after the last one expected".to_owned();
            self.report("GLN-542", wrong, "Check the counts that the file announces");
        }
        Error::unless(self.problems, value)
    }
}
