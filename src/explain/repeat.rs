//! What can be repeated to explain it: a run of load, of leases, or of leases that carry load.

use std::ops::{ControlFlow, Range};

use super::Error;
use crate::account::Ledger;
use crate::engine::{self, Outcome, Policies};
use crate::lease::{LeasePolicies, LeaseSummary, Schedule};
use crate::metric::Summary;
use crate::model::Costs;
use crate::model::lease::Guests;
use crate::model::lease_record;
use crate::problem::Problem;
use crate::spec::python::Interpreter;
use crate::spec::{self, Inputs, LeaseInputs, LoadedLeases, RunSpec};

/// What a run is made of beside its policies.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is not moved about")]
pub enum Repeatable {
    /// VMs that are there from the start to the end.
    Load(Inputs),
    /// VMs that come and go with their leases.
    Leases(LoadedLeases),
    /// Leases that carry no load.
    Calendar(LeaseInputs),
}

/// What came out when it was run.
pub(super) struct Repeated {
    pub(super) outcome: Option<Outcome>,
    pub(super) schedule: Option<Schedule>,
}

/// Every figure of a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Those of load, in a run that has any.
    pub summary: Option<Summary>,
    /// Those of leases, in a run of leases.
    pub leases: Option<LeaseSummary>,
    /// Balance of the ledger, where the spec has `[costs]`, in the currency.
    pub balance: Option<f64>,
}

impl Repeated {
    /// BLAKE3 of what hosts and VMs did, or, where there is no load, of what became of leases.
    pub(super) fn event_log_blake3(&self) -> String {
        match (&self.outcome, &self.schedule) {
            (Some(outcome), _) => outcome.record.event_log_blake3(),
            (None, Some(all)) => lease_record::event_log_blake3(&all.leases, &all.stretches),
            (None, None) => unreachable!("a run has load, or leases"),
        }
    }
}

impl Repeatable {
    /// Reads what `spec` names.
    ///
    /// # Errors
    /// Every problem of a file.
    pub fn read(spec: &RunSpec) -> Result<Self, spec::Error> {
        match (spec.loaded_leases(), &spec.leases) {
            (Some(leases), _) => LoadedLeases::read(spec, leases).map(Self::Leases),
            (None, Some(leases)) => LeaseInputs::read(leases).map(Self::Calendar),
            (None, None) => {
                let read = Inputs::read(spec).map(Self::Load);
                read.map_err(|error| spec::Error { problems: error.problems })
            }
        }
    }

    /// Trace, hosts and VMs, and the rules of load, where there is any.
    pub fn load(&self) -> Option<&Inputs> {
        match self {
            Self::Load(load) => Some(load),
            Self::Leases(both) => Some(&both.load),
            Self::Calendar(_) => None,
        }
    }

    /// The leases, where there are any.
    pub fn leases(&self) -> Option<&LeaseInputs> {
        match self {
            Self::Load(_) => None,
            Self::Leases(both) => Some(&both.leases),
            Self::Calendar(leases) => Some(leases),
        }
    }

    /// The row of the lease of that number.
    pub(super) fn row_of(&self, number: u64) -> Result<usize, Problem> {
        let leases = self.leases().map_or(&[][..], |inputs| &inputs.workload.leases);
        let row = leases.iter().position(|lease| lease.number == number);
        row.ok_or_else(|| {
            let what = format!("the run has no lease {number}, it has {}", leases.len());
            let remedy = "Take a number from the column `number` of the table `leases`";
            Problem::new("GLN-697", "--lease", what, remedy)
        })
    }

    /// The VMs of the fleet that stand for those of a lease; none where leases carry no load.
    pub(super) fn vms_of(&self, row: usize, each: Guests) -> Range<usize> {
        let Self::Leases(both) = self else { return 0..0 };
        let leases = &both.leases.workload.leases;
        let first = leases[..row].iter().map(|lease| lease.guests(each).count()).sum();
        first..first + leases[row].guests(each).count()
    }

    /// Runs it by the policies of `spec`, each as `wrap` and `serve` hand it on; those written in
    /// Python are built by `interpreter`.
    pub(super) fn run(
        &self,
        spec: &RunSpec,
        interpreter: Option<&dyn Interpreter>,
        wrap: impl FnOnce(Policies) -> Policies,
        serve: impl FnOnce(LeasePolicies) -> LeasePolicies,
    ) -> Result<Repeated, Error> {
        let go_on = &mut |_| ControlFlow::Continue(());
        let served = || {
            let leases = spec.leases.as_ref().expect("a run of leases has the section");
            spec::lease_policies(spec, leases, interpreter).map(serve)
        };
        if let Self::Calendar(LeaseInputs { workload, site, rules, .. }) = self {
            let requests = &workload.leases;
            let schedule = engine::run_leases(site, requests, rules, served()?, go_on)?;
            return Ok(Repeated { outcome: None, schedule: Some(schedule) });
        }
        let load = self.load().expect("all but a calendar have load");
        let side = load.side(wrap(spec::policies_by(spec, &load.fleet, interpreter)?));
        let Self::Leases(both) = self else {
            let (fleet, trace, rules) = (side.fleet, side.trace, side.rules);
            let outcome = engine::run(fleet, trace, rules, side.policies, go_on)?;
            return Ok(Repeated { outcome: Some(outcome), schedule: None });
        };
        let leases = both.leases.side(served()?);
        let (schedule, outcome) = engine::run_leases_with_load(leases, side, go_on)?;
        Ok(Repeated { outcome: Some(outcome), schedule: Some(schedule) })
    }

    /// What `repeated` came to.
    pub(super) fn figures(&self, spec: &RunSpec, repeated: &Repeated) -> Figures {
        let record = repeated.outcome.as_ref().map(|outcome| &outcome.record);
        let served = self.leases().zip(repeated.schedule.as_ref());
        let ledger = |costs: &Costs| match (served, record) {
            (None, Some(record)) => Ledger::of_load(costs, record),
            (None, None) => unreachable!("a run has load, or leases"),
            (Some((inputs, schedule)), record) => {
                let requests = &inputs.workload.leases;
                let load = record.map(|record| (record, spec.guests()));
                Ledger::of_leases(costs, requests, &schedule.stretches, load)
            }
        };
        let summary = |(inputs, schedule): (&LeaseInputs, &Schedule)| {
            LeaseSummary::new(&inputs.workload.leases, schedule, &inputs.rules)
        };
        Figures {
            summary: repeated.outcome.as_ref().map(|outcome| outcome.summary.clone()),
            leases: served.map(summary),
            balance: spec.billing().map(|costs| ledger(&costs).balance().units()),
        }
    }
}
