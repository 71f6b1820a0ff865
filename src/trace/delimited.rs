//! Lines and fields of delimited text: csv with commas, semicolons, tabs or bars.
//!
//! Fields are trimmed, so that `;\t` counts as `;`. A field may be quoted with `"`; two quotes
//! within it stand for one. A quoted line feed is not supported and told as a wrong line.

use std::borrow::Cow;
use std::io::{self, BufRead};
use std::ops::Range;

/// A longer line than any table has: a wide table of 100,000 VMs needs about a megabyte.
const MAX_LINE_BYTES: usize = 16 << 20;

/// The lines of a text with their numbers from 1.
pub(super) struct Lines<R> {
    reader: R,
    text: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn of(reader: R) -> Self {
        Self { reader, text: Vec::new(), number: 0 }
    }

    /// The next line that is not empty, without its end; `None` at the end of the text.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            self.text.clear();
            let limit = MAX_LINE_BYTES as u64 + 1;
            let read = io::Read::take(&mut self.reader, limit).read_until(b'\n', &mut self.text)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read > MAX_LINE_BYTES {
                let line = self.number;
                let what = format!("line {line} has more than {MAX_LINE_BYTES} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        let mut line = self.text.as_slice();
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        Ok(Some((self.number, line)))
    }
}

/// The separator that `line` uses most, by order of preference among equals.
pub(super) fn separator(line: &[u8]) -> u8 {
    let count = |byte: u8| line.iter().filter(|&&b| b == byte).count();
    let candidates = [b',', b';', b'\t', b'|'];
    let mut best = b',';
    for candidate in candidates {
        // `;\t` has as many tabs as semicolons: the first one wins.
        if count(candidate) > count(best) {
            best = candidate;
        }
    }
    best
}

/// Where the trimmed fields of a line lie in it.
#[derive(Debug, Default)]
pub(super) struct Fields {
    ranges: Vec<Range<usize>>,
}

impl Fields {
    /// Splits `line`.
    pub(super) fn split(&mut self, line: &[u8], separator: u8) {
        self.ranges.clear();
        let (mut start, mut quoted) = (0, false);
        for (at, &byte) in line.iter().enumerate() {
            if byte == b'"' {
                quoted = !quoted;
            } else if byte == separator && !quoted {
                self.ranges.push(trimmed(line, start..at));
                start = at + 1;
            }
        }
        self.ranges.push(trimmed(line, start..line.len()));
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Field `index` of `line` with its quotes, if it is there.
    pub(super) fn raw<'l>(&self, line: &'l [u8], index: usize) -> Option<&'l [u8]> {
        self.ranges.get(index).map(|range| &line[range.clone()])
    }

    /// Field `index` of `line` as text, without its quotes.
    pub(super) fn text<'l>(&self, line: &'l [u8], index: usize) -> Option<Cow<'l, str>> {
        let field = self.raw(line, index)?;
        let inner = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\""));
        let text = std::str::from_utf8(inner.unwrap_or(field)).ok()?;
        Some(match inner {
            Some(_) if text.contains("\"\"") => Cow::Owned(text.replace("\"\"", "\"")),
            _ => Cow::Borrowed(text),
        })
    }

    /// All fields of `line` as text; what is no UTF-8 is empty.
    pub(super) fn texts(&self, line: &[u8]) -> Vec<String> {
        let text = |index| self.text(line, index).unwrap_or_default().into_owned();
        (0..self.len()).map(text).collect()
    }
}

fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let field = &line[range.clone()];
    let start = range.start + (field.len() - field.trim_ascii_start().len());
    start..start + field.trim_ascii().len()
}

/// The number that `field` is: `Some(NaN)` where it says that there is none, `None` where it is
/// something else.
pub(super) fn number(field: &[u8]) -> Option<f64> {
    let field = field.strip_prefix(b"\"").and_then(|f| f.strip_suffix(b"\"")).unwrap_or(field);
    let text = std::str::from_utf8(field).ok()?;
    let absent = ["", "nan", "null", "na", "none", "-"];
    if absent.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(f64::NAN);
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        let mut fields = Fields::default();
        fields.split(line.as_bytes(), separator(line.as_bytes()));
        fields.texts(line.as_bytes())
    }

    #[test]
    fn the_published_separator_and_the_usual_ones_are_told_apart() {
        assert_eq!(split("Timestamp [ms];\tCPU cores;\tCPU usage [%]")[1], "CPU cores");
        assert_eq!(split("a,b;c,d"), ["a", "b;c", "d"]);
        assert_eq!(split("a\tb"), ["a", "b"]);
        assert_eq!(split("a|b|"), ["a", "b", ""]);
        assert_eq!(split("alone"), ["alone"]);
    }

    #[test]
    fn quoted_fields_keep_separators_and_quotes() {
        assert_eq!(split("\"a,b\", \"say \"\"no\"\"\" ,c"), ["a,b", "say \"no\"", "c"]);
    }

    #[test]
    fn numbers_absences_and_rubbish_are_told_apart() {
        assert_eq!(number(b"3.2614704E7"), Some(32_614_704.0));
        assert_eq!(number(b"\"7\""), Some(7.0));
        for absent in ["", "NaN", "null", "NA", "-"] {
            assert!(number(absent.as_bytes()).unwrap().is_nan(), "{absent}");
        }
        for wrong in ["x", "1,5", "inf", "1 2", "\u{1}"] {
            assert_eq!(number(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn empty_lines_are_passed_over_and_numbers_still_right() {
        let mut lines = Lines::of(&b"\xef\xbb\xbfa\r\n\n  \nb"[..]);
        assert_eq!(lines.next().unwrap(), Some((1, &b"a"[..])));
        assert_eq!(lines.next().unwrap(), Some((4, &b"b"[..])));
        assert_eq!(lines.next().unwrap(), None);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)
        ) {
            let mut fields = Fields::default();
            fields.split(&line, separator(&line));
            for index in 0..=fields.len() {
                let _ = fields.text(&line, index);
                fields.raw(&line, index).map(number);
            }
        }
    }
}
