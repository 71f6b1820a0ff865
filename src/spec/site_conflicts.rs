//! Rules of `[sites]` that cannot be kept, whatever is placed where: each with a small set of rules
//! and VMs that shows why.
//!
//! ```text
//! nowhere:   a VM to which its rules leave no site
//! spread:    VMs of a group > at-most x parts in which any of them may be
//! tenants:   tenants > hosts
//! too large: VMs confined to some sites take more than all hosts there have
//! ```
//!
//! The last three are asked where all VMs are there at once. Of leases it is asked instead which of
//! them the calendar could place nowhere were it empty. What passes may still not fit: then the run
//! says so at its start, and a lease is refused or waits.

use std::collections::{BTreeMap, BTreeSet};

use super::{LeaseInputs, RunSpec};
use crate::id::{HostId, Id, VmId};
use crate::lease::{LeasePolicies, Scheduler};
use crate::model::site_law::SiteLaw;
use crate::model::sites::{Numbers, Per, Sites};
use crate::model::{Fleet, Resource};
use crate::problem::Problem;

/// How many VMs of a conflict are named.
const NAMED: usize = 5;

/// Sites at which a VM may be, by their numbers.
type Allowed = BTreeSet<usize>;

impl RunSpec {
    /// Rules of `[sites]` that name VMs which are not there, or cannot be kept on `fleet`.
    pub(super) fn site_conflicts(&self, fleet: &Fleet) -> Vec<Problem> {
        let Some(sites) = &self.sites else { return Vec::new() };
        let case = Case::new(sites, fleet, self.fleet.vms.len());
        let mut problems = case.strangers();
        problems.extend(case.nowhere());
        if self.leases.is_none() && problems.is_empty() {
            problems.extend(case.too_close());
            problems.extend(case.too_many_tenants());
            problems.extend(case.too_large());
        }
        problems
    }
}

impl LeaseInputs {
    /// Leases to whose VMs the rules of `[sites]` leave no place on `fleet`, whoever else is there.
    pub(super) fn site_conflicts(&self, spec: &RunSpec, fleet: &Fleet) -> Vec<Problem> {
        let Some(sites) = &spec.sites else { return Vec::new() };
        let (requests, rules) = (&self.workload.leases, &self.rules);
        let firsts = requests.iter().scan(0, |vms, lease| {
            *vms += lease.vms();
            Some(*vms - lease.vms())
        });
        let policies = LeasePolicies::new(rules);
        let mut empty = Scheduler::new(&self.site, requests, rules.clone(), policies);
        empty.keep_rules(SiteLaw::new(sites, fleet), firsts.collect());
        let without = empty.without_place().unwrap_or_default();
        let numbers: Vec<usize> =
            without.iter().map(|&row| requests[row].number as usize).collect();
        let what = || {
            let numbers = named(&numbers);
            format!("leave the VMs of some leases no place, whoever else is there: {numbers}")
        };
        let remedy = "Loosen the rules that name their VMs, or add hosts where these may be";
        let found = (!numbers.is_empty()).then(|| problem("GLN-654", "rules", what(), remedy));
        found.into_iter().collect()
    }
}

/// The rules on a fleet.
struct Case<'a> {
    sites: &'a Sites,
    fleet: &'a Fleet,
    /// The VMs of each rule.
    members: Vec<Vec<usize>>,
    /// Sites at which each VM may be.
    allowed: Vec<Allowed>,
}

fn problem(code: &'static str, field: &str, what: String, remedy: &str) -> Problem {
    Problem::new(code, format!("run spec, [sites] {field}"), what, remedy)
}

