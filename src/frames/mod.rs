//! Result tables as data frames, and the folder in which a run is kept.
//!
//! | file | one row per | columns |
//! |---|---|---|
//! | `hosts.parquet` | host | `host cores`, its resources, those of `HostRecord` |
//! | `vms.parquet` | VM | `vm`, its resources, those of `VmRecord` |
//! | `actions.parquet` | action, in order | `time_us time_s kind vm from to reason` |
//! | `samples.parquet` | decision | those of `SampleRecord`, `seconds` as `time_s` |
//! | `demand.parquet` | VM and sample | `vm sample` and `cpu_pct` (0..=100) or `cpu` (fraction) |
//! | `run.json` | run | what was run, with which inputs, and what it added up to |
//!
//! Resources are `capacity_mips` of a host and `mips` of a VM, `ram_bytes`, `disk_bytes`,
//! `net_bytes_s`. Columns carry their units in their names; what there is not is null. No table
//! holds a wall-clock time: the same spec and seed give the same bytes, whatever the number of
//! threads.

mod error;
mod folder;
mod manifest;
mod read;
mod tables;

pub use error::Error;
pub use folder::{Existing, RunFolder, check_destination, write_run};
pub(crate) use folder::{parquet, sync_folder};
pub use manifest::{Manifest, RunReport, Timing, TraceReport};
pub use read::{FoundRun, read_manifest, read_run};
pub use tables::{actions, demand, hosts, moves, samples, stages, vms};
