//! What a schedule comes to, in figures.
//!
//! ```text
//! wait     = last start of the VMs from scratch - arrival
//! slowdown = (end - arrival) / max(10 s, duration)
//! ```
//!
//! Both are means over the best-effort leases that are done; the duration is the time that the
//! lease really ran.
//!
//! Source: Feitelson, "Metrics for parallel job scheduling", JSSPP 2001 (bounded slowdown); Haizea
//! 1.1, probes `best-effort` and `ar`. Haizea 1.0 relates slowdown to the requested duration (the
//! oddity `slowdown-by-request`).

use serde::{Deserialize, Serialize};

use super::rules::LeaseRules;
use super::schedule::Schedule;
use crate::model::lease::LeaseRequest;
use crate::model::lease_record::LeaseOutcome;
use crate::model::lease_record::LeaseState;
use crate::model::provision::ProvisionSummary;

/// Durations below this count as this long, seconds.
const BOUND_S: f64 = 10.0;

/// VMs of leases that began later than their lease, where policies say where they run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LateStarts {
    /// VMs of reservations that began late.
    #[serde(rename = "late_reserved")]
    pub reserved: u64,
    /// Other VMs that began late.
    #[serde(rename = "late_others")]
    pub others: u64,
    /// VMs that had not begun when their lease was over.
    #[serde(rename = "never_begun")]
    pub never: u64,
    /// How late they began together, seconds.
    pub late_s: f64,
}

impl LateStarts {
    /// Counts a VM that began `late_s` seconds after its lease.
    pub fn count(&mut self, late_s: f64, reserved: bool) {
        if late_s > 0.0 {
            self.reserved += u64::from(reserved);
            self.others += u64::from(!reserved);
            self.late_s += late_s;
        }
    }
}

/// The figures of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseSummary {
    /// Reservations that got their time.
    pub accepted_ar: u64,
    /// Reservations that were refused.
    pub rejected_ar: u64,
    /// Best-effort leases that are done.
    pub completed_best_effort: u64,
    /// When the last of them was done, seconds from the start.
    pub all_best_effort_s: f64,
    /// Mean time that they waited, seconds.
    pub mean_wait_s: f64,
    /// Mean of their bounded slowdowns.
    pub mean_bounded_slowdown: f64,
    /// Mean share of the site's CPU in use, `[0, 1]`.
    pub utilisation: f64,
    /// How often a lease was saved.
    pub suspensions: u64,
    /// How often a lease was loaded.
    pub resumptions: u64,
    /// Migrations of saved memory.
    pub migrations: u64,
    /// Transfers of disk images from the repository.
    pub image_transfers: u64,
    /// Leases that ended before the time that they had asked for.
    pub premature_ends: u64,
    /// VMs that began late, where they are consolidated.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub late: Option<LateStarts>,
    /// What provisioning of VMs came to, where they are.
    #[serde(default, flatten, skip_serializing_if = "Option::is_none")]
    pub provision: Option<ProvisionSummary>,
}

/// How long a lease waited, seconds; none if it never started.
pub fn wait_s(request: &LeaseRequest, outcome: &LeaseOutcome) -> Option<f64> {
    outcome.last_start.map(|start| (start - request.arrival).seconds())
}

/// The bounded slowdown of a lease; none if it is not done.
pub fn bounded_slowdown(
    request: &LeaseRequest,
    outcome: &LeaseOutcome,
    by_request: bool,
) -> Option<f64> {
    let loaded = (outcome.end? - request.arrival).seconds();
    let alone = if by_request { request.duration } else { outcome.run_time };
    Some(loaded / alone.seconds().max(BOUND_S))
}

impl LeaseSummary {
    /// Every figure by name.
    pub fn named(&self) -> Vec<(&'static str, f64)> {
        let late = self.late.iter().flat_map(|late| {
            [
                ("late_reserved", late.reserved as f64),
                ("late_others", late.others as f64),
                ("never_begun", late.never as f64),
                ("late_s", late.late_s),
            ]
        });
        let mut named = vec![
            ("accepted_ar", self.accepted_ar as f64),
            ("rejected_ar", self.rejected_ar as f64),
            ("completed_best_effort", self.completed_best_effort as f64),
            ("all_best_effort_s", self.all_best_effort_s),
            ("mean_wait_s", self.mean_wait_s),
            ("mean_bounded_slowdown", self.mean_bounded_slowdown),
            ("utilisation", self.utilisation),
            ("suspensions", self.suspensions as f64),
            ("resumptions", self.resumptions as f64),
            ("migrations", self.migrations as f64),
            ("image_transfers", self.image_transfers as f64),
            ("premature_ends", self.premature_ends as f64),
        ];
        named.extend(late);
        named.extend(self.provision.iter().flat_map(ProvisionSummary::named));
        named
    }

    /// The figures of `schedule`, made by `rules` from `requests`.
    pub fn new(requests: &[LeaseRequest], schedule: &Schedule, rules: &LeaseRules) -> Self {
        let all = || requests.iter().zip(&schedule.leases);
        let count = |state, best_effort: bool| {
            let of_kind = |request: &LeaseRequest| {
                if best_effort { request.is_best_effort() } else { request.is_reservation() }
            };
            all().filter(|(request, life)| of_kind(request) && life.state == state).count() as u64
        };
        let done = || {
            all().filter(|(request, life)| {
                request.is_best_effort() && life.state == LeaseState::Done
            })
        };
        let mean = |values: Vec<f64>| {
            let len = values.len();
            if len == 0 { 0.0 } else { values.into_iter().sum::<f64>() / len as f64 }
        };
        let by_request = rules.oddities.slowdown_by_request;
        let slowdowns = done().filter_map(|(r, life)| bounded_slowdown(r, life, by_request));
        let ends = done().filter_map(|(_, life)| life.end);
        let sum = |figure: fn(&LeaseOutcome) -> u32| {
            schedule.leases.iter().map(|life| u64::from(figure(life))).sum()
        };
        Self {
            accepted_ar: count(LeaseState::Done, false),
            rejected_ar: count(LeaseState::Rejected, false),
            completed_best_effort: count(LeaseState::Done, true),
            all_best_effort_s: ends.max().map_or(0.0, |end| end.seconds()),
            mean_wait_s: mean(done().filter_map(|(r, life)| wait_s(r, life)).collect()),
            mean_bounded_slowdown: mean(slowdowns.collect()),
            utilisation: schedule.utilisation(),
            suspensions: sum(|life| life.suspensions),
            resumptions: sum(|life| life.resumptions),
            migrations: sum(|life| life.memory_migrations),
            image_transfers: sum(|life| life.transfers),
            premature_ends: sum(|life| u32::from(life.premature)),
            late: schedule.late,
            provision: schedule.provision,
        }
    }
}
