//! One walk over all instants of a run that adds up energy, work and violations.
//!
//! Between two instants the state after the earlier one holds. Power is that of the earlier one
//! (`exact`), or the mean of it and of the state just before the later one's actions
//! (`trapezoid`; there a host counts as on while it spends anything, `W > 0`).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::record::MoveRecord;
use crate::model::rules::{
    Average, BetweenSamples, EnergyIntegral, IdleVms, Oversubscription, PowerPolicy, Shutdowns,
};
use crate::problem::Problem;
use crate::time::Instant;

use super::Evidence;
use super::event::{Deed, Event};
use super::layout::Layout;
use super::snapshot::{HostNow, Snapshot, Touched};
use super::supply::{Moment, Rounding};
use super::timetable::Timetable;

/// What one host adds up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HostTotal {
    pub on_s: f64,
    pub transition_s: f64,
    pub violation_s: f64,
    pub energy_j: f64,
    pub shutdowns: u32,
}

/// What one VM adds up to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct VmTotal {
    pub demanded_mi: f64,
    pub allocated_mi: f64,
    pub lost_mi: f64,
    pub short_s: f64,
    pub migrations: u32,
}

/// The state after one decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct AtDecision {
    pub seconds: f64,
    pub hosts_on: usize,
    pub vms: usize,
    pub demand_mips: f64,
    pub allocated_mips: f64,
    pub power_w: f64,
    /// Migrations begun at this very instant.
    pub begun: usize,
}

/// All totals of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    pub hosts: Vec<HostTotal>,
    pub vms: Vec<VmTotal>,
    pub decisions: BTreeMap<Instant, AtDecision>,
    /// Length of the window, seconds.
    pub window_s: f64,
    /// Sum of weighted shortages `(r - a) / r`, and of their weights.
    pub shortage: (f64, f64),
    /// Seconds on before each shutdown.
    pub uptimes: Vec<f64>,
    /// VMs that had to be retired and were not.
    pub idle_kept: Vec<Problem>,
    /// Time (bits of its seconds), host and VM of each share that is in doubt.
    pub in_doubt: BTreeSet<(u64, usize, usize)>,
    /// Joules by host and the change of price, or end of a month, before; where that matters.
    pub used: BTreeMap<(Instant, usize), f64>,
    /// Those changes, with their seconds.
    edges: Vec<(Instant, f64)>,
    /// Seconds above the power cap, joules above it, and the highest power, W.
    pub capped: [f64; 3],
    /// Seconds in which hosts are limited for it, and million instructions not done for that.
    pub limited: (f64, f64),
    /// By end, VM and destination of a migration: its source, and the energy it used.
    charges: BTreeMap<(Instant, usize, usize), (usize, f64)>,
    rounding: Rounding,
    switches: Switches,
}

/// Which hosts are on, as the count of shutdowns sees it.
#[derive(Debug, Clone, Default)]
struct Switches {
    /// Per host; empty before the first look.
    on: Vec<bool>,
    since: Vec<f64>,
}

/// Replays a run whose actions are possible.
pub(super) fn keep(
    evidence: &Evidence,
    events: &[Event],
    times: &Timetable,
    rounding: Rounding,
) -> Ledger {
    let mut layout = Layout::empty(evidence);
    let mut ledger = Ledger {
        hosts: vec![HostTotal::default(); evidence.fleet.hosts()],
        vms: vec![VmTotal::default(); evidence.fleet.vms()],
        charges: charges(evidence),
        edges: edges(evidence, times.last),
        rounding,
        ..Ledger::default()
    };
    let (mut rest, mut touched) = (events, Touched::default());
    let mut before: Option<(f64, Moment, Snapshot)> = None;
    for (&at, &seconds) in times.instants.range(..=times.last) {
        let (now, later) = rest.split_at(rest.iter().take_while(|e| e.at == at).count());
        rest = later;
        if let Some((since, _, left)) = &before {
            ledger.add(evidence, &layout, left, *since, seconds);
        }
        if at >= times.first && demand_changes(evidence, times, at, now) {
            ledger.find_idle(evidence, &layout, at, seconds, now);
        }
        ledger.play(&mut layout, now, &mut touched);
        if times.counts(at) {
            let moment = Moment::at(evidence, seconds);
            let snapshot = match before.take() {
                Some((_, seen, mut last)) if seen == moment && steady(evidence) => {
                    last.renew(evidence, &layout, seconds, &touched, rounding);
                    last
                }
                _ => ledger.snapshot(evidence, &layout, seconds),
            };
            touched = Touched::default();
            ledger.look(evidence, &snapshot, (at, seconds), now, times);
            before = Some((seconds, moment, snapshot));
        }
    }
    if evidence.rules.host.power == PowerPolicy::AlwaysPeak {
        ledger.draw_peak_from_the_start(times, before.map(|(_, _, last)| last));
    }
    ledger
}

