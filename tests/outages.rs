//! Hosts that fail: worked by hand, in random worlds that the check verifies, with and without
//! headroom, and beside leases.

mod loaded;
mod runs;

use galerna::account::Ledger;
use galerna::check::{Evidence, check};
use galerna::id::HostId;
use galerna::lease::LeaseSummary;
use galerna::model::ActionKind;
use galerna::model::record::{MoveEnding, RestartRecord};
use galerna::random::{Stream, below, stream};
use galerna::spec::LoadedLeases;
use galerna::time::{Instant, Span};
use galerna::trace::{UtilisationTrace, Values};
use runs::{Case, case, evidence, simulated, sound};

const RESTING: [&str; 2] =
    ["policy.overload={ kind = 'never' }", "policy.underload={ kind = 'never' }"];

fn seconds(at: Option<Instant>) -> f64 {
    at.expect("it happened").seconds()
}

/// The case of [`one_failure_worked_by_hand`].
fn by_hand() -> Case {
    let mut changes = RESTING.to_vec();
    changes.extend([
        "fleet.hosts=[{ machine = 'hp-ml110-g4', count = 2 }]",
        "fleet.vms=[{ mips = 1860.0, ram-mb = 1000 }]",
        "outages.list=[{ start-s = 100, end-s = 500, host = 0 }]",
        "costs.vm-hour-price=3.6",
        "costs.sla=[{ from = 99, credit = 10 }, { from = 0, credit = 50 }]",
    ]);
    case(&changes, vec![vec![50; 3]])
}

/// One VM of 1860 MIPS at half of it on the first of two G4 hosts (25 %: 94.3 W; idle 86 W), for
/// 900 s. Its host fails at 100 s; that is noticed at 130 s, the other wakes until 250 s and the VM
/// boots until 310 s: 210 s down.
///
/// * h0: 100 s x 94.3 W = 9 430 J; then nothing.
/// * h1: 120 s + 60 s at 86 W = 15 480 J, 590 s x 94.3 W = 55 637 J: 71 117 J.
/// * of 930 MIPS x 900 s = 837 000 MI the VM gets 930 x 690 = 641 700.
/// * availability 76.7 %: of 900 s at 3.6 an hour, 0.9, half is given back.
#[test]
fn one_failure_worked_by_hand() {
    let case = by_hand();
    let (spec, trace) = (case.spec(), case.trace());
    let (fleet, run) = simulated(&spec, &trace).expect("it fits");
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}");
    let [h0, h1] = [0, 1].map(|host: usize| run.record.hosts[host].clone());
    near(h0.energy_j, 9430.0);
    near(h1.energy_j, 71_117.0);
    near(h1.on_s + h1.transition_s + h0.on_s, 650.0 + 120.0 + 100.0);
    let vm = &run.record.vms[0];
    near(vm.demanded_mi, 837_000.0);
    near(vm.allocated_mi, 641_700.0);
    near(vm.short_s, 210.0);
    let restart = run.record.restarts[0];
    assert_eq!((restart.from, restart.to), (HostId(0), Some(HostId(1))));
    assert_eq!((restart.failed.seconds(), seconds(restart.up)), (100.0, 310.0));
    let outages = run.summary.outages.expect("it has [outages]");
    assert_eq!((outages.host_failures, outages.vm_restarts), (1, 1));
    near(outages.downtime_s, 210.0);
    assert_eq!(seconds(run.record.outages[0].end), 500.0);
    let costs = spec.costs.as_ref().expect("it has [costs]");
    let ledger = Ledger::of_load(costs, &run.record).summary();
    let credits = ledger.named().into_iter().find(|(name, _)| *name == "credits");
    near(credits.expect("a total").1, -0.45);
    let report = check(&evidence(&spec, &trace, &fleet, &run));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_record_that_was_changed_is_found_out() {
    let case = by_hand();
    let (spec, trace) = (case.spec(), case.trace());
    let (fleet, run) = simulated(&spec, &trace).expect("it fits");
    let codes = |change: &dyn Fn(&mut Evidence)| -> Vec<&'static str> {
        let mut evidence = evidence(&spec, &trace, &fleet, &run);
        evidence.event_log_blake3 = None;
        change(&mut evidence);
        check(&evidence).findings.iter().map(|found| found.code).collect()
    };
    assert_eq!(codes(&|_| {}), Vec::<&str>::new());
    assert_eq!(codes(&|e| e.record.outages[0].end = None), ["GLN-625"]);
    assert_eq!(codes(&|e| e.record.restarts[0].priority = 9), ["GLN-628"]);
    // Found before the failure was noticed.
    let early = Some(Instant::from_seconds(110.0));
    assert_eq!(codes(&|e| e.record.restarts[0].placed = early), ["GLN-628"]);
    assert_eq!(codes(&|e| e.record.restarts.clear()), ["GLN-628"]);
    let longer = |e: &mut Evidence| {
        e.rules.outages.as_mut().expect("it has [outages]").list[0].end_s = 600.0;
    };
    assert!(codes(&longer).contains(&"GLN-625"));
    let runs_on = |e: &mut Evidence| {
        let gone = [ActionKind::VmFail, ActionKind::VmRestart];
        e.record.actions.retain(|action| !gone.contains(&action.kind));
    };
    assert!(codes(&runs_on).contains(&"GLN-627"));
    let shorter = |e: &mut Evidence| {
        let figure = e.summary.iter_mut().find(|(name, _)| name == "downtime_s");
        figure.expect("it is told").1 -= 1.0;
    };
    assert_eq!(codes(&shorter), ["GLN-610"]);
}

