//! Several data centres: who stands where, what connects them, and which VM may be where
//! (`[sites]`).
//!
//! ```text
//! route(a, b): the links of least round trip, fewest links among equals, the first of the list
//! round trip = sum over its links        loss = 1 - product of (1 - loss)
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::costs::{Rate, Tariff, Tariffs};
pub use super::numbers::Numbers;
use super::{Costs, Fleet};
use crate::id::{HostId, Id, IdVec};

/// So many sites there may be.
pub const MOST_SITES: usize = 64;

/// `[sites]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sites {
    /// The data centres.
    pub list: Vec<Site>,
    /// What connects them.
    pub links: Vec<WanLink>,
    /// Which VMs may be where.
    pub rules: Vec<SiteRule>,
    /// VMs of each tenant; VMs of different tenants never share a host. Those that are named
    /// nowhere are one tenant more.
    pub tenants: Vec<Numbers>,
    /// Disk of every VM that travels with it, GiB; without it that of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_gib: Option<f64>,
    /// Rate at which a VM writes to its disk while that is copied, MB/s.
    pub disk_writes_mb_s: f64,
    /// What one connection may have in flight, KiB.
    pub window_kib: f64,
    /// Connections of one migration.
    pub connections: f64,
    /// Seconds until the network sends to the new site.
    pub network_update_s: f64,
    /// What it costs to encrypt what goes from site to site, where that is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Cipher>,
    /// Seconds after which a VM may return from a public site.
    pub return_after_s: f64,
    /// Fraction of what it asks for that must be free beside that for it to return.
    pub return_margin: f64,
    /// How many types of VMs `[fleet]` has.
    #[serde(skip)]
    pub types: usize,
}

impl Default for Sites {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            links: Vec::new(),
            rules: Vec::new(),
            tenants: Vec::new(),
            disk_gib: None,
            disk_writes_mb_s: 1.0,
            window_kib: 4096.0,
            connections: 1.0,
            network_update_s: 0.2,
            encryption: None,
            return_after_s: 3600.0,
            return_margin: 0.2,
            types: 1,
        }
    }
}

/// A data centre.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Site {
    /// Its name.
    pub name: String,
    /// Its hosts.
    pub hosts: Numbers,
    /// Whose it is.
    #[serde(default)]
    pub kind: SiteKind,
    /// Whether it is trusted; private sites are unless it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// Its parts that fail apart from one another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    /// Price of energy there, in place of that of `[costs]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_price: Option<Rate>,
    /// Its PUE, in place of that of `[costs]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pue: Option<f64>,
    /// Carbon intensity there, in place of that of `[costs]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carbon_intensity: Option<Rate>,
    /// What an hour of a VM costs at a public site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_hour_price: Option<f64>,
}

/// Whose a site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteKind {
    /// The operator's own: its energy is paid for.
    #[default]
    Private,
    /// Rented by the hour.
    Public,
}

/// A part of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Zone {
    /// Its name, unique among all zones.
    pub name: String,
    /// Its hosts.
    pub hosts: Numbers,
}

/// What connects two sites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WanLink {
    /// The two sites.
    pub between: [String; 2],
    /// What migrations may use of it, each way, Mbit/s.
    pub mbit_s: f64,
    /// Round trip, ms.
    pub rtt_ms: f64,
    /// Fraction of packets lost.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub loss: f64,
}

fn is_nothing(value: &f64) -> bool {
    *value == 0.0
}

/// Which VMs may be where. A rule that names neither `vms` nor `types` is for all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SiteRule {
    /// The VMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vms: Option<Numbers>,
    /// The types of `fleet.vms` whose VMs are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<u32>>,
    /// Never on a public site, nor on one that is not trusted.
    #[serde(skip_serializing_if = "is_not")]
    pub private: bool,
    /// Never on a site that is not trusted.
    #[serde(skip_serializing_if = "is_not")]
    pub trusted: bool,
    /// Only at these sites.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sites: Option<Vec<String>>,
    /// Never migrated to another site.
    #[serde(skip_serializing_if = "is_not")]
    pub stay: bool,
    /// At most so many of them in one of `per`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
    /// What they are spread over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
}

fn is_not(value: &bool) -> bool {
    !*value
}

/// What VMs are spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// Hosts.
    Host,
    /// Zones; a site without zones is one, and so are its hosts outside of them.
    Zone,
    /// Sites.
    Site,
}

