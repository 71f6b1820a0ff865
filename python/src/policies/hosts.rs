//! Hosts as Python policies see them: one by one, or as columns.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use galerna::detect::Verdict;
use galerna::id::{HostId, VmId};
use galerna::model::Snapshot;
use galerna::place::{Ask, Room};
use galerna::policy::PolicyError;
use numpy::{AllowTypeChange, Element, PyArray1, PyArrayLike1};
use pyo3::exceptions::{PyAttributeError, PyIndexError, PyValueError};
use pyo3::prelude::*;

use super::answer::{self, read_only};
use super::lent::{Bench, Desk, Lent};
use crate::errors;

/// What a policy without a draft is told when it looks for what only a draft has.
const NO_DRAFT: &str = "what hosts have left is known to placers and planners only";
const NO_VM: &str = "this host was not given as a candidate for a VM: ask candidates(vm)";

impl<'d> Desk<'d> {
    /// The draft and whom to ask about it.
    pub fn bench(&mut self) -> PyResult<(&Snapshot<'d>, &mut Bench<'d>)> {
        let bench = self.bench.as_mut().ok_or_else(|| PyAttributeError::new_err(NO_DRAFT))?;
        Ok((&self.state, bench))
    }

    /// What `host` has left in the draft.
    fn room(&mut self, host: HostId) -> PyResult<Room> {
        Ok(*self.bench()?.1.draft.room(host))
    }

    /// Power of `host` at `load`, a fraction of its capacity, W.
    fn power(&self, host: HostId, load: f64) -> f64 {
        self.tables[usize::from(self.state.fleet.machine[host])].power(load).0
    }

    /// Which of `hosts` would be overloaded with `vm`; one without load never.
    fn overloaded_with(&mut self, vm: VmId, hosts: &[HostId]) -> PyResult<Vec<bool>> {
        let (&state, Bench { draft, excluded, wake, detector }) = self.bench()?;
        let alone = detector.batch() <= 1;
        let mut ask = Ask { state, excluded, wake: *wake, detector: &mut **detector };
        let demand = state.demand[vm];
        if let &[host] = hosts
            && alone
        {
            if draft.room(host).allocated == 0.0 {
                return Ok(vec![false]);
            }
            let verdict = draft.assess_one_with(vm, demand, host, &mut ask);
            let verdict = verdict.map_err(|error| raised(error, &state))?;
            return Ok(vec![verdict == Verdict::Overloaded]);
        }
        draft.assess_with(vm, demand, hosts, &mut ask).map_err(|error| raised(error, &state))?;
        let verdicts = hosts.iter().zip(draft.verdicts());
        let over = |(&host, &verdict): (&HostId, &Verdict)| {
            verdict == Verdict::Overloaded && draft.room(host).allocated != 0.0
        };
        Ok(verdicts.map(over).collect())
    }

    /// Which of `hosts` are overloaded in the draft.
    fn overloaded(&mut self, hosts: &[HostId]) -> PyResult<Vec<bool>> {
        let (&state, Bench { draft, detector, .. }) = self.bench()?;
        let assessed = draft.assess(hosts, &state, &mut **detector);
        assessed.map_err(|error| raised(error, &state))?;
        Ok(draft.verdicts().iter().map(|&verdict| verdict == Verdict::Overloaded).collect())
    }
}

/// What the detector raised while a placer or planner asked it.
fn raised(error: PolicyError, state: &Snapshot<'_>) -> PyErr {
    Python::attach(|py| errors::policy(py, error.at(state.now)))
}

/// A host, as it is now.
#[pyclass(frozen, eq, hash, module = "galerna._core")]
pub struct Host {
    lent: Arc<Lent>,
    host: HostId,
    /// The VM for which it is a candidate.
    vm: Option<VmId>,
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.host == other.host
    }
}

impl Eq for Host {}

impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.host.hash(state);
    }
}

impl Host {
    /// A view of `host`.
    pub fn new(lent: &Arc<Lent>, host: HostId) -> Self {
        Self { lent: Arc::clone(lent), host, vm: None }
    }

    fn look<R>(&self, look: impl for<'d> FnOnce(&Desk<'d>, HostId) -> R) -> PyResult<R> {
        self.lent.with(|desk| Ok(look(desk, self.host)))
    }

    fn room(&self) -> PyResult<Room> {
        self.lent.with(|desk| desk.room(self.host))
    }
}

