//! Policies written in Python: one bridge per trait of the engine, and what is lent to them.
//!
//! The engine runs detached from the interpreter and attaches only inside a bridge. What Python
//! sees of a step are views ([`Vms`], [`Hosts`], [`Draft`], [`Snapshot`]) that look at the engine's
//! own state for the length of one call; arrays that they give are copies and stay valid.

pub mod answer;
mod draft;
mod host;
mod host_loads;
mod hosts;
mod lease;
mod lease_policy;
mod lent;
mod overload_detector;
mod past;
mod placer;
mod planner;
mod question;
mod resolved;
mod selector;
mod snapshot;
mod underload_rule;
mod vms;

pub use draft::Draft;
pub use host::Host;
pub use host_loads::HostLoads;
pub use hosts::Hosts;
pub use lease::{Lease, LeaseHost, LeaseRoom};
pub use resolved::Resolved;
pub use snapshot::Snapshot;
pub use vms::{Vm, Vms};
