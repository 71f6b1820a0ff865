//! How long the overheads of a lease take: exactly per VM, and as estimates for planning.
//!
//! ```text
//! 1.1: sum over VMs of (ceil(memory / rate) + overhead)
//! 1.0: VMs * (ceil(memory of all / rate) + overhead)
//! ```
//!
//! Source: Haizea 1.1 and 1.0, `estimate_suspend_time`, `estimate_migration_time` and the like.

use super::rules::{ColdMigration, Estimate};
use super::scheduler::Scheduler;
use crate::model::lease::{MEMORY, Software};
use crate::provision::{Preparation, seconds_up, transfer_time};
use crate::time::Span;

impl Scheduler<'_> {
    /// How long saving `memory` MB takes.
    fn suspend_span(&self, memory: i64) -> Span {
        let rate = self.rules.suspend_rate;
        self.rules.suspend_time.unwrap_or_else(|| seconds_up(memory as f64 / rate))
    }

    /// How long loading `memory` MB takes.
    fn resume_span(&self, memory: i64) -> Span {
        let rate = self.rules.resume_rate;
        self.rules.resume_time.unwrap_or_else(|| seconds_up(memory as f64 / rate))
    }

    /// How long saving each VM of a lease takes.
    pub(super) fn suspend_spans(&self, lease: u32) -> Vec<Span> {
        let needs = self.requests[lease as usize].needs();
        needs.map(|need| self.suspend_span(need[MEMORY])).collect()
    }

    /// How long loading each VM of a lease takes.
    pub(super) fn resume_spans(&self, lease: u32) -> Vec<Span> {
        let needs = self.requests[lease as usize].needs();
        needs.map(|need| self.resume_span(need[MEMORY])).collect()
    }

    pub(super) fn suspend_estimate(&self, lease: u32) -> Span {
        self.estimate(lease, |memory| self.suspend_span(memory))
    }

    pub(super) fn resume_estimate(&self, lease: u32) -> Span {
        self.estimate(lease, |memory| self.resume_span(memory))
    }

    fn estimate(&self, lease: u32, span: impl Fn(i64) -> Span) -> Span {
        let request = &self.requests[lease as usize];
        let overhead = self.rules.enactment;
        match self.rules.oddities.estimate {
            Estimate::SumOverVms => request.nodes.iter().fold(Span::ZERO, |sum, set| {
                sum + (span(set.need[MEMORY]) + overhead) * i64::from(set.count)
            }),
            Estimate::EachAsAll => {
                let sets = request.nodes.iter();
                let memory = sets.map(|set| set.need[MEMORY] * i64::from(set.count)).sum();
                (span(memory) + overhead) * request.vms() as i64
            }
        }
    }

    pub(super) fn shutdown_estimate(&self, lease: u32) -> Span {
        self.rules.shutdown + self.rules.enactment * self.requests[lease as usize].vms() as i64
    }

    /// Whether leases get disk images, and this one has one: its size in MB.
    pub(super) fn image_size(&self, lease: u32) -> Option<i64> {
        match (&self.rules.preparation, self.requests[lease as usize].software) {
            (Preparation::ImageTransfer(_), Software::Image { size, .. }) => Some(size),
            _ => None,
        }
    }

    /// How long moving a suspended lease to other hosts is estimated to take.
    pub(super) fn migration_estimate(&self, lease: u32) -> Span {
        if self.rules.migration == ColdMigration::WithoutTransfer {
            return Span::ZERO;
        }
        let bandwidth = self.rules.bandwidth;
        let request = &self.requests[lease as usize];
        let previous = &self.lives[lease as usize].previous;
        let mut by_host: Vec<(u32, i64)> = previous
            .iter()
            .zip(request.needs())
            .map(|(&host, need)| (host, need[MEMORY]))
            .collect();
        by_host.sort_unstable();
        let hosts = by_host.chunk_by(|a, b| a.0 == b.0).map(|vms| {
            let memory = vms.iter().map(|vm| vm.1).sum();
            (vms.len() as i64, transfer_time(memory, bandwidth))
        });
        let image = self
            .image_size(lease)
            .map_or(Span::ZERO, |size| transfer_time(size, bandwidth) * request.vms() as i64);
        if self.rules.oddities.migration_moves_all {
            return hosts.map(|(_, span)| span).max().unwrap_or(Span::ZERO) + image;
        }
        hosts.fold(image, |sum, (vms, span)| sum + span * vms)
    }
}
