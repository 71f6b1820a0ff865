//! What happens when: one event loop over one world.
//!
//! The loop takes the events of one instant and phase, lets policies decide at decide events, and
//! applies what they say; nothing else changes the world. One thread runs a run.
//!
//! **Determinism contract**: same spec, seed, version and target give the same event log, byte for
//! byte, on any number of threads.

mod abandon;
pub mod books;
mod capping;
mod clock;
mod cuts;
mod decide;
mod demand;
mod fabric;
mod failures;
mod fences;
mod hash_order;
mod hazard;
mod headroom;
mod leases;
mod moves;
mod order;
mod outages;
mod plan;
mod provision;
mod queue;
mod restarts;
mod returns;
mod run;
mod sending;
mod share;
mod start;
mod tenants;
mod timeline;
mod verified;
mod wide;
mod world;

use crate::detect::{OverloadDetector, UnderloadDetector};
use crate::metric::Summary;
use crate::migrate::Conduct;
use crate::model::Record;
use crate::place::{HistoryKind, Placer, Planner};
use crate::policy::PolicyError;
use crate::problem::Problem;
use crate::select::VmSelector;
use crate::time::Instant;

pub use decide::Consolidation;
pub use leases::LeaseSide;
pub use start::InitialDemand;
pub use tenants::ConsolidateLeases;
pub use timeline::{LoadSide, Watch, run, run_leases, run_leases_with_load};
pub use verified::{doubts, verified_plan};

/// The policies of one run, freshly built.
pub struct Policies {
    /// Which hosts are overloaded?
    pub overload: Box<dyn OverloadDetector>,
    /// Which hosts could be emptied?
    pub underload: Box<dyn UnderloadDetector>,
    /// Which VM leaves?
    pub select: Box<dyn VmSelector>,
    /// Where does it go?
    pub place: Box<dyn Placer>,
    /// Who moves where, in place of the four above; they still serve the initial placement.
    pub plan: Option<Box<dyn Planner>>,
    /// Whose past a host's history is.
    pub history: HistoryKind,
    /// Rules of a decision.
    pub consolidation: Consolidation,
    /// What VMs count as when they are first placed.
    pub initial: InitialDemand,
    /// How VMs are moved.
    pub migration: Conduct,
}

/// What a finished run gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Everything that was recorded.
    pub record: Record,
    /// The metrics.
    pub summary: Summary,
}

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A policy failed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The fleet cannot hold the VMs at the start.
    #[error("{0}")]
    Infeasible(Problem),
    /// The caller asked it to stop.
    #[error("the run was interrupted at {at}")]
    Interrupted {
        /// When the next thing would have happened.
        at: Instant,
    },
}
