//! What happens to load: samples, decisions, migrations, hosts that are switched on and off, and
//! VMs that come and go with their leases.

use std::ops::ControlFlow;

use super::clock::{Clock, Moment};
use super::decide::{Decision, decide};
use super::demand::DemandCurve;
use super::moves::Moves;
use super::outages::Outages;
use super::provision::Provisioning;
use super::queue::{Event, EventQueue};
use super::returns;
use super::share::Role;
use super::start::place_all;
use super::tenants::Tenants;
use super::timeline::Watch;
use super::world::{Entry, Move, PowerState, World};
use super::{Error, Policies};
use crate::id::{HostId, VmId};
use crate::metric::{CapMeter, EnergySeries, Meter};
use crate::migrate::{Due, TransferId};
use crate::model::record::{ActionKind, DecisionRecord, Reason};
use crate::model::rules::{Contention, IdleVms, Window};
use crate::model::{Fleet, Rules};
use crate::place::{Draft, Fence, Weighed};
use crate::policy::PolicyError;
use crate::time::{Instant, Span};
use crate::topology::Routes;
use crate::trace::UtilisationTrace;

pub(super) struct Engine<'a> {
    pub(super) world: World<'a>,
    pub(super) draft: Draft,
    pub(super) queue: EventQueue,
    pub(super) moves: Moves<'a>,
    pub(super) clock: Clock,
    pub(super) samples: usize,
    /// Whether VMs come and go with leases: samples go on until those are over, and hosts stay on.
    pub(super) leased: bool,
    /// Those VMs, if they are consolidated.
    pub(super) tenants: Option<Tenants>,
    /// What VMs need before they run, if anything.
    pub(super) provisioning: Option<Provisioning<'a>>,
    /// What fails, if anything does.
    pub(super) outages: Option<Outages<'a>>,
    end: Moment,
    /// Hosts to evaluate before time goes on.
    pub(super) touched: Vec<HostId>,
    pub(super) transfers_changed: bool,
    /// Sample of the last decision, hosts found overloaded and migrations decided, until all else
    /// of that instant has happened.
    pub(super) decided: Option<(usize, usize, usize)>,
    /// Why a model could not answer.
    pub(super) failure: Option<PolicyError>,
}

impl<'a> Engine<'a> {
    pub fn new(
        fleet: &'a Fleet,
        trace: &'a UtilisationTrace,
        rules: &'a Rules,
        policies: &Policies,
        routes: Option<Routes<'a>>,
    ) -> Self {
        let clock = Clock::new(rules.demand.clock, trace.step());
        let from = match rules.accounting.window {
            Window::Whole => 0.0,
            Window::DecisionsOnly => clock.first_decision().seconds,
        };
        let mut meter = Meter::new(fleet.hosts(), fleet.vms(), rules.accounting.clone(), from);
        meter.by_time = rules.costs.as_ref().map(|costs| EnergySeries::new(costs, fleet.hosts()));
        let enforced = rules.host.cap_w.is_some();
        meter.cap = rules.power_cap.clone().map(|cap| CapMeter::new(cap, enforced));
        let demand = DemandCurve::new(trace, fleet, rules.demand.between_samples);
        let bandwidth = rules.migration.bandwidth();
        let intervals_per_byte = 1.0 / bandwidth / trace.step().seconds();
        let window = policies.overload.window().max(policies.underload.window());
        let planner = policies.plan.as_ref().map_or(0, |planner| planner.window());
        let looks_back = planner.max(policies.place.window());
        let draft = Draft::new(fleet, policies.history, intervals_per_byte, window)
            .judged_by(&*policies.overload)
            .lending_pasts(policies.underload.window() > 0)
            .fenced(rules.sites.as_ref().map(|sites| Fence::new(sites, fleet)));
        let conduct = policies.migration.clone();
        let (hosts, seed) = (fleet.hosts(), conduct.seed);
        let sites = rules.sites.as_ref();
        let outages = rules.outages.as_ref();
        let net = conduct.topology.clone();
        let outages = outages.map(|rules| Outages::new(rules, sites, net.as_deref(), hosts, seed));
        let moves = Moves::new(conduct, routes, rules, fleet);
        Self {
            world: World::new(fleet, rules, demand, meter, clock.start(), window.max(looks_back)),
            draft,
            queue: EventQueue::default(),
            moves,
            clock,
            samples: trace.samples(),
            leased: false,
            tenants: None,
            provisioning: None,
            outages,
            end: clock.at(Instant::START + trace.step() * trace.samples() as i64),
            touched: Vec::new(),
            transfers_changed: false,
            decided: None,
            failure: None,
        }
    }

