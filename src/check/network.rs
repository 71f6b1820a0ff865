//! Do switches and cables fail as they should, and are exactly those hosts cut off that follow?
//!
//! ```text
//! cut off <=> not of the largest set of hosts that reach each other over what is not out
//! ```
//!
//! Of equally large sets that with the first host counts. The sets are found anew at every instant
//! at which anything of the network fails or is repaired. While a host is cut off no VM is sent to
//! it or from it, begins or is restarted there. Over which of several ways something is sent, and
//! how fast, is not worked out.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Deed, Event};
use super::{Evidence, Report};
use crate::model::record::{NetworkOutageRecord, NetworkPart, StageRecord};
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// How hosts are connected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Names of hosts and switches.
    pub nodes: Vec<String>,
    /// The node of each host of the fleet.
    pub hosts: Vec<usize>,
    /// The node of each switch.
    pub switches: Vec<usize>,
    /// The two nodes of each cable.
    pub cables: Vec<[usize; 2]>,
}

/// From when until when a host is cut off.
type CutOff = (usize, Instant, Instant);

impl Network {
    /// Which hosts are cut off when nothing of `out` works.
    fn cut_off(&self, out: &BTreeSet<(NetworkPart, usize)>) -> BTreeSet<usize> {
        let mut group: Vec<usize> = (0..self.nodes.len()).collect();
        let dead: BTreeSet<usize> = out
            .iter()
            .filter(|(part, _)| *part == NetworkPart::Switch)
            .filter_map(|(_, number)| self.switches.get(*number).copied())
            .collect();
        for (number, [a, b]) in self.cables.iter().enumerate() {
            let gone = out.contains(&(NetworkPart::Cable, number));
            if !gone && !dead.contains(a) && !dead.contains(b) {
                let [a, b] = [a, b].map(|&node| root(&group, node));
                group[a.max(b)] = a.min(b);
            }
        }
        let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (host, node) in self.hosts.iter().enumerate() {
            sets.entry(root(&group, *node)).or_default().push(host);
        }
        let rest = sets.values().max_by(|a, b| a.len().cmp(&b.len()).then(b[0].cmp(&a[0])));
        let rest: BTreeSet<usize> = rest.into_iter().flatten().copied().collect();
        (0..self.hosts.len()).filter(|host| !rest.contains(host)).collect()
    }
}

fn root(group: &[usize], mut node: usize) -> usize {
    while group[node] != node {
        node = group[node];
    }
    node
}

/// Who is cut off when, by what is out.
fn cut_offs(evidence: &Evidence, network: &Network, end: Instant) -> Vec<CutOff> {
    let rows = &evidence.record.network_outages;
    let until = |row: &NetworkOutageRecord| row.end.unwrap_or(end);
    let edges: BTreeSet<Instant> = rows.iter().flat_map(|row| [row.start, until(row)]).collect();
    let mut open: BTreeMap<usize, Instant> = BTreeMap::new();
    let mut found = Vec::new();
    for edge in edges.into_iter().filter(|edge| *edge < end) {
        let holds = |row: &&NetworkOutageRecord| row.start <= edge && edge < until(row);
        let out = rows.iter().filter(holds).map(|row| (row.part, row.number as usize)).collect();
        let cut = network.cut_off(&out);
        let back: Vec<usize> = open.keys().copied().filter(|host| !cut.contains(host)).collect();
        for host in back {
            found.extend(open.remove(&host).map(|since| (host, since, edge)));
        }
        for host in cut {
            open.entry(host).or_insert(edge);
        }
    }
    found.extend(open.into_iter().map(|(host, since)| (host, since, end)));
    found.sort_unstable_by_key(|&(host, since, _)| (since, host));
    found
}

/// The rows of `cut_offs` in the same form.
fn stated(evidence: &Evidence, end: Instant) -> Vec<CutOff> {
    let rows = evidence.record.cut_offs.iter().filter(|row| row.start < end);
    let mut stated: Vec<CutOff> =
        rows.map(|row| (row.host.0 as usize, row.start, row.end.unwrap_or(end))).collect();
    stated.sort_unstable_by_key(|&(host, since, _)| (since, host));
    stated
}

/// VM, from when and until when it is on a host that is cut off.
pub(super) fn unreachable(
    evidence: &Evidence,
    events: &[Event],
    end: Instant,
) -> Vec<(usize, Instant, Instant)> {
    let Some(network) = &evidence.network else { return Vec::new() };
    let mut stays: Vec<(usize, usize, Instant, Instant)> = Vec::new();
    let mut at: Vec<Option<(usize, Instant)>> = vec![None; evidence.fleet.vms()];
    for event in events {
        let (vm, host) = match event.deed {
            Deed::Start { vm, to } | Deed::Restart { vm, to } => (vm, Some(to)),
            Deed::Arrive { vm, to, .. } | Deed::Switch { vm, to, .. } => (vm, Some(to)),
            Deed::Stop { vm, .. } | Deed::Fall { vm, .. } => (vm, None),
            _ => continue,
        };
        if at[vm].map(|(host, _)| host) != host {
            stays.extend(at[vm].map(|(host, since)| (vm, host, since, event.at)));
            at[vm] = host.map(|host| (host, event.at));
        }
    }
    for (vm, open) in at.into_iter().enumerate() {
        stays.extend(open.map(|(host, since)| (vm, host, since, end)));
    }
    let cut = cut_offs(evidence, network, end);
    let mut away = Vec::new();
    for (vm, host, from, to) in stays {
        let here = cut.iter().filter(|(other, ..)| *other == host);
        let both = here.map(|&(_, start, end)| (vm, from.max(start), to.min(end)));
        away.extend(both.filter(|(_, from, to)| from < to));
    }
    away
}

