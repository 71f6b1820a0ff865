//! Miniature runs worked by hand that must pass, and every kind of fault that must not.

use super::*;
use crate::id::{HostId, VmId};
use crate::model::record::Reason;
use crate::model::rules::*;
use crate::model::{Action, ActionKind, HostRecord, Machine, SampleRecord, VmRecord, VmType};
use crate::time::Instant;
use crate::units::{Bytes, Mips};

/// Absolute tolerance of numbers worked by hand.
const HAND: f64 = 1e-9;

fn act(
    seconds: f64,
    kind: ActionKind,
    vm: Option<u32>,
    from: Option<u32>,
    to: Option<u32>,
) -> Action {
    let (vm, from, to) = (vm.map(VmId), from.map(HostId), to.map(HostId));
    let at = Instant::from_seconds(seconds);
    Action { at, seconds, kind, vm, from, to, reason: Reason::Consequence }
}
fn on(s: f64, host: u32) -> Action {
    act(s, ActionKind::HostOn, None, Some(host), None)
}
fn off(s: f64, host: u32) -> Action {
    act(s, ActionKind::HostOff, None, Some(host), None)
}
fn wake(s: f64, host: u32) -> Action {
    act(s, ActionKind::HostWake, None, Some(host), None)
}
fn sleep(s: f64, host: u32) -> Action {
    act(s, ActionKind::HostSleep, None, Some(host), None)
}
fn start(vm: u32, to: u32) -> Action {
    act(0.0, ActionKind::VmStart, Some(vm), None, Some(to))
}
fn stop(s: f64, vm: u32, from: u32) -> Action {
    act(s, ActionKind::VmStop, Some(vm), Some(from), None)
}
fn depart(s: f64, vm: u32, from: u32, to: u32) -> Action {
    act(s, ActionKind::MigrationStart, Some(vm), Some(from), Some(to))
}
fn arrive(s: f64, vm: u32, from: u32, to: u32) -> Action {
    act(s, ActionKind::MigrationEnd, Some(vm), Some(from), Some(to))
}

fn host_row(
    on_s: f64,
    transition_s: f64,
    violation_s: f64,
    energy_j: f64,
    shutdowns: u32,
) -> HostRecord {
    let machine = "hp-ml110-g4".into();
    HostRecord { machine, on_s, transition_s, violation_s, energy_j, shutdowns }
}
fn vm_row(demanded: f64, allocated: f64, lost: f64, short_s: f64, migrations: u32) -> VmRecord {
    VmRecord {
        trace: String::new(),
        demanded_mi: demanded,
        allocated_mi: allocated,
        lost_to_migration_mi: lost,
        short_s,
        migrations,
    }
}

/// Hosts of type G4 (2 x 1860 MIPS; 86, 89.4, 92.6, 96, 99.5, 102, 106, .. W) with VMs of the given
/// MIPS and megabytes.
fn fleet(hosts: usize, gib: u64, vms: &[(f64, u64)]) -> Fleet {
    let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(gib)).unwrap();
    let mut fleet = Fleet::of_hosts(vec![g4], vec![0; hosts]);
    for &(mips, mb) in vms {
        let kind = VmType { mips: Mips(mips), ram: Bytes::from_mb(mb) };
        fleet.vm_mips.push(kind.mips);
        fleet.vm_ram.push(kind.ram);
        fleet.trace_row.push(fleet.vm_mips.len() - 1);
    }
    fleet
}

