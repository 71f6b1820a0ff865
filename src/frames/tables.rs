//! The tables of a run as data frames, one column per field, in the order of the record.

use polars::prelude::*;

use crate::account::{Entry, Ledger};
use crate::id::{HostId, Id};
use crate::model::record::RestartRecord;
use crate::model::{Action, Fleet, Record};
use crate::time::Instant;
use crate::trace::{UtilisationTrace, Values};

/// One row per host, by id: what it is and what it added up to. Disk and network are null where
/// the host has no limit of them.
///
/// ```
/// use galerna::frames::hosts;
/// use galerna::model::{Fleet, HostRecord, Machine, Record};
/// use galerna::units::Bytes;
///
/// let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(32)).unwrap();
/// let fleet = Fleet::of_hosts(vec![g4], [0]);
/// let mut record = Record::default();
/// record.hosts.push(HostRecord { energy_j: 86.0, ..HostRecord::default() });
/// let frame = hosts(&record, &fleet);
/// assert_eq!(frame.column("energy_j").unwrap().f64().unwrap().get(0), Some(86.0));
/// ```
pub fn hosts(record: &Record, fleet: &Fleet) -> DataFrame {
    let rows = &record.hosts;
    let machine = |row: usize| fleet.machine_of(HostId::from_index(row));
    let cores: Vec<u32> = (0..rows.len()).map(|row| machine(row).cores).collect();
    let capacity: Vec<f64> = fleet.capacity.as_slice().iter().map(|mips| mips.0).collect();
    let ram: Vec<u64> = fleet.host_ram.as_slice().iter().map(|bytes| bytes.0).collect();
    let disk = fleet.host_disk.as_slice().iter().map(|disk| disk.map(|bytes| bytes.0));
    let disk: Vec<Option<u64>> = disk.collect();
    let net = fleet.host_net.as_slice().iter().map(|net| net.map(|rate| rate.0));
    let net: Vec<Option<f64>> = net.collect();
    frame(vec![
        ids("host", rows.len()),
        text("machine", rows.iter().map(|row| row.machine.as_str())),
        Column::new("cores".into(), cores),
        Column::new("capacity_mips".into(), capacity),
        Column::new("ram_bytes".into(), ram),
        Column::new("disk_bytes".into(), disk),
        Column::new("net_bytes_s".into(), net),
        column("on_s", rows, |row| row.on_s),
        column("transition_s", rows, |row| row.transition_s),
        column("violation_s", rows, |row| row.violation_s),
        column("energy_j", rows, |row| row.energy_j),
        count("shutdowns", rows, |row| row.shutdowns),
    ])
}

/// One row per entry of the ledger: `amount_micro` is in millionths of the currency, gained, or
/// spent where it is negative.
pub fn ledger(ledger: &Ledger) -> DataFrame {
    let rows = &ledger.entries;
    let times = |name: &str, of: fn(&Entry) -> i64| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<i64>>())
    };
    frame(vec![
        text("account", rows.iter().map(|row| row.account.name())),
        text("subject", rows.iter().map(|row| row.subject.parts().0)),
        count("id", rows, |row| row.subject.parts().1),
        times("start_us", |row| row.start.0),
        times("end_us", |row| row.end.0),
        column("quantity", rows, |row| row.quantity),
        text("unit", rows.iter().map(|row| row.account.unit())),
        column("unit_price", rows, |row| row.unit_price),
        times("amount_micro", |row| row.amount.0),
    ])
}

