//! A trace packed as an archive, read without unpacking it onto the disk.
//!
//! An archive comes from elsewhere, so nothing in it is believed: names that lead out of it, links,
//! duplicates and entries at odd depths are refused by name, and what it unpacks to is bounded.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::UtilisationTrace;
use super::error::{Error, unreadable};
use super::layout::{self, Member};
use super::members;
use super::planetlab::{self, MAX_FILE_BYTES};
use super::selection::Selection;
use super::zip::Zip;
use crate::problem::Problem;

/// What an archive may unpack to; the ten published days take 20 MB.
const MAX_UNPACKED_BYTES: u64 = 256 << 20;
/// Memory that the xz decoder may take; the strongest preset needs 65 MiB.
pub(super) const MAX_DECODER_BYTES: u64 = 128 << 20;
/// Two empty blocks end every tar archive.
const END_MARK: [u8; 1024] = [0; 1024];

/// How the tar archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Xz,
    Gzip,
    Plain,
    /// A zip archive, which may hold csv tables only.
    Zip,
}

impl Packing {
    /// What the end of the file name says; `None` where it names no archive.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        match () {
            () if ends(&[".tar.xz", ".txz"]) => Some(Self::Xz),
            () if ends(&[".tar.gz", ".tgz"]) => Some(Self::Gzip),
            () if ends(&[".tar"]) => Some(Self::Plain),
            () if ends(&[".zip"]) => Some(Self::Zip),
            () => None,
        }
    }
}

/// The trace in the archive at `path`.
pub(super) fn read(
    path: &Path,
    packing: Packing,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let place = path.display().to_string();
    read_from(&place, open(path)?, packing, selection)
}

/// The days of the archive at `path`, ascending.
pub(super) fn days(path: &Path, packing: Packing) -> Result<Vec<String>, Error> {
    let place = path.display().to_string();
    days_from(&place, open(path)?, packing)
}

/// The trace in the packed archive `reader`, which problems call `place`.
pub(super) fn read_from(
    place: &str,
    reader: impl Read,
    packing: Packing,
    selection: &Selection,
) -> Result<UtilisationTrace, Error> {
    let bytes = unpacked(place, reader, packing)?;
    let members = layout::selected(place, members(place, &bytes)?, selection)?;
    planetlab::assembled(place, members, |member| Ok(Cow::Borrowed(&bytes[member.content.clone()])))
}

/// The days in the packed archive `reader`, ascending.
pub(super) fn days_from(
    place: &str,
    reader: impl Read,
    packing: Packing,
) -> Result<Vec<String>, Error> {
    let bytes = unpacked(place, reader, packing)?;
    Ok(layout::days_of(&members(place, &bytes)?))
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|cause| unreadable(path.display().to_string(), &cause).into())
}

/// The decoder of `packing` on `reader`.
fn decoder<'r>(
    place: &str,
    reader: impl Read + 'r,
    packing: Packing,
) -> Result<Box<dyn Read + 'r>, Problem> {
    Ok(match packing {
        Packing::Zip => {
            let what = "the zip archive holds no csv files, expected some";
            let remedy = "Pack VM files with tar, or give their folder";
            return Err(Problem::new("GLN-106", place, what, remedy));
        }
        Packing::Plain => Box::new(reader),
        Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Packing::Xz => {
            let stream = Stream::new_stream_decoder(MAX_DECODER_BYTES, CONCATENATED)
                .map_err(|cause| damaged(place, &cause))?;
            Box::new(XzDecoder::new_stream(reader, stream))
        }
    })
}

/// What [`each`] is called with for each file: the parts of its name, its place, its content.
pub(super) type Visitor<'v> = dyn FnMut(&[&str], &str, &mut dyn Read) + 'v;

/// Hands each file of the archive at `path` to `visit`, in its order, while it is unpacked; names
/// that lead out of the archive and links are refused.
pub(super) fn each(path: &Path, packing: Packing, visit: &mut Visitor<'_>) -> Result<(), Error> {
    entries(path, packing, &mut |parts, shown, entry| {
        visit(parts, shown, entry);
        true
    })
}

/// The name of the first file in the archive at `path`, if there is one.
pub(super) fn first_file(path: &Path, packing: Packing) -> Result<Option<String>, Error> {
    let mut first = None;
    entries(path, packing, &mut |parts, _, _| {
        let name = parts.last().copied().unwrap_or_default();
        if layout::is_beside_the_trace(name) {
            return true;
        }
        first = Some(name.to_owned());
        false
    })?;
    Ok(first)
}

