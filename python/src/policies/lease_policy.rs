//! Policies of leases that are written in Python: admission, preemption, host selection, mapping,
//! pricing, shifting.

use std::sync::Arc;

use galerna::lease::{
    AdmissionPolicy, HostSelection, HostStatus, LeasePolicies, MappingPolicy, MappingQuestion,
    Preemptee, PreemptionPolicy, PricingPolicy, ShiftingPolicy,
};
use galerna::model::lease::LeaseRequest;
use galerna::policy::PolicyError;
use galerna::spec::python::Slot;
use galerna::time::Instant;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::lease::{Lease, LeaseHost, LeaseRoom, Wanted};
use super::{Resolved, answer};

/// Puts `policy` into `policies` where it answers the question of `slot`.
pub fn install(slot: Slot, policy: Resolved, policies: &mut LeasePolicies) {
    let bridge = Bridge { policy, last: None };
    match slot {
        Slot::Admission => policies.admission = Box::new(bridge),
        Slot::Preemption => policies.preemption = Box::new(bridge),
        Slot::HostSelection => policies.host_selection = Box::new(bridge),
        Slot::Mapping => policies.mapping = Some(Box::new(bridge)),
        Slot::Pricing => policies.pricing = Box::new(bridge),
        Slot::Shifting => policies.shifting = Some(Box::new(bridge)),
        _ => unreachable!("only questions about leases come here"),
    }
}

/// The latest start that a policy may name, seconds: some three hundred years.
const LATEST_S: f64 = 1e10;

/// A policy, and the lease that it was last asked about: hosts are scored one after the other.
struct Bridge {
    policy: Resolved,
    last: Option<(u64, Py<Lease>)>,
}

impl Bridge {
    fn lease(&mut self, py: Python<'_>, request: &LeaseRequest) -> PyResult<Py<Lease>> {
        if let Some((number, lease)) = &self.last
            && *number == request.number
        {
            return Ok(lease.clone_ref(py));
        }
        let lease = Py::new(py, Lease::of(request))?;
        self.last = Some((request.number, lease.clone_ref(py)));
        Ok(lease)
    }

    /// What an answer that is no finite number in `range` is called.
    fn number(
        &self,
        method: &str,
        answer: &Bound<'_, PyAny>,
        range: (f64, f64),
        expected: &str,
    ) -> PyResult<f64> {
        let what =
            || format!("{method} returned {}, expected {expected}", answer::described(answer));
        let name = &self.policy.name;
        let number: Option<f64> =
            if answer.is_instance_of::<PyBool>() { None } else { answer.extract().ok() };
        match number {
            None => Err(answer::mistyped(name, &what())),
            Some(number) if !(range.0..=range.1).contains(&number) || !number.is_finite() => {
                Err(answer::impossible(name, &what()))
            }
            Some(number) => Ok(number),
        }
    }

    fn failed<T>(&self, answer: PyResult<T>) -> Result<T, PolicyError> {
        answer.map_err(|error| self.policy.failed(error))
    }
}

impl AdmissionPolicy for Bridge {
    fn admits(&mut self, lease: &LeaseRequest) -> Result<bool, PolicyError> {
        let answer = Python::attach(|py| {
            let lease = self.lease(py, lease)?;
            let answer = self.policy.call.bind(py).call1((lease,))?;
            answer.extract::<bool>().map_err(|_| {
                let found = answer::described(&answer);
                let what = format!("admits returned {found}, expected True or False");
                answer::mistyped(&self.policy.name, &what)
            })
        });
        self.failed(answer)
    }
}

impl PreemptionPolicy for Bridge {
    fn score(
        &mut self,
        preemptor: &LeaseRequest,
        preemptee: Preemptee<'_>,
        at: Instant,
    ) -> Result<Option<f64>, PolicyError> {
        let answer = Python::attach(|py| {
            let (lease, other) = (self.lease(py, preemptor)?, Lease::displaced(&preemptee));
            let answer = self.policy.call.bind(py).call1((lease, other, at.seconds()))?;
            if answer.is_none() {
                return Ok(None);
            }
            let expected = "a finite number (greater ones go first) or None (it must not go)";
            let all = (f64::MIN, f64::MAX);
            self.number("preemption_score", &answer, all, expected).map(Some)
        });
        self.failed(answer)
    }
}

