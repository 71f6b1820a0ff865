//! Leases whose VMs policies move: the calendar promises capacity, consolidation decides where.

mod loaded;

use std::fmt::Write;
use std::ops::ControlFlow;

use galerna::check::check;
use galerna::engine;
use galerna::id::{HostId, VmId};
use galerna::lease::LeaseSummary;
use galerna::model::ActionKind;
use galerna::random::{below, stream};
use galerna::spec::{self, LoadedLeases, RunSpec};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use loaded::{evidence, inputs, run, spec_of};

/// `count` hosts of 2 x 2660 MIPS whose VMs are consolidated so.
fn site(count: usize, how: &str) -> String {
    format!("{}[policy]\noverload = \"thr\"\n", loaded::site(count))
        .replace("[leases]\n", &format!("[leases]\nconsolidate = \"{how}\"\n"))
}

/// `rows` of `samples` values that rise and fall.
fn wave(rows: usize, samples: usize, seed: u64) -> UtilisationTrace {
    let random = &mut stream(seed, "test.wave");
    let mut values = Vec::new();
    for _ in 0..rows {
        let mut level = below(60, random) as i64;
        for _ in 0..samples {
            level = (level + below(41, random) as i64 - 20).clamp(0, 100);
            values.push(level as u8);
        }
    }
    let names = (0..rows).map(|row| format!("row {row}")).collect();
    UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(values))
}

/// Leases that all begin at the start and end with the trace are a run of load with the same
/// policies: hosts, VMs and summary are the same to the last bit.
#[test]
fn leases_without_a_beginning_and_an_end_are_a_run_of_consolidation() {
    for how in ["blind", "foresighted"] {
        for seed in 0..6 {
            let leased = spec_of(&site(80, how), &[]);
            let trace = wave(60, 36, seed);
            let [one, two] = [1, 2].map(|n| format!("0 -1 10800 10800 1 {n} 1024 0 none 0\n"));
            let lwf = if seed < 3 { one.repeat(60) } else { one.repeat(40) + &two.repeat(20) };
            let inputs = inputs(&leased, &lwf, trace.clone());
            let (_, outcome) = run(&leased, &inputs);
            let plain = RunSpec { leases: None, ..leased.clone() };
            let fleet = inputs.load.fleet.clone();
            let policies = spec::policies(&plain, &fleet).expect("built-in policies");
            let go_on = &mut |_| ControlFlow::Continue(());
            let load = engine::run(&fleet, &trace, &plain.rules(), policies, go_on);
            let load = load.expect("it ends");
            assert!(load.summary.migrations > 10, "{:?} {:?}", load.summary, plain.policy);
            assert_eq!(outcome.record.hosts, load.record.hosts, "{how} {seed}");
            assert_eq!(outcome.record.vms, load.record.vms, "{how} {seed}");
            assert_eq!(outcome.summary, load.summary, "{how} {seed}");
        }
    }
}

/// One VM that idles keeps one of two hosts on; a reservation of two more VMs at full load begins
/// after two hours and needs the other, which takes 120 s to wake.
#[test]
fn a_host_is_woken_in_time_for_what_is_promised() {
    let lwf = "0 -1 14400 14400 1 1 1024 0 none 0\n0 7200 3600 3600 2 1 1024 0 none 0\n";
    let trace = || {
        let rows = [[20; 12], [90; 12], [90; 12]].concat();
        let names = ["idle", "busy", "busy too"].map(str::to_owned).to_vec();
        UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(rows))
    };
    let energy = |how: &str, late: (u64, f64)| {
        let spec = spec_of(&site(2, how), &[]);
        let inputs = inputs(&spec, lwf, trace());
        let ended = run(&spec, &inputs);
        let requests = &inputs.leases.workload.leases;
        let summary = LeaseSummary::new(requests, &ended.0, &inputs.leases.rules);
        let found = summary.late.expect("it is counted");
        assert_eq!((found.reserved, found.late_s), late, "{how}");
        let report = check(&evidence(&inputs, &ended));
        assert!(report.is_clean(), "{report}");
        ended.1.summary.energy_kwh
    };
    let (blind, foresighted) = (energy("blind", (1, 120.0)), energy("foresighted", (0, 0.0)));
    let off = {
        let spec = spec_of(&loaded::site(2), &[]);
        run(&spec, &inputs(&spec, lwf, trace())).1.summary.energy_kwh
    };
    assert!(foresighted < 0.75 * off, "{foresighted} of {off}: the other host sleeps meanwhile");
    assert!(blind < 1.01 * foresighted, "{blind} {foresighted}");
}

