//! When is how much free? Availability over time behind five questions.
//!
//! A [`Calendar`] holds what is free of `K` resources (amounts are whole numbers in units of the
//! caller's choice) at every instant from the distant past to the distant future. It answers:
//!
//! 1. [`Calendar::at`]: what is free at `t`?
//! 2. [`Calendar::earliest_start`]: from when on is so much free for so long? (and
//!    [`Calendar::next_start`]: when again?)
//! 3. [`Calendar::min_during`]: what is free throughout an interval?
//! 4. [`Calendar::add`], [`Calendar::remove`], [`Calendar::extend`]: bookings come, go, change.
//! 5. [`Calendar::next_change`]: when does availability change next? (and
//!    [`Calendar::free_until`]: until when is so much free?)
//!
//! and undoes bookings as a whole ([`Calendar::mark`], [`Calendar::rollback`]), so that a plan can
//! be tried without copying anything.
//!
//! # Structure
//!
//! Availability is a step function. Its steps are the entries of a B+ tree by time; each child of a
//! node carries the least and the greatest availability below it and an amount to be added to all
//! of it. A booking therefore touches two paths, and a question about an interval is answered from
//! the nodes that cover it: no question walks over the steps inside its duration. Steps exist only
//! where availability changes.
//!
//! `earliest_start` looks for the *last* step of the candidate interval that has too little and
//! goes on behind it, then jumps to the next step that has enough. So the number of candidates is
//! at most the number of disjoint intervals of that length that are refused, and each costs
//! `O(log n)`, whatever the number of steps inside.
//!
//! Source: the questions and the comparison are those of the planner of Fluxion (flux-sched),
//! whose tree of minimum times answers "from now on" in one descent but restores every candidate
//! that it refused; Haizea's slot table (Sotomayor et al., HPDC 2008) asks the same questions.

mod bookings;
mod edit;
mod query;
mod tree;

pub use bookings::{BookingId, Calendar, Mark, Overbooked};

#[cfg(test)]
mod tests;
