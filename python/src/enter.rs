//! Into the engine and back: detach from the interpreter, run, let Ctrl-C through, map errors.

use std::ops::ControlFlow;

use galerna::engine::{self, Outcome, Policies, Watch};
use galerna::lease::{LeasePolicies, Schedule};
use galerna::spec::{Inputs, LeaseInputs};
use pyo3::prelude::*;

use crate::errors;

/// So many instants of leases pass between two looks at signals.
const INSTANTS: u32 = 256;

/// Runs `policies` while other Python threads go on; signals are handled before each sample.
pub fn run(py: Python<'_>, inputs: &Inputs, policies: Policies) -> PyResult<Outcome> {
    let Inputs { fleet, trace, rules } = inputs;
    watched(py, 1, |watch| engine::run(fleet, trace, rules, policies, watch))
}

/// Serves leases while other Python threads go on; signals are handled now and then.
pub fn run_leases(
    py: Python<'_>,
    inputs: &LeaseInputs,
    policies: LeasePolicies,
) -> PyResult<Schedule> {
    let LeaseInputs { workload, site, rules, .. } = inputs;
    let leases = &workload.leases;
    watched(py, INSTANTS, |watch| engine::run_leases(site, leases, rules, policies, watch))
}

/// Serves leases that carry load while other Python threads go on; signals are handled now and
/// then.
pub fn run_leases_with_load(
    py: Python<'_>,
    leases: &LeaseInputs,
    served: LeasePolicies,
    load: &Inputs,
    decided: Policies,
) -> PyResult<(Schedule, Outcome)> {
    let (leases, load) = (leases.side(served), load.side(decided));
    watched(py, INSTANTS, |watch| engine::run_leases_with_load(leases, load, watch))
}

/// Lets `run` go on without the interpreter; signals are handled every so many `instants`.
fn watched<T: Send>(
    py: Python<'_>,
    instants: u32,
    run: impl FnOnce(&mut Watch<'_>) -> Result<T, engine::Error> + Send,
) -> PyResult<T> {
    let (ended, interruption) = py.detach(|| {
        let (mut interruption, mut passed) = (None, 0_u32);
        let ended = run(&mut |_| {
            passed = passed.wrapping_add(1);
            if !passed.is_multiple_of(instants) {
                return ControlFlow::Continue(());
            }
            match Python::attach(|py| py.check_signals()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    interruption = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        (ended, interruption)
    });
    ended.map_err(|error| errors::engine(py, error, interruption))
}
