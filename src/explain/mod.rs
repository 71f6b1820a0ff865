//! Why was it decided so, what else was possible, and what did it gain and cost?
//!
//! A run is deterministic, so nothing has to be kept for this while it runs: [`explain`] runs it
//! again with policies that decide as before and note what they see at the times in question.

mod choice;
mod planning;
mod repeat;
mod without;
mod witness;

use crate::engine;
use crate::id::{HostId, VmId};
use crate::model::record::ActionKind;
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::spec::RunSpec;
use crate::spec::python::Interpreter;
use crate::time::Instant;

pub use choice::{Cause, Choice, Cost, Fate, Possibility};
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
    /// BLAKE3 of what hosts and VMs did in the run with witnesses; that of the run itself if it was
    /// repeated faithfully.
    pub event_log_blake3: String,
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
/// Those of building its policies and of running it.
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
    let mut witness = None;
    let repeated = inputs.run(spec, interpreter, |policies| {
        let load = inputs.load();
        let watching = Witness::new(focus, &load.fleet, &load.rules, &policies.migration);
        witness.insert(watching).watch(policies)
    })?;
    let record = &repeated.outcome.record;
    let starts = record.actions.iter().filter(|a| a.kind == ActionKind::MigrationStart);
    let words: Vec<String> = starts.map(|action| action.reason.words()).collect();
    let caused = |by: &str| words.iter().filter(|words| words.starts_with(by)).count();
    let explanation = Explanation {
        choices: witness.map_or_else(Vec::new, |witness| witness.testimony()),
        decisions: [
            caused("overload"),
            caused("underload"),
            caused("planned") + caused("optimise"),
            caused("maintenance"),
        ],
        event_log_blake3: record.event_log_blake3(),
    };
    Ok((explanation, repeated))
}
