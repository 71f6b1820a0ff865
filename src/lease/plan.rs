//! Plans of leases: a run with what comes before and after it, entered, dropped and changed.
//!
//! ```text
//! migrations from now on | resumptions | run | suspensions, or a shutdown
//! ```

use super::best_effort::Demand;
use super::decision::Way;
use super::mapper::{Mapped, sum};
use super::overhead::{Layout, Operation, rounds};
use super::reservation::{Move, Phase, Reservation, ReservationId};
use super::rules::ColdMigration;
use super::scheduler::Scheduler;
use crate::model::lease::{Amounts, CPU, DISK, MEMORY, NET_IN, NET_OUT, RESOURCES};
use crate::model::lease_record::{LeaseState, Use};
use crate::provision::transfer_time;
use crate::time::{Instant, Span};

/// When the parts of a plan take place.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    pub hosts: Vec<u32>,
    pub resumptions: Vec<Operation>,
    pub start: Instant,
    pub end: Instant,
    pub ending: Ending,
}

/// How a run ends.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// For good: the VMs are shut down until this instant.
    Shutdown(Instant),
    /// Its memory is saved.
    Suspension(Vec<Operation>),
}

impl Scheduler<'_> {
    /// The plan of a lease that starts at `start` on `mapped`; none if its overheads leave no time.
    pub(super) fn outline(
        &self,
        lease: u32,
        demand: &Demand,
        start: Instant,
        mapped: &Mapped,
    ) -> Option<Outline> {
        let hosts = mapped.hosts.clone();
        let resumptions = if demand.resuming {
            self.layout(&hosts, &self.resume_spans(lease)).forward(start)
        } else {
            Vec::new()
        };
        let start = resumptions.iter().map(|part| part.end).fold(start, Instant::max);
        let end = start + demand.work;
        if end + demand.shutdown <= mapped.until {
            let ending = Ending::Shutdown(end + demand.shutdown);
            return Some(Outline { hosts, resumptions, start, end, ending });
        }
        let suspensions = self.layout(&hosts, &self.suspend_spans(lease)).backward(mapped.until);
        let end = suspensions.iter().map(|part| part.start).min()?;
        let ending = Ending::Suspension(suspensions);
        (start < end).then_some(Outline { hosts, resumptions, start, end, ending })
    }

    pub(super) fn layout<'b>(&self, hosts: &'b [u32], spans: &'b [Span]) -> Layout<'b> {
        let (exclusion, enactment) = (self.rules.exclusion, self.rules.enactment);
        Layout { hosts, spans, exclusion, enactment }
    }

    /// Enters a plan.
    pub(super) fn carry_out(&mut self, lease: u32, outline: Outline) {
        let all = self.rules.oddities.migration_moves_all;
        let life = &self.lives[lease as usize];
        let places = if all { life.previous.clone() } else { life.memory_at.clone() };
        self.carry_out_from(lease, outline, &places, self.now);
    }

    /// Enters a plan; saved memory is at `places` and can leave there from `free` on.
    pub(super) fn carry_out_from(
        &mut self,
        lease: u32,
        outline: Outline,
        places: &[u32],
        free: Instant,
    ) {
        self.tell_plan(lease, &outline);
        let mut before = Vec::new();
        // Without migration the saved VMs are resumed on the hosts that they had, in any order.
        if !outline.resumptions.is_empty() && self.rules.migration != ColdMigration::No {
            before = self.plan_migrations(lease, places, &outline.hosts, free);
        }
        for part in &outline.resumptions {
            before.push(self.enter_operation(lease, Use::Resume, part, &outline.hosts));
        }
        let Outline { hosts, start, end, ending, .. } = outline;
        let mut run = Reservation::new(lease, Use::Run, start, end);
        let needs = self.requests[lease as usize].needs();
        run.hosts = by_host(hosts.iter().copied().zip(needs));
        run.cpu = run.hosts.iter().map(|(_, amounts)| amounts[CPU]).sum();
        run.mapping.clone_from(&hosts);
        run.before = before;
        let held = run.hosts.clone();
        let run = self.table.enter(run);
        let after = match ending {
            Ending::Shutdown(until) => {
                let mut shutdown = Reservation::new(lease, Use::Shutdown, end, until);
                shutdown.cpu = self.overhead_cpu(&held);
                if end < until {
                    shutdown.hosts = held;
                    shutdown.mapping = hosts;
                }
                vec![self.table.enter(shutdown)]
            }
            Ending::Suspension(parts) => self.enter_suspensions(run, &parts),
        };
        self.table.get_mut(run).after = after;
        self.life(lease).run = Some(run);
    }

    pub(super) fn enter_suspensions(
        &mut self,
        run: ReservationId,
        parts: &[Operation],
    ) -> Vec<u32> {
        let (lease, hosts) = (self.table.get(run).lease, self.table.get(run).mapping.clone());
        let parts = parts.iter();
        parts.map(|part| self.enter_operation(lease, Use::Suspend, part, &hosts)).collect()
    }

    fn overhead_cpu(&self, held: &[(u32, Amounts)]) -> i64 {
        let counts = self.rules.oddities.overheads_count_as_use;
        if counts { held.iter().map(|(_, amounts)| amounts[CPU]).sum() } else { 0 }
    }

    /// Enters a suspension or resumption of some VMs.
    fn enter_operation(
        &mut self,
        lease: u32,
        purpose: Use,
        part: &Operation,
        mapping: &[u32],
    ) -> ReservationId {
        let vms = part.vms.iter().map(|&vm| {
            let mut need = self.needs(lease, vm);
            need[DISK] = need[MEMORY];
            (mapping[vm as usize], need)
        });
        let mut hosts = by_host(vms);
        let cpu = self.overhead_cpu(&hosts);
        let oddities = &self.rules.oddities;
        for (host, held) in &mut hosts {
            if oddities.suspension_counts_memory_per_vm {
                let here = part.vms.iter().filter(|&&vm| mapping[vm as usize] == *host).count();
                held[MEMORY] *= here as i64;
                held[DISK] *= here as i64;
            }
            if let Some(cpu) = oddities.suspension_cpu {
                held[CPU] = cpu;
            }
        }
        let mut reservation = Reservation::new(lease, purpose, part.start, part.end);
        (reservation.hosts, reservation.cpu) = (hosts, cpu);
        reservation.mapping = mapping.to_vec();
        self.table.enter(reservation)
    }

    /// Enters the migrations of a lease saved at `memory` to `hosts`, from `free` on: disks, then
    /// memory.
    fn plan_migrations(
        &mut self,
        lease: u32,
        memory: &[u32],
        hosts: &[u32],
        free: Instant,
    ) -> Vec<ReservationId> {
        let all = self.rules.oddities.migration_moves_all;
        let life = &self.lives[lease as usize];
        let disks = match self.image_size(lease) {
            Some(_) => life.disk_at.iter().zip(memory).map(|(at, &m)| at.unwrap_or(m)).collect(),
            None => Vec::new(),
        };
        let mut time = free;
        let mut entered = Vec::new();
        for (purpose, places) in [(Use::MoveDisk, disks), (Use::MoveMemory, memory.to_vec())] {
            let moves = moves(&places, hosts, all);
            if self.rules.migration == ColdMigration::WithoutTransfer {
                if !moves.is_empty() {
                    entered.push(self.enter_round(lease, purpose, moves, (time, Span::ZERO)));
                }
                continue;
            }
            for round in rounds(moves) {
                let spans = round.iter().map(|step| self.move_span(lease, purpose, step.vm));
                let span = spans.max().unwrap_or(Span::ZERO);
                entered.push(self.enter_round(lease, purpose, round, (time, span)));
                time = time + span;
            }
        }
        entered
    }

    fn move_span(&self, lease: u32, purpose: Use, vm: u32) -> Span {
        let megabytes = match purpose {
            Use::MoveDisk => self.image_size(lease).unwrap_or(0),
            _ => self.needs(lease, vm)[MEMORY],
        };
        transfer_time(megabytes, self.rules.bandwidth)
    }

    fn enter_round(
        &mut self,
        lease: u32,
        purpose: Use,
        moves: Vec<Move>,
        (start, span): (Instant, Span),
    ) -> ReservationId {
        let mut reservation = Reservation::new(lease, purpose, start, start + span);
        let ends = moves.iter().flat_map(|step| {
            let (mut out, mut into) = ([0; RESOURCES], [0; RESOURCES]);
            out[NET_OUT] = self.rules.bandwidth as i64;
            into[NET_IN] = self.rules.bandwidth as i64;
            [(step.from, out), (step.to, into)]
        });
        reservation.hosts = by_host(ends);
        reservation.moves = moves;
        self.table.enter(reservation)
    }

    /// Takes the plan of a lease out; what is under way of it stops now.
    pub(super) fn drop_plan(&mut self, lease: u32) {
        let later = std::mem::take(&mut self.life(lease).later);
        later.into_iter().for_each(|run| self.drop_run(run));
        if let Some(run) = self.life(lease).run.take() {
            self.drop_run(run);
        }
    }

    /// Takes a run out, with what comes before and after it.
    pub(super) fn drop_run(&mut self, run: ReservationId) {
        let plan = self.table.get(run);
        let (before, after) = (plan.before.clone(), plan.after.clone());
        let goes_on = self.rules.oddities.migration_moves_all;
        for part in before {
            if !goes_on || self.table.get(part).phase == Phase::Scheduled {
                self.break_off(part);
            }
        }
        self.break_off(run);
        after.into_iter().for_each(|part| self.break_off(part));
    }

    /// Takes out a reservation; if it is under way it ends now.
    pub(super) fn break_off(&mut self, id: ReservationId) {
        let under_way = self.table.get(id).phase == Phase::Active;
        self.table.drop(id);
        if under_way {
            self.close(id);
        }
    }

    /// Makes room for another lease at `at`: the lease is suspended until then, or returns to the
    /// queue if that is not possible or not worth it.
    pub(super) fn displace(&mut self, lease: u32, at: Instant) {
        let Some(run) = self.lives[lease as usize].run else { return };
        self.life(lease).outcome.preemptions += 1;
        let plan = self.table.get(run);
        let (phase, start) = (plan.phase, plan.start);
        let before_it_starts = phase == Phase::Scheduled && start >= at;
        let too_short = at - start < self.threshold(lease);
        let ran = if phase == Phase::Active { self.now - start } else { Span::ZERO };
        if before_it_starts || !self.can_suspend(lease) || too_short {
            self.tell_displaced(lease, at, Way::Queued, ran);
            return self.send_back(lease);
        }
        let hosts = plan.mapping.clone();
        let parts = self.layout(&hosts, &self.suspend_spans(lease)).backward(at);
        let end = parts.iter().map(|part| part.start).min().unwrap_or(at);
        if end <= start || end < self.now {
            self.tell_displaced(lease, at, Way::Queued, ran);
            return self.send_back(lease);
        }
        self.tell_displaced(lease, at, Way::Suspended, Span::ZERO);
        for part in std::mem::take(&mut self.table.get_mut(run).after) {
            self.table.drop(part);
        }
        self.table.move_end(run, end);
        let after = self.enter_suspensions(run, &parts);
        self.table.get_mut(run).after = after;
    }

    /// Drops the plan of a lease and puts it back into the queue.
    fn send_back(&mut self, lease: u32) {
        let suspended = self.lives[lease as usize].state.is_suspended();
        self.drop_plan(lease);
        self.drop_preparation(lease);
        self.leave_future(lease);
        if suspended {
            self.turn(lease, LeaseState::SuspendedQueued);
        } else {
            self.life(lease).memory_at.clear();
            self.turn(lease, LeaseState::Queued);
        }
        self.enqueue(lease);
    }
}

/// What moves when VMs whose images are at `places` come to `hosts`.
fn moves(places: &[u32], hosts: &[u32], all: bool) -> Vec<Move> {
    let pairs = places.iter().zip(hosts).enumerate();
    let steps = pairs.map(|(vm, (&from, &to))| Move { vm: vm as u32, from, to });
    if all && places != hosts {
        return steps.collect();
    }
    steps.filter(|step| step.from != step.to).collect()
}

/// Sums amounts by host, ascending.
pub(super) fn by_host(parts: impl Iterator<Item = (u32, Amounts)>) -> Vec<(u32, Amounts)> {
    let mut parts: Vec<(u32, Amounts)> = parts.collect();
    if !parts.is_sorted_by(|a, b| a.0 < b.0) {
        parts.sort_by_key(|part| part.0);
        parts.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = sum(&kept.1, &next.1);
            }
            same
        });
    }
    parts
}
