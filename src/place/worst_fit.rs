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

use super::best_fit::{ByRoom, FitSpec, Order};
use super::chooser::Chooser;
use super::{Ask, Draft, Outcome, Placer, Placing};
use crate::id::VmId;
use crate::model::Fleet;
use crate::policy::PolicyError;

/// Worst fit.
pub struct WorstFit(Chooser<ByRoom>);

impl WorstFit {
    /// A placer for `fleet`.
    pub fn new(spec: &FitSpec, fleet: &Fleet) -> Self {
        let by_room = ByRoom::new(spec.by, Order::EmptiestFirst, fleet);
        Self(Chooser::new(by_room, spec.overload, spec.wake))
    }
}

impl Placer for WorstFit {
    fn name(&self) -> &str {
        "worst-fit"
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        self.0.place(vms, draft, ask, placing)
    }
}