/// Whether a host at which nothing happens stays as it is while its VMs ask for the same, and no
/// doubt has to be noted anew.
fn steady(evidence: &Evidence) -> bool {
    let rules = &evidence.rules;
    rules.demand.between_samples == BetweenSamples::Hold
        && rules.accounting.energy == EnergyIntegral::Exact
        && rules.host.oversubscription == Oversubscription::Proportional
}

/// When a price of energy may change, up to `end`.
fn edges(evidence: &Evidence, end: Instant) -> Vec<(Instant, f64)> {
    let edges =
        evidence.rules.costs.as_ref().map(|costs| super::site_bill::edges(evidence, costs, end));
    edges.unwrap_or_default().into_iter().map(|edge| (edge, edge.seconds())).collect()
}

/// What migrations that ended used.
fn charges(evidence: &Evidence) -> BTreeMap<(Instant, usize, usize), (usize, f64)> {
    let known = |row: &&MoveRecord| (row.from.0 as usize) < evidence.fleet.hosts();
    let ended = evidence.record.moves.iter().filter(|row| row.energy_j > 0.0).filter(known);
    ended
        .filter_map(|row| {
            let [vm, from, to] = [row.vm.0, row.from.0, row.to.0].map(|id| id as usize);
            Some(((row.end?, vm, to), (from, row.energy_j)))
        })
        .collect()
}

impl Ledger {
    /// Under `power = "always-peak"` every host uses its peak from time 0 on, whatever counts else.
    fn draw_peak_from_the_start(&mut self, times: &Timetable, last: Option<Snapshot>) {
        let end_s = times.instants.get(&times.last).copied().unwrap_or_default();
        for (total, now) in self.hosts.iter_mut().zip(last.unwrap_or_default().hosts) {
            total.energy_j = now.power * end_s;
        }
        self.used.clear();
        for host in 0..self.hosts.len() {
            self.divide(host, 0.0, end_s, self.hosts[host].energy_j / end_s);
        }
    }

    /// Divides what `host` uses at `power` between two times among the edges.
    fn divide(&mut self, host: usize, since: f64, until: f64, power: f64) {
        if self.edges.is_empty() || power == 0.0 {
            return;
        }
        let first = self.edges.partition_point(|(_, edge)| *edge <= since).max(1) - 1;
        for i in first..self.edges.len() {
            let (edge, from) = self.edges[i];
            let to = self.edges.get(i + 1).map_or(f64::INFINITY, |(_, next)| *next);
            if from >= until {
                break;
            }
            let time = until.min(to) - since.max(from);
            *self.used.entry((edge, host)).or_default() += power * time;
        }
    }

    /// The state at `seconds`, of which the doubts are noted.
    fn snapshot(&mut self, evidence: &Evidence, layout: &Layout<'_>, seconds: f64) -> Snapshot {
        let snapshot = Snapshot::of(evidence, layout, seconds, self.rounding);
        let doubts = snapshot.in_doubt.iter().map(|&(host, vm)| (seconds.to_bits(), host, vm));
        self.in_doubt.extend(doubts);
        snapshot
    }

