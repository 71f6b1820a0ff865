//! What a site does with leases: every choice of Haizea, and its oddities one by one.

use serde::{Deserialize, Serialize};

use super::admission::AdmissionSpec;
use super::host_selection::HostSelectionSpec;
use super::preemption::PreemptionSpec;
use crate::provision::Preparation;
use crate::time::Span;

/// How many blocked best-effort leases may have a place in the future.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backfilling {
    /// None: the queue is served strictly in order.
    None,
    /// One (Lifka 1995; Haizea's "aggressive").
    #[default]
    Easy,
    /// So many.
    Intermediate(u32),
    /// All of them.
    Conservative,
}

impl Backfilling {
    /// Whether one more lease may get a place in the future where `holders` have one.
    pub fn admits(self, holders: usize) -> bool {
        match self {
            Self::None => false,
            Self::Easy => holders < 1,
            Self::Intermediate(limit) => holders < limit as usize,
            Self::Conservative => true,
        }
    }
}

/// Which leases can be suspended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suspension {
    /// No lease.
    None,
    /// Leases of one VM.
    SerialOnly,
    /// All.
    #[default]
    All,
}

/// Where memory is saved to, and so what excludes what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exclusion {
    /// The host's own disk: one VM at a time on each host.
    #[default]
    Local,
    /// A shared disk: one VM at a time altogether.
    Global,
}

/// Whether a suspended lease can be resumed on other hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColdMigration {
    /// No.
    No,
    /// Yes, memory and disk are sent there.
    #[default]
    Yes,
    /// Yes, and they are there at once.
    WithoutTransfer,
}

/// How VMs are mapped to hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mapping {
    /// Host by host in the order of the host selection, as many VMs on each as fit.
    #[default]
    Greedy,
    /// The same, but a deadline lease that is to be displaced is planned anew at once, and stays
    /// where it is if it would miss its deadline.
    Deadline,
}

/// How long suspending or resuming a lease is estimated to take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimate {
    /// One VM after the other, wherever they are.
    #[default]
    SumOverVms,
    /// Haizea 1.0: as if each VM had the memory of all.
    EachAsAll,
}

/// Rules of a site for its leases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LeaseRules {
    /// How many leases may have a place in the future.
    pub backfilling: Backfilling,
    /// Which leases can be suspended.
    pub suspension: Suspension,
    /// MB/s at which memory is saved.
    #[serde(rename = "suspend-mb-s")]
    pub suspend_rate: f64,
    /// MB/s at which memory is loaded.
    #[serde(rename = "resume-mb-s")]
    pub resume_rate: f64,
    /// What excludes what while saving and loading.
    pub exclusion: Exclusion,
    /// Saving a VM takes this long, whatever its memory.
    #[serde(
        rename = "suspend-time-s",
        with = "crate::time::maybe_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub suspend_time: Option<Span>,
    /// Loading a VM takes this long, whatever its memory.
    #[serde(
        rename = "resume-time-s",
        with = "crate::time::maybe_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub resume_time: Option<Span>,
    /// A slice must be at least `1 + threshold_factor` times what its overheads take.
    pub threshold_factor: f64,
    /// A slice must be at least this long, whatever its overheads.
    #[serde(
        rename = "threshold-s",
        with = "crate::time::maybe_seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub threshold: Option<Span>,
    /// Whether a suspended lease can be resumed elsewhere.
    pub migration: ColdMigration,
    /// How long shutting down takes.
    #[serde(rename = "shutdown-s", with = "crate::time::seconds")]
    pub shutdown: Span,
    /// What each command to a VM takes on top.
    #[serde(rename = "enactment-s", with = "crate::time::seconds")]
    pub enactment: Span,
    /// Mbit/s between hosts and from the repository.
    #[serde(rename = "bandwidth-mbit-s")]
    pub bandwidth: f64,
    /// How leases get their disk images.
    pub preparation: Preparation,
    /// Which requests are accepted at all.
    pub admission: AdmissionSpec,
    /// Who may displace whom.
    pub preemption: PreemptionSpec,
    /// Which hosts are taken first.
    pub host_selection: HostSelectionSpec,
    /// How VMs are mapped to hosts.
    pub mapping: Mapping,
    /// What Haizea does against its manual or against reason.
    pub oddities: Oddities,
}

impl Default for LeaseRules {
    fn default() -> Self {
        Self {
            backfilling: Backfilling::default(),
            suspension: Suspension::default(),
            suspend_rate: 32.0,
            resume_rate: 32.0,
            exclusion: Exclusion::default(),
            suspend_time: None,
            resume_time: None,
            threshold_factor: 1.0,
            threshold: None,
            migration: ColdMigration::default(),
            shutdown: Span::ZERO,
            enactment: Span::ZERO,
            bandwidth: 100.0,
            preparation: Preparation::default(),
            admission: AdmissionSpec::default(),
            preemption: PreemptionSpec::default(),
            host_selection: HostSelectionSpec::default(),
            mapping: Mapping::default(),
            oddities: Oddities::default(),
        }
    }
}

