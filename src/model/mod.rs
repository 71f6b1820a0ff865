//! The nouns of a run, as data: fleet, placement, histories, rules and the record of what happened.
//!
//! Everything here is columns and invariants; who decides what lives in the concept modules, and
//! what happens when in the engine.

pub mod catalogue;
pub mod company;
pub mod costs;
pub mod decision_record;
pub mod fleet;
pub mod history;
pub mod lease;
pub mod lease_record;
mod made_series;
mod move_record;
pub mod numbers;
pub mod outage_record;
pub mod outages;
pub mod provision;
pub mod record;
pub mod resources;
pub mod rules;
pub mod site_law;
pub mod sites;
pub mod snapshot;
pub mod stays;
pub mod unreachable;

pub use catalogue::{Catalogue, HostModel, Instance};
pub use costs::Costs;
pub use fleet::{Fleet, Machine, VmType};
pub use history::VmHistories;
pub use outages::Outages;
pub use provision::Provision;
pub use record::{Action, ActionKind, HostRecord, Record, SampleRecord, VmRecord};
pub use resources::{RESOURCES, Resource, Resources};
pub use rules::{Accounting, Demand, HostRules, MigrationRules, Rules};
pub use sites::Sites;
pub use snapshot::Snapshot;
