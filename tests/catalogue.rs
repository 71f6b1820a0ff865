//! Machines and instance types by name: in fleets, in leases, in the ledger.

mod runs;

use std::fs;
use std::ops::ControlFlow;

use galerna::account::{Account, Ledger, Money, Subject};
use galerna::check::{Bill, LeaseRun, check, check_lease_bill};
use galerna::engine;
use galerna::lease::{LeasePolicies, format};
use galerna::model::lease_record::Use;
use galerna::model::{Catalogue, Machine};
use galerna::spec::{self, LeaseInputs, RunSpec};
use galerna::units::{Bytes, Mips, Watts};
use runs::{bill, evidence, simulated};

const OWN: &str = "
[[host]]
name = \"own\"
cores = 4
core-mips = 3000
watts = [50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100]

[[instance]]
name = \"own.small\"
vcpus = 1
memory-gib = 2
ecu = 1.5
hour-price = 0.5
";

fn parsed(text: &str) -> RunSpec {
    spec::parse(text, "test.toml", Vec::new()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> Vec<String> {
    let error = spec::parse(text, "x.toml", Vec::new()).expect_err("it is refused");
    error.problems.iter().map(ToString::to_string).collect()
}

/// A folder with `text` in own.toml, and the path of that for a spec.
fn own(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.toml");
    fs::write(&path, text).expect("it can be written");
    let path = path.to_str().expect("a plain name").replace('\\', "/");
    (folder, path)
}

/// The numbers of consolidation.md 2.1, which every golden result depends on.
#[test]
fn the_published_machines_are_what_they_were() {
    let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(4)).expect("it is bundled");
    let watts = [86.0, 89.4, 92.6, 96.0, 99.5, 102.0, 106.0, 108.0, 112.0, 114.0, 117.0];
    assert_eq!((g4.cores, g4.core_mips, g4.power), (2, Mips(1860.0), watts.map(Watts)));
    let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(4)).expect("it is bundled");
    let watts = [93.7, 97.0, 101.0, 105.0, 110.0, 116.0, 121.0, 125.0, 129.0, 133.0, 135.0];
    assert_eq!((g5.cores, g5.core_mips, g5.power), (2, Mips(2660.0), watts.map(Watts)));
}

/// Two of 1.5 ECU and 2 GiB, three of 2 vCPUs of 2 ECU and 3.75 GiB each; a day of them costs
/// 24 x (2 x 0.5 + 3 x 0.24) = 41.28. Two rows of the trace drive all eight.
#[test]
fn a_fleet_counts_its_instances_and_is_billed_by_type() {
    let (_folder, path) = own(OWN);
    let spec = parsed(&format!(
        "[fleet]\ncatalogue = \"{path}\"\nhosts = [{{ machine = \"own\", count = 3 }}]\n\
         vms = [{{ instance = \"own.small\", count = 2 }}, \
         {{ instance = \"m1.large\", count = 3 }}]\n\
         [costs]\nvm-hour-price = \"catalogue\"\n"
    ));
    // The resolved spec says it all without the file.
    let resolved = spec.to_toml();
    assert!(
        !resolved.contains("own.toml") && resolved.contains("core-mips = 3000.0"),
        "{resolved}"
    );
    assert_eq!(parsed(&resolved), spec);
    let load = vec![vec![10; 24], vec![60; 24]];
    let case = runs::Case { base: "lr-mmt", changes: Vec::new(), load, step_s: 3600.0 };
    let trace = case.trace();
    let (fleet, outcome) = simulated(&spec, &trace).expect("they fit");
    let sizes: Vec<(f64, u64)> =
        fleet.vm_mips.iter().map(|(vm, mips)| (mips.0, fleet.vm_ram[vm].0)).collect();
    assert_eq!(sizes[..2], [(1500.0, 2_147_000_000); 2]);
    assert_eq!(sizes[2..], [(2000.0, 4_026_000_000); 6]);
    assert_eq!(fleet.trace_row.as_slice(), [0, 1, 0, 1, 0, 1, 0, 1]);
    let ledger = Ledger::of_load(spec.costs.as_ref().expect("costs"), &outcome.record);
    assert_eq!(ledger.total(Account::InstanceHours), Money(41_280_000));
    let mut evidence = evidence(&spec, &trace, &fleet, &outcome);
    evidence.bill = Some(bill(&ledger));
    let report = check(&evidence);
    assert!(report.is_clean(), "{report}");
    let row = evidence.bill.as_mut().expect("a bill").rows.iter_mut();
    let mut hours = row.filter(|row| row.account == "instance-hours");
    hours.next().expect("there are hours").unit_price *= 2.0;
    assert!(!check(&evidence).is_clean(), "a price that is not the type's is found out");
}

