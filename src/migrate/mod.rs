//! What does a move cost, and how do copies share the network?
//!
//! A [`MigrationModel`] says how much a migration sends; [`Transfers`] carries the copies out on
//! the hosts' network cards.

mod ram_over_bandwidth;
mod transfers;

pub use ram_over_bandwidth::RamOverBandwidth;
pub use transfers::{Copy, CopyId, Due, Transfers};

use crate::units::Bytes;

/// Names of the built-in migration models.
pub const MODELS: [&str; 1] = ["ram-over-bandwidth"];

/// How much does a migration send?
pub trait MigrationModel: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;
    /// Bytes sent to move a VM with `ram` of memory.
    fn volume(&self, ram: Bytes) -> Bytes;
}

/// The built-in model called `name`.
pub fn model(name: &str) -> Option<Box<dyn MigrationModel>> {
    (name == "ram-over-bandwidth").then(|| Box::new(RamOverBandwidth) as Box<dyn MigrationModel>)
}