    /// Places the VMs and schedules the first events.
    pub fn start(&mut self, policies: &mut Policies) -> Result<(), Error> {
        self.world.demand.set_sample(0);
        for vm in self.world.home.ids() {
            self.world.demand.update(vm, 0.0);
        }
        let whole = self.world.rules.accounting.window == Window::Whole;
        if !self.world.demand.is_continuous() {
            self.remember_sample();
        }
        self.expect_outages();
        self.expect_cap();
        place_all(&mut self.world, &mut self.draft, policies)?;
        self.draft.count_memory(self.world.counts_memory());
        if whole || !self.world.demand.is_continuous() {
            self.world.evaluate_all();
        }
        self.keep_headroom();
        if self.samples > 1 {
            self.queue.push(self.clock.first_decision(), Event::Sample(1));
        }
        if whole {
            self.queue.push(self.end, Event::End);
        }
        Ok(())
    }

    /// When the next event is, and whether it comes before what happens to leases then.
    pub fn next_event(&self) -> Option<(Instant, bool)> {
        self.queue.peek().map(|(at, event)| (at.instant, event.comes_before_leases()))
    }

    /// Lets the next event happen; says stop when it is the last.
    pub fn happen(
        &mut self,
        policies: &mut Policies,
        watch: &mut Watch<'_>,
    ) -> Result<ControlFlow<()>, Error> {
        let Some((at, event)) = self.queue.pop() else { return Ok(ControlFlow::Break(())) };
        // An end announced for an earlier rate is no event, nor is a failure that comes too
        // late: nothing is evaluated then.
        let void = match event {
            Event::LegEnds(id, revision) => !self.moves.transfers.is_current(id, revision),
            Event::Fails(id, row, part) => self.moves.ends_by(id, row, part).is_none(),
            _ => self.is_overtaken(event, at.instant),
        };
        if !void {
            self.reach(at);
        } else if !matches!(event, Event::LegEnds(..) | Event::Fails(..)) {
            return Ok(ControlFlow::Continue(()));
        }
        match event {
            Event::LegEnds(id, revision) => self.end_leg(id, revision)?,
            Event::Fails(id, row, part) => self.fail(id, row, part),
            Event::Restart(vm) => self.restart(vm),
            Event::Closes(which) => self.closes(which),
            Event::Breaks(which) => self.breaks(which, policies)?,
            Event::Mends(which) => self.mends(which, policies)?,
            Event::Rescue => self.rescue(policies)?,
            Event::Boots(vm) => self.boots(vm),
            Event::HostOn(host) => {
                self.host_on(host);
                self.keep_headroom();
            }
            Event::HostOff(host) => self.host_off(host),
            Event::CapChanges => self.expect_cap(),
            Event::Prepare => self.prepare(policies)?,
            Event::StageEnds(vm, row) => self.end_stage(vm, row),
            Event::Sample(sample) => {
                if watch(at.instant).is_break() {
                    return Err(Error::Interrupted { at: at.instant });
                }
                self.sample(sample);
            }
            Event::Decide(sample) => self.decide(sample, policies)?,
            Event::End => {
                self.describe();
                self.world.evaluate_all();
                return Ok(ControlFlow::Break(()));
            }
        }
        let next_phase_is_later =
            self.queue.peek().is_none_or(|(next, e)| next.instant > at.instant || !e.is_leg_end());
        if next_phase_is_later {
            self.flush();
        }
        self.failure.take().map_or(Ok(ControlFlow::Continue(())), |error| Err(error.into()))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.world.now.instant
    }

