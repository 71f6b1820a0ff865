//! What a batched detector in Python sees: the loads of several hosts as read-only arrays.
//!
//! The arrays are copies, made when they are first looked at: below a thousand rows that is cheaper
//! than lending the engine's columns, and a policy may keep them for as long as it likes.

use galerna::detect::{self, Occupancy, Question};
use galerna::id::HostId;
use galerna::time::Instant;
use numpy::{Element, PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The loads of several hosts, one row each.
#[pyclass(frozen, module = "galerna._core")]
pub struct HostLoads {
    inner: detect::HostLoads,
    window: usize,
    now: PyOnceLock<Py<PyArray1<f64>>>,
    history: PyOnceLock<Py<PyArray2<f64>>>,
    lengths: PyOnceLock<Py<PyArray1<i64>>>,
}

impl HostLoads {
    /// A copy of `loads` with the latest `window` samples of history.
    pub fn new(loads: &detect::HostLoads, window: usize) -> Self {
        Self::with(loads.clone(), window)
    }

    /// What an underload rule is asked about; how long copies take is not known to it.
    pub fn of_occupancies(active: &[Occupancy<'_>], window: usize) -> Self {
        let rows = active.iter().map(|host| (host.host, host.utilisation, host.history));
        Self::with(loads(rows, f64::NAN), window)
    }

    fn with(inner: detect::HostLoads, window: usize) -> Self {
        let (now, history, lengths) = (PyOnceLock::new(), PyOnceLock::new(), PyOnceLock::new());
        Self { inner, window, now, history, lengths }
    }

    /// How many values of its row of `history` a host has.
    fn length(&self, row: usize) -> usize {
        self.inner.lengths[row].min(self.window)
    }

    /// Histories right-aligned in `window` columns, NaN where there is no sample.
    fn right_aligned(&self) -> Vec<f64> {
        let mut values = vec![f64::NAN; self.inner.len() * self.window];
        for row in 0..self.inner.len() {
            let (to, from) = ((row + 1) * self.window, (row + 1) * self.inner.width);
            let length = self.length(row);
            values[to - length..to].copy_from_slice(&self.inner.histories[from - length..from]);
        }
        values
    }
}

/// Loads of hosts with their utilisation now and in the past.
fn loads<'a>(
    rows: impl Iterator<Item = (HostId, f64, &'a [f64])> + Clone,
    copy_intervals: f64,
) -> detect::HostLoads {
    let width = rows.clone().map(|(_, _, history)| history.len()).max().unwrap_or(0);
    let mut loads = detect::HostLoads::default();
    loads.clear(Question::Now, Instant::START, width);
    for (host, now, history) in rows {
        loads.hosts.push(host);
        loads.now.push(now);
        loads.lengths.push(history.len());
        loads.histories.extend(std::iter::repeat_n(f64::NAN, width - history.len()));
        loads.histories.extend_from_slice(history);
        loads.copy_intervals.push(copy_intervals);
    }
    loads
}

#[pymethods]
impl HostLoads {
    /// Loads to try a policy with: utilisation now and past of each host.
    #[new]
    #[pyo3(signature = (now, history, window=30))]
    fn of(now: Vec<f64>, history: Vec<Vec<f64>>, window: usize) -> PyResult<Self> {
        if now.len() != history.len() {
            let what = format!("{} loads and {} histories", now.len(), history.len());
            return Err(PyValueError::new_err(what));
        }
        let rows = now.iter().zip(&history).enumerate();
        let rows = rows.map(|(id, (&now, history))| (HostId(id as u32), now, &history[..]));
        Ok(Self::with(loads(rows, 1.0), window))
    }

    /// `"now"` or `"with-vm"`.
    #[getter]
    fn question(&self) -> &'static str {
        match self.inner.question {
            Question::Now => "now",
            Question::WithVm => "with-vm",
        }
    }

    /// Utilisation now.
    #[getter]
    fn now<'py>(&'py self, py: Python<'py>) -> &'py Bound<'py, PyArray1<f64>> {
        self.now.get_or_init(py, || read_only(PyArray1::from_slice(py, &self.inner.now))).bind(py)
    }

    /// Past utilisation, oldest first, right-aligned, NaN where missing.
    #[getter]
    fn history<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray2<f64>>> {
        let shape = [self.inner.len(), self.window];
        let make = || {
            let flat = PyArray1::from_vec(py, self.right_aligned());
            Ok::<_, PyErr>(read_only_matrix(flat.reshape(shape)?))
        };
        Ok(self.history.get_or_try_init(py, make)?.bind(py))
    }

    /// How many values of its row of `history` each host has.
    #[getter]
    fn lengths<'py>(&'py self, py: Python<'py>) -> &'py Bound<'py, PyArray1<i64>> {
        let make = || {
            let lengths = (0..self.inner.len()).map(|row| self.length(row) as i64).collect();
            read_only(PyArray1::from_vec(py, lengths))
        };
        self.lengths.get_or_init(py, make).bind(py)
    }

    /// Host numbers.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> Py<PyArray1<u32>> {
        let ids = self.inner.hosts.iter().map(|host| host.0).collect();
        read_only(PyArray1::from_vec(py, ids))
    }

    /// Whole sampling intervals that cover the longest copy from each host, at least 1.
    #[getter]
    fn copy_intervals<'py>(&self, py: Python<'py>) -> Py<PyArray1<f64>> {
        let whole = |&intervals: &f64| match intervals.is_nan() {
            true => intervals,
            false => intervals.ceil().max(1.0),
        };
        let whole = self.inner.copy_intervals.iter().map(whole).collect();
        read_only(PyArray1::from_vec(py, whole))
    }

    fn __len__(&self) -> usize {
        self.inner.len()
    }

    fn __repr__(&self) -> String {
        format!("<HostLoads: {} hosts, question {:?}>", self.inner.len(), self.question())
    }
}

fn read_only<T: Element>(array: Bound<'_, PyArray1<T>>) -> Py<PyArray1<T>> {
    array.readwrite().make_nonwriteable();
    array.unbind()
}

fn read_only_matrix(array: Bound<'_, PyArray2<f64>>) -> Py<PyArray2<f64>> {
    array.readwrite().make_nonwriteable();
    array.unbind()
}
