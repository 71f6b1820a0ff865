//! Whole-step planners: what they say happens, and nothing else; what cannot happen stops the run.

use std::ops::ControlFlow;

use galerna::check::{Evidence, check};
use galerna::engine::{self, Error, Outcome};
use galerna::id::{HostId, VmId};
use galerna::model::ActionKind;
use galerna::model::record::Reason;
use galerna::place::{Ask, Draft, Planner, Roster};
use galerna::policy::PolicyError;
use galerna::spec::{self, Override, RunSpec};
use galerna::trace::UtilisationTrace;
use galerna::trace::{Parameters, generate};

/// At every step moves the first movable VM of the emptiest host to the first host with room that
/// has VMs; tries out more than it says.
struct Nudge {
    decided: Vec<(VmId, HostId)>,
    wrong: Option<(VmId, HostId)>,
}

impl Planner for Nudge {
    fn name(&self) -> &str {
        "nudge"
    }

    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError> {
        let utilisation = ask.state.utilisation;
        let hosts = draft.occupied().to_vec();
        let emptiest = hosts.iter().min_by(|a, b| utilisation[**a].total_cmp(&utilisation[**b]));
        let from = *emptiest.expect("VMs are somewhere");
        let movable = |vm: &&VmId| roster.is_movable(**vm) && roster.home[**vm] == Some(from);
        let Some(&vm) = draft.vms_on(from).iter().find(movable) else { return Ok(Vec::new()) };
        let needs = ask.state.needs(vm);
        let fits = |to: &&HostId| **to != from && draft.room(**to).fits(&needs, needs.cpu);
        let Some(&to) = hosts.iter().find(fits) else { return Ok(Vec::new()) };
        draft.append(vm, to, needs.cpu, &ask.state);
        if ask.state.now.seconds() == 3000.0
            && let Some(wrong) = self.wrong
        {
            return Ok(vec![(vm, to), wrong]);
        }
        self.decided.push((vm, to));
        Ok(vec![(vm, to)])
    }
}

fn trace() -> UtilisationTrace {
    generate(&Parameters { vms: 60, ..Parameters::default() }, 5)
}

fn run(spec: &RunSpec, wrong: Option<(VmId, HostId)>) -> Result<Outcome, Error> {
    let trace = trace();
    let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
    let mut policies = spec::policies(spec, &fleet).expect("built-in policies");
    policies.plan = Some(Box::new(Nudge { decided: Vec::new(), wrong }));
    let go_on = &mut |_| ControlFlow::Continue(());
    engine::run(&fleet, &trace, &spec.rules(), policies, go_on)
}

fn spec_of(changes: &[&str]) -> RunSpec {
    let changes = changes.iter().map(|change| Override::parse(change).expect("a change"));
    spec::load("lr-mmt".as_ref(), changes.collect()).expect("a bundled policy")
}

#[test]
fn a_planner_decides_alone_and_the_run_checks_clean() {
    let spec = spec_of(&[]);
    let Outcome { record, summary } = run(&spec, None).expect("the run ends");
    let starts = record.actions.iter().filter(|a| a.kind == ActionKind::MigrationStart);
    assert!(starts.clone().count() > 20);
    assert!(starts.clone().all(|action| action.reason == Reason::Planned));
    assert!(record.samples.iter().all(|sample| sample.migrations <= 1));
    let trace = trace();
    let fleet = spec.fleet.build(trace.vms(), 0);
    let of = |row: &usize| (0..trace.samples()).map(|k| trace.fraction(*row, k)).collect();
    let evidence = Evidence {
        rules: spec.rules(),
        demand: fleet.trace_row.as_slice().iter().map(of).collect(),
        step_s: trace.step().seconds(),
        vacate_receivers: false,
        unknown_durations: None,
        sending: None,
        tenancy: None,
        bill: None,
        network: None,
        event_log_blake3: Some(record.event_log_blake3()),
        summary: summary
            .named()
            .into_iter()
            .filter_map(|(n, v)| Some((n.to_owned(), v?)))
            .collect(),
        fleet,
        record,
    };
    let report = check(&evidence);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_move_that_cannot_be_made_stops_the_run_and_names_time_and_vm() {
    let error = run(&spec_of(&[]), Some((VmId(60), HostId(0)))).unwrap_err().to_string();
    let expected = "GLN-405 policy `nudge` at t = 3000 s, VM 60: there is no VM 60. VMs are \
                    numbered from 0 to 59";
    assert_eq!(error, expected);
}
