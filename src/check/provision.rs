//! Does no VM of a lease run before it was provisioned, and could that have been as fast?
//!
//! ```text
//! imaged = start, or the end of what was sent       cloned = imaged + clone, one at a time if full
//! customised = cloned + customise-s                 ready = customised + boot-s
//! links: bytes of all that lies in [a, b] <= rate x (b - a)       for every a and b
//! ```
//!
//! An image that was there had been sent to that host before, and had not given way since: caches
//! are kept again, the unused image that was used least recently gives way. Over the card of a host
//! images and migrations are added up; on a topology only the card of the repository is.
//!
//! | code | what is wrong |
//! |---|---|
//! | GLN-690 | a VM runs that was not ready there |
//! | GLN-691 | a stage of provisioning does not take what it takes, or its host was not on |
//! | GLN-692 | more was sent over a link than it carries |
//! | GLN-693 | an image was not where it is said to have been |
//! | GLN-694 | a figure of provisioning does not follow from the rows |
//! | GLN-695 | VMs boot at other times than they were provisioned |

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Deed, Event};
use super::image_caches::caches;
use super::{Evidence, Report, Tenancy};
use crate::id::VmId;
use crate::model::Provision;
use crate::model::provision::{BYTES_PER_MB, CloneKind, ProvisionRecord};
use crate::model::rules::Contention;
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// Microseconds of rounding.
const ROUNDING: i64 = 1;
/// Relative rounding of sums.
const TOLERANCE: f64 = 1e-9;
/// Bytes of rounding: times are whole microseconds.
const SLACK: f64 = 1e4;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

pub(super) type Refuse<'r> = dyn FnMut(&'static str, String, String) + 'r;

/// Verifies `provisions` and `image_sends`.
pub(super) fn check(evidence: &Evidence, events: &[Event], out: &mut Report) {
    let record = &evidence.record;
    let none = record.provisions.is_empty() && record.sends.is_empty();
    let mut found = Vec::new();
    let mut refuse = |code: &'static str, place: String, what: String| {
        found.push(Problem::new(code, place, what, REMEDY));
    };
    let (rules, tenancy) = match (&evidence.rules.provision, &evidence.tenancy) {
        (Some(rules), Some(tenancy)) => (rules, tenancy),
        _ if none => return,
        _ => {
            let what = "there are rows, and nothing is to be provisioned".to_owned();
            refuse("GLN-691", "provisions".into(), what);
            out.findings.append(&mut found);
            return;
        }
    };
    out.rows.push(("provisions", record.provisions.len()));
    let strangers = strangers(evidence, tenancy, &mut refuse);
    if !strangers {
        stages(evidence, rules, tenancy, &mut refuse);
        powered(evidence, events, &mut refuse);
        starts(evidence, tenancy, events, &mut refuse);
        boots(evidence, tenancy, events, &mut refuse);
        links(evidence, rules, tenancy, &mut refuse);
        caches(evidence, rules, tenancy, events, &mut refuse);
        figures(evidence, tenancy, &mut refuse);
    }
    out.findings.append(&mut found);
    if rules.topology {
        out.unverified.push("image_sends: the links of the topology".into());
    }
}

/// Rows of VMs, hosts or images that are not there, or of another image than the lease's.
fn strangers(evidence: &Evidence, tenancy: &Tenancy, refuse: &mut Refuse<'_>) -> bool {
    let (hosts, sends) = (evidence.fleet.hosts() as u32, &evidence.record.sends);
    let mut any = false;
    for (row, of) in evidence.record.provisions.iter().enumerate() {
        let wants = tenancy.wants(of.vm.0 as usize);
        let sent = of.send.is_none_or(|send| {
            let send = sends.get(send as usize);
            send.is_some_and(|send| send.host == of.host && Some(send.image) == of.image)
        });
        let first = wants.is_some_and(|(first, _)| first == of.vm.0 as usize);
        let image = wants.and_then(|(_, image)| image.map(|(image, _)| image));
        if of.host.0 >= hosts || !first || image != of.image || !sent {
            let what = format!("v{} on h{} with image {:?}", of.vm.0, of.host.0, of.image);
            refuse("GLN-691", place(row), format!("{what} is not what was asked for"));
            any = true;
        }
    }
    any |= sends.iter().any(|send| send.host.0 >= hosts);
    any
}

fn place(row: usize) -> String {
    format!("provisions row {row}")
}

/// Bytes of the image of a row.
fn bytes(tenancy: &Tenancy, of: &ProvisionRecord) -> f64 {
    let image = tenancy.wants(of.vm.0 as usize).and_then(|(_, image)| image);
    image.map_or(0.0, |(_, mb)| mb as f64 * BYTES_PER_MB)
}

