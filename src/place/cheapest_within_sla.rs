//! Cheapest within the SLA: what each step costs in money, at the prices of the hours that it is
//! about, and with the service credits that its moves risk. Steps are planned as by `optimise`, of
//! which this sets the prices anew each time.
//!
//! ```text
//! e(s) = (PUE / 3.6e6) (price(s) + carbon(s) carbon-price / 1e6)             money per joule
//! e0 = e(t)     e1 = mean of e over [t, t + T]     e2 = mean of e over [t, t + R]
//!
//! cost = e1 sum of T P_h                    energy of the hosts, and of waking and shutting down
//!      + e2 (p short + f moves)             work not done, moves as such
//!      + l sum of T n_h Pr(D_h > C_h)       penalties for VMs that get less than they ask for
//!      + e0 sum of e_i                      energy of the copies, which are made now
//!      + sum of k_i                         credits: F_i (c(1 - (b_i + d_i) / B) - c(1 - b_i / B))
//! ```
//!
//! A VM with `d_i` > 0 stays where it is if 1 - (b_i + d_i) / B would be below the contract, that
//! is the availability from which the first tier holds.
//!
//! `T`: stable time, s; `R`: time over which energy has its usual worth, s, above 0; `P_h`, `D_h`,
//! `C_h`, `p`, `f`, `e_i`: as in `optimise`, with its other settings; `n_h`: VMs of the host; `l`:
//! penalty per second; `d_i`: seconds that the migration model stops the VM for; `b_i`: seconds
//! that it was down this month, by failures as they were and by its moves as predicted; `B`:
//! seconds that it is expected to be there this month, from when it was first seen to the month's
//! end and at most `period-s`; `F_i`: what it pays for that time; `c`: share that the tiers give
//! back.
//!
//! All of it is divided by `e1`, so a plan is weighed in joules of the energy ahead. Where prices
//! do not change, and without penalties and tiers, this is `optimise` to the last bit, and so it is
//! without `[costs]`. Where energy is dear the hosts are filled more, where it is cheap less.
//!
//! Source: own; tiers of credits by monthly availability are those of public clouds (Amazon Compute
//! Service Level Agreement, 2022). Known difference: contracts count an outage from a minute on.

use serde::{Deserialize, Serialize};

use super::Roster;
use super::optimise::{Copying, OptimiseSpec, Pricing, Worth};
use crate::id::{IdVec, VmId};
use crate::model::costs::{MONTH, Rate};
use crate::model::{Costs, Snapshot};
use crate::time::{Instant, Span};

const JOULES_PER_KWH: f64 = 3.6e6;
const G_PER_TONNE: f64 = 1e6;
const S_PER_HOUR: f64 = 3600.0;

/// Settings of `cheapest-within-sla`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CheapestSpec {
    /// `T`: seconds for which what is decided is expected to hold.
    pub stable_s: f64,
    /// `R`: seconds over which energy has its usual worth.
    pub usual_s: f64,
    /// The longest that a VM is expected to be there in a month, seconds.
    pub period_s: f64,
    /// `p`: price of work not done, joules of usual energy per million instructions.
    pub shortage_j_per_mi: f64,
    /// `f`: price of a move as such, joules of usual energy.
    pub move_j: f64,
    /// Fraction by which a move must bring more than it costs.
    pub hysteresis: f64,
}

impl Default for CheapestSpec {
    fn default() -> Self {
        let OptimiseSpec { stable_s, shortage_j_per_mi, move_j, hysteresis, .. } =
            OptimiseSpec::default();
        let (usual_s, period_s) = (86_400.0, MONTH.seconds());
        Self { stable_s, usual_s, period_s, shortage_j_per_mi, move_j, hysteresis }
    }
}

impl CheapestSpec {
    /// The settings of the steps.
    pub fn steps(&self) -> OptimiseSpec {
        OptimiseSpec {
            stable_s: self.stable_s,
            shortage_j_per_mi: self.shortage_j_per_mi,
            move_j: self.move_j,
            hysteresis: self.hysteresis,
            ..OptimiseSpec::default()
        }
    }
}

/// Prices of steps by what `[costs]` says.
pub struct Contract {
    spec: CheapestSpec,
    costs: Costs,
    /// Seconds that a move stops each VM for.
    stops_s: IdVec<VmId, f64>,
    /// What has become of each VM this month.
    months: IdVec<VmId, Month>,
    /// What a move of each VM risks now, joules of the energy ahead; `None`: it may not move.
    risks: IdVec<VmId, Option<f64>>,
}

