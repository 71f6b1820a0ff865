//! The tables of a run of leases as data frames; times are seconds from the start of the workload.

use polars::prelude::*;

use super::tables::{column, count, frame, ids, text};
use crate::lease::{Schedule, bounded_slowdown, wait_s};
use crate::model::lease::{LeaseKind, LeaseRequest, Software};
use crate::model::lease_record::{LeaseOutcome, Use};
use crate::spec::LeaseInputs;
use crate::time::Instant;

type Row<'a> = (&'a LeaseRequest, &'a LeaseOutcome);

/// One row per lease, in the order of arrival: what was asked for and how it fared. `first_hosts`
/// lists the host of each VM at the first start; what did not happen is null.
pub fn leases(inputs: &LeaseInputs, schedule: &Schedule) -> DataFrame {
    let rows: Vec<Row<'_>> = inputs.workload.leases.iter().zip(&schedule.leases).collect();
    let by_request = inputs.rules.oddities.slowdown_by_request;
    let images = &inputs.workload.images;
    let image = |(lease, _): &Row<'_>| match lease.software {
        Software::None => None,
        Software::Image { image, .. } => images.get(image as usize).map(String::as_str),
    };
    let image = StringChunked::from_iter_options("image".into(), rows.iter().map(image));
    let hosts: Vec<String> = rows.iter().map(|(_, life)| listed(&life.first_hosts)).collect();
    let flags = |name: &str, of: fn(&Row<'_>) -> bool| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<bool>>())
    };
    let numbers: Vec<u64> = rows.iter().map(|(lease, _)| lease.number).collect();
    let users: Vec<Option<u64>> = rows.iter().map(|(lease, _)| lease.user).collect();
    frame(vec![
        ids("lease", rows.len()),
        Column::new("number".into(), numbers),
        text("kind", rows.iter().map(|(lease, _)| lease.kind.name())),
        Column::new("user".into(), users),
        column("submit_s", &rows, |(lease, _)| lease.arrival.seconds()),
        maybe("requested_start_s", &rows, |(lease, _)| seconds(requested(lease).0)),
        maybe("deadline_s", &rows, |(lease, _)| seconds(requested(lease).1)),
        count("nodes", &rows, |(lease, _)| lease.vms() as u32),
        column("duration_s", &rows, |(lease, _)| lease.duration.seconds()),
        maybe("real_duration_s", &rows, |(lease, _)| lease.real_duration.map(|r| r.seconds())),
        flags("preemptible", |(lease, _)| lease.preemptible),
        image.into_column(),
        text("state", rows.iter().map(|(_, life)| life.state.name())),
        maybe("promised_s", &rows, |(_, life)| seconds(life.promised)),
        maybe("first_start_s", &rows, |(_, life)| seconds(life.first_start)),
        maybe("start_s", &rows, |(_, life)| seconds(life.last_start)),
        maybe("end_s", &rows, |(_, life)| seconds(life.end)),
        column("run_s", &rows, |(_, life)| life.run_time.seconds()),
        maybe("wait_s", &rows, |(lease, life)| wait_s(lease, life)),
        maybe("slowdown", &rows, |(lease, life)| slowdown(lease, life)),
        maybe("bounded_slowdown", &rows, |(l, life)| bounded_slowdown(l, life, by_request)),
        count("suspensions", &rows, |(_, life)| life.suspensions),
        count("resumptions", &rows, |(_, life)| life.resumptions),
        count("memory_migrations", &rows, |(_, life)| life.memory_migrations),
        count("disk_migrations", &rows, |(_, life)| life.disk_migrations),
        count("image_transfers", &rows, |(_, life)| life.transfers),
        count("preemptions", &rows, |(_, life)| life.preemptions),
        flags("premature", |(_, life)| life.premature),
        text("first_hosts", hosts.iter().map(String::as_str)),
    ])
}

