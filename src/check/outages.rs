//! Do hosts fail as they should, is nothing left on them, and are their VMs restarted by the rules?
//!
//! ```text
//! downtime = from the failure of the host to the restart, the end of the lease or of the run
//! up = max(placed, on) + boot        placed >= ready >= failed + detect
//! ```
//!
//! A VM that was placed while one of higher priority waited took what that could not use: it needs
//! less of memory, disk or network. Outages that were drawn are believed, those of the list must be
//! there. How long headroom was missing is not worked out again.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Deed, Event};
use super::layout::{HostState, Layout};
use super::{Evidence, Report, Tenancy};
use crate::id::{Id, VmId};
use crate::model::Outages;
use crate::model::record::RestartRecord;
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// Microseconds of rounding.
const ROUNDING: i64 = 2;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Verifies `outages` and `restarts`.
pub(super) fn check(evidence: &Evidence, events: &[Event], out: &mut Report) {
    let found = failures(events);
    if evidence.rules.outages.is_none() && found.is_empty() {
        return;
    }
    let mut refuse = |code: &'static str, place: String, what: String| {
        out.findings.push(Problem::new(code, place, what, REMEDY));
    };
    rows_of_outages(evidence, &found, &mut refuse);
    left_behind(evidence, events, &mut refuse);
    let Some(rules) = &evidence.rules.outages else {
        return refuse("GLN-625", "actions".into(), "hosts fail, and there is no [outages]".into());
    };
    listed(evidence, rules, &found, &mut refuse);
    warned(evidence, rules, events, &mut refuse);
    restarts(evidence, rules, events, &mut refuse);
    out.rows.push(("outages", evidence.record.outages.len()));
    if is_drawn(rules) {
        out.unverified.push("outages: whether those at random are those that were drawn".into());
    }
}

/// Whether hosts fail at random.
fn is_drawn(rules: &Outages) -> bool {
    rules.host.is_some() || rules.rack.is_some() || rules.site.is_some()
}

type Refuse<'r> = dyn FnMut(&'static str, String, String) + 'r;

/// Host, failure and repair of each outage, in order.
type Failures = Vec<(usize, Instant, Option<Instant>)>;

fn failures(events: &[Event]) -> Failures {
    let mut found: Failures = Vec::new();
    for event in events {
        match event.deed {
            Deed::Fail { host } => found.push((host, event.at, None)),
            Deed::Repair { host } => {
                let open = found.iter_mut().rev().find(|(other, ..)| *other == host);
                if let Some((_, _, end)) = open {
                    *end = Some(event.at);
                }
            }
            _ => {}
        }
    }
    found
}

/// The table has a row for each failure.
fn rows_of_outages(evidence: &Evidence, found: &Failures, refuse: &mut Refuse<'_>) {
    let rows = &evidence.record.outages;
    let stated: Failures =
        rows.iter().map(|row| (row.host.0 as usize, row.start, row.end)).collect();
    if stated != *found {
        let odd = stated.iter().zip(found).position(|(stated, found)| stated != found);
        let row = odd.unwrap_or(stated.len().min(found.len()));
        let what = format!("found {:?}, the actions say {:?}", stated.get(row), found.get(row));
        refuse("GLN-625", format!("outages row {row}"), what);
    }
}

/// When the instant of a failure is over nothing runs on its host, arrives there or leaves it.
fn left_behind(evidence: &Evidence, events: &[Event], refuse: &mut Refuse<'_>) {
    let mut layout = Layout::empty(evidence);
    let mut failed: BTreeSet<usize> = BTreeSet::new();
    for (i, event) in events.iter().enumerate() {
        // An impossible action changes nothing; `history` has reported it.
        let _ = layout.apply(event);
        if let Deed::Fail { host } = event.deed {
            failed.insert(host);
        }
        if events.get(i + 1).is_some_and(|next| next.at == event.at) {
            continue;
        }
        for host in std::mem::take(&mut failed) {
            let out = layout.state[host] == HostState::Failed;
            if let Some(guest) = layout.guests[host].first().filter(|_| out) {
                let what = format!("v{} is on h{host}, which has failed", guest.vm);
                refuse("GLN-627", event.place(), what);
            }
        }
    }
}

