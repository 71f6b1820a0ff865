//! Best fit decreasing as OpenStack Neat does it: the largest VM first, hosts in an order fixed at
//! the start, the smallest sleeping host woken when none fits, all VMs or none.
//!
//! ```text
//! free_h = int(limit C_h - used_h)                           CPU and memory, each with its limit
//! VMs    descending by (int(mean of the last n CPU values), memory, id)
//! hosts  ascending by (free CPU, free memory, id) before the first VM is placed
//! ```
//!
//! Each VM goes to the first host in that order that still has room. If none has, the sleeping host
//! of least (CPU, memory, id) is woken and joins the order by what it has. If a VM fits nowhere,
//! nothing is placed. `C_h`: capacity (MIPS, bytes), `limit`: fraction in (0, 1], CPU values in
//! MIPS.
//!
//! Source: beloglazov/openstack-neat, `globals/vm_placement/bin_packing.py`; Beloglazov and Buyya,
//! Concurrency Computat.: Pract. Exper. 27(5), 2015. It is first fit in an order that was best
//! fit's once: hosts are not sorted again as they fill. Here disk, network and the speed of one
//! core bind as well, the limits hold for woken hosts too, a VM without a past counts by its
//! demand now (Neat leaves it out), and no detector is asked, as in Neat.

use serde::{Deserialize, Serialize};

use super::index::{Offer, Tournament};
use super::{Ask, Draft, Outcome, Placer, Placing};
use crate::id::{HostId, Id, VmId};
use crate::model::{Resources, Snapshot};
use crate::policy::PolicyError;

/// Settings of Neat's best fit decreasing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NeatSpec {
    /// Fraction of a host's CPU that may be filled, above 0, at most 1.
    pub cpu_limit: f64,
    /// Fraction of a host's memory that may be filled, above 0, at most 1.
    pub ram_limit: f64,
    /// How many of the latest CPU values a VM's demand is the mean of, at least 1.
    pub last_n: usize,
    /// Whether MIPS and bytes that are free, and mean demands, lose their fractions.
    pub truncate: bool,
    /// Whether no VM is placed unless all are.
    pub all_or_nothing: bool,
}

impl Default for NeatSpec {
    fn default() -> Self {
        Self { cpu_limit: 0.8, ram_limit: 0.95, last_n: 2, truncate: true, all_or_nothing: true }
    }
}

/// Neat's best fit decreasing.
pub struct NeatBestFitDecreasing {
    spec: NeatSpec,
}

impl NeatBestFitDecreasing {
    /// A placer with these settings.
    pub fn new(spec: NeatSpec) -> Self {
        Self { spec }
    }

    fn whole(&self, amount: f64) -> f64 {
        if self.spec.truncate { amount.trunc() } else { amount }
    }

    /// What may still be put on `host`.
    fn free(&self, host: HostId, draft: &Draft, state: &Snapshot<'_>) -> Resources {
        let (has, free) = (state.fleet.capacities(host), draft.room(host).free);
        let NeatSpec { cpu_limit, ram_limit, .. } = self.spec;
        let cpu = self.whole(cpu_limit * has.cpu - (has.cpu - free.cpu));
        let ram = self.whole(ram_limit * has.ram - (has.ram - free.ram));
        Resources { cpu, ram, ..free }
    }

    /// What `vm` counts as taking.
    fn needs(&self, vm: VmId, state: &Snapshot<'_>) -> Resources {
        let past = state.histories.latest(vm, self.spec.last_n);
        let mips = state.fleet.vm_mips[vm].0;
        let mean = past.iter().map(|u| u * mips).sum::<f64>() / past.len() as f64;
        let cpu = if past.is_empty() { state.demand[vm] } else { mean };
        Resources { cpu: self.whole(cpu), ..state.needs(vm) }
    }
}

