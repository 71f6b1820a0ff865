//! Overbook: of a resource, machines may be filled to so many per cent of what they have: above
//! 100 where not everybody uses what was promised, below to keep a reserve.
//!
//! ```text
//! limit(m, r) = floor(capacity(m, r) * percent / 100), the least of all rules that name m and r
//! ```
//!
//! The limit takes the place of the capacity in the rule of capacity and in `preserve`; no change
//! has to be judged anew.
//!
//! Source: constraint `Overbook` of BtrPlace, which takes a ratio.

use super::super::constraint::Constraint;
use super::super::instance::Instance;

/// How far each machine may be filled, per machine and resource.
pub(in crate::reassign) fn limits(instance: &Instance) -> Vec<i64> {
    let mut limits: Vec<Option<i64>> = vec![None; instance.machines.capacity.len()];
    for constraint in &instance.constraints {
        if let Constraint::Overbook { machines, resource, percent } = constraint {
            for &machine in machines {
                let at = instance.row(machine).start + resource;
                let share = i128::from(instance.machines.capacity[at]) * i128::from(*percent) / 100;
                let share = i64::try_from(share).unwrap_or(i64::MAX / 8).min(i64::MAX / 8);
                limits[at] = Some(limits[at].map_or(share, |other| other.min(share)));
            }
        }
    }
    let capacity = instance.machines.capacity.iter();
    capacity.zip(limits).map(|(&capacity, limit)| limit.unwrap_or(capacity)).collect()
}
