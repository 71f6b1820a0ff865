//! What may be asked about hosts through what is lent.

use galerna::detect::Verdict;
use galerna::id::{HostId, VmId};
use galerna::model::Snapshot;
use galerna::place::{After, Ask, Room};
use galerna::policy::PolicyError;
use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::prelude::*;

use super::lent::{Bench, Desk};
use crate::errors;

/// What a policy without a draft is told when it looks for what only a draft has.
const NO_DRAFT: &str = "what hosts have left is known to placers and planners only";
pub const NO_VM: &str = "this host was not given as a candidate for a VM: ask candidates(vm)";

impl<'d> Desk<'d> {
    /// The draft and whom to ask about it.
    pub fn bench(&mut self) -> PyResult<(&Snapshot<'d>, &mut Bench<'d>)> {
        let bench = self.bench.as_mut().ok_or_else(|| PyAttributeError::new_err(NO_DRAFT))?;
        Ok((&self.state, bench))
    }

    /// What `host` has left in the draft.
    pub fn room(&mut self, host: HostId) -> PyResult<Room> {
        Ok(*self.bench()?.1.draft.room(host))
    }

    /// Power of `host` at `load`, a fraction of its capacity, W.
    pub fn power(&self, host: HostId, load: f64) -> f64 {
        self.tables[usize::from(self.state.fleet.machine[host])].power(load).0
    }

    /// Which of `hosts` would be overloaded with `vm`; one without load never.
    pub fn overloaded_with(&mut self, vm: VmId, hosts: &[HostId]) -> PyResult<Vec<bool>> {
        let (&state, Bench { draft, excluded, wake, detector, .. }) = self.bench()?;
        let alone = detector.batch() <= 1;
        if let &[host] = hosts
            && alone
        {
            if draft.room(host).allocated == 0.0 {
                return Ok(vec![false]);
            }
            let arrival = draft.arrival(vm, &state);
            let verdict = draft.assess_one(host, Some(&arrival), &state, &mut **detector);
            let verdict = verdict.map_err(|error| raised(error, &state))?;
            return Ok(vec![verdict == Verdict::Overloaded]);
        }
        let mut ask = Ask { state, excluded, wake: *wake, detector: &mut **detector };
        draft
            .assess_with(vm, state.demand[vm], hosts, &mut ask)
            .map_err(|error| raised(error, &state))?;
        let verdicts = hosts.iter().zip(draft.verdicts());
        let over = |(&host, &verdict): (&HostId, &Verdict)| {
            verdict == Verdict::Overloaded && draft.room(host).allocated != 0.0
        };
        Ok(verdicts.map(over).collect())
    }

    /// The risk of each of `hosts` with `vm` on it, from the pasts of the single VMs.
    pub fn risk_after(&mut self, vm: VmId, hosts: &[HostId], after: After) -> PyResult<Vec<f64>> {
        let (state, Bench { draft, risk, .. }) = self.bench()?;
        let risk = risk.about(after);
        Ok(hosts.iter().map(|&host| risk.with(vm, host, draft, state)).collect())
    }

    /// The probability that each of `hosts` runs short with `vm` on it, by the risk model of the
    /// run's detector; `None` where its past is too short to tell.
    pub fn probability_with(&mut self, vm: VmId, hosts: &[HostId]) -> PyResult<Vec<Option<f64>>> {
        let (&state, Bench { draft, detector, .. }) = self.bench()?;
        let arrival = draft.arrival(vm, &state);
        let mut ask = |&host: &HostId| {
            let found = draft.probability(host, &arrival, &state, &mut **detector);
            found.map_err(|error| raised(error, &state))
        };
        hosts.iter().map(&mut ask).collect()
    }

    /// Which of `hosts` are overloaded in the draft.
    pub fn overloaded(&mut self, hosts: &[HostId]) -> PyResult<Vec<bool>> {
        let (&state, Bench { draft, detector, .. }) = self.bench()?;
        let assessed = draft.assess(hosts, &state, &mut **detector);
        assessed.map_err(|error| raised(error, &state))?;
        Ok(draft.verdicts().iter().map(|&verdict| verdict == Verdict::Overloaded).collect())
    }
}

/// The risk that is asked about, once its figures make sense.
pub fn after(limit: f64, horizon: i64, factor: f64) -> PyResult<After> {
    let wrong = |name: &str, expected: &str, found: String| {
        let what = format!("GLN-405 risk_after: {name} must be {expected}, found {found}");
        PyValueError::new_err(what)
    };
    for (name, value) in [("limit", limit), ("factor", factor)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(wrong(name, "a number above 0", value.to_string()));
        }
    }
    let samples = u16::try_from(horizon).ok().filter(|&samples| samples > 0);
    let far = || wrong("horizon", "1 to 65535 samples", horizon.to_string());
    Ok(After { limit, horizon: samples.ok_or_else(far)?, factor })
}

/// What the detector raised while a placer or planner asked it.
fn raised(error: PolicyError, state: &Snapshot<'_>) -> PyErr {
    Python::attach(|py| errors::policy(py, error.at(state.now)))
}
