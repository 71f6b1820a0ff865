//! What is wanted of a cluster, as costs of a reassignment problem.
//!
//! ```text
//! cost = energy * H * sum over hosts with VMs of P(u)
//!      + overload * p * H * sum over hosts of max(0, used - limit * cpu)
//!      + balance * p * H / 4 * sum over f of sum over hosts of max(0, used - f * mean * cpu)
//!      + sum over moved VMs of migrations + bandwidth * ram
//! ```
//!
//! `H`: seconds for which the cluster is expected to stay as it is; `p`: what a unit of CPU draws
//! on the mean host at full use, times 10; `migrations`: J per move, `bandwidth`: J per MB; `mean`:
//! use of all hosts as a part of their CPU, `f`: 1, 1.1, 1.25 and 1.5. A goal is a set of weights
//! ([`Weights::of`]), of which any can be changed: energy counts to consolidate and below a power
//! cap, balance to balance. To evacuate, the hosts named must hold nothing, by a rule.
//!
//! A longer `H` makes moves pay that a shorter one does not: the cost-benefit test of a move.

use serde::{Deserialize, Serialize};

use super::snapshot::Snapshot;
use super::term::Weights;
use crate::reassign::{
    Constraint, Curve, Instance, Items, Lists, Machines, MoveWeights, Power, Services, Tier,
};

/// Parts of a unit of CPU and of a MB that are told apart.
const PARTS: f64 = 1000.0;

/// Parts of a joule that are told apart.
pub(super) const MICRO: f64 = 1e6;

/// Draw of a host without figures: hosts are then counted, W.
const UNKNOWN_W: f64 = 100.0;

/// Overload costs so many times what the CPU draws at full use.
const OVERLOAD: f64 = 10.0;

/// Multiples of the mean use above which use costs, to balance.
const ABOVE_MEAN: [f64; 4] = [1.0, 1.1, 1.25, 1.5];

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// As little energy as moves are worth.
    Consolidate,
    /// Use as even as moves are worth.
    Balance,
    /// Nothing on some hosts.
    Evacuate,
    /// Power below a cap with as few moves as possible.
    PowerCap,
}

/// What is wanted, in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// What is wanted.
    pub goal: Goal,
    /// What counts how much.
    pub weights: Weights,
    /// Time for which the cluster is expected to stay as it is, s.
    pub horizon_s: f64,
    /// Part of a host's CPU above which it is overloaded.
    pub limit: f64,
    /// Hosts to evacuate.
    pub evacuate: Vec<u32>,
    /// Power that is allowed, W.
    pub cap_w: f64,
}

impl Wish {
    /// `goal` with everything else as it is by default.
    pub fn of(goal: Goal) -> Self {
        let weights = Weights::of(goal);
        let (evacuate, cap_w) = (Vec::new(), f64::INFINITY);
        Self { goal, weights, horizon_s: 3600.0, limit: 0.8, evacuate, cap_w }
    }

    /// The problem of this wish for `snapshot` by `weights`, which need not be its own.
    pub(super) fn instance(&self, snapshot: &Snapshot, weights: &Weights) -> Instance {
        let hosts = snapshot.hosts.len();
        let vms = snapshot.vms.len();
        let mut items = Items { service: (0..vms as u32).collect(), ..Items::default() };
        for vm in &snapshot.vms {
            items.demand.extend([parts(vm.cpu), (vm.ram_mb * PARTS).ceil() as i64]);
            let joules = weights.migrations + weights.bandwidth * vm.ram_mb;
            items.move_cost.push((joules * MICRO).round() as i64);
        }
        let mut instance = Instance {
            transient: vec![false; 2],
            load_weight: vec![0, 0],
            machines: machines(snapshot, self.limit),
            items,
            services: Services {
                spread: vec![0; vms],
                dependencies: Lists::from_iter(vec![Vec::new(); vms]),
            },
            weights: MoveWeights { item: 1, service: 0, machine: 0 },
            start: snapshot.home.clone(),
            constraints: snapshot.constraints.clone(),
            ..Instance::default()
        };
        let price = self.price(snapshot);
        instance.load_weight[0] = (weights.overload * price).round() as i64;
        if weights.energy > 0.0 {
            instance.power = self.energy(snapshot, weights.energy);
        }
        if weights.balance > 0.0 {
            instance.tiers = balance(snapshot, weights.balance * price);
        }
        if self.goal == Goal::Evacuate {
            let machines = self.evacuate.clone();
            instance.constraints.push(Constraint::Offline { machines });
        }
        debug_assert_eq!(instance.machine_count(), hosts);
        instance
    }

    /// Cost of a part of a unit of CPU above the limit.
    fn price(&self, snapshot: &Snapshot) -> f64 {
        let cpu: f64 = snapshot.hosts.iter().map(|host| host.cpu).sum();
        let watts: f64 = snapshot.hosts.iter().map(|host| host.peak_w).sum();
        let watts = if watts > 0.0 { watts } else { UNKNOWN_W * snapshot.hosts.len() as f64 };
        OVERLOAD * watts / cpu * self.horizon_s * MICRO / PARTS
    }

    fn energy(&self, snapshot: &Snapshot, weight: f64) -> Power {
        let unknown = snapshot.hosts.iter().all(|host| host.peak_w == 0.0);
        let weight = weight * self.horizon_s * MICRO;
        let mut power = Power::default();
        for host in &snapshot.hosts {
            let idle = if unknown { UNKNOWN_W } else { host.idle_w };
            let slope = (host.peak_w - host.idle_w) / (host.cpu * PARTS);
            let curve = Curve::linear((weight * slope).round() as i64);
            let known = power.curves.iter().position(|other| *other == curve);
            power.idle.push((weight * idle).round() as i64);
            power.curve.push(known.unwrap_or(power.curves.len()) as u32);
            if known.is_none() {
                power.curves.push(curve);
            }
        }
        power
    }
}

fn parts(amount: f64) -> i64 {
    (amount * PARTS).round() as i64
}

/// Hosts that hold more CPU than they have may keep it, at the cost of overload.
fn machines(snapshot: &Snapshot, limit: f64) -> Machines {
    let mut machines = Machines::default();
    let (mut used, mut held) = (vec![0; snapshot.hosts.len()], vec![0; snapshot.hosts.len()]);
    for (vm, &home) in snapshot.vms.iter().zip(&snapshot.home) {
        used[home as usize] += parts(vm.cpu);
        held[home as usize] += (vm.ram_mb * PARTS).ceil() as i64;
    }
    for (at, host) in snapshot.hosts.iter().enumerate() {
        // Rounding must not refuse what is there.
        let ram = ((host.ram_mb * PARTS).floor() as i64).max(held[at]);
        machines.neighbourhood.push(0);
        machines.location.push(0);
        machines.capacity.extend([parts(host.cpu).max(used[at]), ram]);
        machines.safety.extend([parts(limit * host.cpu), ram]);
    }
    machines
}

fn balance(snapshot: &Snapshot, price: f64) -> Vec<Tier> {
    let used: f64 = snapshot.vms.iter().map(|vm| vm.cpu).sum();
    let cpu: f64 = snapshot.hosts.iter().map(|host| host.cpu).sum();
    let tier = |above: f64| {
        let threshold = snapshot.hosts.iter().map(|host| parts(above * host.cpu * used / cpu));
        let weight = (price / ABOVE_MEAN.len() as f64).round() as i64;
        Tier { resource: 0, threshold: threshold.collect(), weight }
    };
    ABOVE_MEAN.into_iter().map(tier).collect()
}
