//! Ban: none of the items is on any of the machines, such as those of another customer.
//!
//! ```text
//! permitted(i, m)  <=>  the rule does not name m
//! ```
//!
//! Source: constraint `Ban` of BtrPlace.

use super::permit::Place;

/// Whether the rule lets an item that it concerns be at `place`.
pub(super) fn permits(place: Place) -> bool {
    !place.machine_named
}
