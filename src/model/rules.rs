//! The physics and bookkeeping of a run: every rule on which published simulators differ, by name.
//!
//! Defaults are galerna's honest model. Each other value is an oddity of a published simulator,
//! kept so that its results can be reproduced; `Q1`.. are their numbers in `docs/quirks.md`.

use serde::{Deserialize, Serialize};

use super::costs::{Costs, Rate};
use super::outages::Outages;
use super::provision::Provision;
use super::sites::Sites;

/// How the trace becomes demand (`[demand]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Demand {
    /// What a VM asks for between two samples.
    pub between_samples: BetweenSamples,
    /// What becomes of a VM whose demand is exactly zero (Q1).
    pub idle_vms: IdleVms,
    /// How time is kept.
    pub clock: ClockKind,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            between_samples: BetweenSamples::Hold,
            idle_vms: IdleVms::Keep,
            clock: ClockKind::Exact,
        }
    }
}

/// What a VM asks for between two samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BetweenSamples {
    /// Sample `k` holds on `[k step, (k + 1) step)`.
    Hold,
    /// The straight line between neighbouring samples, as in CloudSim.
    Interpolate,
}

/// What becomes of a VM whose demand is exactly zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdleVms {
    /// It stays.
    Keep,
    /// Q1: it counts as completed and is removed for good.
    Retire,
}

/// How time is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockKind {
    /// Decisions at `k step` exactly; seconds are microseconds / 10^6.
    Exact,
    /// Decisions at `0.1 + step + step + ..` in doubles, as in CloudSim, which starts its broker at
    /// 0.1 s; the first is one step after that.
    Accumulated,
}

/// What a host can do (`[host]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostRules {
    /// What VMs get when they ask for more than there is (Q15).
    pub oversubscription: Oversubscription,
    /// Whether the memory of running VMs counts (Q6).
    pub memory: Memory,
    /// Seconds from off to on, at idle power (Q14 sets 0).
    pub wake_s: f64,
    /// Seconds from on to off, at idle power (Q14 sets 0).
    pub shutdown_s: f64,
    /// What hosts draw.
    pub power: PowerPolicy,
    /// Power that all hosts together may draw, W; they get no more CPU than it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_w: Option<Rate>,
}

impl Default for HostRules {
    fn default() -> Self {
        Self {
            oversubscription: Oversubscription::Proportional,
            memory: Memory::Enforced,
            wake_s: 120.0,
            shutdown_s: 30.0,
            power: PowerPolicy::Managed,
            cap_w: None,
        }
    }
}

/// What hosts draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerPolicy {
    /// Power at their load; nothing while off.
    Managed,
    /// All hosts run at peak power from 0 to the end: the non-power-aware baseline (NPA).
    AlwaysPeak,
}

/// What VMs get when they ask for more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oversubscription {
    /// All the same fraction of what they ask for.
    Proportional,
    /// Q15: that fraction rounded down to whole MIPS.
    Floored,
}

/// Whether the memory of running VMs counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Memory {
    /// Always, on both hosts during a migration.
    Enforced,
    /// Q6: only while VMs are created; a running VM takes none.
    AtStartOnly,
}

/// What a migration costs (part of `[migration]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct MigrationRules {
    /// Migration model; `ram-over-bandwidth` copies the VM's memory once.
    pub model: String,
    /// Network card of a host, Mbit/s in each direction.
    pub nic_mbit_s: f64,
    /// Fraction of the card that migrations may use.
    pub share: f64,
    /// Whether copies of one host share its card (Q13).
    pub contention: Contention,
    /// Fraction of its allocation that a VM loses while it is copied.
    pub overhead: f64,
    /// Fraction of an arriving VM's demand that already runs at the destination.
    pub destination_load: f64,
    /// What a VM loses while it migrates.
    pub sla: MigrationSla,
    /// Joules per MB sent, both hosts together.
    pub energy_j_per_mb: f64,
    /// Joules of any migration, both hosts together.
    pub energy_j: f64,
}

impl Default for MigrationRules {
    fn default() -> Self {
        Self {
            model: "ram-over-bandwidth".into(),
            nic_mbit_s: 1000.0,
            share: 0.5,
            contention: Contention::MaxMin,
            overhead: 0.1,
            destination_load: 0.0,
            sla: MigrationSla::CloudSim,
            energy_j_per_mb: 0.0,
            energy_j: 0.0,
        }
    }
}

