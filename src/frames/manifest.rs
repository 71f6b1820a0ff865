//! What was run, on what, and what it added up to: `run.json`, and what `run --format json` prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::{CostSummary, Ledger};
use crate::lease::{LeaseSummary, Schedule};
use crate::metric::Summary;
use crate::model::Record;
use crate::model::lease_record::event_log_blake3;
use crate::spec::{Inputs, LeaseInputs, RunSpec};
use crate::trace::{Finding, UtilisationTrace};

/// The identity and the figures of a finished run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Version of galerna.
    pub version: String,
    /// The spec as it was named: a path or a bundled name.
    pub spec: String,
    /// BLAKE3 of the spec with every default filled in.
    pub spec_blake3: String,
    /// Seed of all random streams.
    pub seed: u64,
    /// The load that was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceReport>,
    /// The leases that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadReport>,
    /// The metrics of load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// The metrics of leases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leases: Option<LeaseSummary>,
    /// What it cost and brought in, where amounts were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<CostSummary>,
    /// What it took.
    pub timing: Timing,
    /// BLAKE3 of the event log: two runs that decide alike have the same.
    pub event_log_blake3: String,
    /// BLAKE3 of what hosts and VMs did, in a run of leases that carry load; `event_log_blake3` is
    /// that of the leases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_log_blake3: Option<String>,
    /// The energy below which no placement serves all that the VMs ask for, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_lower_bound_kwh: Option<f64>,
}

/// The identity of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceReport {
    /// As the spec names it.
    pub path: String,
    /// The day, where one was selected.
    pub day: Option<String>,
    /// How many VMs.
    pub vms: usize,
    /// Samples of all VMs together.
    pub samples: usize,
    /// Time between two samples, seconds.
    pub step_s: f64,
    /// BLAKE3 of names, step and values.
    pub blake3: String,
    /// What was odd in the source and what was done about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<Finding>,
}

/// The identity of a workload of leases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadReport {
    /// As the spec names it.
    pub path: String,
    /// How many leases.
    pub leases: usize,
    /// How many hosts.
    pub hosts: usize,
    /// Leases of the source that were left out.
    pub left_out: usize,
    /// Instants at which something happened.
    pub steps: u64,
    /// BLAKE3 of site and leases, in LWF.
    pub blake3: String,
}

/// CPU seconds of the process, all threads together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Reading the trace and building the fleet.
    pub read_s: f64,
    /// Running, from the first placement to the summary.
    pub run_s: f64,
}

/// All of `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What `run --format json` prints.
    #[serde(flatten)]
    pub report: RunReport,
    /// The command line that made the run; empty when it was not a command.
    pub command: Vec<String>,
    /// The spec with every default filled in.
    pub resolved_spec: RunSpec,
    /// BLAKE3 of each table's file.
    pub tables: BTreeMap<String, String>,
}

impl Manifest {
    /// The manifest of a run whose tables are not written yet.
    pub(super) fn new(report: &RunReport, spec: &RunSpec, command: &[String]) -> Self {
        Self {
            report: report.clone(),
            command: command.to_vec(),
            resolved_spec: spec.clone(),
            tables: BTreeMap::new(),
        }
    }
}

impl RunReport {
    /// The report of the run of `spec`, which the user calls `name`.
    pub fn new(
        name: &str,
        spec: &RunSpec,
        inputs: &Inputs,
        record: &Record,
        summary: &Summary,
        timing: Timing,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            spec: name.into(),
            spec_blake3: spec.blake3(),
            seed: spec.run.seed,
            trace: Some(TraceReport::new(spec, &inputs.trace)),
            workload: None,
            summary: Some(summary.clone()),
            leases: None,
            costs: None,
            timing,
            event_log_blake3: record.event_log_blake3(),
            load_log_blake3: None,
            energy_lower_bound_kwh: None,
        }
    }

    /// The report of the run of leases of `spec`, which the user calls `name`.
    pub fn of_leases(
        name: &str,
        spec: &RunSpec,
        inputs: &LeaseInputs,
        schedule: &Schedule,
        timing: Timing,
    ) -> Self {
        let path = spec
            .leases
            .as_ref()
            .map_or_else(String::new, |leases| leases.workload.0.display().to_string());
        let requests = &inputs.workload.leases;
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            spec: name.into(),
            spec_blake3: spec.blake3(),
            seed: spec.run.seed,
            trace: None,
            workload: Some(WorkloadReport {
                path,
                leases: requests.len(),
                hosts: inputs.site.hosts.len(),
                left_out: inputs.left_out,
                steps: schedule.steps,
                blake3: inputs.blake3(),
            }),
            summary: None,
            leases: Some(LeaseSummary::new(requests, schedule, &inputs.rules)),
            costs: None,
            timing,
            event_log_blake3: event_log_blake3(&schedule.leases, &schedule.stretches),
            load_log_blake3: None,
            energy_lower_bound_kwh: None,
        }
    }

    /// The report with a lower bound of the energy.
    pub fn with_bound(self, energy_lower_bound_kwh: Option<f64>) -> Self {
        Self { energy_lower_bound_kwh, ..self }
    }

    /// The report with what is in the ledger.
    pub fn with_costs(self, ledger: Option<&Ledger>) -> Self {
        Self { costs: ledger.map(Ledger::summary), ..self }
    }

    /// The report of a run of leases with what the load of their VMs came to.
    pub fn with_load(
        self,
        spec: &RunSpec,
        inputs: &Inputs,
        record: &Record,
        summary: &Summary,
    ) -> Self {
        Self {
            trace: Some(TraceReport::new(spec, &inputs.trace)),
            summary: Some(summary.clone()),
            load_log_blake3: Some(record.event_log_blake3()),
            ..self
        }
    }
}

impl TraceReport {
    fn new(spec: &RunSpec, trace: &UtilisationTrace) -> Self {
        Self {
            path: spec.trace.path.display().to_string(),
            day: spec.trace.day.clone(),
            vms: trace.vms(),
            samples: trace.vms() * trace.samples(),
            step_s: trace.step().seconds(),
            blake3: trace.blake3(),
            defects: trace.defects().to_vec(),
        }
    }
}
