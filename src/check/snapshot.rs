//! The state of every host and VM at one instant: each host that anything has happened to is worked
//! out from scratch.

use std::collections::BTreeSet;

use crate::model::Rules;
use crate::model::rules::{ArrivingDemand, EnergyIntegral, MigrationLoss, PowerPolicy, Violation};

use super::Evidence;
use super::capping::{Capped, Draw, limits};
use super::layout::{Guest, HostState, Layout};
use super::supply::{Claim, Moment, Role, Rounding, Share, allocations, wanted};

/// One host at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct HostNow {
    /// Whether its time counts as on.
    pub active: bool,
    /// Whether it is waking or shutting down.
    pub in_transition: bool,
    pub violated: bool,
    /// Power now, W.
    pub power: f64,
    /// Power its load would take if it is on, W.
    pub table_power: f64,
    /// Power while waking or shutting down, W.
    pub idle_power: f64,
}

/// One VM at one instant; all zero where it does not run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct VmNow {
    pub running: bool,
    /// `r`, MIPS.
    pub demand: f64,
    /// `a`, MIPS.
    pub allocated: f64,
    /// What copying takes from it, MIPS.
    pub lost: f64,
    pub short: bool,
}

/// Everything at one instant.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Snapshot {
    pub hosts: Vec<HostNow>,
    pub vms: Vec<VmNow>,
    /// Host and VM of each share that is in doubt.
    pub in_doubt: Vec<(usize, usize)>,
    /// What an enforced power cap comes to.
    pub capped: Capped,
    /// What each host does where nothing limits it.
    free: Vec<Free>,
    /// The most that each host may use, MIPS, where it is limited, and what it uses then.
    limits: Vec<Option<f64>>,
    given: Vec<f64>,
}

/// What a host does where nothing limits it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Free {
    /// MIPS in use.
    load: f64,
    draw: Draw,
}

/// Hosts and VMs that actions name, and hosts where such VMs run.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched {
    pub hosts: BTreeSet<usize>,
    pub vms: BTreeSet<usize>,
}

impl Snapshot {
    /// Makes of the state before actions that `touched` those hosts and VMs the one after them, at
    /// `seconds`, when all VMs ask for the same as before.
    pub fn renew(
        &mut self,
        evidence: &Evidence,
        layout: &Layout<'_>,
        seconds: f64,
        touched: &Touched,
        rounding: Rounding,
    ) {
        let now = Moment::at(evidence, seconds);
        let homes = touched.vms.iter().filter_map(|&vm| layout.home[vm]);
        let hosts: BTreeSet<usize> = touched.hosts.iter().copied().chain(homes).collect();
        touched.vms.iter().for_each(|&vm| self.vms[vm] = VmNow::default());
        for host in hosts {
            self.look_free(evidence, layout, now, host, rounding);
        }
        self.cap(evidence, layout, seconds, rounding);
        touched.vms.iter().for_each(|&vm| self.look_down(evidence, layout, now, vm));
    }

    /// The state of `layout` at `seconds`.
    pub fn of(evidence: &Evidence, layout: &Layout<'_>, seconds: f64, rounding: Rounding) -> Self {
        let hosts = layout.state.len();
        let mut snapshot = Self {
            hosts: vec![HostNow::default(); hosts],
            vms: vec![VmNow::default(); layout.home.len()],
            free: vec![Free::default(); hosts],
            limits: vec![None; hosts],
            given: vec![0.0; hosts],
            ..Self::default()
        };
        let now = Moment::at(evidence, seconds);
        for host in 0..hosts {
            snapshot.look_free(evidence, layout, now, host, rounding);
        }
        snapshot.cap(evidence, layout, seconds, rounding);
        (0..layout.home.len()).for_each(|vm| snapshot.look_down(evidence, layout, now, vm));
        snapshot
    }

    /// Looks at a host that nothing limits.
    fn look_free(
        &mut self,
        evidence: &Evidence,
        layout: &Layout<'_>,
        now: Moment,
        host: usize,
        rounding: Rounding,
    ) {
        let (state, free) = self.look(evidence, layout, now, (host, None), rounding);
        (self.hosts[host], self.free[host], self.limits[host]) = (state, free, None);
    }

