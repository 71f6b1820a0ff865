//! Why it was decided so, and what if not: the run of a spec once more.

use std::collections::BTreeMap;

use galerna::explain::{self, Choice, Figures, Focus, Readying, Repeatable};
use galerna::id::{HostId, VmId};
use galerna::lease::decision::LeaseDecision;
use galerna::spec::{self, RunSpec};
use galerna::time::Instant;
use pyo3::prelude::*;
use serde::Serialize;

use crate::errors;
use crate::interpreter::Here;
use crate::policies::Resolved;

/// A decision with what it says to people.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    choice: Choice,
    words: String,
}

impl Told {
    fn of(choice: Choice) -> Self {
        Self { words: choice.to_string(), choice }
    }
}

/// A decision about a lease with what it says to people.
#[derive(Serialize)]
struct ToldLease {
    #[serde(flatten)]
    decision: LeaseDecision,
    words: String,
}

impl ToldLease {
    fn of(decision: LeaseDecision) -> Self {
        Self { words: decision.to_string(), decision }
    }
}

/// How a VM became ready, with what it says to people.
#[derive(Serialize)]
struct ToldReadying {
    #[serde(flatten)]
    readying: Readying,
    words: String,
}

/// What is told of leases.
#[derive(Serialize)]
struct ToldLeases {
    decisions: Vec<ToldLease>,
    readied: Vec<ToldReadying>,
}

#[derive(Serialize)]
struct Otherwise {
    choices: Vec<Told>,
    leases: Vec<ToldLease>,
    changed: usize,
    differs_from_s: Option<f64>,
    as_it_was: Figures,
    without: Figures,
}

/// The decisions of the run of `spec` (JSON) at `at_s`, about `vm`, from or to `host`, as JSON, and
/// the hash of the events of load as it was repeated. `given` holds the Python policies that are at
/// hand as objects.
#[pyfunction]
pub fn explain_run(
    py: Python<'_>,
    spec: &str,
    given: BTreeMap<String, Resolved>,
    at_s: Option<f64>,
    vm: Option<u32>,
    host: Option<u32>,
) -> PyResult<(String, String)> {
    let (spec, inputs) = read(py, spec)?;
    let (focus, here) = (focus(at_s, vm, host, None), Here::with(given));
    let explained = py.detach(|| explain::explain(&spec, &inputs, Some(&here), focus));
    let explained = explained.map_err(|error| raised(py, error))?;
    let told: Vec<Told> = explained.choices.into_iter().map(Told::of).collect();
    Ok((json(&told), explained.event_log_blake3))
}

/// What was decided about leases in the run of `spec` (JSON) at `at_s`, about `lease`, and how its
/// VMs became ready, as JSON, and the hash of the events of load, or of leases without it, as the
/// run was repeated.
#[pyfunction]
pub fn explain_leases(
    py: Python<'_>,
    spec: &str,
    given: BTreeMap<String, Resolved>,
    at_s: Option<f64>,
    lease: Option<u64>,
) -> PyResult<(String, String)> {
    let (spec, inputs) = read(py, spec)?;
    let (focus, here) = (focus(at_s, None, None, lease), Here::with(given));
    let explained = py.detach(|| explain::explain(&spec, &inputs, Some(&here), focus));
    let explained = explained.map_err(|error| raised(py, error))?;
    let readied = explained.readied.into_iter();
    let told = ToldLeases {
        decisions: explained.leases.into_iter().map(ToldLease::of).collect(),
        readied: readied
            .map(|readying| ToldReadying { words: readying.to_string(), readying })
            .collect(),
    };
    Ok((json(&told), explained.event_log_blake3))
}

/// The figures of the run of `spec` (JSON), and of the run without the moves in question, without
/// the lease, or with the VM going to the host `instead`, as JSON, and the hash of the events as it
/// was repeated.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "what the Python method is given")]
pub fn run_without(
    py: Python<'_>,
    spec: &str,
    given: BTreeMap<String, Resolved>,
    at_s: Option<f64>,
    vm: Option<u32>,
    host: Option<u32>,
    lease: Option<u64>,
    instead: Option<u32>,
) -> PyResult<(String, String)> {
    let (spec, inputs) = read(py, spec)?;
    let (focus, here) = (focus(at_s, vm, host, lease), Here::with(given));
    let instead = instead.map(HostId);
    let found = py.detach(|| explain::without(&spec, &inputs, Some(&here), focus, instead));
    let found = found.map_err(|error| raised(py, error))?;
    let otherwise = Otherwise {
        choices: found.choices.into_iter().map(Told::of).collect(),
        leases: found.leases.into_iter().map(ToldLease::of).collect(),
        changed: found.changed,
        differs_from_s: found.differs_from.map(Instant::seconds),
        as_it_was: found.as_it_was,
        without: found.without,
    };
    Ok((json(&otherwise), found.event_log_blake3))
}

fn focus(at_s: Option<f64>, vm: Option<u32>, host: Option<u32>, lease: Option<u64>) -> Focus {
    let at = at_s.map(Instant::from_seconds);
    Focus { at, vm: vm.map(VmId), host: host.map(HostId), lease }
}

fn read(py: Python<'_>, spec: &str) -> PyResult<(RunSpec, Repeatable)> {
    let spec = crate::run::read("the run", Some(spec), "[]");
    let spec = spec.map_err(|error| errors::spec(py, error))?;
    let inputs = py.detach(|| Repeatable::read(&spec));
    let inputs = inputs.map_err(|error| errors::spec(py, error))?;
    Ok((spec, inputs))
}

fn raised(py: Python<'_>, error: explain::Error) -> PyErr {
    match error {
        explain::Error::Policy(error) => errors::building(py, error),
        explain::Error::Run(error) => errors::engine(py, error, None),
        explain::Error::Asked(problem) => errors::spec(py, spec::Error::from(problem)),
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("decisions have a JSON form")
}