/// Amounts by which hosts and VMs are sorted, ascending.
fn ascending<I: Id>(a: &(Resources, I), b: &(Resources, I)) -> std::cmp::Ordering {
    let (x, y) = (&a.0, &b.0);
    x.cpu.total_cmp(&y.cpu).then(x.ram.total_cmp(&y.ram)).then(a.1.cmp(&b.1))
}

/// Hosts in their fixed order, with what each has left.
struct Shelf {
    hosts: Vec<(Resources, HostId)>,
    /// By place in that order; a sleeping host offers nothing.
    offers: Tournament<Offer>,
    /// Places of the sleeping hosts, in order, and how many of them were woken.
    asleep: Vec<usize>,
    woken: usize,
}

impl Shelf {
    fn new(mut hosts: Vec<(Resources, HostId)>, draft: &Draft) -> Self {
        hosts.sort_by(ascending);
        let empty = |host| draft.room(host).vms == 0;
        let places = hosts.iter().enumerate();
        let asleep = places.filter(|(_, (_, host))| empty(*host)).map(|(at, _)| at).collect();
        let offer = |&(free, host): &(Resources, HostId)| {
            Offer::with(&free, draft.room(host).core, !empty(host))
        };
        let offers = Tournament::new(hosts.iter().map(offer));
        Self { hosts, offers, asleep, woken: 0 }
    }

    /// Puts a VM that takes `needs`, `per_core` MIPS with each core, on the first host with room
    /// that is `admitted`, waking hosts as needed.
    fn put(
        &mut self,
        needs: &Resources,
        per_core: f64,
        draft: &Draft,
        admitted: impl Fn(HostId) -> bool,
    ) -> Option<HostId> {
        let asked = Offer::asked(needs, per_core, true);
        let place = loop {
            let covers = |offer: &Offer| offer.covers(&asked);
            let may = |place: HostId| admitted(self.hosts[place.index()].1);
            if let Some(place) = self.offers.first(HostId(0), covers, may) {
                break place;
            }
            let &next = self.asleep.get(self.woken)?;
            self.woken += 1;
            self.refresh(next, draft);
        };
        let at = place.index();
        self.hosts[at].0 -= *needs;
        self.refresh(at, draft);
        Some(self.hosts[at].1)
    }

    /// Enters what the host at this place has left, awake.
    fn refresh(&mut self, at: usize, draft: &Draft) {
        let (free, host) = self.hosts[at];
        self.offers.set(HostId::from_index(at), Offer::with(&free, draft.room(host).core, true));
    }
}

impl Placer for NeatBestFitDecreasing {
    fn name(&self) -> &str {
        "neat-best-fit-decreasing"
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        let state = &ask.state;
        let open = |host: &HostId| {
            !ask.excluded.contains(*host) && (ask.wake || draft.room(*host).vms > 0)
        };
        let hosts = state.fleet.capacity.ids().filter(open);
        let mut shelf = Shelf::new(hosts.map(|h| (self.free(h, draft, state), h)).collect(), draft);
        let mut order: Vec<(Resources, VmId)> =
            vms.iter().map(|&vm| (self.needs(vm, state), vm)).collect();
        order.sort_by(|a, b| ascending(b, a));
        let mut outcome = Outcome::default();
        let mut fence = draft.fence().cloned();
        for (needs, vm) in order {
            let admits = |host| fence.as_ref().is_none_or(|fence| fence.admits(vm, host));
            match shelf.put(&needs, state.fleet.per_core(vm, needs.cpu), draft, admits) {
                Some(host) => {
                    fence.iter_mut().for_each(|fence| fence.enter(vm, host));
                    outcome.placed.push((vm, host));
                }
                None => outcome.left.push(vm),
            }
        }
        let whole = self.spec.all_or_nothing || placing == Placing::AllOrNone;
        if whole && !outcome.left.is_empty() {
            return Ok(Outcome { placed: Vec::new(), left: vms.to_vec() });
        }
        for &(vm, host) in &outcome.placed {
            draft.append(vm, host, state.demand[vm], state);
        }
        Ok(outcome)
    }
}
