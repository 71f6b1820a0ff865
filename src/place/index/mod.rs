//! Which host comes first among those with room, without looking at all of them?
//!
//! Two structures over all hosts, kept in step with a draft through its [`Journal`]:
//!
//! | structure | answers | per placement, `H` hosts |
//! |---|---|---|
//! | [`Tournament`] | the first host by id; the host of least cost | `O(log H)` where one resource decides |
//! | [`Ranking`] | the next host by a key and then by id | `O(log H)` where one resource decides |
//!
//! Both hold per group of hosts the most that any of them offers of each resource ([`Offer`]). With
//! several resources that bound can be met by a group none of whose hosts meets it; such a group
//! is looked into in vain, so that the worst case is a scan. The answers are always those of a
//! scan, ties included.

mod journal;
mod offer;
mod ranking;
mod tournament;

pub use journal::{Journal, Reader};
pub use offer::Offer;
pub use ranking::Ranking;
pub use tournament::{Summary, Tournament};