/// One row per VM, by id: what it is and what it got. How many cores it has is said where any has
/// several.
pub fn vms(record: &Record, fleet: &Fleet) -> DataFrame {
    let rows = &record.vms;
    let mips: Vec<f64> = fleet.vm_mips.as_slice().iter().map(|mips| mips.0).collect();
    let ram: Vec<u64> = fleet.vm_ram.as_slice().iter().map(|bytes| bytes.0).collect();
    let disk: Vec<u64> = fleet.vm_disk.as_slice().iter().map(|bytes| bytes.0).collect();
    let net: Vec<f64> = fleet.vm_net.as_slice().iter().map(|rate| rate.0).collect();
    let mut columns = vec![
        ids("vm", rows.len()),
        Column::new("mips".into(), mips),
        Column::new("ram_bytes".into(), ram),
        Column::new("disk_bytes".into(), disk),
        Column::new("net_bytes_s".into(), net),
        text("trace", rows.iter().map(|row| row.trace.as_str())),
        column("demanded_mi", rows, |row| row.demanded_mi),
        column("allocated_mi", rows, |row| row.allocated_mi),
        column("lost_to_migration_mi", rows, |row| row.lost_to_migration_mi),
        column("short_s", rows, |row| row.short_s),
        count("migrations", rows, |row| row.migrations),
    ];
    if fleet.vm_cores.as_slice().iter().any(|&cores| cores > 1.0) {
        let cores = fleet.vm_cores.as_slice().iter().map(|&cores| cores as u32);
        columns.insert(2, Column::new("cores".into(), cores.collect::<Vec<_>>()));
    }
    frame(columns)
}

/// One row per action, in order of occurrence; `vm`, `from` and `to` are null where there is none,
/// `reason` is null for a consequence of an earlier action.
///
/// ```
/// use galerna::frames::actions;
/// use galerna::id::HostId;
/// use galerna::model::{Action, ActionKind, Record, record::Reason};
/// use galerna::time::Instant;
///
/// let (at, kind, from) = (Instant(300_100_000), ActionKind::HostOff, Some(HostId(7)));
/// let reason = Reason::Consequence;
/// let off = Action { at, seconds: at.seconds(), kind, vm: None, from, to: None, reason };
/// let frame = actions(&Record { actions: vec![off], ..Record::default() });
/// assert_eq!(frame.column("kind").unwrap().str().unwrap().get(0), Some("host-off"));
/// assert_eq!(frame.column("to").unwrap().u32().unwrap().get(0), None);
/// ```
pub fn actions(record: &Record) -> DataFrame {
    let rows = &record.actions;
    let times: Vec<i64> = rows.iter().map(|row| row.at.0).collect();
    frame(vec![
        Column::new("time_us".into(), times),
        column("time_s", rows, |row| row.seconds),
        text("kind", rows.iter().map(|row| row.kind.name())),
        maybe("vm", rows, |row| row.vm.map(|vm| vm.0)),
        maybe("from", rows, |row| row.from.map(|host| host.0)),
        maybe("to", rows, |row| row.to.map(|host| host.0)),
        reasons(rows),
    ])
}

/// One row per decision: the state right after it.
pub fn samples(record: &Record) -> DataFrame {
    let rows = &record.samples;
    frame(vec![
        count("sample", rows, |row| row.sample),
        column("time_s", rows, |row| row.seconds),
        count("hosts_on", rows, |row| row.hosts_on),
        count("vms", rows, |row| row.vms),
        column("demand_mips", rows, |row| row.demand_mips),
        column("allocated_mips", rows, |row| row.allocated_mips),
        column("power_w", rows, |row| row.power_w),
        count("overloaded", rows, |row| row.overloaded),
        count("migrations", rows, |row| row.migrations),
    ])
}

/// One row per migration, in the order in which they began; `end_us` is null where it had not
/// ended.
pub fn moves(record: &Record) -> DataFrame {
    let rows = &record.moves;
    frame(vec![
        count("vm", rows, |row| row.vm.0),
        count("from", rows, |row| row.from.0),
        count("to", rows, |row| row.to.0),
        Column::new("start_us".into(), rows.iter().map(|row| row.start.0).collect::<Vec<i64>>()),
        instants("end_us", rows, |row| row.end),
        text("ending", rows.iter().map(|row| row.ending.name())),
        column("bytes", rows, |row| row.bytes),
        count("rounds", rows, |row| row.rounds),
        column("downtime_s", rows, |row| row.downtime_s),
        column("energy_j", rows, |row| row.energy_j),
    ])
}

/// One row per stage of a migration, in order of occurrence; `migration` is its row in `moves`.
pub fn stages(record: &Record) -> DataFrame {
    let rows = &record.stages;
    frame(vec![
        count("migration", rows, |row| row.migration),
        text("kind", rows.iter().map(|row| row.kind.name())),
        Column::new("start_us".into(), rows.iter().map(|row| row.start.0).collect::<Vec<i64>>()),
        column("start_s", rows, |row| row.seconds),
        instants("end_us", rows, |row| row.end),
        column("bytes", rows, |row| row.bytes),
        column("speed", rows, |row| row.speed),
    ])
}

