//! VMs as Python policies see them: one by one, or as columns.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use galerna::id::VmId;
use numpy::{Element, PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::answer::{self, read_only};
use super::lent::{Desk, Lent};

/// A VM, as it is now.
#[pyclass(frozen, eq, hash, module = "galerna._core")]
pub struct Vm {
    lent: Arc<Lent>,
    vm: VmId,
    window: usize,
}

impl PartialEq for Vm {
    fn eq(&self, other: &Self) -> bool {
        self.vm == other.vm
    }
}

impl Eq for Vm {}

impl Hash for Vm {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.vm.hash(state);
    }
}

impl Vm {
    /// A view of `vm` with the latest `window` samples of its past.
    pub fn new(lent: &Arc<Lent>, vm: VmId, window: usize) -> Self {
        Self { lent: Arc::clone(lent), vm, window }
    }

    fn look<R>(&self, look: impl for<'d> FnOnce(&Desk<'d>, VmId) -> R) -> PyResult<R> {
        self.lent.with(|desk| Ok(look(desk, self.vm)))
    }
}

#[pymethods]
impl Vm {
    /// Its number.
    #[getter]
    fn id(&self) -> u32 {
        self.vm.0
    }
    fn __index__(&self) -> u32 {
        self.vm.0
    }

    /// The most it may ask for, MIPS.
    #[getter]
    fn mips(&self) -> PyResult<f64> {
        self.look(|desk, vm| desk.state.fleet.vm_mips[vm].0)
    }
    /// Its memory, bytes.
    #[getter]
    fn ram_bytes(&self) -> PyResult<u64> {
        self.look(|desk, vm| desk.state.fleet.vm_ram[vm].0)
    }
    /// Its disk, bytes.
    #[getter]
    fn disk_bytes(&self) -> PyResult<u64> {
        self.look(|desk, vm| desk.state.fleet.vm_disk[vm].0)
    }
    /// Its network in each direction, bytes per second.
    #[getter]
    fn net_bytes_s(&self) -> PyResult<f64> {
        self.look(|desk, vm| desk.state.fleet.vm_net[vm].0)
    }
    /// What it asks for now, MIPS.
    #[getter]
    fn demand_mips(&self) -> PyResult<f64> {
        self.look(|desk, vm| desk.state.demand[vm])
    }
    /// What it asks for now, fraction of `mips`.
    #[getter]
    fn utilisation(&self) -> PyResult<f64> {
        self.look(|desk, vm| desk.state.vm_utilisation(vm))
    }
    /// Past utilisation, oldest first; ends with the current sample.
    #[getter]
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let past = self.look(|d, vm| d.state.histories.latest(vm, self.window).to_vec())?;
        PyTuple::new(py, past)
    }

    fn __repr__(&self) -> String {
        format!("<VM {}>", self.vm.0)
    }
}

type Column<T> = PyOnceLock<Py<PyArray1<T>>>;

/// Several VMs, one row each.
#[pyclass(frozen, sequence, module = "galerna._core")]
pub struct Vms {
    lent: Arc<Lent>,
    rows: Vec<VmId>,
    window: usize,
    ids: Column<u32>,
    mips: Column<f64>,
    ram_bytes: Column<u64>,
    disk_bytes: Column<u64>,
    net_bytes_s: Column<f64>,
    demand_mips: Column<f64>,
    utilisation: Column<f64>,
    lengths: Column<i64>,
    history: PyOnceLock<Py<PyArray2<f64>>>,
}

impl Vms {
    /// Views of `rows` with the latest `window` samples of their pasts.
    pub fn new(lent: &Arc<Lent>, rows: Vec<VmId>, window: usize) -> Self {
        Self {
            lent: Arc::clone(lent),
            rows,
            window,
            ids: Column::new(),
            mips: Column::new(),
            ram_bytes: Column::new(),
            disk_bytes: Column::new(),
            net_bytes_s: Column::new(),
            demand_mips: Column::new(),
            utilisation: Column::new(),
            lengths: Column::new(),
            history: PyOnceLock::new(),
        }
    }

