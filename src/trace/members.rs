//! The tables of a source that is one file, a folder or an archive: which there are, of which day,
//! and how each is opened.
//!
//! Files may be plain, `.gz` or `.xz`. Archives are read entry by entry, never unpacked to disk.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::archive::{self, MAX_DECODER_BYTES, Packing};
use super::error::{Error, unreadable};
use super::layout;
use crate::problem::Problem;

/// How deep a folder is searched for tables.
const DEPTH: usize = 4;
/// Files beside the samples: what the VMs and columns are.
const NOTES: [&str; 5] = ["vmtable", "vms", "schema", "machine_meta", "container_meta"];

/// A table of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Folders between the source and the table, `/` between them.
    pub(super) folder: String,
    /// File name without what says how it is written: `N` of `N.csv.gz`.
    pub(super) stem: String,
    /// How messages call it.
    pub(super) place: String,
    path: PathBuf,
}

/// Text and numbers in turn, by which names are ordered as a person orders them.
pub(super) type Key = Vec<(u64, String)>;

impl Table {
    /// The place of the table among those of its source.
    pub(super) fn key(&self) -> (Key, Key) {
        (natural(&self.folder), natural(&self.stem))
    }
}

/// Where tables lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    File,
    Folder,
    Archive(Packing),
}

/// The stem of the file name `name` if it is that of a table.
pub(super) fn stem(name: &str) -> Option<&str> {
    let lower = name.to_ascii_lowercase();
    let packed = [".gz", ".xz"].iter().find(|end| lower.ends_with(*end)).map_or(0, |end| end.len());
    let bare = &lower[..lower.len() - packed];
    let end = [".csv", ".tsv", ".txt"].iter().find(|end| bare.ends_with(*end))?;
    name.get(..bare.len() - end.len())
}

/// The stem of `name` if it is that of a table with samples.
pub(super) fn is_wanted(name: &str) -> Option<&str> {
    if layout::is_beside_the_trace(name) {
        return None;
    }
    stem(name).filter(|stem| !NOTES.contains(stem))
}

/// The tables of the file or folder at `path`, in natural order of their names.
pub(super) fn tables(path: &Path, container: Container) -> Result<Vec<Table>, Error> {
    let mut found = Vec::new();
    match container {
        Container::File => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            found.push(table(String::new(), name, path));
        }
        _ => collect(path, "", 0, &mut found)?,
    }
    strip_common_folders(&mut found);
    found.sort_by_cached_key(Table::key);
    if found.is_empty() {
        return Err(Error::one(
            "GLN-105",
            path.display().to_string(),
            "found no csv files, expected at least one",
            "Give the folder that holds the csv files",
        ));
    }
    Ok(found)
}

/// Whether the folder at `path`, or the first folder in it, holds a table.
pub(super) fn begins_with_table(path: &Path) -> Result<bool, Error> {
    let mut folder = path.to_owned();
    for _ in 0..=DEPTH {
        let place = folder.display().to_string();
        let entries = std::fs::read_dir(&folder).map_err(|cause| unreadable(&place, &cause))?;
        let mut inner: Option<PathBuf> = None;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !layout::is_beside_the_trace(name)) else {
                continue;
            };
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            match (is_folder, is_wanted(name).is_some()) {
                (false, true) => return Ok(true),
                // One VM file is enough to know: a folder may hold thousands.
                (false, false) if stem(name).is_none() => return Ok(false),
                (true, _) if inner.as_ref().is_none_or(|known| entry.path() < *known) => {
                    inner = Some(entry.path());
                }
                _ => {}
            }
        }
        let Some(inner) = inner else { return Ok(false) };
        folder = inner;
    }
    Ok(false)
}

fn table(folder: String, name: &str, path: &Path) -> Table {
    let stem = stem(name).unwrap_or(name).to_owned();
    Table { folder, stem, place: path.display().to_string(), path: path.to_owned() }
}

fn collect(path: &Path, folder: &str, depth: usize, found: &mut Vec<Table>) -> Result<(), Error> {
    let place = || path.display().to_string();
    let entries = std::fs::read_dir(path).map_err(|cause| unreadable(place(), &cause))?;
    for entry in entries {
        let entry = entry.map_err(|cause| unreadable(place(), &cause))?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { continue };
        if layout::is_beside_the_trace(name) {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH {
                let inner =
                    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") };
                collect(&path, &inner, depth + 1, found)?;
            }
        } else if is_wanted(name).is_some() {
            found.push(table(folder.to_owned(), name, &path));
        }
    }
    Ok(())
}

