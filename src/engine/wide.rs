//! The links between sites: which migrations pass them, and which of them are up.
//!
//! A migration to another site passes the cards of both hosts, or the topology, and the links of
//! the route between the sites on top, and shares each max-min fairly.

use std::collections::BTreeMap;

use crate::id::{HostId, IdVec, VmId};
use crate::migrate::{TransferId, Way};
use crate::model::Fleet;
use crate::model::sites::{Route, Sites};
use crate::topology::LinkId;

/// Bytes per second of one Mbit/s.
const BYTES_PER_MBIT: f64 = 125_000.0;

/// What connects the sites of a run.
#[derive(Debug)]
pub(super) struct Wide<'a> {
    sites: &'a Sites,
    fleet: &'a Fleet,
    site_of: IdVec<HostId, u16>,
    /// The routes from site to site, row by row, over the links that are up.
    routes: Vec<Option<Route>>,
    /// The first link of the WAN among all links.
    first: LinkId,
    /// The links that each migration between sites passes, or passed.
    passed: BTreeMap<TransferId, Vec<usize>>,
}

impl<'a> Wide<'a> {
    /// All links up; those of the hosts are `first` in number.
    pub fn new(sites: &'a Sites, fleet: &'a Fleet, first: usize) -> Self {
        let routes = sites.routes(&vec![true; sites.links.len()]);
        let site_of = sites.site_of(fleet.hosts());
        let (first, passed) = (first as LinkId, BTreeMap::new());
        Self { sites, fleet, site_of, routes, first, passed }
    }

    /// Capacities of the links, bytes per second: there and back, one after the other.
    pub fn capacities(sites: &Sites) -> impl Iterator<Item = f64> {
        sites.links.iter().flat_map(|link| [link.mbit_s * BYTES_PER_MBIT; 2])
    }

    /// Only the links that are `up` are passed from now on.
    pub fn connect(&mut self, up: &[bool]) {
        self.routes = self.sites.routes(up);
    }

    fn route(&self, from: HostId, to: HostId) -> Option<&Route> {
        let [from, to] = [from, to].map(|host| usize::from(self.site_of[host]));
        let route = self.routes[from * self.sites.list.len() + to].as_ref();
        route.filter(|_| from != to)
    }

    /// Whether both hosts are of one site, or of two that are connected.
    pub fn is_open(&self, from: HostId, to: HostId) -> bool {
        self.site_of[from] == self.site_of[to] || self.route(from, to).is_some()
    }

    /// Notes the route of the migration `id`, which begins.
    pub fn note(&mut self, id: TransferId, from: HostId, to: HostId) {
        let links = self.route(from, to).map(|route| route.iter().map(|&(link, _)| link).collect());
        match links {
            Some(links) => self.passed.insert(id, links),
            None => self.passed.remove(&id),
        };
    }

    /// Migrations that pass `link`, or passed it when they were under way.
    pub fn sent_over(&self, link: usize) -> impl Iterator<Item = TransferId> {
        let over = self.passed.iter().filter(move |(_, links)| links.contains(&link));
        over.map(|(&id, _)| id)
    }

    /// Adds the links from the site of `from` to that of `to` to `path`.
    pub fn extend(&self, from: HostId, to: HostId, path: &mut Vec<LinkId>) {
        let links = self.route(from, to).into_iter().flatten();
        path.extend(links.map(|&(link, back)| self.number(link, back)));
    }

    fn number(&self, link: usize, back: bool) -> LinkId {
        self.first + 2 * link as LinkId + LinkId::from(back)
    }

    /// How `vm` goes to another site; `None` where both hosts are of one.
    pub fn way(&self, vm: VmId, from: HostId, to: HostId) -> Option<Way> {
        let route = self.route(from, to)?;
        Some(Way::of(self.sites, self.sites.disk(self.fleet, vm), route))
    }
}
