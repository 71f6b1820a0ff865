//! How good is a host for a lease?
//!
//! ```text
//! score = 0.5 (4 - min(4, n)) / 4 + 0.25 + 0.25 min(1, c / D)
//! ```
//!
//! `n`: leases on the host at the start; `c`: time until anything changes on the host; `D`: the
//! requested duration. An empty host that stays empty scores 1. Hosts of equal score are taken in
//! the order of their ids.
//!
//! Source: Haizea 1.0 and 1.1, host selection `greedy` (0.25 stands for a score of capacity that
//! it never computes) and `no-policy`.

use serde::{Deserialize, Serialize};

use crate::model::lease::LeaseRequest;
use crate::policy::PolicyError;
use crate::time::Span;

/// What is known of a host when it is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostStatus {
    /// Which one.
    pub host: u32,
    /// Leases on it at the start.
    pub leases: usize,
    /// From the start until its status changes; none if it never does.
    pub unchanged: Option<Span>,
}

/// Orders hosts: higher scores first.
pub trait HostSelection: Send {
    /// The score of a host for `lease`, in `[0, 1]`.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn score(&mut self, host: HostStatus, lease: &LeaseRequest) -> Result<f64, PolicyError>;

    /// Whether an empty host that stays so for the requested duration scores highest of all, so
    /// that other hosts need not be asked as long as there are such ones.
    fn prefers_empty(&self) -> bool {
        false
    }
}

/// Built-in host selections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostSelectionSpec {
    /// In the order of their ids.
    Any,
    /// Hosts with few leases and long stretches without change first.
    #[default]
    Greedy,
}

/// From so many leases on a host is as good as full.
const MANY: usize = 4;

impl HostSelection for HostSelectionSpec {
    fn score(&mut self, host: HostStatus, lease: &LeaseRequest) -> Result<f64, PolicyError> {
        if *self == Self::Any {
            return Ok(1.0);
        }
        let leases = (MANY - host.leases.min(MANY)) as f64 / MANY as f64;
        let lasting = match host.unchanged {
            Some(span) if span < lease.duration => span.0 as f64 / lease.duration.0 as f64,
            _ => 1.0,
        };
        Ok(0.5 * leases + 0.25 + 0.25 * lasting)
    }

    fn prefers_empty(&self) -> bool {
        true
    }
}
