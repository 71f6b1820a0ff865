//! A VM selector written in Python: asked for one VM after the other, or for the order in which the
//! VMs of all overloaded hosts leave.

use std::sync::Arc;

use galerna::id::{HostId, Id, VmId};
use galerna::model;
use galerna::policy::PolicyError;
use galerna::power::PowerTable;
use galerna::select::VmSelector;
use numpy::PyUntypedArray;
use pyo3::prelude::*;

use super::Resolved;
use super::answer::{self, read_only};
use super::host::Host;
use super::lent::{Desk, Lent, lend};
use super::vms::Vms;

/// The bridge to `policy`.
pub fn bridge(policy: Resolved) -> Box<dyn VmSelector> {
    let tables = Vec::new();
    match policy.batched {
        true => Box::new(Rank { policy, tables, keys: Vec::new() }),
        false => Box::new(Pick { policy, tables }),
    }
}

/// Lends `state` to `call`.
fn with_state<R>(
    state: &model::Snapshot<'_>,
    tables: &mut Vec<PowerTable>,
    call: impl FnOnce(Python<'_>, &Arc<Lent>) -> R,
) -> R {
    if tables.is_empty() {
        tables.extend(state.fleet.machines.iter().map(PowerTable::of));
    }
    let mut desk = Desk { state: *state, tables, bench: None, roster: None };
    Python::attach(|py| lend(&mut desk, |lent| call(py, lent)))
}

/// Calls `pick(host, vms)` for each VM that leaves.
struct Pick {
    policy: Resolved,
    tables: Vec<PowerTable>,
}

impl Pick {
    fn picked(&self, answer: &Bound<'_, PyAny>, candidates: &[VmId]) -> PyResult<Option<VmId>> {
        if answer.is_none() {
            return Ok(None);
        }
        let name = &self.policy.name;
        let Some(number) = answer::id(answer) else {
            let found = answer::described(answer);
            let what = format!(
                "pick returned {found}, expected one of the VMs, its number, or None (none leaves)"
            );
            return Err(answer::mistyped(name, &what));
        };
        let vm = candidates.iter().find(|vm| i64::from(vm.0) == number);
        let known = || {
            let ids: Vec<String> = candidates.iter().map(|vm| vm.0.to_string()).collect();
            let what = format!("pick returned VM {number}, which is none of {}", ids.join(", "));
            answer::impossible(name, &what)
        };
        vm.copied().map(Some).ok_or_else(known)
    }
}

impl VmSelector for Pick {
    fn name(&self) -> &str {
        &self.policy.name
    }

    fn pick(
        &mut self,
        host: HostId,
        candidates: &[VmId],
        state: &model::Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        if candidates.is_empty() {
            return Ok(None);
        }
        let mut tables = std::mem::take(&mut self.tables);
        let picked = with_state(state, &mut tables, |py, lent| {
            let vms = Vms::new(lent, candidates.to_vec(), self.policy.window);
            let answer = self.policy.call.bind(py).call1((Host::new(lent, host, None), vms))?;
            self.picked(&answer, candidates)
        });
        self.tables = tables;
        picked.map_err(|error| self.policy.failed(error).about(answer::subject(&[host])))
    }
}

/// Calls `rank(vms, host_ids)` once per step.
struct Rank {
    policy: Resolved,
    tables: Vec<PowerTable>,
    /// What it said of each VM in this step.
    keys: Vec<f64>,
}

impl Rank {
    fn ranked(&self, answer: &Bound<'_, PyAny>, vms: &[VmId]) -> PyResult<Vec<f64>> {
        let name = &self.policy.name;
        let expected = vms.len();
        let Some(keys) = answer::numbers(answer) else {
            let found = match answer.cast::<PyUntypedArray>() {
                Ok(array) => format!(
                    "an array of {} with shape {}",
                    array.getattr("dtype")?,
                    array.getattr("shape")?
                ),
                Err(_) => answer::described(answer),
            };
            let what = format!(
                "rank returned {found}, expected a NumPy array of {expected} numbers, one per VM"
            );
            return Err(answer::mistyped(name, &what));
        };
        if keys.len() != expected {
            let what =
                format!("rank returned {} numbers, expected {expected}: one per VM", keys.len());
            return Err(answer::misshapen(name, &what));
        }
        match keys.iter().zip(vms).find(|(key, _)| key.is_nan()) {
            Some((_, vm)) => {
                let what = format!("rank returned NaN for VM {}, expected a number", vm.0);
                Err(answer::impossible(name, &what))
            }
            None => Ok(keys),
        }
    }
}

impl VmSelector for Rank {
    fn name(&self) -> &str {
        &self.policy.name
    }

    fn looks_ahead(&self) -> bool {
        true
    }

    fn look_ahead(
        &mut self,
        hosts: &[(HostId, Vec<VmId>)],
        state: &model::Snapshot<'_>,
    ) -> Result<(), PolicyError> {
        let of = |(host, vms): &(HostId, Vec<VmId>)| vec![host.0; vms.len()];
        let host_ids: Vec<u32> = hosts.iter().flat_map(of).collect();
        let vms: Vec<VmId> = hosts.iter().flat_map(|(_, vms)| vms).copied().collect();
        if vms.is_empty() {
            return Ok(());
        }
        let mut tables = std::mem::take(&mut self.tables);
        let ranked = with_state(state, &mut tables, |py, lent| {
            let rows = Vms::new(lent, vms.clone(), self.policy.window);
            let answer = self.policy.call.bind(py).call1((rows, read_only(py, host_ids)))?;
            self.ranked(&answer, &vms)
        });
        self.tables = tables;
        let subject = || {
            let ids: Vec<HostId> = hosts.iter().map(|&(host, _)| host).collect();
            answer::subject(&ids)
        };
        let keys = ranked.map_err(|error| self.policy.failed(error).about(subject()))?;
        self.keys.resize(state.fleet.vms(), f64::INFINITY);
        vms.iter().zip(keys).for_each(|(vm, key)| self.keys[vm.index()] = key);
        Ok(())
    }

    fn pick(
        &mut self,
        _: HostId,
        candidates: &[VmId],
        _: &model::Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        let key = |vm: VmId| self.keys.get(vm.index()).copied().unwrap_or(f64::INFINITY);
        let leaving = candidates.iter().copied().filter(|&vm| key(vm) < f64::INFINITY);
        Ok(leaving.reduce(|best, vm| if key(vm) < key(best) { vm } else { best }))
    }
}
