//! The files in a zip archive, read one by one without unpacking it onto the disk.
//!
//! Stored and deflated files are read, each against its checksum; encrypted ones, other methods and
//! archives of more than 4 GiB or 65,534 files (zip64) are refused by name.
//!
//! Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::error::{Error, unreadable};
use crate::problem::Problem;

/// Bytes of the record at an archive's end, without its comment.
const END_BYTES: usize = 22;
const END_MARK: [u8; 4] = *b"PK\x05\x06";
const ENTRY_MARK: [u8; 4] = *b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL_MARK: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
/// What a 32-bit field holds where the number is elsewhere.
const ZIP64: u32 = u32::MAX;

/// A file in the archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    method: u16,
    encrypted: bool,
    crc: u32,
    packed: u64,
    unpacked: u64,
    at: u64,
}

/// An open archive.
pub(super) struct Zip {
    file: File,
    place: String,
    /// Its files, in the order of its directory.
    pub(super) entries: Vec<Entry>,
}

fn two(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn four(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Zip {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let mut file = File::open(path).map_err(|cause| unreadable(&place, &cause))?;
        let entries = directory(&mut file).map_err(|cause| damaged(&place, &cause))?;
        Ok(Self { file, place, entries })
    }

    /// The content of `entry`, which fails at its end where the checksum is another one.
    pub(super) fn content(&self, entry: &Entry) -> Result<impl Read + use<>, Problem> {
        let shown = format!("{}/{}", self.place, String::from_utf8_lossy(&entry.name));
        let refused = |what: &str| Problem::new("GLN-110", &shown, what, "Pack the files again");
        if entry.encrypted {
            return Err(refused("the file is encrypted"));
        }
        let body = self.body(entry).map_err(|cause| damaged(&shown, &cause))?;
        let content: Box<dyn Read> = match entry.method {
            0 => Box::new(body),
            8 => Box::new(DeflateDecoder::new(body)),
            other => return Err(refused(&format!("the packing method {other} is not known"))),
        };
        Ok(Checked { content, crc: Crc::new(), expected: entry.crc, left: entry.unpacked })
    }

    /// The packed bytes of `entry`.
    fn body(&self, entry: &Entry) -> io::Result<impl Read + use<>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(entry.at))?;
        let mut header = [0; LOCAL_BYTES];
        file.read_exact(&mut header)?;
        if header[..4] != LOCAL_MARK {
            return Err(io::Error::other("an entry is not where the directory says"));
        }
        let skipped = i64::from(two(&header, 26)) + i64::from(two(&header, 28));
        file.seek(SeekFrom::Current(skipped))?;
        Ok(BufReader::with_capacity(1 << 16, file).take(entry.packed))
    }
}

/// The entries of the archive's directory.
fn directory(file: &mut File) -> io::Result<Vec<Entry>> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail_bytes = length.min((END_BYTES + usize::from(u16::MAX)) as u64);
    file.seek(SeekFrom::Start(length - tail_bytes))?;
    let mut tail = Vec::new();
    file.take(tail_bytes).read_to_end(&mut tail)?;
    let end = (0..tail.len().saturating_sub(END_BYTES - 1))
        .rev()
        .find(|&at| tail[at..at + 4] == END_MARK)
        .ok_or_else(|| io::Error::other("its end mark is missing"))?;
    let end = &tail[end..];
    let (count, bytes, at) = (two(end, 10), four(end, 12), four(end, 16));
    if count == u16::MAX || at == ZIP64 || bytes == ZIP64 {
        return Err(io::Error::other("it is a zip64 archive, which is not read: unpack it"));
    }
    if u64::from(at) + u64::from(bytes) > length {
        return Err(io::Error::other("its directory lies beyond its end"));
    }
    file.seek(SeekFrom::Start(u64::from(at)))?;
    let mut listing = Vec::new();
    file.take(u64::from(bytes)).read_to_end(&mut listing)?;
    entries(&listing, usize::from(count))
}

fn entries(listing: &[u8], count: usize) -> io::Result<Vec<Entry>> {
    let broken = || io::Error::other("its directory is broken");
    let mut entries = Vec::new();
    let mut rest = listing;
    for _ in 0..count {
        let head = rest.get(..ENTRY_BYTES).filter(|head| head[..4] == ENTRY_MARK);
        let head = head.ok_or_else(broken)?;
        let (name, extra, comment) = (two(head, 28), two(head, 30), two(head, 32));
        let name_end = ENTRY_BYTES + usize::from(name);
        let end = name_end + usize::from(extra) + usize::from(comment);
        entries.push(Entry {
            name: rest.get(ENTRY_BYTES..name_end).ok_or_else(broken)?.to_vec(),
            method: two(head, 10),
            encrypted: two(head, 8) & 1 == 1,
            crc: four(head, 16),
            packed: u64::from(four(head, 20)),
            unpacked: u64::from(four(head, 24)),
            at: u64::from(four(head, 42)),
        });
        rest = rest.get(end..).ok_or_else(broken)?;
    }
    Ok(entries)
}

fn damaged(place: &str, cause: &io::Error) -> Problem {
    let what = format!("the archive is damaged or cut short ({cause})");
    Problem::new("GLN-110", place, what, "Fetch the archive again")
}

