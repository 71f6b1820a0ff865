//! The record of a run: what was done, in order, and what it added up to, as plain rows.
//!
//! The record is complete: energy and SLA can be recomputed from it (module `check` does).

use serde::{Deserialize, Serialize};

pub use super::decision_record::DecisionRecord;
pub use super::move_record::{MoveEnding, MoveRecord, StageKind, StageRecord};
pub use super::outage_record::{
    CutOffRecord, LinkOutageRecord, NetworkOutageRecord, NetworkPart, OutageRecord, RestartRecord,
};
pub use super::provision::{ImageSend, ProvisionRecord};
use crate::id::{HostId, VmId};
use crate::time::Instant;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ActionKind {
    /// A host begins to wake (from off or from shutting down).
    HostWake = 0,
    /// A host is on and can run VMs.
    HostOn = 1,
    /// A host that runs nothing begins to shut down.
    HostSleep = 2,
    /// A host is off.
    HostOff = 3,
    /// A VM starts on host `to`.
    VmStart = 4,
    /// A VM leaves host `from` for good.
    VmStop = 5,
    /// A VM begins to be copied.
    MigrationStart = 6,
    /// A copy is complete: the VM runs on `to`.
    MigrationEnd = 7,
    /// No host could take a VM that was to leave `from`; it stays.
    Unplaced = 8,
    /// Post-copy: the VM runs on `to` from now on, and its pages follow from `from`.
    MigrationSwitch = 9,
    /// A copy is given up: the VM runs on `from` as before.
    MigrationAbort = 10,
    /// A migration failed when it could not be undone: the VM crashed.
    VmCrash = 11,
    /// A VM that crashed, or whose host failed, runs again, on `to`.
    VmRestart = 12,
    /// A host fails, whatever it was doing.
    HostFail = 13,
    /// A host that failed is repaired, and off.
    HostRepair = 14,
    /// The host `from` of a VM failed: the VM is down.
    VmFail = 15,
    /// A VM of a lease begins to boot on `to`; it does not run yet.
    BootStart = 16,
    /// It has booted on `from`, or is given up.
    BootEnd = 17,
}

impl ActionKind {
    /// Every kind, by its number in the event log.
    pub const ALL: [Self; 18] = [
        Self::HostWake,
        Self::HostOn,
        Self::HostSleep,
        Self::HostOff,
        Self::VmStart,
        Self::VmStop,
        Self::MigrationStart,
        Self::MigrationEnd,
        Self::Unplaced,
        Self::MigrationSwitch,
        Self::MigrationAbort,
        Self::VmCrash,
        Self::VmRestart,
        Self::HostFail,
        Self::HostRepair,
        Self::VmFail,
        Self::BootStart,
        Self::BootEnd,
    ];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostWake => "host-wake",
            Self::HostOn => "host-on",
            Self::HostSleep => "host-sleep",
            Self::HostOff => "host-off",
            Self::VmStart => "vm-start",
            Self::VmStop => "vm-stop",
            Self::MigrationStart => "migration-start",
            Self::MigrationEnd => "migration-end",
            Self::Unplaced => "unplaced",
            Self::MigrationSwitch => "migration-switch",
            Self::MigrationAbort => "migration-abort",
            Self::VmCrash => "vm-crash",
            Self::VmRestart => "vm-restart",
            Self::HostFail => "host-fail",
            Self::HostRepair => "host-repair",
            Self::VmFail => "vm-fail",
            Self::BootStart => "boot-start",
            Self::BootEnd => "boot-end",
        }
    }

    /// The kind called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One row of `actions`, in order of occurrence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Action {
    /// When, exactly.
    pub at: Instant,
    /// When, by the run's clock (differs from `at` only by rounding, for accumulated clocks).
    pub seconds: f64,
    /// What.
    pub kind: ActionKind,
    /// The VM concerned, `None` for host actions.
    pub vm: Option<VmId>,
    /// The host it leaves, or the host concerned by a host action.
    pub from: Option<HostId>,
    /// The host it goes to.
    pub to: Option<HostId>,
    /// Why.
    pub reason: Reason,
}

/// Why an action was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// No decision behind it: a consequence.
    Consequence,
    /// The initial placement.
    Initial,
    /// The source was overloaded: its utilisation when it was assessed.
    Overload(f64),
    /// The source was emptied to be switched off: its utilisation.
    Underload(f64),
    /// A planner said so.
    Planned,
    /// A planner said so, and by what.
    Weighed(Weighing),
    /// Its host is to be out for maintenance.
    Maintenance,
    /// It comes home from a public site.
    Return,
    /// The VM asked for nothing.
    Idle,
    /// Its lease began or ceased to run.
    Lease,
}

impl Reason {
    /// The reason in words, empty for a consequence.
    pub fn words(&self) -> String {
        match self {
            Self::Consequence => String::new(),
            Self::Initial => "initial placement".into(),
            Self::Overload(load) => format!("overload: source at {load:.3}"),
            Self::Underload(load) => format!("underload: source at {load:.3}"),
            Self::Planned => "planned".into(),
            Self::Weighed(weighing) => weighing.words(),
            Self::Maintenance => "maintenance".into(),
            Self::Return => "return: room at a private site".into(),
            Self::Idle => "idle VM retired".into(),
            Self::Lease => "lease".into(),
        }
    }
}

/// What a planned move gains and costs over the time for which it is planned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Weighing {
    /// Whether its host is emptied.
    pub empties: bool,
    /// What would be lost if the VM stayed and all else were done, J.
    pub gain_j: f64,
    /// What the move costs, J.
    pub cost_j: f64,
    /// The next best destination.
    pub next: Option<Alternative>,
}

