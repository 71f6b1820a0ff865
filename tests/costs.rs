//! Money: hand-computed ledgers, and the independent check of random ones.

mod runs;

use std::ops::ControlFlow;

use galerna::account::{Account, Ledger, Money, Subject};
use galerna::check::{Bill, LeaseRun, Report, Tenancy, check, check_lease_bill};
use galerna::engine;
use galerna::id::VmId;
use galerna::lease::{LeasePolicies, Schedule};
use galerna::model::costs::{HourPrice, Rate, Tier};
use galerna::model::lease::LeaseRequest;
use galerna::model::lease_record::Use;
use galerna::model::record::Reason;
use galerna::model::{Action, ActionKind, Costs, Record, VmRecord};
use galerna::spec::{self, Inputs, LeaseInputs, LoadedLeases, Override, RunSpec};
use galerna::time::Instant;
use runs::{Case, bill, evidence, simulated};

const DAY_S: f64 = 86_400.0;

fn parsed(text: &str) -> RunSpec {
    spec::parse(text, "test.toml", Vec::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// One host G4 with an idle VM, 86 W, for 24 h.
fn idle_day(costs: &str) -> (RunSpec, Case) {
    let text = format!(
        "[fleet]\nhosts = [{{ machine = \"hp-ml110-g4\", count = 1 }}]\n\
         vms = [{{ mips = 500, ram-mb = 613 }}]\n{costs}"
    );
    let load = vec![vec![0; 24]];
    let case = Case { base: "lr-mmt", changes: Vec::new(), load, step_s: 3600.0 };
    (parsed(&text), case)
}

fn checked(spec: &RunSpec, case: &Case) -> (Ledger, Report) {
    let trace = case.trace();
    let (fleet, outcome) = simulated(spec, &trace).expect("all VMs fit");
    let ledger = Ledger::of_load(spec.costs.as_ref().expect("costs"), &outcome.record);
    let mut evidence = evidence(spec, &trace, &fleet, &outcome);
    evidence.bill = Some(bill(&ledger));
    (ledger, check(&evidence))
}

/// 86 W for 8 h are 0.688 kWh, for 16 h 1.376; with a PUE of 1.5 1.032 and 2.064 kWh. At 0.10 and
/// 0.30 that is 0.1032 and 0.6192, together 0.7224.
#[test]
fn a_day_with_a_tariff_of_two_steps() {
    let (spec, case) = idle_day(
        "[costs]\npue = 1.5\n\
         energy-price = { steps = [[0, 0.1], [28800, 0.3]], until-s = 86400 }\n",
    );
    let (ledger, report) = checked(&spec, &case);
    assert!(report.is_clean(), "{report}");
    let amounts: Vec<i64> = ledger.of(Account::Energy).map(|entry| entry.amount.0).collect();
    assert_eq!(amounts, [-103_200, -619_200]);
    assert_eq!(ledger.balance(), Money(-722_400));
    assert!((ledger.summary().site_energy_kwh - 3.096).abs() < 1e-9);
}

/// The step lies within a sample of an hour: 20 min of 86 W are 0.086 / 3 kWh at 0.1.
#[test]
fn a_step_between_two_samples_divides_the_energy_exactly() {
    let costs = "[costs]\nenergy-price = { steps = [[0, 3], [1200, 0]], then = \"hold\" }\n";
    let (spec, case) = idle_day(costs);
    let (ledger, report) = checked(&spec, &case);
    assert!(report.is_clean(), "{report}");
    assert_eq!(ledger.total(Account::Energy), Money(-86_000));
}

/// 2.064 kWh at 500 g/kWh are 1.032 kg; at 100 per tonne 0.1032.
#[test]
fn carbon_of_a_host_at_constant_power() {
    let (spec, case) = idle_day("[costs]\ncarbon-intensity = 500\ncarbon-price = 100\n");
    let (ledger, report) = checked(&spec, &case);
    assert!(report.is_clean(), "{report}");
    assert!((ledger.summary().emissions_kg - 1.032).abs() < 1e-9);
    assert_eq!(
        (ledger.total(Account::Carbon), ledger.balance()),
        (Money(-103_200), Money(-103_200))
    );
}

fn tiers() -> Vec<Tier> {
    let tier = |(from, credit)| Tier { from, to: None, credit };
    [(99.99, 0.0), (99.0, 10.0), (0.0, 30.0)].map(tier).to_vec()
}

/// 40 days at 0.05 per hour: 36.00 for the first month, 12.00 for 10 days of the second.
///
/// * v0 is down for 259.2 s, 0.01 % of the month: 99.99 %, nothing.
/// * v1 for 259.3 s: 10 % of 36.00 = 3.60. v2 for 8 h of 720: 98.9 %, 30 % = 10.80.
/// * v3 from 8640 s before the end of the month to 8640 s after it: 99.67 % of the first month,
///   3.60; of the 864 000 s of the second exactly 99 %, 10 % of 12.00 = 1.20.
#[test]
fn a_month_of_credits() {
    let month = 30.0 * DAY_S;
    let down = [(5.0, 264.2), (5.0, 264.3), (0.0, 28_800.0), (month - 8640.0, month + 8640.0)];
    let action = |at: f64, kind, vm: u32| {
        let (vm, from, to) = (Some(VmId(vm)), None, None);
        let at = Instant::from_seconds(at);
        Action { at, seconds: at.seconds(), kind, vm, from, to, reason: Reason::Initial }
    };
    let mut actions: Vec<Action> = (0..4).map(|vm| action(0.0, ActionKind::VmStart, vm)).collect();
    for ((from, to), vm) in down.into_iter().zip(0..) {
        actions.push(action(from, ActionKind::VmCrash, vm));
        actions.push(action(to, ActionKind::VmRestart, vm));
    }
    let end = Instant::from_seconds(40.0 * DAY_S);
    let vms = vec![VmRecord::default(); 4];
    let record = Record { actions, vms, end, ..Record::default() };
    let vm_hour_price = HourPrice::All(0.05);
    let costs = Costs { vm_hour_price, sla: tiers(), ..Costs::default() };
    let ledger = Ledger::of_load(&costs, &record);
    assert_eq!(ledger.total(Account::InstanceHours), Money(4 * 48_000_000));
    let credits: Vec<_> =
        ledger.of(Account::Credits).map(|entry| (entry.subject, entry.amount.0)).collect();
    let expected = [
        (Subject::Vm(1), -3_600_000),
        (Subject::Vm(2), -10_800_000),
        (Subject::Vm(3), -3_600_000),
        (Subject::Vm(3), -1_200_000),
    ];
    assert_eq!(credits, expected);
}

/// A case that is different for each `turn`: models, clocks, failures, loads.
fn random_case(turn: u64) -> Case {
    let bases = ["lr-mmt", "thr-mu", "cloudsim-3.0.3/mad-mmt", "npa", "mad-rs"];
    let base = bases[turn as usize % bases.len()];
    let mut state = turn.wrapping_mul(6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
    let mut next = move |most: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let mut changes = vec![
        "fleet.hosts=[{ machine = \"hp-ml110-g4\", count = 4 }, \
         { machine = \"hp-ml110-g5\", count = 3 }]"
            .to_owned(),
        format!("costs.pue=1.{}", next(9)),
        format!(
            "costs.energy-price={{ steps = [[0, 0.{}], [{}, 0.31]], until-s = 5000, then = \
             \"repeat\" }}",
            next(9) + 1,
            700 + next(3000)
        ),
        format!("costs.carbon-intensity={{ steps = [[0, 90], [{}, 400]], then = \"hold\" }}", 450),
        "costs.carbon-price=75".into(),
        "costs.vm-hour-price=[0.1, 0.2, 0.05, 0.01]".into(),
        "costs.sla=[{ from = 99.99, credit = 0 }, { from = 99, credit = 10 }, { from = 0, credit = \
         30 }]"
            .into(),
        "costs.penalty-per-s=0.0001".into(),
    ];
    if base == "lr-mmt" || base == "mad-rs" {
        changes.push("migration.model=\"pre-copy\"".into());
        changes.push("migration.sla=\"measured\"".into());
        changes.push("migration.energy-j=20.165".into());
        changes.push(format!("failures.per-hour={}", next(60)));
        if next(2) == 0 {
            changes.push("outages.host={ mtbf-h = 2, mttr-h = 0.3 }".into());
        }
    }
    let load = (0..9).map(|_| (0..20).map(|_| next(101) as u8).collect()).collect();
    Case { base, changes, load, step_s: 300.0 }
}

#[test]
fn ledgers_of_random_runs_are_borne_out_and_balance() {
    let mut credits = 0;
    for turn in 0..40 {
        let case = random_case(turn);
        let spec = case.spec();
        let (ledger, report) = checked(&spec, &case);
        assert!(report.is_clean(), "case {turn}, {}: {report}", case.base);
        let sum: i64 = Account::ALL.iter().map(|account| ledger.total(*account).0).sum();
        assert_eq!(sum, ledger.balance().0);
        assert_eq!(ledger.summary().balance, sum as f64 / 1e6);
        credits += ledger.of(Account::Credits).count();
        let with = |changes: &[String]| Case { changes: changes.to_vec(), ..case.clone() }.spec();
        let free: Vec<String> =
            case.changes.iter().filter(|c| !c.starts_with("costs")).cloned().collect();
        let trace = case.trace();
        let alone = simulated(&with(&free), &trace).expect("it fits").1;
        let billed = simulated(&spec, &trace).expect("it fits").1;
        assert_eq!(alone.summary, billed.summary, "asking for amounts changes nothing");
        let used: f64 = billed.record.energy.iter().map(|row| row.joules).sum();
        assert!((used / 3.6e6 - alone.summary.energy_kwh).abs() < 1e-9);
    }
    assert!(credits > 0, "no run had downtime");
}

#[test]
fn a_ledger_is_the_same_on_every_thread() {
    let ledger = || {
        let case = random_case(5);
        checked(&case.spec(), &case).0
    };
    let alone = ledger();
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(ledger)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().expect("it ends") == alone));
}

#[test]
fn a_ledger_that_was_changed_is_found_out() {
    let case = random_case(0);
    let (spec, trace) = (case.spec(), case.trace());
    let (fleet, outcome) = simulated(&spec, &trace).expect("it fits");
    let ledger = Ledger::of_load(spec.costs.as_ref().expect("costs"), &outcome.record);
    let sound = evidence(&spec, &trace, &fleet, &outcome);
    let codes = |change: &dyn Fn(&mut Bill)| -> Vec<&'static str> {
        let mut bill = bill(&ledger);
        change(&mut bill);
        let evidence = galerna::check::Evidence { bill: Some(bill), ..sound.clone() };
        let mut codes: Vec<_> = check(&evidence).findings.iter().map(|found| found.code).collect();
        codes.dedup();
        codes
    };
    assert_eq!(codes(&|_| {}), Vec::<&str>::new());
    assert_eq!(codes(&|bill| bill.rows[3].amount_micro += 1), ["GLN-618", "GLN-619"]);
    assert_eq!(codes(&|bill| bill.rows[3].quantity *= 1.001)[0], "GLN-618");
    assert_eq!(codes(&|bill| bill.rows[3].unit_price += 1.0)[0], "GLN-618");
    assert_eq!(codes(&|bill| bill.rows[3].unit = "MWh".into()), ["GLN-618"]);
    assert_eq!(codes(&|bill| drop(bill.rows.pop())), ["GLN-618", "GLN-619"]);
    assert_eq!(codes(&|bill| bill.rows.push(bill.rows[0].clone())), ["GLN-618", "GLN-619"]);
    assert_eq!(codes(&|bill| bill.totals[5].1 += 1e-6), ["GLN-619"]);
    assert_eq!(codes(&|bill| drop(bill.totals.remove(0))), ["GLN-619"]);
}

