//! The slot table: all reservations, by host and by time.
//!
//! Reservations of one instant happen in the order in which they were entered, as in a list by
//! start and a list by end. Beside the rows of the hosts a [`Calendar`] of the whole site answers
//! "could there be room at all?" without asking any host.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::reservation::{Phase, Reservation, ReservationId};
use super::slots::{NEVER, Row, Slot};
use crate::calendar::Calendar;
use crate::model::lease::{Amounts, CPU, MEMORY};
use crate::model::lease_record::Use;
use crate::time::{Instant, Span};

/// An event: when, its order at that instant, which reservation, and the revision it was made for.
type Due = Reverse<(Instant, u64, ReservationId, u32)>;

/// CPU and memory for the question "room at all?", and CPU as it is really held.
pub(super) type SiteNeed = [i64; 3];

/// All reservations.
#[derive(Debug, Clone)]
pub(super) struct SlotTable {
    pub rows: Vec<Row>,
    pub site: Calendar<3>,
    /// The most CPU and memory that a host has.
    pub largest: [i64; 2],
    /// Start and end of the first slot of each host; [`NEVER`] where there is none.
    fronts: Vec<(Instant, Instant)>,
    reservations: Vec<Reservation>,
    /// Runs that are to come or under way.
    runs: Vec<ReservationId>,
    starts: BinaryHeap<Due>,
    ends: BinaryHeap<Due>,
    sequence: u64,
}

impl SlotTable {
    pub fn new(hosts: &[Amounts]) -> Self {
        let total = |k: usize| hosts.iter().map(|host| host[k]).sum();
        let most = |k: usize| hosts.iter().map(|host| host[k]).max().unwrap_or(0);
        Self {
            rows: hosts.iter().map(|&capacity| Row { capacity, slots: Vec::new() }).collect(),
            site: Calendar::new([total(CPU), total(MEMORY), total(CPU)]),
            largest: [most(CPU), most(MEMORY)],
            fronts: vec![(NEVER, NEVER); hosts.len()],
            reservations: Vec::new(),
            runs: Vec::new(),
            starts: BinaryHeap::new(),
            ends: BinaryHeap::new(),
            sequence: 0,
        }
    }

    pub fn get(&self, id: ReservationId) -> &Reservation {
        &self.reservations[id as usize]
    }

    pub fn get_mut(&mut self, id: ReservationId) -> &mut Reservation {
        &mut self.reservations[id as usize]
    }

    /// Whether `host` is empty at `start` and stays so for `span`.
    pub fn is_empty_for(&self, host: u32, start: Instant, span: Span) -> bool {
        let (from, until) = self.fronts[host as usize];
        if from > start {
            return from == NEVER || from - start >= span;
        }
        let row = &self.rows[host as usize];
        // Only what is not over stays in a row, so mostly the first slot answers.
        until <= start && row.leases_at(start) == 0 && {
            let change = row.next_change(start);
            change == NEVER || change - start >= span
        }
    }

    /// Runs that are to come or under way, in no particular order.
    pub fn runs(&self) -> &[ReservationId] {
        &self.runs
    }

    /// Enters a reservation and names it.
    pub fn enter(&mut self, reservation: Reservation) -> ReservationId {
        let id = self.reservations.len() as ReservationId;
        self.reservations.push(reservation);
        self.occupy(id);
        self.announce_start(id);
        self.announce_end(id);
        id
    }

    /// Takes a reservation out before it is over.
    pub fn drop(&mut self, id: ReservationId) {
        if self.get(id).is_live() {
            self.vacate(id);
            self.get_mut(id).phase = Phase::Dropped;
        }
    }

    /// Puts a reservation back that was dropped before it began, as if it had never been out.
    pub fn reinstate(&mut self, id: ReservationId) {
        assert_eq!(self.get(id).phase, Phase::Dropped, "only what was dropped can come back");
        self.get_mut(id).phase = Phase::Scheduled;
        self.occupy(id);
    }

    /// Marks a reservation as begun.
    pub fn begin(&mut self, id: ReservationId) {
        self.get_mut(id).phase = Phase::Active;
    }

    /// Marks a reservation as over.
    pub fn finish(&mut self, id: ReservationId) {
        self.vacate(id);
        self.get_mut(id).phase = Phase::Done;
    }

    /// Moves the end of a reservation.
    pub fn move_end(&mut self, id: ReservationId, end: Instant) {
        self.vacate(id);
        let reservation = self.get_mut(id);
        reservation.end = end;
        reservation.end_revision += 1;
        self.occupy(id);
        self.announce_end(id);
        if self.get(id).phase == Phase::Scheduled {
            // Both lists are by insertion, so the start loses its rank as well.
            self.get_mut(id).start_revision += 1;
            self.announce_start(id);
        }
    }

    fn announce_start(&mut self, id: ReservationId) {
        let reservation = self.get(id);
        let due = (reservation.start, self.sequence, id, reservation.start_revision);
        self.starts.push(Reverse(due));
        self.sequence += 1;
    }

