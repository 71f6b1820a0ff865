//! An underload rule written in Python: asked host by host, or for the hosts to try in order.

use galerna::detect::{Occupancy, UnderloadDetector};
use galerna::id::HostId;
use galerna::policy::PolicyError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{HostLoads, Resolved, answer};

/// The bridge to `policy`.
pub fn bridge(policy: Resolved) -> Box<dyn UnderloadDetector> {
    match policy.batched {
        true => Box::new(Candidates { policy }),
        false => Box::new(PerItem { policy }),
    }
}

/// Calls `is_underloaded(now, history)` for each host; the emptiest is tried first.
struct PerItem {
    policy: Resolved,
}

impl PerItem {
    fn ask(&self, py: Python<'_>, host: &Occupancy<'_>) -> PyResult<bool> {
        let from = host.history.len().saturating_sub(self.policy.window);
        let history = PyTuple::new(py, &host.history[from..])?;
        let answer = self.policy.call.bind(py).call1((host.utilisation, history))?;
        if answer.is_none() {
            return Ok(false);
        }
        answer.extract().map_err(|_| {
            let what = format!(
                "is_underloaded returned {}, expected True, False or None (cannot tell yet). \
                 Return the result of a comparison.",
                answer::described(&answer)
            );
            answer::mistyped(&self.policy.name, &what)
        })
    }
}

impl UnderloadDetector for PerItem {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        self.policy.window
    }
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        let mut under: Vec<&Occupancy<'_>> = Vec::new();
        Python::attach(|py| {
            for host in active {
                let about = |error| self.policy.failed(error).about(answer::subject(&[host.host]));
                if self.ask(py, host).map_err(about)? {
                    under.push(host);
                }
            }
            Ok::<_, PolicyError>(())
        })?;
        under.sort_by(|a, b| a.utilisation.total_cmp(&b.utilisation).then(a.host.cmp(&b.host)));
        Ok(under.into_iter().map(|host| host.host).collect())
    }
}

/// Calls `candidates(hosts)` once for all hosts.
struct Candidates {
    policy: Resolved,
}

impl Candidates {
    fn ask(&self, py: Python<'_>, active: &[Occupancy<'_>]) -> PyResult<Vec<HostId>> {
        let loads = HostLoads::of_occupancies(active, self.policy.window);
        let answer = self.policy.call.bind(py).call1((loads,))?;
        let name = &self.policy.name;
        let Some(numbers) = answer::ids(&answer) else {
            let what = format!(
                "candidates returned {}, expected host numbers, first those to empty first: an \
                 integer array or a list",
                answer::described(&answer)
            );
            return Err(answer::mistyped(name, &what));
        };
        let mut order = Vec::with_capacity(numbers.len());
        for number in numbers {
            // Active hosts come in id order.
            let row = active.binary_search_by_key(&number, |active| i64::from(active.host.0));
            let Some(host) = row.ok().map(|row| active[row].host) else {
                let what = format!("candidates returned host {number}, which is not in hosts.ids");
                return Err(answer::impossible(name, &what));
            };
            if order.contains(&host) {
                let what = format!("candidates returned host {number} twice");
                return Err(answer::impossible(name, &what));
            }
            order.push(host);
        }
        Ok(order)
    }
}

impl UnderloadDetector for Candidates {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn window(&self) -> usize {
        self.policy.window
    }
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        if active.is_empty() {
            return Ok(Vec::new());
        }
        let subject = || {
            let hosts: Vec<HostId> = active.iter().map(|active| active.host).collect();
            answer::subject(&hosts)
        };
        let order = Python::attach(|py| self.ask(py, active));
        order.map_err(|error| self.policy.failed(error).about(subject()))
    }
}
