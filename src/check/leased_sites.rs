//! Does the calendar of leases hold hosts only where the rules of `[sites]` let the VMs be?
//!
//! The tables say what a lease holds on which host, not for which of its VMs. So what follows for
//! any choice of these is verified, at every instant, of CPU and of memory:
//!
//! ```text
//! sites:    what the VMs need that may be at sites S alone       <=  what their lease holds there
//! spread:   sum over leases of ceil((held in the part - needed by VMs outside the group)
//!                                   / most that one of the group needs)           <=  at-most
//! tenants:  on every host there is one tenant of whom each lease there has VMs that need as much
//! ```
//!
//! Where the VMs of each lease are alike that is everything that the rules ask. Counted is what is
//! held while VMs run and are shut down.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Evidence;
use super::sites::{Ground, Law};
use super::tenancy::Held;
use crate::model::sites::Per;
use crate::problem::Problem;
use crate::time::Instant;

const REMEDY: &str = "Rerun the spec; if it happens again, report it with the run directory";

/// CPU and memory.
type Need = [i64; 2];

/// Everything that the calendar holds where it must not.
pub(super) fn check(evidence: &Evidence) -> Vec<Problem> {
    let (Some(tenancy), Some(ground)) = (&evidence.tenancy, Ground::of(evidence)) else {
        return Vec::new();
    };
    let law = Law::of(evidence, &ground);
    let (held, needs) = tenancy.holdings();
    let Some(needs) = needs else { return Vec::new() };
    let case = Case { ground: &ground, law: &law, needs, vms: tenancy.vms_of_leases() };
    let mut findings: Vec<Problem> = held.iter().filter_map(|held| case.confined(held)).collect();
    for (number, rule) in ground.sites.rules.iter().enumerate() {
        if let (Some(at_most), Some(per)) = (rule.at_most, rule.per) {
            findings.extend(case.spread(held, (number, i64::from(at_most), per)));
        }
    }
    if law.tenants {
        findings.extend(case.isolated(held));
    }
    findings
}

fn finding(at: Instant, what: String) -> Problem {
    Problem::new("GLN-655", format!("holdings at {at}"), what, REMEDY)
}

fn plus(a: Need, b: Need) -> Need {
    [a[0] + b[0], a[1] + b[1]]
}

struct Case<'a> {
    ground: &'a Ground<'a>,
    law: &'a Law<'a>,
    /// What each VM of the fleet reserves.
    needs: &'a [Need],
    /// The VMs of each lease.
    vms: BTreeMap<u32, Range<usize>>,
}

impl Case<'_> {
    fn vms_of(&self, held: &Held) -> Range<usize> {
        self.vms.get(&held.lease).cloned().unwrap_or_default()
    }

    fn need(&self, vms: impl Iterator<Item = usize>) -> Need {
        vms.fold([0; 2], |sum, vm| plus(sum, self.needs[vm]))
    }

    /// Whether VMs that may be at some sites only have less there than they need.
    fn confined(&self, held: &Held) -> Option<Problem> {
        let all = 0..self.ground.sites.list.len();
        let allowed: Vec<(usize, BTreeSet<usize>)> = self
            .vms_of(held)
            .map(|vm| (vm, all.clone().filter(|&site| self.law.allows(vm, site)).collect()))
            .collect();
        let sets: BTreeSet<&BTreeSet<usize>> = allowed.iter().map(|(_, sites)| sites).collect();
        sets.into_iter().filter(|set| set.len() < all.len()).find_map(|set| {
            let bound = allowed.iter().filter(|(_, sites)| sites.is_subset(set));
            let need = self.need(bound.map(|&(vm, _)| vm));
            let there =
                held.hosts.iter().filter(|(host, _)| set.contains(&self.ground.site[*host]));
            let there = there.fold([0; 2], |sum, part| plus(sum, part.1));
            (need[0] > there[0] || need[1] > there[1]).then(|| {
                let names: Vec<&str> =
                    set.iter().map(|&site| self.ground.sites.list[site].name.as_str()).collect();
                let what = format!(
                    "lease {} holds {there:?} at {}, where VMs of it must be that need {need:?}",
                    held.lease,
                    if names.is_empty() { "no site".to_owned() } else { names.join(", ") }
                );
                finding(held.start, what)
            })
        })
    }

    /// Whether more VMs of a group are in one part than may be.
    fn spread(&self, held: &[Held], (number, at_most, per): (usize, i64, Per)) -> Option<Problem> {
        let mut changes: BTreeMap<_, Vec<(Instant, i64)>> = BTreeMap::new();
        for held in held {
            let is_of = |vm: &usize| self.law.of[*vm].contains(&number);
            let members: Vec<usize> = self.vms_of(held).filter(is_of).collect();
            let outside = self.need(self.vms_of(held).filter(|vm| !is_of(vm)));
            let mut parts: BTreeMap<_, Need> = BTreeMap::new();
            for &(host, amounts) in held.hosts.iter().filter(|_| !members.is_empty()) {
                let sum = parts.entry(self.ground.part(per, host)).or_default();
                *sum = plus(*sum, amounts);
            }
            for (part, sum) in parts {
                let least = (0..2).map(|k| {
                    let most = members.iter().map(|&vm| self.needs[vm][k]).max().unwrap_or(0);
                    let inside = (sum[k] - outside[k]).max(0);
                    if most > 0 { (inside + most - 1) / most } else { 0 }
                });
                let least = least.max().unwrap_or(0);
                changes.entry(part).or_default().extend([(held.start, least), (held.end, -least)]);
            }
        }
        for mut changes in changes.into_values() {
            // At one instant what ends makes room for what begins.
            changes.sort_unstable();
            let mut count = 0;
            for (at, change) in changes {
                count += change;
                if count > at_most {
                    let what = format!("{count} VMs of rules[{number}] are held together");
                    return Some(finding(at, what));
                }
            }
        }
        None
    }

    /// Hosts that are held for VMs of two tenants at once.
    fn isolated(&self, held: &[Held]) -> Vec<Problem> {
        let mut by_host: BTreeMap<usize, Vec<(&Held, Need)>> = BTreeMap::new();
        for held in held {
            for &(host, amounts) in &held.hosts {
                by_host.entry(host).or_default().push((held, amounts));
            }
        }
        let mut findings = Vec::new();
        for (host, parts) in by_host {
            let clash = parts.iter().find(|(held, _)| {
                let here =
                    parts.iter().filter(|(o, _)| o.start <= held.start && held.start < o.end);
                let tenants = here.map(|(other, amounts)| self.could_be_of(other, amounts));
                let common = tenants.reduce(|a, b| a.intersection(&b).copied().collect());
                common.is_some_and(|common| common.is_empty())
            });
            findings.extend(clash.map(|(held, _)| {
                let what = format!("h{host} is held for VMs of two tenants, lease {}", held.lease);
                finding(held.start, what)
            }));
        }
        findings
    }

    /// The tenants whose VMs of a lease need as much as it holds on a host.
    fn could_be_of(&self, held: &Held, amounts: &Need) -> BTreeSet<Option<usize>> {
        let tenants: BTreeSet<Option<usize>> =
            self.vms_of(held).map(|vm| self.law.tenant[vm]).collect();
        let suffices = |tenant: &Option<usize>| {
            let vms = self.vms_of(held).filter(|&vm| self.law.tenant[vm] == *tenant);
            let need = self.need(vms);
            need[0] >= amounts[0] && need[1] >= amounts[1]
        };
        tenants.into_iter().filter(suffices).collect()
    }
}
