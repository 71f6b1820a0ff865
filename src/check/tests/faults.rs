//! One fault at a time in a run that was sound.

use super::*;

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

/// Both VMs take 5 GB of disk and 400 MB/s: 10 GB and 800 MB/s where v1 arrives beside v0. Disk and
/// network count whatever the rule of memory; a host that states no limit has none.
#[test]
fn disk_and_network_each_have_their_own_limit() {
    let with = |disk: Option<u64>, net: Option<f64>| {
        move |e: &mut Evidence| {
            e.rules.host.memory = Memory::AtStartOnly;
            e.fleet.vm_disk = vec![Bytes(5_000_000_000); 2].into();
            e.fleet.vm_net = vec![BytesPerSecond(4e8); 2].into();
            e.fleet.host_disk = vec![disk.map(Bytes); 2].into();
            e.fleet.host_net = vec![net.map(BytesPerSecond); 2].into();
        }
    };
    assert_eq!(after(with(None, None)), Vec::<&str>::new());
    assert_eq!(after(with(Some(10_000_000_000), Some(8e8))), Vec::<&str>::new());
    assert_eq!(after(with(Some(9_999_999_999), Some(8e8))), ["GLN-605"]);
    assert_eq!(after(with(Some(10_000_000_000), Some(7.9e8))), ["GLN-605"]);
    let mut evidence = honest();
    with(Some(1), Some(1.0))(&mut evidence);
    assert_eq!(check(&evidence).findings.len(), 6, "two starts and one copy, each twice");
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

#[test]
fn every_number_of_a_migration_is_verified() {
    let faults: [fn(&mut Record); 8] = [
        |r| r.moves[0].bytes += 1e6,
        |r| r.moves[0].downtime_s += 1e-3,
        |r| r.moves[0].energy_j += 1.0,
        |r| r.moves[0].start = Instant(1),
        |r| r.moves[0].ending = MoveEnding::RolledBack,
        |r| (r.stages[0].start, r.stages[0].seconds) = (Instant(1), 1e-6),
        |r| r.stages[0].bytes *= 2.0,
        |r| r.moves.push(r.moves[0]),
    ];
    assert!(super::super::check(&tabled(honest())).is_clean());
    for (i, fault) in faults.into_iter().enumerate() {
        let mut evidence = tabled(honest());
        fault(&mut evidence.record);
        let findings = super::super::check(&evidence).findings;
        assert_eq!(findings.first().map(|found| found.code), Some("GLN-615"), "fault {i}");
    }
}
