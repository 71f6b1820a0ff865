//! What did the begin of a VM wait for? The chain of stages that ends with it, back to the begin of
//! its lease: those of its own, or of a VM of its lease that had to run before.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::id::{Id, VmId};
use crate::model::Record;
use crate::model::lease::{Guests, LeaseRequest};
use crate::model::provision::ProvisionRecord;
use crate::model::record::ActionKind;
use crate::time::Instant;

/// A part of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Leg {
    /// Of which VM.
    pub vm: VmId,
    /// What happened.
    pub step: Step,
    /// From when on.
    pub from_s: f64,
    /// Until when.
    pub until_s: f64,
}

/// What a VM waits for before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its lease, its host, or whoever holds it up though it is ready.
    Wait,
    /// Its image.
    Image,
    /// A disk of it.
    Clone,
    /// That is customised.
    Customise,
    /// It boots.
    Boot,
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vm, step, from_s, until_s } = self;
        let step = match step {
            Step::Wait => "waits, though ready",
            Step::Image => "image",
            Step::Clone => "clone",
            Step::Customise => "customise",
            Step::Boot => "boot",
        };
        write!(f, "{vm} {step}, {:.3} s from {}", until_s - from_s, Instant::from_seconds(*from_s))
    }
}

/// When the VM of `row` began to run with what was prepared for it.
pub(super) fn begin(record: &Record, row: &ProvisionRecord) -> Option<Instant> {
    let ready = row.ready?;
    let dropped = |at: Instant| row.dropped.is_some_and(|dropped| dropped <= at);
    let starts = record.actions.iter().filter(|a| a.kind == ActionKind::VmStart);
    let mut own = starts.filter(|a| a.vm == Some(row.vm) && a.at >= ready && !dropped(a.at));
    own.next().map(|action| action.at)
}

/// What the begin of the VM of `row` waited for, the last first.
pub(super) fn path(
    row: &ProvisionRecord,
    record: &Record,
    requests: &[LeaseRequest],
    each: Guests,
) -> Vec<Leg> {
    let mut legs = Vec::new();
    let Some(mut at) = begin(record, row) else { return legs };
    let mut row = *row;
    // Each step back goes to a set that is before: there is no circle.
    for _ in 0..record.provisions.len() {
        let ready = row.ready.unwrap_or(at);
        let before = predecessors(requests, each, row.vm);
        let held = before.flat_map(|vms| last_to_begin(record, vms, at));
        let held = held.filter(|(begun, _)| *begun > ready).max_by_key(|(begun, _)| *begun);
        if let Some((begun, earlier)) = held {
            if at > begun {
                legs.push(leg(row.vm, Step::Wait, begun, at));
            }
            (row, at) = (earlier, begun);
            continue;
        }
        if at > ready {
            legs.push(leg(row.vm, Step::Wait, ready, at));
        }
        legs.extend(own_stages(&row));
        break;
    }
    legs
}

fn leg(vm: VmId, step: Step, from: Instant, until: Instant) -> Leg {
    Leg { vm, step, from_s: from.seconds(), until_s: until.seconds() }
}

/// The stages of `row` that took time, the last first.
fn own_stages(row: &ProvisionRecord) -> Vec<Leg> {
    let ends = [Some(row.start), row.imaged, row.cloned, row.customised, row.ready];
    let steps = [Step::Image, Step::Clone, Step::Customise, Step::Boot].into_iter();
    let legs = steps.zip(ends.windows(2)).rev();
    let legs = legs.filter_map(|(step, ends)| Some(leg(row.vm, step, ends[0]?, ends[1]?)));
    legs.filter(|leg| leg.until_s > leg.from_s).collect()
}

/// Of `vms` the one that began last by `at`, with its row.
fn last_to_begin(
    record: &Record,
    vms: Range<usize>,
    at: Instant,
) -> Option<(Instant, ProvisionRecord)> {
    let rows = record.provisions.iter().filter(|row| vms.contains(&row.vm.index()));
    let begun = rows.filter_map(|row| Some((begin(record, row)?, *row)));
    begun.filter(|(begun, _)| *begun <= at).max_by_key(|(begun, _)| *begun)
}

/// The VMs of the sets before that of `vm`.
fn predecessors(
    requests: &[LeaseRequest],
    each: Guests,
    vm: VmId,
) -> impl Iterator<Item = Range<usize>> {
    let mut first = 0;
    let mut before = Vec::new();
    for request in requests {
        let nodes: Vec<usize> = request.guests(each).map(|guest| guest.node).collect();
        if vm.index() < first + nodes.len() {
            let mut node = 0;
            let mut spans = Vec::new();
            for set in &request.nodes {
                let from = nodes.partition_point(|&of| of < node);
                node += set.count as usize;
                spans.push(first + from..first + nodes.partition_point(|&of| of < node));
            }
            let own = spans.iter().position(|span| span.contains(&vm.index()));
            let sets = own.map_or_else(Vec::new, |own| request.before(&request.nodes[own]));
            before.extend(sets.into_iter().map(|set| spans[set].clone()));
            break;
        }
        first += nodes.len();
    }
    before.into_iter()
}
