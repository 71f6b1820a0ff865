//! Are VMs of one lease on one host, or on different ones, where their node-sets say so?
//!
//! | code | what is wrong |
//! |---|---|
//! | GLN-216 | VMs of a lease share a host and are to be apart, or do not and are to be together |
//!
//! Holdings say how much a lease held on each host, not which VM: there must be a way to deal its
//! VMs out that obeys the rules. At its first start, and where VMs carry load, each VM has its
//! host; a VM that is copied counts at both ends.

use std::collections::{BTreeMap, BTreeSet};

use super::Tenancy;
use super::event::{Deed, Event};
use crate::model::lease::{Amounts, CPU, LeaseRequest};
use crate::model::lease_record::{LeaseOutcome, Stretch, Use};
use crate::problem::Problem;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// Ways to deal VMs out that are looked at before nothing is said of a stretch.
const MOST_WAYS: usize = 100_000;

/// What two sets of a lease are to each other, row by row.
struct Rules {
    together: Vec<Vec<bool>>,
    apart: Vec<Vec<bool>>,
}

impl Rules {
    fn of(request: &LeaseRequest) -> Option<Self> {
        let sets = &request.nodes;
        if sets.iter().all(|set| set.part.together.is_empty() && set.part.apart.is_empty()) {
            return None;
        }
        let says = |names: &[String], other: usize| {
            let name = sets[other].part.name.as_ref();
            name.is_some_and(|name| names.contains(name))
        };
        let table = |of: &dyn Fn(usize) -> Vec<String>| -> Vec<Vec<bool>> {
            let row =
                |a: usize| (0..sets.len()).map(|b| says(&of(a), b) || says(&of(b), a)).collect();
            (0..sets.len()).map(row).collect()
        };
        let mut together = table(&|set| sets[set].part.together.clone());
        let apart = table(&|set| sets[set].part.apart.clone());
        // Whoever is together with the same is together, as often as sets follow one another.
        for _ in 0..sets.len() {
            for a in 0..sets.len() {
                for b in 0..sets.len() {
                    let by = (0..sets.len()).any(|c| together[a][c] && together[c][b]);
                    together[a][b] |= by;
                }
            }
        }
        Some(Self { together, apart })
    }
}

/// Holdings for runs, and hosts of the first start, that break the rules of their lease.
pub(super) fn of_holdings(
    request: &LeaseRequest,
    outcome: &LeaseOutcome,
    held: &[&Stretch],
) -> Vec<String> {
    let Some(rules) = Rules::of(request) else { return Vec::new() };
    let mut wrong = Vec::new();
    let sets = request.nodes.iter().enumerate();
    let set_of: Vec<usize> =
        sets.flat_map(|(row, set)| std::iter::repeat_n(row, set.count as usize)).collect();
    let hosts = &outcome.first_hosts;
    let mut pairs = (0..hosts.len()).flat_map(|a| (0..a).map(move |b| (b, a)));
    let broken = |&(a, b): &(usize, usize)| {
        let (Some(&first), Some(&other)) = (set_of.get(a), set_of.get(b)) else { return false };
        match hosts[a] == hosts[b] {
            true => rules.apart[first][other],
            false => rules.together[first][other],
        }
    };
    if let Some((a, b)) = pairs.find(broken) {
        wrong.push(format!("VMs {a} and {b} first ran on h{} and h{}", hosts[a], hosts[b]));
    }
    for run in held.iter().filter(|stretch| stretch.purpose == Use::Run) {
        let mut left: Vec<u32> = request.nodes.iter().map(|set| set.count).collect();
        let (mut ways, needs) = (MOST_WAYS, needs(request));
        let mut deal = Deal { request, rules: &rules, needs: &needs, ways: &mut ways };
        if !deal.goes_on(&run.hosts, &mut left) && ways > 0 {
            let at = run.start;
            wrong.push(format!("no way to deal its VMs out obeys its rules from {at} on"));
        }
    }
    wrong
}

/// What each VM of each set holds.
fn needs(request: &LeaseRequest) -> Vec<Amounts> {
    let promised = |need: &Amounts| {
        let mut need = *need;
        if request.promised_percent < 100 {
            need[CPU] = (need[CPU] * request.promised_percent + 99) / 100;
        }
        need
    };
    request.nodes.iter().map(|set| promised(&set.need)).collect()
}

/// The search for a way to deal VMs out to hosts.
struct Deal<'a> {
    request: &'a LeaseRequest,
    rules: &'a Rules,
    needs: &'a [Amounts],
    ways: &'a mut usize,
}

