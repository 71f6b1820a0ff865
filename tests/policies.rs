//! Are the bundled policy files whole: do all load, run and check clean, and does each do what its
//! name says?

mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use galerna::check::check;
use galerna::spec::{self, Entry, RunSpec, catalogue};
use galerna::trace::{Parameters, generate};
use rayon::prelude::*;
use runs::{evidence, simulated};
use toml::{Table, Value};

const REFERENCE: &str = "cloudsim-3.0.3/";
const DETECTORS: [&str; 5] = ["iqr", "lr", "lrr", "mad", "thr"];
const SELECTORS: [&str; 4] = ["mc", "mmt", "mu", "rs"];

/// What galerna has beside them, under the honest model only.
const FURTHER: [&str; 14] = [
    "balance",
    "cheapest-within-sla",
    "last-n-mmt",
    "loess-mmt",
    "loess-robust-mmt",
    "mhod-mmt",
    "mhod-mmt-max-cpu",
    "otf-mmt",
    "power-cap",
    "risk-mmt",
    "thr-highest-demand",
    "thr-knapsack",
    "thr-mmt-max-cpu",
    "optimise",
];

/// Placements other than PABFD, bundled with THR-MMT under the honest model.
const PLACEMENTS: [&str; 12] = [
    "best-fit",
    "best-fit-decreasing",
    "cosine",
    "dot-product",
    "first-fit",
    "first-fit-decreasing",
    "neat-best-fit-decreasing",
    "norm-diff",
    "pabfd-published",
    "risk-fit",
    "worst-fit",
    "worst-fit-decreasing",
];

/// The published policies: every detector with every selector, and the two baselines.
fn published() -> BTreeSet<String> {
    let pairs = DETECTORS.iter().flat_map(|d| SELECTORS.iter().map(move |s| format!("{d}-{s}")));
    pairs.chain(["dvfs".to_owned(), "npa".to_owned()]).collect()
}

/// The bundled runs of load; those of leases have a test of their own.
fn of_load() -> Vec<Entry> {
    let is_load = |entry: &Entry| spec_of(entry.name).leases.is_none();
    catalogue().into_iter().filter(is_load).collect()
}

