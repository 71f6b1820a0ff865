//! The planner: makes a problem of the step, solves it, and says why.

use super::OptimiseSpec;
use super::bound::Relaxation;
use super::expectation::Expectation;
use super::host_cost::HostCost;
use super::search::improve;
use super::state::{Item, Slot, State};
use crate::id::{HostId, Id, VmId};
use crate::model::record::{Alternative, Weighing};
use crate::model::{Fleet, Resources, Snapshot};
use crate::place::{Ask, Copies, Departures, Draft, Planner, Roster, Weighed};
use crate::policy::PolicyError;
use crate::time::Span;

/// What moving a VM takes, on free network cards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Copying {
    /// Bytes sent.
    pub bytes: f64,
    /// Seconds.
    pub seconds: f64,
    /// Energy of both hosts together, J.
    pub energy_j: f64,
    /// Fraction of its CPU that the VM loses meanwhile.
    pub slowdown: f64,
    /// Seconds for which it is stopped.
    pub downtime_s: f64,
}

/// What things are worth in a step, in joules of energy as it costs in the stable time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// A joule now.
    pub now: f64,
    /// A joule at usual prices, by which work not done and moves as such are priced.
    pub usual: f64,
    /// A second in which a VM gets less than it asks for.
    pub short_vm_j: f64,
}

impl Default for Worth {
    fn default() -> Self {
        Self { now: 1.0, usual: 1.0, short_vm_j: 0.0 }
    }
}

/// Sets prices of steps anew each time.
pub trait Pricing: Send {
    /// Name of the policy.
    fn name(&self) -> &'static str;
    /// What things are worth now.
    fn look(&mut self, state: &Snapshot<'_>, roster: Roster<'_>) -> Worth;
    /// What moving `vm` risks beside what it takes, J; `None` if it may not move.
    fn risk_j(&self, vm: VmId) -> Option<f64>;
    /// `vm` moves.
    fn moves(&mut self, vm: VmId);
}

/// Plans steps.
pub struct Optimiser {
    spec: OptimiseSpec,
    prices: HostCost,
    copies: Copies,
    expectation: Expectation,
    departures: Departures,
    weighed: Weighed,
    pricing: Option<Box<dyn Pricing>>,
    worth: Worth,
}

impl Optimiser {
    /// With what it costs to move each VM of `fleet`, and the seconds that its hosts take to wake
    /// and to shut down.
    pub fn new(spec: OptimiseSpec, fleet: &Fleet, copies: Copies, switching_s: [f64; 2]) -> Self {
        let prices = prices(&spec, fleet, switching_s);
        Self {
            spec,
            prices,
            copies,
            expectation: Expectation::default(),
            departures: Departures::default(),
            weighed: Weighed::default(),
            pricing: None,
            worth: Worth::default(),
        }
    }

    /// The same at prices that `pricing` sets.
    pub fn priced_by(self, pricing: Box<dyn Pricing>) -> Self {
        Self { pricing: Some(pricing), ..self }
    }

    /// Sets the prices of this step.
    fn price(&mut self, state: &Snapshot<'_>, roster: Roster<'_>) {
        let Some(pricing) = &mut self.pricing else { return };
        self.worth = pricing.look(state, roster);
        self.prices.price = self.spec.shortage_j_per_mi * self.worth.usual;
        self.prices.short_vm_j = self.worth.short_vm_j;
    }

    /// The VMs that may move, with what moving them costs.
    fn item(&self, vm: VmId, (home, host): (usize, HostId), state: &Snapshot<'_>) -> Item {
        let (mean, variance) = self.expectation.of(vm);
        let Worth { now, usual, .. } = self.worth;
        let risk_j = self.pricing.as_ref().and_then(|pricing| pricing.risk_j(vm)).unwrap_or(0.0);
        let price = |Copying { seconds, energy_j, slowdown, .. }: Copying| {
            let lost = self.spec.shortage_j_per_mi * usual * slowdown * mean * seconds;
            let takes = energy_j * now + lost + self.spec.move_j * usual + risk_j;
            [(1.0 + self.spec.hysteresis) * takes, seconds]
        };
        let [cost, copy_s] = price(self.copies.within()[vm]);
        let far = self.copies.to_sites(vm, host).map(|copying| copying.map(price)).collect();
        let (needs, per_core) = (state.needs(vm), state.per_core(vm));
        let barred = self.departures.of(vm).map(HostId::index).collect();
        let home = Some(home);
        Item { vm, home, mean, variance, needs, per_core, cost, copy_s, far, barred }
    }

