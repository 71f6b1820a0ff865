//! Result tables as data frames, and the folder in which a run is kept.
//!
//! | file | one row per | columns |
//! |---|---|---|
//! | `hosts.parquet` | host | `host cores`, its resources, those of `HostRecord` |
//! | `vms.parquet` | VM | `vm`, its resources, those of `VmRecord` |
//! | `actions.parquet` | action, in order | `time_us time_s kind vm from to reason` |
//! | `samples.parquet` | decision | those of `SampleRecord`, `seconds` as `time_s` |
//! | `demand.parquet` | VM and sample | `vm sample` and `cpu_pct` (0..=100) or `cpu` (fraction) |
//! | `moves.parquet` | migration | those of `MoveRecord`, times in microseconds |
//! | `stages.parquet` | stage of a migration | those of `StageRecord` |
//! | `decisions.parquet` | decision of a planner that weighs | those of `DecisionRecord`, `gap` |
//! | `leases.parquet` | lease | what was asked for, how it fared, wait and slowdowns |
//! | `lease_states.parquet` | state of a lease | `lease time_s state` |
//! | `holdings.parquet` | host that a lease held | `lease purpose start_s end_s host`, amounts |
//! | `utilisation.parquet` | change of use | `time_s cpu share` |
//! | `image_transfers.parquet` | transfer | `lease image size_mb start_s end_s hosts` |
//! | `workload.lwf` | | site and leases as they were asked for |
//! | `ledger.parquet` | entry of the ledger | account, subject, period, quantity, price, amount |
//! | `outages.parquet` | outage of a host | `host start_us end_us` |
//! | `restarts.parquet` | VM whose host failed | those of `RestartRecord` |
//! | `network_outages.parquet` | outage of a switch or cable | `part number start_us end_us` |
//! | `cut_offs.parquet` | host that was cut off | `host start_us end_us` |
//! | `provisions.parquet` | VM that was provisioned | those of `ProvisionRecord` |
//! | `image_sends.parquet` | image sent for that | those of `ImageSend` |
//! | `run.json` | run | what was run, with which inputs, and what it added up to |
//!
//! A run of load has the first eight, a run of leases the next six, one with `[costs]` the ledger,
//! one with `[outages]` the two after it, one with `[outages]` and `[sites]` `link_outages`, one in
//! which switches or cables fail the next two, one with `[leases.provision]` the two after these.
//! Resources are `capacity_mips` of a host and `mips` of a VM, `ram_bytes`, `disk_bytes`,
//! `net_bytes_s`; amounts are columns named as the site of the leases names them. Columns carry
//! their units in their names; what there is not is null.
//! No table holds a wall-clock time: the same spec and seed give the same bytes, whatever the
//! number of threads.

mod error;
mod folder;
pub mod lease_tables;
mod manifest;
mod provision_tables;
mod read;
mod read_actions;
mod read_failed;
mod read_leases;
mod snapshot;
mod table_file;
mod tables;

pub use error::Error;
pub use folder::{Existing, LeaseFolder, RunFolder, check_destination, write_lease_run, write_run};
pub(crate) use folder::{parquet, sync_folder};
pub use manifest::{Manifest, RunReport, Timing, TraceReport, WorkloadReport};
pub use provision_tables::{image_sends, provisions};
pub use read::{FoundEvidence, FoundRun, read_manifest, read_run};
pub use read_leases::FoundLeases;
pub use snapshot::snapshot_text;
pub use tables::{
    actions, cut_offs, decisions, demand, hosts, ledger, link_outages, moves, network_outages,
    outages, restarts, samples, stages, trace_rows, vms,
};