/// Honest rules, 2 samples of 300 s, 2 hosts, VMs of 1860 MIPS and 1875 MB (30 s at 62.5 MB/s).
///
/// v0 on h0 asks for 1860 in both samples; v1 on h1 for 372. At 300 s v1 goes to h0 until 330 s;
/// then h1 is emptied and sleeps until 360 s.
///
/// * h0: 1860 / 3720 = 50 % for 330 s, 102 W; then 2232 / 3720 = 60 % for 270 s, 106 W:
///   33 660 + 28 620 = 62 280 J. Never above its capacity. On 600 s.
/// * h1: 10 % for 330 s, 89.4 W = 29 502 J; 30 s at 86 W = 2580 J; then off: 32 082 J. On 330 s.
/// * v0: 1860 x 600 = 1 116 000 MI, all done. v1: 372 x 600 = 223 200, of which 0.1 x 372 x 30 =
///   1116 lost; short for 30 s.
/// * SLATAH 0; PDM = mean(0, 1116 / 223 200 = 0.005) = 0.0025; global 1116 / 1 339 200 = 1 / 1200.
/// * active hosts (600 + 330) / 600 = 1.55; shortage 0.1 while short.
fn honest() -> Evidence {
    let actions = vec![
        on(0.0, 0),
        start(0, 0),
        on(0.0, 1),
        start(1, 1),
        depart(300.0, 1, 1, 0),
        arrive(330.0, 1, 1, 0),
        sleep(330.0, 1),
        off(360.0, 1),
    ];
    let sample = |sample, seconds, allocated_mips, migrations| SampleRecord {
        sample,
        seconds,
        hosts_on: 2,
        vms: 2,
        demand_mips: 2232.0,
        allocated_mips,
        power_w: 191.4,
        overloaded: 0,
        migrations,
    };
    let record = Record {
        hosts: vec![
            host_row(600.0, 0.0, 0.0, 62_280.0, 0),
            host_row(330.0, 30.0, 0.0, 32_082.0, 1),
        ],
        vms: vec![
            vm_row(1_116_000.0, 1_116_000.0, 0.0, 0.0, 0),
            vm_row(223_200.0, 222_084.0, 1116.0, 30.0, 1),
        ],
        actions,
        samples: vec![sample(0, 0.0, 2232.0, 0), sample(1, 300.0, 2194.8, 1)],
    };
    let event_log_blake3 = Some(record.event_log_blake3());
    let summary = [
        ("energy_kwh", 94_362.0 / 3.6e6),
        ("migrations", 1.0),
        ("slatah", 0.0),
        ("pdm", 0.0025),
        ("slav", 0.0),
        ("esv", 0.0),
        ("slatah_global", 0.0),
        ("pdm_global", 1.0 / 1200.0),
        ("overall_sla_violation", 1.0 / 1200.0),
        ("average_sla_violation", 0.1),
        ("host_shutdowns", 1.0),
        ("mean_time_before_host_shutdown_s", 330.0),
        ("ping_pong_rate", 0.0),
        ("active_hosts_mean", 1.55),
        ("mean_migration_duration_s", 30.0),
    ];
    Evidence {
        rules: Rules::default(),
        fleet: fleet(2, 32, &[(1860.0, 1875), (1860.0, 1875)]),
        demand: vec![vec![1.0, 1.0], vec![0.2, 0.2]],
        step_s: 300.0,
        vacate_receivers: false,
        record,
        summary: summary.map(|(name, value)| (name.to_string(), value)).to_vec(),
        event_log_blake3,
    }
}

fn reference_rules() -> Rules {
    Rules {
        demand: Demand {
            between_samples: BetweenSamples::Interpolate,
            idle_vms: IdleVms::Retire,
            clock: ClockKind::Accumulated,
        },
        host: HostRules {
            oversubscription: Oversubscription::Floored,
            memory: Memory::AtStartOnly,
            wake_s: 0.0,
            shutdown_s: 0.0,
        },
        migration: MigrationRules {
            contention: Contention::None,
            destination_load: 0.1,
            ..MigrationRules::default()
        },
        accounting: Accounting {
            window: Window::DecisionsOnly,
            energy: EnergyIntegral::Trapezoid,
            tolerance: 0.0,
            violation: Violation::Short,
            arriving_demand: ArrivingDemand::InFull,
            ratios: Ratios::Global,
            average: Average::PerInterval,
            shutdowns: Shutdowns::UnusedCounted,
        },
    }
}

/// The codes that a run gives, without repetition.
fn codes(evidence: &Evidence) -> Vec<&'static str> {
    let mut codes: Vec<&str> = check(evidence).findings.iter().map(|p| p.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// What the check makes of `honest()` after `fault`, hashed anew.
fn after(fault: impl FnOnce(&mut Evidence)) -> Vec<&'static str> {
    let mut evidence = honest();
    fault(&mut evidence);
    evidence.event_log_blake3 = Some(evidence.record.event_log_blake3());
    codes(&evidence)
}

fn recomputed(report: &Report, name: &str) -> f64 {
    report.recomputed.iter().find(|(n, _)| n == name).unwrap().1
}

#[test]
fn the_honest_run_worked_by_hand_is_clean() {
    let report = check(&honest());
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.unverified, Vec::<String>::new());
    assert!(report.to_string().lines().all(|line| line.chars().count() <= 80), "{report}");
}