/// Leaves of the folders only the last ones in which they differ, at least one where there is one.
pub(super) fn strip_common_folders(tables: &mut [Table]) {
    let Some(first) = tables.first().map(|table| table.folder.clone()) else { return };
    let parts: Vec<&str> = first.split('/').collect();
    let shared = |count: usize| {
        let prefix: Vec<&str> = parts[..count].to_vec();
        tables.iter().all(|t| {
            let mine: Vec<&str> = t.folder.split('/').collect();
            mine.len() > count && mine[..count] == prefix[..]
        })
    };
    let count = (0..parts.len()).take_while(|&count| shared(count)).last().unwrap_or(0);
    for table in tables {
        let kept: Vec<&str> = table.folder.split('/').skip(count).collect();
        table.folder = kept.join("/");
    }
}

/// A key by which `file-2` comes before `file-10`.
fn natural(name: &str) -> Key {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(text);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        key.push((tail[..digits].parse().unwrap_or(u64::MAX), head.to_owned()));
        rest = &tail[digits..];
    }
    // Text decides before the number that follows it.
    key.into_iter().flat_map(|(number, text)| [(0, text), (number, String::new())]).collect()
}

/// The folders of `tables`, ascending, each once; none where the tables lie in no folder.
pub(super) fn days(tables: &[Table]) -> Vec<String> {
    let mut days: Vec<String> = tables.iter().map(|table| table.folder.clone()).collect();
    days.sort_unstable();
    days.dedup();
    days.retain(|day| !day.is_empty());
    days
}

/// The text of `table`, unpacked while it is read.
pub(super) fn open(table: &Table) -> Result<Box<dyn BufRead>, Problem> {
    let file = File::open(&table.path).map_err(|cause| unreadable(&table.place, &cause))?;
    unpacked(file, &table.path.to_string_lossy()).map_err(|cause| unreadable(&table.place, &cause))
}

/// `reader` unpacked as the end of `name` says.
pub(super) fn unpacked<'r>(
    reader: impl Read + 'r,
    name: &str,
) -> std::io::Result<Box<dyn BufRead + 'r>> {
    let lower = name.to_ascii_lowercase();
    Ok(if lower.ends_with(".gz") {
        Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(BufReader::new(reader))))
    } else if lower.ends_with(".xz") {
        let stream = Stream::new_stream_decoder(MAX_DECODER_BYTES, CONCATENATED)?;
        let decoder = XzDecoder::new_stream(BufReader::new(reader), stream);
        Box::new(BufReader::with_capacity(1 << 18, decoder))
    } else {
        Box::new(BufReader::with_capacity(1 << 18, reader))
    })
}

/// What [`visit`] is called with for each table of an archive.
pub(super) type Visitor<'v> = dyn FnMut(&Table, &mut dyn BufRead) + 'v;

/// Hands each table of the archive at `path` to `visit`, in the order of the archive.
pub(super) fn visit(path: &Path, packing: Packing, visit: &mut Visitor<'_>) -> Result<(), Error> {
    let place = path.display().to_string();
    let mut problems = Vec::new();
    archive::each(path, packing, &mut |parts, shown, entry| {
        let Some((name, folders)) = parts.split_last() else { return };
        if is_wanted(name).is_none() {
            return;
        }
        let mut member = table(folders.join("/"), name, Path::new(shown));
        member.place = shown.to_owned();
        match unpacked(entry, name) {
            Ok(mut text) => visit(&member, &mut text),
            Err(cause) => problems.push(unreadable(&place, &cause)),
        }
    })?;
    if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_names_say_what_a_table_is() {
        assert_eq!(stem("1.csv"), Some("1"));
        assert_eq!(stem("part-1-of-2.CSV.gz"), Some("part-1-of-2"));
        assert_eq!(stem("a.b.tsv.xz"), Some("a.b"));
        assert_eq!(stem("vm_without_end"), None);
        assert_eq!(stem("a.parquet"), None);
        assert_eq!(is_wanted("vmtable.csv.gz"), None);
        assert_eq!(is_wanted("README.csv"), None);
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["f-10-of-125", "f-9-of-125", "f-100-of-125", "f-1-of-125", "e"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["e", "f-1-of-125", "f-9-of-125", "f-10-of-125", "f-100-of-125"]);
    }

    #[test]
    fn common_folders_are_left_out_but_the_last_stays() {
        let stripped = |folders: &[&str]| {
            let path = Path::new("x");
            let mut tables: Vec<Table> =
                folders.iter().map(|f| table((*f).to_owned(), "1.csv", path)).collect();
            strip_common_folders(&mut tables);
            days(&tables)
        };
        assert_eq!(stripped(&["rnd/2013-8", "rnd/2013-8"]), ["2013-8"]);
        assert_eq!(stripped(&["rnd/2013-8", "rnd/2013-7"]), ["2013-7", "2013-8"]);
        assert_eq!(stripped(&["a/x", "b/x"]), ["a/x", "b/x"]);
        assert_eq!(stripped(&["", ""]), Vec::<String>::new());
    }
}
