//! Forecasters and their evaluation.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use galerna::evaluate;
use galerna::evaluate::{
    Chosen, External, OverloadTrials, PartSpec, Parts, Quantity, Said, read_external, write_points,
};
use galerna::forecast::hosts::Draw;
use galerna::forecast::{
    self, Asked, Error, ForecasterSpec, Panel, load_forecaster, save_forecaster,
};
use numpy::{PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::{errors, run};

/// What a call holds; one that panicked has left it whole.
fn held<T>(inner: &Mutex<T>) -> MutexGuard<'_, T> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

fn asked(horizons: Vec<u16>, quantiles: Vec<f32>, cap: f32) -> Result<Asked, Error> {
    Asked { horizons, quantiles, cap, ..Asked::default() }.checked("forecast")
}

fn panel(values: &PyReadonlyArray2<'_, f32>) -> Result<Panel, Error> {
    let rows = values.as_array();
    Panel::new(rows.nrows(), rows.iter().copied().collect())
}

/// A forecaster of galerna's own.
#[pyclass(frozen, module = "galerna._core")]
pub struct Forecaster {
    inner: Mutex<Box<dyn forecast::Forecaster>>,
    season: usize,
}

impl Forecaster {
    fn with(inner: Box<dyn forecast::Forecaster>, season: usize) -> Self {
        Self { inner: Mutex::new(inner), season }
    }
}

#[pymethods]
impl Forecaster {
    /// The forecaster called `name`.
    #[new]
    fn named(
        py: Python<'_>,
        name: &str,
        horizons: Vec<u16>,
        quantiles: Vec<f32>,
        season: usize,
        cap: f32,
    ) -> PyResult<Self> {
        let built = asked(horizons, quantiles, cap)
            .and_then(|asked| Ok(ForecasterSpec::named(name)?.build(&asked, season)));
        Ok(Self::with(built.map_err(|error| errors::forecast(py, error))?, season))
    }

    /// The forecaster that a file holds.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let (inner, season) =
            py.detach(|| load_forecaster(&path)).map_err(|error| errors::forecast(py, error))?;
        Ok(Self::with(inner, season))
    }

    /// Writes it with all that it has learned.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let saved = py.detach(|| save_forecaster(&path, &**held(&self.inner), self.season));
        saved.map_err(|error| errors::forecast(py, error))
    }

    /// Its name.
    #[getter]
    fn name(&self) -> String {
        held(&self.inner).name().to_owned()
    }

    /// Samples ahead.
    #[getter]
    fn horizons(&self) -> Vec<u16> {
        held(&self.inner).asked().horizons.clone()
    }

    /// Levels of its quantiles.
    #[getter]
    fn quantiles(&self) -> Vec<f32> {
        held(&self.inner).asked().quantiles.clone()
    }

    /// Whether one model serves all series, and has to be fitted first.
    #[getter]
    fn is_global(&self) -> bool {
        held(&self.inner).is_global()
    }

    /// Learns; returns rows and CPU seconds.
    fn fit(
        &self,
        py: Python<'_>,
        train: PyReadonlyArray2<'_, f32>,
        calibrate: PyReadonlyArray2<'_, f32>,
    ) -> PyResult<(usize, f64)> {
        let panels = panel(&train).and_then(|train| Ok((train, panel(&calibrate)?)));
        let fitted = panels
            .and_then(|(train, calibrate)| py.detach(|| held(&self.inner).fit(&train, &calibrate)));
        let report = fitted.map_err(|error| errors::forecast(py, error))?;
        Ok((report.rows, report.seconds))
    }

    /// Empty states for `vms` series.
    fn bank(&self, vms: usize) -> Bank {
        let inner = held(&self.inner);
        let asked = inner.asked().clone();
        Bank { inner: Mutex::new(inner.bank(vms)), vms, asked }
    }
}

/// Names of the forecasters.
#[pyfunction]
pub fn forecasters() -> Vec<&'static str> {
    ForecasterSpec::names().collect()
}

