//! A run's folder appears whole or not at all.
//!
//! All files are written into a temporary folder beside the target and synced, then one rename puts
//! it in place. An interrupted command leaves at most that temporary folder, `.galerna-*`. Where a
//! previous run is replaced it is first moved aside: a crash between the two renames leaves both
//! runs whole under temporary names.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::error::{Error, unwritable};
use super::manifest::{Manifest, RunReport};
use super::{lease_tables, provision_tables, tables};
use crate::account::Ledger;
use crate::lease::Schedule;
use crate::lease::format::write_lwf;
use crate::model::Record;
use crate::model::lease::Workload;
use crate::problem::Problem;
use crate::spec::{Inputs, LeaseInputs, RunSpec};

/// Name of the file that says what was run.
pub(super) const MANIFEST: &str = "run.json";
/// Names of the table files.
pub(super) const TABLES: [&str; 8] = [
    "hosts.parquet",
    "vms.parquet",
    "actions.parquet",
    "samples.parquet",
    "demand.parquet",
    "moves.parquet",
    "stages.parquet",
    "decisions.parquet",
];

/// Name of the file of the ledger, in a run with `[costs]`.
pub(super) const LEDGER: &str = "ledger.parquet";

/// Names of the files of what failed, in a run with `[outages]`.
pub(super) const FAILED: [&str; 2] = ["outages.parquet", "restarts.parquet"];

/// Name of the file of links that failed, in a run with `[outages]` and `[sites]`.
pub(super) const LINKS_FAILED: &str = "link_outages.parquet";
/// What of the network failed, and which hosts that cut off.
pub(super) const NETWORK_FAILED: [&str; 2] = ["network_outages.parquet", "cut_offs.parquet"];
/// Names of the files of provisioning, in a run with `[leases.provision]`.
pub(super) const PROVISIONED: [&str; 2] = ["provisions.parquet", "image_sends.parquet"];

/// Names of the files of a run of leases.
pub(super) const LEASE_FILES: [&str; 6] = [
    "workload.lwf",
    "leases.parquet",
    "lease_states.parquet",
    "holdings.parquet",
    "utilisation.parquet",
    "image_transfers.parquet",
];

/// Begin of the names of temporary folders.
const TEMPORARY: &str = ".galerna-";
/// Rows of a row group: more than any table has, so that files do not depend on how it was built.
const ROW_GROUP: usize = 1 << 24;

/// Everything that the folder of a run is made of.
#[derive(Debug, Clone, Copy)]
pub struct RunFolder<'a> {
    /// Identity and figures.
    pub report: &'a RunReport,
    /// The spec, every default filled in.
    pub spec: &'a RunSpec,
    /// Trace, fleet and rules of the run.
    pub inputs: &'a Inputs,
    /// What happened.
    pub record: &'a Record,
    /// What it cost, in a run with `[costs]`.
    pub ledger: Option<&'a Ledger>,
    /// The command line, empty when there was none.
    pub command: &'a [String],
}

/// What to do with a previous run in the output folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse to write.
    Refuse,
    /// Put the new run in its place.
    Replace,
}

/// Writes the tables and `run.json` of a run to the folder `dir`, all or nothing.
///
/// # Errors
/// GLN-620 when `dir` holds anything but a previous run that may be replaced, GLN-621 when the
/// operating system refuses; `dir` is then as it was.
pub fn write_run(dir: &Path, run: &RunFolder<'_>, existing: Existing) -> Result<(), Error> {
    let manifest = Manifest::new(run.report, run.spec, run.command);
    write_files(dir, manifest, existing, || encoded(run))
}

/// Everything that the folder of a run of leases is made of.
#[derive(Debug, Clone, Copy)]
pub struct LeaseFolder<'a> {
    /// Identity and figures.
    pub report: &'a RunReport,
    /// The spec, every default filled in.
    pub spec: &'a RunSpec,
    /// Site, leases and rules of the run.
    pub inputs: &'a LeaseInputs,
    /// What happened.
    pub schedule: &'a Schedule,
    /// What their load came to, where they carry any.
    pub load: Option<(&'a Inputs, &'a Record)>,
    /// What it cost, in a run with `[costs]`.
    pub ledger: Option<&'a Ledger>,
    /// The command line, empty when there was none.
    pub command: &'a [String],
}

