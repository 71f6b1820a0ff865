//! A planner written in Python: asked once per step for all moves.

use galerna::id::{HostId, VmId};
use galerna::place::{Ask, Draft, Planner, RiskAfter, Roster};
use galerna::policy::PolicyError;
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::Resolved;
use super::answer;
use super::lent::{Shelf, lend};
use super::snapshot::Snapshot;

/// Calls `plan(snapshot)` once per step.
pub struct Plan {
    policy: Resolved,
    shelf: Shelf,
}

impl Plan {
    /// The bridge to `policy`.
    pub fn of(policy: Resolved) -> Self {
        Self { policy, shelf: Shelf::default() }
    }
}

fn rows(answer: &Bound<'_, PyAny>) -> Option<Vec<(i64, i64)>> {
    let pair = |row: Bound<'_, PyAny>| match answer::ids(&row)?[..] {
        [vm, host] => Some((vm, host)),
        _ => None,
    };
    answer.try_iter().ok()?.map(|row| pair(row.ok()?)).collect()
}

/// The pairs of VM and host that the answer of `policy` is.
fn moves_of(policy: &Resolved, answer: &Bound<'_, PyAny>) -> PyResult<Vec<(VmId, HostId)>> {
    if answer.is_none() {
        return Ok(Vec::new());
    }
    let pairs = match answer.cast::<PyUntypedArray>() {
        Ok(array) if array.is_empty() => Some(Vec::new()),
        Ok(array) if array.ndim() == 2 && array.shape()[1] == 2 => rows(answer),
        Ok(_) => None,
        Err(_) => rows(answer),
    };
    let Some(pairs) = pairs else {
        let what = format!(
            "plan returned {}, expected pairs of VM and host: a list of tuples, or an integer \
             array of shape (moves, 2)",
            answer::described(answer)
        );
        return Err(answer::mistyped(&policy.name, &what));
    };
    let number = |id: i64, kind: &str| {
        let what = || format!("plan names {kind} {id}, expected numbers from 0");
        u32::try_from(id).map_err(|_| answer::impossible(&policy.name, &what()))
    };
    let pair = |(vm, host)| Ok((VmId(number(vm, "VM")?), HostId(number(host, "host")?)));
    pairs.into_iter().map(pair).collect()
}

impl Planner for Plan {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        RiskAfter::WINDOW
    }

    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError> {
        let Self { policy, shelf } = self;
        let mut desk = shelf.desk(draft, ask, Some(roster));
        let moves = Python::attach(|py| {
            lend(&mut desk, |lent| {
                let snapshot = Snapshot::new(py, lent, policy.window)?;
                moves_of(policy, &policy.call.bind(py).call1((snapshot,))?)
            })
        });
        moves.map_err(|error| policy.failed(error))
    }
}
