//! What each VM of one host asks for and gets.
//!
//! ```text
//! weight:   q = c for a VM of the host, q = l c for one still being copied to it
//! enough:   sum q <= C      a = q                       f = 1
//! too much: sum q > C       a = q f                     f = C / sum q
//! reserved: before others   a = q min(1, C / sum q)     others share what is left of C
//! copied away:              a = (1 - o) c f             the host spends a / (1 - o)
//! ```
//!
//! `l`: destination load, `o`: overhead; a VM that a copy stops for all of its time (`o = 1`) gets
//! nothing, and its host spends `c f`. Under `oversubscription = "floored"` (Q15) VMs are served
//! in list order, and the first that finds less left than it asks for sets all so far to
//! `floor(a)` with the `f` of those so far; so does each after it that asks for anything.
//! An `a` that is whole but for rounding is in doubt, see `doubt`.

use crate::model::rules::{BetweenSamples, ClockKind, Oversubscription};
use crate::model::{MigrationRules, Rules};

use super::Evidence;
use super::timetable::BROKER_START_S;

/// Rounding of accumulated seconds, in steps.
const TICK: f64 = 1e-9;

/// How far a share may lie from a whole number, relative to itself, and still be in doubt. Adding
/// `n` requests errs by at most `n` times 1.1e-16: this is enough for thousands of VMs on a host,
/// and at 3000 MIPS one share in 10^8 is in doubt by chance.
const WHOLE: f64 = 1e-12;

/// The part a VM has on a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    Resident,
    /// Runs here, being copied away.
    Departing,
    /// Runs elsewhere, being copied here.
    Arriving,
    /// Stopped here.
    Paused,
    /// Runs elsewhere, its pages are still here.
    Held,
}

/// What a VM wants of a host.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Claim {
    pub role: Role,
    /// `r`, MIPS.
    pub demand: f64,
    /// `c`, MIPS.
    pub served_at_most: f64,
    /// Fraction that a migration leaves it.
    pub kept: f64,
    /// Whether its lease is a reservation.
    pub reserved: bool,
}

/// What a VM gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// `a`, MIPS.
    mips: f64,
    /// MIPS that are spent on a VM that gets nothing of them.
    in_vain: f64,
    /// Whether it may as well be 1 MIPS less.
    pub in_doubt: bool,
}

/// What becomes of a share in doubt.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Rounding {
    #[default]
    Exact,
    /// 1 MIPS less.
    Lowered,
}

impl Share {
    fn of(mips: f64) -> Self {
        Self { mips, in_vain: 0.0, in_doubt: false }
    }

    /// `mips` in whole MIPS.
    fn floored(mips: f64) -> Self {
        let nearest = mips.round();
        let whole = nearest >= 1.0 && (mips - nearest).abs() <= WHOLE * nearest;
        if whole { Self { in_doubt: true, ..Self::of(nearest) } } else { Self::of(mips.floor()) }
    }

    /// `a`, MIPS.
    pub fn rounded(self, rounding: Rounding) -> f64 {
        match rounding {
            Rounding::Lowered if self.in_doubt => self.mips - 1.0,
            Rounding::Exact | Rounding::Lowered => self.mips,
        }
    }

    /// What the host spends on the VM of `claim`: copying costs the VM, not the host.
    pub fn spent(self, rounding: Rounding, claim: &Claim) -> f64 {
        match claim.role {
            Role::Departing if claim.kept > 0.0 => self.rounded(rounding) / claim.kept,
            Role::Departing => self.in_vain,
            _ => self.rounded(rounding),
        }
    }

    /// The share of `claim` at `scale`.
    fn at(claim: &Claim, scale: f64, of: fn(f64) -> Self, rules: &MigrationRules) -> Self {
        let in_vain = if claim.kept == 0.0 { claim.served_at_most * scale } else { 0.0 };
        Self { in_vain, ..of(scaled(claim, scale, rules)) }
    }
}

/// A time as seen from the two samples around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    before: usize,
    after: usize,
    /// Seconds from `before` to `after`, and from `before` to now; both 0 where a sample holds.
    gap_s: f64,
    past_s: f64,
    /// Whether the samples begin again when they are over.
    repeats: bool,
}

impl Moment {
    /// The time `seconds` by the run's clock.
    pub fn at(evidence: &Evidence, seconds: f64) -> Self {
        let (step, repeats) = (evidence.step_s, evidence.tenancy.is_some());
        if evidence.rules.demand.between_samples == BetweenSamples::Hold {
            // A sample holds from the decision that sees it first.
            let sample = match evidence.rules.demand.clock {
                ClockKind::Exact => seconds / step,
                ClockKind::Accumulated => (seconds - BROKER_START_S) / step + TICK,
            };
            let before = sample.floor() as usize;
            return Self { before, after: before, gap_s: 0.0, past_s: 0.0, repeats };
        }
        let (low, high) = ((seconds / step).floor(), (seconds / step).ceil());
        let (before, after) = (low as usize, high as usize);
        if seconds % step == 0.0 {
            return Self { before, after: before, gap_s: 0.0, past_s: 0.0, repeats };
        }
        Self { before, after, gap_s: (high - low) * step, past_s: seconds - low * step, repeats }
    }

    /// The fraction of its MIPS that a VM with the demand `row` asks for now; the last sample holds
    /// for ever, or the first follows it.
    pub fn demand(self, row: &[f64]) -> f64 {
        let sample = |k: usize| match self.repeats {
            true => row[k % row.len()],
            false => row[k.min(row.len() - 1)],
        };
        let (low, high) = (sample(self.before), sample(self.after));
        if self.gap_s > 0.0 { low + (high - low) / self.gap_s * self.past_s } else { low }
    }
}

