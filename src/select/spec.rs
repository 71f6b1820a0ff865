//! The built-in selectors by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::random::RandomSpec;
use super::{MaxCorrelation, MinUtilisation, Mmt, Random, VmSelector};
use crate::random::stream;

/// `policy.select` of a run spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SelectorSpec {
    /// Minimum migration time.
    Mmt,
    /// Maximum correlation.
    Mc,
    /// Minimum utilisation.
    Mu,
    /// Random selection.
    Rs(RandomSpec),
}

impl SelectorSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 4] = ["mmt", "mc", "mu", "rs"];

    /// A fresh selector for the run with seed `seed`.
    pub fn build(&self, seed: u64) -> Box<dyn VmSelector> {
        match self {
            Self::Mmt => Box::new(Mmt),
            Self::Mc => Box::new(MaxCorrelation::default()),
            Self::Mu => Box::new(MinUtilisation),
            Self::Rs(spec) => Box::new(Random::new(spec, stream(seed, "select.rs"))),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::id::{IdVec, VmId};
    use crate::model::{Fleet, Machine, Snapshot, VmHistories, VmType};
    use crate::time::Instant;
    use crate::units::{Bytes, Mips};

    /// Lends `body` a one-host world with VMs of 1000 MIPS of these memories and utilisations.
    pub(crate) fn world(
        ram_mb: &[u64],
        utilisation: &[f64],
        body: impl FnOnce(Snapshot<'_>, &[VmId]),
    ) {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
        let mut fleet = Fleet::of_hosts(vec![g5], [0]);
        for (row, &mb) in ram_mb.iter().enumerate() {
            let kind = VmType::new(Mips(1000.0), Bytes::from_mb(mb));
            fleet.add_vms_in_blocks(&[kind], &[row]);
        }
        let demand: IdVec<VmId, f64> = utilisation.iter().map(|u| u * 1000.0).collect();
        let mut histories = VmHistories::new(demand.len());
        for (vm, &mips) in demand.iter() {
            histories.push(vm, mips / 1000.0);
        }
        let vms: Vec<VmId> = demand.ids().collect();
        let state = Snapshot {
            now: Instant::START,
            fleet: &fleet,
            demand: &demand,
            histories: &histories,
            utilisation: &IdVec::filled(0.0, 1),
        };
        body(state, &vms);
    }
}
