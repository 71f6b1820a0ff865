//! Integrals of power and service, host by host, from one evaluation of the host to the next.
//!
//! ```text
//! energy:       E += P(left) dt                       (exact)
//!               E += (P(left) + P(now)) / 2 dt        (trapezoid; 0 if the host idled at left)
//! VM service:   demanded += r dt,  allocated += a dt,  lost += l dt,  short += dt where a < r
//! host:         on += dt where active,  violation += dt where in violation and active
//! ```
//!
//! `r`, `a`, `l`: MIPS asked for, given, and lost to migration, all at the left end of the
//! interval. The trapezoid and the per-interval average follow CloudSim 3.0.3.

use super::{CapMeter, EnergySeries};
use crate::id::{HostId, IdVec, VmId};
use crate::model::rules::{Accounting, Average, EnergyIntegral, Shutdowns};

/// One VM: what it gets now, and what it got so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct VmMeter {
    /// MIPS asked for since the last evaluation.
    pub request: f64,
    /// MIPS given.
    pub allocated: f64,
    /// MIPS lost to migration.
    pub loss: f64,
    /// Whether it gets less than it asks for.
    pub short: bool,
    /// Integral of `request`, million instructions.
    pub demanded_mi: f64,
    /// Integral of `allocated`, million instructions.
    pub allocated_mi: f64,
    /// Integral of `loss`, million instructions.
    pub lost_mi: f64,
    /// Seconds short.
    pub short_s: f64,
}

/// One host: how it is now, and what it used so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostMeter {
    /// When it was last evaluated, seconds.
    pub since: f64,
    /// MIPS in use.
    pub used: f64,
    /// Power drawn, W.
    pub watts: f64,
    /// Whether it counts as on.
    pub active: bool,
    /// Whether it is waking or shutting down.
    pub in_transition: bool,
    /// Whether it violates its SLA.
    pub violating: bool,
    /// Energy used, joules.
    pub energy_j: f64,
    /// Seconds on.
    pub on_s: f64,
    /// Seconds waking or shutting down.
    pub transition_s: f64,
    /// Seconds in violation while on.
    pub violation_s: f64,
    /// Times switched off.
    pub shutdowns: u32,
    was_active: bool,
    on_since: f64,
}

/// All meters of a run.
#[derive(Debug, Clone)]
pub struct Meter {
    accounting: Accounting,
    /// Nothing before this counts, seconds.
    from: f64,
    /// Per VM.
    pub vms: IdVec<VmId, VmMeter>,
    /// Per host.
    pub hosts: IdVec<HostId, HostMeter>,
    /// Seconds that each host that was switched off had been on.
    pub uptimes: Vec<f64>,
    /// Durations of completed copies, seconds.
    pub copy_durations: Vec<f64>,
    shortage: f64,
    shortage_weight: f64,
    /// Energy by time, where that is asked for.
    pub by_time: Option<EnergySeries>,
    /// What is above a power cap, where there is one.
    pub cap: Option<CapMeter>,
}

impl Meter {
    /// Meters that count from `from` seconds on.
    pub fn new(hosts: usize, vms: usize, accounting: Accounting, from: f64) -> Self {
        let was_active = accounting.shutdowns == Shutdowns::UnusedCounted;
        Self {
            accounting,
            from,
            vms: IdVec::filled(VmMeter::default(), vms),
            hosts: IdVec::filled(HostMeter { was_active, ..HostMeter::default() }, hosts),
            uptimes: Vec::new(),
            copy_durations: Vec::new(),
            shortage: 0.0,
            shortage_weight: 0.0,
            by_time: None,
            cap: None,
        }
    }

    /// When counting begins, seconds.
    pub fn from(&self) -> f64 {
        self.from
    }

    /// Closes the interval of `host` at `now` with the values at its left end and returns its
    /// length, 0 when no time that counts has passed. The VMs that it runs are closed one by one.
    pub fn integrate(&mut self, host: HostId, now: f64) -> f64 {
        let meter = &mut self.hosts[host];
        let left = meter.since.max(self.from);
        if now <= left {
            return 0.0;
        }
        let dt = now - left;
        meter.since = now;
        settle_state(meter, &mut self.uptimes, left);
        meter.transition_s += if meter.in_transition { dt } else { 0.0 };
        if meter.active {
            meter.on_s += dt;
            meter.violation_s += if meter.violating { dt } else { 0.0 };
        }
        dt
    }

    /// Closes an interval of `dt` seconds, above 0, of `vm`.
    #[inline]
    pub fn integrate_vm(&mut self, vm: VmId, dt: f64) {
        let vm = &mut self.vms[vm];
        vm.demanded_mi += vm.request * dt;
        vm.allocated_mi += vm.allocated * dt;
        vm.lost_mi += vm.loss * dt;
        if vm.short {
            vm.short_s += dt;
            let weight = match self.accounting.average {
                Average::TimeWeighted => dt,
                Average::PerInterval => 1.0,
            };
            self.shortage += (vm.request - vm.allocated) / vm.request * weight;
            self.shortage_weight += weight;
        }
    }

