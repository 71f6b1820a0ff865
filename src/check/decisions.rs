//! Do the rows of `decisions` hold together, and with the rows of `samples`?
//!
//! ```text
//! bound <= cost <= cost before        migrations = those of the sample
//! ```
//!
//! Whether a bound is right cannot be told from the tables; it must at least not be above the plan.

use std::collections::BTreeMap;

use super::{Evidence, Report};
use crate::model::record::DecisionRecord;
use crate::problem::Problem;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Relative rounding of sums of costs.
const ROUNDING: f64 = 1e-9;

/// Verifies `decisions`.
pub(super) fn check(evidence: &Evidence, out: &mut Report) {
    let samples = evidence.record.samples.iter().map(|row| (row.sample, row.migrations));
    let decided: BTreeMap<u32, u32> = samples.collect();
    for (number, row) in evidence.record.decisions.iter().enumerate() {
        let &DecisionRecord { before_j, cost_j, bound_j, migrations, sample, .. } = row;
        let slack = ROUNDING * before_j.abs().max(cost_j.abs());
        let made = decided.get(&sample).copied();
        let what = if !(bound_j <= cost_j + slack && cost_j <= before_j + slack) {
            format!("bound {bound_j}, cost {cost_j}, before {before_j}: expected to ascend")
        } else if made != Some(migrations) {
            let made = made.map_or_else(|| "no row".to_owned(), |made| made.to_string());
            format!("{migrations} migrations, `samples` has {made}")
        } else {
            continue;
        };
        out.findings.push(Problem::new("GLN-617", format!("decisions row {number}"), what, REMEDY));
    }
}

/// Mean of the gaps, worked out anew; `None` where there is no decision.
pub(super) fn mean_gap(evidence: &Evidence) -> Option<f64> {
    let rows = &evidence.record.decisions;
    let gap = |row: &DecisionRecord| {
        if row.cost_j > 0.0 { 1.0 - row.bound_j / row.cost_j } else { 0.0 }
    };
    (!rows.is_empty()).then(|| rows.iter().map(gap).sum::<f64>() / rows.len() as f64)
}