    /// Looks again at hosts that the power cap limits, or no longer limits.
    fn cap(&mut self, evidence: &Evidence, layout: &Layout<'_>, seconds: f64, rounding: Rounding) {
        if evidence.rules.host.cap_w.is_none() {
            return;
        }
        let now = Moment::at(evidence, seconds);
        let draws: Vec<Draw> = self.free.iter().map(|free| free.draw).collect();
        let (limits, above) = limits(evidence, &draws, seconds);
        self.capped = Capped { above, withheld: None };
        for (host, limit) in limits.into_iter().enumerate() {
            if limit != self.limits[host] {
                let (state, Free { load, .. }) =
                    self.look(evidence, layout, now, (host, limit), rounding);
                self.hosts[host] = state;
                self.limits[host] = limit;
                self.given[host] = load;
            }
            if limit.is_some() {
                let lost = self.free[host].load - self.given[host];
                self.capped.withheld = Some(self.capped.withheld.unwrap_or(0.0) + lost);
            }
        }
    }

    /// What a VM whose host failed asks for it does not get.
    fn look_down(&mut self, evidence: &Evidence, layout: &Layout<'_>, now: Moment, vm: usize) {
        if layout.down[vm].is_some() {
            let mips = evidence.fleet.vm_mips.as_slice()[vm].0;
            let demand = now.demand(evidence.load_of(vm)) * mips;
            self.vms[vm] = VmNow { demand, short: demand > 0.0, ..VmNow::default() };
        }
    }

    /// Evaluates one host, which may be limited to some MIPS, and writes down what the VMs that run
    /// on it get.
    fn look(
        &mut self,
        evidence: &Evidence,
        layout: &Layout<'_>,
        now: Moment,
        (host, limit): (usize, Option<f64>),
        rounding: Rounding,
    ) -> (HostNow, Free) {
        let rules = &evidence.rules;
        let capacity = evidence.fleet.capacity.as_slice()[host].0;
        let core = evidence.fleet.core.as_slice()[host].0;
        let guests = &layout.guests[host];
        let claims: Vec<Claim> = guests
            .iter()
            .map(|guest| {
                let mips = evidence.fleet.vm_mips.as_slice()[guest.vm].0;
                let demand = now.demand(evidence.load_of(guest.vm)) * mips;
                let most = core * evidence.fleet.vm_cores.as_slice()[guest.vm];
                let role = match guest {
                    Guest { held: true, .. } => Role::Held,
                    Guest { arriving: true, .. } => Role::Arriving,
                    _ if layout.paused[guest.vm] => Role::Paused,
                    _ if layout.departing[guest.vm] => Role::Departing,
                    _ => Role::Resident,
                };
                let kept = layout.kept[guest.vm];
                let tenancy = evidence.tenancy.as_ref();
                let reserved =
                    tenancy.is_some_and(|tenancy| tenancy.is_reserved(tenancy.lease_of(guest.vm)));
                Claim { role, demand, served_at_most: demand.min(most), kept, reserved }
            })
            .collect();
        let part = rules.provision.as_ref().map_or(0.0, |provision| provision.boot_cpu);
        let booting = layout.boots[host].iter().map(|&vm| evidence.fleet.vm_mips.as_slice()[vm].0);
        let most = limit.unwrap_or(capacity);
        let boot = (part * booting.sum::<f64>()).min(most);
        let room = most - boot;
        let shares = allocations(&claims, room, rules);
        let doubtful = guests.iter().zip(&shares).filter(|(_, share)| share.in_doubt);
        self.in_doubt.extend(doubtful.map(|(guest, _)| (host, guest.vm)));
        for ((guest, claim), share) in guests.iter().zip(&claims).zip(&shares) {
            if !matches!(claim.role, Role::Arriving | Role::Held) {
                self.vms[guest.vm] = served(claim, *share, rounding, rules);
            }
        }
        let load: f64 = claims.iter().zip(&shares).map(|(c, share)| share.spent(rounding, c)).sum();
        let state = layout.state[host];
        let kept = boot + wanted(claims.iter().filter(|claim| claim.reserved), rules);
        let violated = violated(&claims, load, room, rules);
        summed(evidence, host, state, [load + boot, kept], violated)
    }
}

