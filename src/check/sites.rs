//! Is every VM where the rules of `[sites]` allow it at every instant, and does what goes from site
//! to site pass a link that is there?
//!
//! ```text
//! after every action, on the host to which it brings a VM:
//!   the site is allowed; per group at most k in its part; nobody of another tenant
//! a stage between sites sends at most   min(links, window, loss, cipher) x its time
//! a VM that moved to another site took its disk along
//! ```
//!
//! A VM counts where it runs, where it is copied to, and where its pages still are. Which links a
//! route takes is the model's to say. How long a migration takes beyond that is not worked out.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Deed, Event};
use super::layout::Layout;
use super::{Evidence, Report, cuts};
use crate::id::{HostId, Id};
use crate::model::record::{MoveEnding, MoveRecord, StageKind, StageRecord};
use crate::model::sites::{Per, Route, Site, SiteKind, SiteRule, Sites};
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Relative rounding of bytes.
const ROUNDING: f64 = 1e-6;
/// Seconds that a stage may lack by rounding.
const SLACK_S: f64 = 2e-6;
/// Bytes of a segment (Mathis et al. 1997).
const SEGMENT: f64 = 1448.0;

/// Where hosts stand, worked out from the lists of the spec.
pub(super) struct Ground<'a> {
    pub sites: &'a Sites,
    /// By host.
    pub site: Vec<usize>,
    zone: Vec<(usize, Option<usize>)>,
}

impl<'a> Ground<'a> {
    pub fn of(evidence: &'a Evidence) -> Option<Self> {
        let sites = evidence.rules.sites.as_ref()?;
        let hosts = evidence.fleet.hosts();
        let holds = |numbers: &crate::model::numbers::Numbers, host: usize| {
            let ranges = numbers.ranges().unwrap_or_default();
            ranges.iter().any(|range| range.contains(&(host as u32)))
        };
        let (mut site, mut zone) = (vec![0; hosts], vec![(0, None); hosts]);
        for host in 0..hosts {
            site[host] = sites.list.iter().position(|s| holds(&s.hosts, host)).unwrap_or(0);
            let zones = &sites.list[site[host]].zones;
            zone[host] = (site[host], zones.iter().rposition(|z| holds(&z.hosts, host)));
        }
        Some(Self { sites, site, zone })
    }

    /// The part of `per` in which `host` is.
    pub fn part(&self, per: Per, host: usize) -> (usize, Option<usize>) {
        match per {
            Per::Host => (host, None),
            Per::Zone => self.zone[host],
            Per::Site => (self.site[host], None),
        }
    }
}

/// Whether `rule` keeps its VMs from `site`.
fn keeps_from(rule: &SiteRule, site: &Site) -> bool {
    let public = site.kind == SiteKind::Public;
    let trusted = site.trusted.unwrap_or(!public);
    let named = rule.sites.as_ref().is_none_or(|names| names.contains(&site.name));
    rule.private && public || (rule.private || rule.trusted) && !trusted || !named
}

/// Verifies everything about sites but money.
pub(super) fn check(evidence: &Evidence, events: &[Event], out: &mut Report) {
    let Some(ground) = Ground::of(evidence) else { return };
    let law = Law::of(evidence, &ground);
    let mut layout = Layout::empty(evidence);
    for event in events {
        let down = event.vm().is_some_and(|vm| layout.down[vm].is_some());
        let _ = layout.apply(event);
        let (vm, host) = match event.deed {
            Deed::Start { vm, to } => (vm, to),
            Deed::Restart { vm, to } if down => (vm, to),
            Deed::Depart { vm, from, to } => {
                let what = law.keeps_home(evidence, &ground, event, (vm, from, to));
                refuse("GLN-671", event.place(), what, out);
                (vm, to)
            }
            _ => continue,
        };
        refuse("GLN-670", event.place(), law.broken(&ground, &layout, vm, host), out);
    }
    links(evidence, &ground, out);
}

fn refuse(code: &'static str, place: String, what: Option<String>, out: &mut Report) {
    out.findings.extend(what.map(|what| Problem::new(code, place, what, REMEDY)));
}

/// The rules by VM.
pub(super) struct Law<'a> {
    sites: &'a Sites,
    rules: &'a [SiteRule],
    /// The rules of each VM.
    pub of: Vec<Vec<usize>>,
    pub tenant: Vec<Option<usize>>,
    pub tenants: bool,
}