/// Writes the tables and `run.json` of a run of leases to the folder `dir`, all or nothing.
///
/// # Errors
/// As [`write_run`].
pub fn write_lease_run(dir: &Path, run: &LeaseFolder<'_>, existing: Existing) -> Result<(), Error> {
    let manifest = Manifest::new(run.report, run.spec, run.command);
    let LeaseFolder { inputs, schedule, load, ledger, .. } = *run;
    write_files(dir, manifest, existing, || {
        let site = Some(inputs.site.clone());
        let mut lwf = Vec::new();
        write_lwf(&Workload { site, ..inputs.workload.clone() }, &mut lwf)?;
        let tables = [
            lease_tables::leases(inputs, schedule),
            lease_tables::lease_states(schedule),
            lease_tables::holdings(inputs, schedule),
            lease_tables::utilisation(schedule),
            lease_tables::image_transfers(inputs, schedule),
        ];
        let tables = tables.into_iter().map(parquet);
        let files = std::iter::once(Ok(lwf)).chain(tables);
        let files = LEASE_FILES.into_iter().zip(files).map(|(name, file)| Ok((name, file?)));
        let load = load.map_or(Ok(Vec::new()), |(inputs, record)| {
            tables_of(record, inputs, tables::trace_rows(&inputs.trace))
        });
        files.chain(load?.into_iter().chain(billed(ledger)?).map(Ok)).collect()
    })
}

