//! Into the engine and back: detach from the interpreter, run, let Ctrl-C through, map errors.

use std::ops::ControlFlow;

use galerna::engine::{self, Outcome, Policies};
use galerna::spec::Inputs;
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