/// One row per decision of a planner that tells what its plan costs.
pub fn decisions(record: &Record) -> DataFrame {
    let rows = &record.decisions;
    frame(vec![
        count("sample", rows, |row| row.sample),
        column("time_s", rows, |row| row.seconds),
        column("before_j", rows, |row| row.before_j),
        column("cost_j", rows, |row| row.cost_j),
        column("bound_j", rows, |row| row.bound_j),
        column("gap", rows, |row| row.gap()),
        Column::new("steps".into(), rows.iter().map(|row| row.steps).collect::<Vec<u64>>()),
        count("migrations", rows, |row| row.migrations),
    ])
}

/// One row per outage of a host, in the order in which they began; `end_us` is null where it was
/// not repaired.
pub fn outages(record: &Record) -> DataFrame {
    let rows = &record.outages;
    frame(vec![
        count("host", rows, |row| row.host.0),
        Column::new("start_us".into(), rows.iter().map(|row| row.start.0).collect::<Vec<i64>>()),
        instants("end_us", rows, |row| row.end),
    ])
}

/// One row per outage of a link between sites, in the order in which they began; `end_us` is null
/// where it was not repaired.
pub fn link_outages(record: &Record) -> DataFrame {
    let rows = &record.link_outages;
    frame(vec![
        count("link", rows, |row| row.link),
        Column::new("start_us".into(), rows.iter().map(|row| row.start.0).collect::<Vec<i64>>()),
        instants("end_us", rows, |row| row.end),
    ])
}

/// One row per outage of a switch or a cable, in the order in which they began; `end_us` is null
/// where it was not repaired.
pub fn network_outages(record: &Record) -> DataFrame {
    let rows = &record.network_outages;
    let parts: Vec<&str> = rows.iter().map(|row| row.part.name()).collect();
    frame(vec![
        Column::new("part".into(), parts),
        count("number", rows, |row| row.number),
        Column::new("start_us".into(), rows.iter().map(|row| row.start.0).collect::<Vec<i64>>()),
        instants("end_us", rows, |row| row.end),
    ])
}

/// One row per host that was cut off, by the time when it was; `end_us` is null where it was until
/// the end.
pub fn cut_offs(record: &Record) -> DataFrame {
    let rows = &record.cut_offs;
    frame(vec![
        count("host", rows, |row| row.host.0),
        Column::new("start_us".into(), rows.iter().map(|row| row.start.0).collect::<Vec<i64>>()),
        instants("end_us", rows, |row| row.end),
    ])
}

/// One row per VM whose host failed, in the order in which they did: which host failed when, from
/// when on another was looked for, which was found and when, when the VM ran again (`up_us`) or its
/// lease ended before (`gone_us`).
pub fn restarts(record: &Record) -> DataFrame {
    let rows = &record.restarts;
    let times = |name: &str, of: fn(&RestartRecord) -> i64| {
        Column::new(name.into(), rows.iter().map(of).collect::<Vec<i64>>())
    };
    frame(vec![
        count("vm", rows, |row| row.vm.0),
        count("priority", rows, |row| row.priority),
        count("from", rows, |row| row.from.0),
        times("failed_us", |row| row.failed.0),
        times("ready_us", |row| row.ready.0),
        maybe("to", rows, |row| row.to.map(|host| host.0)),
        instants("placed_us", rows, |row| row.placed),
        instants("up_us", rows, |row| row.up),
        instants("gone_us", rows, |row| row.gone),
    ])
}

/// What every VM of `fleet` asks for at each sample, VM by VM: whole per cent of its rate as
/// `cpu_pct`, or, where the trace is finer, a fraction of it as `cpu`.
pub fn demand(trace: &UtilisationTrace, fleet: &Fleet) -> DataFrame {
    replayed(trace, fleet.trace_row.as_slice(), "vm")
}

/// One row per row of `trace` and sample, as it is in the trace: for VMs that come and go.
pub fn trace_rows(trace: &UtilisationTrace) -> DataFrame {
    replayed(trace, &(0..trace.vms()).collect::<Vec<_>>(), "row")
}