#[test]
fn a_failure_after_the_end_changes_nothing() {
    let load = vec![vec![20, 90, 40, 10, 70, 30]; 8];
    let hosts = "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 5 }]";
    let (_, _, without) = sound(&case(&[hosts], load.clone()));
    let late = "outages.list=[{ start-s = 90000, end-s = 99999, host = 0 }]";
    let (_, _, with) = sound(&case(&[hosts, late], load));
    assert_eq!(with.record.event_log_blake3(), without.record.event_log_blake3());
    assert_eq!(with.record.hosts, without.record.hosts);
    assert!(without.summary.outages.is_none() && with.summary.outages.is_some());
}

/// Three hosts of 4 GiB and VMs of 2000 MB, two on each. One fails: there is room for nobody, so
/// both wait for the repair; the one of higher priority is first of those that find room then.
#[test]
fn who_finds_no_room_waits_and_priority_goes_first() {
    let mut changes = RESTING.to_vec();
    changes.extend([
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 3, ram-gib = 4 }]",
        "fleet.vms=[{ mips = 500.0, ram-mb = 2000 }, { mips = 500.0, ram-mb = 2000 }]",
        "outages.priority=[1, 7]",
        "outages.list=[{ start-s = 10, end-s = 700, host = 0 }, \
         { start-s = 20, end-s = 5000, host = 1 }, { start-s = 30, end-s = 5000, host = 2 }]",
    ]);
    let (_, _, run) = sound(&case(&changes, vec![vec![10; 10]; 6]));
    let rows = &run.record.restarts;
    let up = |row: &&RestartRecord| row.up.is_some();
    assert_eq!((rows.len(), rows.iter().filter(up).count()), (6, 2));
    assert!(rows.iter().filter(up).all(|row| row.priority == 7), "{rows:?}");
    // Repaired at 700 s, on at 820 s, booted at 880 s.
    assert!(rows.iter().filter(up).all(|row| seconds(row.up) == 880.0));
    let outages = run.summary.outages.expect("it has [outages]");
    assert_eq!((outages.not_restarted, outages.max_downtime_s), (4, 2990.0));
}

