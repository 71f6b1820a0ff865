//! Miniature runs worked by hand that must pass, and every kind of fault that must not.

mod doubts;
mod faults;
mod reference;
mod rules;

use super::*;
use crate::id::{HostId, VmId};
use crate::model::record::{MoveEnding, MoveRecord, Reason, StageKind, StageRecord};
use crate::model::rules::*;
use crate::model::{Action, ActionKind, HostRecord, Machine, SampleRecord, VmRecord, VmType};
use crate::time::Instant;
use crate::units::{Bytes, BytesPerSecond, Mips};

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

/// Two VMs on two hosts; totals are demand, allocation and power.
fn sample(sample: u32, seconds: f64, totals: [f64; 3], migrations: u32) -> SampleRecord {
    let [demand_mips, allocated_mips, power_w] = totals;
    let (hosts_on, vms, overloaded) = (2, 2, 0);
    SampleRecord {
        sample,
        seconds,
        hosts_on,
        vms,
        demand_mips,
        allocated_mips,
        power_w,
        overloaded,
        migrations,
    }
}

fn named(figures: &[(&str, f64)]) -> Vec<(String, f64)> {
    figures.iter().map(|(name, value)| (name.to_string(), *value)).collect()
}

/// Hosts of type G4 (2 x 1860 MIPS; 86, 89.4, 92.6, 96, 99.5, 102, 106, .. W) with VMs of the given
/// MIPS and megabytes.
fn fleet(hosts: usize, gib: u64, vms: &[(f64, u64)]) -> Fleet {
    let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(gib)).unwrap();
    let mut fleet = Fleet::of_hosts(vec![g4], vec![0; hosts]);
    for (row, &(mips, mb)) in vms.iter().enumerate() {
        fleet.add_vm(VmType::new(Mips(mips), Bytes::from_mb(mb)), row);
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
        samples: vec![
            sample(0, 0.0, [2232.0, 2232.0, 191.4], 0),
            sample(1, 300.0, [2232.0, 2194.8, 191.4], 1),
        ],
        ..Record::default()
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
        tenancy: None,
        bill: None,
        network: None,
        unknown_durations: None,
        sending: None,
        record,
        summary: named(&summary),
        event_log_blake3,
    }
}

/// Checks `evidence` with the tables of migrations that its actions imply: whole copies.
fn check(evidence: &Evidence) -> Report {
    super::check(&tabled(evidence.clone()))
}

/// The same with one pass over all memory for each migration.
fn tabled(mut evidence: Evidence) -> Evidence {
    let record = &mut evidence.record;
    let mut ends = of_kind(record, ActionKind::MigrationEnd);
    for (number, begun) in of_kind(record, ActionKind::MigrationStart).iter().enumerate() {
        let (Some(vm), Some(from), Some(to)) = (begun.vm, begun.from, begun.to) else { continue };
        let same = |end: &Action| (end.vm, end.to) == (begun.vm, begun.to);
        let end = ends.iter().position(same).map(|end| ends.remove(end).at);
        let ending = end.map_or(MoveEnding::UnderWay, |_| MoveEnding::Moved);
        let bytes = evidence.fleet.vm_ram.as_slice().get(vm.0 as usize).map_or(0.0, |b| b.0 as f64);
        let (start, rounds, downtime_s, energy_j) = (begun.at, 1, 0.0, 0.0);
        record.moves.push(MoveRecord {
            vm,
            from,
            to,
            start,
            end,
            ending,
            bytes,
            rounds,
            downtime_s,
            energy_j,
        });
        let (migration, kind, speed) = (number as u32, StageKind::Bulk, 1.0);
        let seconds = begun.seconds;
        record.stages.push(StageRecord { migration, kind, start, seconds, end, bytes, speed });
    }
    evidence
}

fn of_kind(record: &Record, kind: ActionKind) -> Vec<Action> {
    record.actions.iter().filter(|action| action.kind == kind).copied().collect()
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
            power: PowerPolicy::Managed,
            cap_w: None,
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
            migration_loss: MigrationLoss::Shortage,
            ratios: Ratios::Global,
            average: Average::PerInterval,
            shutdowns: Shutdowns::UnusedCounted,
        },
        costs: None,
        outages: None,
        power_cap: None,
        provision: None,
        sites: None,
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
        ..Record::default()
    };
    Evidence {
        fleet: fleet(3, 32, &[(1860.0, 613), (1860.0, 613), (1860.0, 613), (2500.0, 613)]),
        demand: vec![vec![1.0; 2], vec![1.0; 2], vec![1.0; 2], vec![1.0, 0.8]],
        step_s: 300.0,
        record,
        ..Evidence::default()
    }
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
    let hosts = vec![
        host_row(320.0, 0.0, 0.0, 30_176.0, 1),
        host_row(320.0, 0.0, 20.0, 30_193.0, 0),
        host_row(0.0, 0.0, 0.0, 0.0, 1),
    ];
    let vms = vec![
        vm_row(297_600.0, 295_740.0, 1860.0, 20.0, 1),
        vm_row(297_600.0, 297_600.0, 0.0, 0.0, 0),
    ];
    let samples = vec![
        sample(1, first, [1860.0, 1860.0, 188.6], 0),
        sample(2, second, [1860.0, 1767.0, 189.45], 1),
    ];
    let record = Record { hosts, vms, actions, samples, ..Record::default() };
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
        tenancy: None,
        bill: None,
        network: None,
        unknown_durations: None,
        sending: None,
        event_log_blake3: Some(record.event_log_blake3()),
        record,
        summary: named(&summary),
    }
}
