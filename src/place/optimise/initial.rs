//! The start: VMs that are nowhere yet, assigned by the same costs.
//!
//! The largest VM comes first, to the host where it adds least; then VMs are shifted and hosts
//! emptied while that pays. Nothing moves, so moves cost nothing.
//!
//! Source: own; largest first is that of the decreasing packings (Johnson, J. Comput. Syst. Sci.
//! 8(3), 1974).

use super::OptimiseSpec;
use super::expectation::Expectation;
use super::host_cost::HostCost;
use super::planner::{empty_slots, prices};
use super::search::{improve, insert};
use super::state::{Item, NOWHERE, State};
use crate::id::VmId;
use crate::model::Fleet;
use crate::place::{Ask, Draft, Outcome, Placer, Placing};
use crate::policy::PolicyError;

/// Evaluations of a possible place at the start, over those of a step: it happens once.
const PATIENCE: u64 = 40;

/// Places VMs by what they cost there.
pub struct Optimised {
    spec: OptimiseSpec,
    prices: HostCost,
    expectation: Expectation,
}

impl Optimised {
    /// For hosts of `fleet`.
    pub fn new(spec: OptimiseSpec, fleet: &Fleet) -> Self {
        let prices = prices(&spec, fleet, [0.0; 2]);
        Self { spec, prices, expectation: Expectation::default() }
    }

    fn item(&self, vm: VmId, ask: &Ask<'_>) -> Item {
        let (mean, variance) = self.expectation.of(vm);
        let (needs, per_core) = (ask.state.needs(vm), ask.state.per_core(vm));
        let (cost, copy_s, far, barred) = (0.0, 0.0, Vec::new(), Vec::new());
        Item { vm, home: None, mean, variance, needs, per_core, cost, copy_s, far, barred }
    }
}

impl Placer for Optimised {
    fn name(&self) -> &str {
        "optimise"
    }

    fn place(
        &mut self,
        vms: &[VmId],
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        placing: Placing,
    ) -> Result<Outcome, PolicyError> {
        let residents = draft.occupied().iter().flat_map(|&host| draft.vms_on(host));
        let all: Vec<VmId> = residents.chain(vms).copied().collect();
        self.expectation.look(&all, &self.spec, &ask.state);
        let mut slots = empty_slots(draft, ask, f64::INFINITY);
        for slot in slots.iter_mut().filter(|slot| slot.open) {
            for &vm in draft.vms_on(slot.host) {
                let (mean, variance) = self.expectation.of(vm);
                (slot.mean, slot.variance) = (slot.mean + mean, slot.variance + variance);
                slot.pinned += 1;
            }
        }
        let items: Vec<Item> = vms.iter().map(|&vm| self.item(vm, ask)).collect();
        let largest = ask.state.fleet.largest();
        let size = |item: &Item| {
            (item.needs.ram / largest.ram).max(item.mean / largest.cpu) + item.mean / largest.cpu
        };
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by(|&a, &b| size(&items[b]).total_cmp(&size(&items[a])).then(a.cmp(&b)));
        let kinds = ask.state.fleet.machines.len();
        let state = State::new(&self.prices, items, slots, kinds);
        let mut state = state.fenced(draft.fence(), kinds);
        let left = insert(&mut state, &order);
        if placing == Placing::AllOrNone && !left.is_empty() {
            return Ok(Outcome { placed: Vec::new(), left: vms.to_vec() });
        }
        improve(&mut state, PATIENCE * self.spec.steps);
        let mut outcome = Outcome::default();
        for (i, item) in state.items.iter().enumerate() {
            if state.at[i] == NOWHERE {
                outcome.left.push(item.vm);
                continue;
            }
            let host = state.slots[state.at[i]].host;
            draft.append(item.vm, host, item.needs.cpu, &ask.state);
            outcome.placed.push((item.vm, host));
        }
        Ok(outcome)
    }
}
