//! Least utilised first: every host that runs VMs may be emptied, the emptiest first.
//!
//! A host is vacated when all its VMs fit elsewhere; there is no underload threshold (Q12 of the
//! published experiment, and the honest model's classic rule as well).
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.

use serde::{Deserialize, Serialize};

use super::{Occupancy, UnderloadDetector};
use crate::id::HostId;
use crate::policy::PolicyError;

/// All hosts in ascending utilisation, lowest id first among equals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LeastUtilised {
    /// Only hosts below this utilisation are tried; 1 tries every host that is not full.
    pub below: f64,
}

impl Default for LeastUtilised {
    fn default() -> Self {
        Self { below: 1.0 }
    }
}

impl UnderloadDetector for LeastUtilised {
    fn name(&self) -> &str {
        "least-utilised"
    }
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        Ok(emptiest_first(active.iter().filter(|host| host.utilisation < self.below)))
    }
}

/// The hosts in ascending utilisation, lowest id first among equals.
pub(super) fn emptiest_first<'a>(hosts: impl Iterator<Item = &'a Occupancy<'a>>) -> Vec<HostId> {
    let mut order: Vec<&Occupancy<'_>> = hosts.collect();
    order.sort_by(|a, b| a.utilisation.total_cmp(&b.utilisation).then(a.host.cmp(&b.host)));
    order.into_iter().map(|host| host.host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emptiest_host_comes_first_and_ties_go_to_the_lower_id() {
        let active: Vec<Occupancy<'_>> = [0.5, 0.2, 1.0, 0.2]
            .into_iter()
            .enumerate()
            .map(|(i, utilisation)| Occupancy { host: HostId(i as u32), utilisation, history: &[] })
            .collect();
        let order = LeastUtilised::default().candidates(&active).unwrap();
        assert_eq!(order, [HostId(1), HostId(3), HostId(0)]);
    }
}