    fn announce_end(&mut self, id: ReservationId) {
        let sequence = self.sequence;
        self.sequence += 1;
        let reservation = self.get_mut(id);
        reservation.end_sequence = sequence;
        let due = (reservation.end, sequence, id, reservation.end_revision);
        self.ends.push(Reverse(due));
    }

    fn occupy(&mut self, id: ReservationId) {
        let Self { rows, site, fronts, reservations, runs, .. } = self;
        let reservation = &mut reservations[id as usize];
        if reservation.purpose == Use::Run {
            reservation.listed = runs.len() as u32;
            runs.push(id);
        }
        let Reservation { start, end, lease, .. } = *reservation;
        if start >= end {
            return;
        }
        for &(host, amounts) in &reservation.hosts {
            let slot = Slot { start, end, reservation: id, lease, amounts };
            rows[host as usize].insert(slot);
            fronts[host as usize] = rows[host as usize].front();
        }
        let held: i64 = reservation.hosts.iter().map(|(_, amounts)| amounts[CPU]).sum();
        let memory: i64 = reservation.hosts.iter().map(|(_, amounts)| amounts[MEMORY]).sum();
        // Overheads may hold more than their VMs; then no more than that is certain to be missing.
        let certain = if reservation.purpose == Use::Run { [held, memory] } else { [0, 0] };
        let need = [certain[0], certain[1], held];
        if need != [0; 3] {
            reservation.booking = Some(site.add(start, end, need));
        }
    }

    fn vacate(&mut self, id: ReservationId) {
        self.unlist(id);
        let Self { rows, site, fronts, reservations, .. } = self;
        let reservation = &mut reservations[id as usize];
        if reservation.start < reservation.end {
            for &(host, _) in &reservation.hosts {
                rows[host as usize].remove(id);
                fronts[host as usize] = rows[host as usize].front();
            }
        }
        if let Some(booking) = reservation.booking.take() {
            site.remove(booking);
        }
    }

    /// Takes a run off the list of runs; the last of the list takes its place.
    fn unlist(&mut self, id: ReservationId) {
        if self.get(id).purpose == Use::Run {
            let at = self.get(id).listed;
            self.runs.swap_remove(at as usize);
            if let Some(&moved) = self.runs.get(at as usize) {
                self.get_mut(moved).listed = at;
            }
        }
    }

    /// Reservations that begin at `now`, in order.
    pub fn starting(&mut self, now: Instant) -> Vec<ReservationId> {
        let mut due = Vec::new();
        while let Some(&Reverse((at, _, id, revision))) = self.starts.peek() {
            if at > now {
                break;
            }
            self.starts.pop();
            let reservation = self.get(id);
            if reservation.phase == Phase::Scheduled && reservation.start_revision == revision {
                due.push(id);
            }
        }
        due
    }

    /// Reservations under way that end at `now`, in order.
    pub fn ending(&mut self, now: Instant) -> Vec<ReservationId> {
        let mut due = Vec::new();
        let mut later = Vec::new();
        while let Some(&Reverse(event)) = self.ends.peek() {
            let (at, _, id, revision) = event;
            if at > now {
                break;
            }
            self.ends.pop();
            let reservation = self.get(id);
            if reservation.end_revision != revision {
                continue;
            }
            match reservation.phase {
                Phase::Active => due.push(id),
                Phase::Scheduled => later.push(Reverse(event)),
                Phase::Done | Phase::Dropped => {}
            }
        }
        self.ends.extend(later);
        due
    }

    /// When the next reservation after `now` begins or ends.
    pub fn next_event(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&Reverse((at, _, id, revision))) = self.starts.peek() {
            let reservation = self.get(id);
            let valid = reservation.start_revision == revision && at > now;
            if valid && reservation.phase == Phase::Scheduled {
                break;
            }
            self.starts.pop();
        }
        while let Some(&Reverse((at, _, id, revision))) = self.ends.peek() {
            let reservation = self.get(id);
            if reservation.end_revision == revision && at > now && reservation.is_live() {
                break;
            }
            self.ends.pop();
        }
        let first = |heap: &BinaryHeap<Due>| heap.peek().map(|due| due.0.0);
        first(&self.starts).into_iter().chain(first(&self.ends)).min()
    }

    /// When what belongs to `run` is over: the end of what comes after it.
    pub fn final_end(&self, run: ReservationId) -> Instant {
        let run = self.get(run);
        run.after.last().map_or(run.end, |&last| self.get(last).end)
    }

    /// From when on the site as a whole has room for `need` during `span`.
    pub fn room_from(&self, after: Instant, span: Span, need: [i64; 2]) -> Instant {
        let need: SiteNeed = [need[0], need[1], i64::MIN / 2];
        self.site.earliest_start(after, span, need).unwrap_or(NEVER)
    }
}
