//! Always: every host that runs VMs may be emptied, however full, the emptiest first.
//!
//! Source: OpenStack Neat, `always_underloaded` (Beloglazov and Buyya, Concurrency Computat.:
//! Pract. Exper. 27(5), 2015). Differs from `least-utilised` by the full hosts, which that leaves
//! out.

use super::least_utilised::emptiest_first;
use super::{Occupancy, UnderloadDetector};
use crate::id::HostId;
use crate::policy::PolicyError;

/// Calls every host underloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Always;

impl UnderloadDetector for Always {
    fn name(&self) -> &str {
        "always"
    }
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        Ok(emptiest_first(active.iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_a_full_host_may_be_emptied() {
        let of = |(i, utilisation)| Occupancy { host: HostId(i), utilisation, history: &[] };
        let active = [(0, 1.2), (1, 0.1)].map(of);
        assert_eq!(Always.candidates(&active).unwrap(), [HostId(1), HostId(0)]);
    }
}
