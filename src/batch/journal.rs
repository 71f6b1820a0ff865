//! The journal of an unfinished sweep: one line per finished run, appended as runs end.
//!
//! A line is the first 16 hex digits of BLAKE3 of the rest, a blank, and the run as JSON. A process
//! that is killed leaves at most one line cut short, which the next one drops and writes over.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::row::Row;

/// A finished run and the command that repeats it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub replay: String,
    pub row: Row,
}

/// An open journal, locked against other processes until it is dropped.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

impl Journal {
    /// Opens or begins the journal at `path` and reads what is whole in it; `None` when another
    /// process has it.
    pub(super) fn open(path: &Path) -> io::Result<Option<(Self, Vec<Entry>)>> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (entries, whole) = entries(&bytes);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::Start(whole as u64))?;
        Ok(Some((Self { file }, entries)))
    }

    /// Appends `entry` with a single write.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let json = serde_json::to_string(entry)?;
        let line = format!("{} {json}\n", checksum(json.as_bytes()));
        self.file.write_all(line.as_bytes())
    }
}

fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// The entries up to the first that is damaged, and how many bytes they take.
fn entries(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let (mut found, mut whole) = (Vec::new(), 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(entry) = entry(line) else { break };
        found.push(entry);
        whole += line.len();
    }
    (found, whole)
}

fn entry(line: &[u8]) -> Option<Entry> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(16)?;
    let json = json.strip_prefix(b" ")?;
    (sum == checksum(json).as_bytes()).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use super::super::row::Ended;
    use super::*;

    fn entry_called(name: &str) -> Entry {
        let ended = Ended::Failed { error: "no room".into() };
        let row = Row { address: Some(name.into()), trace_blake3: None, ended };
        Entry { replay: format!("galerna run {name}"), row }
    }

    #[test]
    fn wherever_a_journal_is_cut_its_whole_lines_remain_and_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let all: Vec<Entry> = ["a", "b", "c"].map(entry_called).into();
        let (mut journal, _) = Journal::open(&path).unwrap().unwrap();
        all.iter().for_each(|entry| journal.append(entry).unwrap());
        drop(journal);
        let bytes = std::fs::read(&path).unwrap();
        for cut in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let (mut journal, found) = Journal::open(&path).unwrap().unwrap();
            let lines = bytes[..cut].iter().filter(|&&b| b == b'\n').count();
            assert_eq!(found, all[..lines], "cut at {cut}");
            all[lines..].iter().for_each(|entry| journal.append(entry).unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_that_was_tampered_with_ends_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap().unwrap();
        ["a", "b"].map(entry_called).iter().for_each(|entry| journal.append(entry).unwrap());
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap().replace("run b", "run x");
        std::fs::write(&path, text).unwrap();
        assert_eq!(Journal::open(&path).unwrap().unwrap().1, [entry_called("a")]);
    }

    #[test]
    fn a_second_process_does_not_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let first = Journal::open(&path).unwrap();
        assert!(Journal::open(&path).unwrap().is_none());
        drop(first);
        assert!(Journal::open(&path).unwrap().is_some());
    }
}