fn listed(hosts: &[u32]) -> String {
    hosts.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn seconds(instant: Option<Instant>) -> Option<f64> {
    instant.map(Instant::seconds)
}

/// Start and deadline, where they were asked for.
fn requested(lease: &LeaseRequest) -> (Option<Instant>, Option<Instant>) {
    match lease.kind {
        LeaseKind::AdvanceReservation { start } => (Some(start), None),
        LeaseKind::Deadline { start, deadline } => (Some(start), Some(deadline)),
        LeaseKind::BestEffort | LeaseKind::Immediate => (None, None),
    }
}

/// Time from arrival to end over the time that it ran.
fn slowdown(lease: &LeaseRequest, life: &LeaseOutcome) -> Option<f64> {
    let (end, run) = (life.end?, life.run_time.seconds());
    (run > 0.0).then(|| (end - lease.arrival).seconds() / run)
}

fn maybe<R>(name: &str, rows: &[R], of: impl Fn(&R) -> Option<f64>) -> Column {
    Float64Chunked::from_iter_options(name.into(), rows.iter().map(of)).into_column()
}

/// One row per state that a lease entered, lease by lease, in order.
pub fn lease_states(schedule: &Schedule) -> DataFrame {
    let leases = schedule.leases.iter().zip(0_u32..);
    let rows: Vec<_> = leases
        .flat_map(|(life, lease)| life.history.iter().map(move |&(at, state)| (lease, at, state)))
        .collect();
    frame(vec![
        count("lease", &rows, |row| row.0),
        column("time_s", &rows, |row| row.1.seconds()),
        text("state", rows.iter().map(|row| row.2.name())),
    ])
}

/// One row per host and time that a lease held something there, in the order in which it was over:
/// amounts are columns named as the site names its resources.
pub fn holdings(inputs: &LeaseInputs, schedule: &Schedule) -> DataFrame {
    let stretches = schedule.stretches.iter();
    let rows: Vec<_> = stretches.flat_map(|s| s.hosts.iter().map(move |on| (s, on))).collect();
    let mut columns = vec![
        count("lease", &rows, |row| row.0.lease.0),
        text("purpose", rows.iter().map(|row| row.0.purpose.name())),
        column("start_s", &rows, |row| row.0.start.seconds()),
        column("end_s", &rows, |row| row.0.end.seconds()),
        count("host", &rows, |row| row.1.0),
    ];
    for (k, name) in inputs.site.resources.iter().enumerate() {
        let amounts: Vec<i64> = rows.iter().map(|row| row.1.1[k]).collect();
        columns.push(Column::new(name.as_str().into(), amounts));
    }
    frame(columns)
}

/// One row per change of the CPU in use: hundredths of a core, and its share of the site's.
pub fn utilisation(schedule: &Schedule) -> DataFrame {
    let steps = &schedule.cpu.steps;
    let cpu: Vec<i64> = steps.iter().map(|step| step.1).collect();
    let total = schedule.total_cpu.max(1) as f64;
    frame(vec![
        column("time_s", steps, |step| step.0.seconds()),
        Column::new("cpu".into(), cpu),
        column("share", steps, |step| step.1 as f64 / total),
    ])
}

/// One row per transfer of a disk image: the lease that it began for, and to how many hosts.
pub fn image_transfers(inputs: &LeaseInputs, schedule: &Schedule) -> DataFrame {
    let stretches = schedule.stretches.iter();
    let rows: Vec<_> = stretches.filter(|stretch| stretch.purpose == Use::Transfer).collect();
    let software = |lease: u32| match inputs.workload.leases[lease as usize].software {
        Software::None => ("", 0.0),
        Software::Image { image, size } => {
            let name = inputs.workload.images.get(image as usize).map_or("", String::as_str);
            (name, size as f64)
        }
    };
    frame(vec![
        count("lease", &rows, |row| row.lease.0),
        text("image", rows.iter().map(|row| software(row.lease.0).0)),
        column("size_mb", &rows, |row| software(row.lease.0).1),
        column("start_s", &rows, |row| row.start.seconds()),
        column("end_s", &rows, |row| row.end.seconds()),
        count("hosts", &rows, |row| row.hosts.len() as u32),
    ])
}
