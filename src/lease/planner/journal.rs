//! The file of a planner: one line per change, on the disk before the change counts.
//!
//! ```text
//! {"galerna-planner":1,"hosts":[[800,16384], ...]}
//! {"put":[{"id":1,"name":"tests","standing":{"held":43200000000},...}]}
//! {"remove":[1]}
//! ```
//!
//! The state is what the lines give one after the other. A last line without its end was cut short
//! by a crash and does not count. Opening a file writes it anew, one line per reservation, and
//! renames that into its place.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Change, Need, PlanError, Planner, Reserved};

const VERSION: u32 = 1;

/// An open file of changes.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the last whole line ends.
    end: u64,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(rename = "galerna-planner")]
    version: u32,
    hosts: Vec<Need>,
}

fn refused(path: &Path) -> impl Fn(std::io::Error) -> PlanError + '_ {
    |cause| PlanError::File { path: path.display().to_string(), cause }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("plain data is JSON");
    text.push(b'\n');
    text
}

impl Journal {
    /// Appends a change; if that fails nothing of it stays.
    pub fn append(&mut self, change: &Change) -> Result<(), PlanError> {
        let text = line(change);
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        if let Err(cause) = written {
            // Whatever came to be of the line is cut off, or overwritten by the next.
            let _ = self.file.set_len(self.end);
            let _ = self.file.seek(SeekFrom::Start(self.end));
            return Err(refused(&self.path)(cause));
        }
        self.end += text.len() as u64;
        Ok(())
    }
}

impl Planner {
    /// A planner that keeps its state in the file at `path`, which must not exist.
    ///
    /// # Errors
    ///
    /// The operating system may refuse.
    pub fn create(path: &Path, hosts: Vec<Need>) -> Result<Self, PlanError> {
        if path.exists() {
            let cause = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(refused(path)(cause));
        }
        let mut planner = Self::new(hosts);
        planner.save(path)?;
        Ok(planner)
    }

    /// The planner whose state is in the file at `path`.
    ///
    /// # Errors
    ///
    /// The file may be unreadable or damaged.
    pub fn open(path: &Path) -> Result<Self, PlanError> {
        let mut planner = read(path)?;
        planner.save(path)?;
        Ok(planner)
    }

    /// Writes the state as a new file, which takes the place of the one at `path`.
    fn save(&mut self, path: &Path) -> Result<(), PlanError> {
        let refused = refused(path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(&refused)?;
        let mut text = line(&Head { version: VERSION, hosts: self.capacity.clone() });
        for reserved in self.reservations() {
            text.extend(line(&Change { remove: Vec::new(), put: vec![reserved.clone()] }));
        }
        new.write_all(&text).and_then(|()| new.as_file().sync_all()).map_err(&refused)?;
        new.persist(path).map_err(|error| refused(error.error))?;
        sync_folder(folder).map_err(&refused)?;
        let file = OpenOptions::new().append(true).open(path).map_err(&refused)?;
        self.journal = Some(Journal { path: path.to_owned(), file, end: text.len() as u64 });
        Ok(())
    }
}

/// Makes a rename in `folder` last.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The planner that the lines of the file at `path` give; it is not connected to the file.
pub(super) fn read(path: &Path) -> Result<Planner, PlanError> {
    let file = File::open(path).map_err(refused(path))?;
    let mut lines = BufReader::new(file);
    let mut planner: Option<Planner> = None;
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        lines.read_line(&mut text).map_err(refused(path))?;
        if !text.ends_with('\n') {
            break;
        }
        let damaged = |what: String| PlanError::Damaged {
            path: path.display().to_string(),
            line: number,
            what,
        };
        match &mut planner {
            None => {
                let head: Head = parsed(&text).map_err(damaged)?;
                if head.version != VERSION {
                    return Err(damaged(format!("version {}, known is {VERSION}", head.version)));
                }
                planner = Some(Planner::new(head.hosts));
            }
            Some(planner) => {
                let change: Change = parsed(&text).map_err(damaged)?;
                if let Some(wrong) = change.put.iter().find(|r| !planner.holds(r)) {
                    return Err(damaged(format!("reservation {} cannot be", wrong.id)));
                }
                planner.apply(change);
            }
        }
    }
    planner.ok_or_else(|| PlanError::Damaged {
        path: path.display().to_string(),
        line: 1,
        what: "it does not begin as the file of a planner does".to_owned(),
    })
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|cause| cause.to_string())
}

impl Planner {
    /// Whether a reservation can be one of this site.
    fn holds(&self, reserved: &Reserved) -> bool {
        let known = |&host: &u32| (host as usize) < self.capacity.len();
        reserved.start <= reserved.end
            && reserved.need.iter().all(|&amount| amount >= 0)
            && reserved.hosts.iter().all(known)
    }
}
