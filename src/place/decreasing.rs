//! Decreasing: the largest VM first, then as the placer beneath says (first, best and worst fit
//! decreasing).
//!
//! Size: what a VM takes, by `by` (CPU unless told otherwise, see `measure`); equal VMs keep the
//! order in which they were given.
//!
//! Source: Johnson, Demers, Ullman, Garey and Graham, SIAM J. Comput. 3(4), 1974: where all bins
//! are of one size and one resource counts, first and best fit decreasing need at most 11/9 of the
//! least number of bins (and a constant), first and best fit in the order of arrival up to 17/10.

use serde::{Deserialize, Serialize};

use super::chooser::{Overload, Wake};
use super::{Ask, Draft, Measure, Outcome, Placer, Placing};
use crate::id::VmId;
use crate::model::{Fleet, Resources};
use crate::policy::PolicyError;

/// Settings of first fit decreasing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FirstFitDecreasingSpec {
    /// By what VMs are compared.
    pub by: Measure,
    /// Whether a VM may go where it would overload the host.
    pub overload: Overload,
    /// When a sleeping host may be chosen.
    pub wake: Wake,
}

/// A placer that is handed the VMs largest first.
pub struct Decreasing {
    name: &'static str,
    by: Measure,
    placer: Box<dyn Placer>,
    largest: Resources,
    sizes: Vec<(f64, VmId)>,
    order: Vec<VmId>,
}

impl Decreasing {
    /// `placer`, called `name`, with the VMs in descending size by `by`.
    pub fn new(name: &'static str, by: Measure, placer: Box<dyn Placer>, fleet: &Fleet) -> Self {
        let (sizes, order) = (Vec::new(), Vec::new());
        Self { name, by, placer, largest: fleet.largest(), sizes, order }
    }
}

impl Placer for Decreasing {
    fn name(&self) -> &str {
        self.name
    }
    fn window(&self) -> usize {
        self.placer.window()
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        self.sizes.clear();
        let size = |vm| self.by.size(&ask.state.needs(vm), &self.largest);
        self.sizes.extend(vms.iter().map(|&vm| (size(vm), vm)));
        self.sizes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        self.order.clear();
        self.order.extend(self.sizes.iter().map(|&(_, vm)| vm));
        self.placer.place(&self.order, draft, ask, placing)
    }
}
