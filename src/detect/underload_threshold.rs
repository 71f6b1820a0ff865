//! Underload by a fixed threshold: a host may be emptied when it is used no more than that.
//!
//! ```text
//! underloaded <=> u <= threshold
//! ```
//!
//! `u`: utilisation now, fraction of capacity. Of the underloaded hosts the emptiest is tried
//! first.
//!
//! Source: OpenStack Neat, `threshold` for underload (Beloglazov and Buyya, Concurrency Computat.:
//! Pract. Exper. 27(5), 2015), where each host judges itself and the order is that in which they
//! report. CloudSim Plus has the same rule with 0.35. `least-utilised` with `below` is the rule of
//! the 2012 experiment with a strict limit.

use serde::{Deserialize, Serialize};

use super::least_utilised::emptiest_first;
use super::{Occupancy, UnderloadDetector};
use crate::id::HostId;
use crate::policy::PolicyError;

/// Static underload threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnderloadThreshold {
    /// Fraction of capacity up to which a host is underloaded, at least 0.
    pub threshold: f64,
}

impl Default for UnderloadThreshold {
    fn default() -> Self {
        Self { threshold: 0.5 }
    }
}

impl UnderloadDetector for UnderloadThreshold {
    fn name(&self) -> &str {
        "threshold"
    }
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        Ok(emptiest_first(active.iter().filter(|host| host.utilisation <= self.threshold)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_at_the_threshold_is_underloaded() {
        let hosts = [0.51, 0.5, 0.2].into_iter().enumerate();
        let active: Vec<Occupancy<'_>> = hosts
            .map(|(i, utilisation)| Occupancy { host: HostId(i as u32), utilisation, history: &[] })
            .collect();
        let order = UnderloadThreshold::default().candidates(&active).unwrap();
        assert_eq!(order, [HostId(2), HostId(1)]);
    }
}
