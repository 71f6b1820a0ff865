//! RS, random selection: any VM of the host, all alike.
//!
//! Source: Beloglazov and Buyya, Concurrency Computat.: Pract. Exper. 24(13), 2012, sect. 6.6.
//! CloudSim draws from an unseeded generator (Q19), so its RS results cannot be repeated; here the
//! draw comes from the run's seed unless `seeded = false` asks for fresh entropy.

use rand_chacha::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

use super::VmSelector;
use crate::id::{HostId, VmId};
use crate::model::Snapshot;
use crate::policy::PolicyError;
use crate::random::{Stream, below};

/// Settings of RS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RandomSpec {
    /// Draw from the run's seed (default), or from the machine's entropy (Q19): such a run cannot
    /// be repeated.
    pub seeded: bool,
}

impl Default for RandomSpec {
    fn default() -> Self {
        Self { seeded: true }
    }
}

/// Random selection.
pub struct Random {
    stream: Stream,
}

impl Random {
    /// Draws from `stream`, or from fresh entropy when `spec` says so.
    pub fn new(spec: &RandomSpec, stream: Stream) -> Self {
        if spec.seeded {
            return Self { stream };
        }
        let mut key = [0u8; 32];
        for chunk in key.chunks_mut(8) {
            chunk.copy_from_slice(&entropy().to_le_bytes());
        }
        Self { stream: Stream::from_seed(key) }
    }
}

/// The standard library's randomly keyed hasher is seeded by the operating system.
fn entropy() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0)
}

impl VmSelector for Random {
    fn name(&self) -> &str {
        "rs"
    }
    fn pick(
        &mut self,
        _: HostId,
        candidates: &[VmId],
        _: &Snapshot<'_>,
    ) -> Result<Option<VmId>, PolicyError> {
        if candidates.is_empty() {
            return Ok(None);
        }
        Ok(Some(candidates[below(candidates.len(), &mut self.stream)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;
    use crate::select::spec::tests::world;

    fn picks(spec: &RandomSpec, seed: u64) -> Vec<u32> {
        let mut selector = Random::new(spec, stream(seed, "select.rs"));
        let mut picks = Vec::new();
        world(&[1; 8], &[0.1; 8], |state, vms| {
            picks = (0..64)
                .map(|_| selector.pick(HostId(0), vms, &state).unwrap().unwrap().0)
                .collect();
        });
        picks
    }

    #[test]
    fn a_seed_repeats_its_draws_and_entropy_does_not() {
        let seeded = RandomSpec::default();
        assert_eq!(picks(&seeded, 1), picks(&seeded, 1));
        assert_ne!(picks(&seeded, 1), picks(&seeded, 2));
        let unseeded = RandomSpec { seeded: false };
        assert_ne!(picks(&unseeded, 1), picks(&unseeded, 1));
    }

    #[test]
    fn every_vm_is_drawn() {
        let drawn: std::collections::BTreeSet<u32> =
            picks(&RandomSpec::default(), 3).into_iter().collect();
        assert_eq!(drawn.len(), 8);
    }
}