impl<'a> Law<'a> {
    pub fn of(evidence: &Evidence, ground: &Ground<'a>) -> Self {
        let (sites, vms) = (ground.sites, evidence.fleet.vms());
        let block = vms.div_ceil(sites.types.max(1)).max(1);
        let ranges: Vec<_> = sites
            .rules
            .iter()
            .map(|rule| rule.vms.as_ref().map(|vms| vms.ranges().unwrap_or_default()))
            .collect();
        let is_of = |vm: usize, rule: usize| {
            let types = sites.rules[rule].types.as_ref();
            let named = ranges[rule].iter().flatten().any(|range| range.contains(&(vm as u32)));
            let all = ranges[rule].is_none() && types.is_none();
            all || named || types.is_some_and(|types| types.contains(&((vm / block) as u32)))
        };
        let rules = |vm| (0..sites.rules.len()).filter(|&rule| is_of(vm, rule)).collect();
        let tenants: Vec<_> =
            sites.tenants.iter().map(|vms| vms.ranges().unwrap_or_default()).collect();
        let tenant = |vm: usize| {
            let named = |t: &Vec<std::ops::RangeInclusive<u32>>| {
                t.iter().any(|range| range.contains(&(vm as u32)))
            };
            tenants.iter().position(named)
        };
        Self {
            sites,
            rules: &sites.rules,
            of: (0..vms).map(rules).collect(),
            tenant: (0..vms).map(tenant).collect(),
            tenants: !sites.tenants.is_empty(),
        }
    }

    /// Whether no rule keeps `vm` from `site`.
    pub fn allows(&self, vm: usize, site: usize) -> bool {
        let site = &self.sites.list[site];
        !self.of[vm].iter().any(|&rule| keeps_from(&self.rules[rule], site))
    }

    /// What keeps `vm` from being migrated from one host to the other.
    fn keeps_home(
        &self,
        evidence: &Evidence,
        ground: &Ground<'_>,
        event: &Event,
        (vm, from, to): (usize, usize, usize),
    ) -> Option<String> {
        let [a, b] = [from, to].map(|host| ground.site[host]);
        if a == b {
            return None;
        }
        let names = || (&ground.sites.list[a].name, &ground.sites.list[b].name);
        if self.of[vm].iter().any(|&rule| self.rules[rule].stay) {
            return Some(format!(
                "v{vm} is to stay, and goes from `{}` to `{}`",
                names().0,
                names().1
            ));
        }
        let up = cuts::up(evidence, ground.sites, event.at)?;
        let open = ground.sites.routes(&up)[a * ground.sites.list.len() + b].is_some();
        let (a, b) = names();
        (!open).then(|| format!("v{vm} goes from `{a}` to `{b}`, and no link leads there"))
    }

    /// What `vm` breaks on `host`.
    fn broken(
        &self,
        ground: &Ground<'_>,
        layout: &Layout<'_>,
        vm: usize,
        host: usize,
    ) -> Option<String> {
        let site = &ground.sites.list[ground.site[host]];
        for &number in &self.of[vm] {
            let rule = &self.rules[number];
            if keeps_from(rule, site) {
                return Some(format!("v{vm} is at `{}`, which rules[{number}] forbids", site.name));
            }
            let (Some(at_most), Some(per)) = (rule.at_most, rule.per) else { continue };
            let here = ground.part(per, host);
            let part = (0..ground.site.len()).filter(|&h| ground.part(per, h) == here);
            let there = part.flat_map(|h| layout.guests[h].iter().map(|guest| guest.vm));
            let group: BTreeSet<usize> =
                there.filter(|&other| self.of[other].contains(&number)).collect();
            if group.len() > at_most as usize {
                let count = group.len();
                return Some(format!(
                    "{count} of the VMs of rules[{number}] are together on h{host}"
                ));
            }
        }
        let stranger = |guest: &&super::layout::Guest| self.tenant[guest.vm] != self.tenant[vm];
        let other = layout.guests[host].iter().find(stranger).filter(|_| self.tenants)?;
        Some(format!("v{vm} and v{} of another tenant are on h{host}", other.vm))
    }
}

/// Bytes per second that a migration between two sites can send at most, whatever else is sent.
fn most(sites: &Sites, route: &Route) -> f64 {
    let links = || route.iter().map(|&(link, _)| &sites.links[link]);
    let narrowest = links().map(|link| link.mbit_s * 125_000.0).fold(f64::INFINITY, f64::min);
    let rtt_s: f64 = links().map(|link| link.rtt_ms / 1000.0).sum();
    let loss = 1.0 - links().map(|link| 1.0 - link.loss).product::<f64>();
    let window = sites.window_kib * 1024.0 / rtt_s;
    let lossy = if loss > 0.0 { SEGMENT / rtt_s * (1.5 / loss).sqrt() } else { f64::INFINITY };
    let cipher = sites.encryption.map_or(f64::INFINITY, |cipher| cipher.speed_mb_s * 1e6);
    narrowest.min(sites.connections * window.min(lossy)).min(cipher)
}

