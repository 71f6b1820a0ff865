//! Risk against cost: a host is overloaded when waiting is expected to cost more than a migration.
//!
//! ```text
//! overloaded <=> P(max of u(t+1) .. u(t+h) > c) * L > w * d * m
//! ```
//!
//! `P`: as of the detector `risk`; `L`: sampling intervals of violation that an overload costs;
//! `m`: how long the longest copy from the host takes, in sampling intervals, `d`: share of its
//! CPU that a VM loses while it is copied, `w`: what an interval lost to a migration weighs
//! against one of violation. A host with large VMs waits longer than one whose VMs are gone in a
//! moment.
//!
//! Source: own; the rule is that of least expected loss (Berger, Statistical Decision Theory and
//! Bayesian Analysis, 2nd ed., 1985, sect. 1.3).

use serde::{Deserialize, Serialize};

use super::risk::{About, Sense};
use super::{HostLoad, OverloadDetector, Verdict};
use crate::policy::PolicyError;

/// Expected violation against the cost of a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct RiskCost {
    /// `L`, intervals, above 0.
    pub loss: f64,
    /// `d`, in (0, 1].
    pub degradation: f64,
    /// `w`, above 0; larger migrates later.
    pub weight: f64,
    /// What the risk is about.
    #[serde(flatten)]
    pub about: About,
}

impl Default for RiskCost {
    fn default() -> Self {
        Self { loss: 1.0, degradation: 0.1, weight: 10.0, about: About::default() }
    }
}

/// [`RiskCost`] in a run.
#[derive(Debug)]
pub struct RiskCostDetector {
    /// `w d / L`.
    price: f64,
    sense: Sense,
}

impl RiskCostDetector {
    /// A detector that has learned nothing yet.
    pub fn new(risk: RiskCost) -> Self {
        let price = risk.weight * risk.degradation / risk.loss;
        Self { price, sense: Sense::new(risk.about) }
    }
}

impl OverloadDetector for RiskCostDetector {
    fn name(&self) -> &str {
        "risk-cost"
    }
    fn window(&self) -> usize {
        self.sense.window()
    }
    fn probability(&mut self, load: HostLoad<'_>) -> Result<Option<f64>, PolicyError> {
        self.sense.look("risk-cost", load)
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        Ok(match self.sense.probability("risk-cost", load)? {
            None => Verdict::Unknown,
            Some(p) if p > self.price * load.copy_intervals => Verdict::Overloaded,
            Some(_) => Verdict::Normal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same host: a copy of .02 intervals costs 10 * .1 * .02 = .02, one of a whole interval 1.
    #[test]
    fn a_cheap_copy_is_made_and_a_dear_one_is_not() {
        let past: Vec<f64> = (0..48).map(|k| 0.93 + 0.02 * (k * 7 % 11) as f64).collect();
        let verdict = |copy_intervals| {
            let load = HostLoad { copy_intervals, ..HostLoad::alone(past[47], &past) };
            RiskCostDetector::new(RiskCost::default()).assess(load).unwrap()
        };
        assert_eq!(verdict(0.02), Verdict::Overloaded);
        assert_eq!(verdict(1.0), Verdict::Normal);
    }
}
