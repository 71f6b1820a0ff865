//! What came of a workload.

use super::summary::LateStarts;
use crate::model::lease_record::{LeaseOutcome, Stretch};
use crate::model::provision::ProvisionSummary;
use crate::time::Instant;

/// Use of CPU over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UseOfCpu {
    /// Hundredths of a core in use from each instant on.
    pub steps: Vec<(Instant, i64)>,
    now: i64,
}

impl UseOfCpu {
    pub(super) fn change(&mut self, by: i64) {
        self.now += by;
    }

    pub(super) fn note(&mut self, at: Instant) {
        match self.steps.last_mut() {
            Some((last, value)) if *last == at => *value = self.now,
            Some((_, value)) if *value == self.now => {}
            _ => self.steps.push((at, self.now)),
        }
    }
}

/// Everything that came of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// How each lease fared.
    pub leases: Vec<LeaseOutcome>,
    /// What was held when by whom, in the order in which it was over.
    pub stretches: Vec<Stretch>,
    /// Use of CPU over time.
    pub cpu: UseOfCpu,
    /// CPU of the site, hundredths of a core.
    pub total_cpu: i64,
    /// The last instant at which something happened.
    pub end: Instant,
    /// Instants at which something happened.
    pub steps: u64,
    /// VMs that began late, where they are consolidated.
    pub late: Option<LateStarts>,
    /// What provisioning of VMs came to, where they are.
    pub provision: Option<ProvisionSummary>,
}

impl Schedule {
    /// Mean share of the site's CPU in use, from the start until its use changed last.
    pub fn utilisation(&self) -> f64 {
        let pairs = self.cpu.steps.windows(2);
        let sum: f64 = pairs.map(|two| (two[1].0 - two[0].0).seconds() * two[0].1 as f64).sum();
        let end = self.cpu.steps.last().map_or(Instant::START, |step| step.0);
        let whole = (end - Instant::START).seconds() * self.total_cpu as f64;
        if whole > 0.0 { sum / whole } else { 0.0 }
    }
}
