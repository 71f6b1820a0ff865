//! Could these actions have happened, one after the other?

use crate::model::rules::IdleVms;
use crate::problem::Problem;

use super::Evidence;
use super::event::{Deed, Event};
use super::layout::Layout;
use super::supply::Moment;
use super::timetable::Timetable;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Replays all rows and reports those that were impossible when they came.
pub(super) fn check(evidence: &Evidence, events: &[Event], times: &Timetable) -> Vec<Problem> {
    let mut layout = Layout::empty(evidence);
    let mut findings = Vec::new();
    for event in events {
        if let Err((code, what)) = layout.apply(event) {
            findings.push(Problem::new(code, event.place(), what, REMEDY));
        }
        if let Some(what) = unfounded_stop(evidence, event) {
            findings.push(Problem::new("GLN-603", event.place(), what, REMEDY));
        }
    }
    findings.extend(left_undone(&layout, times));
    findings
}

/// Why a stop was not called for: beside the end of a lease, which is looked at apart, only the
/// rule that retires idle VMs ever stops one.
fn unfounded_stop(evidence: &Evidence, event: &Event) -> Option<String> {
    let Deed::Stop { vm, .. } = event.deed else { return None };
    if evidence.tenancy.is_some() {
        return None;
    }
    let demand = Moment::at(evidence, event.seconds).demand(evidence.load_of(vm));
    match evidence.rules.demand.idle_vms {
        IdleVms::Keep => Some(format!("v{vm} stops, but idle-vms = \"keep\"")),
        IdleVms::Retire if demand != 0.0 => {
            Some(format!("v{vm} is retired while it asks for {demand} of its MIPS"))
        }
        IdleVms::Retire => None,
    }
}

/// What had to happen before the end and did not.
fn left_undone(layout: &Layout<'_>, times: &Timetable) -> Vec<Problem> {
    let mut findings = Vec::new();
    // A lease that is rejected has VMs that never start.
    let missing = if layout.restarts { &[][..] } else { &layout.started };
    for vm in missing.iter().enumerate().filter(|(_, s)| !**s).map(|(vm, _)| vm) {
        let what = format!("v{vm} never starts, expected `vm-start` for every VM");
        findings.push(Problem::new("GLN-603", "actions", what, REMEDY));
    }
    for (host, state) in layout.state.iter().enumerate() {
        if let Some(due) = state.due().filter(|due| *due < times.last) {
            let what = format!("host h{host} is {} to the end, it was due {due}", state.word());
            findings.push(Problem::new("GLN-604", "actions", what, REMEDY));
        }
    }
    findings
}
