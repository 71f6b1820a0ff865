//! Costs and rules of a reassignment that are written in Python.

use std::ffi::OsString;
use std::ops::ControlFlow;

use galerna::cli::{NoPlan, solve_with_extras};
use galerna::policy::PolicyError;
use galerna::reassign::{ExtraCost, ExtraRule, Extras, Shift};
use numpy::PyArray1;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::errors::{self, Raised};
use crate::policies::answer::{described, read_only};

/// Millionths of a joule, in which the cost of a plan is counted.
const UNIT: f64 = 1e6;

/// Name, `cost(assignment)`, `delta(assignment, item, source, target)` and the least value.
type CostParts = (String, Py<PyAny>, Option<Py<PyAny>>, Option<f64>);

/// Name and `violations(assignment)`.
type RuleParts = (String, Py<PyAny>);

fn array(py: Python<'_>, assignment: &[u32]) -> Py<PyArray1<i64>> {
    read_only(py, assignment.iter().map(|&host| i64::from(host)).collect())
}

fn failed(name: &str, error: PyErr, subject: String) -> PolicyError {
    PolicyError::new(name, Raised(error)).about(subject)
}

/// A finite number, or what is wrong with the answer.
fn number(name: &str, method: &str, answer: &Bound<'_, PyAny>) -> PyResult<f64> {
    let Ok(number) = answer.extract::<f64>() else {
        let what = described(answer);
        return Err(PyTypeError::new_err(format!(
            "GLN-635 cost `{name}`: {method} returned {what}, expected a number (J)"
        )));
    };
    if number.is_finite() {
        return Ok(number);
    }
    Err(PyValueError::new_err(format!(
        "GLN-636 cost `{name}`: {method} returned {number}, expected a finite number (J)"
    )))
}

struct Cost {
    name: String,
    cost: Py<PyAny>,
    delta: Option<Py<PyAny>>,
    least: Option<f64>,
}

impl ExtraCost for Cost {
    fn name(&self) -> &str {
        &self.name
    }

    fn cost(&self, assignment: &[u32]) -> Result<f64, PolicyError> {
        Python::attach(|py| {
            let answer = self.cost.bind(py).call1((array(py, assignment),))?;
            number(&self.name, "cost", &answer)
        })
        .map_err(|error| failed(&self.name, error, "a whole assignment".to_owned()))
    }

    fn delta(&self, assignment: &[u32], shift: Shift) -> Result<Option<f64>, PolicyError> {
        let Some(delta) = &self.delta else { return Ok(None) };
        let Shift { item, from, to } = shift;
        let change = Python::attach(|py| {
            let answer = delta.bind(py).call1((array(py, assignment), item, from, to))?;
            number(&self.name, "delta", &answer)
        });
        let subject = || format!("VM {item} from host {from} to {to} (by number)");
        change.map(Some).map_err(|error| failed(&self.name, error, subject()))
    }

    fn least(&self) -> Option<f64> {
        self.least
    }
}

struct Rule {
    name: String,
    violations: Py<PyAny>,
}

impl Rule {
    fn ask(&self, py: Python<'_>, assignment: &[u32]) -> PyResult<u64> {
        let answer = self.violations.bind(py).call1((array(py, assignment),))?;
        if let Ok(holds) = answer.extract::<bool>() {
            return Ok(u64::from(!holds));
        }
        answer.extract::<u64>().map_err(|_| {
            let what = described(&answer);
            PyTypeError::new_err(format!(
                "GLN-635 rule `{}`: returned {what}, expected True (holds), False, or the number \
                 of violations",
                self.name
            ))
        })
    }
}

impl ExtraRule for Rule {
    fn name(&self) -> &str {
        &self.name
    }

    fn violations(&self, assignment: &[u32]) -> Result<u64, PolicyError> {
        let asked = Python::attach(|py| self.ask(py, assignment));
        asked.map_err(|error| failed(&self.name, error, "a whole assignment".to_owned()))
    }
}

/// Solves a snapshot as the command does with `args`, with costs and rules of one's own; the plan
/// as JSON, or exit code and message of what is wrong with the input.
#[pyfunction]
pub fn solve_snapshot(
    py: Python<'_>,
    args: Vec<OsString>,
    costs: Vec<CostParts>,
    rules: Vec<RuleParts>,
) -> PyResult<(i32, String)> {
    let costs = costs.into_iter().map(|(name, cost, delta, least)| {
        let cost: Box<dyn ExtraCost> = Box::new(Cost { name, cost, delta, least });
        cost
    });
    let rules = rules.into_iter().map(|(name, violations)| {
        let rule: Box<dyn ExtraRule> = Box::new(Rule { name, violations });
        rule
    });
    let extras = Extras { costs: costs.collect(), rules: rules.collect(), unit: UNIT };
    let (solved, interruption) =
        py.detach(|| {
            let mut interruption = None;
            let solved = solve_with_extras(args, &extras, &mut |_| match Python::attach(|py| {
                py.check_signals()
            }) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    interruption = Some(error);
                    ControlFlow::Break(())
                }
            });
            (solved, interruption)
        });
    match (solved, interruption) {
        (_, Some(interruption)) => Err(interruption),
        (Ok(plan), None) => Ok((galerna::cli::DONE, plan)),
        (Err(NoPlan::Refused(code, message)), None) => Ok((code, message)),
        (Err(NoPlan::Extra(error)), None) => Err(errors::policy(py, error)),
    }
}
