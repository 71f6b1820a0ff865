//! Cosine: the host whose remaining resources are most nearly in the proportion that the VM takes.
//!
//! ```text
//! argmax sum_i v_i r_i / (|v| |r|)      over hosts that v fits on and that it would not overload
//! ```
//!
//! `v_i`, `r_i`: what the VM takes and what the host has left of resource `i`, as shares of the
//! largest host, in [0, 1] (see `alignment`); `|.|`: Euclidean length. The lowest id wins among
//! equals. VMs come in descending sum of their shares. Unlike the dot product it does not see how
//! much is left, only of what.
//!
//! Source: Gabay and Zaourar, Vector bin packing with heterogeneous bins: application to the
//! machine reassignment problem, Ann. Oper. Res. 242, 2016 (the normalised dot product).

use super::Placer;
use super::alignment::{AlignmentSpec, Point, Suitability, largest_first};
use crate::model::Fleet;

/// Cosine.
pub(super) fn cosine(spec: &AlignmentSpec, fleet: &Fleet) -> Box<dyn Placer> {
    largest_first::<LeastAngle>("cosine", spec, fleet)
}

/// The cosine of the angle, negative: the least angle costs least.
struct LeastAngle;

impl Suitability for LeastAngle {
    #[inline]
    fn least_cost(v: &Point, low: &Point, high: &Point) -> f64 {
        let (mut product, mut vv, mut rr) = (0.0, 0.0, 0.0);
        for i in 0..v.len() {
            let least = low[i].max(v[i]);
            product += v[i] * high[i];
            vv += v[i] * v[i];
            rr += least * least;
        }
        // A VM that takes nothing suits every host alike.
        if vv > 0.0 { -product / (vv.sqrt() * rr.sqrt()) } else { 0.0 }
    }
}
