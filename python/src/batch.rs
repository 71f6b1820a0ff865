//! Many runs from Python: sweeps and comparisons, with policies written in Python among them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use galerna::batch::{
    self, Base, Change, Comparison, Finished, Output, Plan, PlannedRun, PolicySource, Question,
    Results, RunTable, Sweep,
};
use galerna::engine::{self, Policies};
use galerna::frames::Existing;
use galerna::lease::LeasePolicies;
use galerna::model::Fleet;
use galerna::policy::PolicyError;
use galerna::problem::Problem;
use galerna::spec::python::{self, Slot};
use galerna::spec::{self, LeaseSpec};
use pyo3::prelude::*;
use serde::Deserialize;

use crate::errors::{self, Raised};
use crate::interpreter::Here;
use crate::table::Table;

/// A finished batch.
#[pyclass(frozen, module = "galerna._core")]
pub struct Batch {
    plan: Plan,
    results: Results,
    comparison: Option<Comparison>,
}

/// Where the results go, on how many threads, and who is told how far it is.
#[derive(FromPyObject)]
pub struct Options {
    #[pyo3(item(0))]
    out: Option<PathBuf>,
    #[pyo3(item(1))]
    keep: Vec<String>,
    #[pyo3(item(2))]
    overwrite: bool,
    #[pyo3(item(3))]
    threads: Option<usize>,
    /// Called with the runs done and the runs in all.
    #[pyo3(item(4))]
    progress: Option<Py<PyAny>>,
}

/// Runs the sweep file at `path`, or the sweep in `tables` (JSON) when given.
#[pyfunction]
pub fn sweep(
    py: Python<'_>,
    path: &str,
    tables: Option<&str>,
    options: Options,
) -> PyResult<Batch> {
    let sweep = match tables {
        None => Sweep::load(Path::new(path)),
        Some(tables) => {
            from_json(tables, path).and_then(|tables: toml::Table| Sweep::from_table(&tables, path))
        }
    };
    let made = sweep.and_then(|sweep| Ok((Plan::of(&sweep.design)?, sweep.keep)));
    let (plan, mut keep) = made.map_err(|error| errors::batch(py, error))?;
    keep.extend(options.tables(py)?);
    keep.sort_unstable();
    keep.dedup();
    let results = options.run(py, &plan, &keep, &Candidates::default())?;
    Ok(Batch { plan, results, comparison: None })
}

/// What is compared, as the Python half words it.
#[derive(Deserialize)]
struct Asked {
    candidates: Vec<Candidate>,
    baseline: Option<String>,
    set: Vec<(String, toml::Value)>,
    traces: Vec<String>,
    days: Vec<String>,
    workloads: Vec<String>,
    seeds: usize,
    /// `None`: those that one looks at first.
    metrics: Option<Vec<String>>,
    confidence: f64,
}

#[derive(Deserialize)]
struct Candidate {
    label: Option<String>,
    spec: String,
    /// Sections of a spec, changed in `spec` before `changes`.
    tables: Option<toml::Table>,
    changes: Vec<(String, toml::Value)>,
}

/// Makes the policies of a candidate that are given as Python objects.
#[derive(FromPyObject)]
pub struct Maker {
    /// Their keys under `[policy]` or `[leases.policies]`.
    #[pyo3(item(0))]
    keys: Vec<String>,
    /// Called for each run; gives them anew by these keys.
    #[pyo3(item(1))]
    make: Py<PyAny>,
}

/// Compares what `question` (JSON) names; `makers` has, per candidate, who makes its policies, or
/// `None` where the spec tells all.
#[pyfunction]
pub fn compare(
    py: Python<'_>,
    question: &str,
    makers: Vec<Option<Maker>>,
    options: Options,
) -> PyResult<Batch> {
    let asked: Result<Asked, batch::Error> = from_json(question, "compare");
    let built = asked.and_then(|asked| {
        let (question, candidates) = built(asked, makers)?;
        let plan = question.plan()?;
        Ok((question, candidates, plan))
    });
    let (question, candidates, plan) = built.map_err(|error| errors::batch(py, error))?;
    let results = options.run(py, &plan, &[], &candidates)?;
    let comparison = py.detach(|| question.answer(&plan, &results.rows));
    Ok(Batch { plan, results, comparison: Some(comparison) })
}