/// Content that is compared with its length and checksum when it ends.
struct Checked {
    content: Box<dyn Read>,
    crc: Crc,
    expected: u32,
    left: u64,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        if read == 0 && !buffer.is_empty() && (self.left > 0 || self.crc.sum() != self.expected) {
            return Err(io::Error::other("the checksum of a file is another one"));
        }
        if read as u64 > self.left {
            return Err(io::Error::other("a file is longer than the directory says"));
        }
        self.left -= read as u64;
        self.crc.update(&buffer[..read]);
        Ok(read)
    }
}

/// A zip archive of `files`, deflated, for tests.
#[cfg(test)]
pub(super) fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let (mut bytes, mut listing) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = Crc::new();
        crc.update(content);
        let level = flate2::Compression::default();
        let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), level);
        deflated.write_all(content).unwrap();
        let deflated = deflated.finish().unwrap();
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend((deflated.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        listing.extend(ENTRY_MARK);
        listing.extend([20, 0]);
        listing.extend(&common);
        listing.extend([0; 10]);
        listing.extend((bytes.len() as u32).to_le_bytes());
        listing.extend(name.as_bytes());
        bytes.extend(LOCAL_MARK);
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(deflated);
    }
    let at = bytes.len() as u32;
    bytes.extend(&listing);
    bytes.extend(END_MARK);
    bytes.extend([0; 4]);
    bytes.extend((files.len() as u16).to_le_bytes());
    bytes.extend((files.len() as u16).to_le_bytes());
    bytes.extend((listing.len() as u32).to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        std::fs::write(&path, bytes).unwrap();
        let zip = Zip::open(&path).map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        for entry in &zip.entries {
            let mut text = String::new();
            let mut content = zip.content(entry).map_err(|problem| problem.to_string())?;
            content.read_to_string(&mut text).map_err(|cause| cause.to_string())?;
            found.push((String::from_utf8_lossy(&entry.name).into_owned(), text));
        }
        Ok(found)
    }

    #[test]
    fn files_are_read_in_the_order_of_the_directory() {
        let bytes = packed(&[("rnd/1.csv", b"one"), ("rnd/2.csv", b"two two two two")]);
        let found = contents(&bytes).unwrap();
        assert_eq!(found[0], ("rnd/1.csv".into(), "one".into()));
        assert_eq!(found[1].1, "two two two two");
    }

    #[test]
    fn a_trace_is_read_from_a_zip_as_its_publisher_packs_it() {
        let file = |percent: &str| {
            format!(
                "Timestamp [ms];\tCPU cores;\tCPU capacity provisioned [MHZ];\tCPU usage [MHZ];\t\
                 CPU usage [%];\tMemory capacity provisioned [KB];\tMemory usage [KB];\tDisk read \
                 throughput [KB/s];\tDisk write throughput [KB/s];\tNetwork received throughput \
                 [KB/s];\tNetwork transmitted throughput [KB/s]\n\
                 1375308176;\t2;\t5200.0;\t52.0;\t{percent};\t4096.0;\t1;\t0;\t0;\t0;\t0\n"
            )
        };
        let (one, two) = (file("25"), file("50"));
        let files = [("rnd/", &b""[..]), ("rnd/2013-8/2.csv", two.as_bytes())];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rnd.zip");
        let mut all = files.to_vec();
        all.push(("rnd/2013-8/10.csv", one.as_bytes()));
        std::fs::write(&path, packed(&all)).unwrap();
        let trace = crate::trace::read(&path, &crate::trace::Selection::default()).unwrap();
        assert_eq!((trace.vms(), trace.name(0), trace.fraction(0, 0)), (2, "10", 0.25));
        assert_eq!(crate::trace::days(&path).unwrap(), ["2013-8"]);
        std::fs::write(&path, packed(&[("../x.csv", one.as_bytes())])).unwrap();
        let error = crate::trace::read(&path, &crate::trace::Selection::default()).unwrap_err();
        assert_eq!(error.problems[0].code, "GLN-111");
        std::fs::write(&path, packed(&[("notes", b"none")])).unwrap();
        let error = crate::trace::read(&path, &crate::trace::Selection::default()).unwrap_err();
        assert_eq!(error.problems[0].code, "GLN-105");
    }

    #[test]
    fn cut_and_changed_archives_are_told() {
        let whole = packed(&[("a.csv", b"some text that is long enough to be cut")]);
        for kept in [0, 10, whole.len() - 1, whole.len() / 2] {
            assert!(contents(&whole[..kept]).is_err(), "{kept}");
        }
        // A byte of the deflated text, after a local header of 30 bytes and a name of 5.
        let mut changed = whole.clone();
        changed[40] ^= 0xff;
        assert!(contents(&changed).is_err());
        let mut encrypted = whole.clone();
        let at = whole.windows(4).position(|bytes| bytes == ENTRY_MARK).unwrap();
        encrypted[at + 8] |= 1;
        assert!(contents(&encrypted).unwrap_err().contains("encrypted"));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
            keep in proptest::prelude::any::<bool>(),
        ) {
            if keep {
                bytes.extend(packed(&[("a", b"b")]));
            }
            let _ = contents(&bytes);
        }
    }
}