#[pymethods]
impl Host {
    /// Its number.
    #[getter]
    fn id(&self) -> u32 {
        self.host.0
    }
    fn __index__(&self) -> u32 {
        self.host.0
    }

    /// Name of its machine.
    #[getter]
    fn machine(&self) -> PyResult<String> {
        self.look(|desk, host| desk.state.fleet.machine_of(host).name.clone())
    }
    /// CPU cores.
    #[getter]
    fn cores(&self) -> PyResult<u32> {
        self.look(|desk, host| desk.state.fleet.machine_of(host).cores)
    }
    /// Rate of one core, MIPS.
    #[getter]
    fn core_mips(&self) -> PyResult<f64> {
        self.look(|desk, host| desk.state.fleet.core[host].0)
    }
    /// Rate of all cores, MIPS.
    #[getter]
    fn capacity_mips(&self) -> PyResult<f64> {
        self.look(|desk, host| desk.state.fleet.capacity[host].0)
    }
    /// Memory, bytes.
    #[getter]
    fn ram_bytes(&self) -> PyResult<u64> {
        self.look(|desk, host| desk.state.fleet.host_ram[host].0)
    }
    /// Utilisation as last evaluated, before anything was decided in this step.
    #[getter]
    fn utilisation(&self) -> PyResult<f64> {
        self.look(|desk, host| desk.state.utilisation[host])
    }

    /// MIPS given to its VMs in the draft.
    #[getter]
    fn allocated_mips(&self) -> PyResult<f64> {
        Ok(self.room()?.allocated)
    }
    /// MIPS asked for by its VMs in the draft.
    #[getter]
    fn demand_mips(&self) -> PyResult<f64> {
        Ok(self.room()?.requested)
    }
    /// MIPS that nobody has asked for in the draft.
    #[getter]
    fn free_mips(&self) -> PyResult<f64> {
        Ok(self.room()?.free)
    }
    /// Memory that nobody has in the draft, bytes.
    #[getter]
    fn free_ram_bytes(&self) -> PyResult<i64> {
        Ok(self.room()?.ram_free)
    }
    /// How many VMs it has in the draft; without any it sleeps, or will.
    #[getter]
    fn vms(&self) -> PyResult<u32> {
        Ok(self.room()?.vms)
    }

    /// What it draws at this load (fraction of its capacity) when it is on, W.
    fn power(&self, load: f64) -> PyResult<f64> {
        self.look(|desk, host| desk.power(host, load))
    }

    /// Whether the VM for which it is a candidate would overload it.
    fn would_be_overloaded(&self) -> PyResult<bool> {
        let vm = self.vm.ok_or_else(|| PyAttributeError::new_err(NO_VM))?;
        self.lent.with(|desk| Ok(desk.overloaded_with(vm, &[self.host])?[0]))
    }

    fn __repr__(&self) -> String {
        format!("<Host {}>", self.host.0)
    }
}

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
        self.column(py, |desk, host| Ok(desk.room(host)?.free))
    }
    /// Memory that nobody has in the draft, bytes.
    #[getter]
    fn free_ram_bytes(&self, py: Python<'_>) -> PyResult<Py<PyArray1<i64>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.ram_free))
    }
    /// How many VMs each has in the draft; without any it sleeps, or will.
    #[getter]
    fn vms(&self, py: Python<'_>) -> PyResult<Py<PyArray1<u32>>> {
        self.column(py, |desk, host| Ok(desk.room(host)?.vms))
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

    fn __len__(&self) -> usize {
        self.rows.len()
    }
    fn __getitem__(&self, row: isize) -> PyResult<Host> {
        let at = if row < 0 { row + self.rows.len() as isize } else { row };
        let host = usize::try_from(at).ok().and_then(|at| self.rows.get(at));
        let host = host.ok_or_else(|| PyIndexError::new_err(format!("there is no row {row}")))?;
        Ok(Host { lent: Arc::clone(&self.lent), host: *host, vm: self.vm })
    }
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        answer::rows(slf.as_any())
    }
    fn __repr__(&self) -> String {
        format!("<Hosts: {}>", self.rows.len())
    }
}