    /// The problem of this step: VMs and hosts.
    fn problem(
        &mut self,
        draft: &Draft,
        ask: &Ask<'_>,
        roster: Roster<'_>,
    ) -> (Vec<Item>, Vec<Slot>) {
        let present: Vec<VmId> =
            draft.occupied().iter().flat_map(|&host| draft.vms_on(host)).copied().collect();
        self.expectation.look(&present, &self.spec, &ask.state);
        self.departures.look(roster.home, ask.state.now, Span::from_seconds(self.spec.return_s));
        let mut slots = empty_slots(draft, ask, self.spec.link_s);
        let mut items = Vec::with_capacity(present.len());
        for (s, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| slot.open) {
            for &vm in draft.vms_on(slot.host) {
                let item = self.item(vm, (s, slot.host), &ask.state);
                slot.mean += item.mean;
                slot.variance += item.variance;
                let may = self.pricing.as_ref().is_none_or(|pricing| pricing.risk_j(vm).is_some());
                if may && roster.is_movable(vm) && roster.home[vm] == Some(slot.host) {
                    slot.members += 1;
                    items.push(item);
                } else {
                    slot.pinned += 1;
                }
            }
        }
        (items, slots)
    }
}

/// Prices for `fleet`.
pub(super) fn prices(spec: &OptimiseSpec, fleet: &Fleet, switching_s: [f64; 2]) -> HostCost {
    let mut prices = HostCost::new(fleet, spec.stable_s, spec.shortage_j_per_mi, spec.factor);
    prices.switching_s = switching_s;
    prices
}

/// Every host that may take part, as if none of its VMs were there.
pub(super) fn empty_slots(draft: &Draft, ask: &Ask<'_>, link_s: f64) -> Vec<Slot> {
    let hosts = ask.state.fleet.capacity.ids();
    let mut open = draft.occupied().iter().copied().peekable();
    let slot = |host: HostId| {
        let room = draft.room(host);
        let open = open.next_if_eq(&host).is_some();
        let barred = ask.excluded.contains(host) || !(open || ask.wake);
        Slot {
            host,
            kind: room.machine,
            core: room.core,
            open,
            pinned: 0,
            members: 0,
            mean: 0.0,
            variance: 0.0,
            free: if barred { Resources::default() } else { room.free },
            link_s: [link_s; 2],
            site: draft.fence().map_or(0, |fence| fence.site(host)),
        }
    };
    hosts.map(slot).collect()
}

impl Planner for Optimiser {
    fn name(&self) -> &str {
        self.pricing.as_ref().map_or("optimise", |pricing| pricing.name())
    }

    fn window(&self) -> usize {
        self.spec.far
    }

    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError> {
        self.price(&ask.state, roster);
        let (items, slots) = self.problem(draft, ask, roster);
        let kinds = ask.state.fleet.machines.len();
        let state = State::new(&self.prices, items, slots, kinds);
        let mut state = state.fenced(draft.fence(), kinds);
        let before_j = state.total();
        let bound_j = Relaxation::of(&state).best();
        improve(&mut state, self.spec.steps);
        let (cost_j, steps) = (state.total(), state.steps);
        let moves = moves(&state);
        let why = moves.iter().map(|&i| weighing(&mut state, i)).collect();
        self.weighed = Weighed { before_j, cost_j, bound_j, steps, why };
        let to = |&i: &usize| (state.items[i].vm, state.slots[state.at[i]].host);
        let planned: Vec<(VmId, HostId)> = moves.iter().map(to).collect();
        if let Some(pricing) = &mut self.pricing {
            planned.iter().for_each(|&(vm, _)| pricing.moves(vm));
        }
        Ok(planned)
    }

    fn weighed(&self) -> Option<&Weighed> {
        Some(&self.weighed)
    }
}

/// The items that are not at home, those of hosts that go on running first.
fn moves(state: &State<'_>) -> Vec<usize> {
    let away = |&i: &usize| state.items[i].home.is_some_and(|home| home != state.at[i]);
    let mut moves: Vec<usize> = (0..state.items.len()).filter(away).collect();
    moves.sort_by_key(|&i| (empties(state, i), state.items[i].home, i));
    moves
}

/// Whether everything has left the home of item `i`.
fn empties(state: &State<'_>, i: usize) -> bool {
    state.items[i].home.is_some_and(|home| {
        let slot = &state.slots[home];
        slot.members + slot.pinned == 0
    })
}

/// What the move of item `i` gains and costs, and what would have been the next best place.
fn weighing(state: &mut State<'_>, i: usize) -> Weighing {
    let to = state.at[i];
    let home = state.items[i].home.unwrap_or(to);
    let cost_j = state.toll(i, to);
    let leaving = state.leaving(i);
    let gain_j = leaving + state.arriving(i, home) + cost_j;
    let mut destinations = Vec::new();
    state.destinations(&mut destinations);
    let mut next: Option<Alternative> = None;
    for s in destinations {
        if s == to || s == home || !state.fits(i, s) {
            continue;
        }
        let more_j = leaving + state.arriving(i, s);
        if next.is_none_or(|next| more_j < next.more_j) {
            next = Some(Alternative { host: state.slots[s].host, more_j });
        }
    }
    Weighing { empties: empties(state, i), gain_j, cost_j, next }
}
