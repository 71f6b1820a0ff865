//! Consolidation of virtual machines and scheduling of leases: exact, reproducible, fast.
//!
//! VMs replay recorded CPU utilisation on a fleet of hosts. At every sample a policy finds the
//! hosts that run short, selects VMs that leave them, places these elsewhere, and empties hosts
//! that have little to do so that they can be switched off. A run says what that costs: energy,
//! violations of the service level, migrations. Leases ask for VMs over time, and are served by the
//! rules of Haizea or plain ones. The same input gives the same event log, byte for byte.
//!
//! ```
//! use std::ops::ControlFlow;
//! use std::path::Path;
//!
//! use galerna::{engine, spec};
//!
//! // A bundled policy with one of its keys overridden; a path to a TOML file will do as well.
//! let seed = spec::Override::parse("run.seed=0")?;
//! let spec = spec::load(Path::new("lr-mmt"), vec![seed])?;
//!
//! // The trace, the fleet and the rules, then fresh policies, then the run.
//! let inputs = spec::Inputs::read(&spec)?;
//! let policies = spec::policies(&spec, &inputs.fleet)?;
//! let mut never_stop = |_sample| ControlFlow::Continue(());
//! let outcome =
//!     engine::run(&inputs.fleet, &inputs.trace, &inputs.rules, policies, &mut never_stop)?;
//!
//! println!("{:.1} kWh, {} migrations", outcome.summary.energy_kwh, outcome.summary.migrations);
//! assert!(outcome.summary.energy_kwh > 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Map of the modules
//!
//! Each layer imports only from those above it in this table; `tests/house_rules.rs` holds the
//! exact rows and `docs/architecture.md` the reasons.
//!
//! | layer | module | question |
//! |---|---|---|
//! | vocabulary | [`units`], [`time`], [`id`] | how much, when, who? |
//! | | [`stats`], [`random`] | pure functions; named, seeded streams |
//! | | [`policy`], [`problem`] | what does a policy promise? how is a fault worded? |
//! | nouns | [`model`] | hosts, VMs, the fleet, the rules, the record of a run |
//! | | [`calendar`] | what is free when? |
//! | | [`topology`] | how are hosts connected, and how do flows share what connects them? |
//! | concepts | [`power`] | what does a host draw? |
//! | | [`trace`] | what do VMs ask for? |
//! | | [`forecast`] | what will the load be, and how sure is that? |
//! | | [`detect`] | which hosts are over- or underloaded? |
//! | | [`select`] | which VM leaves? |
//! | | [`reassign`] | which item goes to which machine, and how far is that from the best? |
//! | | [`milp`] | what do integers cost least that obey these rows? |
//! | | [`cluster`] | which moves would make this cluster better? |
//! | | [`place`] | where does it go? |
//! | | [`migrate`] | what does a move cost? |
//! | | [`provision`] | what must lie where before a lease starts? |
//! | | [`lease`] | which lease runs when and where? |
//! | | [`sequence`] | in which order, and when, do VMs move? |
//! | | [`metric`] | what did it all come to? |
//! | | [`account`] | what did it cost, and bring in? |
//! | | [`check`] | does a finished run hold? |
//! | engine | [`engine`] | what happens when? |
//! | assembly | [`evaluate`] | how good are forecasts and detectors? |
//! | | [`spec`] | what may a run file say? |
//! | | [`explain`] | why was it decided so? |
//! | | [`batch`] | which of many runs is better, and how sure is that? |
//! | faces | [`frames`], [`report`] | tables and pictures of a run |
//! | | [`cli`] | the command `galerna` |
//!
//! # Features
//!
//! `frames` (default): Parquet traces, the folder of a run and batches, by polars. `cli` (default,
//! needs `frames`): the command. `ilp` (default): integer programmes by HiGHS, or by microlp with
//! `ilp-pure`; without either, heuristics alone. `learn` (default): forecasters of smartcore and
//! augurs. Without all of them the engine and all other policies are there.

// The one exception, which tells polars its number of threads, is allowed where it stands.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod account;
#[cfg(feature = "frames")]
pub mod batch;
pub mod calendar;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cluster;
pub mod detect;
pub mod engine;
pub mod evaluate;
pub mod explain;
pub mod forecast;
#[cfg(feature = "frames")]
pub mod frames;
pub mod id;
pub mod lease;
pub mod metric;
pub mod migrate;
pub mod milp;
pub mod model;
pub mod place;
pub mod policy;
pub mod power;
pub mod problem;
pub mod provision;
pub mod random;
pub mod reassign;
#[cfg(feature = "frames")]
pub mod report;
pub mod select;
pub mod sequence;
pub mod spec;
pub mod stats;
pub mod time;
pub mod topology;
pub mod trace;
pub mod units;
mod whole_file;
