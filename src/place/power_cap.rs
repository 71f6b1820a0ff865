//! Power cap: all hosts together draw no more than they may; VMs move for that, and for nothing
//! else but to relieve hosts that run short.
//!
//! ```text
//! P = sum over hosts with VMs of P_h(M_h / C_h)        W' = (1 - g) min W(s), s in [t, t + a]
//! ```
//!
//! Each step, first, hosts that are asked for more than they have are relieved: the VM of least
//! memory that ends the shortage, or else that asks for most, goes where power rises least, and a
//! host is woken for it only if `P` with it stays at most `W'`. Then, while `P > W'`, the least
//! utilised host of which all VMs find room elsewhere is emptied, each to the host whose power
//! rises least, if that lowers `P`. A VM finds room at a host where
//!
//! ```text
//! M_b + m_i + z sqrt(V_b + v_i) <= C_b
//! ```
//!
//! and what it takes now is free, if the rules of `[sites]` let it be there. A host that receives
//! is not emptied in the same step. So a cluster below its cap in which no host runs short gets an
//! empty plan.
//!
//! `P_h`: power curve, W; `M_h`, `V_h`: mean and variance of the demand of the host's VMs, sums
//! over those of their latest `window` samples, MIPS; `C_h`: capacity, MIPS; `m_i`, `v_i`: those of
//! the VM; `W`: the cap, W, above 0; `a`: seconds that it is looked ahead, so that a cap that falls
//! is kept when it does; `g`: share of it that is left free, from 0 to below 1; `z`: deviations.
//!
//! What cannot be kept is not: the policy slows nobody down and stops nobody for the cap, which
//! `[host] cap-w` does, and VMs that begin are placed as by `pabfd`. The run tells for how long and
//! by how much energy it was passed (`above_cap_s`, `above_cap_kwh`).
//!
//! Source: own. That consolidation keeps a power budget, and that fewer hosts are the first means,
//! is Raghavendra, Ranganathan, Talwar, Wang and Zhu, *No "power" struggles*, ASPLOS 2008. Known
//! difference: theirs also lowers clock rates, which is `[host] cap-w` here.

use serde::{Deserialize, Serialize};

use super::{Ask, Draft, Fence, Planner, Roster};
use crate::id::{HostId, VmId};
use crate::model::costs::Rate;
use crate::model::{Fleet, Resources, Snapshot};
use crate::policy::PolicyError;
use crate::power::PowerTable;
use crate::time::{Instant, Span};

/// Settings of `power-cap`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PowerCapSpec {
    /// `W`: a number or a series, watts.
    pub cap_w: Rate,
    /// `a`: seconds.
    pub ahead_s: f64,
    /// `g`: share of the cap.
    pub margin: f64,
    /// `z`: deviations that must fit on a destination beside the mean.
    pub deviations: f64,
    /// Samples of the past that mean and variance are taken from.
    pub window: usize,
}

impl Default for PowerCapSpec {
    fn default() -> Self {
        let cap_w = Rate::Constant(100_000.0);
        Self { cap_w, ahead_s: 1800.0, margin: 0.05, deviations: 1.0, window: 12 }
    }
}

/// Plans moves that keep the cap.
pub struct PowerCap {
    spec: PowerCapSpec,
    tables: Vec<PowerTable>,
}

/// A host as a step sees it.
#[derive(Debug, Clone)]
struct Side {
    host: HostId,
    kind: usize,
    capacity: f64,
    core: f64,
    /// MIPS asked for now.
    asked: f64,
    mean: f64,
    variance: f64,
    free: Resources,
    /// VMs that may leave.
    guests: Vec<Guest>,
    /// Whether others are there, or are to come.
    pinned: bool,
    /// Whether something comes in this step.
    receives: bool,
}

/// A VM that may move.
#[derive(Debug, Clone, Copy)]
struct Guest {
    vm: VmId,
    mean: f64,
    variance: f64,
    needs: Resources,
    per_core: f64,
}

/// A step in progress.
struct Step<'p> {
    planner: &'p PowerCap,
    sides: Vec<Side>,
    /// Hosts that sleep, in id order; looked at where one may have to be woken.
    asleep: Vec<Side>,
    moves: Vec<(VmId, HostId)>,
    /// The rules of `[sites]`, with the moves made.
    fence: Option<Fence>,
}