/// Two VMs at full load that nobody announced: one fits beside the VM that idles, the other waits
/// 120 s for the second host unless that is kept on as a spare.
#[test]
fn spare_hosts_are_there_for_what_was_not_announced() {
    let lwf = "0 -1 14400 14400 1 1 1024 0 none 0\n7230 -1 3600 3600 2 1 1024 0 none 0\n";
    let late = |spare: usize| {
        let rows = [[20; 12], [100; 12], [100; 12]].concat();
        let names = ["idle", "busy", "busy too"].map(str::to_owned).to_vec();
        let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(rows));
        let spec = spec_of(&site(2, "foresighted"), &[&format!("leases.spare-hosts={spare}")]);
        let inputs = inputs(&spec, lwf, trace);
        let ended = run(&spec, &inputs);
        let report = check(&evidence(&inputs, &ended));
        assert!(report.is_clean(), "{report}");
        let requests = &inputs.leases.workload.leases;
        let late = LeaseSummary::new(requests, &ended.0, &inputs.leases.rules).late.unwrap();
        (late.others, late.late_s, ended.1.summary.energy_kwh)
    };
    let ((waited, by_s, frugal), (none, _, ready)) = (late(0), late(1));
    assert_eq!((waited, by_s, none), (1, 120.0, 0));
    // Idle power of a G5 for about three hours.
    assert!((ready - frugal - 3.0 * 0.0937).abs() < 0.02, "{ready} {frugal}");
}

/// A VM of two cores on hosts of 2 x 2660 MIPS. At 50 % of 5320 MIPS a host draws 116 W, at 100 %,
/// which takes both cores, 135 W: 600 s of the one and 300 s of the other are 110,100 J, and all
/// that it asks for is done. The other host sleeps.
#[test]
fn a_vm_of_two_cores_gets_two_cores() {
    let rows = Values::Percent(vec![50, 50, 100]);
    let trace = UtilisationTrace::new(vec!["up".into()], Span::from_seconds(300.0), rows);
    let hold = ["demand.between-samples='hold'", "policy.overload='never'"];
    let spec = spec_of(&site(2, "foresighted"), &hold);
    let inputs = inputs(&spec, "0 -1 900 900 1 2 1024 0 none 0\n", trace);
    let fleet = &inputs.load.fleet;
    assert_eq!((fleet.vms(), fleet.vm_mips[VmId(0)].0, fleet.vm_cores[VmId(0)]), (1, 5320.0, 2.0));
    let ended = run(&spec, &inputs);
    let energy: Vec<f64> = ended.1.record.hosts.iter().map(|host| host.energy_j).collect();
    assert!((energy[0] - 110_100.0).abs() < 1e-6 && energy[1] == 0.0, "{energy:?}");
    let vm = &ended.1.record.vms[0];
    assert!((vm.allocated_mi - (600.0 * 2660.0 + 300.0 * 5320.0)).abs() < 1e-3, "{vm:?}");
    let sound = evidence(&inputs, &ended);
    assert!(check(&sound).is_clean(), "{}", check(&sound));
    let mut narrow = sound.clone();
    narrow.fleet.vm_cores[VmId(0)] = 1.0;
    let report = check(&narrow).to_string();
    assert!(report.contains("GLN-652"), "{report}");
}

