//! An overload detector written in Python, asked host by host or about many hosts at once.

use galerna::detect::{self, HostLoad, OverloadDetector, Verdict};
use galerna::id::HostId;
use galerna::policy::PolicyError;
use numpy::{PyArray1, PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{HostLoads, Resolved, answer};

/// Destinations asked about at once. A call into `NumPy` costs nearly the same for one row and for
/// eight. Measured on a `PlanetLab` day with a batched MAD, CPU seconds for 2, 4, 8 hosts at once:
/// 4.0, 2.9, 2.7.
const BATCH: usize = 8;

/// The bridge to `policy`.
pub fn bridge(policy: Resolved) -> Box<dyn OverloadDetector> {
    match policy.batched {
        true => Box::new(Batched { policy }),
        false => Box::new(PerItem { policy }),
    }
}

/// Calls `is_overloaded(now, history)` for each host.
struct PerItem {
    policy: Resolved,
}

impl PerItem {
    fn ask(&self, py: Python<'_>, load: HostLoad<'_>) -> PyResult<Verdict> {
        // A tuple: read-only, and Python iterates over it ten times faster than over an array.
        let history = PyTuple::new(py, load.latest(self.policy.window))?;
        self.verdict(&self.policy.call.bind(py).call1((load.now, history))?)
    }

    fn verdict(&self, answer: &Bound<'_, PyAny>) -> PyResult<Verdict> {
        if answer.is_none() {
            return Ok(Verdict::Unknown);
        }
        match answer.extract::<bool>() {
            Ok(true) => Ok(Verdict::Overloaded),
            Ok(false) => Ok(Verdict::Normal),
            Err(_) => {
                let what = format!(
                    "is_overloaded returned {}, expected True, False or None (cannot tell yet). \
                     Return the result of a comparison.",
                    answer::described(answer),
                );
                Err(answer::mistyped(&self.policy.name, &what))
            }
        }
    }
}

impl OverloadDetector for PerItem {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        self.policy.window
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Python::attach(|py| self.ask(py, load)).map_err(|error| self.policy.failed(error))
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
                let hosts = &loads.hosts[row..=row];
                let about = |error| self.policy.failed(error).about(answer::subject(hosts));
                verdicts.push(verdict.map_err(about)?);
            }
            Ok(())
        })
    }
}

/// Calls `assess(hosts)` once for all hosts.
struct Batched {
    policy: Resolved,
}

impl Batched {
    fn ask(
        &self,
        py: Python<'_>,
        loads: &detect::HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> PyResult<()> {
        let answer =
            self.policy.call.bind(py).call1((HostLoads::new(loads, self.policy.window),))?;
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
            return Err(self.mistyped(&answer::described(answer), expected));
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
            _ => {
                let host = host.map_or_else(|| "no host".to_owned(), |h| format!("host {}", h.0));
                let what = format!(
                    "assess returned {value} for {host}, expected 1 (overloaded), 0 (normal) or -1 \
                     (cannot tell yet)"
                );
                Err(answer::impossible(&self.policy.name, &what))
            }
        }
    }

    fn mistyped(&self, found: &str, expected: usize) -> PyErr {
        let what = format!(
            "assess returned {found}, expected a NumPy array of {expected} bool or int8 values, \
             one per host"
        );
        answer::mistyped(&self.policy.name, &what)
    }

    fn misshapen(&self, found: &str, expected: usize) -> PyErr {
        let what = format!(
            "assess returned an array of shape {found}, expected ({expected},): one answer per host"
        );
        answer::misshapen(&self.policy.name, &what)
    }
}

impl OverloadDetector for Batched {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        self.policy.window
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
            .map_err(|error| self.policy.failed(error).about(answer::subject(&loads.hosts)))
    }
}
