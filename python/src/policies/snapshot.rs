//! The state of a run as a Python planner sees it.

use std::sync::Arc;

use galerna::id::VmId;
use galerna::place::Roster;
use numpy::PyArray1;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;

use super::answer::read_only;
use super::draft::Draft;
use super::hosts::Hosts;
use super::lent::Lent;
use super::vms::Vms;

/// Everything that a planner may know.
#[pyclass(frozen, module = "galerna._core")]
pub struct Snapshot {
    lent: Arc<Lent>,
    vms: Py<Vms>,
    hosts: Py<Hosts>,
    draft: Py<Draft>,
}

impl Snapshot {
    /// The snapshot of a desk with a roster; VMs with the latest `window` samples of their pasts.
    pub fn new(py: Python<'_>, lent: &Arc<Lent>, window: usize) -> PyResult<Self> {
        let (vms, movable, hosts) = lent.with(|desk| {
            let vms: Vec<VmId> = desk.state.demand.ids().collect();
            let roster = desk.roster;
            let moves = |&vm: &VmId| roster.is_some_and(|roster| roster.is_movable(vm));
            let movable = vms.iter().copied().filter(moves).collect();
            Ok((vms, movable, desk.state.fleet.capacity.ids().collect()))
        })?;
        Ok(Self {
            lent: Arc::clone(lent),
            vms: Py::new(py, Vms::new(lent, vms, window))?,
            hosts: Py::new(py, Hosts::new(lent, hosts, None))?,
            draft: Py::new(py, Draft::new(lent, movable, false))?,
        })
    }

    fn column<T: numpy::Element>(
        &self,
        py: Python<'_>,
        value: impl Fn(&Roster<'_>, VmId) -> T,
    ) -> PyResult<Py<PyArray1<T>>> {
        let values = self.lent.with(|desk| {
            let roster = desk.roster.as_ref().ok_or_else(|| PyAttributeError::new_err("roster"))?;
            Ok(roster.home.ids().map(|vm| value(roster, vm)).collect())
        })?;
        Ok(read_only(py, values))
    }
}

#[pymethods]
impl Snapshot {
    /// Simulated time, seconds.
    #[getter]
    fn now_s(&self) -> PyResult<f64> {
        self.lent.with(|desk| Ok(desk.state.now.seconds()))
    }
    /// All VMs, row = number.
    #[getter]
    fn vms(&self, py: Python<'_>) -> Py<Vms> {
        self.vms.clone_ref(py)
    }
    /// All hosts, row = number.
    #[getter]
    fn hosts(&self, py: Python<'_>) -> Py<Hosts> {
        self.hosts.clone_ref(py)
    }
    /// The host on which each VM runs, -1 for a VM that is not there.
    #[getter]
    fn host_ids(&self, py: Python<'_>) -> PyResult<Py<PyArray1<i64>>> {
        self.column(py, |roster, vm| roster.home[vm].map_or(-1, |host| i64::from(host.0)))
    }
    /// Whether each VM may be moved: it is there and not about to move already.
    #[getter]
    fn movable(&self, py: Python<'_>) -> PyResult<Py<PyArray1<bool>>> {
        self.column(py, |roster, vm| roster.is_movable(vm))
    }
    /// Where VMs can be tried out; what is put there does not move unless the plan says so.
    #[getter]
    fn draft(&self, py: Python<'_>) -> Py<Draft> {
        self.draft.clone_ref(py)
    }
    fn __repr__(&self) -> PyResult<String> {
        Ok(format!("<Snapshot at {} s>", self.now_s()?))
    }
}