#[test]
fn a_figure_wrong_by_a_millionth_is_found_whichever_it_is() {
    for i in 0..honest().summary.len() {
        let name = honest().summary[i].0.clone();
        let codes = after(|e| {
            let value = &mut e.summary[i].1;
            *value = if *value == 0.0 { 1e-6 } else { *value * (1.0 + 1e-6) };
        });
        assert_eq!(codes, ["GLN-610"], "{name}");
    }
    assert_eq!(after(|e| _ = e.summary.remove(3)), ["GLN-610"], "a missing figure");
    assert_eq!(after(|e| e.summary[0].1 = f64::NAN), ["GLN-610"]);
}

#[test]
fn a_figure_unknown_to_the_check_is_listed_as_unverified() {
    let mut evidence = honest();
    evidence.summary.push(("engine_s".into(), 3.0));
    evidence.event_log_blake3 = None;
    let report = check(&evidence);
    assert!(report.is_clean());
    assert_eq!(report.unverified, ["event_log_blake3: none was reported", "summary: engine_s"]);
}

#[test]
fn every_number_of_a_host_row_is_verified() {
    let faults: [fn(&mut HostRecord); 6] = [
        |h| h.on_s += 1e-3,
        |h| h.transition_s += 1e-3,
        |h| h.violation_s += 1e-3,
        |h| h.energy_j *= 1.0 + 1e-6,
        |h| h.shutdowns += 1,
        |h| h.machine = "hp-ml110-g5".into(),
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        assert_eq!(after(|e| fault(&mut e.record.hosts[1])), ["GLN-607"], "fault {i}");
    }
}

#[test]
fn every_number_of_a_vm_row_is_verified() {
    let faults: [fn(&mut VmRecord); 5] = [
        |v| v.demanded_mi *= 1.0 + 1e-6,
        |v| v.allocated_mi *= 1.0 + 1e-6,
        |v| v.lost_to_migration_mi *= 1.0 + 1e-6,
        |v| v.short_s += 1e-3,
        |v| v.migrations += 1,
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        assert_eq!(after(|e| fault(&mut e.record.vms[1])), ["GLN-608"], "fault {i}");
    }
}

#[test]
fn every_number_of_a_sample_row_is_verified() {
    let faults: [fn(&mut SampleRecord); 5] = [
        |s| s.hosts_on = 1,
        |s| s.vms = 1,
        |s| s.demand_mips += 1e-3,
        |s| s.allocated_mips += 1e-3,
        |s| s.power_w += 1e-3,
    ];
    for (i, fault) in faults.into_iter().enumerate() {
        assert_eq!(after(|e| fault(&mut e.record.samples[1])), ["GLN-609"], "fault {i}");
    }
}

#[test]
fn a_wrong_hash_is_found() {
    let mut evidence = honest();
    evidence.event_log_blake3 = Some("00".repeat(32));
    assert_eq!(codes(&evidence), ["GLN-611"]);
}

#[test]
fn tables_that_do_not_fit_are_refused_before_anything_else() {
    assert_eq!(after(|e| _ = e.record.hosts.pop()), ["GLN-601"]);
    assert_eq!(after(|e| _ = e.record.vms.pop()), ["GLN-601"]);
    assert_eq!(after(|e| _ = e.demand[1].pop()), ["GLN-601"]);
    assert_eq!(after(|e| e.demand[0][1] = f64::NAN), ["GLN-601"]);
    assert_eq!(after(|e| e.record.actions[1].vm = Some(VmId(9))), ["GLN-601"]);
    assert_eq!(after(|e| e.rules.migration.overhead = 1.5), ["GLN-601"]);
    assert_eq!(after(|e| e.record.actions[7].at.0 = i64::MAX), ["GLN-601"]);
    assert_eq!(after(|e| e.fleet.vm_mips = vec![Mips(f64::NAN); 2].into()), ["GLN-601"]);
}

#[test]
fn time_that_runs_backwards_or_past_the_end_or_off_the_clock_is_found() {
    assert_eq!(after(|e| e.record.actions.swap(6, 7)), ["GLN-602", "GLN-604"]);
    assert_eq!(after(|e| e.record.actions.push(wake(601.0, 1))), ["GLN-602"]);
    assert_eq!(after(|e| e.record.actions[4].seconds += 0.1), ["GLN-602"]);
    assert_eq!(after(|e| e.record.samples[1].seconds += 0.1), ["GLN-602"]);
    assert_eq!(after(|e| _ = e.record.samples.pop()), ["GLN-602"]);
}