/// What a VM loses while it migrates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationSla {
    /// The fraction `overhead`, from the first to the last byte, and nothing else.
    #[serde(rename = "cloudsim")]
    CloudSim,
    /// What the model says of each stage: logging and throttling while it is copied, everything
    /// while it is stopped, page faults while its pages follow.
    Measured,
}

impl MigrationRules {
    /// Energy of sending `bytes`, both hosts together, joules.
    pub fn energy(&self, bytes: f64) -> f64 {
        self.energy_j_per_mb * bytes / 1e6 + self.energy_j
    }

    /// What one host's card offers to migrations in one direction, bytes per second.
    pub fn bandwidth(&self) -> f64 {
        self.nic_mbit_s * self.share * 125_000.0
    }
}

/// Whether copies of one host share its card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contention {
    /// All copies share the cards of both ends max-min fairly.
    MaxMin,
    /// Q13: every copy runs as if it were alone.
    None,
}

/// How energy and SLA are counted (`[accounting]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accounting {
    /// Which time counts (Q2).
    pub window: Window,
    /// How power is integrated between two evaluations.
    pub energy: EnergyIntegral,
    /// Relative shortage below which a VM is not short (Q5 sets 0).
    pub tolerance: f64,
    /// When a host violates its SLA.
    pub violation: Violation,
    /// Whether an arriving VM's full demand counts against the host (Q4).
    pub arriving_demand: ArrivingDemand,
    /// What a migrating VM's shortage counts as lost to migration.
    pub migration_loss: MigrationLoss,
    /// What `slatah` and `pdm` are (Q16).
    pub ratios: Ratios,
    /// What `average_sla_violation` weighs.
    pub average: Average,
    /// What counts as a shutdown (Q17).
    pub shutdowns: Shutdowns,
}

impl Default for Accounting {
    fn default() -> Self {
        Self {
            window: Window::Whole,
            energy: EnergyIntegral::Exact,
            tolerance: 1e-9,
            violation: Violation::DemandAboveCapacity,
            arriving_demand: ArrivingDemand::AsServed,
            migration_loss: MigrationLoss::Overhead,
            ratios: Ratios::Mean,
            average: Average::TimeWeighted,
            shutdowns: Shutdowns::Observed,
        }
    }
}

/// Which time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// From 0 to samples x step.
    Whole,
    /// Q2: from the first decision to the last event.
    DecisionsOnly,
}

/// How power is integrated between two evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnergyIntegral {
    /// Power at the start of the frame holds until its end.
    Exact,
    /// Mean of the powers at both ends; a host that was off at the start uses nothing.
    Trapezoid,
}

/// When a host violates its SLA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Violation {
    /// While its VMs demand more than its capacity.
    DemandAboveCapacity,
    /// While its VMs together get less than they ask for, for whatever reason.
    Short,
}

/// Whether an arriving VM's full demand counts against the destination host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivingDemand {
    /// Only the part that already runs there.
    AsServed,
    /// Q4: all of it, against the small part that is served.
    InFull,
}

/// What a migrating VM's shortage counts as lost to migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationLoss {
    /// The part that the copy takes.
    Overhead,
    /// All that the VM lacks while it is copied, also for want of capacity, as in CloudSim.
    Shortage,
}

/// What `slatah` and `pdm` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ratios {
    /// Means over hosts and VMs of each one's ratio, as the paper defines them.
    Mean,
    /// Q16: one ratio of the totals.
    Global,
}

/// What `average_sla_violation` weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// Time during which VMs are short.
    TimeWeighted,
    /// Every interval between two evaluations alike, however long.
    PerInterval,
}

/// What counts as a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shutdowns {
    /// A host that went from on to off.
    Observed,
    /// Q17: also every host that was never on, at the first decision.
    UnusedCounted,
}

/// All rules of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// `[demand]`
    pub demand: Demand,
    /// `[host]`
    pub host: HostRules,
    /// `[migration]`
    pub migration: MigrationRules,
    /// `[accounting]`
    pub accounting: Accounting,
    /// `[costs]`, where amounts are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<Costs>,
    /// `[outages]`, where hosts fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outages: Option<Outages>,
    /// `[sites]`, where hosts stand at several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<Sites>,
    /// Power that all hosts together should not pass, W, where `[host]` or a policy has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_cap: Option<Rate>,
    /// `[leases.provision]`, where VMs of leases are provisioned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provision: Option<Provision>,
}
