//! Never: no host is over- or underloaded, so nothing migrates.
//!
//! Source: the DVFS and NPA baselines of Beloglazov and Buyya, Concurrency Computat.: Pract. Exper.
//! 24(13), 2012.

use super::{HostLoad, Occupancy, OverloadDetector, UnderloadDetector, Verdict};
use crate::id::HostId;
use crate::policy::PolicyError;

/// Finds nothing, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Never;

impl OverloadDetector for Never {
    fn name(&self) -> &str {
        "never"
    }
    fn window(&self) -> usize {
        0
    }
    fn assess(&mut self, _: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(Verdict::Normal)
    }
}

impl UnderloadDetector for Never {
    fn name(&self) -> &str {
        "never"
    }
    fn candidates(&mut self, _: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_a_full_host_is_normal() {
        let load = HostLoad::alone(2.0, &[2.0; 30]);
        assert_eq!(Never.assess(load).unwrap(), Verdict::Normal);
    }
}
