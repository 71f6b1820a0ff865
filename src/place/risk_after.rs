//! How likely is it that a destination runs short once a VM is on it? Asked before the move.
//!
//! ```text
//! p = 1 - N((c C - sum m_i) / sqrt(k sum v_i))      P = 1 - (1 - p)^(h^0.75)
//! ```
//!
//! The sums run over the VMs of the host in the draft and the one that may arrive, which were never
//! together: no past of the host is needed. `m_i`, `v_i`: mean of the latest 12 and 48 samples,
//! half and half, and variance of the latest 48 of VM `i`, MIPS; a VM without a past counts by what
//! it asks for now. `C`: capacity of the host, MIPS; `c`: limit, fraction; `k`: correction of the
//! sum of variances, as VMs are not independent; `h`: samples ahead.
//!
//! Source: own, see [`crate::forecast::risk::BottomUp`]. In the tables of docs/forecasting.md it is
//! the row `risk-bottom-up`.

use serde::{Deserialize, Serialize};

use super::Draft;
use crate::forecast::risk::BottomUp;
use crate::id::{HostId, IdVec, VmId};
use crate::model::Snapshot;
use crate::time::Instant;

/// Which risk is meant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct After {
    /// `c`, fraction of capacity, above 0.
    pub limit: f64,
    /// `h`, samples, at least 1.
    pub horizon: u16,
    /// `k`, above 0.
    pub factor: f64,
}

impl Default for After {
    fn default() -> Self {
        Self { limit: 1.0, horizon: 1, factor: BottomUp::default().factor }
    }
}

/// Samples of the mean's nearer half, and of its farther half and the variance.
const NEAR: usize = 12;
const FAR: usize = 48;

/// Answers for one run.
#[derive(Debug, Clone, Default)]
pub struct RiskAfter {
    after: After,
    /// Mean and variance of each VM, MIPS, and of which time they are.
    expected: IdVec<VmId, (Option<Instant>, f64, f64)>,
}

impl RiskAfter {
    /// Samples of the pasts of VMs that it looks at.
    pub const WINDOW: usize = FAR;

    /// With nothing known yet.
    pub fn new(after: After) -> Self {
        Self { after, expected: IdVec::filled((None, 0.0, 0.0), 0) }
    }

    /// The same about another risk; what is known of the VMs stays.
    pub fn about(&mut self, after: After) -> &mut Self {
        self.after = after;
        self
    }

    /// The probability that `host`, as it is in `draft` and with `vm` on it, runs short.
    pub fn with(&mut self, vm: VmId, host: HostId, draft: &Draft, state: &Snapshot<'_>) -> f64 {
        if self.expected.len() < state.fleet.vms() {
            self.expected = IdVec::filled((None, 0.0, 0.0), state.fleet.vms());
        }
        let (mut mean, mut variance) = self.of(vm, state);
        for &other in draft.vms_on(host).iter().filter(|&&other| other != vm) {
            let (m, v) = self.of(other, state);
            (mean, variance) = (mean + m, variance + v);
        }
        let After { limit, horizon, factor } = self.after;
        let limit = limit * draft.room(host).capacity;
        BottomUp { factor }.probability(mean, variance, limit, horizon)
    }

    fn of(&mut self, vm: VmId, state: &Snapshot<'_>) -> (f64, f64) {
        let (at, mean, variance) = self.expected[vm];
        if at == Some(state.now) {
            return (mean, variance);
        }
        let (mean, variance) = expected(vm, state);
        self.expected[vm] = (Some(state.now), mean, variance);
        (mean, variance)
    }
}

/// Mean and variance of what `vm` will ask for, MIPS.
fn expected(vm: VmId, state: &Snapshot<'_>) -> (f64, f64) {
    let past = state.histories.latest(vm, FAR);
    if past.is_empty() {
        return (state.demand[vm], 0.0);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (far, near) = (mean(past), mean(&past[past.len().saturating_sub(NEAR)..]));
    let squares: f64 = past.iter().map(|u| (u - far).powi(2)).sum();
    let mips = state.fleet.vm_mips[vm].0;
    (0.5 * (near + far) * mips, squares / past.len() as f64 * mips * mips)
}
