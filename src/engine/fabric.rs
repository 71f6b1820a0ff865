//! Switches and cables of the topology that fail and are repaired.
//!
//! What is sent over them takes another way at once where the topology has one left, and shares the
//! links there; where it has none it ends as the transaction of its migration says. A host that no
//! longer reaches the largest part of the hosts is cut off: its VMs run on, nobody reaches them,
//! and nothing comes or leaves until it is connected again.

use super::outages::Hit;
use super::run::Engine;
use super::world::World;
use crate::id::{HostId, Id, VmId};
use crate::migrate::TransferId;
use crate::migrate::failure::Part;
use crate::model::record::{CutOffRecord, NetworkOutageRecord, NetworkPart};
use crate::topology::Topology;

/// For how many reasons each switch and each cable is out.
#[derive(Debug, Clone, Default)]
pub(super) struct Fabric {
    switches: Vec<u32>,
    cables: Vec<u32>,
}

impl Fabric {
    /// All of `topology` works.
    pub fn new(topology: &Topology) -> Self {
        Self { switches: vec![0; topology.switches()], cables: vec![0; topology.cables()] }
    }

    /// For how many reasons `number` of `part` is out.
    fn reasons(&mut self, part: NetworkPart, number: usize) -> &mut u32 {
        match part {
            NetworkPart::Switch => &mut self.switches[number],
            NetworkPart::Cable => &mut self.cables[number],
        }
    }

    /// Which links of `topology` work.
    fn working(&self, topology: &Topology) -> Vec<bool> {
        let up = |reasons: &[u32]| reasons.iter().map(|&count| count == 0).collect::<Vec<_>>();
        topology.working(&up(&self.switches), &up(&self.cables))
    }
}

impl World<'_> {
    /// Whether the network cuts `host` off.
    pub(super) fn is_cut(&self, host: HostId) -> bool {
        self.cut.binary_search(&host).is_ok()
    }

    /// Whether `vm` is on a host that is cut off.
    pub(super) fn is_stuck(&self, vm: VmId) -> bool {
        self.home[vm].is_some_and(|host| self.is_cut(host))
    }
}

impl Engine<'_> {
    /// The switch or cable that `hit` names, if any, is out for one more reason.
    pub(super) fn unplug(&mut self, hit: &Hit) {
        let (&Hit::Network(part, number), Some(outages)) = (hit, &mut self.outages) else { return };
        let reasons = outages.fabric.reasons(part, number);
        *reasons += 1;
        if *reasons > 1 {
            return;
        }
        let (start, end, number) = (self.world.now.instant, None, number as u32);
        let row = NetworkOutageRecord { part, number, start, end };
        self.world.record.network_outages.push(row);
        self.rewire();
    }

    /// The switch or cable that `hit` names, if any, is out for one reason less.
    pub(super) fn replug(&mut self, hit: &Hit) {
        let (&Hit::Network(part, number), Some(outages)) = (hit, &mut self.outages) else { return };
        let reasons = outages.fabric.reasons(part, number);
        *reasons -= 1;
        if *reasons > 0 {
            return;
        }
        let now = self.world.now.instant;
        let mut rows = self.world.record.network_outages.iter_mut().rev();
        let of = |row: &&mut NetworkOutageRecord| (row.part, row.number as usize) == (part, number);
        if let Some(row) = rows.find(of) {
            row.end = Some(now);
        }
        self.rewire();
    }

    /// Finds who is cut off and the ways that are left, and sends what is under way over these.
    fn rewire(&mut self) {
        let (Some(outages), Some(routes)) = (&self.outages, &mut self.moves.routes) else { return };
        let topology = routes.topology();
        let working = outages.fabric.working(topology);
        let cut = topology.cut_off(&working, self.world.power.len());
        routes.connect(working);
        let before = std::mem::take(&mut self.world.cut);
        let cut = cut.into_iter().enumerate().filter(|&(_, cut)| cut);
        self.world.cut = cut.map(|(host, _)| HostId::from_index(host)).collect();
        for &host in &before {
            if !self.world.is_cut(host) {
                self.reach_again(host);
            }
        }
        let new = self.world.cut.iter().filter(|host| before.binary_search(host).is_err());
        let new: Vec<HostId> = new.copied().collect();
        new.iter().for_each(|&host| self.cut_off(host));
        self.divert();
        new.into_iter().for_each(|host| self.isolate(host));
    }

    /// Notes that `host` is cut off; an outage that ended at this very instant goes on.
    fn cut_off(&mut self, host: HostId) {
        let start = self.world.now.instant;
        let mut rows = self.world.record.cut_offs.iter_mut().rev();
        match rows.find(|row| row.host == host).filter(|row| row.end == Some(start)) {
            Some(row) => row.end = None,
            None => self.world.record.cut_offs.push(CutOffRecord { host, start, end: None }),
        }
    }

    /// Notes that `host` is connected again; one that was cut off for no time was not.
    fn reach_again(&mut self, host: HostId) {
        let now = self.world.now.instant;
        let rows = &mut self.world.record.cut_offs;
        let Some(at) = rows.iter().rposition(|row| row.host == host) else { return };
        if rows[at].start == now {
            rows.remove(at);
        } else {
            rows[at].end = Some(now);
        }
    }

    /// Sends migrations over the ways that are left; those that have none fail.
    fn divert(&mut self) {
        let now = self.world.now.instant.0 as f64;
        let flights = self.moves.flights.iter().enumerate();
        let flights: Vec<(TransferId, usize)> =
            flights.filter_map(|(id, flight)| Some((id, flight.as_ref()?.row))).collect();
        for (id, row) in flights {
            let Some(flight) = self.moves.flights[id].filter(|flight| flight.row == row) else {
                continue;
            };
            let (from, to) = (flight.from, flight.to);
            if self.is_apart(from, to) {
                self.fail(id, row, Part::Link);
                continue;
            }
            let Some(routes) = &self.moves.routes else { continue };
            let own = self.moves.transfers.path(id);
            let own = &own[..own.partition_point(|&link| (link as usize) < self.moves.laid)];
            if !routes.carry(own) {
                let path = self.moves.way(from, to);
                self.moves.transfers.reroute(id, &path, now);
                self.transfers_changed = true;
            }
        }
    }

    /// What was to come to `host`, which is cut off, goes elsewhere; what was to leave it stays.
    fn isolate(&mut self, host: HostId) {
        self.drop_moves_to(host);
        self.drop_moves_from(host);
        self.forget_coming(host);
        self.touched.push(host);
    }

    /// Whether nothing can be sent from `from` to `to` over the topology.
    pub(super) fn is_apart(&mut self, from: HostId, to: HostId) -> bool {
        if self.world.is_cut(from) || self.world.is_cut(to) {
            return true;
        }
        let routes = self.moves.routes.as_mut();
        routes.is_some_and(|routes| routes.path(from, to).is_none())
    }
}