fn runs_of(requests: &[LeaseRequest], schedule: &Schedule) -> Vec<LeaseRun> {
    let runs = schedule.stretches.iter().filter(|stretch| stretch.purpose == Use::Run);
    runs.map(|run| {
        let request = &requests[run.lease.0 as usize];
        let sets = request.nodes.iter();
        let typed = sets.filter_map(|set| Some((set.part.instance.clone()?, set.count)));
        let (vms, instances) = (request.vms(), typed.collect());
        LeaseRun { lease: run.lease.0, vms, instances, start: run.start, end: run.end }
    })
    .collect()
}

/// Two VMs for 2 h at 0.5 per hour are 2.00.
#[test]
fn leases_without_load_are_billed_by_the_hour() {
    let spec = parsed(
        "[leases]\nhosts = [{ count = 2, cpu = 100, memory-mb = 1024 }]\n\
         [costs]\nvm-hour-price = 0.5\n",
    );
    let leases = spec.leases.as_ref().expect("leases");
    let lwf = "0 -1 7200 7200 2 1 1024 0 none 0\n";
    let workload = galerna::lease::format::read_old_lwf("test.lwf", lwf.as_bytes()).expect("lwf");
    let site = galerna::model::lease::Site::uniform(2, 100, 1024);
    let inputs = LeaseInputs {
        workload,
        site,
        rules: leases.rules.clone(),
        left_out: 0,
        consolidate: leases.consolidate,
        spare_hosts: leases.spare_hosts,
    };
    let LeaseInputs { workload, site, rules, .. } = &inputs;
    let go_on = &mut |_| ControlFlow::Continue(());
    let policies = LeasePolicies::new(rules);
    let schedule =
        engine::run_leases(site, &workload.leases, rules, policies, go_on).expect("it ends");
    let costs = spec.costs.as_ref().expect("costs");
    let ledger = Ledger::of_leases(costs, &workload.leases, &schedule.stretches, None);
    assert_eq!(ledger.balance(), Money(2_000_000));
    let runs = Some(runs_of(&workload.leases, &schedule));
    let bill = Bill { runs, ..bill(&ledger) };
    assert_eq!(check_lease_bill(costs, &bill).0, Vec::new());
}