/// Each stage begins when the one before is over and takes what it takes.
fn stages(evidence: &Evidence, rules: &Provision, tenancy: &Tenancy, refuse: &mut Refuse<'_>) {
    let mut copies: BTreeMap<u32, Vec<(Instant, Instant)>> = BTreeMap::new();
    for (row, of) in evidence.record.provisions.iter().enumerate() {
        let size = bytes(tenancy, of);
        let clone = if size > 0.0 { rules.clone_seconds(size) } else { 0.0 };
        let full = rules.clone == CloneKind::Full && size > 0.0;
        let imaged = match of.send.map(|send| evidence.record.sends[send as usize]) {
            None => Some(of.start),
            Some(send) if send.start > of.start => None,
            Some(send) => send.end.filter(|_| send.whole),
        };
        let after = |time: Option<Instant>, seconds: f64| {
            time.map(|time| time + Span::from_seconds(seconds))
        };
        if let (true, Some(end)) = (full, of.cloned) {
            let span = Span::from_seconds(clone);
            copies.entry(of.host.0).or_default().push((Instant(end.0 - span.0), end));
        }
        let cloned = if full { of.cloned } else { after(imaged, clone) };
        let expected = [
            ("imaged", of.imaged, imaged),
            ("cloned", of.cloned, cloned),
            ("customised", of.customised, after(cloned, rules.customise_s)),
            ("ready", of.ready, after(after(cloned, rules.customise_s), rules.boot_s)),
        ];
        let last = of.dropped.unwrap_or(tenancy.end);
        for (stage, found, expected) in expected {
            let agree = match (found, expected) {
                (Some(found), Some(due)) => (found.0 - due.0).abs() <= ROUNDING && found <= last,
                (None, Some(due)) => due.0 + ROUNDING >= last.0,
                (found, None) => found.is_none(),
            };
            let early =
                full && of.cloned.is_some_and(|end| end < after(imaged, clone).unwrap_or(end));
            if !agree || (stage == "cloned" && early) {
                let what = format!("{stage} is {found:?}, expected {expected:?}");
                refuse("GLN-691", place(row), what);
                break;
            }
        }
    }
    for (host, mut spans) in copies {
        spans.sort_unstable();
        if spans.windows(2).any(|two| two[1].0.0 + ROUNDING < two[0].1.0) {
            let what = format!("the disk of h{host} copies two images at once");
            refuse("GLN-691", "provisions".into(), what);
        }
    }
}

/// A host is on from the first to the last stage.
fn powered(evidence: &Evidence, events: &[Event], refuse: &mut Refuse<'_>) {
    let mut on: Vec<Vec<(Instant, Instant)>> = vec![Vec::new(); evidence.fleet.hosts()];
    for event in events {
        match event.deed {
            Deed::On { host } => on[host].push((event.at, Instant(i64::MAX))),
            Deed::Sleep { host } | Deed::Off { host } | Deed::Fail { host } => {
                if let Some(last) = on[host].last_mut().filter(|last| last.1.0 == i64::MAX) {
                    last.1 = event.at;
                }
            }
            _ => {}
        }
    }
    for (row, of) in evidence.record.provisions.iter().enumerate() {
        let end = of.ready.or(of.dropped).unwrap_or(of.start);
        let covers = |&(from, to): &(Instant, Instant)| from <= of.start && end <= to;
        if !on[of.host.0 as usize].iter().any(covers) {
            let what = format!("h{} is not on all the time", of.host.0);
            refuse("GLN-691", place(row), what);
        }
    }
}

/// A VM that begins was made ready there, or has run before.
fn starts(evidence: &Evidence, tenancy: &Tenancy, events: &[Event], refuse: &mut Refuse<'_>) {
    let mut ready: BTreeMap<(u32, u32), Vec<&ProvisionRecord>> = BTreeMap::new();
    for of in &evidence.record.provisions {
        ready.entry((of.vm.0, of.host.0)).or_default().push(of);
    }
    let mut ran = BTreeSet::new();
    for event in events {
        let Deed::Start { vm, to } = event.deed else { continue };
        let Some((first, _)) = tenancy.wants(vm) else { continue };
        let rows = ready.get(&(first as u32, to as u32));
        let in_time = |of: &&ProvisionRecord| {
            of.dropped.is_none() && of.ready.is_some_and(|ready| ready <= event.at)
        };
        let fit = rows.is_some_and(|rows| rows.iter().any(in_time));
        if !fit && !ran.contains(&first) {
            let what = format!("v{vm} runs on h{to} and was not made ready there before");
            refuse("GLN-690", event.place(), what);
        }
        ran.insert(first);
    }
}