/// Verifies `network_outages` and `cut_offs`, what happens meanwhile, and their figures.
pub(super) fn check(evidence: &Evidence, events: &[Event], end: Instant, out: &mut Report) {
    let rows = &evidence.record.network_outages;
    let fails = evidence.rules.outages.as_ref().is_some_and(|rules| rules.hits_network());
    let mut wrong: Vec<(String, String)> = Vec::new();
    if !fails {
        if !rows.is_empty() || !evidence.record.cut_offs.is_empty() {
            wrong.push(("network_outages".into(), "nothing of the network fails".into()));
        }
    } else if let Some(network) = &evidence.network {
        as_listed(evidence, network, end, &mut wrong);
        let expected = cut_offs(evidence, network, end);
        let found = stated(evidence, end);
        if found != expected {
            let odd = found.iter().zip(&expected).position(|(found, expected)| found != expected);
            let row = odd.unwrap_or(found.len().min(expected.len()));
            let (found, expected) = (found.get(row), expected.get(row));
            let what = format!("found {found:?}, what is out says {expected:?}");
            wrong.push((format!("cut_offs row {row} by time"), what));
        }
        crossed(evidence, events, &expected, &mut wrong);
        compare(evidence, network, events, end, out);
        out.rows.push(("network_outages", rows.len()));
        let rules = evidence.rules.outages.as_ref();
        if rules.is_some_and(|rules| rules.switch.is_some() || rules.cable.is_some()) {
            let what = "network_outages: whether those at random are those that were drawn";
            out.unverified.push(what.into());
        }
    } else {
        out.unverified.push("network_outages: the topology is not known".into());
    }
    for (place, what) in wrong {
        out.findings.push(Problem::new("GLN-678", place, what, REMEDY));
    }
}

/// Every outage of the list is there, and no other unless some are drawn.
fn as_listed(
    evidence: &Evidence,
    network: &Network,
    end: Instant,
    wrong: &mut Vec<(String, String)>,
) {
    let Some(rules) = &evidence.rules.outages else { return };
    let rows = &evidence.record.network_outages;
    let mut edges: BTreeSet<(NetworkPart, u32, Instant)> = BTreeSet::new();
    for (row, outage) in rules.list.iter().enumerate() {
        let switch = outage.switch.map(|number| (NetworkPart::Switch, number));
        let cable = outage.cable.map(|number| (NetworkPart::Cable, number));
        let Some((part, number)) = switch.or(cable) else { continue };
        let [from, to] = [outage.start_s, outage.end_s].map(Instant::from_seconds);
        edges.extend([(part, number, from), (part, number, to)]);
        let holds = |found: &NetworkOutageRecord| {
            (found.part, found.number) == (part, number)
                && found.start <= from
                && found.end.is_none_or(|end| end >= to)
        };
        if from < end && !rows.iter().any(holds) {
            let what = format!("{} {number} does not fail at {from} as it should", part.name());
            wrong.push((format!("[outages] list[{row}]"), what));
        }
    }
    for (row, found) in rows.iter().enumerate() {
        let (count, drawn) = match found.part {
            NetworkPart::Switch => (network.switches.len(), rules.switch.is_some()),
            NetworkPart::Cable => (network.cables.len(), rules.cable.is_some()),
        };
        let known = |at: Instant| edges.contains(&(found.part, found.number, at));
        let said = known(found.start) && found.end.is_none_or(known);
        let sound = (found.number as usize) < count && found.end.is_none_or(|e| found.start <= e);
        if !sound || !(said || drawn) {
            let (part, number) = (found.part.name(), found.number);
            let what = format!("{part} {number} fails at {}, and nothing says so", found.start);
            wrong.push((format!("network_outages row {row}"), what));
        }
    }
}

