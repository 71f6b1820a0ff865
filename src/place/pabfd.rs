//! PABFD, power-aware best-fit decreasing: each VM, the most demanding first, goes where it raises
//! the power least.
//!
//! ```text
//! argmin P(u_h + d / C_h) - P(u_h)      over hosts h that v fits on and that it would not overload
//! ```
//!
//! `d`: demand of the VM (MIPS), `C_h`: capacity of the host, `u_h`: its utilisation, `P`: its
//! power. The lowest id wins among equals. A host without load is never asked about overload.
//!
//! Source: Beloglazov, Abawajy and Buyya, Future Gener. Comput. Syst. 28(5), 2012, algorithm 1
//! (MBFD), as PABFD in Beloglazov and Buyya 2012. CloudSim 3.0.3 ignores what it costs to wake a
//! host (Q7) and measures from the utilisation before the step (Q8); both are options here.

use serde::{Deserialize, Serialize};

use super::{Arrival, Ask, Draft, Outcome, Placer, Placing, place_in_order};
use crate::detect::Verdict;
use crate::id::{HostId, IdVec, VmId};
use crate::model::Fleet;
use crate::policy::PolicyError;
use crate::power::PowerTable;
use crate::time::Instant;

/// What waking a host costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WakePower {
    /// Its idle power: it draws nothing while off.
    #[default]
    Counted,
    /// Q7: nothing, as if it idled anyway.
    Ignored,
}

/// From which utilisation the increase is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// That of the draft, with the VMs placed in this step.
    #[default]
    Draft,
    /// Q8: that before the step.
    LastUpdate,
}

/// Settings of PABFD.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PabfdSpec {
    /// What waking a host costs.
    pub wake_power: WakePower,
    /// From which utilisation the increase is measured.
    pub base: Base,
}

/// Refusals after which the remaining candidates are sorted.
const PATIENCE: usize = 3;

/// A host with the power that the VM would add to it; the best adds least power and has the lowest
/// id among equals.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    increase: f64,
    host: HostId,
    /// Whether it is known that the VM would not overload it.
    accepts: bool,
}

impl Candidate {
    /// Worse than any host.
    const NONE: Self = Self { increase: f64::INFINITY, host: HostId(u32::MAX), accepts: false };

    /// Whether it comes before `other`.
    #[inline]
    fn beats(&self, other: &Self) -> bool {
        self.increase < other.increase
            || (self.increase == other.increase && self.host < other.host)
    }
}

/// Power-aware best-fit decreasing.
pub struct Pabfd {
    spec: PabfdSpec,
    tables: Vec<PowerTable>,
    /// Hosts of each machine type, in id order.
    hosts_by_type: Vec<Vec<HostId>>,
    /// Power of each host before this step, and which step that was.
    before: IdVec<HostId, f64>,
    looked_back: Option<Instant>,
    /// Hosts that have room for the VM and have not refused it.
    candidates: Vec<Candidate>,
    /// How many candidates were taken; beyond [`PATIENCE`] the rest are sorted, best last.
    taken: usize,
    /// Where in `hosts_by_type` the search for an empty host goes on: while VMs are placed, hosts
    /// only fill.
    first_empty: Vec<usize>,
    asked: Vec<HostId>,
    order: Vec<VmId>,
    name: &'static str,
    /// Whether the detector has a say.
    asks: bool,
}

impl Pabfd {
    /// A placer for `fleet`.
    pub fn new(spec: PabfdSpec, fleet: &Fleet) -> Self {
        let mut hosts_by_type = vec![Vec::new(); fleet.machines.len()];
        for (host, &machine) in fleet.machine.iter() {
            hosts_by_type[usize::from(machine)].push(host);
        }
        Self {
            spec,
            tables: fleet.machines.iter().map(PowerTable::of).collect(),
            hosts_by_type,
            before: IdVec::filled(0.0, fleet.hosts()),
            looked_back: None,
            candidates: Vec::new(),
            taken: 0,
            first_empty: vec![0; fleet.machines.len()],
            asked: Vec::new(),
            order: Vec::new(),
            name: "pabfd",
            asks: true,
        }
    }

    /// The same, called `name`, to which every host with room is good.
    pub(super) fn asking_nobody(self, name: &'static str) -> Self {
        Self { name, asks: false, ..self }
    }

    /// Notes the power of every host before this step, once per step.
    fn look_back(&mut self, ask: &Ask<'_>) {
        if self.spec.base == Base::LastUpdate && self.looked_back != Some(ask.state.now) {
            self.looked_back = Some(ask.state.now);
            for (host, &utilisation) in ask.state.utilisation.iter() {
                let machine = usize::from(ask.state.fleet.machine[host]);
                self.before[host] = self.tables[machine].power(utilisation).0;
            }
        }
    }

