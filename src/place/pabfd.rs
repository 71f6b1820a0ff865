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

use super::{Ask, Draft, Outcome, Placer, Placing, TENTHS, place_in_order};
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

/// Far above the rounding errors of a power increase, W.
const SLACK_W: f64 = 1e-9;

/// A host with the power that the VM would add to it; the best adds least power and has the lowest
/// id among equals.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    increase: f64,
    host: HostId,
}

impl Candidate {
    /// Whether it comes before `other`.
    #[inline]
    fn beats(&self, other: &Self) -> bool {
        self.increase < other.increase
            || (self.increase == other.increase && self.host < other.host)
    }
}

/// Hosts of one machine and tenth of load, and what placing the VM there adds at least, W.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Group {
    at_least: f64,
    machine: u16,
    tenth: u8,
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
    /// Groups that have not been looked at, the most promising last.
    groups: Vec<Group>,
    /// Hosts known to take the VM that have not been asked about.
    candidates: Vec<Candidate>,
    /// How many hosts have refused the VM; beyond [`PATIENCE`] the candidates are sorted, best
    /// last.
    refusals: usize,
    sorted: bool,
    /// Where in `hosts_by_type` the search for an empty host goes on: while VMs are placed, hosts
    /// only fill.
    first_empty: Vec<usize>,
    asked: Vec<HostId>,
    order: Vec<VmId>,
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
            groups: Vec::new(),
            candidates: Vec::new(),
            refusals: 0,
            sorted: false,
            first_empty: vec![0; fleet.machines.len()],
            asked: Vec::new(),
            order: Vec::new(),
        }
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

    /// Enters those of `hosts`, all of `machine`, that `vm` fits on as candidates and returns the
    /// best of them.
    #[inline]
    fn enter(
        &mut self,
        hosts: &[HostId],
        machine: usize,
        vm: VmId,
        draft: &Draft,
        ask: &Ask<'_>,
    ) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        let needs = ask.state.needs(vm);
        let table = &self.tables[machine];
        for &host in hosts {
            let room = draft.room(host);
            if ask.excluded.contains(host) || !room.fits(&needs) {
                continue;
            }
            let after = table.power((room.allocated + needs.cpu) / room.capacity).0;
            let before = match (self.spec.wake_power, self.spec.base) {
                (WakePower::Counted, _) if room.vms == 0 => 0.0,
                (_, Base::LastUpdate) => self.before[host],
                (_, Base::Draft) => table.power(room.allocated / room.capacity).0,
            };
            let candidate = Candidate { increase: after - before, host };
            if best.is_none_or(|best| candidate.beats(&best)) {
                best = Some(candidate);
            }
            self.candidates.push(candidate);
        }
        best
    }

    /// Lists the groups that have hosts, the most promising last, and enters the first empty host
    /// of each machine type as a candidate if one may be woken: empty hosts of a type are alike.
    fn survey(&mut self, vm: VmId, draft: &Draft, ask: &Ask<'_>) {
        let demand = ask.state.demand[vm];
        self.groups.clear();
        self.candidates.clear();
        (self.refusals, self.sorted) = (0, false);
        for (machine, table) in self.tables.iter().enumerate() {
            let tenths = demand / ask.state.fleet.machines[machine].capacity().0 * 10.0;
            for tenth in (0..TENTHS).filter(|&tenth| !draft.by_load(machine, tenth).is_empty()) {
                let at_least = match self.spec.base {
                    // Power before includes VMs that the draft no longer counts: no bound holds.
                    Base::LastUpdate if draft.has_leaving() => f64::NEG_INFINITY,
                    _ => table.least_increase(tenth, tenths) - SLACK_W,
                };
                let group = Group { at_least, machine: machine as u16, tenth: tenth as u8 };
                let at = self.groups.partition_point(|other| other.at_least > at_least);
                self.groups.insert(at, group);
            }
        }
        for machine in 0..if ask.wake { self.hosts_by_type.len() } else { 0 } {
            let hosts = &self.hosts_by_type[machine];
            let at = &mut self.first_empty[machine];
            let taken = |host| draft.room(host).vms > 0 || ask.excluded.contains(host);
            while hosts.get(*at).is_some_and(|&host| taken(host)) {
                *at += 1;
            }
            let needs = ask.state.needs(vm);
            let awaits = |&&host: &&HostId| !taken(host) && draft.room(host).fits(&needs);
            if let Some(&host) = hosts[*at..].iter().find(awaits) {
                self.enter(&[host], machine, vm, draft, ask);
            }
        }
    }

    /// The best host that has not been asked about, or `None`. Groups are looked into only while
    /// they may hold a better one than those known.
    fn next_best(&mut self, vm: VmId, draft: &Draft, ask: &Ask<'_>) -> Option<HostId> {
        let patient = self.refusals < PATIENCE;
        let mut best = if patient { self.best_known() } else { None };
        while let Some(&group) = self.groups.last() {
            if best.is_some_and(|best| patient && best.increase < group.at_least) {
                break;
            }
            self.groups.pop();
            let machine = usize::from(group.machine);
            let hosts = draft.by_load(machine, group.tenth.into());
            let entered = self.enter(hosts, machine, vm, draft, ask);
            if entered.is_some_and(|entered| best.is_none_or(|best| entered.beats(&best))) {
                best = entered;
            }
        }
        let best = if patient { best } else { self.best_known() };
        let best = best?;
        self.refusals += 1;
        if self.sorted {
            self.candidates.pop();
        } else {
            let at = self.candidates.iter().position(|candidate| candidate.host == best.host);
            at.map(|at| self.candidates.swap_remove(at));
        }
        Some(best.host)
    }

    /// The best candidate. A VM that several hosts have refused will be refused by most: then it
    /// pays to sort the rest.
    fn best_known(&mut self) -> Option<Candidate> {
        if self.refusals >= PATIENCE && !self.sorted {
            self.candidates.sort_unstable_by(|a, b| {
                b.increase.total_cmp(&a.increase).then(b.host.cmp(&a.host))
            });
            self.sorted = true;
        }
        if self.sorted {
            return self.candidates.last().copied();
        }
        self.candidates.iter().copied().reduce(|best, c| if c.beats(&best) { c } else { best })
    }

    /// The best host that `vm` would not overload. Hosts are asked about in order of their power
    /// increase, so that few are asked about at all.
    fn best(
        &mut self,
        vm: VmId,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        self.survey(vm, draft, ask);
        let demand = ask.state.demand[vm];
        let batch = ask.detector.batch().max(1);
        loop {
            self.asked.clear();
            while self.asked.len() < batch
                && let Some(host) = self.next_best(vm, draft, ask)
            {
                self.asked.push(host);
            }
            if self.asked.is_empty() {
                return Ok(None);
            }
            if let Some(host) = first_not_overloaded(vm, demand, &self.asked, draft, ask)? {
                return Ok(Some(host));
            }
        }
    }
}

/// The first of `hosts` that `vm` would not overload.
fn first_not_overloaded(
    vm: VmId,
    demand: f64,
    hosts: &[HostId],
    draft: &mut Draft,
    ask: &mut Ask<'_>,
) -> Result<Option<HostId>, PolicyError> {
    if let &[host] = hosts
        && ask.detector.batch() <= 1
    {
        let idle = draft.room(host).allocated == 0.0;
        let fine = idle || draft.assess_one_with(vm, demand, host, ask)? != Verdict::Overloaded;
        return Ok(fine.then_some(host));
    }
    draft.assess_with(vm, demand, hosts, ask)?;
    let fine = hosts.iter().zip(draft.verdicts()).find(|&(&host, &verdict)| {
        verdict != Verdict::Overloaded || draft.room(host).allocated == 0.0
    });
    Ok(fine.map(|(&host, _)| host))
}

impl Placer for Pabfd {
    fn name(&self) -> &str {
        "pabfd"
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
