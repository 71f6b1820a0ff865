//! A host as Python policies see it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use galerna::id::{HostId, VmId};
use galerna::model::history::WINDOW;
use galerna::place::Room;
use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::lent::{Desk, Lent};
use super::past;
use super::question::{self, NO_VM};

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
    /// A view of `host`, which is a candidate for `vm` if given.
    pub fn new(lent: &Arc<Lent>, host: HostId, vm: Option<VmId>) -> Self {
        Self { lent: Arc::clone(lent), host, vm }
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
    /// Disk for VMs, bytes; `inf` where it has no limit.
    #[getter]
    fn disk_bytes(&self) -> PyResult<f64> {
        self.look(|desk, host| desk.state.fleet.capacities(host).disk)
    }
    /// Network for VMs in each direction, bytes per second; `inf` where it has no limit.
    #[getter]
    fn net_bytes_s(&self) -> PyResult<f64> {
        self.look(|desk, host| desk.state.fleet.capacities(host).net)
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
        Ok(self.room()?.free.cpu)
    }
    /// Memory that nobody has in the draft, bytes.
    #[getter]
    fn free_ram_bytes(&self) -> PyResult<i64> {
        Ok(self.room()?.free.ram as i64)
    }
    /// Disk that nobody has in the draft, bytes; `inf` where it has no limit.
    #[getter]
    fn free_disk_bytes(&self) -> PyResult<f64> {
        Ok(self.room()?.free.disk)
    }
    /// Network that nobody has in the draft, bytes per second; `inf` where it has no limit.
    #[getter]
    fn free_net_bytes_s(&self) -> PyResult<f64> {
        Ok(self.room()?.free.net)
    }
    /// How many VMs it has in the draft; without any it sleeps, or will.
    #[getter]
    fn vms(&self) -> PyResult<u32> {
        Ok(self.room()?.vms)
    }

    /// Numbers of its VMs in the draft, in the order in which they came.
    #[getter]
    fn vm_ids(&self) -> PyResult<Vec<u32>> {
        self.lent.with(|desk| {
            let (_, bench) = desk.bench()?;
            Ok(bench.draft.vms_on(self.host).iter().map(|vm| vm.0).collect())
        })
    }
    /// Past utilisation, oldest first: that of its VMs in the draft, together.
    #[getter]
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mut values = vec![0.0; WINDOW];
        let length = self.lent.with(|desk| {
            let (state, bench) = desk.bench()?;
            Ok(past::write(self.host, bench.draft, state, &mut values))
        })?;
        PyTuple::new(py, &values[WINDOW - length..])
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

    /// How likely it is to run short with the VM for which it is a candidate, from the pasts of the
    /// single VMs.
    #[pyo3(signature = (*, limit=1.0, horizon=1, factor=1.3))]
    fn risk_after(&self, limit: f64, horizon: i64, factor: f64) -> PyResult<f64> {
        let vm = self.vm.ok_or_else(|| PyAttributeError::new_err(NO_VM))?;
        let after = question::after(limit, horizon, factor)?;
        self.lent.with(|desk| Ok(desk.risk_after(vm, &[self.host], after)?[0]))
    }

    /// The same by the risk model of the run's detector, from the past of all its VMs together;
    /// `None` where that is too short to tell.
    fn overload_probability(&self) -> PyResult<Option<f64>> {
        let vm = self.vm.ok_or_else(|| PyAttributeError::new_err(NO_VM))?;
        self.lent.with(|desk| Ok(desk.probability_with(vm, &[self.host])?[0]))
    }

    fn __repr__(&self) -> String {
        format!("<Host {}>", self.host.0)
    }
}