    /// Adds the time from `since` to `until`, during which `left` holds.
    fn add(
        &mut self,
        evidence: &Evidence,
        layout: &Layout<'_>,
        left: &Snapshot,
        since: f64,
        until: f64,
    ) {
        let time = until - since;
        self.window_s += time;
        let right = match evidence.rules.accounting.energy {
            EnergyIntegral::Exact => None,
            EnergyIntegral::Trapezoid => Some(self.snapshot(evidence, layout, until)),
        };
        let mut drawn = Vec::new();
        for (h, (total, now)) in self.hosts.iter_mut().zip(&left.hosts).enumerate() {
            total.on_s += if now.active { time } else { 0.0 };
            total.transition_s += if now.in_transition { time } else { 0.0 };
            total.violation_s += if now.violated { time } else { 0.0 };
            let power = mean_power(now, right.as_ref().map(|r| &r.hosts[h]));
            total.energy_j += power * time;
            drawn.push(power);
        }
        let above = evidence.rules.host.cap_w.is_none() || left.capped.above;
        self.hold_against_cap(evidence, (drawn.iter().sum(), above), since, until);
        if let Some(mips) = left.capped.withheld {
            self.limited = (self.limited.0 + time, self.limited.1 + mips * time);
        }
        for (host, power) in drawn.into_iter().enumerate() {
            self.divide(host, since, until, power);
        }
        let average = evidence.rules.accounting.average;
        for (total, now) in self.vms.iter_mut().zip(&left.vms) {
            total.demanded_mi += now.demand * time;
            total.allocated_mi += now.allocated * time;
            total.lost_mi += now.lost * time;
            if now.short {
                total.short_s += time;
                let weight = match average {
                    Average::TimeWeighted => time,
                    Average::PerInterval => 1.0,
                };
                self.shortage.0 += weight * (now.demand - now.allocated) / now.demand;
                self.shortage.1 += weight;
            }
        }
    }

    /// Adds what is above the power cap while all hosts draw `power`; one that is enforced is
    /// passed where even idle hosts draw more, and nowhere else.
    fn hold_against_cap(
        &mut self,
        evidence: &Evidence,
        (power, above): (f64, bool),
        since: f64,
        until: f64,
    ) {
        let Some(cap) = &evidence.rules.power_cap else { return };
        if until <= since {
            return;
        }
        let [above_s, above_j, peak] = &mut self.capped;
        *peak = peak.max(power);
        let end = Instant::from_seconds(until);
        let mut from = Instant::from_seconds(since);
        while from < end {
            let to = cap.next_change(from).unwrap_or(end).min(end);
            let (time, excess) = ((to - from).seconds(), power - cap.at(from));
            if above && excess > 0.0 {
                (*above_s, *above_j) = (*above_s + time, *above_j + excess * time);
            }
            from = to;
        }
    }

    /// Applies the actions of one instant, and notes what they touch.
    fn play(&mut self, layout: &mut Layout<'_>, now: &[Event], touched: &mut Touched) {
        for event in now {
            touched.hosts.extend(event.hosts());
            if let Some(vm) = event.vm() {
                touched.vms.insert(vm);
                touched.hosts.extend(layout.home[vm]);
            }
            // An impossible action changes nothing; `history` has reported it.
            let _ = layout.apply(event);
            if let Deed::Depart { vm, .. } = event.deed {
                self.vms[vm].migrations += 1;
            }
            self.charge(event);
        }
    }

    /// Half of what a migration used goes to each of its hosts when it ends.
    fn charge(&mut self, event: &Event) {
        let (vm, to) = match event.deed {
            Deed::Arrive { vm, to, .. }
            | Deed::Abort { vm, to, .. }
            | Deed::Crash { vm, to, .. } => (vm, to),
            _ => return,
        };
        if let Some((from, energy_j)) = self.charges.remove(&(event.at, vm, to)) {
            for host in [from, to] {
                self.hosts[host].energy_j += energy_j / 2.0;
                // What is used at an edge was used before it.
                let before = self.edges.partition_point(|(edge, _)| *edge < event.at).max(1) - 1;
                if let Some(&(edge, _)) = self.edges.get(before) {
                    *self.used.entry((edge, host)).or_default() += energy_j / 2.0;
                }
            }
        }
    }