/// What encryption costs a stream.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cipher {
    /// MB of 10^6 bytes per second at most.
    pub speed_mb_s: f64,
    /// Bytes added per byte.
    pub overhead: f64,
}

impl Default for Cipher {
    /// One core with AES instructions; a TLS record of 16 KiB carries about 30 bytes beside its
    /// contents (RFC 8446, sect. 5).
    fn default() -> Self {
        Self { speed_mb_s: 1000.0, overhead: 0.0018 }
    }
}

impl Site {
    /// Whether it is trusted.
    pub fn is_trusted(&self) -> bool {
        self.trusted.unwrap_or(self.kind == SiteKind::Private)
    }

    /// Whether it is rented.
    pub fn is_public(&self) -> bool {
        self.kind == SiteKind::Public
    }
}

impl SiteRule {
    /// The VMs that it is about, of `vms` whose `types` follow each other in equal blocks.
    pub fn members(&self, vms: usize, types: usize) -> Vec<usize> {
        if self.vms.is_none() && self.types.is_none() {
            return (0..vms).collect();
        }
        let block = vms.div_ceil(types.max(1)).max(1);
        let typed = self.types.iter().flatten().flat_map(|&kind| {
            let first = kind as usize * block;
            first.min(vms)..(first + block).min(vms)
        });
        let named = self.vms.iter().flat_map(|numbers| numbers.below(vms));
        let members: BTreeSet<usize> = named.chain(typed).collect();
        members.into_iter().collect()
    }

    /// Whether it forbids its VMs to be at `site`.
    pub fn forbids(&self, site: &Site) -> bool {
        let named = self.sites.as_ref().is_none_or(|names| names.contains(&site.name));
        (self.private && site.is_public())
            || ((self.private || self.trusted) && !site.is_trusted())
            || !named
    }
}

/// Links of a route, each with whether it is taken from its second site to its first.
pub type Route = Vec<(usize, bool)>;

