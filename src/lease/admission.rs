//! Is a request accepted at all, before anyone looks for a place?
//!
//! Source: Haizea's admission policies `accept-all` and `no-ARs` (manual, chapter on policies).

use serde::{Deserialize, Serialize};

use crate::model::lease::LeaseRequest;
use crate::policy::PolicyError;

/// Judges requests when they arrive.
pub trait AdmissionPolicy: Send {
    /// Whether the request is considered.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn admits(&mut self, lease: &LeaseRequest) -> Result<bool, PolicyError>;
}

/// Built-in admission policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdmissionSpec {
    /// Every request is considered.
    #[default]
    AcceptAll,
    /// Advance reservations are refused.
    NoAr,
}

impl AdmissionPolicy for AdmissionSpec {
    fn admits(&mut self, lease: &LeaseRequest) -> Result<bool, PolicyError> {
        Ok(match self {
            Self::AcceptAll => true,
            Self::NoAr => !lease.is_reservation(),
        })
    }
}