/// What was sent over one direction of a link: from, until, bytes.
type Sent = Vec<(Instant, Instant, f64)>;

/// Verifies what goes from site to site, stage by stage and link by link.
fn links(evidence: &Evidence, ground: &Ground<'_>, out: &mut Report) {
    let sites = ground.sites;
    let mut stages: BTreeMap<u32, Vec<&StageRecord>> = BTreeMap::new();
    for stage in &evidence.record.stages {
        stages.entry(stage.migration).or_default().push(stage);
    }
    let mut sent: BTreeMap<(usize, bool), Sent> = BTreeMap::new();
    for (number, row) in evidence.record.moves.iter().enumerate() {
        let [from, to] = [row.from, row.to].map(|host| ground.site[host.index()]);
        let of = stages.remove(&(number as u32)).unwrap_or_default();
        let place = || format!("moves row {number}");
        refuse("GLN-671", place(), disk(evidence, sites, row, from != to, &of), out);
        if from == to {
            continue;
        }
        let Some(up) = cuts::up(evidence, sites, row.start) else { continue };
        let routes = sites.routes(&up);
        let Some(route) = routes[from * sites.list.len() + to].as_ref() else { continue };
        refuse("GLN-673", place(), cuts::sent_over(evidence, row, route, &of), out);
        let most = most(sites, route);
        for stage in of {
            let Some(end) = stage.end else { continue };
            let could = most * ((end - stage.start).seconds() + SLACK_S) * (1.0 + ROUNDING);
            let what = (stage.bytes > could).then(|| {
                let kind = stage.kind.name();
                format!("`{kind}` sends {} B between sites where {could} B can be", stage.bytes)
            });
            refuse("GLN-671", place(), what, out);
            for &link in route {
                sent.entry(link).or_default().push((stage.start, end, stage.bytes));
            }
        }
    }
    for ((link, _), sent) in sent {
        let capacity = sites.links[link].mbit_s * 125_000.0;
        let place = format!("[sites] links[{link}]");
        refuse("GLN-671", place, overfull(sent, capacity), out);
    }
    let why = "beyond what its links carry";
    out.unverified.push(format!("durations of migrations between sites: {why}"));
}

/// Whether more passed a link than it carries, from the first byte of a busy time to its last.
fn overfull(mut sent: Sent, capacity: f64) -> Option<String> {
    sent.sort_by_key(|&(start, end, _)| (start, end));
    let mut busy: Option<(Instant, Instant, f64)> = None;
    let too_much = |&(from, until, bytes): &(Instant, Instant, f64)| {
        let could = capacity * ((until - from).seconds() + SLACK_S) * (1.0 + ROUNDING);
        let what = format!("{bytes} B pass it from {from} until {until}, {could} B can");
        (bytes > could).then_some(what)
    };
    for (start, end, bytes) in sent {
        match &mut busy {
            Some((_, until, sum)) if start <= *until => {
                *until = end.max(*until);
                *sum += bytes;
            }
            _ => {
                if let Some(what) = busy.as_ref().and_then(too_much) {
                    return Some(what);
                }
                busy = Some((start, end, bytes));
            }
        }
    }
    busy.as_ref().and_then(too_much)
}

/// Whether the disk travelled where it should, and only there.
fn disk(
    evidence: &Evidence,
    sites: &Sites,
    row: &MoveRecord,
    far: bool,
    stages: &[&StageRecord],
) -> Option<String> {
    let of_type = evidence.fleet.vm_disk[row.vm].0 as f64;
    let overhead = sites.encryption.map_or(0.0, |cipher| cipher.overhead);
    let disk = sites.disk_gib.map_or(of_type, |gib| gib * 1_073_741_824.0) * (1.0 + overhead);
    let storage = stages.iter().any(|stage| stage.kind == StageKind::Storage);
    if !far {
        return storage.then(|| format!("{} moves within its site with a disk", row.vm));
    }
    let short = row.ending == MoveEnding::Moved && row.bytes < disk * (1.0 - ROUNDING);
    short.then(|| format!("{} B were sent, and the disk alone is {disk}", row.bytes))
}

