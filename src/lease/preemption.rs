//! May one lease displace another, and how gladly?
//!
//! ```text
//! score = (31 d - age) / 31 d      age = start of the preemptor - submission of the preemptee
//! ```
//!
//! Only an advance reservation displaces, and only a best-effort lease that was submitted less
//! than 7 days before the reservation starts: the older a lease, the less it is disturbed.
//!
//! The policy `deadline` lets any lease displace a deadline lease that can wait:
//!
//! ```text
//! score = (deadline - (t + suspend + length of the preemptor + resume)) / remaining duration
//! ```
//!
//! and spares it where that is below 1, because it would miss its deadline.
//!
//! Source: Haizea 1.0 and 1.1, preemption policies `no-preemption`, `ar-preempts-everything` and
//! (1.1) `deadline`.
//! Haizea's manual says that the youngest is displaced first; its mapper takes the oldest (the
//! oddity `lowest-score-goes-first`).

use serde::{Deserialize, Serialize};

use crate::model::lease::{LeaseKind, LeaseRequest};
use crate::policy::PolicyError;
use crate::time::{Instant, Span};

const DAY_S: f64 = 86_400.0;

/// Says who may displace whom.
pub trait PreemptionPolicy: Send {
    /// How gladly `preemptor`, which would start at `at`, displaces `preemptee`; none if it must
    /// not. A lease with a higher score goes first.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn score(
        &mut self,
        preemptor: &LeaseRequest,
        preemptee: Preemptee<'_>,
        at: Instant,
    ) -> Result<Option<f64>, PolicyError>;
}

/// A lease that could be displaced.
#[derive(Debug, Clone, Copy)]
pub struct Preemptee<'a> {
    /// What was asked for.
    pub request: &'a LeaseRequest,
    /// What will be left of its duration when it is displaced.
    pub remaining: Span,
    /// What saving it is estimated to take.
    pub suspend: Span,
    /// What loading it is estimated to take.
    pub resume: Span,
}

/// Built-in preemption policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreemptionSpec {
    /// Nobody displaces anybody.
    #[default]
    None,
    /// Reservations displace best-effort leases younger than a week.
    ArPreemptsBestEffort,
    /// Any lease displaces deadline leases that can wait.
    Deadline,
}

/// How much slack a deadline lease would have left.
fn slack_left(preemptor: &LeaseRequest, preemptee: Preemptee<'_>, at: Instant) -> Option<f64> {
    let LeaseKind::Deadline { deadline, .. } = preemptee.request.kind else { return None };
    let back = at + preemptee.suspend + preemptor.duration + preemptee.resume;
    let slack = (deadline - back).0 as f64 / preemptee.remaining.0 as f64;
    (slack >= 1.0).then_some(slack)
}

impl PreemptionPolicy for PreemptionSpec {
    fn score(
        &mut self,
        preemptor: &LeaseRequest,
        preemptee: Preemptee<'_>,
        at: Instant,
    ) -> Result<Option<f64>, PolicyError> {
        if *self == Self::Deadline {
            return Ok(slack_left(preemptor, preemptee, at));
        }
        let preemptee = preemptee.request;
        let displaces = *self == Self::ArPreemptsBestEffort
            && preemptor.is_reservation()
            && preemptee.is_best_effort();
        let age_s = (at - preemptee.arrival).seconds();
        let spared = age_s >= 7.0 * DAY_S;
        Ok((displaces && !spared).then(|| (31.0 * DAY_S - age_s) / (31.0 * DAY_S)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lease::{NodeSet, RESOURCES, Software};

    fn lease(kind: LeaseKind, arrival_d: f64) -> LeaseRequest {
        LeaseRequest {
            number: 1,
            arrival: Instant::from_seconds(arrival_d * DAY_S),
            kind,
            nodes: vec![NodeSet::new(1, [0; RESOURCES])],
            duration: Span(1),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        }
    }

    /// Submitted on day 10; at day 13.1 its age is 3.1 d, so 27.9 / 31 = 0.9.
    #[test]
    fn the_score_falls_with_age_and_ends_after_a_week() {
        let start = Instant::from_seconds(13.1 * DAY_S);
        let reservation = lease(LeaseKind::AdvanceReservation { start }, 12.0);
        let waiting = lease(LeaseKind::BestEffort, 10.0);
        let policy = &mut PreemptionSpec::ArPreemptsBestEffort;
        let at = |policy: &mut PreemptionSpec, by, of, day: f64| {
            let (remaining, suspend, resume) = (Span(1), Span(1), Span(1));
            let of = Preemptee { request: of, remaining, suspend, resume };
            policy.score(by, of, Instant::from_seconds(day * DAY_S)).expect("it always answers")
        };
        let score = at(policy, &reservation, &waiting, 13.1).expect("it is young enough");
        assert!((score - 0.9).abs() < 1e-12);
        assert_eq!(at(policy, &reservation, &waiting, 17.0), None);
        assert_eq!(at(policy, &waiting, &waiting, 13.1), None);
        assert_eq!(at(policy, &reservation, &reservation, 13.1), None);
        assert_eq!(at(&mut PreemptionSpec::None, &reservation, &waiting, 13.1), None);
    }

    /// Due on day 10, displaced on day 1 for half a day, with 2 d left and 1/4 d for saving and for
    /// loading: (10 - 2) / 2 = 4; due on day 3.9 it would be too late: (3.9 - 2) / 2 < 1.
    #[test]
    fn a_deadline_lease_is_displaced_by_what_slack_it_has_left() {
        let days = |days: f64| Span::from_seconds(days * DAY_S);
        let instant = |days: f64| Instant::from_seconds(days * DAY_S);
        let mut preemptor = lease(LeaseKind::Immediate, 0.0);
        preemptor.duration = days(0.5);
        let score = |due: f64| {
            let kind = LeaseKind::Deadline { start: instant(0.0), deadline: instant(due) };
            let (suspend, resume) = (days(0.25), days(0.25));
            let request = lease(kind, 0.0);
            let of = Preemptee { request: &request, remaining: days(2.0), suspend, resume };
            PreemptionSpec::Deadline.score(&preemptor, of, instant(1.0)).expect("it answers")
        };
        assert_eq!([score(10.0), score(3.9)], [Some(4.0), None]);
    }
}
