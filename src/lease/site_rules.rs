//! Where the rules of `[sites]` let VMs of leases be while the calendar holds hosts for them.
//!
//! ```text
//! barred(v, h, t):  the rules do not allow v at the site of h
//!                   or for some group g of v:  VMs of g for which the part of h is held at t
//!                                              + those of the same lease that go there  >=  k_g
//!                   or h is held at t, or goes, for a VM of another tenant
//! ```
//!
//! It is asked beside room: from the first instant on at which `v` is barred from `h` there is no
//! room for it there. So a lease that the rules leave no place is refused, waits or displaces
//! others as one for which there is none. Hosts are held for a VM while its memory is loaded, while
//! it runs, and while it is suspended or shut down; memory that waits on a host bars nobody.
//!
//! VMs are mapped one by one, those that share a host together; those first that may be on the
//! fewest hosts, then those that are spread: each goes to the first host that takes it and has none
//! that it is apart from, private ones before public ones. So hosts are rented for as long as no
//! private host takes a VM, rather than others displaced or kept waiting.

use std::collections::BTreeMap;

use super::company::is_kept_apart;
use super::mapper::{Ask, HostOrder, sum};
use super::scheduler::Scheduler;
use super::table::SlotTable;
use crate::id::{HostId, Id, VmId};
use crate::model::company::Company;
use crate::model::lease::{Amounts, RESOURCES};
use crate::model::site_law::SiteLaw;
use crate::model::sites::Per;
use crate::policy::PolicyError;
use crate::time::Instant;

/// The rules, and which VMs they name.
#[derive(Debug)]
pub(super) struct SiteRules {
    law: SiteLaw,
    /// The first VM of each lease, as the rules number them.
    first_vm: Vec<usize>,
    /// Hosts of each part of each group.
    parts: Vec<BTreeMap<u32, Vec<u32>>>,
    /// How many hosts each site has.
    sizes: Vec<usize>,
}

impl SiteRules {
    fn new(law: SiteLaw, first_vm: Vec<usize>) -> Self {
        let mut parts = vec![BTreeMap::new(); law.groups.len()];
        for (group, parts) in law.groups.iter().zip(&mut parts) {
            for host in law.site_of.ids() {
                parts.entry(group.part(host)).or_insert_with(Vec::new).push(host.0);
            }
        }
        let sites = law.site_of.iter().map(|(_, &site)| usize::from(site) + 1).max();
        let mut sizes = vec![0; sites.unwrap_or(0)];
        law.site_of.iter().for_each(|(_, &site)| sizes[usize::from(site)] += 1);
        Self { law, first_vm, parts, sizes }
    }

    fn vm(&self, lease: u32, vm: u32) -> VmId {
        VmId::from_index(self.first_vm[lease as usize] + vm as usize)
    }

    /// On how many hosts the rules allow `vm` as long as nobody else is there.
    fn hosts_open(&self, vm: VmId) -> usize {
        let open = |site: &usize| self.law.allowed[vm] & (1 << site) != 0;
        (0..self.sizes.len()).filter(open).map(|site| self.sizes[site]).sum()
    }

    /// Whether what is held on one host can bar a VM from another.
    pub fn reach_beyond_hosts(&self) -> bool {
        self.law.groups.iter().any(|group| group.per != Per::Host)
    }

    /// `hosts` with the private ones first.
    fn private_first(&self, hosts: &[u32]) -> Vec<u32> {
        let (public, private): (Vec<u32>, Vec<u32>) =
            hosts.iter().partition(|&&host| self.law.is_public(HostId(host)));
        [private, public].concat()
    }

    /// Whether a rule says anything of the VMs of `lease`, of which there are `vms`.
    fn concern(&self, lease: u32, vms: u32) -> bool {
        let of = |vm| self.vm(lease, vm);
        (0..vms).map(of).any(|vm| {
            self.hosts_open(vm) < self.law.site_of.len()
                || !self.law.groups_of(vm).is_empty()
                || !self.law.same_tenant(vm, of(0))
        })
    }
}

/// A lease that is mapped VM by VM.
struct Trial<'t> {
    rules: &'t SiteRules,
    table: &'t SlotTable,
    ask: &'t Ask<'t>,
    displaced: &'t [u32],
    /// Which of its VMs never share a host.
    company: Option<&'t Company>,
    /// Until when those that have a host fit there.
    until: Instant,
    /// The host of each VM; none of those to come.
    hosts: Vec<Option<u32>>,
    /// What they take, by host.
    taken: BTreeMap<u32, Amounts>,
    /// Whether one more VM on a host may shorten the slice.
    packing_shortens: bool,
    /// For parts of groups that were asked for: how many others count from when on.
    others: BTreeMap<(u16, u32), Vec<(Instant, usize)>>,
}

