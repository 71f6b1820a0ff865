//! A tentative placement as Python placers and planners see it.

use std::sync::{Arc, Mutex, PoisonError};

use galerna::id::{HostId, VmId};
use galerna::model::Snapshot;
use galerna::place::Refusal;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::answer;
use super::hosts::Hosts;
use super::lent::{Bench, Desk, Lent};

/// Where VMs would be.
#[pyclass(frozen, module = "galerna._core")]
pub struct Draft {
    lent: Arc<Lent>,
    /// VMs that may be put somewhere, in id order.
    vms: Vec<VmId>,
    all_or_none: bool,
    placed: Mutex<Vec<(VmId, HostId)>>,
}

impl Bench<'_> {
    /// Why `vm` cannot be put on `host`, if it cannot.
    pub fn refusal(&self, vm: VmId, host: HostId, state: &Snapshot<'_>) -> Option<String> {
        let room = self.draft.room(host);
        if self.excluded.contains(host) {
            return Some("it is overloaded or being emptied, and may not receive".into());
        }
        if !self.wake && room.vms == 0 {
            return Some("it sleeps, and no host may be woken for this".into());
        }
        let needs = state.needs(vm);
        let refusal = Refusal::of(vm, host, &needs, state.per_core(vm), self.draft);
        refusal.map(|refusal| refusal.to_string())
    }

    /// Hosts on which `vm` may be put, in id order; of empty hosts that are alike only the first.
    pub fn candidates(&self, vm: VmId, state: &Snapshot<'_>) -> Vec<HostId> {
        let fleet = state.fleet;
        let needs = state.needs(vm);
        let mut seen = vec![false; fleet.machines.len()];
        let mut may = |&host: &HostId| {
            let room = self.draft.room(host);
            let may = !self.excluded.contains(host) && self.draft.admits(vm, host);
            let receives = room.fits(&needs, state.per_core(vm)) && may;
            if room.vms > 0 || !receives {
                return receives;
            }
            let is_whole = room.free == fleet.capacities(host);
            self.wake && !(is_whole && std::mem::replace(&mut seen[room.machine], is_whole))
        };
        fleet.capacity.ids().filter(|host| may(host)).collect()
    }
}

impl Draft {
    /// The draft of a desk, in which `vms` may be put somewhere.
    pub fn new(lent: &Arc<Lent>, mut vms: Vec<VmId>, all_or_none: bool) -> Self {
        vms.sort_unstable();
        Self { lent: Arc::clone(lent), vms, all_or_none, placed: Mutex::new(Vec::new()) }
    }

    /// What was put where, in order.
    pub fn outcome(&self) -> Vec<(VmId, HostId)> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn vm(&self, value: &Bound<'_, PyAny>) -> PyResult<VmId> {
        let number = answer::id(value).ok_or_else(|| {
            let found = answer::described(value);
            PyTypeError::new_err(format!("GLN-404 expected a VM or its number, found {found}"))
        })?;
        let vm =
            u32::try_from(number).ok().map(VmId).filter(|vm| self.vms.binary_search(vm).is_ok());
        vm.ok_or_else(|| {
            let what = format!("GLN-405 VM {number} is none of those that may be placed");
            PyValueError::new_err(what)
        })
    }
}

/// The host that `value` names.
fn host(value: &Bound<'_, PyAny>, desk: &Desk<'_>) -> PyResult<HostId> {
    let number = answer::id(value).ok_or_else(|| {
        let found = answer::described(value);
        PyTypeError::new_err(format!("GLN-404 expected a host or its number, found {found}"))
    })?;
    let known = desk.state.fleet.hosts();
    let host = u32::try_from(number).ok().filter(|&host| (host as usize) < known);
    host.map(HostId).ok_or_else(|| {
        let what = format!("GLN-405 there is no host {number}: they go from 0 to {}", known - 1);
        PyValueError::new_err(what)
    })
}

#[pymethods]
impl Draft {
    /// All hosts, row = number; the columns say how the draft stands when they are looked at.
    #[getter]
    fn hosts(&self) -> PyResult<Hosts> {
        let rows = self.lent.with(|desk| Ok(desk.state.fleet.capacity.ids().collect()))?;
        Ok(Hosts::new(&self.lent, rows, None))
    }

    /// The hosts on which `vm` may be put now: they may receive and have room for it. Of sleeping
    /// hosts that are alike only the first is listed.
    fn candidates(&self, vm: &Bound<'_, PyAny>) -> PyResult<Hosts> {
        let vm = self.vm(vm)?;
        let rows = self.lent.with(|desk| {
            let (state, bench) = desk.bench()?;
            Ok(bench.candidates(vm, state))
        })?;
        Ok(Hosts::new(&self.lent, rows, Some(vm)))
    }

    /// Puts `vm` on `host`.
    fn put(&self, vm: &Bound<'_, PyAny>, host: &Bound<'_, PyAny>) -> PyResult<()> {
        let vm = self.vm(vm)?;
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at)) = placed.iter().find(|&&(other, _)| other == vm) {
            let what = format!("GLN-405 VM {} was put on host {} already", vm.0, at.0);
            return Err(PyValueError::new_err(what));
        }
        let host = self.lent.with(|desk| {
            let host = self::host(host, desk)?;
            let (state, bench) = desk.bench()?;
            if let Some(why) = bench.refusal(vm, host, state) {
                let what = format!("GLN-405 VM {} cannot be put on host {}: {why}", vm.0, host.0);
                return Err(PyValueError::new_err(what));
            }
            bench.draft.append(vm, host, state.demand[vm], state);
            Ok(host)
        })?;
        placed.push((vm, host));
        Ok(())
    }

    /// A point to which `undo` goes back.
    fn mark(&self) -> usize {
        self.outcome().len()
    }

    /// Undoes every `put` since `mark` (by default since the start).
    #[pyo3(signature = (mark=0))]
    fn undo(&self, mark: usize) -> PyResult<()> {
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let puts = placed.len().saturating_sub(mark);
        self.lent.with(|desk| {
            let (_, bench) = desk.bench()?;
            let since = bench.draft.mark() - puts;
            bench.draft.undo(since);
            Ok(())
        })?;
        placed.truncate(mark);
        Ok(())
    }

    /// What was put where, in order: pairs of VM and host.
    #[getter]
    fn placed(&self) -> Vec<(u32, u32)> {
        self.outcome().into_iter().map(|(vm, host)| (vm.0, host.0)).collect()
    }

    /// Whether a VM left out undoes everything: the VMs come from a host that is to be emptied.
    #[getter]
    fn all_or_none(&self) -> bool {
        self.all_or_none
    }

    /// Simulated time, seconds.
    #[getter]
    fn now_s(&self) -> PyResult<f64> {
        self.lent.with(|desk| Ok(desk.state.now.seconds()))
    }

    fn __repr__(&self) -> String {
        format!("<Draft: {} of {} VMs placed>", self.outcome().len(), self.vms.len())
    }
}
