//! Leases, and hosts for them, as policies written in Python see them. All are copies and stay
//! valid.

use std::collections::BTreeMap;
use std::sync::Arc;

use galerna::lease::{HostRoom, HostStatus, Preemptee};
use galerna::model::lease::{Amounts, CPU, LeaseKind, LeaseRequest, MEMORY, RESOURCES};
use galerna::time::{Instant, Span};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

/// A lease as it was asked for.
#[pyclass(frozen, module = "galerna._core")]
pub struct Lease {
    request: LeaseRequest,
    /// What is left of it, and what saving and loading it takes, where it could be displaced.
    left: Option<[Span; 3]>,
}

impl Lease {
    pub fn of(request: &LeaseRequest) -> Self {
        Self { request: request.clone(), left: None }
    }

    pub fn displaced(other: &Preemptee<'_>) -> Self {
        let left = Some([other.remaining, other.suspend, other.resume]);
        Self { request: other.request.clone(), left }
    }

    fn left(&self, which: usize) -> Option<f64> {
        self.left.map(|spans| spans[which].seconds())
    }

    fn window(&self) -> [Option<Instant>; 2] {
        match self.request.kind {
            LeaseKind::AdvanceReservation { start } => [Some(start), None],
            LeaseKind::Deadline { start, deadline } => [Some(start), Some(deadline)],
            LeaseKind::BestEffort | LeaseKind::Immediate => [None, None],
        }
    }
}

#[pymethods]
impl Lease {
    #[getter]
    fn number(&self) -> u64 {
        self.request.number
    }
    #[getter]
    fn kind(&self) -> &'static str {
        self.request.kind.name()
    }
    #[getter]
    fn arrival_s(&self) -> f64 {
        self.request.arrival.seconds()
    }
    #[getter]
    fn start_s(&self) -> Option<f64> {
        self.window()[0].map(Instant::seconds)
    }
    #[getter]
    fn deadline_s(&self) -> Option<f64> {
        self.window()[1].map(Instant::seconds)
    }
    #[getter]
    fn duration_s(&self) -> f64 {
        self.request.duration.seconds()
    }
    #[getter]
    fn vms(&self) -> usize {
        self.request.vms()
    }
    #[getter]
    fn nodes(&self) -> Vec<(u32, i64, i64)> {
        let sets = self.request.nodes.iter();
        sets.map(|set| (set.count, set.need[CPU], set.need[MEMORY])).collect()
    }
    #[getter]
    fn preemptible(&self) -> bool {
        self.request.preemptible
    }
    #[getter]
    fn user(&self) -> Option<u64> {
        self.request.user
    }
    #[getter]
    fn extras(&self) -> BTreeMap<String, String> {
        self.request.extras.iter().cloned().collect()
    }
    #[getter]
    fn remaining_s(&self) -> Option<f64> {
        self.left(0)
    }
    #[getter]
    fn suspend_s(&self) -> Option<f64> {
        self.left(1)
    }
    #[getter]
    fn resume_s(&self) -> Option<f64> {
        self.left(2)
    }
    fn __repr__(&self) -> String {
        let Self { request, .. } = self;
        let (number, kind, vms) = (request.number, request.kind.name(), request.vms());
        format!("<Lease {number}: {kind}, {vms} VMs, {} s>", request.duration.seconds())
    }
}

/// A host to be scored for a lease.
#[pyclass(frozen, module = "galerna._core")]
pub struct LeaseHost(pub HostStatus);

#[pymethods]
impl LeaseHost {
    #[getter]
    fn id(&self) -> u32 {
        self.0.host
    }
    #[getter]
    fn leases(&self) -> usize {
        self.0.leases
    }
    #[getter]
    fn unchanged_s(&self) -> Option<f64> {
        self.0.unchanged.map(Span::seconds)
    }
    fn __repr__(&self) -> String {
        format!("<LeaseHost {}: {} leases>", self.0.host, self.0.leases)
    }
}

/// When the VMs that are to be mapped run, and what they need.
pub struct Wanted {
    pub start: Instant,
    pub until: Instant,
    pub strict: bool,
    pub needs: Vec<Amounts>,
}

/// What a host has left for the VMs of a lease.
#[pyclass(frozen, module = "galerna._core")]
pub struct LeaseRoom {
    pub room: HostRoom,
    pub wanted: Arc<Wanted>,
}

#[pymethods]
impl LeaseRoom {
    #[getter]
    fn id(&self) -> u32 {
        self.room.host
    }
    #[getter]
    fn cpu(&self) -> i64 {
        self.room.free()[CPU]
    }
    #[getter]
    fn memory_mb(&self) -> i64 {
        self.room.free()[MEMORY]
    }
    #[getter]
    fn start_s(&self) -> f64 {
        self.wanted.start.seconds()
    }
    #[getter]
    fn until_s(&self) -> f64 {
        self.wanted.until.seconds()
    }
    #[getter]
    fn strict(&self) -> bool {
        self.wanted.strict
    }
    fn fits_until(&self, vms: Vec<usize>) -> PyResult<Option<f64>> {
        let mut sum = [0; RESOURCES];
        for vm in vms {
            let Some(need) = self.wanted.needs.get(vm) else {
                let known = self.wanted.needs.len();
                return Err(PyIndexError::new_err(format!("VM {vm}: the lease has {known}")));
            };
            (0..RESOURCES).for_each(|k| sum[k] += need[k]);
        }
        Ok(self.room.fits_until(&sum, self.wanted.until).map(Instant::seconds))
    }
    fn __repr__(&self) -> String {
        let free = self.room.free();
        format!("<LeaseRoom {}: CPU {}, {} MB>", self.room.host, free[CPU], free[MEMORY])
    }
}