fn replayed(trace: &UtilisationTrace, rows: &[usize], id: &str) -> DataFrame {
    let samples = trace.samples();
    let range = |row: &usize| row * samples..(row + 1) * samples;
    let value = match trace.values() {
        Values::Percent(all) => {
            let values: Vec<u8> = rows.iter().flat_map(|row| &all[range(row)]).copied().collect();
            Column::new("cpu_pct".into(), values)
        }
        Values::Fraction(all) => {
            let values: Vec<f32> = rows.iter().flat_map(|row| &all[range(row)]).copied().collect();
            Column::new("cpu".into(), values)
        }
    };
    let vm = (0..rows.len() as u32).flat_map(|vm| std::iter::repeat_n(vm, samples));
    let sample = (0..rows.len()).flat_map(|_| 0..samples as u32);
    frame(vec![
        Column::new(id.into(), vm.collect::<Vec<u32>>()),
        Column::new("sample".into(), sample.collect::<Vec<u32>>()),
        value,
    ])
}

pub(super) fn frame(columns: Vec<Column>) -> DataFrame {
    DataFrame::new_infer_height(columns).expect("the columns of a record are equally long")
}

pub(super) fn ids(name: &str, rows: usize) -> Column {
    Column::new(name.into(), (0..rows as u32).collect::<Vec<u32>>())
}

pub(super) fn column<R>(name: &str, rows: &[R], of: impl Fn(&R) -> f64) -> Column {
    Column::new(name.into(), rows.iter().map(of).collect::<Vec<f64>>())
}

pub(super) fn count<R>(name: &str, rows: &[R], of: impl Fn(&R) -> u32) -> Column {
    Column::new(name.into(), rows.iter().map(of).collect::<Vec<u32>>())
}

pub(super) fn maybe<R>(name: &str, rows: &[R], of: impl Fn(&R) -> Option<u32>) -> Column {
    UInt32Chunked::from_iter_options(name.into(), rows.iter().map(of)).into_column()
}

pub(super) fn instants<R>(name: &str, rows: &[R], of: impl Fn(&R) -> Option<Instant>) -> Column {
    let times = rows.iter().map(|row| of(row).map(|at| at.0));
    Int64Chunked::from_iter_options(name.into(), times).into_column()
}

pub(super) fn text<'r>(name: &str, rows: impl Iterator<Item = &'r str>) -> Column {
    StringChunked::from_iter_values(name.into(), rows).into_column()
}

fn reasons(rows: &[Action]) -> Column {
    let words = rows.iter().map(|row| Some(row.reason.words()).filter(|words| !words.is_empty()));
    StringChunked::from_iter_options("reason".into(), words).into_column()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Machine, VmType};
    use crate::time::Span;
    use crate::units::Bytes;

    /// VM 0 replays row 1 of the trace and VM 1 row 0.
    #[test]
    fn demand_is_listed_by_vm_and_not_by_trace_row() {
        let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(32)).unwrap();
        let mut fleet = Fleet::of_hosts(vec![g4], [0]);
        fleet.add_vms_in_blocks(&VmType::PUBLISHED, &[1, 0]);
        let step = Span::from_seconds(300.0);
        let names = || vec!["a".to_owned(), "b".to_owned()];
        let trace = UtilisationTrace::new(names(), step, Values::Percent(vec![1, 2, 30, 40]));
        let table = demand(&trace, &fleet);
        let values = table.column("cpu_pct").unwrap().u8().unwrap();
        assert_eq!(values.into_no_null_iter().collect::<Vec<_>>(), [30, 40, 1, 2]);
        let fine = Values::Fraction(vec![0.1, 0.2, 0.3, 0.4]);
        let table = demand(&UtilisationTrace::new(names(), step, fine), &fleet);
        assert_eq!(table.column("cpu").unwrap().f32().unwrap().get(0), Some(0.3));
        assert_eq!(table.column("vm").unwrap().u32().unwrap().get(3), Some(1));
    }

    #[test]
    fn an_empty_record_gives_tables_with_all_columns() {
        let record = Record::default();
        assert_eq!((actions(&record).shape(), samples(&record).shape()), ((0, 7), (0, 9)));
    }
}
