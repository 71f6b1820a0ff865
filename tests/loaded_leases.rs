//! Leases whose VMs carry load: one loop, of which a run of leases and a run of load are the ends.

mod loaded;

use std::ops::ControlFlow;

use galerna::check::check;
use galerna::detect::{DetectorSpec, UnderloadSpec};
use galerna::engine;
use galerna::lease::LeasePolicies;
use galerna::model::record::Reason;
use galerna::model::{ActionKind, lease_record};
use galerna::spec::{self, LeaseInputs, LoadedLeases, RunSpec};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use loaded::{evidence, inputs, run, site, spec_of};

fn constant(percent: &[u8], samples: usize) -> UtilisationTrace {
    let names = (0..percent.len()).map(|row| format!("row {row}")).collect();
    let values = percent.iter().flat_map(|&value| std::iter::repeat_n(value, samples)).collect();
    UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(values))
}

/// Two hosts G5 (5320 MIPS, 93.7 W idle). A lease of one core (2660 MIPS) at half its rate for
/// 600 s puts one at 25 %, where the table gives 103 W between 101 at 20 % and 105 at 30 %:
/// 61 800 J, and 56 220 J for the other.
#[test]
fn energy_of_a_lease_that_carries_load_is_that_of_its_hosts() {
    let spec = spec_of(&site(2), &[]);
    let inputs = inputs(&spec, "0 -1 600 600 1 1 1024 0 none 0\n", constant(&[50], 2));
    let ended = run(&spec, &inputs);
    assert_eq!(ended.0.leases[0].end.map(|end| end.seconds()), Some(600.0));
    let energy: Vec<f64> = ended.1.record.hosts.iter().map(|host| host.energy_j).collect();
    assert!((energy[0] - 61_800.0).abs() < 1e-6, "{energy:?}");
    assert!((energy[1] - 56_220.0).abs() < 1e-6, "{energy:?}");
    let report = check(&evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
}

/// The trace has two samples of 0 and 100 %, and begins again after 600 s: of 1500 s, 600 are at
/// 100 % of 2660 MIPS.
#[test]
fn the_trace_begins_again_when_it_is_over() {
    let spec = spec_of(&site(1), &["demand.between-samples='hold'"]);
    let values = Values::Percent(vec![0, 100]);
    let trace = UtilisationTrace::new(vec!["up".into()], Span::from_seconds(300.0), values);
    let inputs = inputs(&spec, "0 -1 1500 1500 1 1 1024 0 none 0\n", trace);
    let ended = run(&spec, &inputs);
    assert!((ended.1.record.vms[0].demanded_mi - 600.0 * 2660.0).abs() < 1e-6);
    let report = check(&evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
}

/// The bundled leases are scheduled alike whether their VMs carry load or not, and every second of
/// what the load came to is borne out.
#[test]
fn load_does_not_change_what_becomes_of_leases() {
    let spec = spec::load("leases/loaded".as_ref(), Vec::new()).expect("a bundled spec");
    let inputs = LoadedLeases::read(&spec, spec.loaded_leases().expect("loaded")).expect("samples");
    let ended = run(&spec, &inputs);
    let LeaseInputs { workload, site, rules, .. } = &inputs.leases;
    let go_on = &mut |_| ControlFlow::Continue(());
    let served = LeasePolicies::new(rules);
    let alone = engine::run_leases(site, &workload.leases, rules, served, go_on).expect("it ends");
    assert_eq!(ended.0, alone);
    let suspended = |life: &lease_record::LeaseOutcome| life.suspensions > 0;
    assert!(ended.0.leases.iter().any(suspended), "a VM that comes back is part of it");
    let report = check(&evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
}

/// Leases that all begin at the start and end with the trace are a run of load without decisions:
/// every figure of hosts and VMs is the same to the last bit.
#[test]
fn leases_without_a_beginning_and_an_end_are_a_run_of_load() {
    let leased = spec_of(&site(1), &[]);
    let trace = constant(&[90, 70, 80], 12);
    let inputs = inputs(&leased, "0 -1 3600 3600 2 1 1024 0 none 0\n", trace.clone());
    let (_, outcome) = run(&leased, &inputs);
    let mut still = RunSpec { fleet: leased.fleet.clone(), ..RunSpec::default() };
    still.policy.overload = DetectorSpec::Never.into();
    still.policy.underload = UnderloadSpec::Never.into();
    let fleet = inputs.load.fleet.clone();
    let policies = spec::policies(&still, &fleet).expect("built-in policies");
    let go_on = &mut |_| ControlFlow::Continue(());
    let load = engine::run(&fleet, &trace, &still.rules(), policies, go_on).expect("it ends");
    assert_eq!(outcome.record.hosts, load.record.hosts);
    assert_eq!(outcome.record.vms, load.record.vms);
    assert_eq!(outcome.summary, load.summary);
}

/// One VM stays a sample too long: who checks finds it.
#[test]
fn a_vm_that_outlives_its_lease_is_found() {
    let spec = spec_of(&site(1), &[]);
    let lwf = "0 -1 600 600 1 1 1024 0 none 0\n0 -1 1500 1500 1 1 1024 0 none 0\n";
    let inputs = inputs(&spec, lwf, constant(&[50], 6));
    let mut ended = run(&spec, &inputs);
    let stop = |action: &&mut galerna::model::Action| action.kind == ActionKind::VmStop;
    let late = ended.1.record.actions.iter_mut().find(stop).expect("a VM stops");
    assert_eq!((late.seconds, late.reason), (600.0, Reason::Lease));
    late.at = late.at + Span::from_seconds(300.0);
    late.seconds = 900.0;
    let report = check(&evidence(&inputs, &ended));
    let codes: Vec<&str> = report.findings.iter().map(|problem| problem.code).collect();
    assert!(codes.contains(&"GLN-616"), "{report}");
}

#[test]
fn what_does_not_go_with_leased_load_is_refused_all_at_once() {
    let text = "[leases]\nload = \"replayed\"\nhosts = [{ count = 1, cpu = 100, memory-mb = 1 }]\n\
                [policy]\nselect = \"mc\"\n[demand]\nclock = \"accumulated\"\n";
    let shown = spec::parse(text, "x.toml", Vec::new()).unwrap_err().to_string();
    assert!(shown.contains("GLN-206 x.toml, [policy]"), "{shown}");
    let text = text.replace("[policy]\nselect = \"mc\"\n", "");
    let shown = spec::parse(&text, "x.toml", Vec::new()).unwrap_err().to_string();
    for place in ["[leases] hosts", "[demand] clock"] {
        assert!(shown.contains(&format!("GLN-206 x.toml, {place}")), "{shown}");
    }
}
