//! How are hosts connected, and how do flows share what connects them?
//!
//! A [`Topology`] is a directed graph of hosts and switches; a cable is two links, one each way
//! (full duplex). It is [generated](generate) or [`read`] from a file. [`Routes`] finds and
//! keeps paths, [`FairShare`] gives flows their max-min fair rates and adapts them when one of them
//! comes or goes.
//!
//! ```
//! use galerna::id::HostId;
//! use galerna::topology::{Cable, FairShare, Routes, generate};
//!
//! // Four hosts around one switch, 1000 B/s each way. Hosts 0 and 1 both send to host 2.
//! let star = generate::star(4, Cable::of(galerna::units::BytesPerSecond(1000.0)));
//! let mut routes = Routes::new(&star);
//! let mut share = FairShare::new(star.capacities());
//! let [a, b] = [0, 1].map(|from| {
//!     let path = routes.path(HostId(from), HostId(2)).expect("the star is connected").to_vec();
//!     share.add(&path, 1.0, f64::INFINITY)
//! });
//! share.share(&mut Vec::new());
//! assert_eq!((share.rate(a), share.rate(b)), (500.0, 500.0));
//! ```

mod fair_share;
mod faults;
mod file;
pub mod generate;
mod graph;
mod routes;

pub use fair_share::{FairShare, FlowId};
pub use file::{TopologyError, parse, read};
pub use graph::{Cable, Link, LinkId, Node, NodeKind, Place, Topology};
pub use routes::Routes;
