//! What will a VM ask for in the stable time? Mean and variance, from its past and that of all.
//!
//! ```text
//! m = r (k (near + far) / 2 + (1 - k) q)     v = r^2 (k s^2 + (1 - k) z^2)     k = n / (n + b)
//! ```
//!
//! `r`: nominal rate, MIPS; `near`, `far`, `s^2`: mean of the nearer and the farther window and
//! variance in the farther one, fractions of the rate; `n`: samples in it; `q`, `z^2`: mean and
//! variance over all VMs of what they ask for now; `b`: samples at which both weigh the same. At
//! the start, when one sample is all that there is, a VM counts mostly as any other of its rate.
//!
//! Source: own; the shrinkage is that of credibility theory (Buehlmann, ASTIN Bulletin 4(3), 1967).

use super::OptimiseSpec;
use crate::id::{IdVec, VmId};
use crate::model::Snapshot;

/// Mean and variance of each VM, MIPS.
#[derive(Debug, Clone, Default)]
pub struct Expectation {
    mean: IdVec<VmId, f64>,
    variance: IdVec<VmId, f64>,
}

impl Expectation {
    /// Looks at the pasts of `vms`.
    pub fn look(&mut self, vms: &[VmId], spec: &OptimiseSpec, state: &Snapshot<'_>) {
        if self.mean.len() < state.fleet.vms() {
            self.mean = IdVec::filled(0.0, state.fleet.vms());
            self.variance = IdVec::filled(0.0, state.fleet.vms());
        }
        let now = |vm: &VmId| state.vm_utilisation(*vm);
        let (all, all_spread) = moments(vms.len(), || vms.iter().map(now));
        for &vm in vms {
            let far = state.histories.latest(vm, spec.far);
            let near = &far[far.len().saturating_sub(spec.near)..];
            let (far_mean, spread) = moments(far.len(), || far.iter().copied());
            let (near_mean, _) = moments(near.len(), || near.iter().copied());
            let own = far.len() as f64 / (far.len() as f64 + spec.prior);
            let rate = state.fleet.vm_mips[vm].0;
            self.mean[vm] = rate * (own * 0.5 * (near_mean + far_mean) + (1.0 - own) * all);
            self.variance[vm] = rate * rate * (own * spread + (1.0 - own) * all_spread);
        }
    }

    /// Mean and variance of `vm`.
    pub fn of(&self, vm: VmId) -> (f64, f64) {
        (self.mean[vm], self.variance[vm])
    }
}

/// Mean and variance of `count` values; 0 of none.
fn moments<I: Iterator<Item = f64>>(count: usize, values: impl Fn() -> I) -> (f64, f64) {
    if count == 0 {
        return (0.0, 0.0);
    }
    let mean = values().sum::<f64>() / count as f64;
    let squares: f64 = values().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / count as f64)
}
