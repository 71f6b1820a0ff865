//! From a spec to what the engine runs.

use super::migration;
use super::python::{self, Interpreter, Slot};
use super::{Choice, PolicySpec, PythonPolicy, RunSpec};
use crate::detect::{DetectorSpec, WithFallback};
use crate::engine::{LoadSide, Policies};
use crate::model::{Fleet, Rules};
use crate::policy::PolicyError;
use crate::time::Instant;
use crate::trace::{self, UtilisationTrace};

/// What a run needs beside its policies; shared by all runs on the same trace and fleet.
#[derive(Debug)]
pub struct Inputs {
    /// The load.
    pub trace: UtilisationTrace,
    /// Hosts and VMs.
    pub fleet: Fleet,
    /// The rules.
    pub rules: Rules,
}

impl Inputs {
    /// Reads the trace that `spec` names and builds its fleet.
    ///
    /// # Errors
    /// Those of [`trace::read`]; GLN-208 for a series of `[costs]` that ends before the trace.
    pub fn read(spec: &RunSpec) -> Result<Self, trace::Error> {
        let trace = spec.read_trace()?;
        let problems = spec.uncovered(Instant::START + trace.step() * trace.samples() as i64);
        if problems.is_empty() {
            Ok(Self::with(spec, trace))
        } else {
            Err(trace::Error { problems })
        }
    }

    /// The fleet of `spec` on a trace that is at hand already.
    pub fn with(spec: &RunSpec, trace: UtilisationTrace) -> Self {
        let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
        Self { trace, fleet, rules: spec.rules() }
    }

    /// What the engine runs, with `policies`.
    pub fn side(&self, policies: Policies) -> LoadSide<'_> {
        LoadSide { fleet: &self.fleet, trace: &self.trace, rules: &self.rules, policies }
    }
}

impl RunSpec {
    /// Reads the trace that it names.
    ///
    /// # Errors
    /// Those of [`trace::read`].
    pub fn read_trace(&self) -> Result<UtilisationTrace, trace::Error> {
        trace::read(&self.trace.path, &self.trace.selection())
    }

    /// The rules of the run that it describes.
    pub fn rules(&self) -> Rules {
        Rules {
            demand: self.demand.clone(),
            host: self.host.clone(),
            migration: self.migration.rules.clone(),
            accounting: self.accounting.clone(),
            costs: self.costs.clone(),
        }
    }
}

/// Fresh policies for one run of `spec` over `fleet`; those written in Python are built by the
/// interpreter of this process.
///
/// # Errors
/// GLN-402 when a policy is written in Python and there is no interpreter, else its own.
pub fn policies(spec: &RunSpec, fleet: &Fleet) -> Result<Policies, PolicyError> {
    policies_by(spec, fleet, python::installed())
}

/// Fresh policies for one run of `spec` over `fleet`; those written in Python are built by
/// `interpreter`.
///
/// # Errors
/// As [`policies`].
pub fn policies_by(
    spec: &RunSpec,
    fleet: &Fleet,
    interpreter: Option<&dyn Interpreter>,
) -> Result<Policies, PolicyError> {
    let PolicySpec { overload, fallback, underload, select, place, plan, history, initial } =
        &spec.policy;
    let seed = spec.run.seed;
    let python = |policy: &PythonPolicy| interpreter.ok_or_else(|| python::refusal(policy));
    let detector = |slot, choice: &Choice<DetectorSpec>| match choice {
        Choice::BuiltIn(detector) => Ok(detector.build()),
        Choice::Python(policy) => python(policy)?.overload(slot, policy, seed),
    };
    let overload = detector(Slot::Overload, overload)?;
    let fallback = detector(Slot::Fallback, fallback)?;
    Ok(Policies {
        overload: Box::new(WithFallback::new(overload, fallback)),
        underload: match underload {
            Choice::BuiltIn(rule) => rule.build(),
            Choice::Python(policy) => python(policy)?.underload(policy, seed)?,
        },
        select: match select {
            Choice::BuiltIn(selector) => selector.build(seed),
            Choice::Python(policy) => python(policy)?.select(policy, seed)?,
        },
        place: match place {
            Choice::BuiltIn(placer) => placer.build(fleet),
            Choice::Python(policy) => python(policy)?.place(policy, seed)?,
        },
        plan: match plan {
            None => None,
            Some(policy) => Some(python(policy)?.plan(policy, seed)?),
        },
        history: *history,
        consolidation: spec.consolidation.clone(),
        initial: *initial,
        migration: migration::conduct(spec, fleet.hosts())?,
    })
}