/// Of three VMs, of two cores and of one, at 60 %, PABFD puts the largest first: 3192 MIPS on one
/// host of 5320 leave room for one of 1596 below the limit of 95 %, and the third wakes another.
#[test]
fn vms_of_several_cores_are_placed_as_a_whole() {
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let rows = Values::Percent(vec![60; 9]);
    let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), rows);
    let limit = ["policy.overload={ kind = \"thr\", threshold = 0.95 }"];
    let spec = spec_of(&site(3, "foresighted"), &limit);
    let lwf = "0 -1 900 900 1 1 1024 0 none 0\n0 -1 900 900 1 2 1024 0 none 0\n\
               0 -1 900 900 1 1 1024 0 none 0\n";
    let inputs = inputs(&spec, lwf, trace);
    let ended = run(&spec, &inputs);
    let begins = |action: &&galerna::model::Action| action.kind == ActionKind::VmStart;
    let homes: Vec<_> =
        ended.1.record.actions.iter().filter(begins).map(|a| (a.vm, a.to)).collect();
    let at = |vm, host| (Some(VmId(vm)), Some(HostId(host)));
    assert_eq!(homes, [at(0, 0), at(1, 0), at(2, 1)]);
    let report = check(&evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
}

/// Leases of all kinds come and go at random on hosts that are loaded at random: what becomes of
/// them does not depend on where their VMs run, every promised start is kept, and every instant is
/// borne out, also where a lease ends in the midst of a migration.
#[test]
fn random_leases_are_kept_while_their_vms_are_moved() {
    let mut interrupted = 0;
    for seed in 0..25 {
        let random = &mut stream(seed, "test.consolidated-leases");
        let (mut lwf, mut arrival) = (String::new(), 0);
        for _ in 0..40 {
            arrival += below(1200, random);
            let start = match below(3, random) {
                0 => format!("{}", arrival + 600 + below(7200, random)),
                _ => "-1".to_owned(),
            };
            let (length, nodes) = (300 + below(9000, random), 1 + below(4, random));
            let cores = if seed % 2 == 0 { 1 } else { 1 + below(2, random) };
            let real = length - below(length / 2, random);
            writeln!(lwf, "{arrival} {start} {length} {real} {nodes} {cores} 2500 0 none 0")
                .expect("a string");
        }
        let ended = |how: &str| {
            let spec = spec_of(&site(8, how), &["host.wake-s=90", "migration.nic-mbit-s=100"]);
            let inputs: LoadedLeases = inputs(&spec, &lwf, wave(20, 288, seed));
            let ended = run(&spec, &inputs);
            let report = check(&evidence(&inputs, &ended));
            assert!(report.is_clean(), "{how} {seed}: {report}");
            let requests = &inputs.leases.workload.leases;
            (LeaseSummary::new(requests, &ended.0, &inputs.leases.rules), ended)
        };
        let (blind, first) = ended("blind");
        let (foresighted, second) = ended("foresighted");
        assert_eq!(first.0.leases, second.0.leases, "{seed}");
        assert_eq!(foresighted.late.map(|late| late.reserved), Some(0), "{seed}");
        assert!(blind.late.is_some());
        let aborted = |action: &&galerna::model::Action| action.kind == ActionKind::MigrationAbort;
        interrupted += second.1.record.actions.iter().filter(aborted).count();
    }
    assert!(interrupted > 0, "some lease ends while its VM is on its way");
}

#[test]
fn what_cannot_be_consolidated_is_refused() {
    let shown = |text: &str| spec::parse(text, "x.toml", Vec::new()).unwrap_err().to_string();
    let idle = shown("[leases]\nconsolidate = \"foresighted\"\n");
    assert!(idle.contains("GLN-206 x.toml, [leases] consolidate"), "{idle}");
    let spare = shown("[leases]\nload = \"replayed\"\nspare-hosts = 2\n");
    assert!(spare.contains("GLN-206 x.toml, [leases] spare-hosts"), "{spare}");
    let wrong = shown("[leases]\nload = \"replayed\"\nconsolidate = \"always\"\n");
    assert!(wrong.contains("foresighted"), "{wrong}");
    let kept = shown("[leases]\nload = \"replayed\"\n[policy]\noverload = \"thr\"\n");
    assert!(kept.contains("GLN-206 x.toml, [policy]"), "{kept}");
}
