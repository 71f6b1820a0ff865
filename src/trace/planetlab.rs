//! The text of one `PlanetLab` VM file, and a trace made of many.
//!
//! A file is one VM's day: 288 lines, one whole number `0..=100` each, the VM's CPU utilisation in
//! per cent of its capacity, sampled every 5 minutes; no header and no timestamps. `\r\n` is read
//! as `\n`, and the last line may lack its line end.
//!
//! Source: Park and Pai, `CoMon`, ACM SIGOPS OSR 40(1), 2006; the files as published by Beloglazov
//! and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012.

use std::borrow::Cow;

use rayon::prelude::*;

use super::error::Error;
use super::layout::Member;
use super::{UtilisationTrace, Values};
use crate::problem::Problem;
use crate::time::Span;

/// Samples of a file: a day of 5 minutes each.
pub(super) const SAMPLES: usize = 288;
/// Time between two lines.
pub(super) const STEP: Span = Span(300_000_000);
/// A VM file is larger than this only if it is none: 288 lines take at most 1,440 bytes.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 10;
/// How many wrong lines of one file are told apart before the rest is only counted.
const WRONG_LINES: usize = 20;

/// One VM's day, in per cent.
type Row = [u8; SAMPLES];

/// The trace of `members`, whose text `content` fetches; files are parsed in parallel.
pub(super) fn assembled<'a, C: Sync>(
    source: &str,
    members: Vec<Member<C>>,
    content: impl Fn(&Member<C>) -> Result<Cow<'a, [u8]>, Problem> + Sync,
) -> Result<UtilisationTrace, Error> {
    let rows: Vec<Result<Row, Vec<Problem>>> = members
        .par_iter()
        .map(|member| {
            let text = content(member).map_err(|problem| vec![problem])?;
            row(&text, || member.place(source))
        })
        .collect();
    let mut values = Vec::with_capacity(rows.len() * SAMPLES);
    let mut problems = Vec::new();
    for row in rows {
        match row {
            Ok(row) => values.extend_from_slice(&row),
            Err(wrong) => problems.extend(wrong),
        }
    }
    if !problems.is_empty() {
        return Err(Error { problems });
    }
    let names = members.into_iter().map(|member| member.name).collect();
    Ok(UtilisationTrace::new(names, STEP, Values::Percent(values)))
}

/// The samples of a file's `text`, or every problem in it.
fn row(text: &[u8], place: impl Fn() -> String) -> Result<Row, Vec<Problem>> {
    let mut row = [0; SAMPLES];
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in lines(text) {
        match (percent(line), row.get_mut(count)) {
            (Some(value), Some(sample)) => *sample = value,
            (None, _) => wrong.push((count + 1, line)),
            (Some(_), None) => {}
        }
        count += 1;
    }
    if wrong.is_empty() && count == SAMPLES {
        return Ok(row);
    }
    Err(faults(&place(), count, &wrong))
}

/// The lines of `text` without their ends; none where there is no text.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let lines = if text.is_empty() { None } else { Some(body.split(|&byte| byte == b'\n')) };
    lines.into_iter().flatten().map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The whole number `0..=100` that `line` is.
fn percent(line: &[u8]) -> Option<u8> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| byte - b'0');
    match *line {
        [ones] => digit(ones),
        [tens, ones] => Some(10 * digit(tens)? + digit(ones)?),
        [b'1', b'0', b'0'] => Some(100),
        _ => None,
    }
}

/// Every problem of a file with `count` lines, of which `wrong` are no per cent.
fn faults(place: &str, count: usize, wrong: &[(usize, &[u8])]) -> Vec<Problem> {
    let shown = wrong.iter().take(WRONG_LINES);
    let mut problems: Vec<Problem> = shown.map(|(line, text)| fault(place, *line, text)).collect();
    if let Some((line, _)) = wrong.get(WRONG_LINES) {
        problems.push(Problem::new(
            "GLN-101",
            format!("{place}:{line}"),
            format!("found {} more wrong lines from here on", wrong.len() - WRONG_LINES),
            "Check that this is a VM file",
        ));
    }
    if count != SAMPLES {
        problems.push(wrong_length(place, count));
    }
    problems
}

fn wrong_length(place: &str, count: usize) -> Problem {
    let found = match count {
        0 => "an empty file".to_owned(),
        1 => "1 line".to_owned(),
        _ => format!("{count} lines"),
    };
    // The first line that is missing or too many.
    let line = if count < SAMPLES { count + 1 } else { SAMPLES + 1 };
    Problem::new(
        "GLN-102",
        format!("{place}:{line}"),
        format!("found {found}, expected {SAMPLES} (a day of 5-minute samples)"),
        "Complete the file or leave it out of the folder",
    )
}

