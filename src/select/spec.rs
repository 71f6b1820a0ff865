//! The built-in selectors by their names in a run spec.

use serde::{Deserialize, Serialize};

use super::random::RandomSpec;
use super::{
    HighestDemand, Knapsack, MaxCorrelation, MinUtilisation, Mmt, MmtMaxCpu, Random, VmSelector,
};
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
    Mu(MinUtilisation),
    /// Random selection.
    Rs(RandomSpec),
    /// Minimum migration time, maximum CPU.
    MmtMaxCpu(MmtMaxCpu),
    /// Least memory that clears the overload.
    Knapsack(Knapsack),
    /// Highest demand.
    HighestDemand,
}

impl SelectorSpec {
    /// Names of the built-ins.
    pub const KINDS: [&str; 7] =
        ["mmt", "mc", "mu", "rs", "mmt-max-cpu", "knapsack", "highest-demand"];

    /// A fresh selector for the run with seed `seed`.
    pub fn build(&self, seed: u64) -> Box<dyn VmSelector> {
        match self {
            Self::Mmt => Box::new(Mmt),
            Self::Mc => Box::new(MaxCorrelation::default()),
            Self::Mu(mu) => Box::new(*mu),
            Self::Rs(spec) => Box::new(Random::new(spec, stream(seed, "select.rs"))),
            Self::MmtMaxCpu(spec) => Box::new(spec.clone()),
            Self::Knapsack(spec) => Box::new(spec.clone()),
            Self::HighestDemand => Box::new(HighestDemand),
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
        let pasts: Vec<&[f64]> = utilisation.chunks(1).collect();
        world_with_pasts(ram_mb, &pasts, body);
    }

    /// As [`world`] with the past of each VM, the newest sample last.
    pub(crate) fn world_with_pasts(
        ram_mb: &[u64],
        pasts: &[&[f64]],
        body: impl FnOnce(Snapshot<'_>, &[VmId]),
    ) {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
        let mut fleet = Fleet::of_hosts(vec![g5], [0]);
        for (row, &mb) in ram_mb.iter().enumerate() {
            let kind = VmType::new(Mips(1000.0), Bytes::from_mb(mb));
            fleet.add_vms_in_blocks(&[kind], &[row]);
        }
        let newest = |past: &&[f64]| past.last().map_or(0.0, |u| u * 1000.0);
        let demand: IdVec<VmId, f64> = pasts.iter().map(newest).collect();
        let mut histories = VmHistories::new(demand.len());
        for (vm, past) in demand.ids().zip(pasts) {
            past.iter().for_each(|&u| histories.push(vm, u));
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
