//! Why was it decided so, what else was possible, and what did it gain and cost?
//!
//! A run is deterministic, so nothing has to be kept for this while it runs: [`explain`] runs it
//! again with policies that decide as before and note what they see at the times in question. The
//! scheduler of leases notes its own decisions then.

mod choice;
mod critical;
mod planning;
mod readying;
mod repeat;
mod without;
mod without_lease;
mod witness;

use crate::engine;
use crate::id::{HostId, VmId};
use crate::lease::decision::LeaseDecision;
use crate::lease::{Interest, Notes, Schedule};
use crate::model::lease_record::LeaseState;
use crate::model::record::ActionKind;
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::spec::RunSpec;
use crate::spec::python::Interpreter;
use crate::time::Instant;

pub use choice::{Cause, Choice, Cost, Fate, Possibility};
pub use critical::{Leg, Step};
pub use readying::{Readying, Stage};
use repeat::Repeated;
pub use repeat::{Figures, Repeatable};
pub use without::{Counterfactual, without};
use witness::Witness;

/// Which decisions are of interest; what is not given does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Focus {
    /// The time of the decision, to the second.
    pub at: Option<Instant>,
    /// The VM that moved, or was to move.
    pub vm: Option<VmId>,
    /// A host that a VM left, or was to leave, or came to.
    pub host: Option<HostId>,
    /// The number of a lease: what was decided about it and its VMs.
    pub lease: Option<u64>,
}

impl Focus {
    fn covers_time(&self, at: Instant) -> bool {
        self.at.is_none_or(|wanted| (at - wanted).seconds().abs() < 1.0)
    }
    fn covers(&self, choice: &Choice) -> bool {
        let hosts = [choice.from, choice.to];
        self.covers_time(choice.at)
            && self.vm.is_none_or(|vm| vm == choice.vm)
            && self.host.is_none_or(|host| hosts.contains(&Some(host)))
    }
}

/// What a run decided, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The decisions in focus, in order.
    pub choices: Vec<Choice>,
    /// All decisions of the run by what caused them: overload, underload, a plan, maintenance.
    pub decisions: [usize; 4],
    /// The decisions about leases in focus, in order; none where neither a lease nor a time is.
    pub leases: Vec<LeaseDecision>,
    /// Why VMs of the lease in focus, or the VM in focus, were ready when they were.
    pub readied: Vec<Readying>,
    /// What became of all leases, in a run of leases.
    pub tally: Option<Tally>,
    /// BLAKE3 of what hosts and VMs did in the run with witnesses, or, where leases carry no load,
    /// of what became of these; that of the run itself if it was repeated faithfully.
    pub event_log_blake3: String,
}

/// What became of all leases of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// How many were asked for.
    pub leases: usize,
    /// How many are done.
    pub done: usize,
    /// How many were refused.
    pub refused: usize,
    /// How often one was displaced.
    pub preemptions: usize,
    /// How often one was saved.
    pub suspensions: usize,
}

impl Tally {
    fn of(schedule: &Schedule) -> Self {
        let all = &schedule.leases;
        let ended = |state| all.iter().filter(|outcome| outcome.state == state).count();
        Self {
            leases: all.len(),
            done: ended(LeaseState::Done),
            refused: ended(LeaseState::Rejected),
            preemptions: all.iter().map(|outcome| outcome.preemptions as usize).sum(),
            suspensions: all.iter().map(|outcome| outcome.suspensions as usize).sum(),
        }
    }
}

/// Why a run cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A policy cannot be built.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The run fails.
    #[error(transparent)]
    Run(#[from] engine::Error),
    /// What is asked makes no sense for this run.
    #[error("{0}")]
    Asked(Problem),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Asked(problem)
    }
}

/// Repeats the run of `spec` and explains the decisions in `focus`; policies written in Python are
/// built by `interpreter`.
///
/// # Errors
/// GLN-697 when the run has no such lease; those of building its policies and of running it.
///
/// ```
/// use galerna::explain::{Focus, Repeatable, explain};
/// use galerna::spec::{self, Override};
///
/// let brief = vec![Override::new("fleet.preset", "ml110-32g".into())];
/// let spec = spec::load("thr-mmt".as_ref(), brief)?;
/// let inputs = Repeatable::read(&spec)?;
/// let at = galerna::time::Instant::from_seconds(600.0);
/// let focus = Focus { at: Some(at), ..Focus::default() };
/// let explanation = explain(&spec, &inputs, None, focus)?;
/// assert!(explanation.choices.iter().all(|choice| choice.at == at));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn explain(
    spec: &RunSpec,
    inputs: &Repeatable,
    interpreter: Option<&dyn Interpreter>,
    focus: Focus,
) -> Result<Explanation, Error> {
    observed(spec, inputs, interpreter, focus).map(|(explanation, _)| explanation)
}

/// The explanation, and the run that it was taken from.
fn observed(
    spec: &RunSpec,
    inputs: &Repeatable,
    interpreter: Option<&dyn Interpreter>,
    focus: Focus,
) -> Result<(Explanation, Repeated), Error> {
    let lease = focus.lease.map(|number| inputs.row_of(number)).transpose()?;
    let vms = lease.map(|lease| inputs.vms_of(lease, spec.guests()));
    let mut witness = None;
    let watch = |policies: engine::Policies| match inputs.load() {
        None => policies,
        Some(load) => {
            let watching = Witness::new(focus, &load.fleet, &load.rules, &policies.migration);
            witness.insert(watching.only(vms.clone())).watch(policies)
        }
    };
    let asked = focus.lease.is_some() || focus.at.is_some();
    let notes = asked.then(|| Notes::of(Interest { lease: focus.lease, at: focus.at }));
    let note = |mut policies: crate::lease::LeasePolicies| {
        policies.notes.clone_from(&notes);
        policies
    };
    let repeated = inputs.run(spec, interpreter, watch, note)?;
    let about = focus.vm.map(|vm| vm.0 as usize..vm.0 as usize + 1).or(vms);
    let explanation = Explanation {
        choices: witness.map_or_else(Vec::new, |witness| witness.testimony()),
        decisions: repeated.migrations_by_cause(),
        leases: notes.map_or_else(Vec::new, |notes| notes.take()),
        readied: readying::of(inputs, spec.guests(), &repeated, about),
        tally: repeated.schedule.as_ref().map(Tally::of),
        event_log_blake3: repeated.event_log_blake3(),
    };
    Ok((explanation, repeated))
}

impl Repeated {
    fn migrations_by_cause(&self) -> [usize; 4] {
        let actions = self.outcome.iter().flat_map(|outcome| &outcome.record.actions);
        let starts = actions.filter(|a| a.kind == ActionKind::MigrationStart);
        let words: Vec<String> = starts.map(|action| action.reason.words()).collect();
        let caused = |by: &str| words.iter().filter(|words| words.starts_with(by)).count();
        [
            caused("overload"),
            caused("underload"),
            caused("planned") + caused("optimise"),
            caused("maintenance"),
        ]
    }
}