fn fault(place: &str, line: usize, text: &[u8]) -> Problem {
    let place = format!("{place}:{line}");
    let remedy = "Correct the line or leave the file out of the folder";
    let Ok(text) = std::str::from_utf8(text) else {
        let what = "found bytes that are not UTF-8 text, expected a whole number 0 to 100";
        return Problem::new("GLN-103", place, what, remedy);
    };
    let found = match text {
        "" => "an empty line".to_owned(),
        _ => format!("`{}`", excerpt(text)),
    };
    let what = format!("found {found}, expected a whole number 0 to 100 (per cent)");
    Problem::new("GLN-101", place, what, remedy)
}

/// The beginning of `text`, short enough for one line of an error, control characters escaped.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 24;
    let start: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() { start + "..." } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(line: &str) -> String {
        line.repeat(SAMPLES)
    }

    fn told(text: &[u8]) -> Vec<String> {
        row(text, || "d/vm".into()).unwrap_err().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn a_day_of_lines_is_read_with_either_line_end_and_with_or_without_the_last() {
        let mut expected = [7; SAMPLES];
        assert_eq!(row(day("7\n").as_bytes(), String::new).unwrap(), expected);
        assert_eq!(row(day("7\r\n").as_bytes(), String::new).unwrap(), expected);
        expected[0] = 100;
        expected[SAMPLES - 1] = 0;
        let text = format!("100\n{}0", "7\n".repeat(SAMPLES - 2));
        assert_eq!(row(text.as_bytes(), String::new).unwrap(), expected);
    }

    #[test]
    fn every_whole_per_cent_and_nothing_else_is_a_value() {
        for value in 0..=100u8 {
            assert_eq!(percent(value.to_string().as_bytes()), Some(value));
        }
        for text in ["", "-1", "101", "x", "1.5", " 1", "1 ", "+1", "1000", "1e1", "0x1"] {
            assert_eq!(percent(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_length_names_the_first_line_that_is_missing_or_too_many() {
        let remedy = "Complete the file or leave it out of the folder.";
        let expected = "expected 288 (a day of 5-minute samples)";
        for (lines, place, found) in [
            (287, "d/vm:288", "287 lines"),
            (289, "d/vm:289", "289 lines"),
            (1, "d/vm:2", "1 line"),
            (0, "d/vm:1", "an empty file"),
        ] {
            let told = told("7\n".repeat(lines).as_bytes());
            assert_eq!(told, [format!("GLN-102 {place}: found {found}, {expected}. {remedy}")]);
        }
    }

    #[test]
    fn all_wrong_lines_are_told_with_what_was_expected() {
        let mut text = b"1\n-3\nabc\n101\n\xff\n\n".to_vec();
        text.extend("5\n".repeat(282).bytes());
        let tail = "expected a whole number 0 to 100 (per cent). \
                    Correct the line or leave the file out of the folder.";
        assert_eq!(
            told(&text),
            [
                format!("GLN-101 d/vm:2: found `-3`, {tail}"),
                format!("GLN-101 d/vm:3: found `abc`, {tail}"),
                format!("GLN-101 d/vm:4: found `101`, {tail}"),
                "GLN-103 d/vm:5: found bytes that are not UTF-8 text, expected a whole number \
                 0 to 100. Correct the line or leave the file out of the folder."
                    .to_owned(),
                format!("GLN-101 d/vm:6: found an empty line, {tail}"),
            ]
        );
    }

    #[test]
    fn a_file_of_rubbish_is_told_in_few_problems() {
        let told = told("rubbish\n".repeat(5000).as_bytes());
        assert_eq!(told.len(), WRONG_LINES + 2);
        assert!(told[WRONG_LINES].contains("found 4980 more wrong lines"), "{told:?}");
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_told_but_never_panic(
            text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2000)
        ) {
            let _ = row(&text, String::new);
        }

        #[test]
        fn what_is_written_is_read(
            values in proptest::collection::vec(0..=100u8, SAMPLES)
        ) {
            let text: String = values.iter().map(|value| format!("{value}\n")).collect();
            proptest::prop_assert_eq!(&row(text.as_bytes(), String::new).unwrap()[..], &values);
        }
    }
}