#[test]
fn the_decision_at_time_zero_may_be_left_out() {
    assert_eq!(after(|e| _ = e.record.samples.remove(0)), Vec::<&str>::new());
}

/// Each fault leaves the other rows as they are; `at` is where the extra row goes.
#[test]
fn a_vm_does_only_what_it_can() {
    let faults: [(&str, usize, Action); 7] = [
        ("starts twice", 4, start(0, 1)),
        ("leaves a host it is not on", 4, depart(300.0, 0, 1, 0)),
        ("goes to the host it is on", 4, depart(300.0, 0, 0, 0)),
        ("is copied twice", 5, depart(300.0, 1, 1, 0)),
        ("goes to a host that is off", 8, depart(400.0, 0, 0, 1)),
        ("arrives without a copy", 5, arrive(310.0, 0, 0, 1)),
        ("stops though idle VMs stay", 8, stop(400.0, 1, 0)),
    ];
    for (what, row, action) in faults {
        let codes = after(|e| e.record.actions.insert(row, action));
        assert_eq!(codes, ["GLN-603"], "{what}");
    }
    assert_eq!(after(|e| _ = e.record.actions.remove(2))[0], "GLN-603", "starts on a host off");
    let teleport = after(|e| e.record.actions[4].from = Some(HostId(0)));
    assert!(teleport.contains(&"GLN-603"));
    let unplaced = act(300.0, ActionKind::Unplaced, Some(0), Some(1), None);
    assert_eq!(after(|e| e.record.actions.insert(4, unplaced)), ["GLN-603"]);
    assert_eq!(after(|e| _ = e.record.actions.drain(3..)), ["GLN-603"], "v1 never starts");
}

#[test]
fn a_host_does_only_what_it_can() {
    let faults: [(&str, usize, Action); 7] = [
        ("is on twice", 4, on(200.0, 0)),
        ("sleeps under a VM", 4, sleep(200.0, 0)),
        ("goes off under a VM", 4, off(200.0, 0)),
        ("wakes while on", 4, wake(200.0, 0)),
        ("is off twice", 8, off(400.0, 1)),
        ("is on without waking", 8, on(400.0, 1)),
        ("sleeps while off", 8, sleep(400.0, 1)),
    ];
    for (what, row, action) in faults {
        let codes = after(|e| e.record.actions.insert(row, action));
        assert_eq!(codes, ["GLN-604"], "{what}");
    }
    let late = |e: &mut Evidence| e.record.actions[7] = off(361.0, 1);
    assert_eq!(after(late), ["GLN-604"], "off late");
    assert_eq!(after(|e| _ = e.record.actions.pop()), ["GLN-604"], "never off");
    let woken = |e: &mut Evidence| e.record.actions.extend([wake(400.0, 1), on(519.0, 1)]);
    assert_eq!(after(woken), ["GLN-604"], "on before its 120 s");
    let instant = |e: &mut Evidence| {
        e.record.actions[6] = off(330.0, 1);
        e.record.actions.pop();
    };
    assert_eq!(after(instant), ["GLN-604"], "off without its 30 s");
}

/// v1's copy makes h1 a destination: it must not sleep under it.
#[test]
fn a_host_does_not_sleep_under_an_incoming_copy() {
    let mut evidence = honest();
    evidence.record.actions.truncate(6);
    evidence.record.actions.extend([depart(400.0, 1, 0, 1), sleep(410.0, 1)]);
    evidence.record.actions.push(arrive(430.0, 1, 0, 1));
    let report = check(&evidence);
    assert_eq!(report.findings[0].what, "host h1: v1 is being copied to it");
}

/// 2 x 1875 MB = 3.75e9 B do not fit 3 GiB = 3.22e9 B, neither from the start of the copy nor ever.
#[test]
fn memory_counts_at_the_destination_from_the_start_of_the_copy() {
    let small = |e: &mut Evidence| e.fleet.host_ram = vec![Bytes::from_gib(3); 2].into();
    assert_eq!(after(small), ["GLN-605"]);
    let loose = |e: &mut Evidence| {
        small(e);
        e.rules.host.memory = Memory::AtStartOnly;
    };
    assert_eq!(after(loose), Vec::<&str>::new());
    let tiny = |e: &mut Evidence| {
        e.fleet.host_ram = vec![Bytes::from_gib(1); 2].into();
        e.rules.host.memory = Memory::AtStartOnly;
    };
    assert_eq!(after(tiny), ["GLN-605"], "VMs that start always need memory");
}

