//! What each host may use so that all together draw no more than the cap that is enforced.
//!
//! ```text
//! sum P_h(u_h) <= W (1 + e)    nobody is limited; else with A = W - sum P_h(0)
//! A >= sum R_h                 B_h = P_h(0) + R_h + E_h (A - sum R) / sum E
//! A < sum R_h                  B_h = P_h(0) + R_h max(A, 0) / sum R
//! R_h = P_h(r_h) - P_h(0)      E_h = P_h(u_h) - P_h(r_h)
//! ```
//!
//! A host that would draw more than its budget `B_h` gets no more CPU than its power curve allows
//! for that. So all hosts lose the same part of what they draw above idle, at first of what their
//! VMs without a reservation make them draw, and only when that is gone of the rest; within a host
//! the CPU that is left is shared as wherever there is not enough. Where even idle hosts draw more
//! than the cap no VM gets anything, and what is above is told (`above_cap_s`).
//!
//! `P_h`: power curve, W; of a host that wakes or shuts down its idle power, of one that is off 0;
//! `u_h`: utilisation without the cap; `r_h`: its part by VMs that boot or have a reservation; `W`:
//! the cap now, W; `e`: rounding, 1e-9. Budgets follow at every instant from the state of the hosts
//! then, not from what was before.
//!
//! Source: that a server is held to a budget by a limit on its processor, and budgets are shared
//! out of one for all, is Lefurgy, Wang and Ware, *Power capping: a prelude to power shifting*,
//! Cluster Computing 11(2), 2008, and Raghavendra, Ranganathan, Talwar, Wang and Zhu, *No "power"
//! struggles*, ASPLOS 2008. Known difference: theirs approach the budget by feedback within
//! seconds, here it holds at once.

use super::queue::Event;
use super::run::Engine;
use super::share::Usage;
use super::world::{PowerState, World};
use crate::id::{HostId, IdVec};
use crate::model::Fleet;
use crate::model::costs::Rate;
use crate::power::PowerTable;
use crate::time::Instant;
use crate::units::Watts;

/// `e`: rounding of sums of power, a part of the cap.
const ROUNDING: f64 = 1e-9;

/// Keeps a cap.
#[derive(Debug, Clone)]
pub struct Capping {
    cap: Rate,
    wants: IdVec<HostId, Want>,
    /// The most that each host may use, MIPS, where it is limited.
    limits: IdVec<HostId, Option<f64>>,
    /// Whether anything has changed since the limits were found.
    stale: bool,
}

/// What a host does where it is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Want {
    /// MIPS in use.
    used: f64,
    /// `P_h(0)`, W.
    idle: f64,
    /// `R_h`, W.
    kept: f64,
    /// `E_h`, W.
    other: f64,
}

impl Capping {
    /// Nobody is limited yet.
    pub fn new(cap: Rate, hosts: usize) -> Self {
        let (wants, limits) = (IdVec::filled(Want::default(), hosts), IdVec::filled(None, hosts));
        Self { cap, wants, limits, stale: true }
    }

    /// The most that each host may use at `now`, MIPS, where it is limited.
    fn found(
        &self,
        now: Instant,
        fleet: &Fleet,
        tables: &[PowerTable],
    ) -> IdVec<HostId, Option<f64>> {
        let sum = |part: fn(&Want) -> f64| self.wants.iter().map(|(_, want)| part(want)).sum();
        let (idle, kept, other): (f64, f64, f64) =
            (sum(|want| want.idle), sum(|want| want.kept), sum(|want| want.other));
        let cap = self.cap.at(now);
        let mut limits = IdVec::filled(None, self.wants.len());
        if idle + kept + other <= cap * (1.0 + ROUNDING) {
            return limits;
        }
        let left = (cap - idle).max(0.0);
        let reaches = left >= kept * (1.0 - ROUNDING);
        for (host, want) in self.wants.iter() {
            let (loses, above_idle) = match reaches {
                true => (want.other, want.kept + want.other * ((left - kept).max(0.0) / other)),
                false => (want.kept + want.other, want.kept * (left / kept)),
            };
            if loses > 0.0 {
                let table = &tables[usize::from(fleet.machine[host])];
                let most = table.utilisation_within(Watts(want.idle + above_idle));
                limits[host] = Some(most * fleet.capacity[host].0);
            }
        }
        limits
    }