    /// The array of `value` per row, made when it is first looked at.
    fn column<'py, T: Element>(
        &self,
        py: Python<'py>,
        column: &'py Column<T>,
        value: impl Fn(&Desk<'_>, VmId) -> T,
    ) -> PyResult<&'py Bound<'py, PyArray1<T>>> {
        let make = || {
            let rows = self.rows.iter();
            let values = self.lent.with(|desk| Ok(rows.map(|&vm| value(desk, vm)).collect()))?;
            Ok::<_, PyErr>(read_only(py, values))
        };
        Ok(column.get_or_try_init(py, make)?.bind(py))
    }

    /// Histories right-aligned in `window` columns, NaN where there is no sample.
    fn right_aligned(&self, desk: &Desk<'_>) -> Vec<f64> {
        let mut values = vec![f64::NAN; self.rows.len() * self.window];
        for (row, &vm) in self.rows.iter().enumerate() {
            let past = desk.state.histories.latest(vm, self.window);
            let end = (row + 1) * self.window;
            values[end - past.len()..end].copy_from_slice(past);
        }
        values
    }
}

#[pymethods]
impl Vms {
    /// Their numbers.
    #[getter]
    fn ids<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<u32>>> {
        self.column(py, &self.ids, |_, vm| vm.0)
    }
    /// The most each may ask for, MIPS.
    #[getter]
    fn mips<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<f64>>> {
        self.column(py, &self.mips, |desk, vm| desk.state.fleet.vm_mips[vm].0)
    }
    /// Their memory, bytes.
    #[getter]
    fn ram_bytes<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<u64>>> {
        self.column(py, &self.ram_bytes, |desk, vm| desk.state.fleet.vm_ram[vm].0)
    }
    /// Their disk, bytes.
    #[getter]
    fn disk_bytes<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<u64>>> {
        self.column(py, &self.disk_bytes, |desk, vm| desk.state.fleet.vm_disk[vm].0)
    }
    /// Their network in each direction, bytes per second.
    #[getter]
    fn net_bytes_s<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<f64>>> {
        self.column(py, &self.net_bytes_s, |desk, vm| desk.state.fleet.vm_net[vm].0)
    }
    /// What each asks for now, MIPS.
    #[getter]
    fn demand_mips<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<f64>>> {
        self.column(py, &self.demand_mips, |desk, vm| desk.state.demand[vm])
    }
    /// What each asks for now, fraction of its `mips`.
    #[getter]
    fn utilisation<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<f64>>> {
        self.column(py, &self.utilisation, |desk, vm| desk.state.vm_utilisation(vm))
    }
    /// How many values of its row of `history` each has.
    #[getter]
    fn lengths<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray1<i64>>> {
        let window = self.window;
        self.column(py, &self.lengths, move |desk, vm| {
            desk.state.histories.latest(vm, window).len() as i64
        })
    }
    /// Past utilisation, oldest first, right-aligned, NaN where missing.
    #[getter]
    fn history<'py>(&'py self, py: Python<'py>) -> PyResult<&'py Bound<'py, PyArray2<f64>>> {
        let make = || {
            let values = self.lent.with(|desk| Ok(self.right_aligned(desk)))?;
            let matrix = PyArray1::from_vec(py, values).reshape([self.rows.len(), self.window])?;
            matrix.readwrite().make_nonwriteable();
            Ok::<_, PyErr>(matrix.unbind())
        };
        Ok(self.history.get_or_try_init(py, make)?.bind(py))
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }
    fn __getitem__(&self, row: isize) -> PyResult<Vm> {
        let at = if row < 0 { row + self.rows.len() as isize } else { row };
        let vm = usize::try_from(at).ok().and_then(|at| self.rows.get(at));
        let vm = vm.ok_or_else(|| PyIndexError::new_err(format!("there is no row {row}")))?;
        Ok(Vm::new(&self.lent, *vm, self.window))
    }
    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        answer::rows(slf.as_any())
    }
    fn __repr__(&self) -> String {
        format!("<Vms: {}>", self.rows.len())
    }
}
