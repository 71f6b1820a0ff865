//! What it means that a reservation begins or ends.

use std::cmp::Reverse;

use super::reservation::ReservationId;
use super::scheduler::Scheduler;
use crate::id::LeaseId;
use crate::model::lease_record::{LeaseState, Stretch, Use};
use crate::time::Instant;

impl Scheduler<'_> {
    /// Begins what begins now.
    pub(super) fn begin_reservations(&mut self) {
        for id in self.table.starting(self.now) {
            self.table.begin(id);
            let (lease, purpose) = (self.table.get(id).lease, self.table.get(id).purpose);
            let cpu = self.table.get(id).cpu;
            self.use_cpu(cpu);
            match purpose {
                Use::Run => self.begin_run(lease, id),
                Use::Suspend => {
                    if self.life(lease).state == LeaseState::Active {
                        self.tell_suspension(lease);
                        self.turn(lease, LeaseState::Suspending);
                    }
                }
                Use::Resume => {
                    if self.life(lease).state == LeaseState::SuspendedScheduled {
                        self.tell_resumption(lease);
                        self.turn(lease, LeaseState::Resuming);
                    }
                }
                Use::MoveMemory => {
                    self.tell_moves(lease, "memory", id);
                    self.life(lease).outcome.memory_migrations += 1;
                }
                Use::MoveDisk => {
                    self.tell_moves(lease, "disk", id);
                    self.life(lease).outcome.disk_migrations += 1;
                }
                Use::Shutdown => self.shutdowns.push(id),
                Use::Transfer => self.begin_transfer(id),
            }
        }
    }

    fn begin_run(&mut self, lease: u32, id: ReservationId) {
        self.leave_future(lease);
        let run = self.table.get(id);
        let mapping = run.mapping.clone();
        self.tell_run(lease, true, &mapping);
        let run = self.table.get(id);
        let resumed = run.before.iter().any(|&part| self.table.get(part).purpose == Use::Resume);
        let now = self.now;
        self.tell_begin(lease, &mapping);
        let life = self.life(lease);
        if !resumed {
            life.outcome.last_start = Some(now);
        }
        if life.outcome.first_start.is_none() {
            life.outcome.first_start = Some(now);
            life.outcome.first_hosts.clone_from(&mapping);
        }
        life.previous = mapping;
        life.memory_at.clear();
        let accumulated = life.accumulated;
        self.life(lease).moving = self.migration_estimate(lease);
        self.turn(lease, LeaseState::Active);
        self.expect_premature_end(lease, id, accumulated);
    }

    /// Ends what ends now.
    pub(super) fn end_reservations(&mut self) {
        for id in self.table.ending(self.now) {
            self.table.finish(id);
            self.close(id);
            let (lease, purpose) = (self.table.get(id).lease, self.table.get(id).purpose);
            match purpose {
                Use::Run => {
                    let length = self.now - self.table.get(id).start;
                    let life = self.life(lease);
                    life.accumulated = life.accumulated + length;
                }
                Use::Suspend => self.end_suspension(lease, id),
                Use::Resume => self.end_resumption(lease, id),
                Use::MoveMemory | Use::MoveDisk => self.end_migration(lease, id),
                Use::Shutdown => {
                    self.shutdowns.retain(|&other| other != id);
                    self.conclude(lease);
                }
                Use::Transfer => self.end_transfer(id),
            }
        }
    }

    /// Writes down what `id`, which was under way and has just left the table, held until now.
    pub(super) fn close(&mut self, id: ReservationId) {
        let now = self.now;
        let reservation = self.table.get_mut(id);
        let hosts = std::mem::take(&mut reservation.hosts);
        let (start, lease) = (reservation.start, LeaseId(reservation.lease));
        let (purpose, cpu) = (reservation.purpose, reservation.cpu);
        if purpose == Use::Run && self.runs.is_some() {
            let mapping = reservation.mapping.clone();
            self.tell_run(lease.0, false, &mapping);
        }
        if start < now && !hosts.is_empty() {
            self.stretches.push(Stretch { lease, purpose, start, end: now, hosts });
        }
        self.use_cpu(-cpu);
    }

    fn end_suspension(&mut self, lease: u32, id: ReservationId) {
        let Some(run) = self.lives[lease as usize].run else { return };
        let run = self.table.get(run);
        if run.after.last() != Some(&id) {
            return;
        }
        let places = run.mapping.clone();
        let life = self.life(lease);
        life.memory_at = places;
        life.run = (!life.later.is_empty()).then(|| life.later.remove(0));
        life.outcome.suspensions += 1;
        let planned = life.run.is_some();
        self.turn(lease, LeaseState::SuspendedPending);
        if planned {
            return self.turn(lease, LeaseState::SuspendedScheduled);
        }
        self.turn(lease, LeaseState::SuspendedQueued);
        self.enqueue(lease);
    }

    fn end_resumption(&mut self, lease: u32, id: ReservationId) {
        let Some(run) = self.lives[lease as usize].run else { return };
        if self.table.get(run).before.last() == Some(&id) {
            self.life(lease).outcome.resumptions += 1;
            self.turn(lease, LeaseState::ResumedReady);
        }
    }

    fn end_migration(&mut self, lease: u32, id: ReservationId) {
        let reservation = self.table.get(id);
        let (moves, purpose) = (reservation.moves.clone(), reservation.purpose);
        for step in moves {
            let vm = step.vm as usize;
            let life = self.life(lease);
            match purpose {
                Use::MoveDisk => {
                    if let Some(place) = life.disk_at.get_mut(vm) {
                        *place = Some(step.to);
                    }
                    self.caches.release_on(step.from, LeaseId(lease));
                }
                _ => {
                    if let Some(place) = life.memory_at.get_mut(vm) {
                        *place = step.to;
                    }
                }
            }
        }
    }

    /// A lease is over as agreed.
    pub(super) fn conclude(&mut self, lease: u32) {
        self.turn(lease, LeaseState::Done);
        let now = self.now;
        let life = self.life(lease);
        life.run = None;
        life.outcome.end = Some(now);
        life.outcome.run_time = life.accumulated;
        self.tell_end(lease);
        self.forget_images(lease);
    }

    /// Notes when `run` will end by itself, if the lease needs less time than it asked for.
    fn expect_premature_end(
        &mut self,
        lease: u32,
        run: ReservationId,
        accumulated: crate::time::Span,
    ) {
        let request = &self.requests[lease as usize];
        let Some(real) = request.real_duration.filter(|&real| real < request.duration) else {
            return;
        };
        let mut end = self.now + (real - accumulated);
        if end <= self.now {
            end = Instant(self.now.0 + 1_000_000);
        }
        self.premature.push(Reverse((end, run)));
    }
}
