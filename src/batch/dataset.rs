//! The folder of a sweep: one table of all runs, tables of single runs on request, and, as long as
//! it is unfinished, the journal from which it goes on.
//!
//! ```text
//! OUT/runs.parquet                     one row per run, see `runs_table`
//! OUT/sweep.json                       how many runs, which tables, version, hash of the table
//! OUT/samples/key=ADDRESS/part.parquet a kept table, partitioned as Hive does: scan_parquet of
//!                                      OUT/samples in polars has a column `key`
//! OUT/.unfinished/journal              finished runs of a sweep that has not come to its end
//! ```
//!
//! Each file is written under another name and renamed, `runs.parquet` last, so there is never half
//! a file under these names. A process may be killed at any time: the next one takes every result
//! in the journal or in `runs.parquet` whose address is that of a wanted run, and runs the rest.
//! What lies in the folder in the end depends on the sweep alone. Times are in no file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use polars::prelude::*;
use serde::Serialize;

use super::error::Error;
use super::execute::Store;
use super::inputs::Ran;
use super::journal::{Entry, Journal};
use super::plan::{Plan, PlannedRun};
use super::row::Row;
use super::runs_table::{results, runs_frame};
use super::tables::RunTable;
use crate::frames::{self, Existing};
use crate::problem::Problem;

/// The table of all runs.
const RUNS: &str = "runs.parquet";
/// What the folder holds.
const MANIFEST: &str = "sweep.json";
/// Work in progress.
const UNFINISHED: &str = ".unfinished";

/// The open folder of a sweep.
#[derive(Debug)]
pub struct Dataset {
    dir: PathBuf,
    keep: Vec<RunTable>,
    known: BTreeMap<String, Row>,
}

/// The open journal of its folder.
#[derive(Debug)]
pub struct Notes {
    dir: PathBuf,
    journal: Journal,
}

impl Notes {
    /// Notes the result of `run`, so that it need not be run again.
    ///
    /// # Errors
    /// GLN-721.
    pub fn add(&mut self, run: &PlannedRun, row: &Row) -> Result<(), Error> {
        let entry = Entry { replay: run.replay(), row: row.clone() };
        self.journal.append(&entry).map_err(|cause| unusable(&self.dir, &cause).into())
    }
}

/// `sweep.json`.
#[derive(Debug, Serialize)]
struct Manifest<'a> {
    version: &'a str,
    runs: usize,
    failed: usize,
    varied: &'a [String],
    tables: Vec<&'a str>,
    runs_blake3: String,
}

impl Dataset {
    /// Opens the folder `dir` for the runs of `plan`, of which the tables `keep` are to be kept.
    ///
    /// # Errors
    /// GLN-720 when `dir` holds something else, or, unless `existing` says that it may be replaced,
    /// runs or tables that the plan does not ask for; GLN-721 when the operating system refuses;
    /// GLN-722 when another sweep is writing there.
    pub fn open(
        dir: &Path,
        plan: &Plan,
        keep: &[RunTable],
        existing: Existing,
    ) -> Result<(Self, Notes), Error> {
        let failed = |cause: io::Error| Error::from(unusable(dir, &cause));
        refuse_strangers(dir)?;
        fs::create_dir_all(dir.join(UNFINISHED)).map_err(failed)?;
        let path = dir.join(UNFINISHED).join("journal");
        let Some((journal, entries)) = Journal::open(&path).map_err(failed)? else {
            let what = "another sweep is writing to this folder";
            let remedy = "Wait for it, or name another folder";
            return Err(Problem::new("GLN-722", shown(dir), what, remedy).into());
        };
        let entries = entries.into_iter().map(|entry| (entry.replay, entry.row));
        let mut found: Vec<(String, Row)> = read_runs(&dir.join(RUNS))?;
        found.extend(entries);
        if existing == Existing::Refuse {
            refuse_loss(dir, plan, keep, &found)?;
        }
        clear_leftovers(&dir.join(UNFINISHED)).map_err(failed)?;
        let addressed = found.into_iter().filter_map(|(_, row)| Some((row.address.clone()?, row)));
        let known = addressed.collect();
        let notes = Notes { dir: dir.to_owned(), journal };
        Ok((Self { dir: dir.to_owned(), keep: keep.to_vec(), known }, notes))
    }

