//! What can be repeated to explain it: a run of load, or of leases that carry load.

use std::ops::ControlFlow;

use super::Error;
use crate::account::Ledger;
use crate::engine::{self, Outcome, Policies};
use crate::lease::{LeaseSummary, Schedule};
use crate::metric::Summary;
use crate::model::Costs;
use crate::spec::python::Interpreter;
use crate::spec::{self, Inputs, LoadedLeases, RunSpec};

/// What a run is made of beside its policies.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is not moved about")]
pub enum Repeatable {
    /// VMs that are there from the start to the end.
    Load(Inputs),
    /// VMs that come and go with their leases.
    Leases(LoadedLeases),
}

/// What came out when it was run.
pub(super) struct Repeated {
    pub(super) outcome: Outcome,
    pub(super) schedule: Option<Schedule>,
}

/// Every figure of a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Those of load.
    pub summary: Summary,
    /// Those of leases, in a run of leases.
    pub leases: Option<LeaseSummary>,
    /// Balance of the ledger, where the spec has `[costs]`, in the currency.
    pub balance: Option<f64>,
}

impl Repeatable {
    /// Reads what `spec` names.
    ///
    /// # Errors
    /// Every problem of a file, and GLN-206 for leases without load: nobody decides where their VMs
    /// move.
    pub fn read(spec: &RunSpec) -> Result<Self, spec::Error> {
        match spec.loaded_leases() {
            Some(leases) => LoadedLeases::read(spec, leases).map(Self::Leases),
            None => {
                spec.check_load("the run", "explained")?;
                let read = Inputs::read(spec).map(Self::Load);
                read.map_err(|error| spec::Error { problems: error.problems })
            }
        }
    }

    /// Trace, hosts and VMs, and the rules of load.
    pub fn load(&self) -> &Inputs {
        match self {
            Self::Load(load) => load,
            Self::Leases(both) => &both.load,
        }
    }

    /// Runs it by the policies of `spec`, each as `wrap` hands it on; those written in Python are
    /// built by `interpreter`.
    pub(super) fn run(
        &self,
        spec: &RunSpec,
        interpreter: Option<&dyn Interpreter>,
        wrap: impl FnOnce(Policies) -> Policies,
    ) -> Result<Repeated, Error> {
        let load = self.load();
        let side = load.side(wrap(spec::policies_by(spec, &load.fleet, interpreter)?));
        let go_on = &mut |_| ControlFlow::Continue(());
        let (Self::Leases(both), Some(leases)) = (self, spec.loaded_leases()) else {
            let (fleet, trace, rules) = (side.fleet, side.trace, side.rules);
            let outcome = engine::run(fleet, trace, rules, side.policies, go_on)?;
            return Ok(Repeated { outcome, schedule: None });
        };
        let leases = both.leases.side(spec::lease_policies(spec, leases, interpreter)?);
        let (schedule, outcome) = engine::run_leases_with_load(leases, side, go_on)?;
        Ok(Repeated { outcome, schedule: Some(schedule) })
    }

    /// What `repeated` came to.
    pub(super) fn figures(&self, spec: &RunSpec, repeated: &Repeated) -> Figures {
        let record = &repeated.outcome.record;
        let served = match (self, &repeated.schedule) {
            (Self::Leases(both), Some(schedule)) => Some((&both.leases, schedule)),
            _ => None,
        };
        let ledger = |costs: &Costs| match served {
            None => Ledger::of_load(costs, record),
            Some((inputs, schedule)) => {
                let requests = &inputs.workload.leases;
                Ledger::of_leases(
                    costs,
                    requests,
                    &schedule.stretches,
                    Some((record, spec.guests())),
                )
            }
        };
        let summary = |(inputs, schedule): (&spec::LeaseInputs, &Schedule)| {
            LeaseSummary::new(&inputs.workload.leases, schedule, &inputs.rules)
        };
        Figures {
            summary: repeated.outcome.summary.clone(),
            leases: served.map(summary),
            balance: spec.billing().map(|costs| ledger(&costs).balance().units()),
        }
    }
}