/// The first bytes of the first table in the archive at `path`.
pub(super) fn first_bytes(path: &Path, packing: Packing) -> Result<Vec<u8>, Error> {
    const ENOUGH: u64 = 1 << 16;
    let (mut found, mut any) = (Vec::new(), false);
    let mut failed = None;
    entries(path, packing, &mut |parts, shown, entry| {
        let name = parts.last().copied().unwrap_or_default();
        if members::is_wanted(name).is_none() {
            return true;
        }
        let text = members::unpacked(entry, name);
        let read = text.and_then(|text| text.take(ENOUGH).read_to_end(&mut found));
        failed = read.err().map(|cause| damaged(shown, &cause));
        any = true;
        false
    })?;
    if !any {
        let what = "found no csv files in the archive, expected at least one";
        let place = path.display().to_string();
        return Err(Error::one("GLN-105", place, what, "Check that this is the trace"));
    }
    failed.map_or(Ok(found), |problem| Err(problem.into()))
}

/// Called with the folders and name of each file and what it holds; `false` ends the visit.
type Visit<'v> = dyn FnMut(&[&str], &str, &mut dyn Read) -> bool + 'v;

/// Goes through the files of the archive until `visit` says that it has enough.
fn entries(path: &Path, packing: Packing, visit: &mut Visit<'_>) -> Result<(), Error> {
    if packing == Packing::Zip {
        return zipped(path, visit);
    }
    let place = path.display().to_string();
    let reader = std::io::BufReader::with_capacity(1 << 18, open(path)?);
    let mut archive = tar::Archive::new(decoder(&place, reader, packing)?);
    let mut problems = Vec::new();
    for entry in archive.entries().map_err(|cause| damaged(&place, &cause))? {
        let mut entry = entry.map_err(|cause| damaged(&place, &cause))?;
        let name = entry.path_bytes().into_owned();
        let shown = format!("{place}/{}", String::from_utf8_lossy(&name));
        let parts = match parts(&name, &shown) {
            Ok(parts) => parts,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() && !kind.is_contiguous() {
            let what = "found a link or a special file, expected a file";
            let remedy = "Pack the trace without links";
            problems.push(Problem::new("GLN-112", shown, what, remedy));
        } else if !visit(&parts, &shown, &mut entry) {
            break;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
}

/// The same for a zip archive.
fn zipped(path: &Path, visit: &mut Visit<'_>) -> Result<(), Error> {
    let zip = Zip::open(path)?;
    let mut problems = Vec::new();
    for entry in zip.entries.iter().filter(|entry| !entry.name.ends_with(b"/")) {
        let shown = format!("{}/{}", path.display(), String::from_utf8_lossy(&entry.name));
        let content = parts(&entry.name, &shown).and_then(|p| Ok((p, zip.content(entry)?)));
        match content {
            Ok((parts, mut content)) => {
                if !visit(&parts, &shown, &mut content) {
                    break;
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error { problems }) }
}

/// The tar archive itself, decompressed into memory to its very end, so that checksums are met.
fn unpacked(place: &str, reader: impl Read, packing: Packing) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    decoder(place, reader, packing)?
        .by_ref()
        .take(MAX_UNPACKED_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| damaged(place, &cause))?;
    if bytes.len() as u64 > MAX_UNPACKED_BYTES {
        let limit = MAX_UNPACKED_BYTES >> 20;
        return Err(Error::one(
            "GLN-115",
            place,
            format!("the archive unpacks to more than {limit} MiB, expected at most that"),
            "Check that this is a trace; unpack a larger one and give its folder",
        ));
    }
    if !bytes.ends_with(&END_MARK) {
        return Err(damaged(place, &"its end mark is missing").into());
    }
    Ok(bytes)
}

fn damaged(place: &str, cause: &dyn std::fmt::Display) -> Problem {
    let what = format!("the archive is damaged or cut short ({cause})");
    Problem::new("GLN-110", place, what, "Fetch the archive again")
}

/// The VM files of the tar archive `bytes` with the range of their text in it.
fn members(place: &str, bytes: &[u8]) -> Result<Vec<Member<Range<usize>>>, Error> {
    let mut archive = tar::Archive::new(bytes);
    let mut members = Vec::new();
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for entry in archive.entries().map_err(|cause| damaged(place, &cause))? {
        // After a header that makes no sense there is nothing to go on from.
        let entry = entry.map_err(|cause| damaged(place, &cause))?;
        match member(place, &entry, bytes.len()) {
            Ok(Some(member)) if !seen.insert((member.day.clone(), member.name.clone())) => {
                let what = "the VM file is in the archive twice, expected once";
                let remedy = "Remove one of the two from the archive";
                problems.push(Problem::new("GLN-113", member.place(place), what, remedy));
            }
            Ok(Some(member)) => members.push(member),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(members) } else { Err(Error { problems }) }
}

/// The VM file that `entry` is; `None` where it is a folder or beside the trace.
fn member(
    place: &str,
    entry: &tar::Entry<'_, &[u8]>,
    end: usize,
) -> Result<Option<Member<Range<usize>>>, Problem> {
    let path = entry.path_bytes();
    let shown = format!("{place}/{}", String::from_utf8_lossy(&path));
    let parts = parts(&path, &shown)?;
    let kind = entry.header().entry_type();
    if kind.is_dir() || kind.is_pax_global_extensions() {
        return Ok(None);
    }
    if parts.iter().any(|part| layout::is_beside_the_trace(part)) {
        return Ok(None);
    }
    if !kind.is_file() && !kind.is_contiguous() {
        let what = "found a link or a special file, expected a VM file";
        return Err(Problem::new("GLN-112", shown, what, "Pack the trace without links"));
    }
    let (day, name) = match parts[..] {
        [name] => (None, name),
        [day, name] => (Some(day.to_owned()), name),
        _ => {
            let what = format!("the file lies {} folders deep, expected at most 1", parts.len());
            let remedy = "Pack the folder whose sub-folders are the days";
            return Err(Problem::new("GLN-114", shown, what, remedy));
        }
    };
    let content = content(entry, &shown, end)?;
    Ok(Some(Member { day, name: name.to_owned(), content }))
}

/// The components of an entry's name, without `.`; refused where it leads out of the archive.
fn parts<'a>(path: &'a [u8], shown: &str) -> Result<Vec<&'a str>, Problem> {
    let Ok(path) = std::str::from_utf8(path) else {
        let what = "the name is not UTF-8, expected a VM name";
        return Err(Problem::new("GLN-103", shown, what, "Rename the file and pack it again"));
    };
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        let what = format!("the entry `{path}` leads out of the archive, expected `day/vm`");
        let remedy = "Do not trust this archive, or pack the trace again with relative names";
        return Err(Problem::new("GLN-111", shown, what, remedy));
    }
    Ok(path.split('/').filter(|part| !matches!(*part, "" | ".")).collect())
}

/// Where the text of `entry` lies in the archive.
fn content(
    entry: &tar::Entry<'_, &[u8]>,
    shown: &str,
    end: usize,
) -> Result<Range<usize>, Problem> {
    let size = entry.size();
    if size > MAX_FILE_BYTES {
        let what = format!("the file has {size} bytes, expected at most {MAX_FILE_BYTES}");
        return Err(Problem::new("GLN-115", shown, what, "Check that this is a VM file"));
    }
    let start = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
    // At most MAX_FILE_BYTES, so it fits any usize.
    let stop = start.saturating_add(size as usize);
    if stop > end {
        return Err(damaged(shown, &"the file ends after the archive"));
    }
    Ok(start..stop)
}

#[cfg(test)]
mod tests {
    use super::super::Values;
    use super::super::archive_writer::packed;
    use super::*;
    use proptest::prelude::*;

    fn trace(names: &[&str], values: Vec<u8>) -> UtilisationTrace {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        UtilisationTrace::new(names, planetlab::STEP, Values::Percent(values))
    }

    #[test]
    fn the_end_of_the_name_says_how_an_archive_is_packed() {
        for (name, packing) in [
            ("a.tar.xz", Some(Packing::Xz)),
            ("A.TAR.GZ", Some(Packing::Gzip)),
            ("a.tgz", Some(Packing::Gzip)),
            ("a.tar", Some(Packing::Plain)),
            ("a.zip", Some(Packing::Zip)),
            ("a.xz", None),
            ("tar", None),
        ] {
            assert_eq!(Packing::of(name.as_ref()), packing, "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn arbitrary_bytes_are_no_archive_and_no_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000)
        ) {
            for packing in [Packing::Plain, Packing::Gzip, Packing::Xz] {
                let _ = read_from("a", &bytes[..], packing, &Selection::default());
            }
        }

        #[test]
        fn a_flipped_byte_is_read_or_told_but_never_panics(
            at in 0..4096usize, value in any::<u8>()
        ) {
            let rows = [("a", &[7u8; 288][..]), ("b", &[8; 288])];
            let mut bytes = packed("d", rows.into_iter(), Packing::Plain).unwrap();
            bytes[at] = value;
            let _ = read_from("a", &bytes[..], Packing::Plain, &Selection::default());
        }

        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec(0..=100u8, 3 * 288)) {
            let rows: Vec<_> = ["a", "b", "c"].into_iter().zip(values.chunks(288)).collect();
            for packing in [Packing::Plain, Packing::Gzip, Packing::Xz] {
                let bytes = packed("d", rows.iter().copied(), packing).unwrap();
                let read = read_from("a", &bytes[..], packing, &Selection::default()).unwrap();
                prop_assert_eq!(read, trace(&["a", "b", "c"], values.clone()));
            }
        }
    }
}
