//! Builds the Python policies of a run: objects that were given, or code that the spec names.

use std::collections::BTreeMap;

use galerna::detect::{OverloadDetector, UnderloadDetector};
use galerna::lease::LeasePolicies;
use galerna::place::{Placer, Planner};
use galerna::policy::PolicyError;
use galerna::select::VmSelector;
use galerna::spec::PythonPolicy;
use galerna::spec::python::{self, Interpreter, Slot};
use pyo3::intern;
use pyo3::prelude::*;

use crate::errors::Raised;
use crate::policies::Resolved;

const SLOTS: [Slot; 6] =
    [Slot::Overload, Slot::Fallback, Slot::Underload, Slot::Select, Slot::Place, Slot::Plan];

/// The interpreter that this module runs in.
#[derive(Default)]
pub struct Here {
    /// Policies that are at hand as objects; all others are imported.
    given: BTreeMap<Slot, Resolved>,
}

impl Here {
    /// With the objects `given`, by their keys.
    pub fn with(mut given: BTreeMap<String, Resolved>) -> Self {
        let slots = SLOTS.into_iter().chain(Slot::LEASES);
        Self { given: slots.filter_map(|s| Some((s, given.remove(s.key())?))).collect() }
    }

    fn resolved(
        &self,
        slot: Slot,
        policy: &PythonPolicy,
        seed: u64,
    ) -> Result<Resolved, PolicyError> {
        Python::attach(|py| {
            if let Some(given) = self.given.get(&slot) {
                return given.begin(py, seed);
            }
            let failed = |error| {
                let failure = PolicyError::new(&policy.entry, Raised(error));
                failure.with_code("GLN-403").about(format!("{}.{}", slot.section(), slot.key()))
            };
            load(py, slot, policy).map_err(failed)?.begin(py, seed)
        })
    }
}

/// Imports the code of `policy`.
fn load(py: Python<'_>, slot: Slot, policy: &PythonPolicy) -> PyResult<Resolved> {
    let load = py.import(intern!(py, "galerna.loading"))?.getattr(intern!(py, "load"))?;
    let params = serde_json::to_string(&policy.params).expect("a TOML table has a JSON form");
    load.call1((slot.key(), &policy.entry, params))?.extract()
}

impl Interpreter for Here {
    fn overload(
        &self,
        slot: Slot,
        policy: &PythonPolicy,
        seed: u64,
    ) -> Result<Box<dyn OverloadDetector>, PolicyError> {
        Ok(self.resolved(slot, policy, seed)?.overload())
    }
    fn underload(
        &self,
        policy: &PythonPolicy,
        seed: u64,
    ) -> Result<Box<dyn UnderloadDetector>, PolicyError> {
        Ok(self.resolved(Slot::Underload, policy, seed)?.underload())
    }
    fn select(&self, policy: &PythonPolicy, seed: u64) -> Result<Box<dyn VmSelector>, PolicyError> {
        Ok(self.resolved(Slot::Select, policy, seed)?.select())
    }
    fn place(&self, policy: &PythonPolicy, seed: u64) -> Result<Box<dyn Placer>, PolicyError> {
        Ok(self.resolved(Slot::Place, policy, seed)?.place())
    }
    fn plan(&self, policy: &PythonPolicy, seed: u64) -> Result<Box<dyn Planner>, PolicyError> {
        Ok(self.resolved(Slot::Plan, policy, seed)?.plan())
    }

    fn lease_policy(
        &self,
        slot: Slot,
        policy: &PythonPolicy,
        seed: u64,
        policies: &mut LeasePolicies,
    ) -> Result<(), PolicyError> {
        self.resolved(slot, policy, seed)?.of_leases(slot, policies);
        Ok(())
    }

    fn stay(&self, work: &mut (dyn FnMut() + Send)) {
        // What Python knows of a thread that is not its own it forgets when the thread detaches,
        // and makes anew at the next question: four fifths of a run, if nobody stays attached.
        Python::attach(|py| py.detach(work));
    }

    fn announce(&self, slot: Slot, policy: &PythonPolicy) {
        if self.given.contains_key(&slot) {
            return;
        }
        // That the code is not there is told when it is loaded.
        let _ = Python::attach(|py| -> PyResult<()> {
            let announce = py.import(intern!(py, "galerna.loading"))?;
            announce.call_method1(intern!(py, "announce"), (slot.key(), &policy.entry))?;
            Ok(())
        });
    }
}

/// Lets everything in this process run specs that name Python code.
pub fn install() {
    python::install(Box::new(Here::default()));
}
