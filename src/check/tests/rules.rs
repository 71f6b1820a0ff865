//! What each rule changes, in figures worked by hand.

use super::*;

#[test]
fn a_full_host_is_shared_in_proportion_and_in_violation() {
    let report = check(&crowded());
    assert!(report.findings.iter().all(|p| p.what.contains("missing")), "{report}");
    // (600 / 600 + 0 + 0) / 3, and 600 / (600 + 600 + 100).
    assert!((recomputed(&report, "slatah") - 1.0 / 3.0).abs() < HAND);
    assert!((recomputed(&report, "slatah_global") - 600.0 / 1300.0).abs() < HAND);
    assert!((recomputed(&report, "active_hosts_mean") - 1300.0 / 600.0).abs() < HAND);
    // 3 x 372 000 + 234 000 of 3 x 1 116 000 + 1 350 000.
    let overall = 1_350_000.0 / 4_698_000.0;
    assert!((recomputed(&report, "overall_sla_violation") - overall).abs() < HAND);
}

/// With `short`, h1 violates as well: v3 gets less than it asks for.
#[test]
fn a_short_vm_violates_only_where_shortness_is_the_rule() {
    let mut evidence = crowded();
    evidence.rules.accounting.violation = Violation::Short;
    let report = check(&evidence);
    assert!((recomputed(&report, "slatah") - 2.0 / 3.0).abs() < HAND);
    evidence.rules.accounting.ratios = Ratios::Global;
    assert!((recomputed(&check(&evidence), "slatah") - 1200.0 / 1300.0).abs() < HAND);
}

/// Looks at 0, 100, 130, 300 s: by time (3 x 1/3 + (.256 + .07) / 2) / 4, by interval v3 has .256
/// three times and .07 once beside twelve times 1/3.
#[test]
fn the_average_violation_weighs_time_or_intervals() {
    let mut evidence = crowded();
    let average = |e: &Evidence| recomputed(&check(e), "average_sla_violation");
    assert!((average(&evidence) - 1.163 / 4.0).abs() < HAND);
    evidence.rules.accounting.average = Average::PerInterval;
    assert!((average(&evidence) - (4.0 + 0.838) / 16.0).abs() < HAND);
}

/// 2/3 of 1860 is 1240: nothing to floor. With 1800 MIPS for v2, f = 3720 / 5520 and 1253.478..
/// twice, 1213.04..: floored 1253, 1253, 1213.
#[test]
fn floored_allocations_reach_the_vm_rows() {
    let mut evidence = crowded();
    evidence.demand[2] = vec![1800.0 / 1860.0; 2];
    evidence.rules.host.oversubscription = Oversubscription::Floored;
    let allocated: f64 = (1253.0 + 1253.0 + 1213.0 + 1860.0) * 600.0;
    let demanded = (1860.0 + 1860.0 + 1800.0) * 600.0 + 1_350_000.0;
    let overall = recomputed(&check(&evidence), "overall_sla_violation");
    assert!((overall - (demanded - allocated) / demanded).abs() < HAND, "{overall}");
}

/// A host that was never on counts at the first decision (here at 300 s) under Q17: on average
/// (330 + 300) / 2 s.
#[test]
fn an_unused_host_is_a_shutdown_only_under_its_quirk() {
    let mut evidence = honest();
    evidence.fleet = fleet(3, 32, &[(1860.0, 1875), (1860.0, 1875)]);
    evidence.record.hosts.push(host_row(0.0, 0.0, 0.0, 0.0, 0));
    evidence.record.samples.remove(0);
    assert_eq!(codes(&evidence), Vec::<&str>::new());
    evidence.rules.accounting.shutdowns = Shutdowns::UnusedCounted;
    let report = check(&evidence);
    assert_eq!(recomputed(&report, "host_shutdowns"), 2.0);
    assert_eq!(recomputed(&report, "mean_time_before_host_shutdown_s"), 315.0);
}

/// From the decision at 300 s to the last action at 360 s: h0 30 s at 102 W and 30 s at 106 W, h1
/// 30 s at 89.4 W and 30 s at 86 W: 11 502 J; on for 60 + 30 s of 60.
#[test]
fn only_time_from_the_first_decision_to_the_last_event_counts_under_its_quirk() {
    let mut evidence = honest();
    evidence.record.samples.remove(0);
    evidence.rules.accounting.window = Window::DecisionsOnly;
    let report = check(&evidence);
    assert!((recomputed(&report, "energy_kwh") * 3.6e6 - 11_502.0).abs() < HAND);
    assert!((recomputed(&report, "active_hosts_mean") - 1.5).abs() < HAND);
}

/// Destination load 0.1: of v1's 372 the copy asks for 37.2 on h0, beside v0's 1860: 1897.2 of 3720
/// = 51 %, 102.4 W instead of 102 for 30 s, so 12 J more.
#[test]
fn an_arriving_vm_loads_its_destination_as_the_rules_say() {
    let mut evidence = honest();
    evidence.rules.migration.destination_load = 0.1;
    let energy = recomputed(&check(&evidence), "energy_kwh") * 3.6e6;
    assert!((energy - 94_374.0).abs() < 1e-6, "{energy}");
}

