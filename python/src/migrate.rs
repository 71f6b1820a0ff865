//! Migration models from Python: plain values in, JSON out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use galerna::migrate::evaluate::{self, Accuracy, Family};
use galerna::migrate::fit;
use galerna::migrate::measurement::read_measurements;
use galerna::migrate::parameters::{Parameters, read_parameters};
use galerna::migrate::{
    Channel, Constants, Dirty, DirtyRule, Features, Memory, Prediction, Stage, Task, spec,
};
use galerna::problem::Problem;
use galerna::units::BytesPerSecond;
use pyo3::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dirty::Function;
use crate::errors;

/// What moves over what, as the Python half hands it over: MiB, Mbit/s, MB/s, seconds.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked {
    ram_mib: f64,
    used_mib: Option<f64>,
    /// Of the link; a plan of moves knows it from its network.
    mbit: Option<f64>,
    limit_mb_s: Option<f64>,
    downtime_limit_s: f64,
    give_up_s: Option<f64>,
    hybrid_rounds: u32,
    /// Fraction of its nominal rate that the VM uses.
    cpu: f64,
    /// A rule as in a run file, as JSON.
    rule: Option<String>,
    /// A function of one's own.
    dirty: Option<Py<PyAny>>,
    /// Options of the hypervisor as in a run file, as JSON.
    features: String,
}

/// A task, with the function of the caller that it asks.
pub struct Set {
    /// The task.
    pub task: Task,
    /// The function.
    pub function: Option<Arc<Function>>,
}

/// `text` as what a run file may say at `place`; GLN-311 where it says something else.
pub fn parsed<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let told = error.to_string();
        let what = told.split(" at line ").next().unwrap_or(&told).to_owned();
        Problem::new("GLN-311", place, what, "Write it as in [migration] of a run file")
    })
}

impl Asked {
    /// The task, with everything that is wrong with it; problems name `place`.
    pub fn set(&self, py: Python<'_>, place: &str) -> PyResult<(Set, Vec<Problem>)> {
        const PAGES: f64 = 256.0;
        let (pages, mut problems) = (PAGES * self.ram_mib, Vec::new());
        let nonzero = PAGES * self.used_mib.unwrap_or(self.ram_mib);
        let function = match &self.dirty {
            Some(dirty) => Some(Function::of(dirty.bind(py), pages)?),
            None => None,
        };
        let dirty = match (&function, &self.rule) {
            (Some(function), _) => function.dirty(),
            (None, None) => Dirty::Idle,
            (None, Some(rule)) => match parsed::<DirtyRule>(rule, &format!("{place}, dirty")) {
                Ok(rule) => {
                    problems.extend(rule.problems(&format!("{place}, dirty")));
                    rule.of(nonzero, self.cpu)
                }
                Err(problem) => {
                    problems.push(problem);
                    Dirty::Idle
                }
            },
        };
        let features = parsed::<Features>(&self.features, &format!("{place}, features"));
        let link = BytesPerSecond(self.mbit.map_or(f64::INFINITY, |mbit| mbit * 1e6 / 8.0));
        let limit = self.limit_mb_s.map(|limit| BytesPerSecond(limit * 1e6));
        let memory = Memory { pages, nonzero, dirty };
        let mut task = Task::new(memory, Channel { link, limit, change: None });
        task.downtime_limit_s = self.downtime_limit_s;
        task.give_up_s = self.give_up_s.unwrap_or(f64::INFINITY);
        task.hybrid_rounds = self.hybrid_rounds;
        match features {
            Ok(features) => task.features = features,
            Err(problem) => problems.push(problem),
        }
        Ok((Set { task, function }, problems))
    }
}

impl Set {
    /// Raises what the caller's function did wrong.
    pub fn sound(&self, py: Python<'_>, place: &str) -> PyResult<()> {
        let fault = self.function.as_ref().and_then(|function| function.fault(py, place));
        fault.map_or(Ok(()), Err)
    }
}

