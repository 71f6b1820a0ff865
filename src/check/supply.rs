//! What each VM of one host asks for and gets.
//!
//! ```text
//! weight:   q = c for a VM of the host, q = l c for one still being copied to it
//! enough:   sum q <= C      a = q                       f = 1
//! too much: sum q > C       a = q f                     f = C / sum q
//! copied away:              a = (1 - o) c f
//! ```
//!
//! `l`: destination load, `o`: overhead. Under `oversubscription = "floored"` (Q15) VMs are served
//! in list order, and the first that finds less left than it asks for sets all so far to
//! `floor(a)` with the `f` of those so far; so does each after it that asks for anything.

use crate::model::rules::{BetweenSamples, Oversubscription};
use crate::model::{MigrationRules, Rules};

use super::Evidence;

/// The part a VM has on a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    Resident,
    /// Runs here, being copied away.
    Departing,
    /// Runs elsewhere, being copied here.
    Arriving,
}

/// What a VM wants of a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Claim {
    pub role: Role,
    /// `r`, MIPS.
    pub demand: f64,
    /// `c`, MIPS.
    pub served_at_most: f64,
}

/// A time as seen from the two samples around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    before: usize,
    after: usize,
    /// Seconds from `before` to `after`, and from `before` to now; both 0 where a sample holds.
    gap_s: f64,
    past_s: f64,
}

impl Moment {
    /// The time `seconds` by the run's clock.
    pub fn at(evidence: &Evidence, seconds: f64) -> Self {
        let step = evidence.step_s;
        let held = evidence.rules.demand.between_samples == BetweenSamples::Hold;
        let (low, high) = ((seconds / step).floor(), (seconds / step).ceil());
        let (before, after) = (low as usize, high as usize);
        if held || seconds % step == 0.0 {
            return Self { before, after: before, gap_s: 0.0, past_s: 0.0 };
        }
        Self { before, after, gap_s: (high - low) * step, past_s: seconds - low * step }
    }

    /// The fraction of its MIPS that a VM with the demand `row` asks for now; the last sample holds
    /// for ever.
    pub fn demand(self, row: &[f64]) -> f64 {
        let sample = |k: usize| row[k.min(row.len() - 1)];
        let (low, high) = (sample(self.before), sample(self.after));
        if self.gap_s > 0.0 { low + (high - low) / self.gap_s * self.past_s } else { low }
    }
}

/// `a` of each claim, in their order.
pub(super) fn allocations(claims: &[Claim], capacity: f64, rules: &Rules) -> Vec<f64> {
    match rules.host.oversubscription {
        Oversubscription::Proportional => {
            let wanted: f64 = claims.iter().map(|c| weight(c, &rules.migration)).sum();
            let scale = if wanted > capacity { capacity / wanted } else { 1.0 };
            claims.iter().map(|c| scaled(c, scale, &rules.migration)).collect()
        }
        Oversubscription::Floored => floored(claims, capacity, &rules.migration),
    }
}

/// What the host spends on a VM that gets `allocation`: copying costs the VM, not the host.
pub(super) fn spent(allocation: f64, role: Role, rules: &MigrationRules) -> f64 {
    let kept = 1.0 - rules.overhead;
    if role == Role::Departing && kept > 0.0 { allocation / kept } else { allocation }
}

fn weight(claim: &Claim, rules: &MigrationRules) -> f64 {
    match claim.role {
        Role::Arriving => rules.destination_load * claim.served_at_most,
        Role::Resident | Role::Departing => claim.served_at_most,
    }
}

fn scaled(claim: &Claim, scale: f64, rules: &MigrationRules) -> f64 {
    let c = claim.served_at_most;
    match claim.role {
        Role::Resident => c * scale,
        Role::Departing => c * scale * (1.0 - rules.overhead),
        Role::Arriving => rules.destination_load * c * scale,
    }
}

fn floored(claims: &[Claim], capacity: f64, rules: &MigrationRules) -> Vec<f64> {
    let mut given: Vec<f64> = Vec::with_capacity(claims.len());
    let mut free = capacity;
    for (i, claim) in claims.iter().enumerate() {
        let wanted = weight(claim, rules);
        if free >= wanted {
            given.push(scaled(claim, 1.0, rules));
            free -= wanted;
        } else {
            let so_far = &claims[..=i];
            let scale = capacity / so_far.iter().map(|c| weight(c, rules)).sum::<f64>();
            given = so_far.iter().map(|c| scaled(c, scale, rules).floor()).collect();
            free = 0.0;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(role: Role, mips: f64) -> Claim {
        Claim { role, demand: mips, served_at_most: mips }
    }

    /// 1000 MIPS for 600 + 500 + 400 = 1500, one of them copied away: f = 2/3, so 400, 333 1/3 x
    /// 0.9 = 300, 266 2/3. An arriving VM asks for nothing at destination load 0.
    #[test]
    fn too_much_demand_is_cut_in_proportion() {
        let claims = [
            claim(Role::Resident, 600.0),
            claim(Role::Departing, 500.0),
            claim(Role::Resident, 400.0),
            claim(Role::Arriving, 900.0),
        ];
        let got = allocations(&claims, 1000.0, &Rules::default());
        for (got, expected) in got.iter().zip([400.0, 300.0, 800.0 / 3.0, 0.0]) {
            assert!((got - expected).abs() < 1e-9, "{got} != {expected}");
        }
    }

    /// As above with an arriving VM at load 0.1 (asking for 90) served first: 90 + 600 fit, with
    /// 500 more f = 1000 / 1190 = 0.8403: floor(75.6), floor(504.2), floor(378.2).
    #[test]
    fn floored_cuts_are_whole_mips() {
        let mut rules = Rules::default();
        rules.host.oversubscription = Oversubscription::Floored;
        rules.migration.destination_load = 0.1;
        let claims = [
            claim(Role::Arriving, 900.0),
            claim(Role::Resident, 600.0),
            claim(Role::Departing, 500.0),
        ];
        assert_eq!(allocations(&claims, 1000.0, &rules), [75.0, 504.0, 378.0]);
        assert_eq!(allocations(&claims[..2], 1000.0, &rules), [90.0, 600.0]);
    }

    /// Between 0.2 at 300 s and 0.5 at 600 s: 0.2 held, or 0.2 + 0.3 x 100 / 300 = 0.3 at 400 s.
    #[test]
    fn demand_is_held_or_interpolated() {
        let demand = vec![vec![0.9, 0.2, 0.5]];
        let mut evidence = Evidence { demand, step_s: 300.0, ..Evidence::default() };
        let at = |e: &Evidence, seconds| Moment::at(e, seconds).demand(&e.demand[0]);
        assert_eq!(at(&evidence, 599.0), 0.2);
        evidence.rules.demand.between_samples = BetweenSamples::Interpolate;
        assert!((at(&evidence, 400.0) - 0.3).abs() < 1e-12);
        assert_eq!(at(&evidence, 600.0), 0.5);
        assert_eq!(at(&evidence, 750.0), 0.5, "the last sample holds");
    }
}
