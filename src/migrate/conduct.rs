//! How does a run move its VMs? The model with everything that it needs to know of guests,
//! hypervisor and network.
//!
//! A [`Practice`] is what a run file says; [`Conduct`] is made of it once. What is not known of a
//! VM's memory is assumed: three quarters of it are in use, and it writes in proportion to its CPU.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dirty_rule::DirtyRule;
use super::failure::Failures;
use super::features::Features;
use super::limits::Limits;
use super::program::{Program, program};
use super::task::{Channel, Memory, Task};
use super::{Constants, Escalation, MigrationModel, PAGE, RamOverBandwidth};
use crate::topology::Topology;
use crate::units::{Bytes, BytesPerSecond};

/// What a run file says of migrations, beside the model and the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Practice {
    /// Fraction of a VM's memory that is not zero.
    pub used: f64,
    /// What a VM writes.
    pub dirty: DirtyRule,
    /// The hypervisor stops the VM as soon as it expects less than this many seconds.
    pub downtime_limit_s: f64,
    /// A migration that takes longer is given up; never where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_s: Option<f64>,
    /// Rounds of a hybrid migration before it switches to post-copy.
    pub hybrid_rounds: u32,
    /// What becomes of a migration that would never end.
    pub escalation: Escalation,
    /// How many may run at once: the name of a preset.
    pub limits: String,
    /// Constants of hypervisor, machine and network.
    pub constants: Constants,
    /// Options of the hypervisor.
    pub features: Features,
}

impl Default for Practice {
    fn default() -> Self {
        Self {
            used: 0.75,
            dirty: DirtyRule::default(),
            downtime_limit_s: 0.3,
            give_up_s: None,
            hybrid_rounds: 1,
            escalation: Escalation::default(),
            limits: "unlimited".into(),
            constants: Constants::default(),
            features: Features::default(),
        }
    }
}

/// How migrations of a run are carried out.
#[derive(Clone)]
pub struct Conduct {
    /// What a move costs.
    pub model: Arc<dyn MigrationModel>,
    /// How it is done.
    pub practice: Practice,
    /// The constants of `practice`.
    pub constants: Arc<Constants>,
    /// How many may run at once.
    pub limits: Limits,
    /// What connects the hosts; `None` where each has a card of its own and nothing else is narrow.
    pub topology: Option<Arc<Topology>>,
    /// What fails.
    pub failures: Failures,
    /// Seed of what fails at random.
    pub seed: u64,
}

impl Default for Conduct {
    fn default() -> Self {
        let (practice, topology) = (Practice::default(), None);
        Self::new(
            Arc::new(RamOverBandwidth::default()),
            practice,
            super::limits::UNLIMITED,
            topology,
        )
    }
}

impl Conduct {
    /// `model`, used by `practice` within `limits`.
    pub fn new(
        model: Arc<dyn MigrationModel>,
        practice: Practice,
        limits: Limits,
        topology: Option<Arc<Topology>>,
    ) -> Self {
        let constants = Arc::new(practice.constants.clone());
        let (failures, seed) = (Failures::default(), 0);
        Self { model, practice, constants, limits, topology, failures, seed }
    }

    /// The move of a VM with `ram` of memory at `cpu` of its nominal rate.
    pub fn task(&self, ram: Bytes, cpu: f64) -> Task {
        let used = self.practice.used * ram.0 as f64;
        let dirty = self.practice.dirty.of(used / PAGE, cpu);
        let link = BytesPerSecond(f64::INFINITY);
        Task {
            memory: Memory::of(ram, Bytes(used as u64), dirty),
            channel: Channel { limit: self.limits.rate, ..Channel::link(link) },
            downtime_limit_s: self.practice.downtime_limit_s,
            give_up_s: self.practice.give_up_s.unwrap_or(f64::INFINITY),
            hybrid_rounds: self.practice.hybrid_rounds,
            features: self.practice.features,
        }
    }

    /// That move, leg by leg.
    pub fn program(&self, task: &Task) -> Box<dyn Program> {
        program(&self.model, task, &self.constants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::Dirty;

    /// 4096 MiB, three quarters used: 786,432 pages; half of its rate writes 2500 pages/s within a
    /// tenth.
    #[test]
    fn what_is_not_known_of_a_vm_follows_from_its_memory_and_cpu() {
        let task = Conduct::default().task(Bytes::from_gib(4), 0.5);
        assert_eq!((task.memory.pages, task.memory.nonzero), (1_048_576.0, 786_432.0));
        let Dirty::Uniform { rate, working_set } = task.memory.dirty else { panic!("uniform") };
        assert_eq!(rate, 2500.0);
        assert!((working_set - 78_643.2).abs() < 1e-6);
    }
}