impl Deal<'_> {
    /// Whether the VMs that are `left` of each set can hold what is held on `hosts`.
    fn goes_on(&mut self, hosts: &[(u32, Amounts)], left: &mut Vec<u32>) -> bool {
        let Some(((_, held), rest)) = hosts.split_first() else {
            return left.iter().all(|&count| count == 0);
        };
        let mut here = vec![0; left.len()];
        self.fills(*held, 0, &mut here, left, rest)
    }

    /// The same, with sets from `set` on to be dealt out on the first host.
    fn fills(
        &mut self,
        missing: Amounts,
        set: usize,
        here: &mut Vec<u32>,
        left: &mut Vec<u32>,
        rest: &[(u32, Amounts)],
    ) -> bool {
        if *self.ways == 0 {
            return true;
        }
        *self.ways -= 1;
        if set == here.len() {
            let fits = missing.iter().all(|&amount| amount == 0) && self.allows(here);
            return fits && self.goes_on(rest, left);
        }
        for count in 0..=left[set] {
            let mut still = missing;
            still.iter_mut().zip(self.needs[set]).for_each(|(m, n)| *m -= n * i64::from(count));
            if still.iter().any(|&amount| amount < 0) {
                break;
            }
            (here[set], left[set]) = (count, left[set] - count);
            let done = self.fills(still, set + 1, here, left, rest);
            (here[set], left[set]) = (0, left[set] + count);
            if done {
                return true;
            }
        }
        false
    }

    /// Whether so many VMs of each set may share a host.
    fn allows(&self, here: &[u32]) -> bool {
        let all = |set: usize| here[set] == self.request.nodes[set].count;
        let pairs = (0..here.len()).flat_map(|a| (0..here.len()).map(move |b| (a, b)));
        pairs.filter(|&(a, _)| here[a] > 0).all(|(a, b)| {
            let together = !self.rules.together[a][b] || (all(a) && all(b));
            let apart = !self.rules.apart[a][b] || if a == b { here[a] <= 1 } else { here[b] == 0 };
            together && apart
        })
    }
}

/// For each VM of the fleet that is bound: VMs from and until, and whether they are together.
pub(super) type Bonds = BTreeMap<usize, Vec<(usize, usize, bool)>>;

/// The bonds of the VMs of `requests`, each a core or `whole`.
pub(super) fn bonds(requests: &[LeaseRequest], whole: bool) -> Bonds {
    let (mut all, mut first) = (Bonds::new(), 0);
    for request in requests {
        let mut nodes = Vec::new();
        for (row, set) in request.nodes.iter().enumerate() {
            let parts = if whole { 1 } else { ((set.need[CPU] + 99) / 100).max(1) as usize };
            for _ in 0..set.count {
                nodes.push((row, first, first + parts));
                first += parts;
            }
        }
        let Some(rules) = Rules::of(request) else { continue };
        for &(set, from, until) in &nodes {
            let others = nodes.iter().filter(|node| node.1 != from);
            let bound = others.filter_map(|&(other, a, b)| {
                let (apart, together) = (rules.apart[set][other], rules.together[set][other]);
                (apart || together).then_some((a, b, together))
            });
            let bound: Vec<_> = bound.collect();
            all.extend((from..until).map(|vm| (vm, bound.clone())));
        }
    }
    all
}

/// VMs that are at any instant where their lease does not want them beside the others.
pub(super) fn check(tenancy: &Tenancy, events: &[Event]) -> Vec<Problem> {
    let bonds = tenancy.bonds();
    if bonds.is_empty() {
        return Vec::new();
    }
    let mut at: Vec<Vec<usize>> = vec![Vec::new(); tenancy.count()];
    let (mut findings, mut rest) = (Vec::new(), events);
    while let Some(first) = rest.first() {
        let now = rest.iter().take_while(|event| event.at == first.at).count();
        let (instant, later) = rest.split_at(now);
        let mut touched = BTreeSet::new();
        for event in instant {
            let Some(vm) = event.vm().filter(|&vm| vm < at.len()) else { continue };
            match event.deed {
                Deed::Start { to, .. } | Deed::Restart { to, .. } => at[vm] = vec![to],
                Deed::Depart { to, .. } => at[vm].push(to),
                Deed::Arrive { to, .. } => at[vm] = vec![to],
                Deed::Stay { from, .. } | Deed::Abort { from, .. } => at[vm] = vec![from],
                Deed::Stop { .. } | Deed::Fall { .. } | Deed::Crash { .. } => at[vm].clear(),
                _ => continue,
            }
            touched.insert(vm);
        }
        let place = format!("actions at {}", first.at);
        findings.extend(touched.into_iter().filter_map(|vm| {
            let what = broken(vm, bonds.get(&vm)?, &at)?;
            Some(Problem::new("GLN-216", place.clone(), what, REMEDY))
        }));
        rest = later;
    }
    findings
}

fn broken(vm: usize, bound: &[(usize, usize, bool)], at: &[Vec<usize>]) -> Option<String> {
    let others =
        bound.iter().flat_map(|&(from, until, same)| (from..until).map(move |o| (o, same)));
    for (other, same) in others.filter(|(other, _)| *other < at.len()) {
        let mut pairs = at[vm].iter().flat_map(|a| at[other].iter().map(move |b| (a, b)));
        if let Some((a, b)) = pairs.find(|(a, b)| (a == b) != same) {
            let how = if same { "together" } else { "apart" };
            return Some(format!("v{vm} is on h{a}, v{other} on h{b}, they are to be {how}"));
        }
    }
    None
}