const LWF: &str = r#"<lease-workload name="w"><lease-requests>
<lease-request arrival="00:00:00"><lease id="1"><nodes>
<node-set numnodes="2" instance="m1.small"/><node-set numnodes="1" instance="m1.large"/>
</nodes><start/><duration time="03:00:00"/></lease></lease-request>
</lease-requests></lease-workload>"#;

#[test]
fn an_instance_type_says_what_its_vms_need() {
    let workload = format::read_lwf("f", LWF.as_bytes()).expect("it is in order");
    let large = &workload.leases[0].nodes[1];
    assert_eq!((large.need[0], large.need[1], large.count), (200, 8053, 1));
    assert_eq!(large.part.instance.as_deref(), Some("m1.large"));
    let mut out = Vec::new();
    format::write_lwf(&workload, &mut out).expect("a vector takes everything");
    // What is written needs no catalogue to be read again.
    let again = format::read_lwf_with("g", &out[..], &Catalogue::default());
    assert_eq!(again.expect("we wrote it"), workload);
    let wrong = LWF.replace("m1.large", "m1.lage");
    let text = format::read_lwf("f", wrong.as_bytes()).expect_err("unknown").to_string();
    let expected = "GLN-682 f:3: unknown instance type `m1.lage` (did you mean `m1.large`?)";
    assert!(text.contains(expected), "{text}");
}

/// Three hours of two small ones and a large one: 3 x (2 x 0.06 + 0.24) = 1.08.
#[test]
fn leases_name_instance_types_and_pay_for_them() {
    let (folder, _) = own(OWN);
    let file = folder.path().join("w.lwf");
    fs::write(&file, LWF).expect("it can be written");
    let text = format!(
        "[leases]\nworkload = \"{}\"\nhosts = [{{ count = 2, cpu = 400, memory-mb = 16384 }}]\n\
         [costs]\nvm-hour-price = \"catalogue\"\n",
        file.to_str().expect("a plain name")
    );
    let spec = parsed(&text);
    assert_eq!(parsed(&spec.to_toml()), spec);
    let inputs = LeaseInputs::read(spec.leases.as_ref().expect("leases")).expect("in order");
    inputs.check_prices(spec.costs.as_ref()).expect("all have prices");
    let LeaseInputs { workload, site, rules, .. } = &inputs;
    let policies = LeasePolicies::new(rules);
    let go_on = &mut |_| ControlFlow::Continue(());
    let schedule =
        engine::run_leases(site, &workload.leases, rules, policies, go_on).expect("it ends");
    let costs = spec.costs.as_ref().expect("costs");
    let ledger = Ledger::of_leases(costs, &workload.leases, &schedule.stretches, None);
    assert_eq!(ledger.balance(), Money(1_080_000));
    assert_eq!(ledger.entries[0].subject, Subject::Lease(0));
    let run = schedule.stretches.iter().find(|held| held.purpose == Use::Run).expect("it ran");
    let instances = vec![("m1.small".to_owned(), 2), ("m1.large".to_owned(), 1)];
    let run = LeaseRun { lease: 0, vms: 3, instances, start: run.start, end: run.end };
    let with_runs = |runs| Bill { runs: Some(runs), ..bill(&ledger) };
    let told = with_runs(vec![run.clone()]);
    assert_eq!(check_lease_bill(costs, &told).0, Vec::new());
    let other = LeaseRun { instances: vec![("m1.small".to_owned(), 3)], ..run };
    let wrong = with_runs(vec![other]);
    assert!(!check_lease_bill(costs, &wrong).0.is_empty(), "other types cost something else");
}

