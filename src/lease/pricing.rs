//! What does a lease cost, and is that too much for its user?
//!
//! ```text
//! price = h * n * r  +  sum over displaced leases of (h_suspend + h_resume) * n_displaced * r
//! ```
//!
//! `h`: requested hours; `n`: VMs; `r`: rate per VM-hour, from 0 on. Who asks for a reservation, an
//! immediate or a deadline lease may name the highest rate that it pays in the extra attribute
//! `rate` of the lease; if the price is above `h * n * rate` the offer is declined and the lease is
//! rejected. Best-effort leases have no price.
//!
//! Source: pricing policies of Haizea 1.1. Known difference: its adaptive policies learn a rate
//! from what users accept; here a policy of one's own may, by [`PricingPolicy::feedback`].

use serde::{Deserialize, Serialize};

use super::preemption::Preemptee;
use crate::model::lease::LeaseRequest;
use crate::policy::PolicyError;
use crate::time::Span;

const HOUR_S: f64 = 3600.0;

/// The extra attribute in which a lease says what its user pays at most per VM-hour.
pub const RATE: &str = "rate";

/// Says what leases cost.
pub trait PricingPolicy: Send {
    /// What `lease` costs if `displaced` must make room for it; finite, from 0 on.
    ///
    /// # Errors
    ///
    /// A policy that cannot answer stops the run.
    fn price(
        &mut self,
        lease: &LeaseRequest,
        displaced: &[Preemptee<'_>],
    ) -> Result<f64, PolicyError>;

    /// Tells whether the user of `lease` accepted `price`.
    ///
    /// # Errors
    ///
    /// A policy that fails stops the run.
    fn feedback(
        &mut self,
        lease: &LeaseRequest,
        price: f64,
        accepted: bool,
    ) -> Result<(), PolicyError> {
        let _ = (lease, price, accepted);
        Ok(())
    }
}

/// Built-in pricing policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PricingSpec {
    /// Nothing costs anything.
    #[default]
    Free,
    /// The same rate per VM-hour for all.
    Constant(f64),
}

/// VM-hours of `vms` VMs for `span`.
fn vm_hours(vms: usize, span: Span) -> f64 {
    vms as f64 * (span.seconds() / HOUR_S)
}

impl PricingPolicy for PricingSpec {
    fn price(
        &mut self,
        lease: &LeaseRequest,
        displaced: &[Preemptee<'_>],
    ) -> Result<f64, PolicyError> {
        let Self::Constant(rate) = *self else { return Ok(0.0) };
        let base = vm_hours(lease.vms(), lease.duration) * rate;
        let surcharge = |other: &Preemptee<'_>| {
            vm_hours(other.request.vms(), other.suspend + other.resume) * rate
        };
        Ok(base + displaced.iter().map(surcharge).sum::<f64>())
    }
}

/// The highest rate per VM-hour that the user of `lease` pays, if one is named.
///
/// # Errors
///
/// What is named in place of a number from 0 on.
pub fn highest_rate(lease: &LeaseRequest) -> Result<Option<f64>, &str> {
    let Some((_, named)) = lease.extras.iter().find(|(name, _)| name == RATE) else {
        return Ok(None);
    };
    let rate = named.trim().parse::<f64>().ok();
    rate.filter(|rate| rate.is_finite() && *rate >= 0.0).map(Some).ok_or(named)
}

/// Whether the user of `lease`, whose rate makes sense, pays `price`: one that names none pays any.
pub fn accepts(lease: &LeaseRequest, price: f64) -> bool {
    let pays = |rate: f64| price <= vm_hours(lease.vms(), lease.duration) * rate;
    highest_rate(lease).ok().flatten().is_none_or(pays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lease::{LeaseKind, NodeSet, RESOURCES, Software};
    use crate::time::Instant;

    fn lease(vms: u32, hours: f64) -> LeaseRequest {
        LeaseRequest {
            number: 1,
            arrival: Instant::START,
            kind: LeaseKind::Immediate,
            nodes: vec![NodeSet::new(vms, [0; RESOURCES])],
            duration: Span::from_seconds(hours * HOUR_S),
            real_duration: None,
            preemptible: true,
            software: Software::None,
            user: None,
            promised_percent: LeaseRequest::WHOLE,
            extras: Vec::new(),
        }
    }

    /// 2 VMs for 3 h at 0.5 are 3; one lease of 4 VMs that is saved and loaded for a quarter of an
    /// hour each adds 4 * 0.5 * 0.5 = 1. At 0.6 per VM-hour the user pays up to 3.6.
    #[test]
    fn displacing_costs_extra_and_users_have_a_limit() {
        let (mut wanted, other) = (lease(2, 3.0), lease(4, 10.0));
        let quarter = Span::from_seconds(HOUR_S / 4.0);
        let remaining = Span::ZERO;
        let displaced = Preemptee { request: &other, remaining, suspend: quarter, resume: quarter };
        let policy = &mut PricingSpec::Constant(0.5);
        let alone = policy.price(&wanted, &[]).expect("it answers");
        let above = policy.price(&wanted, &[displaced]).expect("it answers");
        assert_eq!((alone, above), (3.0, 4.0));
        assert!(accepts(&wanted, above), "no limit was named");
        wanted.extras.push((RATE.into(), "0.6".into()));
        assert!(accepts(&wanted, alone) && !accepts(&wanted, above));
        for wrong in ["much", "-1", "inf", "NaN", ""] {
            wanted.extras[0].1 = wrong.into();
            assert_eq!(highest_rate(&wanted), Err(wrong));
        }
    }
}
