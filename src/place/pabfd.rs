//! PABFD, power-aware best-fit decreasing: each VM, the most demanding first, goes where it raises
//! the power least.
//!
//! ```text
//! argmin P(u_h + d / C_h) - P(u_h)      over hosts h that v fits on and that it would not overload
//! ```
//!
//! `d`: demand of the VM (MIPS), `C_h`: capacity of the host, `u_h`: its utilisation, `P`: its power.
//! The lowest id wins among equals. A host without VMs is never asked about overload.
//!
//! Source: Beloglazov, Abawajy and Buyya, Future Gener. Comput. Syst. 28(5), 2012, algorithm 1 (MBFD),
//! as PABFD in Beloglazov and Buyya 2012. CloudSim 3.0.3 ignores what it costs to wake a host (Q7) and
//! measures from the utilisation before the step (Q8); both are options here.

use serde::{Deserialize, Serialize};

use super::{Ask, Draft, Outcome, Placer, Placing};
use crate::detect::Verdict;
use crate::id::{HostId, VmId};
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

/// Power-aware best-fit decreasing.
pub struct Pabfd {
    spec: PabfdSpec,
    tables: Vec<PowerTable>,
    /// Candidates of the VM being placed, with the power increase of each.
    candidates: Vec<(f64, HostId)>,
    asked: Vec<HostId>,
    /// Hosts of each machine type, in id order.
    hosts_by_type: Vec<Vec<HostId>>,
}

impl Pabfd {
    /// A placer for `fleet`.
    pub fn new(spec: PabfdSpec, fleet: &Fleet) -> Self {
        let tables = fleet.machines.iter().map(PowerTable::of).collect();
        let mut hosts_by_type = vec![Vec::new(); fleet.machines.len()];
        for (host, &machine) in fleet.machine.iter() {
            hosts_by_type[usize::from(machine)].push(host);
        }
        Self { spec, tables, candidates: Vec::new(), asked: Vec::new(), hosts_by_type }
    }

    /// The power that placing `demand` MIPS on `host` adds.
    #[inline]
    fn increase(&self, host: HostId, demand: f64, draft: &Draft, ask: &Ask<'_>) -> f64 {
        let fleet = ask.state.fleet;
        let table = &self.tables[usize::from(fleet.machine[host])];
        let capacity = fleet.capacity[host].0;
        let allocated = draft.allocated(host);
        let after = table.power((allocated + demand) / capacity).0;
        let empty = draft.vms_on(host).is_empty();
        let before = match (self.spec.wake_power, self.spec.base) {
            (WakePower::Counted, _) if empty => 0.0,
            (_, Base::LastUpdate) => table.power(ask.state.utilisation[host]).0,
            (_, Base::Draft) => table.power(allocated / capacity).0,
        };
        after - before
    }

    /// Fills `candidates` with the hosts that `vm` fits on. Empty hosts of one type are alike, so only
    /// the first of each type is considered.
    fn collect(&mut self, vm: VmId, draft: &Draft, ask: &Ask<'_>) {
        let (fleet, demand) = (ask.state.fleet, ask.state.demand[vm]);
        let ram = fleet.vm_ram[vm];
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        let fits =
            |host: HostId| !ask.excluded.contains(host) && draft.fits(host, demand, ram, fleet);
        for &host in draft.occupied() {
            if fits(host) && (ask.wake || !draft.vms_on(host).is_empty()) {
                candidates.push((self.increase(host, demand, draft, ask), host));
            }
        }
        if ask.wake {
            for hosts in &self.hosts_by_type {
                let empty = |&&host: &&HostId| draft.vms_on(host).is_empty() && fits(host);
                if let Some(&host) = hosts.iter().find(empty) {
                    candidates.push((self.increase(host, demand, draft, ask), host));
                }
            }
        }
        self.candidates = candidates;
    }

    /// The best host that `vm` would not overload. Hosts are asked about in order of their power
    /// increase, so that few are asked about at all.
    fn best(
        &mut self,
        vm: VmId,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
    ) -> Result<Option<HostId>, PolicyError> {
        self.collect(vm, draft, ask);
        let demand = ask.state.demand[vm];
        let batch = ask.detector.batch().max(1);
        while !self.candidates.is_empty() {
            self.take_best(batch);
            if batch == 1 && draft.allocated(self.asked[0]) == 0.0 {
                return Ok(Some(self.asked[0]));
            }
            draft.assess_with(vm, demand, &self.asked, ask)?;
            let good = self.asked.iter().zip(draft.verdicts()).find(|&(&host, &verdict)| {
                verdict != Verdict::Overloaded || draft.allocated(host) == 0.0
            });
            if let Some((&host, _)) = good {
                return Ok(Some(host));
            }
        }
        Ok(None)
    }

    /// Moves the `count` best candidates to `asked`, best first.
    fn take_best(&mut self, count: usize) {
        self.asked.clear();
        for _ in 0..count.min(self.candidates.len()) {
            let mut best = 0;
            for (i, candidate) in self.candidates.iter().enumerate().skip(1) {
                let least = &self.candidates[best];
                if candidate.0 < least.0 || (candidate.0 == least.0 && candidate.1 < least.1) {
                    best = i;
                }
            }
            self.asked.push(self.candidates.swap_remove(best).1);
        }
    }
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
        let mut order = vms.to_vec();
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
                    return Ok(Outcome { placed: Vec::new(), left: vms.to_vec() });
                }
            }
        }
        Ok(outcome)
    }
}