impl Sites {
    /// The site called `name`.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|site| site.name == name)
    }

    /// The site of every host; the first that names it.
    pub fn site_of(&self, hosts: usize) -> IdVec<HostId, u16> {
        let mut of = IdVec::filled(0, hosts);
        for (number, site) in self.list.iter().enumerate().rev() {
            site.hosts.below(hosts).for_each(|host| of[HostId::from_index(host)] = number as u16);
        }
        of
    }

    /// The zone of every host, numbered over all sites: the hosts of a site that are in none of its
    /// zones are one more.
    pub fn zone_of(&self, hosts: usize) -> IdVec<HostId, u32> {
        let mut of = IdVec::filled(0, hosts);
        let mut next = 0;
        for site in &self.list {
            site.hosts.below(hosts).for_each(|host| of[HostId::from_index(host)] = next);
            for zone in &site.zones {
                next += 1;
                zone.hosts.below(hosts).for_each(|host| of[HostId::from_index(host)] = next);
            }
            next += 1;
        }
        of
    }

    /// Hosts of one number are alike to every rule: whoever may be on one of them may be on an
    /// empty other in its place. They are of one zone where VMs are spread over zones, of one site
    /// where they are spread over sites, else of sites that the same rules allow.
    pub fn kinds(&self, hosts: usize) -> IdVec<HostId, u32> {
        let spreads = |per| self.rules.iter().any(|rule| rule.at_most.is_some() && rule.per == per);
        let site_of = self.site_of(hosts);
        if spreads(Some(Per::Zone)) {
            return self.zone_of(hosts);
        }
        let forbidden = |site: &Site| -> Vec<bool> {
            self.rules.iter().map(|rule| rule.forbids(site)).collect()
        };
        let kinds: Vec<u32> = (0..self.list.len())
            .map(|site| {
                let alike = |other: &Site| forbidden(other) == forbidden(&self.list[site]);
                let first = self.list.iter().position(alike).unwrap_or(site);
                if spreads(Some(Per::Site)) { site as u32 } else { first as u32 }
            })
            .collect();
        site_of.iter().map(|(_, &site)| kinds[usize::from(site)]).collect()
    }

    /// The ends of link `link`.
    pub fn ends(&self, link: usize) -> Option<(usize, usize)> {
        let [a, b] = &self.links[link].between;
        Some((self.named(a)?, self.named(b)?))
    }

    /// The routes from every site to every other over the links that are `up`, row by row.
    pub fn routes(&self, up: &[bool]) -> Vec<Option<Route>> {
        let count = self.list.len();
        let mut routes = vec![None; count * count];
        for from in 0..count {
            self.routes_from(from, up, &mut routes[from * count..][..count]);
        }
        routes
    }

    /// Bellman and Ford: at most as many rounds as there are sites.
    fn routes_from(&self, from: usize, up: &[bool], routes: &mut [Option<Route>]) {
        let mut best: BTreeMap<usize, (f64, usize)> = BTreeMap::from([(from, (0.0, 0))]);
        routes[from] = Some(Route::new());
        for _ in 0..self.list.len() {
            for (link, wan) in self.links.iter().enumerate().filter(|(link, _)| up[*link]) {
                let Some((a, b)) = self.ends(link) else { continue };
                for (tail, head, back) in [(a, b, false), (b, a, true)] {
                    let Some(&(rtt, hops)) = best.get(&tail) else { continue };
                    let next = (rtt + wan.rtt_ms, hops + 1);
                    if best.get(&head).is_none_or(|known| next < *known) {
                        best.insert(head, next);
                        let mut route = routes[tail].clone().unwrap_or_default();
                        route.push((link, back));
                        routes[head] = Some(route);
                    }
                }
            }
        }
    }

    /// Round trip (s) and loss of a route.
    pub fn distance(&self, route: &Route) -> (f64, f64) {
        let links = || route.iter().map(|&(link, _)| &self.links[link]);
        let kept: f64 = links().map(|link| 1.0 - link.loss).product();
        (links().map(|link| link.rtt_ms).sum::<f64>() / 1000.0, 1.0 - kept)
    }

    /// Disk that travels with VM `vm` of `fleet`, bytes.
    pub fn disk(&self, fleet: &Fleet, vm: crate::id::VmId) -> f64 {
        let stated = self.disk_gib.map(|gib| gib * f64::from(1 << 30));
        stated.unwrap_or(fleet.vm_disk[vm].0 as f64)
    }

    /// What energy and instances cost on each of `hosts` hosts.
    pub fn tariffs(&self, costs: &Costs, hosts: usize) -> Tariffs {
        let tariff = |site: &Site| Tariff {
            site: site.name.clone(),
            energy_price: site.energy_price.clone().unwrap_or(costs.energy_price.clone()),
            pue: site.pue.unwrap_or(costs.pue),
            carbon_intensity: site
                .carbon_intensity
                .clone()
                .unwrap_or(costs.carbon_intensity.clone()),
            rent: site.is_public().then(|| site.instance_hour_price.unwrap_or(0.0)),
        };
        Tariffs { site_of: self.site_of(hosts), sites: self.list.iter().map(tariff).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str, hosts: &str) -> Site {
        Site { name: name.into(), hosts: Numbers::Text(hosts.into()), ..Site::default() }
    }

    fn link(a: &str, b: &str, rtt_ms: f64) -> WanLink {
        WanLink { between: [a.into(), b.into()], mbit_s: 100.0, rtt_ms, loss: 0.5 }
    }

    /// a - b 30 ms, a - c 10 ms, c - b 10 ms: to b by c, 20 ms; without a - c straight on.
    #[test]
    fn the_route_of_least_round_trip_is_taken() {
        let list = vec![site("a", "0"), site("b", "1"), site("c", "2"), site("d", "3")];
        let links = vec![link("a", "b", 30.0), link("c", "a", 10.0), link("c", "b", 10.0)];
        let sites = Sites { list, links, ..Sites::default() };
        let routes = sites.routes(&[true; 3]);
        assert_eq!(routes[1], Some(vec![(1, true), (2, false)]));
        assert_eq!(sites.distance(routes[1].as_ref().unwrap()), (0.02, 0.75));
        assert_eq!(routes[4], Some(vec![(2, true), (1, false)]));
        assert_eq!(routes[3], None);
        assert_eq!(sites.routes(&[true, false, true])[1], Some(vec![(0, false)]));
    }

    #[test]
    fn hosts_outside_of_the_zones_of_a_site_are_one_more() {
        let zone = Zone { name: "z".into(), hosts: Numbers::List(vec![1]) };
        let first = Site { zones: vec![zone], ..site("a", "0-2") };
        let sites = Sites { list: vec![first, site("b", "3")], ..Sites::default() };
        assert_eq!(sites.zone_of(4).as_slice(), [0, 1, 0, 2]);
        assert_eq!(sites.site_of(4).as_slice(), [0, 0, 0, 1]);
    }
}
