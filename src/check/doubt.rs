//! What follows from the actions where the rounding of shares is open.
//!
//! Under `oversubscription = "floored"` (Q15) a share that is a whole number `n` but for the
//! rounding of doubles becomes `n` or `n - 1` MIPS, by the order in which the engine adds requests;
//! the tables do not tell that order. Such a share is in doubt. The run is worked out twice, with
//! all of them at `n`, the exact value, and all at `n - 1`: what only rises or only falls with each
//! share lies between the two, and without doubt they are one.

use super::event::Event;
use super::ledger::{self, Ledger};
use super::range::Range;
use super::supply::Rounding;
use super::timetable::Timetable;
use super::{Evidence, Report};

/// The totals of a run with every doubt resolved one way, and the other.
#[derive(Debug, Clone)]
pub(super) struct Totals {
    /// Shares in doubt get their exact value.
    pub exact: Ledger,
    /// They get 1 MIPS less; `None` if there are none.
    lowered: Option<Ledger>,
}

impl Totals {
    /// Works them out, and says how many shares are in doubt if any are.
    pub fn of(evidence: &Evidence, events: &[Event], times: &Timetable, out: &mut Report) -> Self {
        let keep = |rounding| ledger::keep(evidence, events, times, rounding);
        let exact = keep(Rounding::Exact);
        let lowered = (!exact.in_doubt.is_empty()).then(|| keep(Rounding::Lowered));
        if lowered.is_some() {
            let shares = exact.in_doubt.len();
            let what = format!("rounding of whole shares: {shares} in doubt by 1 MIPS");
            out.unverified.push(what);
        }
        Self { exact, lowered }
    }

    /// The totals with all shares in doubt lowered.
    pub fn lowered(&self) -> &Ledger {
        self.lowered.as_ref().unwrap_or(&self.exact)
    }

    /// The range of a number that only rises or only falls with each share.
    pub fn range(&self, number: impl Fn(&Ledger) -> f64) -> Range {
        Range::between(number(&self.exact), number(self.lowered()))
    }

    /// The range of the mean shortage: any of the open ones may be short at all or not.
    pub fn mean_shortage(&self) -> Range {
        let (sum, weight) = (self.range(|l| l.shortage.0), self.range(|l| l.shortage.1));
        if weight.high == 0.0 {
            return Range::only(0.0);
        }
        // A mean of fractions, also where all of them are open.
        let high = if weight.low == 0.0 { 1.0 } else { sum.high / weight.low };
        Range { low: sum.low / weight.high, high }
    }
}
