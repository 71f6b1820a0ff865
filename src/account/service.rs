//! What service was lacking: credits for time down, penalties for time short.
//!
//! ```text
//! availability = 1 - time down / time there        per VM, or lease (all its VMs together), month
//! ```
//!
//! A VM is down from its crash or that of its host until it runs again, while its migration stops
//! it, and while its host is cut off.

use std::collections::BTreeMap;

use super::instance_hours::between;
use super::months::{bounds, months};
use super::{Account, Entry, Money, Subject};
use crate::id::Id;
use crate::model::costs::{MONTH, Tier};
use crate::model::record::StageKind;
use crate::model::unreachable::unreachable;
use crate::model::{ActionKind, Costs, Record};
use crate::time::Instant;

type Spans = Vec<(Instant, Instant)>;

/// When each VM was down, in order and without overlap.
fn downtime(record: &Record) -> Vec<Spans> {
    let vms = record.vms.len();
    let falls = [ActionKind::VmCrash, ActionKind::VmFail];
    let ends = [ActionKind::VmRestart, ActionKind::VmStop];
    let mut down = between(&record.actions, vms, record.end, &falls, &ends);
    let stops =
        record.stages.iter().filter(|s| matches!(s.kind, StageKind::Stop | StageKind::Resume));
    for stage in stops {
        let vm = record.moves[stage.migration as usize].vm.index();
        down[vm].push((stage.start, stage.end.unwrap_or(record.end)));
    }
    for (down, away) in down.iter_mut().zip(unreachable(record)) {
        down.extend(away);
    }
    down.into_iter().map(joined).collect()
}

/// The same time, each of it once.
fn joined(mut spans: Spans) -> Spans {
    spans.sort_unstable();
    let mut joined: Spans = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// The share that `tiers` give back of a month of which `present` microseconds a VM was there, and
/// `down` of those down; per cent.
fn credit(tiers: &[Tier], present: i64, down: i64) -> f64 {
    let up = (present - down) as f64 * 100.0;
    let tier = tiers.iter().find(|tier| up >= tier.from * present as f64);
    tier.map_or(0.0, |tier| tier.credit)
}

/// The credits by month, then VM or lease, as `owner` says; `hours` is what they paid.
pub(super) fn credits(
    costs: &Costs,
    record: &Record,
    presence: &[Spans],
    hours: &[Entry],
    owner: impl Fn(usize) -> Subject,
) -> Vec<Entry> {
    if costs.sla.is_empty() {
        return Vec::new();
    }
    // Time there and time down, microseconds.
    let mut standing: BTreeMap<(i64, Subject), (i64, i64)> = BTreeMap::new();
    for (vm, (there, down)) in presence.iter().zip(downtime(record)).enumerate() {
        for (month, (start, end)) in there.iter().flat_map(|&(start, end)| months(start, end)) {
            standing.entry((month, owner(vm))).or_default().0 += (end - start).0;
        }
        for (month, (start, end)) in down.iter().flat_map(|&(start, end)| months(start, end)) {
            standing.entry((month, owner(vm))).or_default().1 += (end - start).0;
        }
    }
    let mut paid: BTreeMap<(i64, Subject), Money> = BTreeMap::new();
    for entry in hours {
        let sum = paid.entry((entry.start.0.div_euclid(MONTH.0), entry.subject)).or_default();
        *sum = *sum + entry.amount;
    }
    let given = standing.into_iter().filter_map(|((month, subject), (present, down))| {
        let share = credit(&costs.sla, present, down) / 100.0;
        let fee = paid.get(&(month, subject)).copied().unwrap_or_default();
        let (start, end) = bounds(month);
        let period = (start, end.min(record.end));
        (share > 0.0).then(|| Entry::new(Account::Credits, period, subject, share, fee.units()))
    });
    given.collect()
}

/// The penalties by VM, for the whole run.
pub(super) fn penalties(costs: &Costs, record: &Record) -> Vec<Entry> {
    if costs.penalty_per_s == 0.0 {
        return Vec::new();
    }
    let short = record.vms.iter().enumerate().filter(|(_, vm)| vm.short_s > 0.0);
    let period = (Instant::START, record.end);
    short
        .map(|(vm, row)| {
            let (subject, price) = (Subject::Vm(vm as u32), costs.penalty_per_s);
            Entry::new(Account::Penalties, period, subject, row.short_s, price)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiers() -> [Tier; 3] {
        [(99.99, 0.0), (99.0, 10.0), (0.0, 30.0)].map(|(from, credit)| Tier {
            from,
            to: None,
            credit,
        })
    }

    /// Of 30 days, 2 592 000 s, 0.01 % are 259.2 s and 1 % are 25 920 s.
    #[test]
    fn a_tier_begins_exactly_where_it_says() {
        let month = 2_592_000_000_000;
        for (down_us, share) in [
            (0, 0.0),
            (259_200_000, 0.0),
            (259_200_001, 10.0),
            (25_920_000_000, 10.0),
            (25_920_000_001, 30.0),
            (month, 30.0),
        ] {
            assert_eq!(credit(&tiers(), month, down_us), share, "{down_us}");
        }
    }

    #[test]
    fn time_down_for_two_reasons_counts_once() {
        let at = |spans: &[(i64, i64)]| -> Spans {
            spans.iter().map(|&(a, b)| (Instant(a), Instant(b))).collect()
        };
        assert_eq!(joined(at(&[(5, 9), (0, 2), (1, 3), (3, 4)])), at(&[(0, 4), (5, 9)]));
    }
}
