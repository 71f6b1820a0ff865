//! Which figures a run of a batch can have, in the order in which its row keeps them.
//!
//! | figures | of | called |
//! |---|---|---|
//! | those of load | runs of load, and of leases that carry it | as `galerna run` names them |
//! | those of leases | runs of leases | `leases.` and their name |
//! | totals of the ledger | runs with `[costs]` | `costs.` and their name |
//! | those of a power cap | runs by a policy that keeps one | as `galerna run` names them |
//!
//! So each is called as the path to it in what `galerna run --format json` prints, but for those of
//! load, which stand under `summary` there.

use super::plan::Plan;
use crate::account::CostSummary;
use crate::lease::LeaseSummary;
use crate::metric::Summary;
use crate::spec::RunSpec;

/// Figures of leases; the last four only where their VMs are consolidated.
const LEASES: [&str; 16] = [
    "leases.accepted_ar",
    "leases.rejected_ar",
    "leases.completed_best_effort",
    "leases.all_best_effort_s",
    "leases.mean_wait_s",
    "leases.mean_bounded_slowdown",
    "leases.utilisation",
    "leases.suspensions",
    "leases.resumptions",
    "leases.migrations",
    "leases.image_transfers",
    "leases.premature_ends",
    "leases.late_reserved",
    "leases.late_others",
    "leases.never_begun",
    "leases.late_s",
];

/// How many of them every run of leases has.
const ALWAYS: usize = 12;

/// Figures of a power cap.
const CAPPED: [&str; 5] = ["above_cap_s", "above_cap_kwh", "peak_w", "capped_s", "capped_mi"];

/// How many of them every run with a cap has; the others are of one that is enforced.
const ALWAYS_CAPPED: usize = 3;

/// Totals of the ledger.
const COSTS: [&str; 9] = [
    "costs.energy",
    "costs.carbon",
    "costs.instance_hours",
    "costs.credits",
    "costs.penalties",
    "costs.balance",
    "costs.site_energy_kwh",
    "costs.emissions_kg",
    "costs.billed_hours",
];

/// The figures by which policies are compared when none are named, of runs of load.
pub const METRICS: [&str; 5] = ["energy_kwh", "migrations", "slatah", "pdm", "esv"];

/// The same of leases, and of leases that carry load.
const OF_LEASES: [&str; 4] = [
    "leases.accepted_ar",
    "leases.mean_wait_s",
    "leases.mean_bounded_slowdown",
    "leases.utilisation",
];
const OF_LOADED: [&str; 5] =
    ["energy_kwh", "migrations", "slatah", "leases.accepted_ar", "leases.mean_wait_s"];

/// The names of all figures.
pub(super) fn names() -> Vec<&'static str> {
    Summary::names().into_iter().chain(LEASES).chain(COSTS).chain(CAPPED).collect()
}

/// The figures of a run, in the order of [`names`].
pub(super) fn of(
    load: Option<&Summary>,
    leases: Option<&LeaseSummary>,
    costs: Option<&CostSummary>,
) -> Vec<Option<f64>> {
    let blank = || Summary::names().iter().map(|_| None).collect();
    let of_load = |summary: &Summary| summary.named().into_iter().map(|(_, value)| value).collect();
    let mut all: Vec<Option<f64>> = load.map_or_else(blank, of_load);
    let mut extend = |len: usize, named: Vec<(&'static str, f64)>| {
        all.extend((0..len).map(|at| named.get(at).map(|&(_, value)| value)));
    };
    extend(LEASES.len(), leases.map_or_else(Vec::new, LeaseSummary::named));
    extend(COSTS.len(), costs.map_or_else(Vec::new, CostSummary::named));
    let capped = load.and_then(|summary| summary.power_cap);
    extend(CAPPED.len(), capped.map_or_else(Vec::new, |capped| capped.named()));
    all
}

/// The figures that runs of `plan` can have, with their places.
pub(super) fn shown(plan: &Plan) -> Vec<(usize, &'static str)> {
    let any = |of: fn(&RunSpec) -> bool| plan.runs.iter().any(|run| of(&run.spec));
    let (load, costs) = (any(RunSpec::carries_load), any(|spec| spec.costs.is_some()));
    let leases = any(|spec| spec.leases.is_some());
    let capped = any(|spec| spec.power_cap().is_some());
    let enforced = any(|spec| spec.power_cap().is_some() && spec.host.cap_w.is_some());
    let late = any(|spec| spec.consolidated_leases().is_some());
    let (of_load, of_leases) = (Summary::names().len(), LEASES.len());
    let is_shown = |at: usize| match at.checked_sub(of_load) {
        None => load,
        Some(at) if at < ALWAYS => leases,
        Some(at) if at < of_leases => late,
        Some(at) if at < of_leases + COSTS.len() => costs,
        Some(at) if at < of_leases + COSTS.len() + ALWAYS_CAPPED => capped,
        Some(_) => enforced,
    };
    names().into_iter().enumerate().filter(|&(at, _)| is_shown(at)).collect()
}

/// The figures that one looks at first in runs of `spec`.
pub fn usual(spec: &RunSpec) -> Vec<&'static str> {
    let mut names = match (&spec.leases, spec.carries_load()) {
        (None, _) => METRICS.to_vec(),
        (Some(_), false) => OF_LEASES.to_vec(),
        (Some(_), true) => OF_LOADED.to_vec(),
    };
    if spec.consolidated_leases().is_some() {
        names.push("leases.late_s");
    }
    if spec.leases.is_some() && spec.costs.is_some() {
        names.push("costs.balance");
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::LateStarts;
    use crate::metric::CapSummary;

    fn lease_summary() -> LeaseSummary {
        LeaseSummary {
            accepted_ar: 1,
            rejected_ar: 2,
            completed_best_effort: 3,
            all_best_effort_s: 4.0,
            mean_wait_s: 5.0,
            mean_bounded_slowdown: 6.0,
            utilisation: 0.7,
            suspensions: 8,
            resumptions: 9,
            migrations: 10,
            image_transfers: 11,
            premature_ends: 12,
            late: Some(LateStarts { reserved: 13, others: 14, never: 15, late_s: 16.0 }),
            provision: None,
        }
    }

    #[test]
    fn figures_stand_under_their_own_names() {
        let plain = |prefix: &str, named: Vec<(&str, f64)>| -> Vec<String> {
            named.into_iter().map(|(name, _)| format!("{prefix}.{name}")).collect()
        };
        let leases = lease_summary();
        assert_eq!(plain("leases", leases.named()), LEASES);
        assert_eq!(leases.named()[ALWAYS].0, "late_reserved");
        assert_eq!(plain("costs", CostSummary::default().named()), COSTS);
        let zero = Some(0.0);
        let capped = CapSummary { capped_s: zero, capped_mi: zero, ..CapSummary::default() };
        let named = capped.named().into_iter().map(|(name, _)| name);
        assert_eq!(named.collect::<Vec<_>>(), CAPPED);
        let none = LeaseSummary { late: None, ..leases.clone() };
        let figures = of(None, Some(&none), None);
        assert_eq!(figures.len(), names().len());
        let at = |name: &str| names().iter().position(|known| *known == name).unwrap();
        assert_eq!(figures[at("leases.mean_wait_s")], Some(5.0));
        assert_eq!(figures[at("leases.late_s")], None);
        assert_eq!(figures[at("energy_kwh")], None);
        assert_eq!(of(None, Some(&leases), None)[at("leases.late_s")], Some(16.0));
    }
}
