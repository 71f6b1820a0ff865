//! Norm difference: the host whose remaining resources are nearest to what the VM takes.
//!
//! ```text
//! argmin sum_i (r_i - v_i)^2      over hosts that v fits on and that it would not overload
//! ```
//!
//! `v_i`, `r_i`: what the VM takes and what the host has left of resource `i`, as shares of the
//! largest host, in [0, 1] (see `alignment`). The lowest id wins among equals. VMs come in
//! descending sum of their shares. With one resource it is best fit by the amount that is left.
//!
//! Source: Panigrahy, Talwar, Uyeda and Wieder, Heuristics for vector bin packing, Microsoft
//! Research, 2011 (norm-based greedy with the l2 norm; there the host is given and the VM is
//! chosen, with weights per resource).

use super::Placer;
use super::alignment::{AlignmentSpec, Point, Suitability, largest_first};
use crate::model::Fleet;

/// Norm difference.
pub(super) fn norm_diff(spec: &AlignmentSpec, fleet: &Fleet) -> Box<dyn Placer> {
    largest_first::<LeastDistance>("norm-diff", spec, fleet)
}

/// The squared distance between what is left and what is taken.
struct LeastDistance;

impl Suitability for LeastDistance {
    #[inline]
    fn least_cost(v: &Point, low: &Point, _high: &Point) -> f64 {
        let gaps = v.iter().zip(low).map(|(v, low)| low.max(*v) - v);
        gaps.map(|gap| gap * gap).sum()
    }
}
