//! The compiled half of the Python package `galerna`: the list of what it exports.
//!
//! Text crosses as JSON, tables as Arrow streams, what policies see as views and `NumPy` arrays.
//! Everything that is not conversion lives in the engine or in the Python half.

mod batch;
mod catalogue;
mod check;
mod command;
mod dirty;
mod enter;
mod errors;
mod explain;
mod extra;
mod forecast;
mod interpreter;
mod migrate;
mod planner;
mod policies;
mod run;
mod sequence;
mod table;
mod trace;

use pyo3::prelude::*;

/// Compiled half of galerna.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::batch::{Batch, compare, sweep};
    #[pymodule_export]
    use super::catalogue::{catalogue_hosts, catalogue_instances, describe, policies};
    #[pymodule_export]
    use super::check::check;
    #[pymodule_export]
    use super::command::main;
    #[pymodule_export]
    use super::explain::{explain_leases, explain_run, run_without};
    #[pymodule_export]
    use super::extra::solve_snapshot;
    #[pymodule_export]
    use super::forecast::{Bank, Evaluation, Forecaster, forecasters};
    #[pymodule_export]
    use super::migrate::{
        evaluate_migrations, fit_migrations, migration_models, predict_migration,
    };
    #[pymodule_export]
    use super::planner::Planner;
    #[pymodule_export]
    use super::policies::{
        Draft, Host, HostLoads, Hosts, Lease, LeaseHost, LeaseRoom, Snapshot, Vm, Vms,
    };
    #[pymodule_export]
    use super::run::{Run, check_destination, run};
    #[pymodule_export]
    use super::sequence::{sequence_goals, sequence_moves};
    #[pymodule_export]
    use super::table::Table;
    #[pymodule_export]
    use super::trace::{
        convert_trace, days, fetch_trace, generate_trace, published_traces, trace_info,
    };

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::interpreter::install();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
