//! Worst fit: the emptiest host on which the VM fits.
//!
//! ```text
//! argmax room(h)      over hosts h that v fits on and that it would not overload
//! ```
//!
//! `room`: share of the host that is free, in [0, 1], by `by` (CPU unless told otherwise, see
//! `measure`), before the VM comes. The lowest id wins among equals. VMs are taken in the order
//! given.
//!
//! Source: Johnson, Fast algorithms for bin packing, J. Comput. Syst. Sci. 8(3), 1974. There a bin
//! is opened when no open one has room: `wake = "last-resort"`. By default a sleeping host is one
//! like any other, as in CloudSim Plus, so that the load spreads over all hosts.

use super::Placer;
use super::best_fit::{ByRoom, FitSpec, Order};
use super::chooser::Chooser;
use crate::model::Fleet;

/// Worst fit.
pub(super) fn worst_fit(spec: &FitSpec, fleet: &Fleet) -> Box<dyn Placer> {
    let by_room = ByRoom::new(spec.by, Order::EmptiestFirst, fleet);
    Box::new(Chooser::new("worst-fit", by_room, spec.overload, spec.wake))
}
