//! What if a lease had been refused, or spared? The run once more, from that moment on otherwise.
//!
//! A lease that is refused when it is asked for leaves no trace: what follows is the run without
//! it. One that was displaced is spared by whom it made way for, who displaces others, or is
//! refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::repeat::Repeatable;
use super::without::{Counterfactual, first_difference};
use super::{Error, Focus, observed};
use crate::id::HostId;
use crate::lease::decision::{Decided, LeaseDecision};
use crate::lease::{AdmissionPolicy, LeasePolicies, Preemptee, PreemptionPolicy};
use crate::model::lease::LeaseRequest;
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::spec::RunSpec;
use crate::spec::python::Interpreter;
use crate::time::Instant;

/// The run of `spec` beside the one in which the lease in focus is refused, or spared.
pub(super) fn without(
    spec: &RunSpec,
    inputs: &Repeatable,
    interpreter: Option<&dyn Interpreter>,
    focus: Focus,
    instead: Option<HostId>,
) -> Result<Counterfactual, Error> {
    let (explanation, as_it_was) = observed(spec, inputs, interpreter, focus)?;
    let (otherwise, leases) = question(explanation.leases, focus, instead)?;
    let changed = Arc::new(AtomicUsize::new(0));
    let serve = |policies| otherwise.over(policies, &changed);
    let repeated = inputs.run(spec, interpreter, |same| same, serve)?;
    Ok(Counterfactual {
        choices: Vec::new(),
        leases,
        changed: changed.load(Ordering::Relaxed),
        differs_from: first_difference(&as_it_was, &repeated),
        as_it_was: inputs.figures(spec, &as_it_was),
        without: inputs.figures(spec, &repeated),
        event_log_blake3: explanation.event_log_blake3,
    })
}

/// What is decided otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// This lease is refused.
    Refused(u64),
    /// This lease is spared by that.
    Spared { lease: u64, by: u64 },
}

/// What is asked, and the decisions that are in question.
fn question(
    told: Vec<LeaseDecision>,
    focus: Focus,
    instead: Option<HostId>,
) -> Result<(Otherwise, Vec<LeaseDecision>), Problem> {
    let problem = |place: &str, what: String, remedy: &str| {
        Err(Problem::new("GLN-650", place.to_owned(), what, remedy))
    };
    if instead.is_some() {
        let remedy = "Leave --lease out and name the VM, or use --without";
        return problem("--instead", "a lease has no host to go to".to_owned(), remedy);
    }
    let lease = focus.lease.unwrap_or_default();
    for (row, decision) in told.iter().enumerate() {
        let otherwise = match &decision.what {
            Decided::Displaced(displaced) if focus.at.is_some() => {
                Otherwise::Spared { lease, by: displaced.by }
            }
            Decided::Asked { .. } => Otherwise::Refused(lease),
            _ => continue,
        };
        return Ok((otherwise, vec![told[row].clone()]));
    }
    let what = format!("lease {lease} was neither asked for nor displaced then");
    let remedy = "Take a time at which `galerna explain --lease` shows either, or leave --at out";
    problem("--without", what, remedy)
}

impl Otherwise {
    fn over(self, policies: LeasePolicies, changed: &Arc<AtomicUsize>) -> LeasePolicies {
        let changed = Arc::clone(changed);
        match self {
            Self::Refused(lease) => {
                let admission = Box::new(Refusing { inner: policies.admission, lease, changed });
                LeasePolicies { admission, ..policies }
            }
            Self::Spared { lease, by } => {
                let inner = policies.preemption;
                let preemption = Box::new(Sparing { inner, lease, by, changed });
                LeasePolicies { preemption, ..policies }
            }
        }
    }
}

/// Admits as the policy that it wraps, but for one lease.
struct Refusing {
    inner: Box<dyn AdmissionPolicy>,
    lease: u64,
    changed: Arc<AtomicUsize>,
}

impl AdmissionPolicy for Refusing {
    fn admits(&mut self, lease: &LeaseRequest) -> Result<bool, PolicyError> {
        let admitted = self.inner.admits(lease)?;
        if lease.number != self.lease {
            return Ok(admitted);
        }
        self.changed.fetch_add(usize::from(admitted), Ordering::Relaxed);
        Ok(false)
    }
}

/// Displaces as the policy that it wraps, but for one pair of leases.
struct Sparing {
    inner: Box<dyn PreemptionPolicy>,
    lease: u64,
    by: u64,
    changed: Arc<AtomicUsize>,
}

impl PreemptionPolicy for Sparing {
    fn score(
        &mut self,
        preemptor: &LeaseRequest,
        preemptee: Preemptee<'_>,
        at: Instant,
    ) -> Result<Option<f64>, PolicyError> {
        let score = self.inner.score(preemptor, preemptee, at)?;
        if (preemptor.number, preemptee.request.number) != (self.by, self.lease) {
            return Ok(score);
        }
        self.changed.fetch_add(usize::from(score.is_some()), Ordering::Relaxed);
        Ok(None)
    }
}
