//! A day in the published `PlanetLab` layout, packed as an archive.

use std::io::{Cursor, Read};
use std::path::Path;

use super::archive::Packing;
use super::error::{Error, unwritable};
use super::{UtilisationTrace, Values, layout, planetlab};
use crate::whole_file::replace;

/// The xz preset of the writer: the strongest, since an archive is written once.
const XZ_PRESET: u32 = 9;

/// Writes `trace` in the published layout, as day folder `day` of an archive packed as the end of
/// `path` says (`.tar.xz`, `.tar.gz`, `.tgz` or `.tar`).
///
/// Same trace, same bytes: no time, owner or mode of this machine gets in. The file appears whole
/// or not at all.
///
/// ```
/// use galerna::trace::{Selection, read, write_archive};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("copy.tar.gz");
/// let trace = read("sample".as_ref(), &Selection::default()).unwrap();
/// write_archive(&trace, "a-day", &path).unwrap();
/// assert_eq!(read(&path, &Selection::default()).unwrap(), trace);
/// ```
///
/// # Errors
/// The layout holds only whole per cent, 288 samples of 300 s and names that can be file names
/// (`GLN-130`); the file may not be writable (`GLN-104`).
pub fn write_archive(trace: &UtilisationTrace, day: &str, path: &Path) -> Result<(), Error> {
    let values = writable(trace, day)?;
    let packing =
        Packing::of(path).filter(|packing| *packing != Packing::Zip).ok_or_else(|| {
            let what = "the name is that of no archive, expected .tar.xz, .tar.gz, .tgz or .tar";
            Error::one("GLN-130", path.display().to_string(), what, "Choose one of these endings")
        })?;
    let rows = values.chunks_exact(planetlab::SAMPLES);
    let files = (0..trace.vms()).map(|row| trace.name(row)).zip(rows);
    packed(day, files, packing)
        .and_then(|bytes| replace(path, &bytes))
        .map_err(|cause| unwritable(path, &cause))
}

/// The values of `trace`, if the layout can hold them.
fn writable<'a>(trace: &'a UtilisationTrace, day: &str) -> Result<&'a [u8], Error> {
    let refused = |what: &str| Error::one("GLN-130", day, what, "Write this trace as Parquet");
    let Values::Percent(values) = trace.values() else {
        return Err(refused("the trace holds fractions, expected whole per cent"));
    };
    if trace.samples() != planetlab::SAMPLES || trace.step() != planetlab::STEP {
        return Err(refused("the trace is not a day, expected 288 samples of 300 s"));
    }
    let named = (0..trace.vms()).map(|row| trace.name(row)).chain([day]);
    for name in named {
        if name.is_empty() || name.contains(['/', '\0']) || layout::is_beside_the_trace(name) {
            return Err(refused(&format!("`{name}` cannot be a file name of the layout")));
        }
    }
    Ok(values)
}

/// The bytes of the archive of `files`.
pub(super) fn packed<'a>(
    day: &str,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
    packing: Packing,
) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut folder = header(tar::EntryType::Directory, 0o755, 0);
    tar.append_data(&mut folder, format!("{day}/"), std::io::empty())?;
    for (name, row) in files {
        let text: String = row.iter().map(|value| format!("{value}\n")).collect();
        let mut file = header(tar::EntryType::Regular, 0o644, text.len() as u64);
        tar.append_data(&mut file, format!("{day}/{name}"), text.as_bytes())?;
    }
    let bytes = tar.into_inner()?;
    let mut packed = Vec::new();
    match packing {
        Packing::Zip | Packing::Plain => return Ok(bytes),
        Packing::Gzip => {
            let best = flate2::Compression::best();
            flate2::read::GzEncoder::new(Cursor::new(bytes), best).read_to_end(&mut packed)?
        }
        Packing::Xz => {
            liblzma::read::XzEncoder::new(Cursor::new(bytes), XZ_PRESET).read_to_end(&mut packed)?
        }
    };
    Ok(packed)
}

/// A header that says nothing about the machine that wrote it.
fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(names: &[&str], values: Vec<u8>) -> UtilisationTrace {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        UtilisationTrace::new(names, planetlab::STEP, Values::Percent(values))
    }

    #[test]
    fn the_same_trace_is_written_as_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let trace = trace(&["a", "b"], (0..576).map(|i| (i % 101) as u8).collect());
        let [first, second] = ["1.tar.xz", "2.tar.xz"].map(|name| {
            let path = folder.path().join(name);
            write_archive(&trace, "day", &path).unwrap();
            std::fs::read(path).unwrap()
        });
        assert_eq!(first, second);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no scrap is left");
    }

    #[test]
    fn what_the_layout_cannot_hold_is_not_written() {
        let fractions =
            UtilisationTrace::new(vec!["a".into()], planetlab::STEP, Values::Fraction(vec![0.5]));
        let short = trace(&["a"], vec![1]);
        let named = trace(&["../a"], vec![1; 288]);
        for trace in [fractions, short, named] {
            let error = write_archive(&trace, "day", "x.tar".as_ref()).unwrap_err();
            assert_eq!(error.problems[0].code, "GLN-130");
        }
    }
}
