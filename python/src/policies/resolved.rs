//! A Python policy as `galerna.policy` resolves it, and its way into the engine.

use galerna::detect::{OverloadDetector, UnderloadDetector};
use galerna::lease::LeasePolicies;
use galerna::place::{Placer, Planner};
use galerna::policy::PolicyError;
use galerna::select::VmSelector;
use galerna::spec::python::Slot;
use pyo3::prelude::*;

use super::{lease_policy, overload_detector, placer, planner, selector, underload_rule};
use crate::errors::Raised;

/// What is called, what it is called, and how it wants to be asked. Field by field the tuple
/// `galerna.policy.Resolved`.
#[derive(FromPyObject)]
pub struct Resolved {
    #[pyo3(item(0))]
    pub call: Py<PyAny>,
    #[pyo3(item(1))]
    pub name: String,
    /// Samples of history that it wants.
    #[pyo3(item(2))]
    pub window: usize,
    #[pyo3(item(3))]
    pub batched: bool,
    /// Whether the most demanding VM is placed first.
    #[pyo3(item(4))]
    pub decreasing: bool,
    /// Called with the run's seed before it is asked anything.
    #[pyo3(item(5))]
    pub reset: Option<Py<PyAny>>,
}

impl Resolved {
    /// The same once more, after its `reset`, if it has one, was called with `seed`.
    pub fn begin(&self, py: Python<'_>, seed: u64) -> Result<Self, PolicyError> {
        if let Some(reset) = &self.reset {
            let failed = |error| PolicyError::new(&self.name, Raised(error)).about("reset");
            reset.call1(py, (seed,)).map_err(failed)?;
        }
        Ok(Self { call: self.call.clone_ref(py), name: self.name.clone(), reset: None, ..*self })
    }

    pub fn overload(self) -> Box<dyn OverloadDetector> {
        overload_detector::bridge(self)
    }
    pub fn underload(self) -> Box<dyn UnderloadDetector> {
        underload_rule::bridge(self)
    }
    pub fn select(self) -> Box<dyn VmSelector> {
        selector::bridge(self)
    }
    pub fn place(self) -> Box<dyn Placer> {
        placer::bridge(self)
    }
    pub fn plan(self) -> Box<dyn Planner> {
        Box::new(planner::Plan::of(self))
    }

    /// Puts it into `policies` where it answers the question of `slot` about leases.
    pub fn of_leases(self, slot: Slot, policies: &mut LeasePolicies) {
        lease_policy::install(slot, self, policies);
    }

    /// The failure `error` while it was asked.
    pub fn failed(&self, error: PyErr) -> PolicyError {
        PolicyError::new(&self.name, Raised(error))
    }
}
