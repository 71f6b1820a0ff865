//! The reference's rules and oddities.

use super::*;

#[test]
fn the_reference_run_worked_by_hand_is_clean() {
    let report = check(&reference());
    assert!(report.is_clean(), "{report}");
}

#[test]
fn migrations_decided_are_verified_where_waking_takes_no_time() {
    let mut evidence = reference();
    evidence.record.samples[1].migrations = 0;
    assert_eq!(codes(&evidence), ["GLN-609"]);
}

/// Q9: v0 goes to h1 and, as that is vacated in the same step, on to h2; the later one wins.
#[test]
fn two_copies_of_one_vm_are_allowed_only_where_receivers_may_be_vacated() {
    let mut evidence = reference();
    let (second, end) = (0.1 + 300.0 + 300.0, 0.1 + 300.0 + 300.0 + 20.0);
    evidence.record.actions.splice(
        4..,
        [
            on(second, 2),
            depart(second, 0, 0, 1),
            depart(second, 0, 0, 2),
            arrive(end, 0, 0, 1),
            arrive(end, 0, 0, 2),
            off(end, 0),
        ],
    );
    let legal = |codes: &[&str]| !codes.contains(&"GLN-603") && !codes.contains(&"GLN-604");
    assert!(legal(&codes(&evidence)), "{}", check(&evidence));
    let mut relayed = evidence.clone();
    relayed.record.actions[8] = arrive(end, 0, 1, 2);
    assert!(legal(&codes(&relayed)), "the second row names the host that v0 leaves");
    let seconds = recomputed(&check(&relayed), "mean_migration_duration_s");
    assert!((seconds - 20.0).abs() < HAND);
    let mut on_h1 = evidence.clone();
    on_h1.record.actions.push(off(end, 1));
    assert!(!legal(&codes(&on_h1)), "v1 is on h1");
    let mut left = evidence.clone();
    left.record.actions.push(off(end, 2));
    assert!(!legal(&codes(&left)), "v0 ended on h2");
    evidence.vacate_receivers = false;
    assert!(codes(&evidence).contains(&"GLN-603"));
}

/// Without demand in samples 1 and 2, v1 must go at the tick of sample 1, and must not with it.
#[test]
fn an_idle_vm_is_retired_at_the_first_look_and_a_busy_one_never() {
    let tick = 0.1 + 300.0;
    let mut evidence = reference();
    evidence.demand[1] = vec![0.5, 0.0, 0.0];
    assert!(codes(&evidence).contains(&"GLN-612"));
    evidence.record.actions.insert(4, stop(tick, 1, 1));
    let found = codes(&evidence);
    assert!(!found.contains(&"GLN-612") && !found.contains(&"GLN-603"), "{found:?}");
    evidence.demand[1] = vec![0.5; 3];
    assert!(codes(&evidence).contains(&"GLN-603"));
}

/// Trapezoid: v0 alone from .5 at 300 s to 1 at 600 s. At 300.1 s .5 + .5 / 3000, at 600.1 s 1 (its
/// last sample): 930.31 and 1860 MIPS = 25.008 % and 50 %: P = 92.6 + .50083.. x 3.4 = 94.302833..
/// and 102 W; mean 98.151416.. W over 300 s = 29 445.425 J.
#[test]
fn interpolated_demand_is_integrated_as_a_trapezoid() {
    let mut evidence = reference();
    evidence.fleet = fleet(1, 4, &[(1860.0, 1250)]);
    evidence.demand = vec![vec![0.0, 0.5, 1.0]];
    evidence.record.hosts.truncate(1);
    evidence.record.vms.truncate(1);
    evidence.record.actions = vec![on(0.0, 0), start(0, 0)];
    let report = check(&evidence);
    let energy = recomputed(&report, "energy_kwh") * 3.6e6;
    assert!((energy - 29_445.425).abs() < 1e-6, "{energy}");
}

/// Under the trapezoid a host that does nothing is off, and uses nothing.
#[test]
fn an_idle_host_is_off_under_the_trapezoid() {
    let mut evidence = reference();
    evidence.demand = vec![vec![0.0; 3]; 2];
    evidence.rules.demand.idle_vms = IdleVms::Keep;
    let report = check(&evidence);
    assert_eq!(recomputed(&report, "energy_kwh"), 0.0);
    assert_eq!(recomputed(&report, "active_hosts_mean"), 0.0);
}

#[test]
fn two_copies_of_one_vm_begin_together_and_go_to_different_hosts() {
    let second = 0.1 + 300.0 + 300.0;
    for again in [depart(second + 1.0, 0, 0, 2), depart(second, 0, 0, 1)] {
        let mut evidence = reference();
        evidence.record.actions.splice(5.., [on(second, 2), again]);
        assert!(codes(&evidence).contains(&"GLN-603"));
    }
}

#[test]
fn a_transition_that_takes_no_time_has_no_row() {
    let mut evidence = reference();
    evidence.record.actions.insert(0, wake(0.0, 0));
    assert_eq!(check(&evidence).findings[0].what, "host h0: waking takes no time here");
    let mut evidence = reference();
    let end = evidence.record.actions[6].seconds;
    evidence.record.actions.insert(6, sleep(end, 0));
    assert_eq!(check(&evidence).findings[0].what, "host h0: shutting down takes no time here");
}

/// The run of the reference goes on until the last copy ends.
#[test]
fn a_copy_of_the_last_tick_must_end_too() {
    let mut evidence = reference();
    evidence.record.actions.truncate(5);
    assert!(codes(&evidence).contains(&"GLN-606"));
}