/// Oddities of Haizea, each off unless a preset switches it on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Oddities {
    /// Packing one more VM on a host may shorten the slice of the whole lease.
    pub packing_shortens_the_slice: bool,
    /// The lease with the lowest preemption score is displaced first, against the manual.
    pub lowest_score_goes_first: bool,
    /// The `preemptible` flag of a lease is not read.
    pub preemptible_flag_ignored: bool,
    /// A suspension holds the memory of its VMs once more per VM on the host.
    pub suspension_counts_memory_per_vm: bool,
    /// What a suspension holds of CPU on a host, hundredths of a core; else what its VMs hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspension_cpu: Option<i64>,
    /// A lease that is placed again after a premature end may start later than promised.
    pub replans_may_delay: bool,
    /// A newcomer to a full image cache is not counted.
    pub cache_overfull: bool,
    /// Shutting down takes place within the agreed time of a reservation (1.0).
    pub shutdown_inside_reservation: bool,
    /// How overheads are estimated (1.0 differs).
    pub estimate: Estimate,
    /// A slice may end within what is left for the shutdown (1.0).
    pub slice_may_cut_the_shutdown: bool,
    /// Possible starts in the future are tried in the order of the ends of the runs that hold the
    /// place, not of the times themselves (1.0).
    pub starts_by_run_end: bool,
    /// A premature end that falls on the end of a slice is missed, one on its start comes a second
    /// late (1.0).
    pub premature_end_within_slice: bool,
    /// Migrations are planned for all VMs if one moves, estimated by the busiest source, and go on
    /// when their plan is dropped; where an image is, is where its VM last ran (1.0).
    pub migration_moves_all: bool,
    /// Leases whose own transfer runs are placed again, too (1.0).
    pub replans_preparing: bool,
    /// A lease that ends prematurely is over before others are placed again (1.0).
    pub over_before_replans: bool,
    /// Immediate leases come before reservations (1.0).
    pub immediate_first: bool,
    /// Displaced leases are queued before the transfers of the reservation are planned (1.0).
    pub requeue_before_transfers: bool,
    /// A transfer for a reservation may be planned in the past (1.0).
    pub transfer_may_be_late: bool,
    /// Slowdown relates to the requested duration, not to the actual one (1.0).
    pub slowdown_by_request: bool,
    /// Suspending, resuming and shutting down count as use of CPU (1.0).
    pub overheads_count_as_use: bool,
    /// Leases are numbered in the order of their files, those to be injected last; otherwise these
    /// keep their numbers and 1,000,000 is added (1.0).
    pub numbered_by_file: bool,
}

impl Oddities {
    /// Names of the sets of oddities.
    pub const NAMES: [&str; 3] = ["none", "haizea-1.0", "haizea-1.1"];

    /// The set called `name`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::default()),
            "haizea-1.0" => Some(Self::haizea_1_0()),
            "haizea-1.1" => Some(Self::haizea_1_1()),
            _ => None,
        }
    }

    /// Those of Haizea 1.1, the development head of 2011.
    pub fn haizea_1_1() -> Self {
        Self {
            packing_shortens_the_slice: true,
            lowest_score_goes_first: true,
            preemptible_flag_ignored: true,
            suspension_counts_memory_per_vm: true,
            suspension_cpu: Some(100),
            replans_may_delay: true,
            cache_overfull: true,
            ..Self::default()
        }
    }

    /// Those of Haizea 1.0, of 2009.
    pub fn haizea_1_0() -> Self {
        Self {
            suspension_cpu: Some(0),
            shutdown_inside_reservation: true,
            estimate: Estimate::EachAsAll,
            slice_may_cut_the_shutdown: true,
            starts_by_run_end: true,
            premature_end_within_slice: true,
            migration_moves_all: true,
            replans_preparing: true,
            over_before_replans: true,
            immediate_first: true,
            requeue_before_transfers: true,
            transfer_may_be_late: true,
            slowdown_by_request: true,
            overheads_count_as_use: true,
            numbered_by_file: true,
            ..Self::haizea_1_1()
        }
    }

    /// Whether saving and loading may hold more of a host than the VMs do.
    pub fn overheads_hold_more(&self) -> bool {
        self.suspension_counts_memory_per_vm || self.suspension_cpu.is_some()
    }
}

impl LeaseRules {
    /// As Haizea 1.1 (development head of 2011) decides, with the options of its tests.
    pub fn haizea_1_1() -> Self {
        let preemption = PreemptionSpec::ArPreemptsBestEffort;
        Self { preemption, oddities: Oddities::haizea_1_1(), ..Self::default() }
    }

    /// As Haizea 1.0 (2009) decides, with the options of its tests.
    pub fn haizea_1_0() -> Self {
        Self { oddities: Oddities::haizea_1_0(), ..Self::haizea_1_1() }
    }
}
