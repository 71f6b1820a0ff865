//! What a run of load owes, from its actions: who was there, who was down, what hosts used.

use super::bill::{self, Due, Spans};
use super::doubt::Totals;
use super::event::{Deed, Event};
use super::timetable::Timetable;
use super::{Evidence, Report, site_bill};
use crate::model::record::StageKind;
use crate::time::Instant;

/// Verifies the ledger, where there is one.
pub(super) fn check(
    evidence: &Evidence,
    events: &[Event],
    times: &Timetable,
    totals: &Totals,
    out: &mut Report,
) {
    let (Some(costs), Some(bill)) = (&evidence.rules.costs, &evidence.bill) else { return };
    out.rows.push(("ledger entries", bill.rows.len()));
    if !totals.exact.in_doubt.is_empty() {
        out.unverified.push("ledger: the rounding of shares is in doubt".into());
        return;
    }
    let (there, down) = standing(evidence, events, times.last);
    let mut due = Due::new();
    site_bill::energy(evidence, costs, &totals.exact.used, times.last, &mut due);
    site_bill::rent(evidence, events, times.last, &mut due);
    bill::hours(costs, bill.runs.as_deref(), &there, &mut due);
    let owner = |vm: usize| match (&evidence.tenancy, &bill.runs) {
        (Some(tenancy), Some(_)) => ("lease", tenancy.lease_of(vm)),
        _ => ("vm", vm as u32),
    };
    bill::credits(costs, (&there, &down), owner, times.last, &mut due);
    let short = totals.exact.vms.iter().map(|vm| vm.short_s);
    bill::penalties(costs, short, times.last, &mut due);
    let (findings, recomputed) = bill::compare(bill, due);
    out.findings.extend(findings);
    out.recomputed.extend(recomputed);
    let (findings, recomputed) = site_bill::totals(evidence, events, bill, times.last);
    out.findings.extend(findings);
    out.recomputed.extend(recomputed);
}

/// When each VM was there, and when it was down.
fn standing(evidence: &Evidence, events: &[Event], end: Instant) -> (Spans, Spans) {
    let vms = evidence.fleet.vms();
    let (mut there, mut down) = (vec![Vec::new(); vms], vec![Vec::new(); vms]);
    let (mut came, mut fell) = (vec![None; vms], vec![None; vms]);
    for event in events {
        let close = |open: &mut Option<Instant>, spans: &mut Vec<_>| {
            spans.extend(open.take().map(|since| (since, event.at)));
        };
        match event.deed {
            Deed::Start { vm, .. } => came[vm] = Some(event.at),
            Deed::Stop { vm, .. } => {
                close(&mut came[vm], &mut there[vm]);
                close(&mut fell[vm], &mut down[vm]);
            }
            Deed::Crash { vm, .. } | Deed::Fall { vm, .. } => {
                fell[vm].get_or_insert(event.at);
            }
            Deed::Restart { vm, .. } => close(&mut fell[vm], &mut down[vm]),
            _ => {}
        }
    }
    for vm in 0..vms {
        there[vm].extend(came[vm].map(|since| (since, end)));
        down[vm].extend(fell[vm].map(|since| (since, end)));
    }
    let record = &evidence.record;
    for stage in &record.stages {
        if stage.kind == StageKind::Stop || stage.kind == StageKind::Resume {
            let vm = record.moves.get(stage.migration as usize).map(|row| row.vm.0 as usize);
            if let Some(spans) = vm.and_then(|vm| down.get_mut(vm)) {
                spans.push((stage.start, stage.end.unwrap_or(end)));
            }
        }
    }
    let away = super::network::unreachable(evidence, events, end);
    away.into_iter().for_each(|(vm, from, to)| down[vm].push((from, to)));
    (there, down)
}
