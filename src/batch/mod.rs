//! Which of many runs is better, and how sure is that? Sweeps and comparisons.
//!
//! A [`Design`] says which runs are wanted: specs, and axes along which keys of a spec vary. A
//! [`Plan`] is the list of those runs, checked completely. A [`Batch`] runs a plan on several
//! threads, each trace read once, and, in a folder, keeps every result under an address made of
//! all that determines it, so that an interrupted sweep goes on and a repeated one is free. A
//! [`Question`] is a design whose runs are pairs, and a [`Comparison`] what the pairs say.
//!
//! ```
//! use std::ops::ControlFlow;
//! use galerna::batch::{Batch, BySpec, Plan, Sweep};
//!
//! let text = "base = \"dvfs\"\n[grid]\nrun.seed = [0, 1]\nmigration.share = [0.25, 0.5]";
//! let plan = Plan::of(&Sweep::parse(text, "four runs")?.design)?;
//! let batch = Batch { plan: &plan, threads: 2, policies: &BySpec };
//! let results = batch.run(None, &mut |_| ControlFlow::Continue(()))?;
//! assert_eq!((results.rows.len(), results.failed()), (4, 0));
//! # Ok::<(), galerna::batch::Error>(())
//! ```

mod address;
mod compare;
mod dataset;
mod design;
mod error;
mod execute;
mod figures;
mod inputs;
mod journal;
mod plan;
mod queue;
mod replay;
mod row;
mod runs_table;
mod sweep;
mod sweep_file;
mod tables;
mod traces;

pub use compare::{Comparison, Contrast, Entrant, Question, Verdict, metric};
pub use dataset::{Dataset, Notes};
pub use design::{Base, Change, Design, Point};
pub use error::Error;
pub use execute::{BySpec, Execution, Finished, Nowhere, PolicySource, Stopped, Store};
pub use figures::{METRICS, usual};
pub use inputs::Ran;
pub use plan::{ALL_DAYS, MOST_RUNS, Plan, PlannedRun};
pub use row::{Ended, Row};
pub use runs_table::runs_frame;
pub use sweep::{Batch, Output, Results, Watch};
pub use sweep_file::Sweep;
pub use tables::RunTable;
