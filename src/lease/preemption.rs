//! May one lease displace another, and how gladly?
//!
//! ```text
//! score = (31 d - age) / 31 d      age = start of the preemptor - submission of the preemptee
//! ```
//!
//! Only an advance reservation displaces, and only a best-effort lease that was submitted less
//! than 7 days before the reservation starts: the older a lease, the less it is disturbed.
//!
//! Source: Haizea 1.0 and 1.1, preemption policies `no-preemption` and `ar-preempts-everything`.
//! Haizea's manual says that the youngest is displaced first; its mapper takes the oldest (the
//! oddity `lowest-score-goes-first`).

use serde::{Deserialize, Serialize};

use crate::model::lease::LeaseRequest;
use crate::policy::PolicyError;
use crate::time::Instant;

const DAY_S: f64 = 86_400.0;

/// Says who may displace whom.
pub trait PreemptionPolicy {
    /// How gladly `preemptor`, which would start at `at`, displaces `preemptee`; none if it must
    /// not. A lease with a higher score goes first.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn score(
        &mut self,
        preemptor: &LeaseRequest,
        preemptee: &LeaseRequest,
        at: Instant,
    ) -> Result<Option<f64>, PolicyError>;
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
}

impl PreemptionPolicy for PreemptionSpec {
    fn score(
        &mut self,
        preemptor: &LeaseRequest,
        preemptee: &LeaseRequest,
        at: Instant,
    ) -> Result<Option<f64>, PolicyError> {
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
    use crate::model::lease::{LeaseKind, NodeSet, RESOURCES, Software};
    use crate::time::Span;

    fn lease(kind: LeaseKind, arrival_d: f64) -> LeaseRequest {
        LeaseRequest {
            number: 1,
            arrival: Instant::from_seconds(arrival_d * DAY_S),
            kind,
            nodes: vec![NodeSet { count: 1, need: [0; RESOURCES] }],
            duration: Span(1),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
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
            policy.score(by, of, Instant::from_seconds(day * DAY_S)).expect("it always answers")
        };
        let score = at(policy, &reservation, &waiting, 13.1).expect("it is young enough");
        assert!((score - 0.9).abs() < 1e-12);
        assert_eq!(at(policy, &reservation, &waiting, 17.0), None);
        assert_eq!(at(policy, &waiting, &waiting, 13.1), None);
        assert_eq!(at(policy, &reservation, &reservation, 13.1), None);
        assert_eq!(at(&mut PreemptionSpec::None, &reservation, &waiting, 13.1), None);
    }
}
