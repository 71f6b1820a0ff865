//! Which VM may be on which host, whatever room there is: the rules of `[sites]`, asked at one
//! place by everything that places.
//!
//! ```text
//! admits(v, h):  the rules allow v at the site of h, which is not hidden
//!                v is nowhere, or at that site, or may be migrated there
//!                for every group g of v:  others of g in the part of h  <  k_g
//!                no VM on h is of another tenant
//! ```
//!
//! A VM counts where it runs, where it is copied from and to, and where it is to come: what is
//! tried in a draft is added, and nothing leaves before it has left. So what is admitted breaks no
//! rule at any instant, whatever order the moves of a decision end in. The rules between VMs of one
//! lease are [`Bonds`], asked here with the others.

use std::sync::Arc;

use super::Bonds;
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::Fleet;
use crate::model::site_law::{SiteLaw, SiteSet};
use crate::model::sites::{Numbers, Site, Sites};

/// The rules, and who is where as far as they ask.
#[derive(Debug, Clone)]
pub struct Fence {
    law: Arc<SiteLaw>,
    /// Sites to which each site may send VMs.
    reach: Vec<SiteSet>,
    /// Sites that nobody comes to now.
    hidden: SiteSet,
    /// Site of each VM that runs.
    home: IdVec<VmId, Option<u16>>,
    /// VMs of each group and where they count, one entry for each time that they do.
    members: Vec<Vec<(VmId, HostId)>>,
    /// The same by host, where tenants are kept apart.
    guests: IdVec<HostId, Vec<VmId>>,
    /// The rules between VMs of one lease.
    bonds: Bonds,
}

impl Fence {
    /// No rules but those that it is [bound](Self::bind) by: one site for the hosts of `fleet`.
    pub fn open(fleet: &Fleet) -> Self {
        let hosts = Numbers::Text(format!("0-{}", fleet.hosts().saturating_sub(1)));
        let list = vec![Site { hosts, ..Site::default() }];
        Self::new(&Sites { list, ..Sites::default() }, fleet)
    }

    /// From now on `bonds` are rules as well.
    pub fn bind(&mut self, bonds: Bonds) {
        self.bonds = bonds;
    }

    /// The VMs of `vms` that share a host with others of them, by host.
    pub fn blocks_among(&self, vms: &[VmId]) -> Vec<Vec<VmId>> {
        self.bonds.blocks_among(vms)
    }

    /// The rules of `sites` for `fleet`.
    pub fn new(sites: &Sites, fleet: &Fleet) -> Self {
        let law = SiteLaw::new(sites, fleet);
        let members = vec![Vec::new(); law.groups.len()];
        let guests = if law.has_tenants() { fleet.hosts() } else { 0 };
        let mut fence = Self {
            law: Arc::new(law),
            reach: Vec::new(),
            hidden: 0,
            home: IdVec::filled(None, fleet.vms()),
            members,
            guests: IdVec::filled(Vec::new(), guests),
            bonds: Bonds::default(),
        };
        fence.connect(sites, &vec![true; sites.links.len()]);
        fence
    }

    /// VMs may be migrated wherever a route leads over the links that are `up`.
    pub fn connect(&mut self, sites: &Sites, up: &[bool]) {
        let routes = sites.routes(up);
        let rows = routes.chunks(sites.list.len().max(1));
        let set = |row: &[Option<_>]| {
            let there = row.iter().enumerate().filter(|(_, route)| route.is_some());
            there.map(|(site, _)| 1 << site).sum()
        };
        self.reach = rows.map(set).collect();
    }

    /// Forgets who is where.
    pub fn clear(&mut self) {
        self.home.as_mut_slice().fill(None);
        self.bonds.clear();
        self.members.iter_mut().for_each(Vec::clear);
        self.guests.as_mut_slice().iter_mut().for_each(Vec::clear);
    }

    /// `vm` runs on `host`.
    pub fn settle(&mut self, vm: VmId, host: HostId) {
        self.home[vm] = Some(self.law.site_of[host]);
    }

    /// `vm` counts on `host`, once more if it does already.
    pub fn enter(&mut self, vm: VmId, host: HostId) {
        self.bonds.enter(vm, host);
        let groups = self.law.groups_of(vm).iter();
        groups.for_each(|&group| self.members[usize::from(group)].push((vm, host)));
        if let Some(guests) = self.guests.as_mut_slice().get_mut(host.index()) {
            guests.push(vm);
        }
    }

    /// `vm` counts on `host` once less.
    pub fn leave(&mut self, vm: VmId, host: HostId) {
        self.bonds.leave(vm, host);
        for &group in self.law.groups_of(vm) {
            let members = &mut self.members[usize::from(group)];
            if let Some(row) = members.iter().rposition(|&member| member == (vm, host)) {
                members.remove(row);
            }
        }
        if let Some(guests) = self.guests.as_mut_slice().get_mut(host.index())
            && let Some(row) = guests.iter().rposition(|&guest| guest == vm)
        {
            guests.remove(row);
        }
    }

    /// Whether nobody comes to public sites until this is said otherwise.
    pub fn hide_public(&mut self, hidden: bool) {
        self.hidden = if hidden { self.law.public } else { 0 };
    }

    /// Whether there are public sites.
    pub fn has_public(&self) -> bool {
        self.law.public != 0
    }

    /// Whether `host` is rented.
    pub fn is_public(&self, host: HostId) -> bool {
        self.law.is_public(host)
    }

    /// The number of the site of `host`.
    pub fn site(&self, host: HostId) -> usize {
        usize::from(self.law.site_of[host])
    }

    /// Hosts of one number are alike to any VM of which no other is there: the zone of `host`.
    pub fn zone(&self, host: HostId) -> usize {
        self.law.zone_of[host] as usize
    }