/// The figures of `[sites]` by name, from the energy of each host, joules.
pub(super) fn figures(
    evidence: &Evidence,
    events: &[Event],
    energy_j: &[f64],
    end: Instant,
) -> Vec<(String, f64)> {
    let Some(ground) = Ground::of(evidence) else { return Vec::new() };
    let names: Vec<&str> = ground.sites.list.iter().map(|site| site.name.as_str()).collect();
    let mut kwh = vec![0.0; names.len()];
    for (host, joules) in energy_j.iter().enumerate() {
        kwh[ground.site[host]] += joules / 3.6e6;
    }
    let mut hours = vec![0.0; names.len()];
    for (_, site, from, until) in stays(&ground, evidence.fleet.vms(), events, end) {
        hours[site] += (until - from).0 as f64 / 3.6e9;
    }
    let out = degraded(evidence, &ground, end);
    let mut pairs: BTreeMap<(usize, usize), [f64; 3]> = BTreeMap::new();
    for row in &evidence.record.moves {
        let [from, to] = [row.from, row.to].map(|host: HostId| ground.site[host.index()]);
        if from != to {
            let pair = pairs.entry((from, to)).or_default();
            pair[0] += 1.0;
            pair[1] += f64::from(u8::from(row.ending == MoveEnding::Moved));
            pair[2] += row.bytes;
        }
    }
    let mut all = Vec::new();
    for (site, name) in names.iter().enumerate() {
        all.push((format!("site.{name}.energy_kwh"), kwh[site]));
        all.push((format!("site.{name}.vm_hours"), hours[site]));
    }
    for ((from, to), values) in pairs {
        for (what, value) in ["migrations", "moved", "bytes"].into_iter().zip(values) {
            all.push((format!("wan.{}.{}.{what}", names[from], names[to]), value));
        }
    }
    all.extend(out);
    all
}

/// How long whole sites and links were out, in a run with `[outages]`.
fn degraded(evidence: &Evidence, ground: &Ground<'_>, end: Instant) -> Vec<(String, f64)> {
    if evidence.rules.outages.is_none() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (number, site) in ground.sites.list.iter().enumerate() {
        let hosts = ground.site.iter().filter(|&&other| other == number).count();
        let here = |host: HostId| ground.site[host.index()] == number;
        let rows = || evidence.record.outages.iter().filter(|row| here(row.host));
        let closed = |row: &crate::model::record::OutageRecord| row.end.unwrap_or(end);
        let mut edges: Vec<Instant> = rows().flat_map(|row| [row.start, closed(row)]).collect();
        edges.sort_unstable();
        let out = edges.windows(2).filter(|span| {
            rows().filter(|row| row.start <= span[0] && span[1] <= closed(row)).count() == hosts
        });
        let out_us: i64 = out.map(|span| (span[1] - span[0]).0).sum();
        all.push((format!("site.{}.out_s", site.name), out_us as f64 / 1e6));
    }
    for (number, link) in ground.sites.links.iter().enumerate() {
        let rows = || {
            let all = evidence.record.link_outages.iter();
            all.filter(move |row| row.link as usize == number)
        };
        let out_us: i64 = rows().map(|row| (row.end.unwrap_or(end) - row.start).0).sum();
        let [a, b] = &link.between;
        all.push((format!("link.{a}.{b}.failures"), rows().count() as f64));
        all.push((format!("link.{a}.{b}.out_s"), out_us as f64 / 1e6));
    }
    all
}

/// VM, site, from when until when: where every VM ran.
pub(super) fn stays(
    ground: &Ground<'_>,
    vms: usize,
    events: &[Event],
    end: Instant,
) -> Vec<(usize, usize, Instant, Instant)> {
    let mut stays = Vec::new();
    let mut at: Vec<Option<(usize, Instant)>> = vec![None; vms];
    for event in events {
        let (vm, site) = match event.deed {
            Deed::Start { vm, to } | Deed::Restart { vm, to } => (vm, Some(ground.site[to])),
            Deed::Arrive { vm, to, .. } | Deed::Switch { vm, to, .. } => {
                (vm, Some(ground.site[to]))
            }
            Deed::Stop { vm, .. } | Deed::Fall { vm, .. } => (vm, None),
            _ => continue,
        };
        if at[vm].map(|(site, _)| site) == site {
            continue;
        }
        stays.extend(at[vm].map(|(site, since)| (vm, site, since, event.at)));
        at[vm] = site.map(|site| (site, event.at));
    }
    let open = at.into_iter().enumerate();
    stays.extend(open.filter_map(|(vm, at)| at.map(|(site, since)| (vm, site, since, end))));
    stays.retain(|&(_, _, from, until)| from < until);
    stays
}

/// Compares the figures that the run reported with those that follow.
pub(super) fn compare(
    evidence: &Evidence,
    events: &[Event],
    energy_j: &[f64],
    end: Instant,
    out: &mut Report,
) {
    let expected = figures(evidence, events, energy_j, end);
    let words = ("GLN-672", "there is no such site or pair of sites");
    super::figures::compare(words, is_figure, evidence, expected, out);
}

/// Whether a figure of the summary is one of sites.
pub(super) fn is_figure(name: &str) -> bool {
    ["site.", "wan.", "link."].iter().any(|part| name.starts_with(part))
}