impl Trial<'_> {
    /// Puts `block`, which needs `need`, on the first of `hosts` that takes it.
    fn put(&mut self, block: &[u32], need: &Amounts, hosts: &[u32]) -> bool {
        let start = self.ask.start;
        for &host in hosts {
            let before = self.taken.get(&host);
            let fixed = self.ask.strict || (before.is_some() && !self.packing_shortens);
            let more = before.map_or(*need, |before| sum(before, need));
            let Some(free) = self.free_until(block, host, &more) else { continue };
            if free < self.until && (fixed || free == start) {
                continue;
            }
            self.until = free;
            self.seat(block, Some(host));
            self.taken.insert(host, more);
            return true;
        }
        false
    }

    fn seat(&mut self, block: &[u32], host: Option<u32>) {
        block.iter().for_each(|&vm| self.hosts[vm as usize] = host);
    }

    /// Until when `host` has room for `more` and the rules let the VMs of `block` be there; none if
    /// its site is forbidden or a VM is there from which one of them is apart.
    fn free_until(&mut self, block: &[u32], host: u32, more: &Amounts) -> Option<Instant> {
        let rules = self.rules;
        let id = |vm: &u32| rules.vm(self.ask.lease, *vm);
        let allowed = block.iter().all(|vm| rules.law.allows(id(vm), HostId(host)));
        if !allowed || self.is_beside_foe(block, host) {
            return None;
        }
        let row = &self.table.rows[host as usize];
        let lack = row.first_lack(more, (self.ask.start, self.until), self.displaced);
        if lack == Some(self.ask.start) {
            return lack;
        }
        let mut free = lack.map_or(self.until, |lack| lack.min(self.until));
        for &vm in block {
            let id = rules.vm(self.ask.lease, vm);
            let lacks = [self.crowded(id, host), self.beside_stranger(id, host)];
            free = lacks.into_iter().flatten().fold(free, Instant::min);
            self.hosts[vm as usize] = Some(host);
        }
        self.seat(block, None);
        Some(free)
    }

    fn is_beside_foe(&self, block: &[u32], host: u32) -> bool {
        let here = || (0_u32..).zip(&self.hosts).filter(|&(_, &at)| at == Some(host));
        self.company.is_some_and(|company| {
            is_kept_apart(company, block, &here().map(|(vm, _)| vm).collect::<Vec<u32>>())
        })
    }

    /// The first instant at which some group of `vm` is full in the part of `host`.
    fn crowded(&mut self, vm: VmId, host: u32) -> Option<Instant> {
        let rules = self.rules;
        let mut first = None;
        for &number in rules.law.groups_of(vm) {
            let group = &rules.law.groups[usize::from(number)];
            let part = group.part(HostId(host));
            let of_group =
                |vm: u32| rules.law.groups_of(rules.vm(self.ask.lease, vm)).contains(&number);
            let there = |at: Option<u32>| at.is_some_and(|at| group.part(HostId(at)) == part);
            let own = (0_u32..).zip(&self.hosts).filter(|&(vm, &at)| there(at) && of_group(vm));
            let own = own.count();
            if own >= group.at_most {
                return Some(self.ask.start);
            }
            let full = |&&(_, others): &&(Instant, usize)| others + own >= group.at_most;
            let lack = self.others(number, part).iter().find(full).map(|&(at, _)| at);
            first = [first, lack].into_iter().flatten().min();
        }
        first
    }

    /// How many VMs of a group of other leases are in `part`, from when on.
    fn others(&mut self, number: u16, part: u32) -> &[(Instant, usize)] {
        let mut known = std::mem::take(&mut self.others);
        known.entry((number, part)).or_insert_with(|| self.counted(number, part));
        self.others = known;
        &self.others[&(number, part)]
    }

    fn counted(&self, number: u16, part: u32) -> Vec<(Instant, usize)> {
        let (rules, start) = (self.rules, self.ask.start);
        let hosts = rules.parts[usize::from(number)].get(&part).into_iter().flatten();
        let members = hosts.flat_map(|&host| self.present(host));
        let of_group = |&(_, _, vm): &Presence| rules.law.groups_of(vm).contains(&number);
        let members: Vec<Presence> = members.filter(of_group).collect();
        let mut instants: Vec<Instant> = members.iter().map(|m| m.0.max(start)).collect();
        instants.push(start);
        instants.sort_unstable();
        instants.dedup();
        let count = |at: Instant| {
            let there = members.iter().filter(|&&(from, until, _)| from <= at && at < until);
            let mut vms: Vec<VmId> = there.map(|&(_, _, vm)| vm).collect();
            vms.sort_unstable();
            vms.dedup();
            (at, vms.len())
        };
        instants.into_iter().map(count).collect()
    }

    /// The first instant at which a VM of another tenant than `vm` is on `host`.
    fn beside_stranger(&self, vm: VmId, host: u32) -> Option<Instant> {
        let (law, start) = (&self.rules.law, self.ask.start);
        if !law.has_tenants() {
            return None;
        }
        let of_lease = (0_u32..).zip(&self.hosts).filter(|&(_, &at)| at == Some(host));
        let mut own = of_lease.map(|(other, _)| self.rules.vm(self.ask.lease, other));
        if own.any(|other| !law.same_tenant(other, vm)) {
            return Some(start);
        }
        let strangers = self.present(host).filter(|&(_, _, other)| !law.same_tenant(other, vm));
        strangers.map(|(from, ..)| from.max(start)).min()
    }

    /// The VMs for which `host` is held in the time that is asked for.
    fn present(&self, host: u32) -> impl Iterator<Item = Presence> {
        let slots = &self.table.rows[host as usize].slots;
        let during = slots.iter().take_while(|slot| slot.start < self.ask.until);
        let counts = |slot: &&super::slots::Slot| {
            slot.end > self.ask.start && !self.displaced.contains(&slot.lease)
        };
        during.filter(counts).flat_map(move |slot| {
            let mapping = &self.table.get(slot.reservation).mapping;
            let here = (0_u32..).zip(mapping).filter(move |&(_, &at)| at == host);
            here.map(|(vm, _)| (slot.start, slot.end, self.rules.vm(slot.lease, vm)))
        })
    }
}