/// No copy to a host begins between the notice of its maintenance and that itself.
fn warned(evidence: &Evidence, rules: &Outages, events: &[Event], refuse: &mut Refuse<'_>) {
    let (sites, hosts) = (evidence.rules.sites.as_ref(), evidence.fleet.hosts());
    for outage in rules.list.iter().filter(|outage| outage.is_announced()) {
        let known = Instant::from_seconds(outage.start_s - outage.notice_s);
        let begun = Instant::from_seconds(outage.start_s);
        for event in events.iter().filter(|event| (known..begun).contains(&event.at)) {
            let Deed::Depart { vm, to, .. } = event.deed else { continue };
            if event.at > known && outage.hits(rules, sites, hosts).contains(&to) {
                let what = format!("v{vm} moves to h{to}, which is to be out from {begun} on");
                refuse("GLN-625", event.place(), what);
            }
        }
    }
}

/// Every outage of the list is there, and no other unless some are drawn.
fn listed(evidence: &Evidence, rules: &Outages, found: &Failures, refuse: &mut Refuse<'_>) {
    let (sites, hosts) = (evidence.rules.sites.as_ref(), evidence.fleet.hosts());
    let end = evidence.record.actions.last().map_or(Instant::START, |action| action.at);
    let mut edges: BTreeSet<(usize, Instant, bool)> = BTreeSet::new();
    for (row, outage) in rules.list.iter().enumerate() {
        let [from, to] = [outage.start_s, outage.end_s].map(Instant::from_seconds);
        for host in outage.hits(rules, sites, hosts) {
            edges.extend([(host, from, true), (host, to, false)]);
            let covers = |&(other, start, repaired): &(usize, Instant, Option<Instant>)| {
                other == host && start <= from && repaired.is_none_or(|repaired| repaired >= to)
            };
            if from < end && !found.iter().any(covers) {
                let what = format!("h{host} does not fail at {from} for as long as it should");
                refuse("GLN-625", format!("[outages] list[{row}]"), what);
            }
        }
    }
    if is_drawn(rules) {
        return;
    }
    for &(host, start, repaired) in found {
        let known = edges.contains(&(host, start, true))
            && repaired.is_none_or(|repaired| edges.contains(&(host, repaired, false)));
        if !known {
            let what = format!("h{host} fails at {start}, or is repaired, and nothing says so");
            refuse("GLN-625", "outages".into(), what);
        }
    }
}

/// The rows of `restarts`: each from a failure of a VM to its restart, by the rules.
fn restarts(evidence: &Evidence, rules: &Outages, events: &[Event], refuse: &mut Refuse<'_>) {
    let spells = spells(events);
    let rows = &evidence.record.restarts;
    if rows.len() != spells.len() {
        let what = format!("{} rows, {} VMs failed", rows.len(), spells.len());
        return refuse("GLN-628", "restarts".into(), what);
    }
    let mut on: BTreeMap<usize, Vec<Instant>> = BTreeMap::new();
    for event in events {
        if let Deed::On { host } = event.deed {
            on.entry(host).or_default().push(event.at);
        }
    }
    for (row, (restart, spell)) in rows.iter().zip(&spells).enumerate() {
        let what = contradiction(restart, spell)
            .or_else(|| wrong_priority(evidence, rules, restart))
            .or_else(|| too_early(rules, restart, &on));
        if let Some(what) = what {
            refuse("GLN-628", format!("restarts row {row}"), what);
        }
    }
    for (row, restart) in rows.iter().enumerate() {
        if let Some(passed) = passed_over(evidence, restart, rows) {
            let what = format!("v{} had waited with a higher priority", passed.vm.0);
            refuse("GLN-628", format!("restarts row {row}"), what);
        }
    }
}

/// A VM, the host that failed and when, the host where it ran again, and when it was over.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spell {
    vm: usize,
    from: usize,
    failed: Instant,
    to: Option<usize>,
    end: Option<Instant>,
}

fn spells(events: &[Event]) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::new();
    for event in events {
        let (vm, to) = match event.deed {
            Deed::Fall { vm, from } => {
                let (failed, to, end) = (event.at, None, None);
                spells.push(Spell { vm, from, failed, to, end });
                continue;
            }
            Deed::Restart { vm, to } => (vm, Some(to)),
            Deed::Stop { vm, .. } => (vm, None),
            _ => continue,
        };
        let open = |spell: &&mut Spell| spell.vm == vm && spell.end.is_none();
        if let Some(spell) = spells.iter_mut().rev().find(open) {
            (spell.to, spell.end) = (to, Some(event.at));
        }
    }
    spells
}

