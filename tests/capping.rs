//! A power cap that is enforced: hosts get no more CPU than it allows.

mod loaded;
mod runs;

use galerna::check::check;
use galerna::metric::CapSummary;
use galerna::model::Record;
use galerna::random::{below, stream};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use runs::{Case, bill, case, evidence, pick, simulated, sound};

/// Three G5 (5320 MIPS; 93.7 W idle, 125 W at 70 %) and VMs of 2500 MIPS, two to a host at first.
const STILL: [&str; 4] = [
    "fleet.hosts=[{ machine = \"hp-ml110-g5\", count = 3, ram-gib = 8 }]",
    "fleet.vms=[{ mips = 2500, ram-mb = 1000 }]",
    "policy.overload=never",
    "policy.underload=never",
];

/// Hosts that ask for `changes`, with four VMs at full rate, then at 20 %.
fn limited(changes: &[&str]) -> (Record, CapSummary, galerna::metric::Summary) {
    let changes = [&STILL[..], changes].concat();
    let (_, _, run) = sound(&case(&changes, vec![vec![100, 20, 20, 20, 20, 20]; 4]));
    let capped = run.summary.power_cap.expect("it has a cap");
    (run.record, capped, run.summary)
}

/// Two hosts would draw 133 + 2 x .3985 W each for 5000 MIPS; the cap of 250 W leaves 125 W to
/// each, 70 % or 3724 MIPS, so each VM gets 1862 of 2500 for 300 s. Then they ask for 1000 MIPS a
/// host, 201 W: nobody is limited. In violation are 300 of 1800 s.
#[test]
fn hosts_do_what_the_cap_allows() {
    let (record, capped, summary) = limited(&["host.cap-w=250"]);
    assert_eq!((capped.above_cap_s, capped.above_cap_kwh), (0.0, 0.0));
    assert!((capped.peak_w - 250.0).abs() < 1e-9, "{capped:?}");
    assert_eq!(capped.capped_s, Some(300.0));
    assert!((capped.capped_mi.unwrap() - 2.0 * 1276.0 * 300.0).abs() < 1e-6, "{capped:?}");
    for vm in &record.vms {
        let given = 1862.0 * 300.0 + 500.0 * 1500.0;
        assert!((vm.allocated_mi - given).abs() < 1e-6 && vm.short_s == 300.0, "{vm:?}");
    }
    assert!((summary.slatah - 300.0 / 1800.0).abs() < 1e-12);
    assert!((summary.overall_sla_violation - 638.0 / (2500.0 + 5.0 * 500.0)).abs() < 1e-12);
}

/// From 450 to 750 s the cap is below what the two hosts draw idle, 187.4 W: no VM gets anything,
/// and 7.4 W are above. The cap changes between two samples.
#[test]
fn a_cap_below_idle_power_stops_all_and_is_passed() {
    let cap = "host.cap-w={ steps = [[0, 250], [450, 180], [750, 250]], then = \"hold\" }";
    let (record, capped, _) = limited(&[cap]);
    assert_eq!((capped.above_cap_s, capped.capped_s), (300.0, Some(600.0)));
    assert!((capped.above_cap_kwh - 7.4 * 300.0 / 3.6e6).abs() < 1e-12, "{capped:?}");
    let lost = 2.0 * (1276.0 + 1000.0) * 300.0;
    assert!((capped.capped_mi.unwrap() - lost).abs() < 1e-6, "{capped:?}");
    assert!(record.vms.iter().all(|vm| vm.short_s == 600.0));
}

/// The policy plans for the cap that is enforced: under 150 W, where idle power of two hosts is
/// above, one host takes all four VMs, which it can at 20 %, and is below it by itself.
#[test]
fn the_policy_keeps_the_same_cap() {
    let place = "policy.place={ kind = \"power-cap\", window = 1 }";
    let (record, capped, summary) = limited(&["host.cap-w=150", place]);
    assert_eq!(summary.migrations, 2);
    assert!(record.samples.last().expect("samples").power_w < 113.0);
    assert!(capped.above_cap_s > 300.0 && capped.above_cap_s < 700.0, "{capped:?}");
}

/// A cap that is never reached changes nothing but that its figures are told.
#[test]
fn a_high_cap_changes_nothing() {
    for number in 0..8 {
        let free = world(number, None);
        let (_, _, mut with) = sound(&world(number, Some("1e6")));
        let (_, _, mut without) = sound(&free);
        let capped = with.summary.power_cap.take().expect("it has a cap");
        assert_eq!((capped.capped_s, capped.above_cap_s), (Some(0.0), 0.0));
        // The policy `power-cap` has figures of its own cap.
        without.summary.power_cap = None;
        assert_eq!(with, without);
    }
}

