//! From the engine's errors to Python exceptions.
//!
//! Faults of the input become exceptions of `galerna.errors`, with the list of problems. What a
//! Python policy raised comes out as it is: the same object with its traceback, and a note that
//! names policy, simulated time and host.

use std::fmt;

use galerna::lease::planner::PlanError;
use galerna::policy::PolicyError;
use galerna::problem::{Problem, listed};
use galerna::time::Instant;
use galerna::{batch, engine, forecast, frames, spec, trace};
use pyo3::intern;
use pyo3::prelude::*;

/// What a Python policy raised; in words it is the traceback that Python would print.
#[derive(Debug)]
pub struct Raised(pub PyErr);

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Python::attach(|py| -> PyResult<Vec<String>> {
            let format = py.import(intern!(py, "traceback"))?.getattr("format_exception")?;
            let traceback = self.0.traceback(py);
            format.call1((self.0.get_type(py), self.0.value(py), traceback))?.extract()
        });
        match lines {
            Ok(lines) => write!(f, "\n{}", lines.concat().trim_end()),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl std::error::Error for Raised {}

/// A `SpecError` with the problems of `error`.
pub fn spec(py: Python<'_>, error: spec::Error) -> PyErr {
    raised(py, "SpecError", &error.to_string(), error.problems)
}

/// A `TraceError` with the problems of `error`; a `SpecError` where they are those of a spec that
/// does not go with its trace.
pub fn trace(py: Python<'_>, error: trace::Error) -> PyErr {
    let of_spec = |problem: &Problem| ["GLN-2", "GLN-6"].contains(&&problem.code[..5]);
    let class = if error.problems.iter().all(of_spec) { "SpecError" } else { "TraceError" };
    raised(py, class, &error.to_string(), error.problems)
}

/// A `TraceError` where a trace cannot be read, else a `ForecastError`, with the problems of
/// `error`.
pub fn forecast(py: Python<'_>, error: forecast::Error) -> PyErr {
    let of_trace = |problem: &Problem| !problem.code.starts_with("GLN-16");
    let class = if error.problems.iter().any(of_trace) { "TraceError" } else { "ForecastError" };
    raised(py, class, &error.to_string(), error.problems)
}

/// A `RunFolderError` with the problems of `error`.
pub fn folder(py: Python<'_>, error: frames::Error) -> PyErr {
    raised(py, "RunFolderError", &error.to_string(), error.problems)
}

/// The exception of a batch that was refused or did not come to its end, after its first problem.
pub fn batch(py: Python<'_>, error: batch::Error) -> PyErr {
    let message = error.to_string();
    let batch::Error::Input(problems) = error else {
        return raised(py, "GalernaError", &message, Vec::new());
    };
    let code = problems.first().map_or("", |problem| problem.code);
    let class = match code.get(..5) {
        Some("GLN-1") => "TraceError",
        Some("GLN-6") if !("GLN-660".."GLN-670").contains(&code) => "RunFolderError",
        Some("GLN-7") if code >= "GLN-720" => "RunFolderError",
        _ => "SpecError",
    };
    raised(py, class, &message, problems)
}

/// A `NoRoomError` where others are in the way, else a `ReservationError`.
pub fn plan(py: Python<'_>, error: PlanError) -> PyErr {
    let (code, message) = (error.code(), error.to_string());
    let class =
        if matches!(error, PlanError::NoRoom(_)) { "NoRoomError" } else { "ReservationError" };
    let what = message.strip_prefix(code).unwrap_or(&message).trim().to_owned();
    let remedy = "Ask for alternatives, or mend the request";
    raised(py, class, &message, vec![Problem::new(code, "reservations", what, remedy)])
}

/// The exception for a run that stopped; an interrupted one gives `interruption`.
pub fn engine(py: Python<'_>, error: engine::Error, interruption: Option<PyErr>) -> PyErr {
    match error {
        // Only the initial placement asks before the engine's clock runs.
        engine::Error::Policy(error) => policy(py, error.at(Instant::START)),
        engine::Error::Infeasible(problem) => {
            raised(py, "InfeasibleError", &listed(std::slice::from_ref(&problem)), vec![problem])
        }
        engine::Error::Interrupted { .. } => interruption
            .unwrap_or_else(|| raised(py, "PolicyError", &error.to_string(), Vec::new())),
    }
}

/// A `MigrationError` with its problems.
pub fn migration(py: Python<'_>, problems: Vec<Problem>) -> PyErr {
    raised(py, "MigrationError", &listed(&problems), problems)
}

/// `error` as it was raised, with a note.
pub fn noted(py: Python<'_>, error: PyErr, note: &str) -> PyErr {
    add_note(&error.value(py).clone(), note);
    error
}

/// What a Python policy raised, with a note that says when it was asked and about whom; for other
/// policies a `PolicyError`.
pub fn policy(py: Python<'_>, error: PolicyError) -> PyErr {
    let (context, code) = (error.context(), error.code);
    match error.source.downcast::<Raised>() {
        Ok(original) => {
            add_note(&original.0.value(py).clone(), &format!("asked by galerna: {context}"));
            original.0
        }
        Err(source) => {
            let (place, message) = (context.clone(), format!("{code} {context}: {source}"));
            let remedy = "Mend the policy, or choose another";
            let problem = Problem::new(code, place, source.to_string(), remedy);
            raised(py, "PolicyError", &message, vec![problem])
        }
    }
}

/// The exception of a policy that could not be built.
pub fn building(py: Python<'_>, error: PolicyError) -> PyErr {
    let context = error.context();
    match error.source.downcast::<Raised>() {
        Ok(original) => {
            add_note(&original.0.value(py).clone(), &format!("loaded by galerna: {context}"));
            original.0
        }
        Err(source) => raised(py, "PolicyError", &source.to_string(), Vec::new()),
    }
}

/// Adds a note to `exception`; one that takes no notes stays without.
fn add_note(exception: &Bound<'_, pyo3::exceptions::PyBaseException>, note: &str) {
    let py = exception.py();
    if exception.call_method1(intern!(py, "add_note"), (note,)).is_err() {
        // Python 3.10 has no `add_note`, but tools that show notes read this attribute.
        let _ = exception.setattr(intern!(py, "__notes__"), vec![note]);
    }
}

/// A problem as `galerna.Problem` is built from it: code, place, what is wrong, what to do.
pub fn columns(problem: Problem) -> (&'static str, String, String, String) {
    (problem.code, problem.place, problem.what, problem.remedy)
}

/// An exception of `galerna.errors` with its problems; if that fails, why.
fn raised(py: Python<'_>, class: &str, message: &str, problems: Vec<Problem>) -> PyErr {
    let problems: Vec<_> = problems.into_iter().map(columns).collect();
    let exception = py
        .import(intern!(py, "galerna.errors"))
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1((message, problems)));
    exception.map_or_else(|error| error, PyErr::from_value)
}