fn pick<'v>(values: &[&'v str], draws: &mut Stream) -> &'v str {
    values[below(values.len(), draws)]
}

/// A world of some hosts and VMs, of which much fails in six hours.
fn world(number: u64) -> Case {
    let draws = &mut stream(number, "world");
    let (hosts, vms) = (4 + below(7, draws), 6 + below(12, draws));
    let load = (0..vms).map(|_| (0..72).map(|_| below(101, draws) as u8).collect()).collect();
    let changes = vec![
        format!("fleet.hosts=[{{ machine = 'hp-ml110-g5', count = {hosts}, ram-gib = 4 }}]"),
        format!("run.seed={number}"),
        "outages.rack-hosts=3".into(),
        format!(
            "outages.rack={{ mtbf-h = 9, mttr-h = 0.4, shape = {} }}",
            pick(&["1", "2"], draws)
        ),
        format!(
            "outages.host={{ mtbf-h = 3, mttr-h = 0.5, repair = '{}' }}",
            pick(&["exponential", "lognormal", "fixed"], draws)
        ),
        format!("outages.list=[{{ start-s = {}, end-s = 4000, host = 1 }}]", 300 * below(4, draws)),
        format!("outages.detect-s={}", pick(&["0", "30", "300"], draws)),
        format!("outages.boot-s={}", pick(&["0", "60", "400"], draws)),
        format!("outages.priority={}", pick(&["1", "[0, 2, 1, 1]"], draws)),
        format!("outages.headroom={}", below(3, draws)),
        format!("host.wake-s={}", pick(&["0.0", "120.0", "400.0"], draws)),
        format!("host.shutdown-s={}", pick(&["0.0", "30.0", "350.0"], draws)),
        format!("policy.overload={{ kind = '{}' }}", pick(&["thr", "mad", "lr"], draws)),
        format!(
            "policy.place={{ kind = '{}' }}",
            pick(&["pabfd", "first-fit-decreasing", "optimise"], draws)
        ),
        format!(
            "migration.model={}",
            pick(&["ram-over-bandwidth", "pre-copy", "post-copy", "hybrid"], draws)
        ),
        format!("migration.nic-mbit-s={}", pick(&["50.0", "20.0"], draws)),
        format!("migration.limits={}", pick(&["unlimited", "nova"], draws)),
        format!("migration.sla={}", pick(&["measured", "cloudsim"], draws)),
        format!("failures.per-hour={}", pick(&["0.0", "20.0"], draws)),
        "failures.restart-s=700.0".into(),
    ];
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// 25 worlds in which hosts, racks and migrations fail: every run is sound and repeatable, no VM is
/// lost, and migrations were cut off at both of their ends.
#[test]
fn random_worlds_check_clean_and_are_repeatable() {
    let (mut restarts, mut rolled_back, mut lost) = (0, 0, 0);
    for number in 0..25 {
        let case = world(number);
        let (spec, trace) = (case.spec(), case.trace());
        let Some((fleet, run)) = simulated(&spec, &trace) else { continue };
        let report = check(&evidence(&spec, &trace, &fleet, &run));
        assert!(report.is_clean(), "world {number}: {case:?}\n{report}");
        let (_, again) = simulated(&spec, &trace).expect("it ran before");
        assert_eq!(again, run, "world {number}");
        let of = |kind| run.record.actions.iter().filter(|a| a.kind == kind).count();
        assert_eq!((of(ActionKind::VmStart), of(ActionKind::VmStop)), (fleet.vms(), 0));
        restarts += run.record.restarts.iter().filter(|row| row.up.is_some()).count();
        let failed = |at: Option<Instant>| run.record.outages.iter().any(|o| Some(o.start) == at);
        for row in run.record.moves.iter().filter(|row| failed(row.end)) {
            rolled_back += usize::from(row.ending == MoveEnding::RolledBack);
            lost += usize::from(row.ending == MoveEnding::Lost);
        }
    }
    assert!(restarts > 200 && rolled_back > 5 && lost > 5, "{restarts} {rolled_back} {lost}");
}

/// A world of equal hosts whose VMs use little memory and more or less CPU.
fn quiet_world(number: u64, headroom: usize) -> Case {
    let draws = &mut stream(number, "quiet world");
    let (hosts, vms) = (8, 8 + below(6, draws));
    let load = (0..vms).map(|_| (0..36).map(|_| 5 + below(60, draws) as u8).collect()).collect();
    let detector = pick(&["thr", "mad", "lr"], draws);
    let changes = vec![
        format!("fleet.hosts=[{{ machine = 'hp-ml110-g5', count = {hosts}, ram-gib = 4 }}]"),
        format!("policy.overload={{ kind = '{detector}' }}"),
        format!("migration.nic-mbit-s={}", pick(&["1000.0", "50.0"], draws)),
        format!("outages.headroom={headroom}"),
    ];
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// Seconds that the VMs of `host` were down when it failed alone at `at`, for all that could be up
/// again before the end.
fn downtimes(case: &Case, host: usize, at: f64) -> Vec<f64> {
    let mut case = case.clone();
    let list = format!("outages.list=[{{ start-s = {at}, end-s = 99999, host = {host} }}]");
    case.changes.push(list);
    let (_, _, run) = sound(&case);
    let end = run.record.end;
    let rows = run.record.restarts.iter();
    let due = rows.filter(|row| row.failed + Span::from_seconds(90.0) < end);
    due.map(|row| (row.until(end) - row.failed).seconds()).collect()
}

/// With headroom 1 all VMs of any host that fails alone are up again after 30 + 60 s, whenever that
/// is; without, in these same worlds, some are not.
#[test]
fn with_n_plus_1_every_single_failure_restarts_all_at_once() {
    let mut waited = [0, 0];
    let mut all = 0;
    for number in 0..6 {
        let draws = &mut stream(number, "failures");
        for host in 0..8 {
            let at = 1.0 + below(10_600, draws) as f64;
            for headroom in [0, 1] {
                let down = downtimes(&quiet_world(number, headroom), host, at);
                all += down.len();
                let late = down.iter().filter(|down| **down != 90.0).count();
                waited[headroom] += late;
                assert!(headroom == 0 || late == 0, "world {number} host {host} {at}: {down:?}");
            }
        }
    }
    assert!(all > 60 && waited[0] > 10 && waited[1] == 0, "{all} {waited:?}");
}

/// Leases whose VMs are consolidated, with hosts that fail: everything is as promised or told.
#[test]
fn leases_go_on_beside_failures() {
    let mut restarts = 0;
    for number in 0..8 {
        let draws = &mut stream(number, "leases");
        let mut lwf = String::new();
        let mut arrival = 0;
        for _ in 0..14 {
            arrival += below(900, draws);
            let start = match below(2, draws) {
                0 => "-1".to_owned(),
                _ => (arrival + 600 + below(3000, draws)).to_string(),
            };
            let (length, nodes) = (1200 + below(7200, draws), 1 + below(3, draws));
            lwf += &format!("{arrival} {start} {length} {length} {nodes} 1 512 0 NONE 0\n");
        }
        let text = format!(
            "{}[outages]\nhost = {{ mtbf-h = 4, mttr-h = 0.5 }}\nheadroom = {}\n",
            loaded::site(6),
            number % 2
        );
        let seed = format!("run.seed={number}");
        let how = ["leases.consolidate=\"foresighted\"", "leases.consolidate=\"blind\""];
        let spec = loaded::spec_of(&text, &[how[(number % 3 > 1) as usize], &seed]);
        let load: Vec<u8> = (0..5 * 40).map(|_| below(101, draws) as u8).collect();
        let names = (0..5).map(|row| format!("row-{row}")).collect();
        let step = Span::from_seconds(300.0);
        let trace = UtilisationTrace::new(names, step, Values::Percent(load));
        let inputs = loaded::inputs(&spec, &lwf, trace);
        let run = loaded::run(&spec, &inputs);
        let report = check(&loaded::evidence(&inputs, &run));
        assert!(report.is_clean(), "leases {number}: {text}{lwf}\n{report}");
        assert_eq!(loaded::run(&spec, &inputs), run);
        restarts += run.1.record.restarts.iter().filter(|row| row.up.is_some()).count();
    }
    assert!(restarts > 20, "{restarts}");
}

/// Thirty days in which every 29 hours another of eight hosts is out for four: with headroom 1
/// every VM is down for 90 s each time, and no month is worth a credit below 99.9 %; one below
/// 100 % is.
#[test]
fn a_month_of_failures_costs_nothing_that_the_contract_protects() {
    let draws = &mut stream(1, "month");
    let load = (0..10).map(|_| (0..8640).map(|_| 5 + below(50, draws) as u8).collect()).collect();
    let outage = |i: usize| {
        let start = 3600 * (5 + 29 * i) + below(3000, &mut stream(i as u64, "start"));
        format!("{{ start-s = {start}, end-s = {}, host = {} }}", start + 4 * 3600, i % 8)
    };
    let list: Vec<String> = (0..24).map(outage).collect();
    let case = case(
        &[
            "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 8, ram-gib = 4 }]",
            "policy.overload={ kind = 'thr' }",
            "outages.headroom=1",
            &format!("outages.list=[{}]", list.join(", ")),
            "costs.vm-hour-price=0.05",
            "costs.sla=[{ from = 99.9, credit = 0 }, { from = 0, credit = 100 }]",
        ],
        load,
    );
    let (spec, _, run) = sound(&case);
    let rows = &run.record.restarts;
    assert!(rows.len() > 20, "{}", rows.len());
    for row in rows {
        assert_eq!((row.until(run.record.end) - row.failed).seconds(), 90.0, "{row:?}");
    }
    let credits = |costs: &galerna::model::Costs| {
        let all = Ledger::of_load(costs, &run.record).summary().named();
        all.into_iter().find(|(name, _)| *name == "credits").expect("a total").1
    };
    let mut costs = spec.costs.clone().expect("it has [costs]");
    assert_eq!(credits(&costs), 0.0);
    costs.sla[0].from = 100.0;
    assert!(credits(&costs) < 0.0);
}

/// Of two hosts of two cores one is headroom: a reservation of three cores is refused, one of two
/// is not.
#[test]
fn leases_are_not_promised_the_headroom() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.lwf");
    let lwf = "0 600 600 600 2 1 512 0 none 0\n0 1500 600 600 3 1 512 0 none 0\n";
    std::fs::write(&path, lwf).unwrap();
    for (headroom, kept) in [(0, 2), (1, 1)] {
        let changes = [
            format!("leases.workload={}", path.display()),
            "leases.consolidate=foresighted".to_owned(),
            "leases.oversized=keep".to_owned(),
            format!("outages.headroom={headroom}"),
        ];
        let given = if headroom == 0 { &changes[..3] } else { &changes[..] };
        let changes: Vec<&str> = given.iter().map(String::as_str).collect();
        let spec = loaded::spec_of(&loaded::site(2), &changes);
        let inputs = LoadedLeases::read(&spec, spec.leases.as_ref().unwrap()).unwrap();
        let ended = loaded::run(&spec, &inputs);
        let report = check(&loaded::evidence(&inputs, &ended));
        assert!(report.is_clean(), "{report}");
        let requests = &inputs.leases.workload.leases;
        let summary = LeaseSummary::new(requests, &ended.0, &inputs.leases.rules);
        assert_eq!(summary.accepted_ar, kept, "headroom {headroom}");
    }
}