/// The first few numbers in words.
fn named(vms: &[usize]) -> String {
    let first: Vec<String> = vms.iter().take(NAMED).map(|vm| vm.to_string()).collect();
    let more = vms.len().saturating_sub(NAMED);
    match more {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

impl<'a> Case<'a> {
    fn new(sites: &'a Sites, fleet: &'a Fleet, types: usize) -> Self {
        let members: Vec<Vec<usize>> =
            sites.rules.iter().map(|rule| rule.members(fleet.vms(), types)).collect();
        let mut allowed = vec![(0..sites.list.len()).collect::<Allowed>(); fleet.vms()];
        for (rule, members) in sites.rules.iter().zip(&members) {
            for &vm in members {
                allowed[vm].retain(|&site| !rule.forbids(&sites.list[site]));
            }
        }
        Self { sites, fleet, members, allowed }
    }

    /// Numbers of VMs that are not there.
    fn strangers(&self) -> Vec<Problem> {
        let vms = self.fleet.vms();
        let rules = self.sites.rules.iter().enumerate();
        let of_rules =
            rules.filter_map(|(i, rule)| Some((format!("rules[{i}].vms"), rule.vms.as_ref()?)));
        let tenants = self.sites.tenants.iter().enumerate();
        let all = of_rules.chain(tenants.map(|(i, vms)| (format!("tenants[{i}]"), vms)));
        let last = |numbers: &Numbers| {
            numbers.ranges().unwrap_or_default().iter().map(|range| *range.end()).max()
        };
        let strange = all.filter_map(|(at, numbers)| {
            let last = last(numbers).filter(|last| *last as usize >= vms)?;
            let what = format!("there is no VM {last}, the run has {vms}");
            Some(problem("GLN-666", &at, what, "Write VMs from 0 on"))
        });
        strange.collect()
    }

    /// VMs to which their rules leave no site, told once for each smallest set of rules.
    fn nowhere(&self) -> Vec<Problem> {
        let mut told: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        let lost = (0..self.allowed.len()).filter(|&vm| self.allowed[vm].is_empty());
        for vm in lost {
            let rules = (0..self.members.len())
                .filter(|&rule| self.members[rule].binary_search(&vm).is_ok())
                .collect();
            told.entry(self.smallest(rules)).or_default().push(vm);
        }
        let words = |(rules, vms): (Vec<usize>, Vec<usize>)| {
            let rules: Vec<String> = rules.iter().map(|rule| format!("rules[{rule}]")).collect();
            let what = format!("contradict each other: no site is left for VM {}", named(&vms));
            let remedy = "Drop one of them, or let the VMs be at one more site";
            problem("GLN-665", &rules.join(" and "), what, remedy)
        };
        told.into_iter().map(words).collect()
    }

    /// Those of `rules` without any of which a site would be left.
    fn smallest(&self, mut rules: Vec<usize>) -> Vec<usize> {
        let leave_none = |rules: &[usize]| {
            let forbidden = |site| rules.iter().any(|&rule| self.sites.rules[rule].forbids(site));
            self.sites.list.iter().all(forbidden)
        };
        let mut at = 0;
        while at < rules.len() {
            let rule = rules.remove(at);
            if !leave_none(&rules) {
                rules.insert(at, rule);
                at += 1;
            }
        }
        rules
    }

    /// Groups that are too large for the parts over which they are to be spread.
    fn too_close(&self) -> Vec<Problem> {
        let hosts = self.fleet.hosts();
        let (site_of, zone_of) = (self.sites.site_of(hosts), self.sites.zone_of(hosts));
        let mut problems = Vec::new();
        for (number, (rule, members)) in self.sites.rules.iter().zip(&self.members).enumerate() {
            let (Some(at_most), Some(per)) = (rule.at_most, rule.per) else { continue };
            let open: Allowed = members.iter().flat_map(|&vm| &self.allowed[vm]).copied().collect();
            let there = site_of.iter().filter(|(_, site)| open.contains(&usize::from(**site)));
            let parts: BTreeSet<u32> = there
                .map(|(host, &site)| match per {
                    Per::Host => host.0,
                    Per::Zone => zone_of[host],
                    Per::Site => u32::from(site),
                })
                .collect();
            let most = parts.len() * at_most as usize;
            if members.len() > most {
                let what = format!(
                    "spreads {} VMs, and {} parts of at most {at_most} hold {most}",
                    members.len(),
                    parts.len()
                );
                let remedy = "Allow more of them in one part, or name fewer VMs";
                problems.push(problem("GLN-667", &format!("rules[{number}]"), what, remedy));
            }
        }
        problems
    }

    /// More tenants than hosts.
    fn too_many_tenants(&self) -> Option<Problem> {
        let (vms, hosts) = (self.fleet.vms(), self.fleet.hosts());
        let named: BTreeSet<usize> =
            self.sites.tenants.iter().flat_map(|tenant| tenant.below(vms)).collect();
        let others = usize::from(!self.sites.tenants.is_empty() && named.len() < vms);
        let tenants = self.sites.tenants.len() + others;
        (tenants > hosts).then(|| {
            let what = format!("{tenants} tenants never share a host, [fleet] has {hosts}");
            problem("GLN-667", "tenants", what, "Add hosts, or join tenants")
        })
    }

    /// Sets of sites that cannot hold the VMs that may be nowhere else.
    fn too_large(&self) -> Vec<Problem> {
        let site_of = self.sites.site_of(self.fleet.hosts());
        let sets: BTreeSet<&Allowed> = self.allowed.iter().collect();
        let mut problems = Vec::new();
        for set in sets.into_iter().filter(|set| set.len() < self.sites.list.len()) {
            let confined: Vec<usize> =
                (0..self.allowed.len()).filter(|&vm| self.allowed[vm].is_subset(set)).collect();
            for resource in [Resource::Ram, Resource::Disk, Resource::Net] {
                let hosts = site_of.iter().filter(|(_, site)| set.contains(&usize::from(**site)));
                let has = |host: HostId| self.fleet.capacities(host)[resource];
                let has: f64 = hosts.map(|(host, _)| has(host)).sum();
                problems.extend(self.overfull(set, &confined, resource, has));
            }
        }
        problems
    }

    /// Whether the `confined` VMs take more of `resource` than the sites of `set` have: then the
    /// fewest of them that do.
    fn overfull(
        &self,
        set: &Allowed,
        confined: &[usize],
        resource: Resource,
        has: f64,
    ) -> Option<Problem> {
        let takes = |vm: usize| self.fleet.needs(VmId::from_index(vm), 0.0)[resource];
        let mut vms = confined.to_vec();
        vms.sort_by(|&a, &b| takes(b).total_cmp(&takes(a)).then(a.cmp(&b)));
        let mut sum = 0.0;
        let full = vms.iter().position(|&vm| {
            sum += takes(vm);
            sum > has
        })?;
        let names: Vec<&str> =
            set.iter().map(|&site| self.sites.list[site].name.as_str()).collect();
        let what = format!(
            "VM {} may be at {} only and take {:.0} MB of {}, the hosts there have {:.0}",
            named(&vms[..=full]),
            names.join(", "),
            sum / 1e6,
            resource.name(),
            has / 1e6
        );
        Some(problem("GLN-667", "rules", what, "Add hosts there, or let some VMs be elsewhere"))
    }
}