/// The question with its specs read, and the policies of each.
fn built(asked: Asked, given: Vec<Option<Maker>>) -> Result<(Question, Candidates), batch::Error> {
    let (mut bases, mut makers, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (candidate, maker) in asked.candidates.into_iter().zip(given) {
        match Base::named(&candidate.spec) {
            Ok(found) => {
                let maker = maker.map(Arc::new);
                for mut base in found {
                    base.changes.extend(candidate.tables.iter().flat_map(Change::of_table));
                    base.changes.extend(candidate.changes.iter().cloned().map(change));
                    base.label = candidate.label.clone().unwrap_or(base.label);
                    bases.push(base);
                    makers.push(maker.clone());
                }
            }
            Err(error) => problems.extend(error.problems),
        }
    }
    if !problems.is_empty() {
        return Err(batch::Error::Input(problems));
    }
    let question = Question {
        bases,
        baseline: asked.baseline,
        set: asked.set.into_iter().map(change).collect(),
        traces: asked.traces,
        workloads: asked.workloads,
        days: asked.days,
        seeds: asked.seeds,
        metrics: asked.metrics.clone().unwrap_or_default(),
        confidence: asked.confidence,
    };
    let question = match asked.metrics {
        None => question.in_usual_metrics(),
        Some(_) => question,
    };
    Ok((question, Candidates { makers }))
}

fn change((key, value): (String, toml::Value)) -> Change {
    Change { key, value }
}

/// `text` as TOML values; JSON has a few that TOML lacks, such as integers beyond 64 bits.
fn from_json<T: for<'a> Deserialize<'a>>(text: &str, name: &str) -> Result<T, batch::Error> {
    serde_json::from_str(text).map_err(|error| {
        let remedy = "Use values that TOML can hold";
        Problem::new("GLN-702", name, error.to_string(), remedy).into()
    })
}

/// Per candidate, who makes its policies that are Python objects.
#[derive(Default)]
struct Candidates {
    makers: Vec<Option<Arc<Maker>>>,
}

impl Candidates {
    fn maker(&self, run: &PlannedRun) -> Option<&Maker> {
        self.makers.get(run.base)?.as_deref()
    }

    /// The policies of `run` that are given as objects, made anew.
    fn made(&self, run: &PlannedRun) -> Result<Option<Here>, PolicyError> {
        let Some(maker) = self.maker(run) else { return Ok(None) };
        let given = Python::attach(|py| maker.make.call0(py)?.extract(py));
        let given = given.map_err(|error| PolicyError::new(&run.label, Raised(error)))?;
        Ok(Some(Here::with(given)))
    }

    /// Tells which code the specs of `plan` name, apart from what is given as an object.
    fn announce(&self, plan: &Plan) {
        let named = plan.runs.iter().flat_map(|run| {
            let given = |slot: Slot| {
                self.maker(run).is_some_and(|maker| maker.keys.iter().any(|k| k == slot.key()))
            };
            run.spec.python().into_iter().filter(move |&(slot, _)| !given(slot))
        });
        python::announce(named);
    }
}

impl PolicySource for Candidates {
    fn policies(&self, run: &PlannedRun, fleet: &Fleet) -> Result<Policies, PolicyError> {
        match self.made(run)? {
            Some(here) => spec::policies_by(&run.spec, fleet, Some(&here)),
            None => spec::policies(&run.spec, fleet),
        }
    }

    fn lease_policies(
        &self,
        run: &PlannedRun,
        leases: &LeaseSpec,
    ) -> Result<LeasePolicies, PolicyError> {
        match self.made(run)? {
            Some(here) => spec::lease_policies(&run.spec, leases, Some(&here)),
            None => spec::lease_policies(&run.spec, leases, python::installed()),
        }
    }
}

impl Options {
    fn tables(&self, py: Python<'_>) -> PyResult<Vec<RunTable>> {
        let named = self.keep.iter().map(|name| {
            RunTable::named(name).map_err(|(what, remedy)| {
                let problem = Problem::new("GLN-702", "keep", what, remedy);
                errors::batch(py, problem.into())
            })
        });
        named.collect()
    }

    /// Runs `plan` while other Python threads go on; signals are handled in between.
    fn run(
        &self,
        py: Python<'_>,
        plan: &Plan,
        keep: &[RunTable],
        candidates: &Candidates,
    ) -> PyResult<Results> {
        let existing = if self.overwrite { Existing::Replace } else { Existing::Refuse };
        let output = self.out.as_deref().map(|dir| Output { dir, keep, existing });
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.unwrap_or(processors).max(1);
        py.detach(|| candidates.announce(plan));
        let batch = batch::Batch { plan, threads, policies: candidates };
        let mut stopped = None;
        let mut done = 0;
        let results = py.detach(|| {
            batch.run(output, &mut |finished| {
                done += usize::from(finished.is_some());
                match self.watch(candidates, plan, done, finished) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        stopped = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })
        });
        results.map_err(|error| stopped.unwrap_or_else(|| errors::batch(py, error)))
    }

    /// Tells how far it is; fails with what a given policy raised, or with a signal.
    fn watch(
        &self,
        candidates: &Candidates,
        plan: &Plan,
        done: usize,
        finished: Option<&mut Finished>,
    ) -> PyResult<()> {
        Python::attach(|py| {
            py.check_signals()?;
            let Some(finished) = finished else { return Ok(()) };
            if candidates.maker(&plan.runs[finished.index]).is_some()
                && let Some(engine::Error::Policy(error)) = finished.error.take()
            {
                return Err(errors::policy(py, error));
            }
            match &self.progress {
                Some(progress) => progress.call1(py, (done, plan.runs.len())).map(drop),
                None => Ok(()),
            }
        })
    }
}

#[pymethods]
impl Batch {
    /// One row per run.
    fn runs(&self, py: Python<'_>) -> Table {
        py.detach(|| batch::runs_frame(&self.plan, &self.results.rows)).into()
    }

    /// How many results were there already.
    fn reused(&self) -> usize {
        self.results.reused
    }

    /// CPU seconds that each run took, 0 where its result was there already.
    fn cpu_s(&self) -> Vec<f64> {
        self.results.cpu_s.clone()
    }

    /// One row per metric and policy, where the batch is a comparison.
    fn comparison(&self) -> Option<Table> {
        self.comparison.as_ref().map(|comparison| comparison.frame().into())
    }

    /// The comparison as a table for people.
    fn text(&self) -> String {
        self.comparison.as_ref().map(Comparison::to_string).unwrap_or_default()
    }

    /// The comparison as a Markdown table.
    fn markdown(&self) -> String {
        self.comparison.as_ref().map(Comparison::markdown).unwrap_or_default()
    }
}
