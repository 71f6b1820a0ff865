//! Optimise: every step is a problem of its own, solved as a whole within a budget of steps, with a
//! bound on how much better any plan could be.
//!
//! ```text
//! min  sum over hosts h that are on   t (P_h(min(M_h / C_h, 1)) + p E max(0, D_h - C_h))
//!    + sum over hosts that wake       w P_h(0)
//!    + sum over hosts that are left   o P_h(0)
//!    + sum over VMs i that move       (1 + y) (e_i + p a m_i c_i + f)
//! ```
//!
//! in joules, over all assignments of VMs to hosts in which what arrives at a host has room beside
//! all that is there or leaves it, no host sends or receives for more than `l` seconds, and no VM
//! goes back to a host that it left within `r` seconds.
//! `t`: stable time, s; `P_h`: power curve, W; `D_h`: demand of the host's VMs, normal with mean
//! `M_h` and variance `V_h`, MIPS, sums over its VMs (`expectation`); `C_h`: capacity, MIPS; `p`:
//! price of work that is not done, J per million instructions; `w`, `o`: seconds to wake and to
//! shut down; `e_i`: energy of the copy, J; `a`: fraction of its CPU that a VM loses meanwhile;
//! `m_i`: its mean, MIPS; `c_i`: seconds that the copy takes on free cards, and to another site
//! over free links, with its disk (`e_i` as well); `f`: price of a move as such, J; `y`:
//! hysteresis, what a move must bring beyond what it costs.
//!
//! So a host is emptied only when the energy saved in the stable time pays for all of its moves,
//! and relieved before it is overloaded when the shortage to be expected costs more than a move.
//! A cluster in which nothing pays gets an empty plan. `search` looks for a plan, `bound` says
//! what no plan goes below.
//!
//! Source: own. The cost-benefit test over a stable time is that of Jung et al. (Mistral, ICDCS
//! 2010); pricing expected overload is Bobroff, Kochut and Beaty (IM 2007).

mod bound;
mod expectation;
mod host_cost;
mod initial;
mod planner;
mod search;
mod state;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use initial::Optimised;
pub use planner::{Copying, Optimiser, Pricing, Worth};

/// Settings of `optimise`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct OptimiseSpec {
    /// `t`: seconds for which what is decided is expected to hold.
    pub stable_s: f64,
    /// `p`: price of work not done, joules per million instructions.
    pub shortage_j_per_mi: f64,
    /// `f`: price of a move as such, joules.
    pub move_j: f64,
    /// `y`: fraction.
    pub hysteresis: f64,
    /// `l`: seconds of copying to and from a host in one step.
    pub link_s: f64,
    /// `r`: seconds for which a VM does not go back to a host that it left.
    pub return_s: f64,
    /// Samples of the nearer half of a VM's mean.
    pub near: usize,
    /// Samples of the farther half and of the variance.
    pub far: usize,
    /// Samples at which a VM's own past weighs as much as that of all VMs.
    pub prior: f64,
    /// Correction of the sum of variances, as VMs are not independent.
    pub factor: f64,
    /// Evaluations of a possible move in one step, at most.
    pub steps: u64,
}

impl Default for OptimiseSpec {
    fn default() -> Self {
        Self {
            stable_s: 3600.0,
            shortage_j_per_mi: 0.3,
            move_j: 2000.0,
            hysteresis: 0.5,
            link_s: 1200.0,
            return_s: 3600.0,
            near: 1,
            far: 24,
            prior: 1.0,
            factor: 0.8,
            steps: 500_000,
        }
    }
}