    /// Time goes on to `at`.
    pub(super) fn reach(&mut self, at: Moment) {
        if at.instant > self.world.now.instant {
            self.world.keep_cap();
            self.describe();
            self.world.meter_cap(at.instant);
            self.world.now = at;
            self.move_on();
        }
    }

    /// Time has passed: demand that changes continuously is evaluated anew everywhere.
    fn move_on(&mut self) {
        if self.world.demand.is_continuous() {
            self.world.demand.advance(self.world.now.seconds);
            self.evaluate_all();
        }
    }

    /// Evaluates every host with VMs; VMs found idle may be removed.
    fn evaluate_all(&mut self) {
        self.world.evaluate_all();
        if self.world.take_idle_seen() && self.world.rules.demand.idle_vms == IdleVms::Retire {
            self.retire_idle();
        }
    }

    /// Removes the VMs that ask for exactly nothing, unless they are in migration.
    fn retire_idle(&mut self) {
        for host in self.world.inhabited().to_vec() {
            let idle = |e: &&Entry| {
                e.role == Role::Running
                    && self.world.bound[e.vm] == 0
                    && self.world.demand.mips[e.vm] == 0.0
            };
            let idle: Vec<VmId> =
                self.world.lists[host].iter().filter(idle).map(|e| e.vm).collect();
            for vm in idle {
                self.world.delist(host, vm);
                self.world.home[vm] = None;
                self.world.note(ActionKind::VmStop, Some(vm), Some(host), None, Reason::Idle);
                self.touched.push(host);
            }
        }
        self.flush();
    }

    fn sample(&mut self, sample: usize) {
        if !self.world.demand.is_continuous() {
            self.world.demand.set_sample(sample);
            self.evaluate_all();
        }
        self.remember_sample();
        self.queue.push(self.world.now, Event::Decide(sample));
        if sample + 1 < self.samples {
            let next = self.clock.next_decision(self.world.now);
            self.queue.push(next, Event::Sample(sample + 1));
        }
    }

    /// Appends the utilisation of every VM that is present (or about to be placed) to its past.
    fn remember_sample(&mut self) {
        let nobody = self.world.inhabited().is_empty() && self.world.down.is_empty();
        let before_start = nobody && !self.leased;
        for vm in self.world.home.ids() {
            if before_start || self.world.home[vm].is_some() {
                let u = self.world.demand.fraction(vm, self.world.now.seconds);
                self.world.histories.push(vm, u);
            }
        }
    }

    fn decide(&mut self, sample: usize, policies: &mut Policies) -> Result<(), Error> {
        let fence = self.draft.fence();
        fence.into_iter().for_each(|fence| returns::note(&mut self.world, fence));
        let Decision { moves, unplaced, overloaded, weighed } =
            decide(&self.world, &mut self.draft, policies)?;
        let (mut moves, others): (Vec<Move>, Vec<Move>) =
            moves.into_iter().partition(|decided| decided.reason == Reason::Maintenance);
        moves.extend(self.within_headroom(others));
        if let Some(weighed) = weighed {
            self.note_weighed(sample, moves.len(), &weighed);
        }
        self.draft.remember(&self.world.utilisation);
        self.world.file_requests(&self.draft);
        if !policies.consolidation.silent_when_unplaced {
            for Move { vm, to: stays, reason } in unplaced {
                self.world.note(ActionKind::Unplaced, Some(vm), Some(stays), None, reason);
            }
        }
        for &decided in &moves {
            self.begin(decided);
        }
        self.flush();
        self.decided = Some((sample, overloaded, moves.len()));
        if self.tenants.is_some() {
            self.house_waiting(policies)?;
            self.flush();
        }
        self.count_headroom();
        self.rescue(policies)
    }