/// What is sent to or from a host that is cut off, or begins there.
fn crossed(
    evidence: &Evidence,
    events: &[Event],
    cut: &[CutOff],
    wrong: &mut Vec<(String, String)>,
) {
    let mut by_host: BTreeMap<usize, Vec<(Instant, Instant)>> = BTreeMap::new();
    for &(host, start, end) in cut {
        by_host.entry(host).or_default().push((start, end));
    }
    let of = |host: usize| by_host.get(&host).into_iter().flatten();
    let within = |host: usize, at: Instant| of(host).any(|&(start, end)| start < at && at < end);
    let mut fallen: BTreeSet<usize> = BTreeSet::new();
    for event in events {
        let (vm, hosts) = match event.deed {
            Deed::Depart { vm, from, to } => (vm, [from, to]),
            Deed::Start { vm, to } => (vm, [to, to]),
            Deed::Restart { vm, to } if fallen.remove(&vm) => (vm, [to, to]),
            Deed::Fall { vm, .. } => {
                fallen.insert(vm);
                continue;
            }
            _ => continue,
        };
        if let Some(host) = hosts.into_iter().find(|&host| within(host, event.at)) {
            wrong.push((event.place(), format!("v{vm} has to do with h{host}, which is cut off")));
        }
    }
    let sends = |stage: &StageRecord, &(start, end): &(Instant, Instant)| {
        let open = stage.end.is_none_or(|over| over > start && over > stage.start);
        stage.bytes > 0.0 && stage.start < end && open
    };
    for (row, stage) in evidence.record.stages.iter().enumerate() {
        let Some(moved) = evidence.record.moves.get(stage.migration as usize) else { continue };
        let ends = [moved.from, moved.to].map(|host| host.0 as usize);
        if let Some(host) = ends.into_iter().find(|&host| of(host).any(|span| sends(stage, span))) {
            let what = format!("it sends while h{host} is cut off");
            wrong.push((format!("stages row {row}"), what));
        }
    }
}

/// Compares the figures that the run reported with those that follow.
fn compare(
    evidence: &Evidence,
    network: &Network,
    events: &[Event],
    end: Instant,
    out: &mut Report,
) {
    let expected = figures(evidence, network, events, end);
    let words = ("GLN-679", "nothing of that name failed");
    super::figures::compare(words, is_figure, evidence, expected, out);
}

fn figures(
    evidence: &Evidence,
    network: &Network,
    events: &[Event],
    end: Instant,
) -> Vec<(String, f64)> {
    let seconds = |spans: &mut dyn Iterator<Item = (Instant, Instant)>| {
        spans.map(|(from, to)| (to - from).0).sum::<i64>() as f64 / 1e6
    };
    let cut = cut_offs(evidence, network, end);
    let away = unreachable(evidence, events, end);
    let mut all = vec![
        ("network.cut_offs".to_owned(), cut.len() as f64),
        ("network.cut_off_s".to_owned(), seconds(&mut cut.iter().map(|&(_, a, b)| (a, b)))),
        ("network.unreachable_vms".to_owned(), away.len() as f64),
        ("network.unreachable_s".to_owned(), seconds(&mut away.iter().map(|&(_, a, b)| (a, b)))),
    ];
    let rows = &evidence.record.network_outages;
    let failed: BTreeSet<(NetworkPart, u32)> =
        rows.iter().map(|row| (row.part, row.number)).collect();
    for (part, number) in failed {
        let name = |node: usize| network.nodes.get(node).map_or("", String::as_str);
        let names = match part {
            NetworkPart::Switch => {
                network.switches.get(number as usize).map_or("", |&node| name(node)).to_owned()
            }
            NetworkPart::Cable => {
                let ends = network.cables.get(number as usize);
                ends.map_or_else(String::new, |&[a, b]| format!("{}.{}", name(a), name(b)))
            }
        };
        let own = || rows.iter().filter(|row| (row.part, row.number) == (part, number));
        let mut spans = own().map(|row| (row.start, row.end.unwrap_or(end)));
        let word = part.name();
        all.push((format!("{word}.{names}.failures"), own().count() as f64));
        all.push((format!("{word}.{names}.out_s"), seconds(&mut spans)));
    }
    all
}

/// Whether a figure of the summary is one of the network.
pub(super) fn is_figure(name: &str) -> bool {
    ["network.", "switch.", "cable."].iter().any(|part| name.starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hosts 0 and 1 at switch 0, host 2 at switch 1, a cable between the switches.
    #[test]
    fn the_larger_side_is_the_rest_and_of_equal_ones_the_first() {
        let network = Network {
            nodes: ["s0", "s1", "a", "b", "c"].map(str::to_owned).to_vec(),
            hosts: vec![2, 3, 4],
            switches: vec![0, 1],
            cables: vec![[2, 0], [3, 0], [4, 1], [0, 1]],
        };
        let without = |out: &[(NetworkPart, usize)]| {
            let cut = network.cut_off(&out.iter().copied().collect());
            cut.into_iter().collect::<Vec<_>>()
        };
        use NetworkPart::{Cable, Switch};
        assert!(without(&[]).is_empty());
        assert_eq!(without(&[(Cable, 3)]), [2]);
        assert_eq!(without(&[(Switch, 1)]), [2]);
        assert_eq!(without(&[(Cable, 0)]), [0]);
        assert_eq!(without(&[(Switch, 0)]), [1, 2], "each for itself: the first is the rest");
    }
}
