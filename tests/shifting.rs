//! Leases that can wait run when energy is clean or cheap.

mod loaded;

use galerna::account::{Account, Ledger};
use galerna::check::check;
use galerna::lease::Schedule;
use galerna::model::lease_record::LeaseState;
use galerna::spec::{self, RunSpec};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};
use loaded::{evidence, inputs, run, spec_of};

/// Clean from 22 h to 6 h; cheap from 10 h to 14 h.
const COSTS: &str = "[costs]\n\
    carbon-intensity = { steps = [[0, 100], [21600, 400], [79200, 100]], until-s = 86400, \
    then = \"repeat\" }\n\
    energy-price = { steps = [[0, 0.3], [36000, 0.1], [50400, 0.3]], until-s = 86400, \
    then = \"repeat\" }\n";

fn spec(hosts: usize, shifting: &str) -> RunSpec {
    let site = loaded::site(hosts);
    let site = site.replace("[leases]\n", &format!("[leases]\nshifting = {shifting}\n"));
    spec_of(&(site + COSTS), &[])
}

fn flat() -> UtilisationTrace {
    let names = vec!["half".to_owned()];
    UtilisationTrace::new(names, Span::from_seconds(300.0), Values::Percent(vec![50; 12]))
}

/// When the leases of `lwf` begin, hours; none for those that are refused.
fn starts(spec: &RunSpec, lwf: &str) -> Vec<Option<f64>> {
    let inputs = inputs(spec, lwf, flat());
    let ended = run(spec, &inputs);
    let report = check(&evidence(&inputs, &ended));
    assert!(report.is_clean(), "{report}");
    let begin = |schedule: &Schedule| {
        let of = |outcome: &galerna::model::lease_record::LeaseOutcome| {
            let ran = outcome.history.iter().find(|(_, state)| *state == LeaseState::Active);
            ran.map(|(at, _)| at.seconds() / 3600.0)
        };
        schedule.leases.iter().map(of).collect()
    };
    begin(&ended.0)
}

/// A lease of two hours that comes at 8 h runs at 22 h, when the energy becomes clean, unless it
/// may not be held back so long; by price it runs at 10 h. A reservation is not shifted.
#[test]
fn a_lease_that_can_wait_runs_when_the_energy_is_clean_or_cheap() {
    let lwf = "28800 -1 7200 7200 1 1 1024 0 none 0\n28800 32400 3600 3600 1 1 1024 0 none 0\n";
    for (shifting, start) in [
        ("{}", 22.0),
        ("{ at-most-s = 43200 }", 8.0),
        ("{ by = \"price\" }", 10.0),
        ("{ by = \"price\", at-most-s = 3600 }", 9.0),
    ] {
        assert_eq!(starts(&spec(2, shifting), lwf), [Some(start), Some(9.0)], "{shifting}");
    }
}

/// The second lease finds the only core taken by the first when its time has come, and begins when
/// that ends.
#[test]
fn who_was_held_back_waits_in_the_queue() {
    let lwf = "28800 -1 7200 7200 2 1 1024 0 none 0\n32400 -1 3600 3600 2 1 1024 0 none 0\n";
    assert_eq!(starts(&spec(1, "{}"), lwf), [Some(22.0), Some(24.0)]);
}

/// Shifting costs time and saves emissions, by the ledger: 2 h of one host at half load, all hosts
/// on from the start to the end of the last lease otherwise.
#[test]
fn the_ledger_shows_what_shifting_saves() {
    let lwf = "28800 -1 7200 7200 1 1 1024 0 none 0\n".repeat(8);
    let emissions = |shifting: Option<&str>| {
        let spec = match shifting {
            Some(shifting) => spec(2, shifting),
            None => spec_of(&(loaded::site(2) + COSTS), &[]),
        };
        let text = spec.to_toml();
        let consolidated = text.replace("[leases]\n", "[leases]\nconsolidate = \"foresighted\"\n");
        let spec = spec_of(&consolidated, &[]);
        let inputs = inputs(&spec, &lwf, flat());
        let (schedule, outcome) = run(&spec, &inputs);
        let requests = &inputs.leases.workload.leases;
        let costs = spec.costs.as_ref().unwrap();
        let load = Some((&outcome.record, spec.guests()));
        let ledger = Ledger::of_leases(costs, requests, &schedule.stretches, load);
        let of = |account| ledger.of(account).map(|entry| entry.quantity).sum::<f64>();
        (of(Account::Energy), of(Account::Carbon))
    };
    let (at_once_kwh, at_once_kg) = emissions(None);
    let (shifted_kwh, shifted_kg) = emissions(Some("{}"));
    assert!((at_once_kwh - shifted_kwh).abs() < 0.05 * at_once_kwh, "{at_once_kwh} {shifted_kwh}");
    assert!(shifted_kg < 0.3 * at_once_kg, "{shifted_kg} of {at_once_kg} kg");
}

#[test]
fn there_must_be_something_to_shift_by() {
    let shown = |text: &str| spec::parse(text, "x.toml", Vec::new()).unwrap_err().to_string();
    let none = shown("[leases]\nload = \"replayed\"\nshifting = {}\n");
    assert!(none.contains("GLN-206 x.toml, [leases] shifting: [costs] carbon-intensity"), "{none}");
    let constant = "[leases]\nload = \"replayed\"\nshifting = { by = \"price\" }\n[costs]\n\
                    energy-price = 0.2\n";
    assert!(shown(constant).contains("[costs] energy-price is no series"), "{}", shown(constant));
    let negative =
        format!("{}{COSTS}", "[leases]\nload = \"replayed\"\nshifting = { at-most-s = 0 }\n");
    assert!(shown(&negative).contains("shifting.at-most-s"), "{}", shown(&negative));
    let unknown = format!("{}{COSTS}", "[leases]\nload = \"replayed\"\nshifting = { bye = 1 }\n");
    assert!(shown(&unknown).contains("bye"), "{}", shown(&unknown));
}