/// A VM in the month that runs.
#[derive(Debug, Clone, Copy, Default)]
struct Month {
    number: i64,
    /// When it was first seen in it.
    seen: Option<Instant>,
    /// Its downtime by failures before, seconds.
    before_s: f64,
    /// Downtime of its moves, as predicted, seconds.
    stopped_s: f64,
}

impl Contract {
    /// For VMs that are copied so.
    pub fn new(spec: CheapestSpec, costs: Costs, copying: &IdVec<VmId, Copying>) -> Self {
        let stops_s = copying.as_slice().iter().map(|copy| copy.downtime_s).collect();
        let months = IdVec::filled(Month::default(), copying.len());
        let risks = IdVec::filled(Some(0.0), copying.len());
        Self { spec, costs, stops_s, months, risks }
    }

    /// `e` on average over some seconds from `at` on, money per joule.
    fn energy(&self, at: Instant, seconds: f64) -> f64 {
        let Costs { energy_price, carbon_intensity, carbon_price, pue, .. } = &self.costs;
        let price = mean(energy_price, at, seconds);
        let carbon = mean(carbon_intensity, at, seconds) * carbon_price / G_PER_TONNE;
        pue * (price + carbon) / JOULES_PER_KWH
    }

    /// Share of the price of a month that is given back at an availability, a fraction.
    fn credit(&self, availability: f64) -> f64 {
        let tier = self.costs.sla.iter().find(|tier| availability * 100.0 >= tier.from);
        tier.map_or(0.0, |tier| tier.credit / 100.0)
    }

    /// What a move of `vm` risks in money; `None` if it may not move.
    fn risk(&mut self, vm: VmId, down_s: f64, state: &Snapshot<'_>) -> Option<f64> {
        let (now, stops_s) = (state.now, self.stops_s[vm]);
        let month = &mut self.months[vm];
        let number = now.0.div_euclid(MONTH.0);
        if month.seen.is_none() || month.number != number {
            *month = Month { number, seen: Some(now), before_s: down_s, stopped_s: 0.0 };
        }
        let contract = self.costs.sla.first()?.from / 100.0;
        let end = Instant((number + 1) * MONTH.0);
        let left_s = (end - month.seen.unwrap_or(now)).seconds();
        let there_s = left_s.min(self.spec.period_s);
        let down_s = down_s - month.before_s + month.stopped_s;
        let up = |down_s: f64| (1.0 - down_s / there_s).max(0.0);
        let (before, after) = (up(down_s), up(down_s + stops_s));
        if stops_s > 0.0 && after < contract {
            return None;
        }
        let fee = self.costs.hour_price(vm.0 as usize, state.fleet.vms()) * there_s / S_PER_HOUR;
        Some(fee * (self.credit(after) - self.credit(before)))
    }
}

impl Pricing for Contract {
    fn name(&self) -> &'static str {
        "cheapest-within-sla"
    }

    fn look(&mut self, state: &Snapshot<'_>, roster: Roster<'_>) -> Worth {
        let ahead = self.energy(state.now, self.spec.stable_s);
        let unit = if ahead > 0.0 { ahead } else { self.energy(state.now, self.spec.usual_s) };
        let free = unit <= 0.0;
        let unit = if free { 1.0 } else { unit };
        let contract = !self.costs.sla.is_empty();
        let present = roster.home.iter().filter(|(_, home)| home.is_some() && contract);
        for (vm, _) in present {
            let risk =
                self.risk(vm, roster.down_s.get(vm.0 as usize).copied().unwrap_or(0.0), state);
            self.risks[vm] = risk.map(|money| if free { 0.0 } else { money / unit });
        }
        if free {
            return Worth::default();
        }
        Worth {
            now: self.energy(state.now, 0.0) / unit,
            usual: self.energy(state.now, self.spec.usual_s) / unit,
            short_vm_j: self.costs.penalty_per_s / unit,
        }
    }

    fn risk_j(&self, vm: VmId) -> Option<f64> {
        self.risks[vm]
    }

    fn moves(&mut self, vm: VmId) {
        self.months[vm].stopped_s += self.stops_s[vm];
    }
}