impl Side {
    /// Whether anything is there, or comes.
    fn lives(&self) -> bool {
        self.pinned || self.receives || !self.guests.is_empty()
    }
}

impl PowerCap {
    /// For hosts of `fleet`.
    pub fn new(spec: PowerCapSpec, fleet: &Fleet) -> Self {
        Self { spec, tables: fleet.machines.iter().map(PowerTable::of).collect() }
    }

    /// `W'` at `now`.
    fn cap(&self, now: Instant) -> f64 {
        let (mut at, until) = (now, now + Span::from_seconds(self.spec.ahead_s));
        let mut least = self.spec.cap_w.at(at);
        while let Some(next) = self.spec.cap_w.next_change(at).filter(|&next| next <= until) {
            least = least.min(self.spec.cap_w.at(next));
            at = next;
        }
        (1.0 - self.spec.margin) * least
    }

    fn guest(&self, vm: VmId, state: &Snapshot<'_>) -> Guest {
        let (mean, variance) = state.moments(vm, self.spec.window);
        let (needs, per_core) = (state.needs(vm), state.per_core(vm));
        Guest { vm, mean, variance, needs, per_core }
    }

    fn side(&self, host: HostId, draft: &Draft, ask: &Ask<'_>, roster: Roster<'_>) -> Side {
        let room = draft.room(host);
        let free = if ask.excluded.contains(host) { Resources::default() } else { room.free };
        let mut side = Side {
            host,
            kind: room.machine,
            capacity: room.capacity,
            core: room.core,
            asked: room.requested,
            mean: 0.0,
            variance: 0.0,
            free,
            guests: Vec::new(),
            pinned: false,
            receives: false,
        };
        for &vm in draft.vms_on(host) {
            let guest = self.guest(vm, &ask.state);
            (side.mean, side.variance) = (side.mean + guest.mean, side.variance + guest.variance);
            if roster.is_movable(vm) && roster.home[vm] == Some(host) {
                side.guests.push(guest);
            } else {
                side.pinned = true;
            }
        }
        side
    }

    /// Power of a host of `kind` at `mean` of `capacity`, W.
    fn watts(&self, side: &Side, mean: f64) -> f64 {
        self.tables[side.kind].power((mean / side.capacity).clamp(0.0, 1.0)).0
    }

    /// Whether `guest` finds room on `side`.
    fn fits(&self, guest: &Guest, side: &Side) -> bool {
        let variance = (side.variance + guest.variance).max(0.0);
        let most = side.mean + guest.mean + self.spec.deviations * variance.sqrt();
        guest.needs.fit_in(&side.free) && guest.per_core <= side.core && most <= side.capacity
    }
}