fn contradiction(row: &RestartRecord, spell: &Spell) -> Option<String> {
    let stated = Spell {
        vm: row.vm.0 as usize,
        from: row.from.0 as usize,
        failed: row.failed,
        to: row.up.and(row.to).map(|to| to.0 as usize),
        end: row.up.or(row.gone),
    };
    (stated != *spell).then(|| format!("found {stated:?}, the actions say {spell:?}"))
}

fn wrong_priority(evidence: &Evidence, rules: &Outages, row: &RestartRecord) -> Option<String> {
    let priority = match &evidence.tenancy {
        Some(tenancy) => u32::from(tenancy.is_reservation_of(row.vm.0 as usize)),
        None => rules.priority_of(row.vm, evidence.fleet.vms()),
    };
    (priority != row.priority).then(|| format!("priority {}, expected {priority}", row.priority))
}

fn too_early(
    rules: &Outages,
    row: &RestartRecord,
    on: &BTreeMap<usize, Vec<Instant>>,
) -> Option<String> {
    let noticed = row.failed + Span::from_seconds(rules.detect_s);
    let placed = row.placed.unwrap_or(row.ready);
    if row.ready < noticed || placed < row.ready {
        return Some(format!("placed at {placed}, noticed at {noticed}, ready {}", row.ready));
    }
    let (Some(up), Some(to)) = (row.up, row.to) else { return None };
    let booted = |since: Instant| (up - since - Span::from_seconds(rules.boot_s)).0.abs();
    let woken = on.get(&(to.0 as usize)).into_iter().flatten();
    let mut since = woken.filter(|at| **at >= placed).copied().chain([placed]);
    let in_time = since.any(|since| booted(since) <= ROUNDING);
    (!in_time).then(|| format!("it runs at {up}, placed at {placed} on h{}", to.0))
}

/// Who of `all` waited when `row` was placed, with a higher priority and no larger.
fn passed_over<'r>(
    evidence: &Evidence,
    row: &RestartRecord,
    all: &'r [RestartRecord],
) -> Option<&'r RestartRecord> {
    let at = row.placed?;
    let fleet = &evidence.fleet;
    let size = |row: &RestartRecord| {
        (fleet.vm_ram[row.vm].0, fleet.vm_disk[row.vm].0, fleet.vm_net[row.vm].0)
    };
    let (ram, disk, net) = size(row);
    let waits = |other: &&RestartRecord| {
        let over = other.up.or(other.gone).is_some_and(|over| over <= at);
        other.ready <= at && !over && other.placed.is_none_or(|placed| placed > at)
    };
    let smaller = |other: &&RestartRecord| {
        let size = size(other);
        size.0 <= ram && size.1 <= disk && size.2 <= net
    };
    let passed = |other: &&RestartRecord| other.priority > row.priority;
    let anywhere = |other: &&RestartRecord| !is_ruled(evidence, other.vm);
    all.iter().filter(passed).filter(waits).filter(anywhere).find(smaller)
}

/// Whether some rule says on which hosts `vm` may be, so that one with room may not take it.
fn is_ruled(evidence: &Evidence, vm: VmId) -> bool {
    let sites = evidence.rules.sites.as_ref();
    let bonds = evidence.tenancy.as_ref().map(Tenancy::bonds);
    sites.is_some_and(|sites| !sites.rules.is_empty() || !sites.tenants.is_empty())
        || bonds.is_some_and(|bonds| bonds.contains_key(&vm.index()))
}

/// The figures of outages.
pub(super) fn figures(evidence: &Evidence, events: &[Event]) -> Vec<(&'static str, f64)> {
    if evidence.rules.outages.is_none() {
        return Vec::new();
    }
    let end = Instant::from_seconds(super::timetable::whole_s(evidence));
    let spells = spells(events);
    let down: Vec<f64> =
        spells.iter().map(|spell| (spell.end.unwrap_or(end) - spell.failed).seconds()).collect();
    let restarts = spells.iter().filter(|spell| spell.to.is_some()).count();
    let sum = down.iter().sum::<f64>() + 0.0;
    let mean = if down.is_empty() { 0.0 } else { sum / down.len() as f64 };
    let fails = events.iter().filter(|event| matches!(event.deed, Deed::Fail { .. })).count();
    vec![
        ("host_failures", fails as f64),
        ("vm_failures", down.len() as f64),
        ("vm_restarts", restarts as f64),
        ("not_restarted", (down.len() - restarts) as f64),
        ("downtime_s", sum),
        ("mean_downtime_s", mean),
        ("max_downtime_s", down.iter().copied().fold(0.0, f64::max)),
    ]
}