    /// Writes the table of all runs and removes what no longer belongs to it.
    ///
    /// # Errors
    /// GLN-721; the results are still in the journal then.
    pub fn finish(self, notes: Notes, plan: &Plan, rows: &[Row]) -> Result<(), Error> {
        self.written(plan, rows).map_err(|cause| unusable(&self.dir, &cause))?;
        drop(notes);
        let unfinished = self.dir.join(UNFINISHED);
        fs::remove_dir_all(&unfinished).map_err(|cause| unusable(&self.dir, &cause).into())
    }

    fn written(&self, plan: &Plan, rows: &[Row]) -> io::Result<()> {
        let runs = frames::parquet(runs_frame(plan, rows))?;
        let manifest = Manifest {
            version: env!("CARGO_PKG_VERSION"),
            runs: rows.len(),
            failed: rows.iter().filter(|row| row.error().is_some()).count(),
            varied: &plan.varied,
            tables: self.keep.iter().map(|table| table.name()).collect(),
            runs_blake3: blake3::hash(&runs).to_hex().to_string(),
        };
        let mut json = serde_json::to_vec_pretty(&manifest)?;
        json.push(b'\n');
        self.put(&self.dir.join(MANIFEST), &json, true)?;
        self.put(&self.dir.join(RUNS), &runs, true)?;
        self.prune(rows)?;
        frames::sync_folder(&self.dir)
    }

    /// Puts a whole file in its place.
    fn put(&self, path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
        let mut file = tempfile::Builder::new().tempfile_in(self.dir.join(UNFINISHED))?;
        file.write_all(bytes)?;
        if durable {
            file.as_file().sync_all()?;
        }
        readable(file.as_file())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    fn part(&self, table: RunTable, address: &str) -> PathBuf {
        self.dir.join(table.name()).join(format!("key={address}")).join("part.parquet")
    }

    /// Removes tables of runs that are not among `rows`.
    fn prune(&self, rows: &[Row]) -> io::Result<()> {
        let done = rows.iter().filter(|row| row.error().is_none());
        let kept: BTreeSet<String> =
            done.filter_map(|row| Some(format!("key={}", row.address.as_ref()?))).collect();
        for table in RunTable::ALL {
            let folder = self.dir.join(table.name());
            for name in partitions(&folder)? {
                if !self.keep.contains(&table) || !kept.contains(&name) {
                    fs::remove_dir_all(folder.join(name))?;
                }
            }
            if !self.keep.contains(&table) && folder.is_dir() {
                fs::remove_dir(&folder)?;
            }
        }
        Ok(())
    }
}

impl Store for Dataset {
    fn find(&self, address: &str) -> Option<Row> {
        let row = self.known.get(address)?;
        let complete = row.error().is_some()
            || self.keep.iter().all(|&table| self.part(table, address).is_file());
        complete.then(|| row.clone())
    }

