//! Migrations in the record of a run: where they went, how they ended, and their stages.

use serde::{Deserialize, Serialize};

use crate::id::{HostId, VmId};
use crate::time::Instant;

/// What a stage of a migration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// Connecting, logging on.
    SetUp,
    /// Copying the disk.
    Storage,
    /// The first pass over memory.
    Bulk,
    /// A pass over pages dirtied meanwhile.
    Round,
    /// The VM is stopped and the rest is sent.
    Stop,
    /// The destination has everything and resumes the VM.
    Resume,
    /// The VM runs at the destination and its pages follow.
    Push,
}

impl StageKind {
    /// Every kind, in the order in which they may follow one another.
    pub const ALL: [Self; 7] =
        [Self::SetUp, Self::Storage, Self::Bulk, Self::Round, Self::Stop, Self::Resume, Self::Push];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::Storage => "storage",
            Self::Bulk => "bulk",
            Self::Round => "round",
            Self::Stop => "stop",
            Self::Resume => "resume",
            Self::Push => "push",
        }
    }

    /// The kind called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the VM has stopped at its source or left it.
    pub fn is_past_stop(self) -> bool {
        matches!(self, Self::Stop | Self::Resume | Self::Push)
    }
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveEnding {
    /// It had not, when the run did.
    UnderWay,
    /// The VM runs at the destination.
    Moved,
    /// The VM runs at the source as before; what was sent is wasted.
    RolledBack,
    /// The VM crashed.
    Lost,
}

impl MoveEnding {
    /// Every ending.
    pub const ALL: [Self; 4] = [Self::UnderWay, Self::Moved, Self::RolledBack, Self::Lost];

    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnderWay => "under-way",
            Self::Moved => "moved",
            Self::RolledBack => "rolled-back",
            Self::Lost => "lost",
        }
    }

    /// The ending called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}

/// One row of `moves`: a migration, in the order in which they began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MoveRecord {
    /// The VM.
    pub vm: VmId,
    /// Where it was.
    pub from: HostId,
    /// Where it was to go.
    pub to: HostId,
    /// When it began.
    pub start: Instant,
    /// When it was over.
    pub end: Option<Instant>,
    /// How it ended.
    pub ending: MoveEnding,
    /// Bytes sent, for nothing where it was not moved.
    pub bytes: f64,
    /// Passes over memory, the stop not counted.
    pub rounds: u32,
    /// Seconds from the stop to the resume.
    pub downtime_s: f64,
    /// Energy that both hosts together used for it, joules.
    pub energy_j: f64,
}

/// One row of `stages`: a stage of a migration, in order of occurrence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRecord {
    /// Row of the migration in `moves`.
    pub migration: u32,
    /// What it is for.
    pub kind: StageKind,
    /// When it began.
    pub start: Instant,
    /// When it began, by the run's clock.
    pub seconds: f64,
    /// When it was over.
    pub end: Option<Instant>,
    /// Bytes that it is to send.
    pub bytes: f64,
    /// Speed of the guest in it, in `[0, 1]`.
    pub speed: f64,
}
