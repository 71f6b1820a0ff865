//! Are the bundled runs of leases whole: does each run, check clean, and differ from its plain
//! namesake by Haizea's oddities only? Does a run decide as the library does?
#![cfg(feature = "frames")]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use galerna::account::Ledger;
use galerna::engine::{Outcome, run_leases, run_leases_with_load};
use galerna::frames::{
    Existing, LeaseFolder, RunReport, Timing, check_destination, read_run, write_lease_run,
};
use galerna::lease::{LeasePolicies, LeaseSummary, Oddities, Schedule};
use galerna::spec::{
    self, Inputs, LeaseInputs, LeaseSpec, LoadedLeases, Override, RunSpec, catalogue,
};

const FOLDERS: [&str; 3] = ["leases/", "haizea-1.0/", "haizea-1.1/"];

fn spec_of(name: &str, changes: &[&str]) -> RunSpec {
    let changes = changes.iter().map(|c| Override::parse(c).expect("a change")).collect();
    spec::load(Path::new(name), changes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn leases_of(name: &str) -> LeaseSpec {
    spec_of(name, &[]).leases.unwrap_or_else(|| panic!("{name} is no run of leases"))
}

fn names(folder: &str) -> Vec<&'static str> {
    let all = catalogue().into_iter().map(|entry| entry.name);
    all.filter_map(|name| name.strip_prefix(folder)).collect()
}

fn scheduled(inputs: &LeaseInputs) -> Schedule {
    let LeaseInputs { workload, site, rules, .. } = inputs;
    let go_on = &mut |_| ControlFlow::Continue(());
    run_leases(site, &workload.leases, rules, LeasePolicies::new(rules), go_on)
        .expect("no policy fails")
}

/// The run of leases that `spec` describes, with their load if they carry any.
fn ended(spec: &RunSpec) -> (LeaseInputs, Schedule, Option<(Inputs, Outcome)>) {
    let leases = spec.leases.as_ref().expect("a run of leases");
    if spec.loaded_leases().is_none() {
        let inputs = LeaseInputs::read(leases).expect("the sample");
        let schedule = scheduled(&inputs);
        return (inputs, schedule, None);
    }
    let served = spec::lease_policies(spec, leases, None).expect("built-in policies");
    let LoadedLeases { leases, load } = LoadedLeases::read(spec, leases).expect("the samples");
    let policies = spec::policies(spec, &load.fleet).expect("built-in policies");
    let go_on = &mut |_| ControlFlow::Continue(());
    let ended = run_leases_with_load(leases.side(served), load.side(policies), go_on);
    let (schedule, outcome) = ended.expect("no policy fails");
    (leases, schedule, Some((load, outcome)))
}

#[test]
fn every_file_runs_and_its_folder_checks_clean() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let mut logs = BTreeSet::new();
    for folder in FOLDERS {
        let names = names(folder);
        assert!(names.len() >= 10, "{folder} holds {names:?}");
        for name in names {
            let name = format!("{folder}{name}");
            let spec = &spec_of(&name, &[]);
            let (inputs, schedule, load) = ended(spec);
            let timing = Timing::default();
            let mut report = RunReport::of_leases(&name, spec, &inputs, &schedule, timing);
            if let Some((inputs, outcome)) = &load {
                report = report.with_load(spec, inputs, &outcome.record, &outcome.summary);
            }
            let record = load.as_ref().map(|(_, outcome)| (&outcome.record, spec.guests()));
            let requests = &inputs.workload.leases;
            let billed = |costs| Ledger::of_leases(costs, requests, &schedule.stretches, record);
            let ledger = spec.costs.as_ref().map(billed);
            let ledger = ledger.as_ref();
            let report = report.with_costs(ledger);
            logs.insert(report.event_log_blake3.clone());
            let dir = parent.path().join(name.replace('/', "-"));
            check_destination(&dir, Existing::Refuse).expect("it is new");
            let (report, inputs, schedule) = (&report, &inputs, &schedule);
            let load = load.as_ref().map(|(inputs, outcome)| (inputs, &outcome.record));
            let run = LeaseFolder { report, spec, inputs, schedule, load, ledger, command: &[] };
            write_lease_run(&dir, &run, Existing::Refuse).expect("it can be written");
            let found = read_run(&dir).expect("it was just written").check();
            assert!(found.is_clean(), "{name}\n{found}");
            assert!(found.recomputed.len() >= 11, "{name} recomputes its figures");
        }
    }
    assert!(logs.len() >= 20, "only {} different schedules", logs.len());
}

#[test]
fn a_haizea_file_differs_from_its_plain_namesake_by_oddities_only() {
    for (folder, oddities) in
        [("haizea-1.0/", Oddities::haizea_1_0()), ("haizea-1.1/", Oddities::haizea_1_1())]
    {
        for name in names(folder) {
            let haizea = leases_of(&format!("{folder}{name}"));
            assert_eq!(haizea.rules.oddities, oddities, "{folder}{name}");
            let mut plain = leases_of(&format!("leases/{name}"));
            assert_eq!(plain.rules.oddities, Oddities::default(), "leases/{name}");
            plain.rules.oddities = oddities.clone();
            assert_eq!(plain, haizea, "{folder}{name}");
        }
    }
}

/// Planted faults in the tables are found: the check does not just agree with itself.
#[test]
fn a_summary_or_a_row_that_was_changed_is_found() {
    let spec = spec_of("leases/easy", &[]);
    let inputs = LeaseInputs::read(&leases_of("leases/easy")).expect("the sample");
    let schedule = scheduled(&inputs);
    let codes = |schedule: &Schedule, change: fn(&mut LeaseSummary)| -> BTreeSet<&'static str> {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let mut report = RunReport::of_leases("easy", &spec, &inputs, schedule, Timing::default());
        report.leases.as_mut().into_iter().for_each(change);
        let (report, spec, inputs) = (&report, &spec, &inputs);
        let run =
            LeaseFolder { report, spec, inputs, schedule, load: None, ledger: None, command: &[] };
        let dir = parent.path().join("run");
        write_lease_run(&dir, &run, Existing::Refuse).expect("it can be written");
        let found = read_run(&dir).expect("it was just written").check();
        found.findings.iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes(&schedule, |_| {}), BTreeSet::new());
    assert_eq!(codes(&schedule, |leases| leases.mean_wait_s += 1.0), BTreeSet::from(["GLN-648"]));
    let mut changed = schedule.clone();
    let suspended = changed.leases.iter_mut().find(|life| life.suspensions > 0);
    suspended.expect("one is suspended").suspensions += 1;
    assert!(codes(&changed, |_| {}).contains("GLN-647"));
    let mut crowded = schedule.clone();
    let first = crowded.stretches[0].clone();
    crowded.stretches.push(first);
    assert!(codes(&crowded, |_| {}).contains("GLN-643"));
}