fn spec_of(name: &str) -> RunSpec {
    spec::load(Path::new(name), Vec::new()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn both_folders_hold_the_published_policies_and_the_honest_one_some_more() {
    let (reference, honest): (Vec<&str>, Vec<&str>) =
        of_load().iter().map(|entry| entry.name).partition(|name| name.starts_with(REFERENCE));
    let short = |name: &str| name.trim_start_matches(REFERENCE).to_owned();
    let expected = published().into_iter().chain(FURTHER.map(str::to_owned));
    let placements = PLACEMENTS.map(|placement| format!("thr-mmt-{placement}"));
    let expected: BTreeSet<String> = expected.chain(placements).collect();
    assert_eq!(honest.into_iter().map(short).collect::<BTreeSet<_>>(), expected);
    assert_eq!(reference.into_iter().map(short).collect::<BTreeSet<_>>(), published());
}

#[test]
fn every_file_has_the_detector_and_selector_of_its_name_and_says_so() {
    for entry in of_load() {
        let short = entry.name.trim_start_matches(REFERENCE);
        let policy = table(&spec_of(entry.name));
        let kind = |key: &str| policy[&format!("policy.{key}.kind")].as_str().map(str::to_owned);
        let (overload, select) = (kind("overload").unwrap(), kind("select").unwrap());
        let place = kind("place").unwrap();
        match short.contains('-') {
            true if place == short => {}
            true if place == "pabfd" => assert_eq!(short, format!("{overload}-{select}")),
            true => assert_eq!(short, format!("{overload}-{select}-{place}")),
            false if ["balance", "optimise"].contains(&short) => assert_eq!(place, short),
            false => assert_eq!((overload.as_str(), place.as_str()), ("never", "first-fit")),
        }
        let title = short.to_uppercase();
        assert!(entry.story().starts_with(&title), "{}: {}", entry.name, entry.story());
        let is_reference = entry.name.starts_with(REFERENCE);
        assert_eq!(entry.story().contains("CloudSim 3.0.3"), is_reference, "{}", entry.name);
    }
}

#[test]
fn every_file_runs_and_checks_clean() {
    let trace = generate(&Parameters { vms: 60, ..Parameters::default() }, 5);
    let wrong: Vec<String> = of_load()
        .par_iter()
        .filter_map(|entry| {
            let spec = spec_of(entry.name);
            let (fleet, outcome) = simulated(&spec, &trace).expect("its VMs fit");
            assert!(outcome.summary.energy_kwh > 0.0, "{}", entry.name);
            let migrates = outcome.summary.migrations > 0;
            // A VM to itself on every host: nobody runs short, so that no move would pay.
            let rests = is_baseline(entry.name) || entry.name == "balance";
            assert_eq!(migrates, !rests, "{}", entry.name);
            let report = check(&evidence(&spec, &trace, &fleet, &outcome));
            (!report.is_clean()).then(|| format!("{}\n{report}", entry.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_baseline(name: &str) -> bool {
    ["dvfs", "npa"].contains(&name.trim_start_matches(REFERENCE))
}

/// What a reference file may set otherwise than its honest namesake, with the quirk it belongs to.
const QUIRKS: [(&str, &str); 27] = [
    ("accounting.arriving-demand", "Q4"),
    ("accounting.average", "average over intervals"),
    ("accounting.energy", "trapezoid"),
    ("accounting.migration-loss", "all that a migrating VM lacks"),
    ("accounting.ratios", "Q16"),
    ("accounting.shutdowns", "Q17"),
    ("accounting.tolerance", "Q5"),
    ("accounting.violation", "any shortage"),
    ("accounting.window", "Q2"),
    ("consolidation.failed-hosts-refuse", "Q10"),
    ("consolidation.idle-hosts-are-off", "idle hosts count as off"),
    ("consolidation.silent-when-unplaced", "Q11"),
    ("consolidation.vacate-receivers", "Q9"),
    ("demand.between-samples", "interpolation"),
    ("demand.clock", "accumulated time"),
    ("demand.idle-vms", "Q1"),
    ("fleet.preset", "hosts of 4096 MB"),
    ("host.memory", "Q6"),
    ("host.oversubscription", "Q15"),
    ("host.shutdown-s", "Q14"),
    ("host.wake-s", "Q14"),
    ("migration.contention", "Q13"),
    ("migration.destination-load", "a tenth runs at the destination"),
    ("policy.history", "Q20"),
    ("policy.initial", "VMs are created at their nominal rate"),
    ("policy.overload.weights", "Q3"),
    ("policy.place.base", "Q8"),
];

/// Every value of `spec` by its dotted key.
fn table(spec: &RunSpec) -> BTreeMap<String, Value> {
    let mut values = BTreeMap::new();
    flatten("", &spec.to_toml().parse().expect("a spec has a TOML form"), &mut values);
    values
}

fn flatten(prefix: &str, table: &Table, values: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => flatten(&format!("{key}."), inner, values),
            _ => drop(values.insert(key, value.clone())),
        }
    }
}

#[test]
fn a_reference_file_differs_from_its_honest_namesake_by_named_quirks_only() {
    let documented: BTreeSet<&str> =
        QUIRKS.iter().map(|&(key, _)| key).chain(["policy.place.wake-power"]).collect();
    let mut used: BTreeSet<String> = BTreeSet::new();
    for name in published() {
        let honest = table(&spec_of(&name));
        let reference = table(&spec_of(&format!("{REFERENCE}{name}")));
        let keys: BTreeSet<&String> = honest.keys().chain(reference.keys()).collect();
        for key in keys.into_iter().filter(|&key| honest.get(key) != reference.get(key)) {
            assert!(documented.contains(key.as_str()), "{name}: {key} is no documented quirk");
            used.insert(key.clone());
        }
    }
    let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(used, documented, "every documented quirk is used");
}
