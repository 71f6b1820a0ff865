//! Quarantine: nothing leaves the machines and nothing comes, such as under investigation.
//!
//! ```text
//! permitted(i, m)  <=>  m = home(i), or the rule names neither m nor home(i)
//! ```
//!
//! Source: constraint `Quarantine` of BtrPlace.

use super::permit::Place;

/// Whether the rule lets an item that it concerns be at `place`.
pub(super) fn permits(place: Place) -> bool {
    place.machine == place.home || !(place.machine_named || place.home_named)
}
