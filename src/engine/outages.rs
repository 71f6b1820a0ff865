//! Hosts that fail and are repaired, by a list or at random.
//!
//! A host that fails is off at once, whatever it was doing: it draws nothing, its VMs are down
//! (`restarts`), migrations from and to it go as their transaction says, and no
//! policy sees room on it until it is repaired. Then it is off and may be woken like any other. A
//! host may be out for several reasons at once, as those of a rack are for theirs and their own.

use std::collections::BTreeMap;

use super::fabric::Fabric;
use super::hazard::Source;
use super::headroom::Headroom;
use super::queue::Event;
use super::restarts::Down;
use super::run::Engine;
use super::world::PowerState;
use super::{Error, Policies};
use crate::id::{HostId, Id, IdVec, VmId};
use crate::model::Sites;
use crate::model::outages::{self, Outage};
use crate::model::record::{ActionKind, NetworkPart, OutageRecord};
use crate::time::Instant;
use crate::topology::Topology;

/// What fails together.
#[derive(Debug, Clone)]
pub(super) enum Hit {
    /// Hosts.
    Hosts(Vec<usize>),
    /// A link between sites.
    Link(usize),
    /// A switch or a cable of the topology.
    Network(NetworkPart, usize),
}

impl Hit {
    /// The hosts that fail.
    fn hosts(&self) -> impl Iterator<Item = HostId> {
        let hosts = if let Self::Hosts(hosts) = self { hosts.as_slice() } else { &[] };
        hosts.iter().copied().map(HostId::from_index)
    }
}

/// Everything about outages, in a run that has any.
pub(super) struct Outages<'a> {
    pub rules: &'a outages::Outages,
    sites: Option<&'a Sites>,
    sources: Vec<Source>,
    /// For how many reasons each host is out.
    reasons: IdVec<HostId, u32>,
    /// The row of its last outage.
    rows: IdVec<HostId, usize>,
    /// For how many reasons each link between sites is out.
    pub links: Vec<u32>,
    /// The same of switches and cables.
    pub fabric: Fabric,
    /// When each host that wakes or shuts down has done so.
    pub due: IdVec<HostId, Instant>,
    /// When VMs that crashed with their migration run again.
    pub crashed: BTreeMap<VmId, Instant>,
    /// VMs that do not run as their host failed, in the order in which they fell.
    pub down: Vec<Down>,
    pub headroom: Headroom,
}

impl<'a> Outages<'a> {
    /// Nothing has failed yet on `hosts` hosts, which stand at `sites` and are connected by
    /// `topology`.
    pub fn new(
        rules: &'a outages::Outages,
        sites: Option<&'a Sites>,
        topology: Option<&Topology>,
        hosts: usize,
        seed: u64,
    ) -> Self {
        let mut sources = Source::all(rules, sites, hosts, seed);
        sources.extend(topology.into_iter().flat_map(|net| Source::of_network(rules, net, seed)));
        Self {
            rules,
            sites,
            sources,
            links: vec![0; sites.map_or(0, |sites| sites.links.len())],
            fabric: topology.map_or_else(Fabric::default, Fabric::new),
            reasons: IdVec::filled(0, hosts),
            rows: IdVec::filled(0, hosts),
            due: IdVec::filled(Instant::START, hosts),
            crashed: BTreeMap::new(),
            down: Vec::new(),
            headroom: Headroom::new(sites, hosts),
        }
    }

    /// What outage `which` hits: those of the list come first, then what fails at random.
    fn hit_by(&self, which: usize) -> Hit {
        let listed = &self.rules.list;
        match listed.get(which) {
            Some(&Outage { link: Some(link), .. }) => Hit::Link(link as usize),
            Some(&Outage { switch: Some(number), .. }) => {
                Hit::Network(NetworkPart::Switch, number as usize)
            }
            Some(&Outage { cable: Some(number), .. }) => {
                Hit::Network(NetworkPart::Cable, number as usize)
            }
            Some(outage) => Hit::Hosts(outage.hits(self.rules, self.sites, self.reasons.len())),
            None => self.sources[which - listed.len()].hit.clone(),
        }
    }

    /// The source of outage `which`, unless it is of the list.
    fn source(&mut self, which: usize) -> Option<&mut Source> {
        which.checked_sub(self.rules.list.len()).map(|source| &mut self.sources[source])
    }
}