/// VMs boot from the end of customising until they are ready or given up.
fn boots(evidence: &Evidence, tenancy: &Tenancy, events: &[Event], refuse: &mut Refuse<'_>) {
    let mut found: Vec<(Instant, usize, usize, bool)> = Vec::new();
    for event in events {
        match event.deed {
            Deed::Boot { vm, to } => found.push((event.at, vm, to, true)),
            Deed::Booted { vm, from } => found.push((event.at, vm, from, false)),
            _ => {}
        }
    }
    let mut expected = Vec::new();
    for of in &evidence.record.provisions {
        let Some(begin) = of.customised else { continue };
        let host = of.host.0 as usize;
        for vm in tenancy.cores_of(of.vm.0 as usize) {
            expected.push((begin, vm, host, true));
            expected.extend(of.ready.or(of.dropped).map(|end| (end, vm, host, false)));
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    if found != expected {
        let odd = found.iter().zip(&expected).position(|(found, expected)| found != expected);
        let row = odd.unwrap_or(found.len().min(expected.len()));
        let what = format!("found {:?}, the rows say {:?}", found.get(row), expected.get(row));
        refuse("GLN-695", "actions".into(), what);
    }
}

/// No link carries more than it can, in whatever interval.
fn links(evidence: &Evidence, rules: &Provision, tenancy: &Tenancy, refuse: &mut Refuse<'_>) {
    if evidence.rules.migration.contention == Contention::None {
        return;
    }
    let record = &evidence.record;
    let over = |start: Instant, end: Option<Instant>| (start, end.unwrap_or(tenancy.end));
    let sends = record.sends.iter().map(|send| (over(send.start, send.end), send.bytes));
    carried("the repository", rules.repository(), sends.collect(), refuse);
    if rules.topology {
        return;
    }
    let mut cards: BTreeMap<u32, Vec<Sent>> = BTreeMap::new();
    for send in &record.sends {
        let sent = (over(send.start, send.end), send.bytes);
        cards.entry(send.host.0).or_default().push(sent);
    }
    for stage in record.stages.iter().filter(|stage| stage.bytes > 0.0) {
        let Some(of) = record.moves.get(stage.migration as usize) else { continue };
        if let Some(card) = cards.get_mut(&of.to.0) {
            card.push((over(stage.start, stage.end), stage.bytes));
        }
    }
    let card = evidence.rules.migration.bandwidth();
    for (host, sent) in cards {
        carried(&format!("the card of h{host}"), card, sent, refuse);
    }
}

/// From when until when, and how many bytes.
type Sent = ((Instant, Instant), f64);

/// Whether what was sent over a link of `rate` bytes per second could have been.
fn carried(link: &str, rate: f64, mut sent: Vec<Sent>, refuse: &mut Refuse<'_>) {
    sent.sort_unstable_by_key(|&(span, _)| span);
    let mut by_end = sent.clone();
    by_end.sort_unstable_by_key(|&((_, end), _)| end);
    let mut starts: Vec<Instant> = sent.iter().map(|&((start, _), _)| start).collect();
    starts.dedup();
    for from in starts {
        let mut sum = 0.0;
        for &((start, end), bytes) in by_end.iter().filter(|&&((start, _), _)| start >= from) {
            sum += bytes;
            let most = rate * (end - from).seconds();
            if sum > most * (1.0 + TOLERANCE) + SLACK {
                let what = format!("{sum} bytes from {from} to {end}, expected at most {most}");
                let at = format!("image_sends, {link} at {start}");
                return refuse("GLN-692", at, what);
            }
        }
    }
}

/// The figures of the lease summary.
fn figures(evidence: &Evidence, tenancy: &Tenancy, refuse: &mut Refuse<'_>) {
    let rows = || evidence.record.provisions.iter();
    let ready = || rows().filter(|of| of.ready.is_some());
    let count = ready().count() as f64;
    let mean = |span: fn(&ProvisionRecord) -> Option<Span>| {
        let sum: f64 = ready().filter_map(span).map(Span::seconds).sum();
        if count == 0.0 { 0.0 } else { sum / count }
    };
    let sends = || evidence.record.sends.iter();
    let expected = [
        ("provisioned", count),
        ("mean_image_s", mean(|of| Some(of.imaged? - of.start))),
        ("mean_clone_s", mean(|of| Some(of.cloned? - of.imaged?))),
        ("mean_customise_s", mean(|of| Some(of.customised? - of.cloned?))),
        ("mean_boot_s", mean(|of| Some(of.ready? - of.customised?))),
        ("images_sent", sends().filter(|send| send.whole).count() as f64),
        (
            "images_cached",
            rows().filter(|of| of.image.is_some() && of.send.is_none()).count() as f64,
        ),
        ("image_bytes", sends().map(|send| send.bytes).sum()),
    ];
    for (name, expected) in expected {
        let claimed = tenancy.claimed(name);
        let near = |found: f64| (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
        if !claimed.is_some_and(near) {
            let what = format!("{name} is {claimed:?}, expected {expected}");
            refuse("GLN-694", "leases".into(), what);
        }
    }
}

/// The first core of the VM that `vm` belongs to.
pub(super) fn first_core(tenancy: &Tenancy, vm: usize) -> VmId {
    VmId(tenancy.wants(vm).map_or(vm, |(first, _)| first) as u32)
}