    /// Adds the energy of an interval of `dt` seconds that `host` began at `watts` with `used`
    /// MIPS.
    pub fn add_energy(&mut self, host: HostId, watts: f64, used: f64, dt: f64) {
        let meter = &mut self.hosts[host];
        let joules = match self.accounting.energy {
            EnergyIntegral::Exact => watts * dt,
            EnergyIntegral::Trapezoid if used == 0.0 => 0.0,
            EnergyIntegral::Trapezoid => (watts + (meter.watts - watts) / 2.0) * dt,
        };
        meter.energy_j += joules;
        if let Some(series) = &mut self.by_time
            && joules > 0.0
        {
            series.add(host, meter.since - dt, meter.since, joules);
        }
    }

    /// Adds energy that `host` used beside its power, at `now`.
    pub fn charge(&mut self, host: HostId, joules: f64, now: f64) {
        self.hosts[host].energy_j += joules;
        if let Some(series) = &mut self.by_time
            && joules > 0.0
        {
            series.add(host, now, now, joules);
        }
    }

    /// Sets what `host` used to `watts` from time 0 to `end`, whatever was added.
    pub fn draw_throughout(&mut self, host: HostId, watts: f64, end: f64) {
        self.hosts[host].energy_j = watts * end;
        if let Some(series) = &mut self.by_time {
            series.clear(host);
            series.add(host, 0.0, end, watts * end);
        }
    }

    /// Closes the books: the last states count as well.
    pub fn close(&mut self) {
        for host in self.hosts.ids() {
            let meter = &mut self.hosts[host];
            let at = meter.since.max(self.from);
            settle_state(meter, &mut self.uptimes, at);
        }
    }

    /// Mean relative shortage over what the accounting weighs, 0 when no VM was ever short.
    pub fn average_shortage(&self) -> f64 {
        if self.shortage_weight > 0.0 { self.shortage / self.shortage_weight } else { 0.0 }
    }
}

/// Notes that the state of the host at `at` was final: changes within an instant do not count.
fn settle_state(meter: &mut HostMeter, uptimes: &mut Vec<f64>, at: f64) {
    if meter.was_active && !meter.active {
        meter.shutdowns += 1;
        uptimes.push(at - meter.on_since);
    } else if !meter.was_active && meter.active {
        meter.on_since = at;
    }
    meter.was_active = meter.active;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostId = HostId(0);
    const VM: VmId = VmId(0);

    fn meter(accounting: Accounting, from: f64) -> Meter {
        Meter::new(1, 1, accounting, from)
    }

    /// 10 s at 100 W, then 5 s at 40 W: 1200 J; on for 15 s, of which 10 s in violation.
    #[test]
    fn left_values_hold_until_the_next_evaluation() {
        let mut meter = meter(Accounting::default(), 0.0);
        for (watts, violating, until) in [(100.0, true, 10.0), (40.0, false, 15.0)] {
            let host = &mut meter.hosts[HOST];
            (host.watts, host.active, host.violating) = (watts, true, violating);
            meter.vms[VM] = VmMeter { request: 2.0, allocated: 1.0, ..meter.vms[VM] };
            let dt = meter.integrate(HOST, until);
            if dt > 0.0 {
                meter.integrate_vm(VM, dt);
            }
            meter.add_energy(HOST, watts, 1.0, dt);
        }
        let (host, vm) = (meter.hosts[HOST], meter.vms[VM]);
        assert_eq!((host.energy_j, host.on_s, host.violation_s), (1200.0, 15.0, 10.0));
        assert_eq!((vm.demanded_mi, vm.allocated_mi), (30.0, 15.0));
    }

    /// From 100 W to 60 W in 10 s: 800 J; a host that did nothing at the left end uses nothing.
    #[test]
    fn the_trapezoid_takes_the_mean_of_both_ends() {
        let energy = EnergyIntegral::Trapezoid;
        let mut meter = meter(Accounting { energy, ..Accounting::default() }, 0.0);
        meter.hosts[HOST].watts = 60.0;
        meter.add_energy(HOST, 100.0, 5.0, 10.0);
        meter.add_energy(HOST, 100.0, 0.0, 10.0);
        assert_eq!(meter.hosts[HOST].energy_j, 800.0);
    }

    /// On at 5, off at 8, both seen; a flicker within the instant 8 is not.
    #[test]
    fn a_shutdown_is_counted_once_with_the_time_it_had_been_on() {
        let mut meter = meter(Accounting::default(), 0.0);
        for (active, until) in [(false, 5.0), (true, 8.0), (false, 8.0), (true, 8.0), (false, 9.0)]
        {
            meter.hosts[HOST].active = active;
            meter.integrate(HOST, until);
        }
        meter.close();
        assert_eq!((meter.hosts[HOST].shutdowns, meter.uptimes), (1, vec![3.0]));
    }

    #[test]
    fn nothing_counts_before_the_window_opens() {
        let mut meter = meter(Accounting::default(), 300.0);
        meter.hosts[HOST].active = true;
        assert_eq!(meter.integrate(HOST, 200.0), 0.0);
        assert_eq!(meter.integrate(HOST, 310.0), 10.0);
        assert_eq!(meter.hosts[HOST].on_s, 10.0);
    }
}