/// A destination that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Alternative {
    /// The host.
    pub host: HostId,
    /// How much more it would have cost, J.
    pub more_j: f64,
}

impl Weighing {
    /// The reason in words.
    pub fn words(&self) -> String {
        let Self { empties, gain_j, cost_j, next } = self;
        let what = if *empties { "empties" } else { "relieves" };
        let next = next.map_or_else(
            || "nowhere else to go".to_owned(),
            |next| format!("host {} {:+.0} J", next.host.0, next.more_j),
        );
        format!("optimise: {what} its host, gains {gain_j:.0} J for {cost_j:.0} J; {next}")
    }
}

/// One row of `hosts`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostRecord {
    /// Machine name.
    pub machine: String,
    /// Seconds on (active, for the trapezoid rules).
    pub on_s: f64,
    /// Seconds waking or shutting down.
    pub transition_s: f64,
    /// Seconds in violation of the SLA while on.
    pub violation_s: f64,
    /// Energy used, joules.
    pub energy_j: f64,
    /// How often it was switched off.
    pub shutdowns: u32,
}

/// One row of `vms`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VmRecord {
    /// Name of the trace that drove it.
    pub trace: String,
    /// Work asked for, million instructions.
    pub demanded_mi: f64,
    /// Work done, million instructions.
    pub allocated_mi: f64,
    /// Work lost while and because it was copied, million instructions.
    pub lost_to_migration_mi: f64,
    /// Seconds during which it got less than it asked for.
    pub short_s: f64,
    /// Migrations completed or begun.
    pub migrations: u32,
}

/// One row of `samples`: the state after the decision at one sample.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SampleRecord {
    /// Sample index in the trace.
    pub sample: u32,
    /// Time by the run's clock, seconds.
    pub seconds: f64,
    /// Hosts that are on.
    pub hosts_on: u32,
    /// VMs present.
    pub vms: u32,
    /// Demand of all VMs, MIPS.
    pub demand_mips: f64,
    /// What they get together, MIPS.
    pub allocated_mips: f64,
    /// Power of all hosts, W.
    pub power_w: f64,
    /// Hosts found overloaded.
    pub overloaded: u32,
    /// Migrations decided.
    pub migrations: u32,
}

/// What a host used while no price of energy changed, in a run with `[costs]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnergyRecord {
    /// The host.
    pub host: HostId,
    /// From when on.
    pub start: Instant,
    /// Until when.
    pub end: Instant,
    /// Energy, joules.
    pub joules: f64,
}

/// Everything a run recorded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// One row per host, by id.
    pub hosts: Vec<HostRecord>,
    /// One row per VM, by id.
    pub vms: Vec<VmRecord>,
    /// What happened, in order.
    pub actions: Vec<Action>,
    /// One row per decision.
    pub samples: Vec<SampleRecord>,
    /// One row per migration.
    pub moves: Vec<MoveRecord>,
    /// One row per stage of a migration.
    pub stages: Vec<StageRecord>,
    /// One row per decision of a planner that tells how good it is.
    pub decisions: Vec<DecisionRecord>,
    /// One row per host and time between two changes of price, by time, then host; empty unless
    /// the run has `[costs]`.
    pub energy: Vec<EnergyRecord>,
    /// One row per outage of a host; empty unless the run has `[outages]`.
    pub outages: Vec<OutageRecord>,
    /// One row per VM whose host failed.
    pub restarts: Vec<RestartRecord>,
    /// One row per outage of a link between sites; empty unless the run has `[sites]`.
    pub link_outages: Vec<LinkOutageRecord>,
    /// One row per outage of a switch or a cable; empty unless `[outages]` has any.
    pub network_outages: Vec<NetworkOutageRecord>,
    /// One row per host that these cut off.
    pub cut_offs: Vec<CutOffRecord>,
    /// One row per VM that was provisioned; empty unless the run has `[leases.provision]`.
    pub provisions: Vec<ProvisionRecord>,
    /// One row per image that was sent for them.
    pub sends: Vec<ImageSend>,
    /// When the run ended.
    pub end: Instant,
}

/// Bytes of an action in the event log.
const LOG_ROW: usize = 21;
/// Bytes of the event log that are hashed together.
const LOG_CHUNK: usize = 1 << 16;

impl Record {
    /// BLAKE3 of the event log: little-endian (time in microseconds i64, kind u8, subject u32,
    /// from u32, to u32) per action, `u32::MAX` where there is none. No floating point, no reasons:
    /// two policies that decide alike have the same log.
    pub fn event_log_blake3(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut rows = Vec::with_capacity(LOG_CHUNK);
        for action in self.actions.iter().filter(|a| a.kind != ActionKind::Unplaced) {
            if rows.len() + LOG_ROW > LOG_CHUNK {
                hasher.update(&rows);
                rows.clear();
            }
            let from = action.from.map_or(u32::MAX, |h| h.0);
            rows.extend_from_slice(&action.at.0.to_le_bytes());
            rows.push(action.kind as u8);
            rows.extend_from_slice(&action.vm.map_or(from, |v| v.0).to_le_bytes());
            rows.extend_from_slice(&from.to_le_bytes());
            rows.extend_from_slice(&action.to.map_or(u32::MAX, |h| h.0).to_le_bytes());
        }
        hasher.update(&rows).finalize().to_hex().to_string()
    }
}
