//! A cluster as it is now: which moves would make it better?
//!
//! | snapshot | goals | file |
//! |---|---|---|
//! | own ([`Snapshot`]) | consolidate, balance, evacuate, power-cap | `goal.rs`, `improve.rs` |
//! | with NUMA nodes ([`production`]) | defragment | `defragment/` |
//!
//! [`improve`] turns a [`Wish`] into a problem of [`crate::reassign`] and what is found into moves
//! in order, each with its reason, gain and cost; small problems are proved by an integer programme
//! (`exact.rs`). `check::relocation` and `check::fragments` verify plans without this code.

pub mod defragment;
mod error;
mod exact;
mod goal;
mod improve;
pub mod numa;
pub mod production;
mod snapshot;

pub use error::Error;
pub use goal::{Goal, Weights, Wish};
pub use improve::{Costs, Move, Plan, Point, Reason, TIME, improve};
pub use snapshot::{Host, Rule, Snapshot, Vm};
