//! Which host comes first among those with room, without looking at all of them?
//!
//! Two structures over all hosts, kept in step with a draft through its [`Journal`]:
//!
//! | structure | answers |
//! |---|---|
//! | [`Tournament`] | the first host by id; the host of least cost |
//! | [`Ranking`] | the next host by a key and then by id |
//!
//! Both hold per group of hosts the most that any of them offers of each resource ([`Offer`]). A
//! search takes `O(log H)` of `H` hosts where one resource decides. With several a group can
//! promise what none of its hosts offers; it is looked into in vain, and the worst case is a scan.
//! The answers are always those of a scan, ties included.

mod journal;
mod offer;
mod ranking;
mod tournament;

pub use journal::{Journal, Reader};
pub use offer::Offer;
pub use ranking::Ranking;
pub use tournament::{Summary, Tournament};