/// v0 and v1 leave h1 together at 300 s: they share its card, so 60 s each instead of 30.
#[test]
fn copies_from_one_host_share_its_card() {
    let shared = |end: f64| {
        let mut evidence = honest();
        evidence.fleet = fleet(3, 32, &[(1860.0, 1875), (1860.0, 1875)]);
        evidence.record.hosts.push(host_row(600.0, 0.0, 0.0, 0.0, 0));
        evidence.record.actions = vec![
            on(0.0, 0),
            on(0.0, 1),
            on(0.0, 2),
            start(0, 1),
            start(1, 1),
            depart(300.0, 0, 1, 0),
            depart(300.0, 1, 1, 2),
            arrive(end, 0, 1, 0),
            arrive(end, 1, 1, 2),
        ];
        codes(&evidence).contains(&"GLN-606")
    };
    assert!(!shared(360.0));
    assert!(shared(330.0));
    assert!(shared(360.001));
}

/// v1 falls idle at 300 s in the middle of its copy: it goes at the first look after that, 400 s.
#[test]
fn an_idle_vm_is_not_retired_while_it_is_copied() {
    let mut evidence = honest();
    evidence.rules.demand.idle_vms = IdleVms::Retire;
    evidence.rules.demand.between_samples = BetweenSamples::Interpolate;
    (evidence.rules.host.wake_s, evidence.rules.host.shutdown_s) = (0.0, 0.0);
    evidence.demand[1] = vec![0.2, 0.0];
    let moves = [depart(290.0, 1, 1, 0), arrive(320.0, 1, 1, 0), off(320.0, 1), on(400.0, 1)];
    evidence.record.actions.splice(4.., moves);
    let mut early = evidence.clone();
    early.record.actions.insert(5, stop(300.0, 1, 1));
    assert_eq!(check(&early).findings[0].what, "v1 stops while it is copied");
    assert!(codes(&evidence).contains(&"GLN-612"));
    evidence.record.actions.push(stop(400.0, 1, 0));
    let found = codes(&evidence);
    assert!(!found.contains(&"GLN-612") && !found.contains(&"GLN-603"), "{found:?}");
}

/// The same where v1 waits for fewer migrations to be under way until 320 s, unrecorded.
#[test]
fn an_idle_vm_that_may_wait_for_its_turn_is_not_missed() {
    let mut evidence = honest();
    evidence.rules.demand.idle_vms = IdleVms::Retire;
    (evidence.rules.host.wake_s, evidence.rules.host.shutdown_s) = (0.0, 0.0);
    evidence.demand[1] = vec![0.2, 0.0];
    evidence.record.actions.splice(4.., [depart(320.0, 1, 1, 0), arrive(350.0, 1, 1, 0)]);
    assert!(codes(&evidence).contains(&"GLN-612"));
    evidence.unknown_durations = Some("migrations wait".into());
    assert!(!codes(&evidence).contains(&"GLN-612"));
}

/// v1 crashes at 310 s, as a round of its migration begins, and runs again from 370 s on: the round
/// does not make it run before.
#[test]
fn a_stage_that_begins_with_the_crash_does_not_let_the_vm_run() {
    let mut evidence = honest();
    evidence.rules.migration.sla = MigrationSla::Measured;
    let crash = act(310.0, ActionKind::VmCrash, Some(1), Some(1), Some(0));
    let restart = act(370.0, ActionKind::VmRestart, Some(1), None, Some(1));
    evidence.record.actions.splice(4.., [depart(300.0, 1, 1, 0), crash, restart]);
    let mut evidence = tabled(evidence);
    let end = Some(crash.at);
    (evidence.record.moves[0].end, evidence.record.moves[0].ending) = (end, MoveEnding::Lost);
    evidence.record.stages[0].end = end;
    let round = StageRecord { start: crash.at, seconds: 310.0, ..evidence.record.stages[0] };
    evidence.record.stages.push(round);
    let report = super::super::check(&evidence);
    assert!(report.findings.iter().all(|found| found.code != "GLN-603"), "{report}");
    // 372 MIPS from 0 to 310 s and from 370 to 600 s.
    let ledger = "vms row v1: allocated_mi found 222084, expected 200880";
    assert!(report.to_string().contains(ledger), "{report}");
}

/// h2 of `crowded` wakes again: on for 100 s, then from 320 to 400 s, 90 s on average.
#[test]
fn each_shutdown_counts_the_time_since_the_host_was_last_on() {
    let mut evidence = crowded();
    let again = [wake(200.0, 2), on(320.0, 2), sleep(400.0, 2), off(430.0, 2)];
    evidence.record.actions.extend(again);
    let report = check(&evidence);
    assert_eq!(recomputed(&report, "host_shutdowns"), 2.0);
    assert_eq!(recomputed(&report, "mean_time_before_host_shutdown_s"), 90.0);
}

/// v0 asks for 2000 of a core of 1860: h0 is short for 600 of its 600 s, h1 never; SLATAH = 1/2,
/// and v1 still loses 0.005 of its work: SLAV = 1/2 x 0.0025.
#[test]
fn slav_is_the_product_of_the_means() {
    let mut evidence = honest();
    evidence.fleet = fleet(2, 32, &[(2000.0, 1875), (1860.0, 1875)]);
    evidence.rules.accounting.violation = Violation::Short;
    assert!((recomputed(&check(&evidence), "slav") - 0.00125).abs() < HAND);
}