/// Constants: those of the file at `params`, or those that `given` names, as JSON.
pub fn constants(py: Python<'_>, params: Option<&Path>, given: &str) -> PyResult<Constants> {
    let refused = |problems| errors::migration(py, problems);
    if let Some(path) = params {
        return Ok(parameters(py, Some(path))?.constants);
    }
    let constants: Constants = parsed(given, "constants").map_err(|p| refused(vec![p]))?;
    let problems = constants.problems("constants");
    if problems.is_empty() { Ok(constants) } else { Err(refused(problems)) }
}

fn parameters(py: Python<'_>, params: Option<&Path>) -> PyResult<Parameters> {
    let read = params.map_or_else(|| Ok(Parameters::default()), read_parameters);
    read.map_err(|problem| errors::migration(py, vec![problem]))
}

/// The JSON form of `value`.
pub fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain values have a JSON form")
}

/// A prediction and its stages.
#[derive(Serialize)]
struct Predicted {
    #[serde(flatten)]
    prediction: Prediction,
    stages: Vec<Stage>,
}

/// Names of the built-in migration models.
#[pyfunction]
pub fn migration_models() -> Vec<&'static str> {
    spec::ALL.to_vec()
}

/// What a migration costs, as JSON.
#[pyfunction]
pub fn predict_migration(
    py: Python<'_>,
    asked: Asked,
    model: &str,
    params: Option<PathBuf>,
    given: &str,
) -> PyResult<String> {
    const PLACE: &str = "migration";
    let named = spec::named(model).map_err(|problem| errors::migration(py, vec![problem]))?;
    let constants = constants(py, params.as_deref(), given)?;
    let (set, mut problems) = asked.set(py, PLACE)?;
    set.sound(py, PLACE)?;
    problems.extend(set.task.problems(PLACE));
    set.sound(py, PLACE)?;
    if !problems.is_empty() {
        return Err(errors::migration(py, problems));
    }
    let mut stages = Vec::new();
    let answer = named.predict(&set.task, &constants, Some(&mut stages));
    set.sound(py, PLACE)?;
    let prediction = answer.map_err(|error| errors::policy(py, error))?;
    Ok(text(&Predicted { prediction, stages }))
}

/// Accuracy of every model, or of one, on measured migrations, by family, as JSON.
#[pyfunction]
pub fn evaluate_migrations(
    py: Python<'_>,
    measurements: PathBuf,
    model: Option<&str>,
    params: Option<PathBuf>,
) -> PyResult<String> {
    let parameters = parameters(py, params.as_deref())?;
    if let Some(name) = model {
        spec::named(name).map_err(|problem| errors::migration(py, vec![problem]))?;
    }
    let rows =
        read_measurements(&measurements).map_err(|error| errors::migration(py, error.problems))?;
    let families = py.detach(|| evaluate::evaluate(&rows, &parameters, model));
    let families = families.map_err(|error| errors::policy(py, error))?;
    let families: Vec<(&String, &Family)> = families.iter().collect();
    Ok(text(&families))
}

/// What a fit found.
#[derive(Serialize)]
struct Fitted {
    constants: Constants,
    file: String,
    loss_before: f64,
    loss_after: f64,
    fitted: Accuracy,
    cross_validated: Accuracy,
}

/// Constants fitted to measured migrations, the parameter file that holds them, and how well they
/// agree, as JSON.
#[pyfunction]
pub fn fit_migrations(
    py: Python<'_>,
    measurements: PathBuf,
    params: Option<PathBuf>,
    seed: u64,
) -> PyResult<String> {
    let start = parameters(py, params.as_deref())?;
    let rows =
        read_measurements(&measurements).map_err(|error| errors::migration(py, error.problems))?;
    let Some(found) = py.detach(|| fit::fit(&rows, &start, seed)) else {
        let what = "fewer than ten pre-copy migrations were timed";
        let place = measurements.display().to_string();
        let problem = Problem::new("GLN-325", place, what, "Measure more of them");
        return Err(errors::migration(py, vec![problem]));
    };
    let (constants, guest) = (found.constants, start.guest);
    let parameters = Parameters { constants: constants.clone(), guest };
    let file = toml::to_string(&parameters).expect("parameters have a TOML form");
    let ((loss_before, loss_after), fitted) = (found.loss, found.fitted);
    let cross_validated = found.cross_validated;
    let told = Fitted { constants, file, loss_before, loss_after, fitted, cross_validated };
    Ok(text(&told))
}