    fn keep(&self, address: &str, ran: &Ran<'_>) -> io::Result<()> {
        for &table in &self.keep {
            let frame = frame(table, ran).ok_or_else(|| io::Error::other("no such table"))?;
            let path = self.part(table, address);
            fs::create_dir_all(path.parent().expect("a part lies in a partition"))?;
            self.put(&path, &frames::parquet(frame)?, false)?;
        }
        Ok(())
    }
}

/// The table of a run, where it has it.
fn frame(table: RunTable, ran: &Ran<'_>) -> Option<DataFrame> {
    let load = ran.load.as_ref();
    let record = load.map(|(_, _, outcome)| &outcome.record);
    Some(match table {
        RunTable::Actions => frames::actions(record?),
        RunTable::Demand => match (load?, &ran.leases) {
            ((trace, ..), Some(_)) => frames::trace_rows(trace),
            ((trace, fleet, _), None) => frames::demand(trace, fleet),
        },
        RunTable::Hosts => frames::hosts(record?, load?.1),
        RunTable::Leases => {
            let (inputs, schedule) = ran.leases.as_ref()?;
            frames::lease_tables::leases(inputs, schedule)
        }
        RunTable::Ledger => frames::ledger(ran.ledger.as_ref()?),
        RunTable::Samples => frames::samples(record?),
        RunTable::Vms => frames::vms(record?, load?.1),
    })
}

fn shown(dir: &Path) -> String {
    dir.display().to_string()
}

fn unusable(dir: &Path, cause: &io::Error) -> Problem {
    let remedy = "Check that the folder is writable and has room; finished runs are kept";
    let what = format!("cannot be written or read ({cause})");
    Problem::new("GLN-721", shown(dir), what, remedy)
}

/// Temporary files are private; results are as readable as any other file.
fn readable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// A folder that is neither empty nor that of a sweep stays as it is.
fn refuse_strangers(dir: &Path) -> Result<(), Error> {
    let refuse = |what: String| {
        let remedy = "Name a new folder, an empty one, or that of a sweep";
        Err(Problem::new("GLN-720", shown(dir), what, remedy).into())
    };
    if !dir.exists() {
        return Ok(());
    }
    if !dir.is_dir() {
        return refuse("exists and is not a folder".into());
    }
    if dir.join(RUNS).is_file() || dir.join(UNFINISHED).is_dir() {
        return Ok(());
    }
    let first = fs::read_dir(dir).map_err(|cause| unusable(dir, &cause))?.next();
    match first.transpose().map_err(|cause| unusable(dir, &cause))? {
        None => Ok(()),
        Some(entry) => {
            refuse(format!("holds `{}` and no sweep", entry.file_name().to_string_lossy()))
        }
    }
}

/// Results and tables that the plan does not ask for are only dropped when that is wanted.
fn refuse_loss(
    dir: &Path,
    plan: &Plan,
    keep: &[RunTable],
    found: &[(String, Row)],
) -> Result<(), Error> {
    let asked: BTreeSet<String> = plan.runs.iter().map(PlannedRun::replay).collect();
    let lost = found.iter().filter(|(replay, _)| !asked.contains(replay));
    let lost: BTreeSet<&String> = lost.map(|(replay, _)| replay).collect();
    let mut problems = Vec::new();
    let mut problem = |what: String, remedy: String| {
        problems.push(Problem::new("GLN-720", shown(dir), what, remedy));
    };
    if let Some(first) = lost.first() {
        let what = format!("holds {} finished runs that are not asked for (`{first}`)", lost.len());
        problem(what, "Name another folder, or add --overwrite to drop them".into());
    }
    for table in RunTable::ALL.into_iter().filter(|table| !keep.contains(table)) {
        let name = table.name();
        if !partitions(&dir.join(name)).map_err(|cause| unusable(dir, &cause))?.is_empty() {
            let remedy = format!("Add --keep {name}, or --overwrite to drop them");
            problem(format!("holds tables `{name}` that are not asked for"), remedy);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Input(problems)) }
}

/// The names of the partitions in `folder`, none where there is no such folder.
fn partitions(folder: &Path) -> io::Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let names = fs::read_dir(folder)?
        .map(|entry| Ok::<_, io::Error>(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<io::Result<_>>()?;
    Ok(names.into_iter().filter(|name| name.starts_with("key=")).collect())
}

/// Removes the temporary files of a process that was killed.
fn clear_leftovers(unfinished: &Path) -> io::Result<()> {
    for entry in fs::read_dir(unfinished)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name != "journal") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The results in a finished table of runs, none where there is no such file.
fn read_runs(path: &Path) -> Result<Vec<(String, Row)>, Error> {
    let damaged = |cause: String| {
        let remedy = "Remove the file; its runs are then run again";
        Problem::new("GLN-623", shown(path), format!("the file is damaged ({cause})"), remedy)
    };
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let bytes = fs::read(path).map_err(|cause| unusable(path, &cause))?;
    // A damaged file must not make a panic of the decoder.
    let decode = || ParquetReader::new(Cursor::new(&bytes[..])).finish();
    let frame = std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .map_err(|_| damaged("the decoder gave up".into()))?
        .map_err(|cause| damaged(cause.to_string()))?;
    // Another version may have other columns; its results have other addresses anyhow.
    Ok(results(&frame).unwrap_or_default())
}