#[test]
fn leases_that_carry_load_pay_and_cost() {
    let changes = [
        "costs.energy-price={ steps = [[0, 0.1], [21600, 0.3]], until-s = 86400, \
         then = \"repeat\" }",
        "costs.vm-hour-price=0.05",
        "costs.carbon-intensity=300",
        "costs.penalty-per-s=0.001",
    ];
    let changes = changes.iter().map(|change| Override::parse(change).expect("a change"));
    let spec = spec::load("leases/loaded".as_ref(), changes.collect()).expect("a bundled spec");
    let inputs = LoadedLeases::read(&spec, spec.loaded_leases().expect("loaded")).expect("samples");
    let policies = spec::policies(&spec, &inputs.load.fleet).expect("built in");
    let served = LeasePolicies::new(&inputs.leases.rules);
    let go_on = &mut |_| ControlFlow::Continue(());
    let sides = (inputs.leases.side(served), inputs.load.side(policies));
    let (schedule, outcome) =
        engine::run_leases_with_load(sides.0, sides.1, go_on).expect("it ends");
    let (requests, costs) = (&inputs.leases.workload.leases, spec.costs.as_ref().expect("costs"));
    let load = Some((&outcome.record, spec.guests()));
    let ledger = Ledger::of_leases(costs, requests, &schedule.stretches, load);
    assert!(
        ledger.total(Account::Energy) < Money(0) && ledger.total(Account::InstanceHours) > Money(0)
    );
    let kwh = ledger.summary().site_energy_kwh;
    assert!((kwh - outcome.summary.energy_kwh).abs() < 1e-9);
    let Inputs { trace, fleet, .. } = &inputs.load;
    let demand = (0..trace.vms())
        .map(|row| (0..trace.samples()).map(|k| trace.fraction(row, k)).collect())
        .collect();
    let mut evidence = evidence(&spec, trace, fleet, &outcome);
    evidence.demand = demand;
    evidence.tenancy = Some(Tenancy::of(requests, &schedule.leases, &schedule.stretches));
    let runs = Some(runs_of(requests, &schedule));
    evidence.bill = Some(Bill { runs, ..bill(&ledger) });
    let report = check(&evidence);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn everything_wrong_with_costs_is_told_at_once() {
    let folder = std::env::temp_dir().join(format!("galerna-costs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("tariff.csv");
    std::fs::write(&file, "time_s,price\n0,0.1\n7200,0.2\n3600,-1\n").expect("a file");
    let text = format!("[costs]\nenergy-price = {{ file = '{}' }}\n", file.display());
    let error = spec::parse(&text, "x.toml", Vec::new()).unwrap_err().to_string();
    assert!(error.contains("tariff.csv:4: found 3600 s after 7200 s"), "{error}");
    assert!(error.contains("tariff.csv:4: must be between 0 and 1e9, found -1"), "{error}");
    std::fs::write(&file, "time_s,price\n0,0.1\nsoon,0.2\n").expect("a file");
    let error = spec::parse(&text, "x.toml", Vec::new()).unwrap_err().to_string();
    assert!(error.contains("tariff.csv:3: found `soon,0.2`"), "{error}");
    std::fs::write(&file, "time_s,price\n0,0.1\n7200,0.2\n").expect("a file");
    let spec = parsed(&text);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    assert!(spec.to_toml().contains("7200"), "the steps are kept, the file is not needed again");
    let error = Inputs::read(&spec).unwrap_err().to_string();
    assert!(error.contains("GLN-208") && error.contains("[costs] energy-price"), "{error}");

    let text = "[costs]\npue = 0.9\ncarbon-price = -1\nvm-hour-price = [0.1, -2]\n\
        carbon-intensity = { steps = [[60, 1], [30, 2]], then = \"repeat\" }\n\
        sla = [{ from = 99, credit = 10 }, { from = 99.9, credit = 0 }, { from = 50, to = 80, \
        credit = 20 }]\n";
    let error = spec::parse(text, "x.toml", Vec::new()).unwrap_err();
    let told = error.to_string();
    for part in [
        "GLN-203 x.toml, [costs] pue: must be at least 1",
        "[costs] carbon-price: must be between 0",
        "[costs] vm-hour-price[1]: must be",
        "has 2 prices, [fleet] vms has 4 types",
        "carbon-intensity.steps[0]: the series begins at 60 s",
        "carbon-intensity.steps[1]: found 30 s after 60 s",
        "carbon-intensity.until-s: repeats",
        "GLN-209 x.toml, [costs] sla[1].from: found 99.9, after a tier from 99 on",
        "sla[1].credit: found 0, less than 10",
        "sla[2].to: found 80, which leaves a gap",
        "sla[2].from: leaves a gap: nothing is said of availability below 50",
    ] {
        assert!(told.contains(part), "{part}\nis not in\n{told}");
    }
    let text = "[leases]\n[costs]\nenergy-price = 0.2\nvm-hour-price = [1, 2, 3, 4]\n";
    let told = spec::parse(text, "x.toml", Vec::new()).unwrap_err().to_string();
    assert!(told.matches("GLN-206").count() == 2, "{told}");
}

/// A made series becomes steps of the spec, and bad settings of it are all named.
#[test]
fn series_are_made_by_a_recipe() {
    let parse = |text: &str| spec::parse(text, "x.toml", Vec::new());
    let made = "[costs]\ncarbon-intensity = { made = { days = 2, seed = 5 } }\n";
    let spec = parse(made).unwrap();
    let Rate::Series(series) = &spec.costs.as_ref().unwrap().carbon_intensity else { panic!() };
    assert_eq!((series.steps.len(), series.made), (48, None));
    assert_eq!(parse(&spec.to_toml()).unwrap(), spec, "a resolved spec has the steps");
    let wrong = "[costs]\nenergy-price = { made = { mean = -1, swing = 2, days = 0 } }\n\
                 carbon-intensity = { made = {}, steps = [[0, 1]] }\n";
    let shown = parse(wrong).unwrap_err().to_string();
    for words in ["made.mean", "made.swing", "made.days", "`made` beside"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}
