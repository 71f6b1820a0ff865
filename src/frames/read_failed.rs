//! The rows of `outages`, `restarts` and what else fails of a run's folder.

use std::path::Path;

use polars::prelude::*;

use super::error::damaged;
use super::folder::{FAILED, LINKS_FAILED, NETWORK_FAILED};
use super::manifest::Manifest;
use super::table_file::TableFile;
use crate::id::{HostId, VmId};
use crate::model::Record;
use crate::model::record::{
    CutOffRecord, LinkOutageRecord, NetworkOutageRecord, NetworkPart, OutageRecord, RestartRecord,
};
use crate::problem::Problem;
use crate::time::Instant;

/// Outages, restarts, and where files are others than the run wrote.
type Failed = (Vec<OutageRecord>, Vec<RestartRecord>, Vec<Problem>);

/// Puts what failed in the run of folder `dir` into `record`, and tells where files are others than
/// the run wrote.
pub(super) fn read_outages(
    dir: &Path,
    manifest: &Manifest,
    record: &mut Record,
) -> Result<Vec<Problem>, Problem> {
    let spec = &manifest.resolved_spec;
    let Some(outages) = &spec.outages else { return Ok(Vec::new()) };
    let (failed, restarts, mut exchanged) = read_failed(dir, manifest)?;
    (record.outages, record.restarts) = (failed, restarts);
    if spec.sites.is_some() {
        let (links, other) = read_links(dir, manifest)?;
        record.link_outages = links;
        exchanged.extend(other);
    }
    if outages.hits_network() {
        let (parts, cut_offs, others) = read_network(dir, manifest)?;
        (record.network_outages, record.cut_offs) = (parts, cut_offs);
        exchanged.extend(others);
    }
    Ok(exchanged)
}

/// What failed in the run of folder `dir`.
fn read_failed(dir: &Path, manifest: &Manifest) -> Result<Failed, Problem> {
    let [outages, restarts] = FAILED.map(|name| TableFile::read(dir, name));
    let (outages, restarts) = (outages?, restarts?);
    let exchanged = [&outages, &restarts].into_iter().filter_map(|file| file.exchanged(manifest));
    Ok((outage_rows(&outages)?, restart_rows(&restarts)?, exchanged.collect()))
}

/// Which links failed in the run of folder `dir`, and whether the file is another one than the run
/// wrote.
fn read_links(
    dir: &Path,
    manifest: &Manifest,
) -> Result<(Vec<LinkOutageRecord>, Option<Problem>), Problem> {
    let table = TableFile::read(dir, LINKS_FAILED)?;
    let (start, end) = (table.numbers::<Int64Type>("start_us")?, table.instants("end_us")?);
    let links = table.counts("link")?.into_iter().enumerate();
    let row = |(row, link): (usize, u32)| LinkOutageRecord {
        link,
        start: Instant(start[row]),
        end: end[row],
    };
    Ok((links.map(row).collect(), table.exchanged(manifest)))
}

/// Outages of switches and cables, hosts cut off, and where files are others than the run wrote.
type Network = (Vec<NetworkOutageRecord>, Vec<CutOffRecord>, Vec<Problem>);

/// What of the network failed in the run of folder `dir`.
fn read_network(dir: &Path, manifest: &Manifest) -> Result<Network, Problem> {
    let [outages, cut_offs] = NETWORK_FAILED.map(|name| TableFile::read(dir, name));
    let (outages, cut_offs) = (outages?, cut_offs?);
    let exchanged = [&outages, &cut_offs].into_iter().filter_map(|file| file.exchanged(manifest));
    let exchanged = exchanged.collect();
    let (start, end) = (outages.numbers::<Int64Type>("start_us")?, outages.instants("end_us")?);
    let numbers = outages.counts("number")?;
    let mut rows = Vec::new();
    for (row, word) in outages.text("part")?.into_iter().enumerate() {
        let mut known = [NetworkPart::Switch, NetworkPart::Cable].into_iter();
        let part = known.find(|known| word.as_deref() == Some(known.name()));
        let Some(part) = part else {
            return Err(damaged(&dir.join(NETWORK_FAILED[0]), &"an unknown `part`"));
        };
        let (number, start, end) = (numbers[row], Instant(start[row]), end[row]);
        rows.push(NetworkOutageRecord { part, number, start, end });
    }
    let (start, end) = (cut_offs.numbers::<Int64Type>("start_us")?, cut_offs.instants("end_us")?);
    let hosts = cut_offs.counts("host")?.into_iter().enumerate();
    let cut = |(row, host): (usize, u32)| CutOffRecord {
        host: HostId(host),
        start: Instant(start[row]),
        end: end[row],
    };
    Ok((rows, hosts.map(cut).collect(), exchanged))
}

fn outage_rows(table: &TableFile) -> Result<Vec<OutageRecord>, Problem> {
    let (start, end) = (table.numbers::<Int64Type>("start_us")?, table.instants("end_us")?);
    let hosts = table.counts("host")?.into_iter().enumerate();
    let row = |(row, host): (usize, u32)| OutageRecord {
        host: HostId(host),
        start: Instant(start[row]),
        end: end[row],
    };
    Ok(hosts.map(row).collect())
}

fn restart_rows(table: &TableFile) -> Result<Vec<RestartRecord>, Problem> {
    let (priority, from, to) =
        (table.counts("priority")?, table.counts("from")?, table.maybe("to")?);
    let failed = table.numbers::<Int64Type>("failed_us")?;
    let ready = table.numbers::<Int64Type>("ready_us")?;
    let placed = table.instants("placed_us")?;
    let (up, gone) = (table.instants("up_us")?, table.instants("gone_us")?);
    let vms = table.counts("vm")?.into_iter().enumerate();
    let row = |(row, vm): (usize, u32)| RestartRecord {
        vm: VmId(vm),
        priority: priority[row],
        from: HostId(from[row]),
        failed: Instant(failed[row]),
        ready: Instant(ready[row]),
        to: to[row].map(HostId),
        placed: placed[row],
        up: up[row],
        gone: gone[row],
    };
    Ok(vms.map(row).collect())
}
