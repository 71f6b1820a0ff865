//! An overload detector written in Python, asked host by host or about many hosts at once.

use galerna::detect::{self, HostLoad, OverloadDetector, Verdict, WithFallback};
use galerna::id::HostId;
use galerna::policy::PolicyError;
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::HostLoads;

/// Destinations asked about at once. A call into `NumPy` costs nearly the same for one row and for
/// eight. Measured on a `PlanetLab` day with a batched MAD, CPU seconds for 2, 4, 8 hosts at once:
/// 4.0, 2.9, 2.7.
const BATCH: usize = 8;

/// A detector as `galerna.policy` resolves it: callable, name, window, and whether it is batched.
#[derive(FromPyObject)]
pub struct Detector(Py<PyAny>, String, usize, bool);

impl Detector {
    /// The bridge to it, with `fallback` for the hosts of which it cannot tell.
    pub fn with_fallback(self, fallback: Box<dyn OverloadDetector>) -> Box<dyn OverloadDetector> {
        let Self(call, name, window, batched) = self;
        let primary: Box<dyn OverloadDetector> = match batched {
            true => Box::new(Batched { call, name, window }),
            false => Box::new(PerItem { call, name, window }),
        };
        Box::new(WithFallback::new(primary, fallback))
    }
}

/// Calls `is_overloaded(now, history)` for each host.
struct PerItem {
    call: Py<PyAny>,
    name: String,
    window: usize,
}

impl PerItem {
    fn ask(&self, py: Python<'_>, load: HostLoad<'_>) -> PyResult<Verdict> {
        let from = load.history.len().saturating_sub(self.window);
        // A tuple: read-only, and Python iterates over it ten times faster than over an array.
        let history = PyTuple::new(py, &load.history[from..])?;
        self.verdict(&self.call.bind(py).call1((load.now, history))?)
    }

    fn verdict(&self, answer: &Bound<'_, PyAny>) -> PyResult<Verdict> {
        if answer.is_none() {
            return Ok(Verdict::Unknown);
        }
        match answer.extract::<bool>() {
            Ok(true) => Ok(Verdict::Overloaded),
            Ok(false) => Ok(Verdict::Normal),
            Err(_) => Err(PyTypeError::new_err(format!(
                "policy `{}`: is_overloaded returned {}, expected True, False or None (cannot \
                 tell yet). Return the result of a comparison.",
                self.name,
                described(answer),
            ))),
        }
    }
}

impl OverloadDetector for PerItem {
    fn name(&self) -> &str {
        &self.name
    }
    fn window(&self) -> usize {
        self.window
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Python::attach(|py| self.ask(py, load)).map_err(|e| PolicyError::new(&self.name, e))
    }
    fn assess_all(
        &mut self,
        loads: &detect::HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), PolicyError> {
        verdicts.clear();
        Python::attach(|py| {
            for row in 0..loads.len() {
                let verdict = self.ask(py, loads.row(row));
                let about =
                    |e| PolicyError::new(&self.name, e).about(subject(&loads.hosts[row..=row]));
                verdicts.push(verdict.map_err(about)?);
            }
            Ok(())
        })
    }
}

/// Calls `assess(hosts)` once for all hosts.
struct Batched {
    call: Py<PyAny>,
    name: String,
    window: usize,
}

impl Batched {
    fn ask(
        &self,
        py: Python<'_>,
        loads: &detect::HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> PyResult<()> {
        let answer = self.call.bind(py).call1((HostLoads::new(loads, self.window),))?;
        let expected = loads.len();
        if let Ok(array) = answer.cast::<PyArray1<bool>>() {
            let verdict = |&over: &bool| if over { Verdict::Overloaded } else { Verdict::Normal };
            verdicts.extend(array.readonly().as_array().iter().map(verdict));
        } else {
            let array = self.integers(py, &answer, expected)?;
            for (row, &value) in array.readonly().as_array().iter().enumerate() {
                verdicts.push(self.verdict(value, loads.hosts.get(row))?);
            }
        }
        if verdicts.len() != expected {
            return Err(self.misshapen(&format!("({},)", verdicts.len()), expected));
        }
        Ok(())
    }

    /// The answer as integers, whatever their width.
    fn integers<'py>(
        &self,
        py: Python<'py>,
        answer: &Bound<'py, PyAny>,
        expected: usize,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let Ok(array) = answer.cast::<PyUntypedArray>() else {
            return Err(self.mistyped(&described(answer), expected));
        };
        if array.ndim() != 1 {
            return Err(self.misshapen(&array.getattr("shape")?.to_string(), expected));
        }
        if !matches!(array.dtype().kind(), b'i' | b'u') {
            let found = format!("an array of {}", array.dtype());
            return Err(self.mistyped(&found, expected));
        }
        let wide = array.call_method1("astype", (numpy::dtype::<i64>(py),))?;
        Ok(wide.cast_into::<PyArray1<i64>>()?)
    }

    fn verdict(&self, value: i64, host: Option<&HostId>) -> PyResult<Verdict> {
        match value {
            1 => Ok(Verdict::Overloaded),
            0 => Ok(Verdict::Normal),
            -1 => Ok(Verdict::Unknown),
            _ => Err(PyValueError::new_err(format!(
                "policy `{}`: assess returned {value} for {}, expected 1 (overloaded), 0 (normal) \
                 or -1 (cannot tell yet)",
                self.name,
                host.map_or_else(|| "no host".to_owned(), |host| format!("host {}", host.0)),
            ))),
        }
    }

    fn mistyped(&self, found: &str, expected: usize) -> PyErr {
        PyTypeError::new_err(format!(
            "policy `{}`: assess returned {found}, expected a NumPy array of {expected} bool or \
             int8 values, one per host",
            self.name,
        ))
    }

    fn misshapen(&self, found: &str, expected: usize) -> PyErr {
        PyValueError::new_err(format!(
            "policy `{}`: assess returned an array of shape {found}, expected ({expected},): one \
             answer per host",
            self.name,
        ))
    }
}

impl OverloadDetector for Batched {
    fn name(&self) -> &str {
        &self.name
    }
    fn window(&self) -> usize {
        self.window
    }
    fn batch(&self) -> usize {
        BATCH
    }

    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        let loads = detect::HostLoads {
            question: load.question,
            at: load.at,
            hosts: vec![load.host],
            now: vec![load.now],
            histories: load.history.to_vec(),
            lengths: vec![load.history.len()],
            copy_intervals: vec![load.copy_intervals],
            width: load.history.len(),
        };
        let mut verdicts = Vec::new();
        self.assess_all(&loads, &mut verdicts)?;
        Ok(verdicts[0])
    }

    fn assess_all(
        &mut self,
        loads: &detect::HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), PolicyError> {
        verdicts.clear();
        if loads.is_empty() {
            return Ok(());
        }
        Python::attach(|py| self.ask(py, loads, verdicts))
            .map_err(|e| PolicyError::new(&self.name, e).about(subject(&loads.hosts)))
    }
}

/// About whom was asked, in words.
fn subject(hosts: &[HostId]) -> String {
    const SHOWN: usize = 8;
    let ids: Vec<String> = hosts.iter().take(SHOWN).map(|host| host.0.to_string()).collect();
    let plural = if hosts.len() == 1 { "host" } else { "hosts" };
    let more = match hosts.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{plural} {}{more}", ids.join(", "))
}

/// A value and its type, in words.
fn described(value: &Bound<'_, PyAny>) -> String {
    let kind = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let text = value.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short} ({kind})")
}
