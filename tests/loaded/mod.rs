//! Runs of leases that carry load, made and checked.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::ops::ControlFlow;

use galerna::check::{Evidence, Tenancy};
use galerna::engine::{self, Outcome};
use galerna::lease::{LeaseSummary, Schedule, format};
use galerna::spec::{self, Inputs, LeaseInputs, LoadedLeases, Override, RunSpec, fleet_of};
use galerna::trace::UtilisationTrace;

pub fn spec_of(text: &str, changes: &[&str]) -> RunSpec {
    let changes = changes.iter().map(|change| Override::parse(change).expect("a change"));
    spec::parse(text, "test.toml", changes.collect()).expect("a sound spec")
}

/// `count` hosts of 2 x 2660 MIPS, and the rules of leases by default.
pub fn site(count: usize) -> String {
    format!(
        "[leases]\nload = \"replayed\"\n[fleet]\n\
         hosts = [{{ machine = \"hp-ml110-g5\", count = {count}, ram-gib = 8 }}]\n"
    )
}

/// What is made of `spec` with the leases of `lwf` (ten columns) and `trace`.
pub fn inputs(spec: &RunSpec, lwf: &str, trace: UtilisationTrace) -> LoadedLeases {
    let workload = format::read_old_lwf("test.lwf", lwf.as_bytes()).expect("ten columns");
    let leases = spec.leases.as_ref().expect("a run of leases");
    let fleet = fleet_of(spec, &workload.leases, trace.vms());
    let hosts = fleet.machine.ids().map(|host| fleet.machine_of(host));
    let mut site = galerna::model::lease::Site::uniform(0, 0, 0);
    site.hosts = hosts
        .map(|machine| {
            let memory = (machine.ram.0 / 1_000_000) as i64;
            let cpu = 100 * i64::from(machine.cores);
            galerna::model::lease::Site::uniform(1, cpu, memory).hosts[0]
        })
        .collect();
    let leases = LeaseInputs {
        workload,
        site,
        rules: leases.rules.clone(),
        left_out: 0,
        consolidate: leases.consolidate,
        spare_hosts: leases.spare_hosts,
    };
    LoadedLeases { leases, load: Inputs { trace, fleet, rules: spec.rules() } }
}

pub fn run(spec: &RunSpec, inputs: &LoadedLeases) -> (Schedule, Outcome) {
    let policies = spec::policies(spec, &inputs.load.fleet).expect("built-in policies");
    let leases = spec.leases.as_ref().expect("a run of leases");
    let served = spec::lease_policies(spec, leases, None).expect("built-in policies");
    let (leases, load) = (inputs.leases.side(served), inputs.load.side(policies));
    let go_on = &mut |_| ControlFlow::Continue(());
    engine::run_leases_with_load(leases, load, go_on).expect("no policy fails")
}

pub fn evidence(inputs: &LoadedLeases, (schedule, outcome): &(Schedule, Outcome)) -> Evidence {
    let Inputs { trace, fleet, rules } = &inputs.load;
    let demand = (0..trace.vms())
        .map(|row| (0..trace.samples()).map(|k| trace.fraction(row, k)).collect())
        .collect();
    let requests = &inputs.leases.workload.leases;
    let mut tenancy = Tenancy::of(requests, &schedule.leases, &schedule.stretches);
    if !inputs.leases.consolidate.is_off() || rules.provision.is_some() {
        let summary = LeaseSummary::new(requests, schedule, &inputs.leases.rules);
        let claims = summary.named().into_iter().map(|(name, value)| (name.to_owned(), value));
        tenancy = tenancy.free(&schedule.stretches, &claims.collect::<Vec<_>>());
    }
    if !inputs.leases.consolidate.is_off() {
        tenancy = tenancy.consolidated(requests);
    }
    Evidence {
        rules: rules.clone(),
        fleet: fleet.clone(),
        demand,
        step_s: trace.step().seconds(),
        record: outcome.record.clone(),
        summary: outcome.summary.figures(),
        tenancy: Some(tenancy),
        ..Evidence::default()
    }
}