#[test]
fn leases_without_a_price_are_refused_together() {
    let (folder, _) = own(OWN);
    let file = folder.path().join("w.lwf");
    let nameless = "<node-set numnodes=\"1\"><res type=\"CPU\" amount=\"100\"/></node-set>";
    let text = LWF.replace("<node-set numnodes=\"1\" instance=\"m1.large\"/>", nameless);
    fs::write(&file, text.replace("m1.small", "m2.4xlarge")).expect("it can be written");
    let text = format!(
        "[leases]\nworkload = \"{}\"\nhosts = [{{ count = 2, cpu = 1600, memory-mb = 163840 }}]\n\
         [costs]\nvm-hour-price = \"catalogue\"\n",
        file.to_str().expect("a plain name")
    );
    let spec = parsed(&text);
    let inputs = LeaseInputs::read(spec.leases.as_ref().expect("leases")).expect("in order");
    let error = inputs.check_prices(spec.costs.as_ref()).expect_err("two lack a price").to_string();
    assert!(error.contains("no price for instance type `m2.4xlarge`"), "{error}");
    assert!(error.contains("GLN-684 lease 1, node-set: it has VMs of no instance type"), "{error}");
}

#[test]
fn everything_wrong_with_names_is_told_at_once() {
    let shown = refused(
        "[fleet]\nhosts = [{ machine = \"hp-ml110-g6\", count = 1 }, \
         { machine = \"mine\", count = 1, cores = 4 }]\n\
         vms = [{ instance = \"m1.lage\", count = 1 }, { instance = \"t3.large\", count = 1 }]\n",
    );
    // Names come first; what the numbers are is only asked where all names are known.
    assert_eq!(shown.len(), 2, "{shown:#?}");
    let lage = "GLN-682 x.toml, [fleet] vms[0].instance: unknown instance type `m1.lage` (did you";
    assert!(shown[0].starts_with(lage), "{shown:#?}");
    assert!(shown[1].starts_with("GLN-683 x.toml, [fleet] vms[1].instance"), "{shown:#?}");
    let shown = refused(
        "[fleet]\nhosts = [{ machine = \"hp-ml110-g6\", count = 1 }, \
         { machine = \"mine\", count = 1, cores = 4 }]\n\
         vms = [{ instance = \"m1.large\", count = 1 }, { mips = 500, ram-mb = 613 }]\n\
         [costs]\nvm-hour-price = [0.1, 0.2]\n",
    );
    let starts = [
        "GLN-204 x.toml, [fleet] hosts[0].machine: unknown machine `hp-ml110-g6` (did you mean",
        "GLN-203 x.toml, [fleet] hosts[1]: a machine of one's own needs cores, core-mips and watts",
        "GLN-203 x.toml, [fleet] vms[1].count: other VM types say how many there are of them",
    ];
    for start in starts {
        assert!(shown.iter().any(|line| line.starts_with(start)), "{start}\n{shown:#?}");
    }
}

#[test]
fn a_catalogue_of_ones_own_that_makes_no_sense_is_refused_row_by_row() {
    let rows = "[[instance]]\nname = \"a\"\nvcpus = 0\nmemory-gib = 1\n\
                [[instance]]\nname = \"b\"\nvcpus = 1\nmemory-gib = 1\nhour-price = -1\n";
    let (_folder, path) = own(rows);
    let shown = refused(&format!("[fleet]\ncatalogue = \"{path}\"\n"));
    assert_eq!(shown.len(), 2, "{shown:#?}");
    assert!(shown[0].starts_with("GLN-681 ") && shown[1].contains("`b`: hour-price must be"));
    let (_folder, path) = own("[[instance]]\nname = \"a\"\nvcpu = 2\n");
    let shown = refused(&format!("[fleet]\ncatalogue = \"{path}\"\n"));
    assert!(shown[0].starts_with("GLN-680 ") && shown[0].contains("own.toml:3"), "{shown:#?}");
    let shown = refused("[fleet]\ncatalogue = \"no-such.toml\"\n");
    assert!(shown[0].starts_with("GLN-680 no-such.toml"), "{shown:#?}");
    assert!(Catalogue::bundled().faults().is_empty());
}
