//! Dot product: the host whose remaining resources, weighed by what the VM takes, are most.
//!
//! ```text
//! argmax sum_i v_i r_i      over hosts that v fits on and that it would not overload
//! ```
//!
//! `v_i`, `r_i`: what the VM takes and what the host has left of resource `i`, as shares of the
//! largest host, in [0, 1] (see `alignment`). The lowest id wins among equals. VMs come in
//! descending sum of their shares. A VM goes where much is left of what it needs much of; a host
//! with more of everything wins, so that sleeping hosts are woken as a last resort only.
//!
//! Source: Panigrahy, Talwar, Uyeda and Wieder, Heuristics for vector bin packing, Microsoft
//! Research, 2011 (there the host is given and the VM is chosen, with weights per resource); from
//! the VM's side as the items' view of Gabay and Zaourar, Ann. Oper. Res. 242, 2016.

use super::Placer;
use super::alignment::{AlignmentSpec, Point, Suitability, largest_first};
use crate::model::Fleet;

/// Dot product.
pub(super) fn dot_product(spec: &AlignmentSpec, fleet: &Fleet) -> Box<dyn Placer> {
    largest_first::<LargestProduct>("dot-product", spec, fleet)
}

/// The product, negative: the largest costs least.
struct LargestProduct;

impl Suitability for LargestProduct {
    #[inline]
    fn least_cost(v: &Point, _low: &Point, high: &Point) -> f64 {
        -v.iter().zip(high).map(|(v, r)| v * r).sum::<f64>()
    }
}
