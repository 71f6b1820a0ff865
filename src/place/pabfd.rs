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

use super::draft::Room;
use super::{Ask, Draft, Outcome, Placer, Placing};
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

/// How many of the best hosts are kept while all are looked at: the detector rarely refuses more.
const SHORT_LIST: usize = 8;

/// A host with the power that the VM would add to it; ordered by that, then by id.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Candidate {
    increase: f64,
    host: HostId,
}

/// Power-aware best-fit decreasing.
pub struct Pabfd {
    spec: PabfdSpec,
    tables: Vec<PowerTable>,
    /// Hosts of each machine type, in id order.
    hosts_by_type: Vec<Vec<HostId>>,
    /// Power before, per host, with the utilisation for which it was computed.
    before: IdVec<HostId, (f64, f64)>,
    /// The best candidates, best first.
    short_list: Vec<Candidate>,
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
            short_list: Vec::with_capacity(SHORT_LIST + 1),
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

    /// Fills the short list with the best hosts that `vm` fits on and that come after `after`. Empty
    /// hosts of one type are alike, so only the first of each type is looked at.
    fn shortlist(&mut self, vm: VmId, after: Option<Candidate>, draft: &Draft, ask: &Ask<'_>) {
        self.short_list.clear();
        let (demand, ram) = (ask.state.demand[vm], ask.state.fleet.vm_ram[vm]);
        for &host in draft.occupied() {
            let room = draft.room(host);
            if room.vms > 0 && !ask.excluded.contains(host) && room.fits(demand, ram) {
                let increase = self.increase(host, room, demand, ask);
                self.consider(Candidate { increase, host }, after);
            }
        }
        for machine in 0..if ask.wake { self.hosts_by_type.len() } else { 0 } {
            let empty = |&&host: &&HostId| {
                let room = draft.room(host);
                room.vms == 0 && !ask.excluded.contains(host) && room.fits(demand, ram)
            };
            if let Some(&host) = self.hosts_by_type[machine].iter().find(empty) {
                let increase = self.increase(host, draft.room(host), demand, ask);
                self.consider(Candidate { increase, host }, after);
            }
        }
    }

    /// Enters `candidate` into the short list if it is good enough.
    #[inline]
    fn consider(&mut self, candidate: Candidate, after: Option<Candidate>) {
        let full = self.short_list.len() == SHORT_LIST;
        if full && self.short_list[SHORT_LIST - 1] <= candidate {
            return;
        }
        if after.is_some_and(|last| candidate <= last) {
            return;
        }
        let at = self.short_list.partition_point(|better| *better < candidate);
        self.short_list.insert(at, candidate);
        self.short_list.truncate(SHORT_LIST);
    }

    /// The best host that `vm` would not overload. Hosts are asked about in order of their power
    /// increase, so that few are asked about at all.
    fn best(
        &mut self,
        vm: VmId,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        let demand = ask.state.demand[vm];
        let mut after = None;
        loop {
            self.shortlist(vm, after, draft, ask);
            let batch = ask.detector.batch().max(1);
            for chunk in self.short_list.chunks(batch) {
                self.asked.clear();
                self.asked.extend(chunk.iter().map(|candidate| candidate.host));
                if let Some(host) = first_not_overloaded(vm, demand, &self.asked, draft, ask)? {
                    return Ok(Some(host));
                }
            }
            match self.short_list.last() {
                Some(&last) if self.short_list.len() == SHORT_LIST => after = Some(last),
                _ => return Ok(None),
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
                    draft.undo(mark, &ask.state);
                    outcome = Outcome { placed: Vec::new(), left: vms.to_vec() };
                    break;
                }
            }
        }
        self.order = order;
        Ok(outcome)
    }
}
