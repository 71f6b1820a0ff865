//! Why was it decided so, what else was possible, and what did it gain and cost?
//!
//! A run is deterministic, so nothing has to be kept for this while it runs: [`explain`] runs it
//! again with policies that decide as before and note what they see at the times in question.

mod choice;
mod planning;
mod witness;

use std::ops::ControlFlow;

use crate::engine;
use crate::id::{HostId, VmId};
use crate::model::record::ActionKind;
use crate::policy::PolicyError;
use crate::spec::{self, Inputs, RunSpec};
use crate::time::Instant;

pub use choice::{Cause, Choice, Cost, Fate, Possibility};
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
    /// All decisions of the run by what caused them: overload, underload, a plan.
    pub decisions: [usize; 3],
    /// BLAKE3 of the event log of the run with witnesses; that of the run itself if it was
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
}

/// Repeats the run of `spec` and explains the decisions in `focus`.
///
/// # Errors
/// Those of building its policies and of running it.
///
/// ```
/// use galerna::explain::{Focus, explain};
/// use galerna::spec::{self, Inputs, Override};
///
/// let brief = vec![Override::new("fleet.preset", "ml110-32g".into())];
/// let spec = spec::load("thr-mmt".as_ref(), brief)?;
/// let inputs = Inputs::read(&spec)?;
/// let at = galerna::time::Instant::from_seconds(600.0);
/// let explanation = explain(&spec, &inputs, Focus { at: Some(at), ..Focus::default() })?;
/// assert!(explanation.choices.iter().all(|choice| choice.at == at));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn explain(spec: &RunSpec, inputs: &Inputs, focus: Focus) -> Result<Explanation, Error> {
    let Inputs { trace, fleet, rules } = inputs;
    let policies = spec::policies(spec, fleet)?;
    let witness = Witness::new(focus, fleet, rules, &policies.migration);
    let policies = witness.watch(policies);
    let outcome = engine::run(fleet, trace, rules, policies, &mut |_| ControlFlow::Continue(()))?;
    let starts = outcome.record.actions.iter().filter(|a| a.kind == ActionKind::MigrationStart);
    let words: Vec<String> = starts.map(|action| action.reason.words()).collect();
    let caused = |by: &str| words.iter().filter(|words| words.starts_with(by)).count();
    Ok(Explanation {
        choices: witness.testimony(),
        decisions: [
            caused("overload"),
            caused("underload"),
            caused("planned") + caused("optimise"),
        ],
        event_log_blake3: outcome.record.event_log_blake3(),
    })
}
