//! Into the engine and back: detach from the interpreter, run, let Ctrl-C through, map errors.

use std::ops::ControlFlow;

use galerna::engine::{self, LeaseError, Outcome, Policies};
use galerna::lease::{LeasePolicies, Schedule};
use galerna::spec::{Inputs, LeaseInputs};
use pyo3::prelude::*;

use crate::errors;

/// Runs `policies` while other Python threads go on; signals are handled before each sample.
pub fn run(py: Python<'_>, inputs: &Inputs, policies: Policies) -> PyResult<Outcome> {
    let (outcome, interruption) = py.detach(|| {
        let mut interruption = None;
        let outcome =
            engine::run(&inputs.fleet, &inputs.trace, &inputs.rules, policies, &mut |_| {
                match Python::attach(|py| py.check_signals()) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        interruption = Some(error);
                        ControlFlow::Break(())
                    }
                }
            });
        (outcome, interruption)
    });
    outcome.map_err(|error| errors::engine(py, error, interruption))
}

/// Serves leases while other Python threads go on; signals are handled now and then.
pub fn run_leases(py: Python<'_>, inputs: &LeaseInputs) -> PyResult<Schedule> {
    /// So many instants pass between two looks at signals.
    const INSTANTS: u32 = 256;
    let LeaseInputs { workload, site, rules, .. } = inputs;
    let (schedule, interruption) = py.detach(|| {
        let (mut interruption, mut instants) = (None, 0_u32);
        let mut watch = |_| {
            instants = instants.wrapping_add(1);
            if !instants.is_multiple_of(INSTANTS) {
                return ControlFlow::Continue(());
            }
            match Python::attach(|py| py.check_signals()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    interruption = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let policies = LeasePolicies::new(rules);
        let schedule = engine::run_leases(site, &workload.leases, rules, policies, &mut watch);
        (schedule, interruption)
    });
    schedule.map_err(|error| match error {
        LeaseError::Policy(error) => errors::policy(py, error),
        LeaseError::Interrupted { .. } => {
            interruption.expect("only a signal interrupts a run of leases")
        }
    })
}