/// From when until when a host is held for a VM.
type Presence = (Instant, Instant, VmId);

impl Scheduler<'_> {
    /// From here on hosts are held for VMs of leases only where `law` lets them be; those of lease
    /// `i` are numbered from `first_vm[i]` on.
    pub fn keep_rules(&mut self, law: SiteLaw, first_vm: Vec<usize>) {
        self.site_rules = Some(SiteRules::new(law, first_vm));
    }

    /// Leases for which the rules leave no place even where nobody else is: their rows.
    ///
    /// # Errors
    ///
    /// A host selection that cannot answer.
    pub fn without_place(&mut self) -> Result<Vec<usize>, PolicyError> {
        let mut without = Vec::new();
        let (start, until) = (Instant::START, Instant(Instant::START.0 + 1));
        for (row, request) in self.requests.iter().enumerate() {
            let lease = row as u32;
            let concerned = |rules: &SiteRules| rules.concern(lease, request.vms() as u32);
            if !self.site_rules.as_ref().is_some_and(concerned) {
                continue;
            }
            let (strict, least, hosts, displacing) = (true, until - start, None, false);
            let ask = Ask { lease, start, until, strict, least, hosts, displacing };
            let place = self.map_by_rules(&ask, &[], &mut HostOrder::default())?;
            without.extend(place.is_none().then_some(row));
        }
        Ok(without)
    }

    fn trial<'t>(
        &'t self,
        rules: &'t SiteRules,
        ask: &'t Ask<'t>,
        displaced: &'t [u32],
    ) -> Trial<'t> {
        Trial {
            rules,
            table: &self.table,
            ask,
            displaced,
            company: self.lives[ask.lease as usize].company.as_deref(),
            until: ask.until,
            hosts: vec![None; self.requests[ask.lease as usize].vms()],
            taken: BTreeMap::new(),
            packing_shortens: self.rules.oddities.packing_shortens_the_slice,
            others: BTreeMap::new(),
        }
    }

    /// Maps the VMs of a lease one by one where the rules let them be.
    pub(super) fn map_by_rules(
        &mut self,
        ask: &Ask<'_>,
        displaced: &[u32],
        order: &mut HostOrder,
    ) -> Result<Option<(Vec<u32>, Instant)>, PolicyError> {
        self.complete(ask, order)?;
        let Some(rules) = &self.site_rules else { return Ok(None) };
        let hosts = rules.private_first(order.all());
        let mut blocks = self.blocks(ask.lease);
        blocks.sort_by_cached_key(|block| {
            let vms = || block.iter().map(|&vm| rules.vm(ask.lease, vm));
            let open = vms().map(|vm| rules.hosts_open(vm)).min();
            (open, vms().all(|vm| rules.law.groups_of(vm).is_empty()))
        });
        let mut trial = self.trial(rules, ask, displaced);
        for block in blocks {
            if !trial.put(&block, &self.block_needs(ask.lease, &block), &hosts) {
                return Ok(None);
            }
        }
        Ok(Some((trial.hosts.into_iter().flatten().collect(), trial.until)))
    }

    /// Those of `hosts` on which the rules allow some VM of `lease`, private ones first.
    pub(super) fn open_to(&self, lease: u32, hosts: &[u32]) -> Vec<u32> {
        let Some(rules) = &self.site_rules else { return hosts.to_vec() };
        let vms = || (0..self.requests[lease as usize].vms() as u32).map(|vm| rules.vm(lease, vm));
        let mut open = rules.private_first(hosts);
        open.retain(|&host| vms().any(|vm| rules.law.allows(vm, HostId(host))));
        open
    }

    /// Until when the rules let the VMs of a lease be on `hosts`, one for each of them, at most
    /// until `until`; none if they do not.
    pub(super) fn allowed_until(
        &self,
        ask: &Ask<'_>,
        displaced: &[u32],
        (hosts, until): (&[u32], Instant),
    ) -> Option<Instant> {
        let Some(rules) = &self.site_rules else { return Some(until) };
        let mut trial = self.trial(rules, ask, displaced);
        trial.until = until;
        let mut pairs = (0_u32..).zip(hosts);
        let holds = pairs.all(|(vm, &host)| trial.put(&[vm], &[0; RESOURCES], &[host]));
        holds.then_some(trial.until)
    }
}