/// A reservation and another lease at full rate share a G5 of 2 x 2660 MIPS: 50 % for the first,
/// 116 W, and all for both, 135 W. At 126.3 W it does 73.25 % or 3896.9 MIPS: the reservation has
/// its 2660. At 106.3 W there are 32.6 % or 1734.32 MIPS, all of which are the reservation's.
#[test]
fn reservations_lose_last_within_a_host() {
    for (cap, expected) in [(126.3, [2660.0, 1236.9]), (106.3, [1734.32, 0.0])] {
        assert_rates(1, cap, expected);
    }
}

/// The same two on a host each, 116 W both: 44.6 W above idle. Of 220 W there are 32.6: the
/// reservation's 22.3 and 10.3 for the other, 104 W, 27.5 % or 1463 MIPS. Of 200 W there are 12.6,
/// all for the reservation: 106.3 W as above.
#[test]
fn reservations_lose_last_among_hosts() {
    for (cap, expected) in [(220.0, [2660.0, 1463.0]), (200.0, [1734.32, 0.0])] {
        assert_rates(2, cap, expected);
    }
}

/// The reservation and the other lease get `expected` MIPS on so many `hosts` under `cap`.
fn assert_rates(hosts: usize, cap: f64, expected: [f64; 2]) {
    let lwf = "0 0 1200 1200 1 1 1024 0 none 0\n0 -1 1200 1200 1 1 1024 0 none 0\n";
    let spec = loaded::spec_of(&loaded::site(hosts), &[&format!("host.cap-w={cap}")]);
    let names = vec!["a".into(), "b".into()];
    let full = Values::Percent(vec![100; 8]);
    let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), full);
    let inputs = loaded::inputs(&spec, lwf, trace);
    let ended = loaded::run(&spec, &inputs);
    let report = check(&loaded::evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
    let given = ended.1.record.vms.iter().map(|vm| vm.allocated_mi / 1200.0);
    for (given, expected) in given.zip(expected) {
        assert!((given - expected).abs() < 1e-6, "{cap} W: {given} of {expected}");
    }
}

/// Who says of a capped run that more was done, or less was lost, is found out.
#[test]
fn what_the_cap_took_is_found_out_when_it_is_told_otherwise() {
    let case = case(&[&STILL[..], &["host.cap-w=250"]].concat(), vec![vec![100, 20]; 4]);
    let (spec, fleet, run) = sound(&case);
    let told = |change: &dyn Fn(&mut galerna::check::Evidence)| {
        let mut evidence = evidence(&spec, &case.trace(), &fleet, &run);
        change(&mut evidence);
        check(&evidence).to_string()
    };
    let figure = |name: &'static str| {
        told(&move |evidence| {
            let found = evidence.summary.iter_mut().find(|(other, _)| other == name);
            found.expect("it is told").1 += 1.0;
        })
    };
    for name in ["capped_s", "capped_mi", "above_cap_s", "peak_w"] {
        assert!(figure(name).contains(&format!("GLN-610 summary: {name}")), "{name}");
    }
    assert!(told(&|evidence| evidence.record.vms[0].allocated_mi += 1.0).contains("GLN-608"));
    assert!(told(&|evidence| evidence.record.hosts[0].energy_j += 1.0).contains("GLN-607"));
    let lower = galerna::model::costs::Rate::Constant(240.0);
    assert!(told(&|evidence| evidence.rules.host.cap_w = Some(lower.clone())).contains("GLN-607"));
}