/// `a` of each claim, in their order.
pub(super) fn allocations(claims: &[Claim], capacity: f64, rules: &Rules) -> Vec<Share> {
    match rules.host.oversubscription {
        Oversubscription::Proportional => {
            let scale = |reserved: bool, capacity: f64| {
                let alike = claims.iter().filter(|claim| claim.reserved == reserved);
                let wanted: f64 = alike.map(|c| weight(c, &rules.migration)).sum();
                (if wanted > capacity { capacity / wanted } else { 1.0 }, capacity - wanted)
            };
            let (first, left) = scale(true, capacity);
            let (rest, _) = scale(false, left.max(0.0));
            let share = |c: &Claim| {
                let scale = if c.reserved { first } else { rest };
                Share::at(c, scale, Share::of, &rules.migration)
            };
            claims.iter().map(share).collect()
        }
        Oversubscription::Floored => floored(claims, capacity, &rules.migration),
    }
}

/// MIPS that `claims` ask of their host.
pub(super) fn wanted<'c>(claims: impl Iterator<Item = &'c Claim>, rules: &Rules) -> f64 {
    claims.map(|claim| weight(claim, &rules.migration)).sum()
}

fn weight(claim: &Claim, rules: &MigrationRules) -> f64 {
    match claim.role {
        Role::Arriving => rules.destination_load * claim.served_at_most,
        Role::Resident | Role::Departing => claim.served_at_most,
        Role::Paused | Role::Held => 0.0,
    }
}

fn scaled(claim: &Claim, scale: f64, rules: &MigrationRules) -> f64 {
    let c = claim.served_at_most;
    match claim.role {
        Role::Resident => c * scale,
        Role::Departing => c * scale * claim.kept,
        Role::Paused | Role::Held => 0.0,
        Role::Arriving => rules.destination_load * c * scale,
    }
}

fn floored(claims: &[Claim], capacity: f64, rules: &MigrationRules) -> Vec<Share> {
    let mut given: Vec<Share> = Vec::with_capacity(claims.len());
    let mut free = capacity;
    for (i, claim) in claims.iter().enumerate() {
        let wanted = weight(claim, rules);
        if free >= wanted {
            given.push(Share::at(claim, 1.0, Share::of, rules));
            free -= wanted;
        } else {
            let so_far = &claims[..=i];
            let scale = capacity / so_far.iter().map(|c| weight(c, rules)).sum::<f64>();
            let share = |c| Share::at(c, scale, Share::floored, rules);
            given = so_far.iter().map(share).collect();
            free = 0.0;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mips(shares: &[Share]) -> Vec<f64> {
        shares.iter().map(|share| share.mips).collect()
    }

    fn claim(role: Role, mips: f64) -> Claim {
        Claim { role, demand: mips, served_at_most: mips, kept: 0.9, reserved: false }
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
        let got = mips(&allocations(&claims, 1000.0, &Rules::default()));
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
        assert_eq!(mips(&allocations(&claims, 1000.0, &rules)), [75.0, 504.0, 378.0]);
        assert_eq!(mips(&allocations(&claims[..2], 1000.0, &rules)), [90.0, 600.0]);
    }

    /// 1000 MIPS for 1000 + 600, one of them stopped by its copy: f = 5/8, so 625 and nothing for
    /// 375.
    #[test]
    fn a_vm_that_is_left_nothing_still_costs_its_host() {
        let stopped = Claim { kept: 0.0, ..claim(Role::Departing, 600.0) };
        let claims = [claim(Role::Resident, 1000.0), stopped];
        let shares = allocations(&claims, 1000.0, &Rules::default());
        let spent = [0, 1].map(|i: usize| shares[i].spent(Rounding::Exact, &claims[i]));
        assert_eq!((mips(&shares), spent), (vec![625.0, 0.0], [625.0, 375.0]));
    }

    #[test]
    fn only_a_share_that_is_whole_but_for_rounding_is_in_doubt() {
        let both = |mips| {
            let share = Share::floored(mips);
            [Rounding::Exact, Rounding::Lowered].map(|rounding| share.rounded(rounding))
        };
        assert_eq!(both(300.0), [300.0, 299.0]);
        assert_eq!(both(300.0 - 1e-12), [300.0, 299.0]);
        assert_eq!(both(300.0 - 1e-6), [299.0, 299.0]);
        assert_eq!(both(300.0 + 1e-6), [300.0, 300.0]);
        assert_eq!(both(0.0), [0.0, 0.0], "nobody gets less than nothing");
    }

    /// Between 0.2 at 300 s and 0.5 at 600 s: 0.2 held, or 0.2 + 0.3 x 100 / 300 = 0.3 at 400 s.
    #[test]
    fn demand_is_held_or_interpolated() {
        let demand = vec![vec![0.9, 0.2, 0.5]];
        let mut evidence = Evidence { demand, step_s: 300.0, ..Evidence::default() };
        let at = |e: &Evidence, seconds| Moment::at(e, seconds).demand(&e.demand[0]);
        assert_eq!(at(&evidence, 599.0), 0.2);
        evidence.rules.demand.clock = ClockKind::Accumulated;
        assert_eq!((at(&evidence, 600.05), at(&evidence, 0.1 + 300.0 + 300.0)), (0.2, 0.5));
        evidence.rules.demand.clock = ClockKind::Exact;
        evidence.rules.demand.between_samples = BetweenSamples::Interpolate;
        assert!((at(&evidence, 400.0) - 0.3).abs() < 1e-12);
        assert_eq!(at(&evidence, 600.0), 0.5);
        assert_eq!(at(&evidence, 750.0), 0.5, "the last sample holds");
    }
}