#[test]
fn a_copy_that_ends_a_millisecond_off_or_never_is_found() {
    for contention in [Contention::MaxMin, Contention::None] {
        for end in [329.999, 330.001] {
            let codes = after(|e| {
                e.rules.migration.contention = contention;
                e.record.actions[5] = arrive(end, 1, 1, 0);
                e.record.actions[6] = sleep(end.max(330.0), 1);
                e.record.actions[7] = off(end.max(330.0) + 30.0, 1);
            });
            assert!(codes.contains(&"GLN-606"), "{end}: {codes:?}");
        }
        let codes = after(|e| {
            e.rules.migration.contention = contention;
            e.record.actions.truncate(5);
        });
        assert!(codes.contains(&"GLN-606"), "no end: {codes:?}");
    }
}

#[test]
fn a_migration_model_that_the_check_does_not_know_is_said_to_be_unverified() {
    let mut evidence = honest();
    evidence.rules.migration.model = "pre-copy".into();
    let report = check(&evidence);
    assert!(report.is_clean());
    assert_eq!(report.unverified, ["durations of migrations by the model `pre-copy`"]);
}

/// Honest rules, 2 samples of 300 s, three hosts, all on from 0.
///
/// * h0 of 3720 MIPS has three VMs that ask for 1860 each: all get 2/3, it is full (117 W) and in
///   violation for 600 s: 70 200 J.
/// * h1 has v3, which asks for 2500, then 2000, of a core of 1860: 50 %, 102 W, 61 200 J, no
///   violation; v3 lacks 640 / 2500 = .256, then 140 / 2000 = .07.
/// * h2 sleeps from 100 s, off at 130 s: 86 W for 130 s = 11 180 J.
fn crowded() -> Evidence {
    let quiet = vm_row(1_116_000.0, 744_000.0, 0.0, 600.0, 0);
    let record = Record {
        hosts: vec![
            host_row(600.0, 0.0, 600.0, 70_200.0, 0),
            host_row(600.0, 0.0, 0.0, 61_200.0, 0),
            host_row(100.0, 30.0, 0.0, 11_180.0, 1),
        ],
        vms: vec![
            quiet.clone(),
            quiet.clone(),
            quiet,
            vm_row(1_350_000.0, 1_116_000.0, 0.0, 600.0, 0),
        ],
        actions: vec![
            on(0.0, 0),
            on(0.0, 1),
            on(0.0, 2),
            start(0, 0),
            start(1, 0),
            start(2, 0),
            start(3, 1),
            sleep(100.0, 2),
            off(130.0, 2),
        ],
        samples: vec![SampleRecord {
            sample: 1,
            seconds: 300.0,
            hosts_on: 2,
            vms: 4,
            demand_mips: 7580.0,
            allocated_mips: 5580.0,
            power_w: 219.0,
            ..SampleRecord::default()
        }],
    };
    Evidence {
        fleet: fleet(3, 32, &[(1860.0, 613), (1860.0, 613), (1860.0, 613), (2500.0, 613)]),
        demand: vec![vec![1.0; 2], vec![1.0; 2], vec![1.0; 2], vec![1.0, 0.8]],
        step_s: 300.0,
        record,
        ..Evidence::default()
    }
}

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

