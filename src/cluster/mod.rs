//! A cluster as it is now: which moves would make it better?
//!
//! | snapshot | goals | file |
//! |---|---|---|
//! | own ([`Snapshot`]) | consolidate, balance, evacuate, power-cap | `goal.rs`, `improve.rs` |
//! | with NUMA nodes ([`production`]) | defragment | `defragment/` |
//!
//! [`improve`] turns a [`Wish`] into a problem of [`crate::reassign`] and what is found into moves
//! in order, each with its reason, gain and cost; integer programmes prove small problems
//! (`exact.rs`) and pack a few hosts of large ones anew (`neighbourhood.rs`). Instead of a weighted
//! sum, terms can be put in an order, level by level (`order.rs`), or two of them be traded against
//! each other (`pareto.rs`); costs and rules of a user's own can be added (`extra.rs`).
//! `check::relocation` and `check::fragments` verify plans without this code.

mod constrained;
pub mod defragment;
mod error;
mod exact;
mod extra;
mod goal;
mod improve;
mod neighbourhood;
pub mod numa;
mod order;
mod pareto;
mod portfolio;
pub mod production;
mod snapshot;
mod term;

pub use error::Error;
pub use extra::{Added, Unsolved, improve_with};
pub use goal::{Goal, Wish};
pub use improve::{Costs, Move, Plan, Reason, TIME, improve};
pub use order::{Order, Reached, improve_in_order};
pub use pareto::{Front, Point, improve_along_front};
pub use portfolio::solve;
pub use snapshot::{Host, Rule, Snapshot, Vm};
pub use term::{Level, Term, Weights};
