//! What it takes to move each VM: within a site, and to each other one.
//!
//! Within a site it is what the migration model says on free network cards. To another the disk
//! goes along over the links of the route, all of them free and up; where the model does not end
//! at their rate, or no route leads there, no move is planned.

use super::optimise::Copying;
use crate::id::{HostId, IdVec, VmId};

/// What moves take.
#[derive(Debug, Clone)]
pub struct Copies {
    near: IdVec<VmId, Copying>,
    far: Option<Far>,
}

/// Moves between sites.
#[derive(Debug, Clone)]
pub struct Far {
    /// The site of each host.
    pub site_of: IdVec<HostId, u16>,
    /// How many sites there are.
    pub sites: usize,
    /// VMs of one number are copied alike.
    pub alike: IdVec<VmId, u32>,
    /// For each of these numbers what it takes from every site to every other, row by row; nothing
    /// where it cannot be.
    pub tables: Vec<Vec<Option<Copying>>>,
}

impl From<IdVec<VmId, Copying>> for Copies {
    fn from(near: IdVec<VmId, Copying>) -> Self {
        Self { near, far: None }
    }
}

impl Copies {
    /// The same where there are several sites.
    pub fn between(self, far: Far) -> Self {
        Self { far: Some(far), ..self }
    }

    /// What it takes to move each VM within its site.
    pub fn within(&self) -> &IdVec<VmId, Copying> {
        &self.near
    }

    /// What it takes to move `vm` from `from` to each site; empty where there is only one.
    pub fn to_sites(&self, vm: VmId, from: HostId) -> impl Iterator<Item = Option<Copying>> {
        self.far.iter().flat_map(move |far| {
            let home = usize::from(far.site_of[from]);
            let row = &far.tables[far.alike[vm] as usize][home * far.sites..][..far.sites];
            let near = Some(self.near[vm]);
            row.iter().enumerate().map(move |(site, far)| if site == home { near } else { *far })
        })
    }

    /// What it takes to move `vm` from one host to another; `None` where it cannot be.
    pub fn of(&self, vm: VmId, from: HostId, to: HostId) -> Option<Copying> {
        match &self.far {
            None => Some(self.near[vm]),
            Some(far) => self.to_sites(vm, from).nth(usize::from(far.site_of[to])).flatten(),
        }
    }

    /// The number of the site of `host`.
    pub fn site(&self, host: HostId) -> usize {
        self.far.as_ref().map_or(0, |far| usize::from(far.site_of[host]))
    }
}
