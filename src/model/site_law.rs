//! The rules of `[sites]` by VM and by host: what never changes while a run goes on.
//!
//! ```text
//! allowed(v): the sites that no rule forbids v        part_g(h): what group g calls one place
//! ```

use super::Fleet;
use super::sites::{Per, Sites};
use crate::id::{HostId, Id, IdVec, VmId};

/// A set of sites, one bit each.
pub type SiteSet = u64;

/// Who may be where, as far as it does not depend on who is where.
#[derive(Debug)]
pub struct SiteLaw {
    /// The site of each host.
    pub site_of: IdVec<HostId, u16>,
    /// Sites that are rented.
    pub public: SiteSet,
    /// Sites at which the rules allow each VM.
    pub allowed: IdVec<VmId, SiteSet>,
    /// VMs that are never migrated to another site.
    pub stays: IdVec<VmId, bool>,
    /// VMs that are spread.
    pub groups: Vec<Group>,
    /// The groups of each VM; empty where there are none.
    groups_of: IdVec<VmId, Vec<u16>>,
    /// Tenant of each VM; empty where nobody is kept apart.
    tenant: IdVec<VmId, u16>,
    /// Where hosts are alike to VMs of any group: their zone.
    pub zone_of: IdVec<HostId, u32>,
}

/// VMs that are spread.
#[derive(Debug)]
pub struct Group {
    /// So many of them may be in one part.
    pub at_most: usize,
    /// What a part is.
    pub per: Per,
    /// The part of each host; empty where every host is one.
    part_of: IdVec<HostId, u32>,
}

impl Group {
    /// The part in which `host` is.
    pub fn part(&self, host: HostId) -> u32 {
        if self.part_of.is_empty() { host.0 } else { self.part_of[host] }
    }
}

impl SiteLaw {
    /// The rules of `sites` for `fleet`.
    pub fn new(sites: &Sites, fleet: &Fleet) -> Self {
        let (hosts, vms) = (fleet.hosts(), fleet.vms());
        let set = |holds: &dyn Fn(usize) -> bool| -> SiteSet {
            (0..sites.list.len()).filter(|&site| holds(site)).map(|site| 1 << site).sum()
        };
        let all = set(&|_| true);
        let mut law = Self {
            site_of: sites.site_of(hosts),
            public: set(&|site| sites.list[site].is_public()),
            allowed: IdVec::filled(all, vms),
            stays: IdVec::filled(false, vms),
            groups: Vec::new(),
            groups_of: IdVec::default(),
            tenant: tenants(sites, vms),
            zone_of: sites.zone_of(hosts),
        };
        for rule in &sites.rules {
            let forbidden = set(&|site| rule.forbids(&sites.list[site]));
            let members = rule.members(vms, sites.types);
            for vm in members.iter().copied().map(VmId::from_index) {
                law.allowed[vm] &= !forbidden;
                law.stays[vm] |= rule.stay;
            }
            if let (Some(at_most), Some(per)) = (rule.at_most, rule.per) {
                law.spread(at_most as usize, per, &members);
            }
        }
        law
    }

    /// At most `at_most` of `members` in one of `per`.
    fn spread(&mut self, at_most: usize, per: Per, members: &[usize]) {
        let number = self.groups.len() as u16;
        let part_of = match per {
            Per::Host => IdVec::default(),
            Per::Zone => self.zone_of.clone(),
            Per::Site => self.site_of.iter().map(|(_, &site)| u32::from(site)).collect(),
        };
        self.groups.push(Group { at_most, per, part_of });
        if self.groups_of.is_empty() {
            self.groups_of = IdVec::filled(Vec::new(), self.allowed.len());
        }
        let vms = members.iter().copied().map(VmId::from_index);
        vms.for_each(|vm| self.groups_of[vm].push(number));
    }

    /// The site of `host` as a set.
    pub fn bit(&self, host: HostId) -> SiteSet {
        1 << self.site_of[host]
    }

    /// Whether `host` is rented.
    pub fn is_public(&self, host: HostId) -> bool {
        self.public & self.bit(host) != 0
    }

    /// Whether the rules allow `vm` at the site of `host`.
    pub fn allows(&self, vm: VmId, host: HostId) -> bool {
        self.allowed[vm] & self.bit(host) != 0
    }

    /// The groups of `vm`.
    pub fn groups_of(&self, vm: VmId) -> &[u16] {
        self.groups_of.as_slice().get(vm.index()).map_or(&[], Vec::as_slice)
    }

    /// Whether tenants are kept apart.
    pub fn has_tenants(&self) -> bool {
        !self.tenant.is_empty()
    }

    /// Whether two VMs may be on one host as far as their tenants go.
    pub fn same_tenant(&self, a: VmId, b: VmId) -> bool {
        self.tenant.is_empty() || self.tenant[a] == self.tenant[b]
    }
}

/// The tenant of every VM; the first that names it, 0 for those that none does.
fn tenants(sites: &Sites, vms: usize) -> IdVec<VmId, u16> {
    if sites.tenants.is_empty() {
        return IdVec::default();
    }
    let mut of = IdVec::filled(0, vms);
    for (number, tenant) in sites.tenants.iter().enumerate().rev() {
        let named = tenant.below(vms).map(VmId::from_index);
        named.for_each(|vm| of[vm] = number as u16 + 1);
    }
    of
}
