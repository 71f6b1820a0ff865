//! Risk fit: the fullest host that will probably not run short with the VM on it.
//!
//! ```text
//! argmin room(h)      over hosts h that v fits on and P(h runs short with v on it) <= T
//! ```
//!
//! `P`: probability of [`RiskAfter`], from the pasts of the single VMs; `T`: threshold, in (0, 1]:
//! smaller spreads VMs over more hosts; `room`: as of best fit. The largest VM comes first,
//! sleeping hosts last. A host without VMs is never asked about. With `overload = "avoided"` the
//! detector of the run must agree as well.
//!
//! Source: own; best fit decreasing (Johnson, J. Comput. Syst. Sci. 8(3), 1974) under a chance
//! constraint (Charnes and Cooper, Management Science 6(1), 1959).

use serde::{Deserialize, Serialize};

use super::best_fit::{ByRoom, Order};
use super::chooser::{Chooser, Overload, Wake};
use super::risk_after::{After, RiskAfter};
use super::{Decreasing, Measure, Placer};
use crate::model::Fleet;

/// Settings of risk fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RiskFitSpec {
    /// `T`, above 0, at most 1.
    pub threshold: f64,
    /// Which risk.
    #[serde(flatten)]
    pub after: After,
    /// By what hosts and VMs are compared.
    pub by: Measure,
    /// Whether the detector is asked as well.
    pub overload: Overload,
    /// When a sleeping host may be chosen.
    pub wake: Wake,
}

impl Default for RiskFitSpec {
    fn default() -> Self {
        Self {
            threshold: 0.05,
            after: After::default(),
            by: Measure::default(),
            overload: Overload::Ignored,
            wake: Wake::LastResort,
        }
    }
}

/// Risk fit.
pub(super) fn risk_fit(spec: &RiskFitSpec, fleet: &Fleet) -> Box<dyn Placer> {
    let by_room = ByRoom::new(spec.by, Order::FullestFirst, fleet);
    let chooser = Chooser::new("risk-fit", by_room, spec.overload, spec.wake);
    let placer = chooser.at_most(spec.threshold, RiskAfter::new(spec.after));
    Box::new(Decreasing::new("risk-fit", spec.by, Box::new(placer), fleet))
}
