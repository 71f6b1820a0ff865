//! Hours of VMs and of leases, month by month.

use super::months::months;
use super::{Account, Entry, Subject};
use crate::id::{Id, VmId};
use crate::model::costs::HourPrice;
use crate::model::lease::LeaseRequest;
use crate::model::lease_record::{Stretch, Use};
use crate::model::{Action, ActionKind, Costs};
use crate::time::{Instant, Span};

const HOUR_S: f64 = 3600.0;

/// When each VM was there, from `vm-start` to `vm-stop` or the end of the run.
pub(super) fn presence(
    actions: &[Action],
    vms: usize,
    end: Instant,
) -> Vec<Vec<(Instant, Instant)>> {
    between(actions, vms, end, &[ActionKind::VmStart], &[ActionKind::VmStop])
}

/// From the first action of a kind in `begins` to the next of a kind in `ends`, by VM.
pub(super) fn between(
    actions: &[Action],
    vms: usize,
    end: Instant,
    begins: &[ActionKind],
    ends: &[ActionKind],
) -> Vec<Vec<(Instant, Instant)>> {
    let mut spans = vec![Vec::new(); vms];
    let mut since: Vec<Option<Instant>> = vec![None; vms];
    for action in actions {
        let Some(vm) = action.vm.map(VmId::index) else { continue };
        if begins.contains(&action.kind) {
            since[vm].get_or_insert(action.at);
        } else if ends.contains(&action.kind)
            && let Some(start) = since[vm].take()
        {
            spans[vm].push((start, action.at));
        }
    }
    for (open, spans) in since.into_iter().zip(&mut spans) {
        spans.extend(open.map(|start| (start, end)));
    }
    spans
}

pub(super) fn hours(span: Span) -> f64 {
    span.seconds() / HOUR_S
}

/// Whether anything is asked for VMs at all.
fn is_free(costs: &Costs) -> bool {
    costs.vm_hour_price == HourPrice::All(0.0)
}

/// The hours of every VM by its presence.
pub(super) fn of_vms(costs: &Costs, presence: &[Vec<(Instant, Instant)>]) -> Vec<Entry> {
    if is_free(costs) {
        return Vec::new();
    }
    let mut entries = Vec::new();
    for (vm, spans) in presence.iter().enumerate() {
        let price = costs.hour_price(vm, presence.len());
        let subject = Subject::Vm(vm as u32);
        for &(start, end) in spans {
            entries.extend(months(start, end).map(|(_, period)| {
                let hours = hours(period.1 - period.0);
                Entry::new(Account::InstanceHours, period, subject, hours, price)
            }));
        }
    }
    entries
}

/// The hours of the VMs of every lease while they ran.
pub(super) fn of_leases(
    costs: &Costs,
    requests: &[LeaseRequest],
    stretches: &[Stretch],
) -> Vec<Entry> {
    if is_free(costs) {
        return Vec::new();
    }
    let runs = stretches.iter().filter(|stretch| stretch.purpose == Use::Run);
    let entries = runs.flat_map(|run| {
        let request = &requests[run.lease.index()];
        let (vms, price) = (request.vms() as f64, costs.lease_hour_price(request));
        let subject = Subject::Lease(run.lease.0);
        months(run.start, run.end).map(move |(_, period)| {
            let hours = vms * hours(period.1 - period.0);
            Entry::new(Account::InstanceHours, period, subject, hours, price)
        })
    });
    entries.collect()
}