    /// Lists the hosts that have room for `arrival` and may be the best that it would not overload.
    /// Of the empty hosts, which are alike, that is the first of each machine type, if one may be
    /// woken.
    fn survey(&mut self, arrival: &Arrival, draft: &Draft, ask: &Ask<'_>) {
        self.candidates.clear();
        self.taken = 0;
        let mut best = Candidate::NONE;
        for &host in draft.occupied() {
            if draft.room(host).vms > 0 {
                self.consider(host, arrival, draft, ask, &mut best);
            }
        }
        for machine in 0..if ask.wake { self.hosts_by_type.len() } else { 0 } {
            let hosts = &self.hosts_by_type[machine];
            let at = &mut self.first_empty[machine];
            let taken = |host| draft.room(host).vms > 0 || ask.excluded.contains(host);
            while hosts.get(*at).is_some_and(|&host| taken(host)) {
                *at += 1;
            }
            let fits = |host| draft.room(host).fits(&arrival.needs, arrival.per_core);
            let admits = |host| draft.admits(arrival.vm, host);
            let awaits = |&&host: &&HostId| !taken(host) && fits(host) && admits(host);
            if let Some(&host) = hosts[*at..].iter().find(awaits) {
                self.consider(host, arrival, draft, ask, &mut best);
            }
        }
        if best.accepts {
            self.candidates.push(best);
        }
    }

    /// Compares `host` with the `best` of those known to take `arrival`; lists it if it may be
    /// better and has to be asked.
    #[inline(always)]
    fn consider(
        &mut self,
        host: HostId,
        arrival: &Arrival,
        draft: &Draft,
        ask: &Ask<'_>,
        best: &mut Candidate,
    ) {
        let room = draft.room(host);
        if ask.excluded.contains(host) || !room.fits(&arrival.needs, arrival.per_core) {
            return;
        }
        let table = &self.tables[room.machine];
        let after = table.power((room.allocated + arrival.needs.cpu) / room.capacity).0;
        let before = match (self.spec.wake_power, self.spec.base) {
            (WakePower::Counted, _) if room.vms == 0 => 0.0,
            (_, Base::LastUpdate) => self.before[host],
            (_, Base::Draft) => table.power(room.allocated / room.capacity).0,
        };
        let mut candidate = Candidate { increase: after - before, host, accepts: true };
        if !candidate.beats(best) || !draft.admits(arrival.vm, host) {
            return;
        }
        let idle = room.allocated == 0.0 || !self.asks;
        match if idle { Some(Verdict::Normal) } else { draft.glance(room, arrival) } {
            Some(Verdict::Overloaded) => {}
            Some(_) => *best = candidate,
            None => {
                candidate.accepts = false;
                self.candidates.push(candidate);
            }
        }
    }

    /// Takes the best candidate. A VM that several hosts have refused will be refused by most: then
    /// it pays to sort the rest.
    fn take_best(&mut self) -> Option<Candidate> {
        self.taken += 1;
        if self.taken == PATIENCE + 1 {
            self.candidates.sort_unstable_by(|a, b| {
                b.increase.total_cmp(&a.increase).then(b.host.cmp(&a.host))
            });
        }
        if self.taken > PATIENCE {
            return self.candidates.pop();
        }
        let best = (0..self.candidates.len()).reduce(|best, at| {
            if self.candidates[at].beats(&self.candidates[best]) { at } else { best }
        })?;
        Some(self.candidates.swap_remove(best))
    }

    /// The best host that `vm` would not overload. Hosts are asked about in order of their power
    /// increase, so that few are asked about at all.
    fn best(
        &mut self,
        vm: VmId,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        let arrival = draft.arrival(vm, &ask.state);
        self.survey(&arrival, draft, ask);
        if self.asks && ask.detector.batch() > 1 {
            return self.best_in_batches(&arrival, draft, ask);
        }
        while let Some(Candidate { host, accepts, .. }) = self.take_best() {
            let state = &ask.state;
            if accepts
                || draft.assess_one(host, Some(&arrival), state, ask.detector)?
                    != Verdict::Overloaded
            {
                return Ok(Some(host));
            }
        }
        Ok(None)
    }

    /// The same for a detector that likes to be asked about several hosts at once.
    fn best_in_batches(
        &mut self,
        arrival: &Arrival,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        loop {
            self.asked.clear();
            while self.asked.len() < ask.detector.batch()
                && let Some(candidate) = self.take_best()
            {
                self.asked.push(candidate.host);
            }
            if self.asked.is_empty() {
                return Ok(None);
            }
            draft.assess_with(arrival.vm, arrival.needs.cpu, &self.asked, ask)?;
            let verdicts = self.asked.iter().zip(draft.verdicts());
            let idle = |host| draft.room(host).allocated == 0.0;
            let mut fine = verdicts.filter(|&(&host, &v)| v != Verdict::Overloaded || idle(host));
            if let Some((&host, _)) = fine.next() {
                return Ok(Some(host));
            }
        }
    }
}

impl Placer for Pabfd {
    fn name(&self) -> &str {
        self.name
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        self.first_empty.fill(0);
        self.look_back(ask);
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend_from_slice(vms);
        order.sort_by(|&a, &b| ask.state.demand[b].total_cmp(&ask.state.demand[a]));
        let outcome =
            place_in_order(&order, draft, ask, placing, |vm, draft, ask| self.best(vm, draft, ask));
        self.order = order;
        outcome
    }
}