impl Step<'_> {
    /// Power of all hosts with VMs, W.
    fn power(&self) -> f64 {
        let lives = self.sides.iter().filter(|side| side.lives());
        lives.map(|side| self.planner.watts(side, side.mean)).sum()
    }

    /// The host that runs, but `from`, whose power rises least with `guest`, and by how much.
    fn best(&self, guest: &Guest, from: usize) -> Option<(usize, f64)> {
        let sides = self.sides.iter().enumerate();
        let others = sides.filter(|&(at, side)| at != from && side.lives());
        let fitting = others.filter(|(_, side)| self.takes(guest, side));
        let rise = |(at, side): (usize, &Side)| {
            let before = self.planner.watts(side, side.mean);
            (at, self.planner.watts(side, side.mean + guest.mean) - before)
        };
        fitting.map(rise).min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))
    }

    /// Whether `guest` finds room on `side`, and may be there.
    fn takes(&self, guest: &Guest, side: &Side) -> bool {
        let admits = |fence: &Fence| fence.admits(guest.vm, side.host);
        self.planner.fits(guest, side) && self.fence.as_ref().is_none_or(admits)
    }

    /// Takes `guest` from one side to another.
    fn shift(&mut self, guest: Guest, from: usize, to: usize) {
        let (mean, variance) = (guest.mean, guest.variance);
        let source = &mut self.sides[from];
        source.guests.retain(|other| other.vm != guest.vm);
        source.asked -= guest.needs.cpu;
        (source.mean, source.variance) = (source.mean - mean, source.variance - variance);
        let side = &mut self.sides[to];
        side.free -= guest.needs;
        side.asked += guest.needs.cpu;
        (side.mean, side.variance) = (side.mean + mean, side.variance + variance);
        side.receives = true;
        self.fence.iter_mut().for_each(|fence| fence.enter(guest.vm, side.host));
        self.moves.push((guest.vm, side.host));
    }

    /// Takes VMs off hosts that run short, as long as they do and there is room.
    fn relieve(&mut self, cap: f64) {
        for from in 0..self.sides.len() {
            loop {
                let side = &self.sides[from];
                let short = side.asked - side.capacity;
                if short <= 0.0 {
                    break;
                }
                let ends = side.guests.iter().filter(|guest| guest.needs.cpu >= short);
                let least = ends.min_by(|a, b| a.needs.ram.total_cmp(&b.needs.ram));
                let most = || side.guests.iter().max_by(|a, b| a.needs.cpu.total_cmp(&b.needs.cpu));
                let Some(&guest) = least.or_else(most) else { break };
                let found = self.best(&guest, from).map(|(to, _)| to);
                let Some(to) = found.or_else(|| self.wake(&guest, cap)) else { break };
                self.shift(guest, from, to);
            }
        }
    }

    /// A host that sleeps and takes `guest`, if the cap leaves power for it.
    fn wake(&mut self, guest: &Guest, cap: f64) -> Option<usize> {
        let left = cap - self.power();
        let within = |side: &Side| self.planner.watts(side, guest.mean) <= left;
        let takes = |side: &Side| self.takes(guest, side) && within(side);
        let at = self.asleep.iter().position(takes)?;
        self.sides.push(self.asleep.remove(at));
        Some(self.sides.len() - 1)
    }

    /// Empties hosts until `cap` is kept or nothing more can be done.
    fn keep(&mut self, cap: f64) {
        let mut order: Vec<usize> = (0..self.sides.len()).collect();
        let load = |side: &Side| side.mean / side.capacity;
        order.sort_by(|&a, &b| {
            load(&self.sides[a]).total_cmp(&load(&self.sides[b])).then(a.cmp(&b))
        });
        let mut power = self.power();
        for from in order {
            if power <= cap {
                return;
            }
            let side = &self.sides[from];
            if side.pinned || side.receives || side.guests.is_empty() {
                continue;
            }
            power = self.emptied(from, power);
        }
    }

    /// Empties a host if all find room and `power` falls by it; gives the power after that.
    fn emptied(&mut self, from: usize, power: f64) -> f64 {
        let mut before = vec![(from, self.sides[from].clone())];
        let made = self.moves.len();
        let mut guests = self.sides[from].guests.clone();
        guests.sort_by(|a, b| b.mean.total_cmp(&a.mean).then(a.vm.cmp(&b.vm)));
        let mut after = power - self.planner.watts(&self.sides[from], self.sides[from].mean);
        for guest in guests {
            let Some((to, rise)) = self.best(&guest, from) else {
                after = f64::INFINITY;
                break;
            };
            after += rise;
            before.push((to, self.sides[to].clone()));
            self.shift(guest, from, to);
        }
        if after < power {
            return after;
        }
        while let Some((at, side)) = before.pop() {
            self.sides[at] = side;
        }
        for (vm, host) in self.moves.drain(made..) {
            self.fence.iter_mut().for_each(|fence| fence.leave(vm, host));
        }
        power
    }
}

impl Planner for PowerCap {
    fn name(&self) -> &str {
        "power-cap"
    }

    fn window(&self) -> usize {
        self.spec.window
    }

    fn plan(
        &mut self,
        draft: &mut Draft,
        ask: &mut Ask<'_>,
        roster: Roster<'_>,
    ) -> Result<Vec<(VmId, HostId)>, PolicyError> {
        let planner = &*self;
        let side = |&host: &HostId| planner.side(host, draft, ask, roster);
        let sides: Vec<Side> = draft.occupied().iter().map(side).collect();
        let cap = planner.cap(ask.state.now);
        let fence = draft.fence().cloned();
        let mut step = Step { planner, sides, asleep: Vec::new(), moves: Vec::new(), fence };
        if step.sides.iter().any(|side| side.asked > side.capacity) {
            let sleeps = |host: &HostId| draft.occupied().binary_search(host).is_err();
            let hosts = ask.state.fleet.capacity.ids().filter(sleeps);
            step.asleep = hosts.map(|host| planner.side(host, draft, ask, roster)).collect();
            step.relieve(cap);
        }
        step.keep(cap);
        Ok(step.moves)
    }
}