    /// Whether `vm` may be put on `host`.
    pub fn admits(&self, vm: VmId, host: HostId) -> bool {
        let (law, bit) = (&*self.law, self.law.bit(host));
        if law.allowed[vm] & !self.hidden & bit == 0 {
            return false;
        }
        if let Some(home) = self.home[vm]
            && home != law.site_of[host]
            && (law.stays[vm] || self.reach[usize::from(home)] & bit == 0)
        {
            return false;
        }
        self.spreads(vm, host) && self.isolates(vm, host) && self.bonds.admits(vm, host)
    }

    /// Whether every group of `vm` stays spread with it on `host`.
    fn spreads(&self, vm: VmId, host: HostId) -> bool {
        self.law.groups_of(vm).iter().all(|&number| {
            let group = &self.law.groups[usize::from(number)];
            let part = group.part(host);
            let members = &self.members[usize::from(number)];
            let here = |&&(other, at): &&(VmId, HostId)| other != vm && group.part(at) == part;
            let mut others: Vec<VmId> = members.iter().filter(here).map(|&(vm, _)| vm).collect();
            others.sort_unstable();
            others.dedup();
            others.len() < group.at_most
        })
    }

    /// Whether no VM on `host` is of another tenant than `vm`.
    fn isolates(&self, vm: VmId, host: HostId) -> bool {
        let guests = self.guests.as_slice().get(host.index());
        let stranger = |&guest: &VmId| !self.law.same_tenant(guest, vm);
        guests.is_none_or(|guests| !guests.iter().any(stranger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sites::{Per, SiteKind, SiteRule, WanLink, Zone};
    use crate::model::{Machine, VmType};
    use crate::units::Bytes;

    fn numbers(text: &str) -> Numbers {
        Numbers::Text(text.into())
    }

    /// Sites a (h0-h3, zone y is h2 and h3) and b (h4, public), and six VMs.
    fn fence(rules: Vec<SiteRule>, tenants: Vec<Numbers>) -> Fence {
        let g5 = Machine::named("hp-ml110-g5", Bytes::from_gib(32)).unwrap();
        let mut fleet = Fleet::of_hosts(vec![g5], [0; 5]);
        fleet.add_vms_in_blocks(&VmType::PUBLISHED[..1], &[0; 6]);
        let zones = vec![Zone { name: "y".into(), hosts: numbers("2-3") }];
        let a = Site { name: "a".into(), hosts: numbers("0-3"), zones, ..Site::default() };
        let b = Site { name: "b".into(), hosts: numbers("4"), ..Site::default() };
        let b = Site { kind: SiteKind::Public, ..b };
        let between = ["a".into(), "b".into()];
        let link = WanLink { between, mbit_s: 100.0, rtt_ms: 10.0, loss: 0.0 };
        let (list, links) = (vec![a, b], vec![link]);
        let sites = Sites { list, links, rules, tenants, ..Sites::default() };
        let mut fence = Fence::new(&sites, &fleet);
        fence.connect(&sites, &[true]);
        fence
    }

    fn admitted(fence: &Fence, vm: u32) -> Vec<u32> {
        (0..5).filter(|&host| fence.admits(VmId(vm), HostId(host))).collect()
    }

    #[test]
    fn a_private_vm_never_goes_to_a_public_site() {
        let private = SiteRule { vms: Some(numbers("1")), private: true, ..SiteRule::default() };
        let mut fence = fence(vec![private], Vec::new());
        assert_eq!((admitted(&fence, 0).len(), admitted(&fence, 1)), (5, vec![0, 1, 2, 3]));
        fence.hide_public(true);
        assert_eq!(admitted(&fence, 0), [0, 1, 2, 3]);
    }

    #[test]
    fn who_runs_leaves_its_site_only_where_it_may_and_a_route_leads() {
        let stay = SiteRule { vms: Some(numbers("0")), stay: true, ..SiteRule::default() };
        let mut fence = fence(vec![stay], Vec::new());
        assert_eq!(admitted(&fence, 0).len(), 5, "it is nowhere yet");
        [0, 1].into_iter().for_each(|vm| fence.settle(VmId(vm), HostId(4)));
        assert_eq!((admitted(&fence, 0), admitted(&fence, 1).len()), (vec![4], 5));
        fence.reach = vec![1, 2];
        assert_eq!(admitted(&fence, 1), [4]);
    }

    #[test]
    fn a_group_is_spread_and_a_move_counts_at_both_ends() {
        let vms = Some(numbers("0-2"));
        let spread =
            SiteRule { vms, at_most: Some(1), per: Some(Per::Zone), ..SiteRule::default() };
        let mut fence = fence(vec![spread], Vec::new());
        fence.enter(VmId(0), HostId(0));
        assert_eq!((admitted(&fence, 1), admitted(&fence, 0).len()), (vec![2, 3, 4], 5));
        fence.enter(VmId(0), HostId(2));
        assert_eq!((admitted(&fence, 1), admitted(&fence, 5).len()), (vec![4], 5));
        fence.leave(VmId(0), HostId(0));
        assert_eq!(admitted(&fence, 1), [0, 1, 4]);
    }

    #[test]
    fn tenants_never_share_a_host() {
        let mut fence = fence(Vec::new(), vec![numbers("0-1"), numbers("2")]);
        fence.enter(VmId(0), HostId(0));
        fence.enter(VmId(2), HostId(1));
        fence.enter(VmId(3), HostId(2));
        assert_eq!(admitted(&fence, 1), [0, 3, 4]);
        assert_eq!(admitted(&fence, 4), [2, 3, 4], "those that nobody names are one tenant");
    }
}