/// Hosts of two kinds, any policy, failures and odd rules, under `cap` if there is one.
fn world(number: u64, cap: Option<&str>) -> Case {
    let draws = &mut stream(number, "capping");
    let vms = 6 + below(8, draws);
    let load = (0..vms).map(|_| (0..30).map(|_| below(101, draws) as u8).collect()).collect();
    let place = pick(&["pabfd", "optimise", "balance", "power-cap", "best-fit"], draws);
    let mut changes = vec![
        "fleet.hosts=[{ machine = 'hp-ml110-g5', count = 4, ram-gib = 4 }, \
         { machine = 'hp-ml110-g4', count = 3, ram-gib = 4 }]"
            .into(),
        format!("run.seed={number}"),
        format!("policy.place={{ kind = '{place}' }}"),
        format!("policy.overload={{ kind = '{}' }}", pick(&["thr", "mad", "lr"], draws)),
        format!("accounting.violation={}", pick(&["demand-above-capacity", "short"], draws)),
        format!("migration.destination-load={}", pick(&["0", "0.1"], draws)),
        format!(
            "migration.model={}",
            pick(&["ram-over-bandwidth", "pre-copy", "post-copy", "stop-and-copy"], draws)
        ),
        format!("migration.sla={}", pick(&["measured", "cloudsim"], draws)),
        pick(
            &[
                "outages.host={ mtbf-h = 3, mttr-h = 0.5 }",
                "outages.host={ mtbf-h = 50, mttr-h = 0.5 }",
                "demand.between-samples=interpolate",
            ],
            draws,
        )
        .into(),
        "costs.energy-price=0.2".into(),
        "costs.penalty-per-s=0.01".into(),
    ];
    changes.extend(cap.map(|cap| format!("host.cap-w={cap}")));
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// Worlds under caps that hold, that change and that even idle hosts pass are borne out, and
/// repeatable; power is above the cap only where that of idle hosts is.
#[test]
fn random_worlds_keep_the_cap() {
    let (mut ran, mut limited, mut above) = (0, 0, 0);
    for number in 0..120 {
        let draws = &mut stream(number, "caps");
        let steps = format!(
            "{{ steps = [[0, {}], [1000, {}], [2345.678, {}]], until-s = 4000, then = 'repeat' }}",
            300 + below(400, draws),
            150 + below(400, draws),
            200 + below(500, draws),
        );
        let cap = match below(3, draws) {
            0 => format!("{}", 200 + below(500, draws)),
            _ => steps,
        };
        let case = world(number, Some(&cap));
        let (spec, trace) = (case.spec(), case.trace());
        let Some((fleet, run)) = simulated(&spec, &trace) else { continue };
        let mut evidence = evidence(&spec, &trace, &fleet, &run);
        let costs = spec.billing().expect("it has prices");
        evidence.bill = Some(bill(&galerna::account::Ledger::of_load(&costs, &run.record)));
        let report = check(&evidence);
        assert!(report.is_clean(), "world {number}: {case:?}\n{report}");
        let capped = run.summary.power_cap.as_ref().expect("it has a cap");
        ran += 1;
        limited += usize::from(capped.capped_s > Some(0.0));
        above += usize::from(capped.above_cap_s > 0.0);
        if number % 10 == 0 {
            assert_eq!(simulated(&spec, &trace).expect("it ran before").1, run);
        }
    }
    let counts = format!("{ran} worlds, {limited} limited, {above} above");
    assert!(ran > 90 && limited > 50 && above > 10 && above < limited, "{counts}");
}

/// Leases of all kinds that consolidation moves, under a cap.
#[test]
fn leases_keep_the_cap() {
    let mut limited = 0;
    for number in 0..8 {
        let draws = &mut stream(number, "capped leases");
        let how = pick(&["off", "blind", "foresighted"], draws);
        let consolidated = format!("[leases]\nconsolidate = \"{how}\"\n");
        let text = loaded::site(6).replace("[leases]\n", &consolidated);
        let cap = 580 + below(120, draws);
        let changes = [format!("run.seed={number}"), format!("host.cap-w={cap}")];
        let spec = loaded::spec_of(&text, &[&changes[0], &changes[1]]);
        let lease = |at: usize| {
            let (run_s, vms) = (600 + 300 * below(12, draws), 1 + below(2, draws));
            let start = if below(3, draws) == 0 { 700 + 400 * at as i64 } else { -1 };
            format!("{} {start} {run_s} {run_s} {vms} 1 1024 0 none 0\n", 400 * at)
        };
        let lwf: String = (0..24).map(lease).collect();
        let load = (0..20 * 24).map(|_| below(101, draws) as u8).collect();
        let names = (0..20).map(|row| format!("row {row}")).collect();
        let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(load));
        let inputs = loaded::inputs(&spec, &lwf, trace);
        let run = loaded::run(&spec, &inputs);
        let mut evidence = loaded::evidence(&inputs, &run);
        evidence.unknown_durations = spec.unknown_durations();
        let report = check(&evidence);
        assert!(report.is_clean(), "world {number}: {text}\n{lwf}\n{report}");
        let capped = run.1.summary.power_cap.as_ref().expect("it has a cap");
        limited += usize::from(capped.capped_s > Some(0.0));
    }
    assert!(limited > 4, "{limited}");
}