    /// Whether `host` is limited: what its VMs get is less than what they take room for then.
    pub fn is_limited(&self, host: HostId) -> bool {
        self.limits[host].is_some()
    }

    /// Whether any host is limited, and MIPS that are not given for that, where `used` are.
    pub fn withheld(&self, used: impl Fn(HostId) -> f64) -> Option<f64> {
        let limited = self.limits.iter().filter(|(_, limit)| limit.is_some());
        let lacks = limited.map(|(host, _)| self.wants[host].used - used(host));
        lacks.reduce(|all, lack| all + lack)
    }
}

impl World<'_> {
    /// Notes what `host` does that serves its VMs with `usage` and those that boot there with
    /// `boot` MIPS, and gives it less if it is limited; gives what is used in all.
    pub(super) fn limit(&mut self, host: HostId, core: f64, mut usage: Usage, boot: f64) -> Usage {
        let used = usage.used + boot;
        let kept = self.kept_mips(host, core, boot);
        let table = &self.tables[usize::from(self.fleet.machine[host])];
        let capacity = self.fleet.capacity[host].0;
        let watts = |mips: f64| table.power((mips / capacity).min(1.0)).0;
        let want = match self.power[host] {
            PowerState::Off | PowerState::Failed => Want::default(),
            PowerState::Waking | PowerState::ShuttingDown => {
                Want { idle: watts(0.0), ..Want::default() }
            }
            PowerState::On => {
                let [idle, kept, all] = [0.0, kept.min(used), used].map(watts);
                let (kept, other) = ((kept - idle).max(0.0), (all - kept).max(0.0));
                Want { used, idle, kept, other }
            }
        };
        let Some(capping) = &mut self.capping else { return usage };
        capping.wants[host] = want;
        capping.stale = true;
        usage.used = used;
        match capping.limits[host] {
            Some(limit) if limit < used => {
                let boot = boot.min(limit);
                usage = self.ration(host, core, limit - boot);
                usage.used += boot;
                usage
            }
            _ => usage,
        }
    }

    /// What the VMs of `host` that boot, which take `boot`, and those with a reservation ask for,
    /// MIPS.
    fn kept_mips(&self, host: HostId, core: f64, boot: f64) -> f64 {
        let reserved = self.lists[host].iter().filter(|entry| self.reserved[entry.vm]);
        let asked = reserved.map(|entry| {
            let most = core * self.fleet.vm_cores[entry.vm];
            let request = self.demand.mips[entry.vm];
            self.sharing.serve(request, most, entry.role, self.toll[entry.vm]).asked
        });
        boot + asked.sum::<f64>()
    }

    /// Limits hosts as their state and the cap of now ask for.
    pub(super) fn keep_cap(&mut self) {
        let Some(capping) = &self.capping else { return };
        if !capping.stale {
            return;
        }
        let limits = capping.found(self.now.instant, self.fleet, &self.tables);
        for (host, &limit) in limits.iter() {
            if let Some(capping) = &mut self.capping
                && capping.limits[host] != limit
            {
                capping.limits[host] = limit;
                self.evaluate(host);
            }
        }
        if let Some(capping) = &mut self.capping {
            capping.stale = false;
        }
    }
}

impl Engine<'_> {
    /// Schedules the next change of the cap that is enforced.
    pub(super) fn expect_cap(&mut self) {
        let Some(capping) = &mut self.world.capping else { return };
        capping.stale = true;
        if let Some(next) = capping.cap.next_change(self.world.now.instant) {
            self.queue.push(self.clock.at(next), Event::CapChanges);
        }
    }
}
