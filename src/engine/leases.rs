//! Runs a workload of leases: keeps time for the scheduler until all is over.
//!
//! The scheduler says when something happens next and is called then; the order of what happens
//! at one instant is its own.

use std::ops::ControlFlow;

use crate::lease::{LeasePolicies, LeaseRules, Schedule, Scheduler};
use crate::model::lease::{LeaseRequest, Site};
use crate::policy::PolicyError;
use crate::time::Instant;

/// Why a run of leases stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// A policy failed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The caller asked it to stop.
    #[error("the run was interrupted at {at}")]
    Interrupted {
        /// What would have happened next, then.
        at: Instant,
    },
}

/// Runs `requests`, which are in the order of their arrival, on `site`; `watch` is asked before
/// every instant whether to go on.
///
/// # Errors
///
/// A policy may fail, and `watch` may say stop.
pub fn run_leases(
    site: &Site,
    requests: &[LeaseRequest],
    rules: &LeaseRules,
    policies: LeasePolicies,
    watch: &mut dyn FnMut(Instant) -> ControlFlow<()>,
) -> Result<Schedule, LeaseError> {
    let mut scheduler = Scheduler::new(site, requests, rules.clone(), policies);
    let mut last = None;
    while let Some(at) = scheduler.next_instant() {
        assert!(last.is_none_or(|last| last < at), "time goes forward");
        last = Some(at);
        if watch(at).is_break() {
            return Err(LeaseError::Interrupted { at });
        }
        scheduler.step(at)?;
    }
    Ok(scheduler.finish())
}
