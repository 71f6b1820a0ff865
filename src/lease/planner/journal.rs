//! The file of a planner: one line per change, on the disk before the change counts.
//!
//! ```text
//! {"galerna-planner":1,"resources":["CPU","Memory", ...],"hosts":[[800,16384], ...]}
//! {"put":[{"id":1,"name":"tests","standing":{"held":43200000000},...}]}
//! {"remove":[1]}
//! ```
//!
//! The state is what the lines give one after the other. A last line without its end was cut short
//! by a crash and does not count; the next change takes its place. When most lines are outdated,
//! opening the file writes it anew, one line per reservation, and renames that into its place. One
//! process at a time has the file open: it holds a lock on the empty file beside it, `.lock`.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::need;
use super::{Change, Need, PlanError, Planner, Reserved};
use crate::model::lease::{KNOWN_RESOURCES, RESOURCES, Site};
use crate::whole_file;

const VERSION: u32 = 1;
/// A file of more lines than this and four per reservation is written anew.
const OUTDATED: usize = 1000;
/// So often, and so far apart, a file in use is tried again.
const PATIENCE: (u32, Duration) = (500, Duration::from_millis(20));

/// An open file of changes.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the last whole line ends.
    end: u64,
    /// Held for as long as the file is open.
    _lock: File,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    #[serde(rename = "galerna-planner")]
    version: u32,
    /// The next number to be given, so that none is given twice.
    #[serde(default)]
    next: u64,
    /// Names, by position; where there are none, the known ones.
    #[serde(default = "known_resources")]
    resources: Vec<String>,
    hosts: Vec<Has>,
}

/// What a host has.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Has(#[serde(with = "need")] Need);

impl Head {
    fn site(self) -> Site {
        let hosts = self.hosts.into_iter().map(|Has(amounts)| amounts).collect();
        Site { resources: self.resources, hosts }
    }
}

fn known_resources() -> Vec<String> {
    KNOWN_RESOURCES.map(str::to_owned).to_vec()
}

/// Waits until no other process has the file at `path` open.
fn lock(path: &Path) -> Result<File, PlanError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = OpenOptions::new().create(true).write(true).truncate(false).open(&name);
    let lock = lock.map_err(refused(Path::new(&name)))?;
    for _ in 0..PATIENCE.0 {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(PATIENCE.1),
            Err(fs::TryLockError::Error(cause)) => return Err(refused(path)(cause)),
        }
    }
    Err(PlanError::Busy { path: path.display().to_string() })
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
        let written = self.cut().and_then(|()| self.file.write_all(&text));
        let written = written.and_then(|()| self.file.sync_data());
        if let Err(cause) = written {
            // Whatever came to be of the line is cut off now, or before the next.
            let _ = self.cut();
            return Err(refused(&self.path)(cause));
        }
        self.end += text.len() as u64;
        Ok(())
    }

    /// Cuts off what is behind the last whole line, and goes there.
    fn cut(&mut self) -> std::io::Result<()> {
        if self.file.metadata()?.len() > self.end {
            self.file.set_len(self.end)?;
        }
        self.file.seek(SeekFrom::Start(self.end)).map(drop)
    }
}

impl Planner {
    /// A planner that keeps its state in the file at `path`, which must not exist.
    ///
    /// # Errors
    ///
    /// The operating system may refuse.
    pub fn create(path: &Path, site: Site) -> Result<Self, PlanError> {
        let lock = lock(path)?;
        if path.exists() {
            let cause = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(refused(path)(cause));
        }
        let mut planner = Self::new(site);
        planner.save(path, lock)?;
        Ok(planner)
    }

    /// The planner whose state is in the file at `path`; until it is dropped no other process can
    /// open it.
    ///
    /// # Errors
    ///
    /// The file may be unreadable or damaged, or stay in use by another process.
    pub fn open(path: &Path) -> Result<Self, PlanError> {
        if !path.is_file() {
            return Self::read(path);
        }
        let lock = lock(path)?;
        let Found { mut planner, end, lines } = read(path)?;
        if lines > OUTDATED + 4 * planner.entries.len() {
            planner.save(path, lock)?;
            return Ok(planner);
        }
        let file = OpenOptions::new().write(true).open(path).map_err(refused(path))?;
        planner.journal = Some(Journal { path: path.to_owned(), file, end, _lock: lock });
        Ok(planner)
    }

    /// The planner whose state is in the file at `path`, for questions: what is changed of it stays
    /// in memory.
    ///
    /// # Errors
    ///
    /// The file may be unreadable or damaged.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        read(path).map(|found| found.planner)
    }

    /// Writes the state as a new file, which takes the place of the one at `path`.
    fn save(&mut self, path: &Path, lock: File) -> Result<(), PlanError> {
        let refused = refused(path);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let Site { resources, hosts } = self.site.clone();
        let hosts = hosts.into_iter().map(Has).collect();
        let head = Head { version: VERSION, next: self.next, resources, hosts };
        let mut text = line(&head);
        for reserved in self.reservations() {
            text.extend(line(&Change { remove: Vec::new(), put: vec![reserved.clone()] }));
        }
        whole_file::replace(path, &text).map_err(&refused)?;
        sync_folder(folder).map_err(&refused)?;
        let file = OpenOptions::new().write(true).open(path).map_err(&refused)?;
        let end = text.len() as u64;
        self.journal = Some(Journal { path: path.to_owned(), file, end, _lock: lock });
        Ok(())
    }
}

/// Makes a rename in `folder` last.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// What the lines of a file give.
struct Found {
    /// Not connected to the file.
    planner: Planner,
    /// Where the last whole line ends.
    end: u64,
    lines: usize,
}

fn read(path: &Path) -> Result<Found, PlanError> {
    let file = File::open(path).map_err(refused(path))?;
    let mut lines = BufReader::new(file);
    let mut planner: Option<Planner> = None;
    let mut text = String::new();
    let (mut end, mut read) = (0, 0);
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
                if !(KNOWN_RESOURCES.len()..=RESOURCES).contains(&head.resources.len()) {
                    return Err(damaged(format!("{} resources", head.resources.len())));
                }
                let next = head.next.max(1);
                planner = Some(Planner { next, ..Planner::new(head.site()) });
            }
            Some(planner) => {
                let change: Change = parsed(&text).map_err(damaged)?;
                if let Some(wrong) = change.put.iter().find(|r| !planner.holds(r)) {
                    return Err(damaged(format!("reservation {} cannot be", wrong.id)));
                }
                planner.apply(change);
            }
        }
        end += text.len() as u64;
        read = number;
    }
    let found = planner.map(|planner| Found { planner, end, lines: read });
    found.ok_or_else(|| PlanError::Damaged {
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
        let known = |&host: &u32| (host as usize) < self.site.hosts.len();
        reserved.start <= reserved.end
            && reserved.need.iter().all(|&amount| amount >= 0)
            && reserved.hosts.iter().all(known)
    }
}
