//! Topologies of the literature, by their size.
//!
//! Source of the fat tree: Al-Fares, Loukissas and Vahdat, SIGCOMM 2008, sect. 3: `k` pods of `k/2`
//! edge and `k/2` aggregation switches, `(k/2)^2` core switches, `k^3/4` hosts, every link alike,
//! so that all hosts can send to all others at full rate.

use super::{Cable, Place, Topology};

fn stands(rack: Option<String>, zone: Option<String>, site: Option<String>) -> Place {
    Place { rack, zone, site }
}

/// `hosts` around one switch.
pub fn star(hosts: usize, cable: Cable) -> Topology {
    let mut topology = Topology::default();
    let place = stands(Some("rack0".into()), None, None);
    let switch = topology.add_switch("switch", place.clone());
    for host in 0..hosts {
        let host = topology.add_host(format!("host{host}"), place.clone());
        topology.connect(host, switch, cable);
    }
    topology
}

/// `racks` of `hosts` each: hosts to their rack's switch by `access`, that to one core switch by
/// `uplink`.
pub fn two_tier(racks: usize, hosts: usize, access: Cable, uplink: Cable) -> Topology {
    let mut topology = Topology::default();
    let core = topology.add_switch("core", Place::default());
    add_racks(&mut topology, core, (racks, hosts), (access, uplink), None);
    topology
}

fn add_racks(
    topology: &mut Topology,
    core: usize,
    (racks, hosts): (usize, usize),
    (access, uplink): (Cable, Cable),
    site: Option<&str>,
) {
    let prefix = site.map_or_else(String::new, |site| format!("{site}-"));
    for rack in 0..racks {
        let name = format!("{prefix}rack{rack}");
        let place = stands(Some(name.clone()), None, site.map(str::to_owned));
        let switch = topology.add_switch(format!("{name}-switch"), place.clone());
        topology.connect(switch, core, uplink);
        for host in 0..hosts {
            let host = topology.add_host(format!("{name}-host{host}"), place.clone());
            topology.connect(host, switch, access);
        }
    }
}

/// The fat tree of switches with `k` ports, `k` even: `k^3 / 4` hosts, every link a `cable`.
///
/// ```
/// use galerna::topology::{Cable, generate};
/// let tree = generate::fat_tree(4, Cable::mbit(1000.0, 10));
/// assert_eq!((tree.hosts(), tree.links()), (16, 2 * 48));
/// ```
///
/// Panics when `k` is odd or 0: there is no such tree.
pub fn fat_tree(k: usize, cable: Cable) -> Topology {
    assert!(k > 0 && k.is_multiple_of(2), "a fat tree has an even number of ports");
    let half = k / 2;
    let mut topology = Topology::default();
    let core: Vec<usize> = (0..half * half)
        .map(|core| topology.add_switch(format!("core{core}"), Place::default()))
        .collect();
    for pod in 0..k {
        let zone = Some(format!("pod{pod}"));
        let place = stands(None, zone.clone(), None);
        let aggregation: Vec<usize> = (0..half)
            .map(|a| topology.add_switch(format!("pod{pod}-aggregation{a}"), place.clone()))
            .collect();
        for (a, &switch) in aggregation.iter().enumerate() {
            let above = &core[a * half..(a + 1) * half];
            above.iter().for_each(|&core| topology.connect(switch, core, cable));
        }
        for edge in 0..half {
            let rack = format!("pod{pod}-rack{edge}");
            let place = stands(Some(rack.clone()), zone.clone(), None);
            let switch = topology.add_switch(format!("{rack}-switch"), place.clone());
            aggregation.iter().for_each(|&above| topology.connect(switch, above, cable));
            for host in 0..half {
                let host = topology.add_host(format!("{rack}-host{host}"), place.clone());
                topology.connect(host, switch, cable);
            }
        }
    }
    topology
}

/// `sites` of `racks` x `hosts` each, as [`two_tier`]; their core switches form a full mesh of
/// `wan` cables.
pub fn wan(
    sites: usize,
    (racks, hosts): (usize, usize),
    (access, uplink, wan): (Cable, Cable, Cable),
) -> Topology {
    let mut topology = Topology::default();
    let mut gateways: Vec<usize> = Vec::with_capacity(sites);
    for site in 0..sites {
        let name = format!("site{site}");
        let place = stands(None, None, Some(name.clone()));
        let gateway = topology.add_switch(format!("{name}-core"), place);
        add_racks(&mut topology, gateway, (racks, hosts), (access, uplink), Some(&name));
        gateways.iter().for_each(|&other| topology.connect(gateway, other, wan));
        gateways.push(gateway);
    }
    topology
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::HostId;
    use crate::topology::Routes;

    /// k = 4: 16 hosts, 4 core and 4 x (2 + 2) switches, 16 + 16 + 16 cables.
    #[test]
    fn a_fat_tree_of_four_ports_has_sixteen_hosts_and_six_hops_between_pods() {
        let tree = fat_tree(4, Cable::mbit(1000.0, 10));
        assert_eq!((tree.hosts(), tree.nodes().len(), tree.links()), (16, 16 + 20, 96));
        let mut routes = Routes::new(&tree);
        let mut hops = |to| routes.path(HostId(0), HostId(to)).expect("connected").len();
        assert_eq!([hops(1), hops(2), hops(15)], [2, 4, 6]);
    }

    #[test]
    fn sites_are_joined_by_their_gateways() {
        let [lan, wide] = [Cable::mbit(1000.0, 10), Cable::mbit(100.0, 20_000)];
        let topology = wan(3, (2, 2), (lan, lan, wide));
        assert_eq!(topology.hosts(), 12);
        let mut routes = Routes::new(&topology);
        let path = routes.path(HostId(0), HostId(11)).expect("connected").to_vec();
        let slowest = path.iter().map(|&l| topology.link(l).capacity.0).fold(f64::MAX, f64::min);
        assert_eq!((path.len(), slowest), (5, 100e6 / 8.0));
        let site = |host| topology.host(HostId(host)).and_then(|n| n.place.site.clone());
        assert_eq!((site(3), site(4)), (Some("site0".into()), Some("site1".into())));
    }

    #[test]
    fn two_tiers_share_the_uplink_of_a_rack() {
        let topology = two_tier(2, 3, Cable::mbit(1000.0, 1), Cable::mbit(2000.0, 1));
        let mut routes = Routes::new(&topology);
        let mut path = |a, b| routes.path(HostId(a), HostId(b)).expect("connected").to_vec();
        assert_eq!(path(0, 1).len(), 2);
        assert_eq!((path(0, 3)[1], path(0, 3).len()), (path(2, 5)[1], 4));
    }
}