/// The reference's rules, 3 samples: ticks at 300.1 and 600.1 s. v0 (1860 MIPS, 1250 MB: 20 s) asks
/// for .5 in all samples on h0; v1 on h1 likewise. At 600.1 s v0 goes to h1, where the copy asks
/// for a tenth. h2 is never used. The run ends at 620.1 s.
///
/// * h0: 930 / 3720 = 25 %, P = 92.6 + .5 x 3.4 = 94.3 W, for 320 s, of which the last 20 s copying
///   away at the same load: 94.3 x 320 = 30 176 J. It is idle from 620.1 s: one shutdown after
///   620.1 s. Copying gives v0 837 of 930, and 837 / .9 = 930 is not short (to be worked in
///   doubles: 930 x .9 / .9 is exactly 930).
/// * h1: 94.3 W for 300 s; then with the copy's 93 1023 / 3720 = 27.5 %, P = 92.6 + .75 x 3.4 =
///   95.15 W for 20 s: 28 290 + 1903 = 30 193 J; on 320 s. It asks for 930 + 930 in full and
///   spends 1023: in violation for 20 s.
/// * h2: never on, off at the first tick: one shutdown after 300.1 s.
/// * v0: 930 x 320 = 297 600 MI, lost 93 x 20 = 1860; v1: 297 600, nothing lost.
/// * SLATAH 20 / 640 = 1/32; PDM 1860 / 595 200 = 1/320; average shortage 0.1 (one interval).
fn reference() -> Evidence {
    let (first, second) = (0.1 + 300.0, 0.1 + 300.0 + 300.0);
    let end = second + 20.0;
    let actions = vec![
        on(0.0, 0),
        start(0, 0),
        on(0.0, 1),
        start(1, 1),
        depart(second, 0, 0, 1),
        arrive(end, 0, 0, 1),
        off(end, 0),
    ];
    let sample = |sample, seconds, allocated_mips, power_w, migrations| SampleRecord {
        sample,
        seconds,
        hosts_on: 2,
        vms: 2,
        demand_mips: 1860.0,
        allocated_mips,
        power_w,
        overloaded: 0,
        migrations,
    };
    let hosts = vec![
        host_row(320.0, 0.0, 0.0, 30_176.0, 1),
        host_row(320.0, 0.0, 20.0, 30_193.0, 0),
        host_row(0.0, 0.0, 0.0, 0.0, 1),
    ];
    let vms = vec![
        vm_row(297_600.0, 295_740.0, 1860.0, 20.0, 1),
        vm_row(297_600.0, 297_600.0, 0.0, 0.0, 0),
    ];
    let samples = vec![sample(1, first, 1860.0, 188.6, 0), sample(2, second, 1767.0, 189.45, 1)];
    let record = Record { hosts, vms, actions, samples };
    let energy_kwh = 60_369.0 / 3.6e6;
    let slav = 1.0 / 32.0 / 320.0;
    let summary = [
        ("energy_kwh", energy_kwh),
        ("migrations", 1.0),
        ("slatah", 1.0 / 32.0),
        ("pdm", 1.0 / 320.0),
        ("slav", slav),
        ("esv", energy_kwh * slav),
        ("slatah_global", 1.0 / 32.0),
        ("pdm_global", 1.0 / 320.0),
        ("overall_sla_violation", 1.0 / 320.0),
        ("average_sla_violation", 0.1),
        ("host_shutdowns", 2.0),
        ("mean_time_before_host_shutdown_s", (620.1 + 300.1) / 2.0),
        ("ping_pong_rate", 0.0),
        ("active_hosts_mean", 2.0),
    ];
    Evidence {
        rules: reference_rules(),
        fleet: fleet(3, 4, &[(1860.0, 1250), (1860.0, 1250)]),
        demand: vec![vec![0.5; 3]; 2],
        step_s: 300.0,
        vacate_receivers: true,
        event_log_blake3: Some(record.event_log_blake3()),
        record,
        summary: summary.map(|(name, value)| (name.to_string(), value)).to_vec(),
    }
}

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

/// v1 falls idle at 300 s in the middle of its copy: it goes at the first look after that, 350 s.
#[test]
fn an_idle_vm_is_not_retired_while_it_is_copied() {
    let mut evidence = honest();
    evidence.rules.demand.idle_vms = IdleVms::Retire;
    evidence.demand[1] = vec![0.2, 0.0];
    let moves = [depart(290.0, 1, 1, 0), arrive(320.0, 1, 1, 0), sleep(320.0, 1), off(350.0, 1)];
    evidence.record.actions.splice(4.., moves);
    let mut early = evidence.clone();
    early.record.actions.insert(5, stop(300.0, 1, 1));
    assert_eq!(check(&early).findings[0].what, "v1 stops while it is copied");
    assert!(codes(&evidence).contains(&"GLN-612"));
    evidence.record.actions.push(stop(350.0, 1, 0));
    let found = codes(&evidence);
    assert!(!found.contains(&"GLN-612") && !found.contains(&"GLN-603"), "{found:?}");
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

/// v0 asks for 2000 of a core of 1860: h0 is short for 600 of its 600 s, h1 never; SLATAH = 1/2,
/// and v1 still loses 0.005 of its work: SLAV = 1/2 x 0.0025.
#[test]
fn slav_is_the_product_of_the_means() {
    let mut evidence = honest();
    evidence.fleet = fleet(2, 32, &[(2000.0, 1875), (1860.0, 1875)]);
    evidence.rules.accounting.violation = Violation::Short;
    assert!((recomputed(&check(&evidence), "slav") - 0.00125).abs() < HAND);
}