    /// Notes what is on after the actions of an instant (a switch that is undone within it does not
    /// count), and the whole state after a decision.
    fn look(
        &mut self,
        evidence: &Evidence,
        snapshot: &Snapshot,
        (at, seconds): (Instant, f64),
        now: &[Event],
        times: &Timetable,
    ) {
        let unused = evidence.rules.accounting.shutdowns == Shutdowns::UnusedCounted;
        let decided = evidence.record.samples.first().map(|s| Instant::from_seconds(s.seconds));
        if !unused || decided.is_none_or(|first| at >= first) {
            if !self.switches.seen() {
                // Hosts that are on at the first look have been since time 0; where unused hosts
                // count (Q17), so have all others, and go off now.
                let on = snapshot.hosts.iter().map(|h| unused || h.active).collect();
                self.switches = Switches { on, since: vec![0.0; snapshot.hosts.len()] };
            }
            for (host, state) in snapshot.hosts.iter().enumerate() {
                self.switch(host, state.active, seconds);
            }
        }
        if times.decisions.contains_key(&at) {
            let begun = now.iter().filter(|e| matches!(e.deed, Deed::Depart { .. })).count();
            self.decisions.insert(at, decision(snapshot, seconds, begun));
        }
    }

    fn switch(&mut self, host: usize, on: bool, seconds: f64) {
        if self.switches.on[host] && !on {
            self.hosts[host].shutdowns += 1;
            self.uptimes.push(seconds - self.switches.since[host]);
        }
        if !self.switches.on[host] && on {
            self.switches.since[host] = seconds;
        }
        self.switches.on[host] = on;
    }

    /// Under Q1, a VM that asks for nothing and is not being copied goes at the next look.
    fn find_idle(
        &mut self,
        evidence: &Evidence,
        layout: &Layout<'_>,
        at: Instant,
        seconds: f64,
        now: &[Event],
    ) {
        // A VM that waits for its destination to wake, or for its turn, has no row yet.
        let host = &evidence.rules.host;
        let at_once = host.wake_s == 0.0 && host.shutdown_s == 0.0;
        let all_seen = at_once && evidence.unknown_durations.is_none();
        if evidence.rules.demand.idle_vms != IdleVms::Retire || !all_seen || at == Instant::START {
            return;
        }
        let gone: BTreeSet<usize> = now
            .iter()
            .filter_map(|e| if let Deed::Stop { vm, .. } = e.deed { Some(vm) } else { None })
            .collect();
        let moment = Moment::at(evidence, seconds);
        for vm in 0..layout.home.len() {
            let idle = layout.home[vm].is_some()
                && !layout.departing[vm]
                && moment.demand(evidence.load_of(vm)) == 0.0;
            if idle && !gone.contains(&vm) {
                let what = format!("v{vm} asks for nothing and stays, expected `vm-stop`");
                let remedy = "Rerun the spec; if it happens again, report it";
                let place = format!("actions at {at}");
                self.idle_kept.push(Problem::new("GLN-612", place, what, remedy));
            }
        }
    }
}

impl Switches {
    fn seen(&self) -> bool {
        !self.on.is_empty()
    }
}

/// Whether VMs may have fallen idle at this instant: held demand changes with the samples, any
/// other at each instant at which something happens.
fn demand_changes(evidence: &Evidence, times: &Timetable, at: Instant, now: &[Event]) -> bool {
    let continuous = evidence.rules.demand.between_samples == BetweenSamples::Interpolate;
    times.decisions.contains_key(&at) || (continuous && !now.is_empty())
}

/// Mean power of a host from one look (`left`) to the next (`right`, only for the trapezoid), W.
fn mean_power(left: &HostNow, right: Option<&HostNow>) -> f64 {
    match right {
        None => left.power,
        Some(_) if left.in_transition => left.idle_power,
        Some(_) if !left.active => 0.0,
        Some(right) => left.table_power + (right.table_power - left.table_power) / 2.0,
    }
}

fn decision(snapshot: &Snapshot, seconds: f64, begun: usize) -> AtDecision {
    AtDecision {
        seconds,
        hosts_on: snapshot.hosts.iter().filter(|h| h.active).count(),
        vms: snapshot.vms.iter().filter(|v| v.running).count(),
        demand_mips: snapshot.vms.iter().map(|v| v.demand).sum(),
        allocated_mips: snapshot.vms.iter().map(|v| v.allocated).sum(),
        power_w: snapshot.hosts.iter().map(|h| h.power).sum(),
        begun,
    }
}
