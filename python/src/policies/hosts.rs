//! Hosts as Python policies see them: as columns, and one by one.

use std::sync::Arc;

use galerna::id::{HostId, VmId};
use galerna::model::history::WINDOW;
use numpy::{AllowTypeChange, Element, PyArray1, PyArray2, PyArrayLike1, PyArrayMethods};
use pyo3::exceptions::{PyAttributeError, PyIndexError, PyValueError};
use pyo3::prelude::*;

use super::answer::{self, read_only};
use super::host::Host;
use super::lent::{Desk, Lent};
use super::past;
use super::question::{self, NO_VM};

/// Several hosts, one row each, in id order.
#[pyclass(frozen, sequence, module = "galerna._core")]
pub struct Hosts {
    lent: Arc<Lent>,
    rows: Vec<HostId>,
    /// The VM for which they are candidates.
    vm: Option<VmId>,
}

impl Hosts {
    /// Views of `rows`, which are candidates for `vm` if given.
    pub fn new(lent: &Arc<Lent>, rows: Vec<HostId>, vm: Option<VmId>) -> Self {
        Self { lent: Arc::clone(lent), rows, vm }
    }

    fn column<T: Element>(
        &self,
        py: Python<'_>,
        value: impl Fn(&mut Desk<'_>, HostId) -> PyResult<T>,
    ) -> PyResult<Py<PyArray1<T>>> {
        let rows = self.rows.iter();
        let values = self.lent.with(|desk| rows.map(|&host| value(desk, host)).collect());
        Ok(read_only(py, values?))
    }

    /// The hosts of these rows, or all.
    fn chosen(&self, rows: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<HostId>> {
        let Some(given) = rows else { return Ok(self.rows.clone()) };
        let wrong = || {
            let what = format!("rows: expected row numbers, found {}", answer::described(given));
            PyValueError::new_err(what)
        };
        let rows = answer::ids(given).ok_or_else(wrong)?;
        let host = |row: &i64| usize::try_from(*row).ok().and_then(|row| self.rows.get(row));
        let missing = |row: &i64| PyIndexError::new_err(format!("there is no row {row}"));
        rows.iter().map(|row| host(row).copied().ok_or_else(|| missing(row))).collect()
    }
}

#[pymethods]
impl Hosts {
    /// Their numbers, ascending.
    #[getter]
    fn ids(&self, py: Python<'_>) -> Py<PyArray1<u32>> {
        read_only(py, self.rows.iter().map(|host| host.0).collect())
    }
    /// Rate of one core of each, MIPS.
    #[getter]
    fn core_mips(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.state.fleet.core[host].0))
    }
    /// Rate of all cores of each, MIPS.
    #[getter]
    fn capacity_mips(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.state.fleet.capacity[host].0))
    }
    /// Memory, bytes.
    #[getter]
    fn ram_bytes(&self, py: Python<'_>) -> PyResult<Py<PyArray1<u64>>> {
        self.column(py, |desk, host| Ok(desk.state.fleet.host_ram[host].0))
    }
    /// Disk for VMs, bytes; `inf` where there is no limit.
    #[getter]
    fn disk_bytes(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.state.fleet.capacities(host).disk))
    }
    /// Network for VMs in each direction, bytes per second; `inf` where there is no limit.
    #[getter]
    fn net_bytes_s(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.state.fleet.capacities(host).net))
    }
    /// Utilisation as last evaluated, before anything was decided in this step.
    #[getter]
    fn utilisation(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.state.utilisation[host]))
    }
    /// MIPS given to their VMs in the draft.
    #[getter]
    fn allocated_mips(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.allocated))
    }
    /// MIPS asked for by their VMs in the draft.
    #[getter]
    fn demand_mips(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.requested))
    }
    /// MIPS that nobody has asked for in the draft.
    #[getter]
    fn free_mips(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.free.cpu))
    }
    /// Memory that nobody has in the draft, bytes.
    #[getter]
    fn free_ram_bytes(&self, py: Python<'_>) -> PyResult<Py<PyArray1<i64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.free.ram as i64))
    }
    /// Disk that nobody has in the draft, bytes; `inf` where there is no limit.
    #[getter]
    fn free_disk_bytes(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.free.disk))
    }
    /// Network that nobody has in the draft, bytes per second; `inf` where there is no limit.
    #[getter]
    fn free_net_bytes_s(&self, py: Python<'_>) -> PyResult<Py<PyArray1<f64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.free.net))
    }
    /// How many VMs each has in the draft; without any it sleeps, or will.
    #[getter]
    fn vms(&self, py: Python<'_>) -> PyResult<Py<PyArray1<u32>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.vms))
    }

    /// Past utilisation, oldest first, right-aligned, NaN where missing: that of their VMs in the
    /// draft, together.
    #[getter]
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let mut values = vec![0.0; self.rows.len() * WINDOW];
        self.lent.with(|desk| {
            let (state, bench) = desk.bench()?;
            for (&host, past) in self.rows.iter().zip(values.chunks_exact_mut(WINDOW)) {
                past::write(host, bench.draft, state, past);
            }
            Ok(())
        })?;
        let matrix = PyArray1::from_vec(py, values).reshape([self.rows.len(), WINDOW])?;
        matrix.readwrite().make_nonwriteable();
        Ok(matrix)
    }

    /// What each draws at its own `load` (fraction of its capacity) when it is on, W.
    fn power(
        &self,
        py: Python<'_>,
        load: PyArrayLike1<'_, f64, AllowTypeChange>,
    ) -> PyResult<Py<PyArray1<f64>>> {
        let load = load.as_array();
        if load.len() != self.rows.len() {
            let what = format!("load has {} values for {} hosts", load.len(), self.rows.len());
            return Err(PyValueError::new_err(what));
        }
        let rows = self.rows.iter().zip(load);
        let watts = |desk: &Desk<'_>| rows.map(|(&host, &load)| desk.power(host, load)).collect();
        Ok(read_only(py, self.lent.with(|desk| Ok(watts(desk)))?))
    }

    /// Which of them (or of those `rows`) are overloaded in the draft.
    #[pyo3(signature = (rows=None))]
    fn overloaded(
        &self,
        py: Python<'_>,
        rows: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyArray1<bool>>> {
        let hosts = self.chosen(rows)?;
        Ok(read_only(py, self.lent.with(|desk| desk.overloaded(&hosts))?))
    }

    /// Which of them (or of those `rows`) the VM for which they are candidates would overload.
    #[pyo3(signature = (rows=None))]
    fn would_be_overloaded(
        &self,
        py: Python<'_>,
        rows: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyArray1<bool>>> {
        let vm = self.vm.ok_or_else(|| PyAttributeError::new_err(NO_VM))?;
        let hosts = self.chosen(rows)?;
        Ok(read_only(py, self.lent.with(|desk| desk.overloaded_with(vm, &hosts))?))
    }

    /// How likely each of them (or of those `rows`) is to run short with the VM for which they are
    /// candidates, from the pasts of the single VMs.
    #[pyo3(signature = (rows=None, *, limit=1.0, horizon=1, factor=1.3))]
    fn risk_after(
        &self,
        py: Python<'_>,
        rows: Option<&Bound<'_, PyAny>>,
        limit: f64,
        horizon: i64,
        factor: f64,
    ) -> PyResult<Py<PyArray1<f64>>> {
        let vm = self.vm.ok_or_else(|| PyAttributeError::new_err(NO_VM))?;
        let (hosts, after) = (self.chosen(rows)?, question::after(limit, horizon, factor)?);
        Ok(read_only(py, self.lent.with(|desk| desk.risk_after(vm, &hosts, after))?))
    }

    /// The same by the risk model of the run's detector, from the past of all VMs of a host
    /// together; NaN where that is too short to tell.
    #[pyo3(signature = (rows=None))]
    fn overload_probability(
        &self,
        py: Python<'_>,
        rows: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyArray1<f64>>> {
        let vm = self.vm.ok_or_else(|| PyAttributeError::new_err(NO_VM))?;
        let hosts = self.chosen(rows)?;
        let found = self.lent.with(|desk| desk.probability_with(vm, &hosts))?;
        Ok(read_only(py, found.into_iter().map(|p| p.unwrap_or(f64::NAN)).collect()))
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }
    fn __getitem__(&self, row: isize) -> PyResult<Host> {
        let at = if row < 0 { row + self.rows.len() as isize } else { row };
        let host = usize::try_from(at).ok().and_then(|at| self.rows.get(at));
        let host = host.ok_or_else(|| PyIndexError::new_err(format!("there is no row {row}")))?;
        Ok(Host::new(&self.lent, *host, self.vm))
    }
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        answer::rows(slf.as_any())
    }
    fn __repr__(&self) -> String {
        format!("<Hosts: {}>", self.rows.len())
    }
}
