//! Small runs made of a spec and a load, and what the check needs to know of them.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::ops::ControlFlow;

use galerna::account::{Entry, Ledger};
use galerna::check::{Bill, BillRow, Evidence, check};
use galerna::engine::{self, Error, Outcome};
use galerna::model::Fleet;
use galerna::random::{Stream, below};
use galerna::spec::{self, Override, RunSpec};
use galerna::time::Span;
use galerna::trace::{UtilisationTrace, Values};

/// One run.
#[derive(Debug, Clone)]
pub struct Case {
    pub base: &'static str,
    pub changes: Vec<String>,
    /// Per VM, per cent.
    pub load: Vec<Vec<u8>>,
    pub step_s: f64,
}

impl Case {
    pub fn spec(&self) -> RunSpec {
        let parse = |change: &String| Override::parse(change).expect("a change");
        let changes = self.changes.iter().map(parse).collect();
        spec::load(self.base.as_ref(), changes).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn trace(&self) -> UtilisationTrace {
        let names = (0..self.load.len()).map(|vm| format!("vm-{vm}")).collect();
        let step = Span::from_seconds(self.step_s);
        UtilisationTrace::new(names, step, Values::Percent(self.load.concat()))
    }
}

/// The run, or `None` where the VMs do not fit at the start.
pub fn simulated(spec: &RunSpec, trace: &UtilisationTrace) -> Option<(Fleet, Outcome)> {
    let fleet = spec.fleet.build(trace.vms(), spec.run.seed);
    let policies = spec::policies(spec, &fleet).expect("built-in policies");
    let go_on = &mut |_| ControlFlow::Continue(());
    match engine::run(&fleet, trace, &spec.rules(), policies, go_on) {
        Ok(outcome) => Some((fleet, outcome)),
        Err(Error::Infeasible(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

pub fn evidence(
    spec: &RunSpec,
    trace: &UtilisationTrace,
    fleet: &Fleet,
    run: &Outcome,
) -> Evidence {
    let of = |row: &usize| (0..trace.samples()).map(|k| trace.fraction(*row, k)).collect();
    Evidence {
        rules: spec.rules(),
        demand: fleet.trace_row.as_slice().iter().map(of).collect(),
        step_s: trace.step().seconds(),
        vacate_receivers: spec.consolidation.vacate_receivers,
        unknown_durations: spec.unknown_durations(),
        sending: spec.sending(),
        tenancy: None,
        bill: None,
        network: spec.network(),
        event_log_blake3: Some(run.record.event_log_blake3()),
        summary: run.summary.figures(),
        fleet: fleet.clone(),
        record: run.record.clone(),
    }
}

/// One of `choices`, drawn.
pub fn pick<'t>(choices: &[&'t str], draws: &mut Stream) -> &'t str {
    choices[below(choices.len(), draws)]
}

/// `lr-mmt` with `changes`, in steps of five minutes.
pub fn case(changes: &[&str], load: Vec<Vec<u8>>) -> Case {
    let changes = changes.iter().map(|change| (*change).to_owned()).collect();
    Case { base: "lr-mmt", changes, load, step_s: 300.0 }
}

/// The run of `case`, which the check finds sound.
pub fn sound(case: &Case) -> (RunSpec, Fleet, Outcome) {
    let (spec, trace) = (case.spec(), case.trace());
    let (fleet, run) = simulated(&spec, &trace).expect("the VMs fit at the start");
    let report = check(&evidence(&spec, &trace, &fleet, &run));
    assert!(report.is_clean(), "{case:?}\n{report}");
    (spec, fleet, run)
}

/// A ledger and its totals, as their files tell them.
pub fn bill(ledger: &Ledger) -> Bill {
    let row = |entry: &Entry| BillRow {
        account: entry.account.name().into(),
        subject: (entry.subject.parts().0.into(), entry.subject.parts().1),
        start: entry.start,
        end: entry.end,
        quantity: entry.quantity,
        unit: entry.account.unit().into(),
        unit_price: entry.unit_price,
        amount_micro: entry.amount.0,
    };
    let summary = ledger.summary();
    let named = summary.named().into_iter().map(|(name, value)| (name.to_owned(), value));
    let totals = named.chain(summary.by_site());
    let totals = totals.map(|(name, value)| (format!("costs.{name}"), value)).collect();
    Bill { rows: ledger.entries.iter().map(row).collect(), totals, runs: None }
}