impl HostSelection for Bridge {
    fn score(&mut self, host: HostStatus, lease: &LeaseRequest) -> Result<f64, PolicyError> {
        let answer = Python::attach(|py| {
            let lease = self.lease(py, lease)?;
            let answer = self.policy.call.bind(py).call1((LeaseHost(host), lease))?;
            self.number("host_score", &answer, (0.0, 1.0), "a number between 0 and 1")
        });
        self.failed(answer)
    }
}

impl MappingPolicy for Bridge {
    fn name(&self) -> &str {
        &self.policy.name
    }
    fn map(&mut self, question: &MappingQuestion<'_>) -> Result<Option<Vec<u32>>, PolicyError> {
        let answer = Python::attach(|py| {
            let lease = self.lease(py, question.lease)?;
            let MappingQuestion { start, until, strict, .. } = *question;
            let needs = question.lease.needs().collect();
            let wanted = Arc::new(Wanted { start, until, strict, needs });
            let room = |room: &galerna::lease::HostRoom| LeaseRoom {
                room: room.clone(),
                wanted: Arc::clone(&wanted),
            };
            let rooms: Vec<LeaseRoom> = question.hosts.iter().map(room).collect();
            let answer = self.policy.call.bind(py).call1((lease, rooms))?;
            if answer.is_none() {
                return Ok(None);
            }
            let name = &self.policy.name;
            let hosts = answer::ids(&answer).ok_or_else(|| {
                let found = answer::described(&answer);
                let expected = "the number of a host for each VM, or None (no place)";
                answer::mistyped(
                    name,
                    &format!("choose_hosts returned {found}, expected {expected}"),
                )
            })?;
            let hosts: Vec<u32> =
                hosts.into_iter().map(|host| u32::try_from(host).unwrap_or(u32::MAX)).collect();
            let wrong = |why| answer::impossible(name, &format!("choose_hosts returned {why}"));
            question.check(&hosts).map_err(wrong)?;
            Ok(Some(hosts))
        });
        self.failed(answer)
    }
}

impl PricingPolicy for Bridge {
    fn price(
        &mut self,
        lease: &LeaseRequest,
        displaced: &[Preemptee<'_>],
    ) -> Result<f64, PolicyError> {
        let answer = Python::attach(|py| {
            let lease = self.lease(py, lease)?;
            let displaced: Vec<Lease> = displaced.iter().map(Lease::displaced).collect();
            let answer = self.policy.call.bind(py).call1((lease, displaced))?;
            self.number("price", &answer, (0.0, f64::MAX), "a finite number from 0 on")
        });
        self.failed(answer)
    }

    fn feedback(
        &mut self,
        lease: &LeaseRequest,
        price: f64,
        accepted: bool,
    ) -> Result<(), PolicyError> {
        let told = Python::attach(|py| {
            let owner = self.policy.call.bind(py).getattr("__self__");
            let Some(feedback) = owner.ok().and_then(|owner| owner.getattr("feedback").ok()) else {
                return Ok(());
            };
            feedback.call1((self.lease(py, lease)?, price, accepted)).map(drop)
        });
        self.failed(told)
    }
}

impl ShiftingPolicy for Bridge {
    fn not_before(&mut self, lease: &LeaseRequest) -> Result<Instant, PolicyError> {
        let answer = Python::attach(|py| {
            let lease = self.lease(py, lease)?;
            let answer = self.policy.call.bind(py).call1((lease,))?;
            if answer.is_none() {
                return Ok(Instant::START);
            }
            let expected = "seconds from the start of the run, or None (as soon as it can)";
            let start = self.number("not_before", &answer, (0.0, LATEST_S), expected)?;
            Ok(Instant::from_seconds(start))
        });
        self.failed(answer)
    }
}
