//! The tables of provisioning, written and read: a row per VM that was provisioned, and one per
//! image that was sent.

use std::path::Path;

use polars::prelude::*;

use super::folder::PROVISIONED;
use super::manifest::Manifest;
use super::table_file::TableFile;
use super::tables::{count, frame, instants, maybe};
use crate::id::{HostId, VmId};
use crate::model::Record;
use crate::model::provision::{ImageSend, ProvisionRecord};
use crate::problem::Problem;
use crate::time::Instant;

/// One row per VM that was provisioned, in the order in which that began; of a VM of several cores
/// the first. `image_send` is the row of `image_sends` that it waited for, null where the image was
/// there or none is needed; then when each stage was over, null where it was not.
pub fn provisions(record: &Record) -> DataFrame {
    let rows = &record.provisions;
    let start: Vec<i64> = rows.iter().map(|row| row.start.0).collect();
    frame(vec![
        count("vm", rows, |row| row.vm.0),
        count("host", rows, |row| row.host.0),
        maybe("image", rows, |row| row.image),
        maybe("image_send", rows, |row| row.send),
        Column::new("start_us".into(), start),
        instants("imaged_us", rows, |row| row.imaged),
        instants("cloned_us", rows, |row| row.cloned),
        instants("customised_us", rows, |row| row.customised),
        instants("ready_us", rows, |row| row.ready),
        instants("dropped_us", rows, |row| row.dropped),
    ])
}

/// One row per image that the repository sent to a host; `whole` says whether all of it arrived.
pub fn image_sends(record: &Record) -> DataFrame {
    let rows = &record.sends;
    let start: Vec<i64> = rows.iter().map(|row| row.start.0).collect();
    let bytes: Vec<f64> = rows.iter().map(|row| row.bytes).collect();
    frame(vec![
        count("host", rows, |row| row.host.0),
        count("image", rows, |row| row.image),
        Column::new("start_us".into(), start),
        instants("end_us", rows, |row| row.end),
        count("whole", rows, |row| u32::from(row.whole)),
        Column::new("bytes".into(), bytes),
    ])
}

/// Rows of both tables, and where files are others than the run wrote.
type Found = (Vec<ProvisionRecord>, Vec<ImageSend>, Vec<Problem>);

/// What was provisioned in the run of folder `dir`.
pub(super) fn read_provisions(dir: &Path, manifest: &Manifest) -> Result<Found, Problem> {
    let [provisions, sends] = PROVISIONED.map(|name| TableFile::read(dir, name));
    let (provisions, sends) = (provisions?, sends?);
    let exchanged = [&provisions, &sends].into_iter().filter_map(|file| file.exchanged(manifest));
    Ok((provision_rows(&provisions)?, send_rows(&sends)?, exchanged.collect()))
}

fn provision_rows(table: &TableFile) -> Result<Vec<ProvisionRecord>, Problem> {
    let (vm, host) = (table.counts("vm")?, table.counts("host")?);
    let (image, send) = (table.maybe("image")?, table.maybe("image_send")?);
    let start = table.numbers::<Int64Type>("start_us")?;
    let (imaged, cloned) = (table.instants("imaged_us")?, table.instants("cloned_us")?);
    let (customised, ready) = (table.instants("customised_us")?, table.instants("ready_us")?);
    let dropped = table.instants("dropped_us")?;
    let row = |row: usize| ProvisionRecord {
        vm: VmId(vm[row]),
        host: HostId(host[row]),
        image: image[row],
        send: send[row],
        start: Instant(start[row]),
        imaged: imaged[row],
        cloned: cloned[row],
        customised: customised[row],
        ready: ready[row],
        dropped: dropped[row],
    };
    Ok((0..vm.len()).map(row).collect())
}

fn send_rows(table: &TableFile) -> Result<Vec<ImageSend>, Problem> {
    let (host, image) = (table.counts("host")?, table.counts("image")?);
    let start = table.numbers::<Int64Type>("start_us")?;
    let (end, whole) = (table.instants("end_us")?, table.counts("whole")?);
    let bytes = table.floats("bytes")?;
    let row = |row: usize| ImageSend {
        host: HostId(host[row]),
        image: image[row],
        start: Instant(start[row]),
        end: end[row],
        whole: whole[row] != 0,
        bytes: bytes[row],
    };
    Ok((0..host.len()).map(row).collect())
}