/// Mean of `rate` over some seconds from `at` on; its value then if they are none.
fn mean(rate: &Rate, at: Instant, seconds: f64) -> f64 {
    let end = at + Span::from_seconds(seconds);
    let (mut since, mut sum) = (at, 0.0);
    loop {
        let next = rate.next_change(since).filter(|&next| next < end);
        let value = rate.at(since);
        let Some(next) = next else {
            // A rate that does not change is what it is, to the last bit.
            return match since == at {
                true => value,
                false => (sum + value * (end - since).seconds()) / (end - at).seconds(),
            };
        };
        sum += value * (next - since).seconds();
        since = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::costs::{HourPrice, Series, Then, Tier};
    use crate::model::{Fleet, VmHistories, VmType};
    use crate::units::{Bytes, Mips};

    fn tariff() -> Rate {
        let steps = vec![(0.0, 0.1), (3600.0, 0.3)];
        Rate::Series(Series { steps, then: Then::Hold, ..Series::default() })
    }

    fn contract(costs: Costs, downtime_s: f64) -> Contract {
        let copy = Copying { bytes: 0.0, seconds: 10.0, energy_j: 0.0, slowdown: 0.1, downtime_s };
        Contract::new(CheapestSpec::default(), costs, &IdVec::filled(copy, 1))
    }

    /// A quarter of an hour at 0.1 and three at 0.3 are 0.25 on average; a tonne at 72 for 500 g
    /// per kWh is 0.036 more; at a PUE of 1.5, and 3.6e6 J to a kWh.
    #[test]
    fn energy_is_worth_what_its_hours_cost() {
        let costs = Costs {
            energy_price: tariff(),
            carbon_intensity: Rate::Constant(500.0),
            carbon_price: 72.0,
            pue: 1.5,
            ..Costs::default()
        };
        let contract = contract(costs, 0.0);
        let found = contract.energy(Instant::from_seconds(2700.0), 3600.0);
        assert!((found - 1.5 * (0.25 + 0.036) / 3.6e6).abs() < 1e-18, "{found}");
        let now = contract.energy(Instant::from_seconds(2700.0), 0.0);
        assert!((now - 1.5 * 0.136 / 3.6e6).abs() < 1e-18, "{now}");
    }

    /// 99.9 % of 30 days are all but 2592 s. A VM at 0.05 per hour pays 36. The first move stops it
    /// for 2000 s, which costs nothing; a second would make it 4000 s, which is below the contract.
    #[test]
    fn a_vm_moves_as_long_as_its_contract_is_kept() {
        let tiers = [(99.9, 0.0), (99.0, 10.0), (0.0, 30.0)];
        let sla = tiers.map(|(from, credit)| Tier { from, to: None, credit }).to_vec();
        let hour = HourPrice::All(0.05);
        let costs = Costs { sla, vm_hour_price: hour, ..Costs::default() };
        let mut contract = contract(costs, 2000.0);
        let mut fleet = Fleet::default();
        fleet.add_vm(VmType::new(Mips(1.0), Bytes(1)), 0);
        let (demand, histories) = (IdVec::filled(0.0, 1), VmHistories::with_window(1, 1));
        let (utilisation, vm) = (IdVec::default(), VmId(0));
        let at = |seconds: f64| Snapshot {
            now: Instant::from_seconds(seconds),
            fleet: &fleet,
            demand: &demand,
            histories: &histories,
            utilisation: &utilisation,
        };
        assert_eq!(contract.risk(vm, 0.0, &at(0.0)), Some(0.0));
        contract.moves(vm);
        assert_eq!(contract.risk(vm, 0.0, &at(300.0)), None);
        // Another month, another contract; failures before it do not count in it.
        assert_eq!(contract.risk(vm, 700.0, &at(2_592_000.0)), Some(0.0));
        assert_eq!(contract.risk(vm, 1300.0, &at(2_592_300.0)), None);
        // Where the contract promises less than the first credit, that is what is at risk.
        contract.costs.sla[0] = Tier { from: 99.0, to: None, credit: 0.0 };
        contract.costs.sla[1] = Tier { from: 98.0, to: None, credit: 10.0 };
        assert_eq!(contract.risk(vm, 1300.0, &at(2_592_300.0)), Some(0.0));
        assert!((contract.credit(0.985) - 0.1).abs() < 1e-12);
    }
}
