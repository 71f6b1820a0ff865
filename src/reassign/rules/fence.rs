//! Fence: each of the items is on one of the machines, such as those with a licence.
//!
//! ```text
//! permitted(i, m)  <=>  the rule names m
//! ```
//!
//! Source: constraint `Fence` of BtrPlace.

use super::permit::Place;

/// Whether the rule lets an item that it concerns be at `place`.
pub(super) fn permits(place: Place) -> bool {
    place.machine_named
}
