//! A trace that lies in a folder: VM files, or day folders of VM files.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::UtilisationTrace;
use super::error::{Error, unreadable};
use super::layout::{self, Member};
use super::planetlab::{self, MAX_FILE_BYTES};
use super::selection::{Order, Selection};
use crate::problem::Problem;

/// The trace in folder `path`.
pub(super) fn read(path: &Path, selection: &Selection) -> Result<UtilisationTrace, Error> {
    let source = path.display().to_string();
    let listing = Listing::of(path)?;
    let days = listing.days();
    let day = layout::chosen_day(&source, &days, selection.day.as_deref())?;
    if let (Some(day), Some((loose, _))) = (day, listing.files.first()) {
        return Err(layout::mixed_depth(&source, loose, day).into());
    }
    let mut members = members(path, listing, day)?;
    if selection.order == Order::Name {
        members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    }
    planetlab::assembled(&source, members, |member| text(&member.content).map(Cow::Owned))
}

/// The day folders of `path`, ascending.
pub(super) fn days(path: &Path) -> Result<Vec<String>, Error> {
    Ok(Listing::of(path)?.days())
}

/// The VM files of `day`, or of `top` itself where it has no day folders.
fn members(path: &Path, top: Listing, day: Option<&str>) -> Result<Vec<Member<PathBuf>>, Error> {
    let place = day.map_or_else(|| path.to_owned(), |day| path.join(day));
    let listing = if day.is_some() { Listing::of(&place)? } else { top };
    if let Some((inner, _)) = listing.folders.first() {
        return Err(Error::one(
            "GLN-114",
            place.join(inner).display().to_string(),
            "found a folder inside a day folder, expected VM files",
            "Give the folder whose sub-folders are the days",
        ));
    }
    if listing.files.is_empty() {
        return Err(layout::no_vms(&place.display().to_string()));
    }
    let member = |(name, content)| Member { day: day.map(str::to_owned), name, content };
    Ok(listing.files.into_iter().map(member).collect())
}

/// What a folder holds, in the order in which the operating system lists it.
#[derive(Default)]
struct Listing {
    files: Vec<(String, PathBuf)>,
    folders: Vec<(String, PathBuf)>,
}

impl Listing {
    /// Lists `path` without what lies beside the trace.
    fn of(path: &Path) -> Result<Self, Error> {
        let place = || path.display().to_string();
        let entries = fs::read_dir(path).map_err(|cause| unreadable(place(), &cause))?;
        let mut listing = Self::default();
        let mut problems = Vec::new();
        for entry in entries {
            let added = entry
                .map_err(|cause| unreadable(place(), &cause))
                .and_then(|entry| listing.add(&entry));
            problems.extend(added.err());
        }
        if problems.is_empty() { Ok(listing) } else { Err(Error { problems }) }
    }

    fn add(&mut self, entry: &fs::DirEntry) -> Result<(), Problem> {
        let path = entry.path();
        let place = || path.display().to_string();
        let Ok(name) = entry.file_name().into_string() else {
            let what = "the name is not UTF-8, expected a VM name";
            return Err(Problem::new("GLN-103", place(), what, "Rename the file"));
        };
        if layout::is_beside_the_trace(&name) {
            return Ok(());
        }
        let mut kind = entry.file_type().map_err(|cause| unreadable(place(), &cause))?;
        if kind.is_symlink() {
            kind = fs::metadata(&path).map_err(|cause| unreadable(place(), &cause))?.file_type();
        }
        match (kind.is_file(), kind.is_dir()) {
            (true, _) => self.files.push((name, path)),
            (_, true) => self.folders.push((name, path)),
            _ => {
                let what = "found neither a file nor a folder, expected a VM file";
                return Err(Problem::new("GLN-112", place(), what, "Remove it from the folder"));
            }
        }
        Ok(())
    }

    fn days(&self) -> Vec<String> {
        let mut days: Vec<String> = self.folders.iter().map(|(name, _)| name.clone()).collect();
        days.sort_unstable();
        days
    }
}

/// The bytes of a VM file, refused where it is far too large to be one.
fn text(path: &Path) -> Result<Vec<u8>, Problem> {
    let place = || path.display().to_string();
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text))
        .map_err(|cause| unreadable(place(), &cause))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Problem::new(
            "GLN-115",
            place(),
            format!("the file has more than {MAX_FILE_BYTES} bytes, expected 288 short lines"),
            "Check that this is a VM file",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day_of(value: u8) -> String {
        format!("{value}\n").repeat(288)
    }

    #[test]
    fn a_folder_of_vm_files_and_a_folder_of_days_are_the_same_trace() {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("20110303");
        fs::create_dir(&day).unwrap();
        fs::write(day.join("b"), day_of(2)).unwrap();
        fs::write(day.join("a"), day_of(1)).unwrap();
        fs::write(day.join(".DS_Store"), [0, 255]).unwrap();
        fs::write(folder.path().join("README.md"), "notes").unwrap();
        let flat = read(&day, &Selection::default()).unwrap();
        assert_eq!((flat.vms(), flat.name(0), flat.fraction(1, 287)), (2, "a", 0.02));
        assert_eq!(read(folder.path(), &Selection::default()).unwrap(), flat);
        assert_eq!(days(folder.path()).unwrap(), ["20110303"]);
        assert_eq!(days(&day).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_file_too_large_to_be_a_vm_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("big"), vec![b'1'; 1 << 17]).unwrap();
        let error = read(folder.path(), &Selection::default()).unwrap_err();
        assert_eq!(error.problems[0].code, "GLN-115");
    }
}