/// The states of one forecaster for several series.
#[pyclass(frozen, module = "galerna._core")]
pub struct Bank {
    inner: Mutex<Box<dyn forecast::Bank>>,
    vms: usize,
    asked: Asked,
}

#[pymethods]
impl Bank {
    /// Takes the next sample of every series.
    fn update(&self, py: Python<'_>, values: PyReadonlyArray1<'_, f32>) -> PyResult<()> {
        let values = values.as_array().to_vec();
        if values.len() != self.vms {
            let what = format!("found {} values, expected {}", values.len(), self.vms);
            let remedy = "Give the next sample of every series";
            return Err(errors::forecast(py, Error::one("GLN-164", "update", what, remedy)));
        }
        py.detach(|| held(&self.inner).update(&values));
        Ok(())
    }

    /// Per series and horizon the point and the quantiles.
    fn predict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let mut out = vec![0.0; self.vms * self.asked.width()];
        py.detach(|| held(&self.inner).predict(&mut out));
        let shape = [self.vms, self.asked.horizons.len(), self.asked.per_horizon()];
        PyArray1::from_vec(py, out).reshape(shape)
    }

    /// Bytes of state per series.
    #[getter]
    fn state_bytes(&self) -> usize {
        held(&self.inner).state_bytes()
    }
}

type Three = (Option<String>, Option<String>, Option<String>);
type Question = (Vec<u16>, Vec<f32>, usize);

/// What is chosen of a trace or panel.
fn chosen((train, calibrate, test): Three, resource: &str) -> Result<Chosen, Error> {
    let part = |text: Option<String>| -> Result<Option<PartSpec>, Error> {
        let parsed = text.map(|text| text.parse()).transpose();
        parsed.map_err(|what: String| Error::one("GLN-165", "parts", what, "Write vms:0..500"))
    };
    let quantity: Result<Quantity, String> = resource.parse();
    let quantity =
        quantity.map_err(|what| Error::one("GLN-165", "resource", what, "Choose cpu or memory"))?;
    Ok(Chosen { train: part(train)?, calibrate: part(calibrate)?, test: part(test)?, quantity })
}

/// Models judged on the same points.
#[pyclass(frozen, module = "galerna._core")]
pub struct Evaluation {
    inner: Mutex<Option<evaluate::Evaluation>>,
}

impl Evaluation {
    fn begun(
        py: Python<'_>,
        name: String,
        parts: Result<Parts, Error>,
        (horizons, quantiles, stride): Question,
    ) -> PyResult<Self> {
        let begun = parts.and_then(|parts| {
            let asked = asked(horizons, quantiles, 1.0)?;
            evaluate::Evaluation::new(name, parts, asked, stride)
        });
        let inner = begun.map_err(|error| errors::forecast(py, error))?;
        Ok(Self { inner: Mutex::new(Some(inner)) })
    }

    /// Does `work` on the evaluation, which is there until its report is made.
    fn on<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut evaluate::Evaluation) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| match held(&self.inner).as_mut() {
            Some(inner) => work(inner),
            None => Err(over()),
        });
        done.map_err(|error| errors::forecast(py, error))
    }
}

fn over() -> Error {
    Error::one("GLN-164", "evaluation", "its report was made already", "Begin another one")
}

#[pymethods]
impl Evaluation {
    /// Of a trace: `changes` is a JSON list of pairs, key and value of the spec's `[trace]`.
    #[staticmethod]
    fn of_trace(
        py: Python<'_>,
        changes: &str,
        parts: Three,
        resource: &str,
        question: Question,
    ) -> PyResult<Self> {
        let spec = run::read("trace", Some("{}"), changes);
        let spec = spec.map_err(|error| errors::spec(py, error))?;
        let (path, selection) = (spec.trace.path.clone(), spec.trace.selection());
        let read = chosen(parts, resource)
            .and_then(|chosen| py.detach(|| Parts::read(&path, &selection, &chosen)));
        Self::begun(py, path.display().to_string(), read, question)
    }

