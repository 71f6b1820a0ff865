//! Offline: nothing is on the machines, such as for maintenance: they are drained.
//!
//! ```text
//! permitted(i, m)  <=>  the rule does not name m
//! ```
//!
//! Source: constraint `Offline` of BtrPlace. Here it concerns every item.

use super::permit::Place;

/// Whether the rule lets an item that it concerns be at `place`.
pub(super) fn permits(place: Place) -> bool {
    !place.machine_named
}
