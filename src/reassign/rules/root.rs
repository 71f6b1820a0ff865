//! Root: the items stay where they are, such as those with a device of their machine.
//!
//! ```text
//! permitted(i, m)  <=>  m = home(i)
//! ```
//!
//! Source: constraint `Root` of BtrPlace.

use super::permit::Place;

/// Whether the rule lets an item that it concerns be at `place`.
pub(super) fn permits(place: Place) -> bool {
    place.machine == place.home
}
