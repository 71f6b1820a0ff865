//! In which order, and when, do VMs move?
//!
//! From an [`Instance`] - hosts with room, links with capacity, [`Move`]s with durations - to a
//! [`Plan`] in which room and links hold at every instant: a VM counts on both hosts while it
//! moves. A move whose destination is full waits for another to leave; where such waiting runs in a
//! circle, the circle is broken at least cost: by a detour over a host with room, by suspending a
//! VM, or by leaving it where it is. Whether moves go one after the other or side by side follows
//! from the links alone.
//!
//! A plan that is interrupted gives what is [left](remainder) of it, to be planned again.
//!
//! A plan comes with the best [lower bound](bound::lower_bound) that is known; where both are equal
//! the plan is optimal. `check::plan` verifies plans without this code.
//!
//! ```
//! use galerna::id::HostId;
//! use galerna::sequence::{Host, Instance, Move, Options, plan};
//! use galerna::units::Bytes;
//!
//! // Two hosts of 4 GiB with a 3 GiB VM each that change places over a third, empty one.
//! let mut hosts = vec![Host::with_memory("a", Bytes::from_gib(4)); 3];
//! (hosts[0].used_memory, hosts[1].used_memory) = (Bytes::from_gib(3), Bytes::from_gib(3));
//! let swap = [(0, 1), (1, 0)].map(|(from, to)| {
//!     let (from, to) = (HostId(from), HostId(to));
//!     Move::new(format!("vm on {from}"), from, to, Bytes::from_gib(3), 10.0)
//! });
//! let instance = Instance { hosts, links: vec![], moves: swap.to_vec() };
//! let plan = plan(&instance, &Options::default()).expect("there is a way");
//! assert_eq!((plan.steps.len(), plan.makespan_s), (3, 30.0));
//! ```

pub mod bound;
mod chronological;
mod cycles;
mod dependencies;
mod goal;
mod improve;
mod instance;
mod replan;
mod serial;
mod transition;
mod ways;

pub use cycles::Detour;
pub use dependencies::dependencies;
pub use goal::Goal;
pub use improve::{Options, Plan, PlanError, Step, plan};
pub use instance::{Host, Instance, Move, MoveKind};
pub use replan::{Interruption, Remainder, remainder};
pub use transition::{Standing, Transition, TransitionError};
