//! What a run of a batch is run on, and what comes of it: load, leases, or leases that carry load.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::figures;
use super::plan::PlannedRun;
use super::traces::SharedTrace;
use crate::account::Ledger;
use crate::engine::{self, LeaseSide, LoadSide, Outcome, Policies};
use crate::lease::{LeasePolicies, LeaseSummary, Schedule};
use crate::model::lease_record;
use crate::model::{Fleet, Record};
use crate::policy::PolicyError;
use crate::spec::{self, LeaseInputs, LeaseSpec, LoadedLeases};
use crate::time::Instant;
use crate::trace::UtilisationTrace;

/// What a run is run on.
pub(super) struct Inputs {
    /// The load, where it carries any.
    shared: Option<Arc<SharedTrace>>,
    /// Hosts and VMs, where it carries load.
    fleet: Fleet,
    /// The leases, where it is a run of leases.
    leases: Option<LeaseInputs>,
}

/// What came of a run.
pub struct Ran<'r> {
    /// What its VMs replayed and what that came to, where it carries load.
    pub load: Option<(&'r UtilisationTrace, &'r Fleet, Outcome)>,
    /// Its leases and how they fared, in a run of leases.
    pub leases: Option<(&'r LeaseInputs, Schedule)>,
    /// The ledger, where the spec has `[costs]`.
    pub ledger: Option<Ledger>,
}

impl Inputs {
    /// What `run` is run on; `shared` is its trace, where it carries load.
    ///
    /// # Errors
    /// Every problem of a file of leases, and what of the spec cannot be kept on the trace.
    pub(super) fn read(
        run: &PlannedRun,
        shared: Option<Arc<SharedTrace>>,
    ) -> Result<Self, spec::Error> {
        let spec = &run.spec;
        let trace = shared.as_ref().map(|shared| &shared.trace);
        let (fleet, leases) = match (&spec.leases, trace) {
            (None, Some(trace)) => {
                let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
                let problems = spec.unkept_on(trace, &fleet);
                if !problems.is_empty() {
                    return Err(spec::Error { problems });
                }
                (fleet, None)
            }
            (Some(leases), Some(trace)) => {
                let (inputs, fleet) = LoadedLeases::beside(spec, leases, trace.vms())?;
                (fleet, Some(inputs))
            }
            (Some(leases), None) => (Fleet::default(), Some(LeaseInputs::read(leases)?)),
            (None, None) => (Fleet::default(), None),
        };
        Ok(Self { shared, fleet, leases })
    }

    /// BLAKE3 of the trace.
    pub(super) fn trace_blake3(&self) -> Option<&str> {
        self.shared.as_ref().map(|shared| shared.blake3.as_str())
    }

    /// Hosts and VMs.
    pub(super) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// What determines the run beside its spec: its trace, its leases or both, as hashes.
    pub(super) fn content(&self) -> String {
        let leases = self.leases.as_ref().map(LeaseInputs::blake3);
        let parts = [self.trace_blake3().map(str::to_owned), leases];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Runs `run` by `policies`, the first where it carries load and the others in a run of leases;
    /// stops when `watch` says so.
    ///
    /// # Errors
    /// Those of the engine.
    pub(super) fn ran(
        &self,
        run: &PlannedRun,
        policies: impl FnOnce() -> Result<Policies, PolicyError>,
        served: impl FnOnce(&LeaseSpec) -> Result<LeasePolicies, PolicyError>,
        watch: &mut dyn FnMut(Instant) -> ControlFlow<()>,
    ) -> Result<Ran<'_>, engine::Error> {
        let spec = &run.spec;
        let rules = spec.rules();
        let side =
            |trace, policies| LoadSide { fleet: &self.fleet, trace, rules: &rules, policies };
        let trace = self.shared.as_ref().map(|shared| &shared.trace);
        let asked = self.leases.as_ref().zip(spec.leases.as_ref());
        let (schedule, outcome) = match (asked, trace) {
            (Some((leases, asked)), Some(trace)) => {
                let load = side(trace, policies()?);
                let leases = leases.side(served(asked)?);
                let both = engine::run_leases_with_load(leases, load, watch)?;
                (Some(both.0), Some(both.1))
            }
            (Some((leases, asked)), None) => {
                let LeaseSide { site, requests, rules, policies, .. } = leases.side(served(asked)?);
                (Some(engine::run_leases(site, requests, rules, policies, watch)?), None)
            }
            (None, Some(trace)) => {
                let LoadSide { policies, .. } = side(trace, policies()?);
                (None, Some(engine::run(&self.fleet, trace, &rules, policies, watch)?))
            }
            (None, None) => unreachable!("a run without leases carries load"),
        };
        let record = outcome.as_ref().map(|outcome| &outcome.record);
        let ledger = self.ledger(run, schedule.as_ref(), record);
        Ok(Ran {
            load: trace.zip(outcome).map(|(trace, outcome)| (trace, &self.fleet, outcome)),
            leases: self.leases.as_ref().zip(schedule),
            ledger,
        })
    }

    fn ledger(
        &self,
        run: &PlannedRun,
        schedule: Option<&Schedule>,
        record: Option<&Record>,
    ) -> Option<Ledger> {
        let costs = run.spec.costs.as_ref()?;
        Some(match (&self.leases, schedule) {
            (Some(leases), Some(schedule)) => {
                let requests = &leases.workload.leases;
                let load = record.map(|record| (record, run.spec.guests()));
                Ledger::of_leases(costs, requests, &schedule.stretches, load)
            }
            _ => Ledger::of_load(costs, record?),
        })
    }
}

impl Ran<'_> {
    /// Its figures, in the order of [`figures::names`].
    pub(super) fn figures(&self) -> Vec<Option<f64>> {
        let load = self.load.as_ref().map(|(_, _, outcome)| &outcome.summary);
        let leases = self.leases.as_ref().map(|(inputs, schedule)| {
            LeaseSummary::new(&inputs.workload.leases, schedule, &inputs.rules)
        });
        let costs = self.ledger.as_ref().map(Ledger::summary);
        figures::of(load, leases.as_ref(), costs.as_ref())
    }

    /// BLAKE3 of what happened, as `galerna run` tells it: of the leases in a run of leases.
    pub(super) fn event_log_blake3(&self) -> String {
        match (&self.leases, &self.load) {
            (Some((_, schedule)), _) => {
                lease_record::event_log_blake3(&schedule.leases, &schedule.stretches)
            }
            (None, Some((_, _, outcome))) => outcome.record.event_log_blake3(),
            (None, None) => String::new(),
        }
    }

    /// BLAKE3 of what happened to the load of leases.
    pub(super) fn load_log_blake3(&self) -> Option<String> {
        let (_, _, outcome) = self.leases.as_ref().and(self.load.as_ref())?;
        Some(outcome.record.event_log_blake3())
    }
}