/// Names and contents of the files of a run.
type Files = Vec<(&'static str, Vec<u8>)>;

/// Writes the files that `encoded` gives, and `manifest` with their hashes.
fn write_files(
    dir: &Path,
    mut manifest: Manifest,
    existing: Existing,
    encoded: impl FnOnce() -> io::Result<Files>,
) -> Result<(), Error> {
    replace(dir, existing, |folder| {
        for (name, bytes) in encoded()? {
            let hash = blake3::hash(&bytes).to_hex().to_string();
            manifest.tables.insert(name.to_owned(), hash);
            write_synced(&folder.join(name), &bytes)?;
        }
        let mut json = serde_json::to_vec_pretty(&manifest)?;
        json.push(b'\n');
        write_synced(&folder.join(MANIFEST), &json)
    })
}

/// Whether a run may be written to `dir`, so that a long one need not be run in vain.
///
/// # Errors
/// GLN-620 when `dir` holds anything but a previous run that may be replaced.
pub fn check_destination(dir: &Path, existing: Existing) -> Result<(), Error> {
    let problem = |what: String, remedy: &str| {
        Err(Problem::new("GLN-620", dir.display().to_string(), what, remedy).into())
    };
    if dir.file_name().is_none() && !dir.is_dir() {
        return problem("is no folder name".into(), "Name a folder, e.g. --out out/run-1");
    }
    if !dir.exists() {
        return Ok(());
    }
    if !dir.is_dir() {
        return problem("exists and is not a folder".into(), "Name another folder");
    }
    let held = members(dir).map_err(|cause| unwritable(dir, &cause))?;
    let ours = |name: &str| {
        let tables = TABLES.iter().chain(&LEASE_FILES).chain(&FAILED).chain(&PROVISIONED);
        [MANIFEST, LEDGER, LINKS_FAILED].contains(&name)
            || tables.into_iter().any(|table| *table == name)
    };
    let stranger = held.iter().find(|name| !ours(name));
    match (stranger, held.is_empty(), existing) {
        (_, true, _) => Ok(()),
        (Some(name), ..) => {
            let what = format!("holds `{name}`, which is no part of a run and would be lost");
            problem(what, "Name a new folder, or an empty one")
        }
        (None, _, Existing::Replace) if held.iter().any(|name| name == MANIFEST) => Ok(()),
        (None, _, Existing::Replace) => {
            problem("holds tables but no run.json".into(), "Name a new folder, or empty this one")
        }
        (None, _, Existing::Refuse) => {
            problem("holds a previous run".into(), "Name a new folder, or add --overwrite")
        }
    }
}

fn members(dir: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Fills a temporary folder beside `dir` and renames it to `dir`.
fn replace(
    dir: &Path,
    existing: Existing,
    fill: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), Error> {
    check_destination(dir, existing)?;
    let failed = |cause: io::Error| Error::from(unwritable(dir, &cause));
    let target = if dir.exists() { fs::canonicalize(dir).map_err(failed)? } else { dir.into() };
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(failed)?;
    let fresh = temporary(&parent).map_err(failed)?;
    fill(fresh.path())
        .and_then(|()| sync_folder(fresh.path()))
        .and_then(|()| put_in_place(fresh.path(), &target, &parent))
        .and_then(|()| sync_folder(&parent))
        .map_err(failed)?;
    // It has another name now; there is nothing to remove.
    let _ = fresh.keep();
    Ok(())
}

fn put_in_place(fresh: &Path, target: &Path, parent: &Path) -> io::Result<()> {
    if !target.exists() || members(target)?.is_empty() {
        return fs::rename(fresh, target);
    }
    let aside = temporary(parent)?;
    let old = aside.path().join("old");
    fs::rename(target, &old)?;
    fs::rename(fresh, target).inspect_err(|_| drop(fs::rename(&old, target)))
}

/// A folder that removes itself, with the permissions of any new folder.
fn temporary(parent: &Path) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(parent)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix lets a folder be opened and synced.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Every table as the bytes of its file.
fn encoded(run: &RunFolder<'_>) -> io::Result<Files> {
    let Inputs { trace, fleet, .. } = run.inputs;
    let mut files = tables_of(run.record, run.inputs, tables::demand(trace, fleet))?;
    files.extend(billed(run.ledger)?);
    Ok(files)
}

/// The file of the ledger, where there is one.
fn billed(ledger: Option<&Ledger>) -> io::Result<Option<(&'static str, Vec<u8>)>> {
    ledger.map(|ledger| Ok((LEDGER, parquet(tables::ledger(ledger))?))).transpose()
}

/// The tables of load.
fn tables_of(record: &Record, inputs: &Inputs, demand: DataFrame) -> io::Result<Files> {
    let fleet = &inputs.fleet;
    let frames = [
        tables::hosts(record, fleet),
        tables::vms(record, fleet),
        tables::actions(record),
        tables::samples(record),
        demand,
        tables::moves(record),
        tables::stages(record),
        tables::decisions(record),
    ];
    let failed = inputs.rules.outages.is_some();
    let links = (failed && inputs.rules.sites.is_some())
        .then(|| (LINKS_FAILED, tables::link_outages(record)));
    let net = inputs.rules.outages.as_ref().is_some_and(|outages| outages.hits_network());
    let net = net.then(|| [tables::network_outages(record), tables::cut_offs(record)]);
    let failed = failed.then(|| [tables::outages(record), tables::restarts(record)]);
    let provisioned = inputs.rules.provision.is_some();
    let provisioned = provisioned
        .then(|| [provision_tables::provisions(record), provision_tables::image_sends(record)]);
    let named = TABLES.into_iter().zip(frames);
    let named = named.chain(FAILED.into_iter().zip(failed.into_iter().flatten())).chain(links);
    let named = named.chain(NETWORK_FAILED.into_iter().zip(net.into_iter().flatten()));
    let named = named.chain(PROVISIONED.into_iter().zip(provisioned.into_iter().flatten()));
    named.map(|(name, frame)| Ok((name, parquet(frame)?))).collect()
}

/// `frame` as the bytes of a Parquet file, the same whatever the number of threads.
pub(crate) fn parquet(mut frame: DataFrame) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_row_group_size(Some(ROW_GROUP))
        .set_parallel(false)
        .finish(&mut frame)
        .map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(dir: &Path) -> Vec<String> {
        members(dir).unwrap()
    }

    fn fill(text: &'static str) -> impl FnOnce(&Path) -> io::Result<()> {
        move |folder| write_synced(&folder.join(MANIFEST), text.as_bytes())
    }

    #[test]
    fn a_write_that_fails_halfway_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("run");
        let halfway = |folder: &Path| {
            write_synced(&folder.join("hosts.parquet"), b"half")?;
            Err(io::Error::other("no room left"))
        };
        let error = replace(&target, Existing::Refuse, halfway).unwrap_err().to_string();
        assert!(error.starts_with("GLN-621") && error.contains("no room left"), "{error}");
        assert!(listing(parent.path()).is_empty());
        replace(&target, Existing::Refuse, fill("old")).unwrap();
        replace(&target, Existing::Replace, halfway).unwrap_err();
        assert_eq!(fs::read_to_string(target.join(MANIFEST)).unwrap(), "old");
        assert_eq!(listing(parent.path()), ["run"]);
    }

    #[test]
    fn a_previous_run_is_replaced_only_when_asked_to() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("new/run");
        replace(&target, Existing::Refuse, fill("1")).unwrap();
        let error = replace(&target, Existing::Refuse, fill("2")).unwrap_err().to_string();
        assert!(error.contains("add --overwrite"), "{error}");
        replace(&target, Existing::Replace, fill("3")).unwrap();
        assert_eq!(fs::read_to_string(target.join(MANIFEST)).unwrap(), "3");
        assert_eq!(listing(target.parent().unwrap()), ["run"]);
    }

    #[test]
    fn a_folder_with_other_files_is_never_replaced_and_an_empty_one_is_filled() {
        let parent = tempfile::tempdir().unwrap();
        replace(parent.path(), Existing::Refuse, fill("1")).unwrap();
        fs::write(parent.path().join("thesis.tex"), "years of work").unwrap();
        let error = replace(parent.path(), Existing::Replace, fill("2")).unwrap_err().to_string();
        assert!(error.contains("`thesis.tex`"), "{error}");
        assert_eq!(listing(parent.path()), ["run.json", "thesis.tex"]);
    }
}