impl Engine<'_> {
    /// Schedules the first outages; what is out from the start on is so before anything else.
    pub(super) fn expect_outages(&mut self) {
        let Some(outages) = &mut self.outages else { return };
        let mut at_once = Vec::new();
        let mut closed_at_once = Vec::new();
        for (which, outage) in outages.rules.list.iter().enumerate() {
            if outage.is_announced() {
                match Instant::from_seconds(outage.start_s - outage.notice_s) {
                    notice if notice <= Instant::START => closed_at_once.push(which),
                    notice => self.queue.push(self.clock.at(notice), Event::Closes(which)),
                }
            }
            let [start, end] = [outage.start_s, outage.end_s].map(Instant::from_seconds);
            match start {
                Instant::START => at_once.push(outages.hit_by(which)),
                _ => self.queue.push(self.clock.at(start), Event::Breaks(which)),
            }
            self.queue.push(self.clock.at(end), Event::Mends(which));
        }
        let listed = outages.rules.list.len();
        for (source, which) in outages.sources.iter_mut().zip(listed..) {
            let at = self.clock.at(Instant::START + source.uptime());
            self.queue.push(at, Event::Breaks(which));
        }
        closed_at_once.into_iter().for_each(|which| self.closes(which));
        for hit in at_once {
            hit.hosts().for_each(|host| self.lose(host));
            self.cut(&hit);
            self.unplug(&hit);
        }
    }

    /// Outage `which` is known from now on: nothing new comes to its hosts.
    pub(super) fn closes(&mut self, which: usize) {
        let Some(outages) = &self.outages else { return };
        let hosts: Vec<HostId> = outages.hit_by(which).hosts().collect();
        hosts.iter().for_each(|&host| self.drop_moves_to(host));
        self.world.closing.extend(hosts);
        self.world.closing.sort_unstable();
    }

    /// Outage `which` begins.
    pub(super) fn breaks(&mut self, which: usize, policies: &mut Policies) -> Result<(), Error> {
        let now = self.world.now.instant;
        let Some(outages) = &mut self.outages else { return Ok(()) };
        if let Some(source) = outages.source(which) {
            let repaired = self.clock.at(now + source.repair());
            self.queue.push(repaired, Event::Mends(which));
        }
        let announced = outages.rules.list.get(which).is_some_and(Outage::is_announced);
        let hit = outages.hit_by(which);
        for host in hit.hosts() {
            // It may be known to go out a second time.
            if announced && let Ok(at) = self.world.closing.binary_search(&host) {
                self.world.closing.remove(at);
            }
            self.lose(host);
        }
        self.cut(&hit);
        self.unplug(&hit);
        self.flush();
        if self.tenants.is_some() {
            self.house_waiting(policies)?;
        }
        self.keep_headroom();
        Ok(())
    }

    /// Outage `which` is over.
    pub(super) fn mends(&mut self, which: usize, policies: &mut Policies) -> Result<(), Error> {
        let now = self.world.now.instant;
        let Some(outages) = &mut self.outages else { return Ok(()) };
        if let Some(source) = outages.source(which) {
            let next = self.clock.at(now + source.uptime());
            self.queue.push(next, Event::Breaks(which));
        }
        let hit = outages.hit_by(which);
        hit.hosts().for_each(|host| self.regain(host));
        self.join(&hit);
        self.replug(&hit);
        if self.tenants.is_some() {
            self.house_waiting(policies)?;
        }
        self.rescue(policies)
    }

    /// `host` is out for one more reason.
    fn lose(&mut self, host: HostId) {
        let Some(outages) = &mut self.outages else { return };
        outages.reasons[host] += 1;
        if outages.reasons[host] > 1 {
            return;
        }
        outages.rows[host] = self.world.record.outages.len();
        let (start, end) = (self.world.now.instant, None);
        self.world.record.outages.push(OutageRecord { host, start, end });
        self.world.close_interval(host);
        self.world.power[host] = PowerState::Failed;
        self.world.failed.push(host);
        self.world.spares.retain(|&spare| spare != host);
        self.world.note_host(ActionKind::HostFail, host);
        self.drop_moves_to(host);
        self.drop_moves_from(host);
        self.end_copies_with(host);
        self.fell_vms(host);
        self.forget_coming(host);
        self.touched.push(host);
    }

    /// `host` is out for one reason less.
    fn regain(&mut self, host: HostId) {
        let Some(outages) = &mut self.outages else { return };
        outages.reasons[host] -= 1;
        if outages.reasons[host] > 0 {
            return;
        }
        self.world.record.outages[outages.rows[host]].end = Some(self.world.now.instant);
        self.world.failed.retain(|&failed| failed != host);
        self.world.power[host] = PowerState::Off;
        self.world.note_host(ActionKind::HostRepair, host);
        self.touched.push(host);
    }

    /// Notes when `host` will have woken or shut down.
    pub(super) fn announce(&mut self, host: HostId, due: Instant) {
        if let Some(outages) = &mut self.outages {
            outages.due[host] = due;
        }
    }

    /// Whether a failure made `event`, which is due at `at`, void.
    pub(super) fn is_overtaken(&self, event: Event, at: Instant) -> bool {
        let Some(outages) = &self.outages else { return false };
        let left = |host: HostId, state| self.world.power[host] != state || outages.due[host] != at;
        match event {
            Event::HostOn(host) => left(host, PowerState::Waking),
            Event::HostOff(host) => left(host, PowerState::ShuttingDown),
            Event::Restart(vm) => outages.crashed.get(&vm) != Some(&at),
            Event::Boots(vm) => !outages.down.iter().any(|d| d.vm == vm && d.up == Some(at)),
            Event::Rescue => !outages.down.iter().any(|d| d.waits(at)),
            _ => false,
        }
    }
}