    /// Of series at hand, one per row, `step_s` seconds from sample to sample.
    #[staticmethod]
    fn of_panel(
        py: Python<'_>,
        values: PyReadonlyArray2<'_, f32>,
        names: Vec<String>,
        step_s: f64,
        parts: Three,
        question: Question,
    ) -> PyResult<Self> {
        let cut = panel(&values).and_then(|panel| {
            let chosen = chosen(parts, "cpu")?;
            Parts::of(&panel, names, step_s, &chosen)
        });
        Self::begun(py, "panel".to_owned(), cut, question)
    }

    /// Fits and judges a forecaster of galerna's own.
    fn judge(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.on(py, |inner| inner.judge(&ForecasterSpec::named(name)?, &mut || ()))
    }

    /// Judges a forecaster as it is.
    fn judge_fitted(&self, py: Python<'_>, forecaster: &Forecaster) -> PyResult<()> {
        self.on(py, |inner| inner.judge_fitted(&**held(&forecaster.inner), &mut || ()))
    }

    /// Judges rows of forecasts: origin by origin, VM by VM.
    fn judge_said(
        &self,
        py: Python<'_>,
        model: String,
        rows: PyReadonlyArray1<'_, f32>,
        us: f64,
    ) -> PyResult<()> {
        let rows = rows.as_array().to_vec();
        let said =
            Said { rows, us_per_update: None, us_per_prediction: Some(us), state_bytes: None };
        self.on(py, |inner| inner.judge_said(&External { model, said }))
    }

    /// Judges forecasts of others in a csv file.
    fn judge_file(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.on(py, |inner| {
            let asked = inner.asked().clone();
            let read = read_external(Path::new(&path), inner.trial(), &asked)?;
            read.iter().try_for_each(|external| inner.judge_said(external))
        })
    }

    /// The series of `train`, `calibrate` or `test`, and from which sample on forecasts are made.
    fn part<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<(Bound<'py, PyArray2<f32>>, usize)> {
        let (vms, samples, first, values) = self.on(py, |inner| {
            let parts = inner.parts();
            let panel = match name {
                "train" => &parts.train,
                "calibrate" => &parts.calibrate,
                _ => &parts.test,
            };
            let values: Vec<f32> =
                (0..panel.vms()).flat_map(|row| panel.series(row).to_vec()).collect();
            Ok((panel.vms(), panel.samples(), panel.first_origin(), values))
        })?;
        Ok((PyArray1::from_vec(py, values).reshape([vms, samples])?, first))
    }

    /// Names of the VMs of the test part.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.on(py, |inner| Ok(inner.parts().names.clone()))
    }

    /// Samples of the test part at which forecasts are made.
    fn origins(&self, py: Python<'_>) -> PyResult<Vec<usize>> {
        self.on(py, |inner| Ok(inner.trial().origins(inner.asked())))
    }

    /// The points that are to be forecast, as csv.
    fn points(&self, py: Python<'_>) -> PyResult<String> {
        self.on(py, |inner| Ok(write_points(inner.trial(), inner.asked(), &inner.parts().names)))
    }

    /// All figures as JSON, as a table and as Markdown; with rows on overload where `hosts` are to
    /// be drawn.
    fn report(
        &self,
        py: Python<'_>,
        hosts: usize,
        host_vms: usize,
        limit: f32,
        seed: u64,
    ) -> PyResult<(String, String, String)> {
        let made = py.detach(|| {
            let inner = held(&self.inner).take().ok_or_else(over)?;
            let hosts = Draw { hosts, vms: host_vms, seed, ..Draw::default() };
            let overload =
                inner.overload(OverloadTrials { hosts, limit, ..OverloadTrials::default() })?;
            inner.report(overload)
        });
        let report = made.map_err(|error| errors::forecast(py, error))?;
        let json = serde_json::to_string(&report).expect("it has a JSON form");
        Ok((json, report.table(), report.markdown()))
    }
}
