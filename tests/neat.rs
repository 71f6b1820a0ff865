//! Do the algorithms of OpenStack Neat give here what they give there? Each recorded call of its
//! own unit tests, with the options that make up Neat's stated differences.

#[path = "neat/cases.rs"]
mod cases;
#[path = "neat/detectors.rs"]
mod detectors;
#[path = "neat/estimation.rs"]
mod estimation;
#[path = "neat/mhod.rs"]
mod mhod;
#[path = "neat/placement.rs"]
mod placement;
#[path = "neat/selections.rs"]
mod selections;
mod shared;

use std::collections::BTreeMap;

/// Every function that was recorded and how many calls of it.
const RECORDED: [(&str, usize); 43] = [
    ("globals.vm_placement.bin_packing.best_fit_decreasing", 4),
    ("globals.vm_placement.bin_packing.get_available_resources", 1),
    ("locals.overload.mhod.core.build_state_vector", 5),
    ("locals.overload.mhod.core.get_current_state", 1),
    ("locals.overload.mhod.core.init_state", 2),
    ("locals.overload.mhod.core.issue_command_deterministic", 1),
    ("locals.overload.mhod.core.mhod", 22),
    ("locals.overload.mhod.core.utilization_to_state", 12),
    ("locals.overload.mhod.core.utilization_to_states", 1),
    ("locals.overload.mhod.l_2_states.l0", 1),
    ("locals.overload.mhod.l_2_states.l1", 1),
    ("locals.overload.mhod.multisize_estimation.acceptable_variance", 1),
    ("locals.overload.mhod.multisize_estimation.estimate_probability", 2),
    ("locals.overload.mhod.multisize_estimation.init_deque_structure", 1),
    ("locals.overload.mhod.multisize_estimation.init_request_windows", 2),
    ("locals.overload.mhod.multisize_estimation.init_selected_window_sizes", 1),
    ("locals.overload.mhod.multisize_estimation.init_variances", 2),
    ("locals.overload.mhod.multisize_estimation.mean", 3),
    ("locals.overload.mhod.multisize_estimation.select_best_estimates", 2),
    ("locals.overload.mhod.multisize_estimation.select_window", 1),
    ("locals.overload.mhod.multisize_estimation.update_acceptable_variances", 3),
    ("locals.overload.mhod.multisize_estimation.update_estimate_windows", 3),
    ("locals.overload.mhod.multisize_estimation.update_request_windows", 13),
    ("locals.overload.mhod.multisize_estimation.update_variances", 3),
    ("locals.overload.mhod.multisize_estimation.variance", 3),
    ("locals.overload.otf.otf", 5),
    ("locals.overload.otf.otf_factory", 4),
    ("locals.overload.statistics.iqr", 1),
    ("locals.overload.statistics.loess", 2),
    ("locals.overload.statistics.loess_factory", 1),
    ("locals.overload.statistics.loess_parameter_estimates", 1),
    ("locals.overload.statistics.loess_robust", 1),
    ("locals.overload.statistics.loess_robust_factory", 2),
    ("locals.overload.statistics.mad", 1),
    ("locals.overload.statistics.tricube_weights", 1),
    ("locals.overload.trivial.last_n_average_threshold", 6),
    ("locals.overload.trivial.last_n_average_threshold_factory", 5),
    ("locals.overload.trivial.never_overloaded_factory", 5),
    ("locals.overload.trivial.threshold", 3),
    ("locals.overload.trivial.threshold_factory", 2),
    ("locals.underload.trivial", 22),
    ("locals.vm_selection.algorithms.minimum_migration_time", 30),
    ("locals.vm_selection.algorithms.minimum_utilization", 10),
];

/// The functions above by name, those of one family that [`RECORDED`] lists together merged.
fn family(function: &str) -> &str {
    let families = RECORDED.iter().map(|&(name, _)| name).filter(|name| function.starts_with(name));
    families.max_by_key(|name| name.len()).unwrap_or(function)
}

#[test]
fn every_recorded_call_is_accounted_for() {
    let Some(all) = cases::all() else { return };
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &all {
        *found.entry(family(&case.function)).or_default() += 1;
    }
    let expected: BTreeMap<&str, usize> = RECORDED.into_iter().collect();
    assert_eq!(found, expected);
    assert_eq!(all.len(), 193);
}
