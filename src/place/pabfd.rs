//! PABFD, power-aware best-fit decreasing: each VM, the most demanding first, goes where it raises
//! the power least.
//!
//! ```text
//! argmin P(u_h + d / C_h) - P(u_h)      over hosts h that v fits on and that it would not overload
//! ```
//!
//! `d`: demand of the VM (MIPS), `C_h`: capacity of the host, `u_h`: its utilisation, `P`: its power.
//! The lowest id wins among equals. A host without load is never asked about overload.
//!
//! Source: Beloglazov, Abawajy and Buyya, Future Gener. Comput. Syst. 28(5), 2012, algorithm 1 (MBFD),
//! as PABFD in Beloglazov and Buyya 2012. CloudSim 3.0.3 ignores what it costs to wake a host (Q7) and
//! measures from the utilisation before the step (Q8); both are options here.

use serde::{Deserialize, Serialize};

use super::{Ask, Draft, Outcome, Placer, Placing, Room, TENTHS};
use crate::detect::Verdict;
use crate::id::{HostId, IdVec, VmId};
use crate::model::Fleet;
use crate::policy::PolicyError;
use crate::power::PowerTable;

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

/// Far above the rounding errors of a power increase, W.
const SLACK_W: f64 = 1e-9;

/// A host with the power that the VM would add to it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    increase: f64,
    host: HostId,
}

impl Candidate {
    /// Whether it comes before `other`: by power, then by id.
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
    /// Power before, per host, with the utilisation for which it was computed.
    before: IdVec<HostId, (f64, f64)>,
    /// Groups that have not been looked at, the most promising last.
    groups: Vec<Group>,
    candidates: Vec<Candidate>,
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
            before: IdVec::filled((f64::NAN, 0.0), fleet.hosts()),
            groups: Vec::new(),
            candidates: Vec::new(),
            asked: Vec::new(),
            order: Vec::new(),
        }
    }

    /// The power that placing `demand` MIPS on `host` adds.
    #[inline]
    fn increase(&mut self, host: HostId, room: &Room, demand: f64, ask: &Ask<'_>) -> f64 {
        let table = &self.tables[usize::from(ask.state.fleet.machine[host])];
        let after = table.power((room.allocated + demand) / room.capacity).0;
        let utilisation = match (self.spec.wake_power, self.spec.base) {
            (WakePower::Counted, _) if room.vms == 0 => return after,
            (_, Base::LastUpdate) => ask.state.utilisation[host],
            (_, Base::Draft) => room.allocated / room.capacity,
        };
        let before = &mut self.before[host];
        if before.0 != utilisation {
            *before = (utilisation, table.power(utilisation).0);
        }
        after - before.1
    }

    /// Lists the groups that have hosts, the most promising last, and enters the first empty host of
    /// each machine type as a candidate if one may be woken: empty hosts of a type are alike.
    fn survey(&mut self, vm: VmId, draft: &Draft, ask: &Ask<'_>) {
        let (demand, ram) = (ask.state.demand[vm], ask.state.fleet.vm_ram[vm]);
        self.groups.clear();
        self.candidates.clear();
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
            let empty = |&&host: &&HostId| {
                let room = draft.room(host);
                room.vms == 0 && !ask.excluded.contains(host) && room.fits(demand, ram)
            };
            if let Some(&host) = self.hosts_by_type[machine].iter().find(empty) {
                let increase = self.increase(host, draft.room(host), demand, ask);
                self.candidates.push(Candidate { increase, host });
            }
        }
    }

    /// The best host that has not been asked about, or `None`. Groups are looked into only while they
    /// may hold a better one than those known.
    fn next_best(&mut self, vm: VmId, draft: &Draft, ask: &Ask<'_>) -> Option<HostId> {
        let (demand, ram) = (ask.state.demand[vm], ask.state.fleet.vm_ram[vm]);
        let mut best = self.best_known();
        while let Some(&group) = self.groups.last() {
            if best.is_some_and(|at| self.candidates[at].increase < group.at_least) {
                break;
            }
            self.groups.pop();
            for &host in draft.by_load(usize::from(group.machine), usize::from(group.tenth)) {
                let room = draft.room(host);
                if ask.excluded.contains(host) || !room.fits(demand, ram) {
                    continue;
                }
                let candidate =
                    Candidate { increase: self.increase(host, room, demand, ask), host };
                if best.is_none_or(|at| candidate.beats(&self.candidates[at])) {
                    best = Some(self.candidates.len());
                }
                self.candidates.push(candidate);
            }
        }
        best.map(|at| self.candidates.swap_remove(at).host)
    }

    fn best_known(&self) -> Option<usize> {
        let mut best = 0;
        for (at, candidate) in self.candidates.iter().enumerate().skip(1) {
            if candidate.beats(&self.candidates[best]) {
                best = at;
            }
        }
        (!self.candidates.is_empty()).then_some(best)
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
        let mark = draft.mark();
        let mut outcome = Outcome::default();
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend_from_slice(vms);
        order.sort_by(|&a, &b| ask.state.demand[b].total_cmp(&ask.state.demand[a]));
        for &vm in &order {
            match self.best(vm, draft, ask)? {
                Some(host) => {
                    draft.append(vm, host, ask.state.demand[vm], &ask.state);
                    outcome.placed.push((vm, host));
                }
                None if placing == Placing::Each => outcome.left.push(vm),
                None => {
                    draft.undo(mark, ask.state.fleet);
                    outcome = Outcome { placed: Vec::new(), left: vms.to_vec() };
                    break;
                }
            }
        }
        self.order = order;
        Ok(outcome)
    }
}