    /// Writes down how good a plan is.
    fn note_weighed(&mut self, sample: usize, migrations: usize, weighed: &Weighed) {
        let &Weighed { before_j, cost_j, bound_j, steps, .. } = weighed;
        let (sample, migrations) = (sample as u32, migrations as u32);
        let seconds = self.world.now.seconds;
        let row = DecisionRecord { sample, seconds, before_j, cost_j, bound_j, steps, migrations };
        self.world.record.decisions.push(row);
    }

    /// Begins a migration, or wakes its destination first.
    fn begin(&mut self, decided: Move) {
        self.world.bound[decided.vm] += 1;
        match self.world.power[decided.to] {
            PowerState::On => self.begin_copy(decided),
            PowerState::Failed => self.world.bound[decided.vm] -= 1,
            PowerState::Waking | PowerState::ShuttingDown => {
                self.world.pending[decided.to].push(decided);
            }
            PowerState::Off => {
                self.world.pending[decided.to].push(decided);
                self.wake(decided.to);
            }
        }
    }

    pub(super) fn wake(&mut self, host: HostId) {
        let wake_s = self.world.rules.host.wake_s;
        if wake_s == 0.0 {
            return self.host_on(host);
        }
        self.world.power[host] = PowerState::Waking;
        self.world.note_host(ActionKind::HostWake, host);
        let on = self.clock.later(self.world.now, wake_s, Span::from_seconds(wake_s));
        self.announce(host, on.instant);
        self.queue.push(on, Event::HostOn(host));
        self.touched.push(host);
    }

    pub(super) fn host_on(&mut self, host: HostId) {
        self.world.power[host] = PowerState::On;
        self.world.note_host(ActionKind::HostOn, host);
        self.touched.push(host);
        for waiting in std::mem::take(&mut self.world.pending[host]) {
            self.begin_copy(waiting);
        }
        self.begin_on(host);
        self.boot_on(host);
    }

    fn shut_down(&mut self, host: HostId) {
        let shutdown_s = self.world.rules.host.shutdown_s;
        if shutdown_s == 0.0 {
            return self.host_off(host);
        }
        self.world.power[host] = PowerState::ShuttingDown;
        self.world.note_host(ActionKind::HostSleep, host);
        let off = self.clock.later(self.world.now, shutdown_s, Span::from_seconds(shutdown_s));
        self.announce(host, off.instant);
        self.queue.push(off, Event::HostOff(host));
        self.touched.push(host);
    }

    fn host_off(&mut self, host: HostId) {
        self.world.power[host] = PowerState::Off;
        self.world.note_host(ActionKind::HostOff, host);
        self.touched.push(host);
        if !self.world.pending[host].is_empty() || !self.world.coming[host].is_empty() {
            self.wake(host);
        }
    }

    /// Brings everything up to date after the events of one instant and phase.
    pub(super) fn flush(&mut self) {
        self.settle_touched();
        while std::mem::take(&mut self.transfers_changed) {
            if let Err(error) = self.share_network() {
                self.failure = Some(error);
                return;
            }
            // A leg that begins may change what its VM gets.
            self.settle_touched();
        }
        self.world.keep_cap();
    }

    fn settle_touched(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for &host in &touched {
            let idle = self.world.is_vacant(host);
            if self.world.power[host] == PowerState::On && idle && self.may_sleep(host) {
                self.shut_down(host);
            }
            self.world.evaluate(host);
        }
        self.touched.clear();
    }

    /// Schedules the end of a leg.
    pub(super) fn expect_leg_end(&mut self, id: TransferId, due: Due) {
        let after = Span::from_seconds(due.after_s);
        let at = match self.world.rules.migration.contention {
            Contention::None if !due.gives_up => {
                self.clock.later(self.world.now, due.after_s, after)
            }
            Contention::None | Contention::MaxMin => self.clock.at(self.world.now.instant + after),
        };
        self.queue.push(at, Event::LegEnds(id, due.revision));
    }
}