fn served(claim: &Claim, share: Share, rounding: Rounding, rules: &Rules) -> VmNow {
    let (demand, allocated) = (claim.demand, share.rounded(rounding));
    let short = allocated < demand * (1.0 - rules.accounting.tolerance);
    let lost = match claim.role {
        Role::Departing => match rules.accounting.migration_loss {
            // What the copy takes, or all that the VM lacks meanwhile.
            MigrationLoss::Overhead => share.spent(rounding, claim) - allocated,
            MigrationLoss::Shortage => (demand - allocated).max(0.0),
        },
        Role::Paused if rules.accounting.migration_loss == MigrationLoss::Shortage => demand,
        Role::Paused => claim.served_at_most,
        Role::Resident | Role::Arriving | Role::Held => 0.0,
    };
    VmNow { running: true, demand, allocated, lost, short }
}

fn violated(claims: &[Claim], load: f64, capacity: f64, rules: &Rules) -> bool {
    let counted = |claim: &Claim| match (claim.role, rules.accounting.arriving_demand) {
        (Role::Arriving, ArrivingDemand::AsServed) => {
            rules.migration.destination_load * claim.served_at_most
        }
        (Role::Paused | Role::Held, _) => 0.0,
        _ => claim.demand,
    };
    let demand: f64 = claims.iter().map(counted).sum();
    let tolerance = rules.accounting.tolerance;
    match rules.accounting.violation {
        Violation::DemandAboveCapacity => demand > capacity * (1.0 + tolerance),
        Violation::Short => load < demand * (1.0 - tolerance),
    }
}

fn summed(
    evidence: &Evidence,
    host: usize,
    state: HostState,
    [load, kept]: [f64; 2],
    violated: bool,
) -> (HostNow, Free) {
    let capacity = evidence.fleet.capacity.as_slice()[host].0;
    let table_power = power(evidence, host, load / capacity);
    let idle_power = power(evidence, host, 0.0);
    let in_transition = matches!(state, HostState::Waking(_) | HostState::Stopping(_));
    let active = match evidence.rules.accounting.energy {
        EnergyIntegral::Exact => state == HostState::On,
        EnergyIntegral::Trapezoid => load > 0.0,
    };
    let power = match (evidence.rules.host.power, state) {
        (PowerPolicy::AlwaysPeak, _) => power(evidence, host, 1.0),
        (PowerPolicy::Managed, HostState::On) => table_power,
        (PowerPolicy::Managed, HostState::Waking(_) | HostState::Stopping(_)) => idle_power,
        (PowerPolicy::Managed, HostState::Off | HostState::Failed) => 0.0,
    };
    let violated = violated && active;
    let kept_power = self::power(evidence, host, kept.min(load) / capacity);
    let draw = match state {
        HostState::On => Draw {
            idle: idle_power,
            reserved: kept_power - idle_power,
            others: table_power - kept_power,
        },
        HostState::Waking(_) | HostState::Stopping(_) => {
            Draw { idle: idle_power, ..Draw::default() }
        }
        HostState::Off | HostState::Failed => Draw::default(),
    };
    let now = HostNow { active, in_transition, violated, power, table_power, idle_power };
    (now, Free { load, draw })
}

/// The straight line between the two measured points around `utilisation`, W.
fn power(evidence: &Evidence, host: usize, utilisation: f64) -> f64 {
    let machine = usize::from(evidence.fleet.machine.as_slice()[host]);
    let table = &evidence.fleet.machines[machine].power;
    let position = utilisation.clamp(0.0, 1.0) * 10.0;
    let point = position as usize;
    let (from, to) = (table[point].0, table[table.len().min(point + 2) - 1].0);
    from + (to - from) * (position - point as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fleet, Machine};
    use crate::units::Bytes;

    /// G4: 86 W idle, 89.4 at 10 %, 102 at 50 %, 106 at 60 %: 87.7 W at 5 %, 104 W at 55 %.
    #[test]
    fn power_is_linear_between_the_points_of_the_table() {
        let g4 = Machine::named("hp-ml110-g4", Bytes::from_gib(4)).unwrap();
        let fleet = Fleet::of_hosts(vec![g4], [0]);
        let evidence = Evidence { fleet, ..Evidence::default() };
        for (load, watts) in [(0.0, 86.0), (0.05, 87.7), (0.5, 102.0), (0.55, 104.0), (1.0, 117.0)]
        {
            assert!((power(&evidence, 0, load) - watts).abs() < 1e-9, "{load}");
        }
    }
}
