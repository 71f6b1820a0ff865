//! Migrations of a run: each a [`Transaction`] whose legs are sent over shared links.
//!
//! What a migration is doing decides what its VM is on both hosts: it runs at the source at the
//! speed that the leg leaves it, is stopped there, or runs at the destination while its pages
//! follow. Memory is held on both from the first to the last byte.

use super::run::Engine;
use super::share::{Role, Toll};
use super::wide::Wide;
use super::world::Move;
use crate::id::{HostId, Id, VmId};
use crate::migrate::failure::{Draws, Part};
use crate::migrate::transaction::{Ending, Event, Stage, Transaction};
use crate::migrate::{Conduct, Convergence, Escalation, Leg, News, Totals, TransferId, Transfers};
use crate::model::Provision;
use crate::model::record::{ActionKind, MoveEnding, MoveRecord, Reason, StageKind, StageRecord};
use crate::model::rules::MigrationSla;
use crate::model::{Fleet, Rules};
use crate::policy::PolicyError;
use crate::topology::{LinkId, Routes};

/// A migration under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) vm: VmId,
    pub(super) from: HostId,
    pub(super) to: HostId,
    started_s: f64,
    transaction: Transaction,
    /// Rows in the record.
    pub(super) row: usize,
    stage: Option<usize>,
    /// Bytes of all stages so far.
    noted: f64,
    /// The stages that it came to, a bit each: what is listed for one happens when it is first met.
    pub(super) met: u8,
}

/// Everything that moves.
pub(super) struct Moves<'a> {
    pub(super) conduct: Conduct,
    pub(super) transfers: Transfers,
    pub(super) routes: Option<Routes<'a>>,
    /// Links of the hosts: those of the topology, or their cards.
    pub(super) laid: usize,
    /// What connects the sites, where there are several.
    pub(super) wide: Option<Wide<'a>>,
    /// The link of the repository of images.
    pub(super) repository: LinkId,
    pub(super) flights: Vec<Option<Flight>>,
    /// Migrations that leave each host, and that arrive there.
    pub(super) leaving: Vec<usize>,
    pub(super) arriving: Vec<usize>,
    pub(super) under_way: usize,
    /// Whether one has ended since those that wait were last asked.
    freed: bool,
    /// Moves that wait until fewer are under way, the first first.
    pub(super) waiting: Vec<Move>,
    news: Vec<(TransferId, News)>,
    draws: Draws,
}

impl<'a> Moves<'a> {
    /// No migration yet; `routes` over the topology of `conduct`, where it has one.
    pub(super) fn new(
        conduct: Conduct,
        routes: Option<Routes<'a>>,
        rules: &'a Rules,
        fleet: &'a Fleet,
    ) -> Self {
        let Rules { migration: rules, sites, provision, .. } = rules;
        let hosts = fleet.hosts();
        let draws = conduct.failures.draws(conduct.seed);
        let mut capacities: Vec<f64> = match &conduct.topology {
            Some(topology) => topology.capacities().iter().map(|c| c * rules.share).collect(),
            None => vec![rules.bandwidth(); 2 * hosts],
        };
        let laid = capacities.len();
        let wide = sites.as_ref().map(|sites| Wide::new(sites, fleet, laid));
        capacities.extend(sites.iter().flat_map(Wide::capacities));
        let repository = capacities.len() as LinkId;
        capacities.extend(provision.as_ref().map(Provision::repository));
        Self {
            conduct,
            transfers: Transfers::new(capacities, rules.contention),
            routes,
            laid,
            wide,
            repository,
            flights: Vec::new(),
            leaving: vec![0; hosts],
            arriving: vec![0; hosts],
            under_way: 0,
            freed: false,
            waiting: Vec::new(),
            news: Vec::new(),
            draws,
        }
    }

    /// How the migration in `row` of the record, which was `id`, ends when `part` fails now; `None`
    /// where it is over, or has all that it needs of that part.
    pub(super) fn ends_by(&self, id: TransferId, row: usize, part: Part) -> Option<Ending> {
        let flight = self.flights[id].filter(|flight| flight.row == row)?;
        match flight.transaction.after(part.event()).ok()?.stage {
            Stage::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    pub(super) fn land(&mut self, id: TransferId) -> Option<Flight> {
        let flight = self.flights[id].take()?;
        self.leaving[flight.from.index()] -= 1;
        self.arriving[flight.to.index()] -= 1;
        self.under_way -= 1;
        self.freed = true;
        Some(flight)
    }
}

impl Flight {
    /// Takes the transaction through `events`; each is one of its course.
    fn happen(&mut self, events: &[Event]) {
        for &event in events {
            let after = self.transaction.after(event);
            self.transaction = after.expect("a migration follows its course");
        }
    }

    /// The stages that are passed on the way to the end.
    fn complete(&mut self) {
        loop {
            let next = match self.transaction.stage {
                Stage::PreMigration => Event::Reserved,
                Stage::Reservation => Event::Began,
                Stage::PreCopy => Event::Stopped,
                Stage::StopAndCopy => Event::Arrived,
                Stage::Commitment => Event::Confirmed,
                Stage::Activation => Event::Resumed,
                Stage::Push => Event::Complete,
                Stage::Ended(_) => return,
            };
            self.happen(&[next]);
        }
    }

    pub(super) fn has_switched(&self) -> bool {
        self.transaction.stage == Stage::Push
    }
}

impl Engine<'_> {
    /// Begins to move a VM, or lets it wait for its turn.
    pub(super) fn begin_copy(&mut self, decided: Move) {
        let Move { vm, to, reason } = decided;
        let Some(from) = self.world.home[vm] else { return };
        let closed = self.moves.wide.as_ref().is_some_and(|wide| !wide.is_open(from, to));
        if closed || self.is_apart(from, to) {
            self.world.bound[vm] -= 1;
            return self.touched.push(to);
        }
        if !self.moves.may_begin(from, to) {
            self.world.pending[to].push(decided);
            return self.moves.waiting.push(decided);
        }
        self.world.copies[vm] += 1;
        self.world.toll[vm] = Toll::of(self.world.rules.migration.overhead);
        self.world.set_role(from, vm, Role::Leaving);
        self.world.enlist(to, vm, Role::Arriving);
        self.world.note(ActionKind::MigrationStart, Some(vm), Some(from), Some(to), reason);
        let mut transaction = Transaction::new(false);
        for event in [Event::Reserved, Event::Began] {
            transaction = transaction.after(event).expect("that is how every migration begins");
        }
        let (started_s, row) = (self.world.now.seconds, self.world.record.moves.len());
        let start = self.world.now.instant;
        let (end, ending) = (None, MoveEnding::UnderWay);
        self.world.record.moves.push(MoveRecord {
            vm,
            from,
            to,
            start,
            end,
            ending,
            bytes: 0.0,
            rounds: 0,
            downtime_s: 0.0,
            energy_j: 0.0,
        });
        let cpu = self.world.demand.fraction(vm, started_s);
        let task = self.moves.conduct.task(self.world.fleet.vm_ram[vm], cpu);
        let way = self.moves.wide.as_ref().and_then(|wide| wide.way(vm, from, to));
        let program = match way {
            Some(way) => way.program(&self.moves.conduct, &task),
            None => self.moves.conduct.program(&task),
        };
        let flight =
            Flight { vm, from, to, started_s, transaction, row, stage: None, noted: 0.0, met: 0 };
        let first = program.begin();
        let id = self.moves.send(flight, program, task.give_up_s, start.0 as f64);
        self.transfers_changed = true;
        self.touched.extend([from, to]);
        if let Some((after_s, part)) = self.moves.draws.draw() {
            self.expect_failure(id, row, part, after_s);
        }
        self.begin_leg(id, first);
    }

    /// A leg is complete, unless that was announced for an earlier rate.
    pub(super) fn end_leg(&mut self, id: TransferId, revision: u32) -> Result<(), PolicyError> {
        if !self.moves.transfers.is_current(id, revision) {
            return Ok(());
        }
        self.transfers_changed = true;
        let now = self.world.now.instant.0 as f64;
        self.moves.transfers.advance(id, now, &mut self.moves.news)?;
        self.hear();
        Ok(())
    }

    /// Shares the links anew.
    pub(super) fn share_network(&mut self) -> Result<(), PolicyError> {
        let now = self.world.now.instant.0 as f64;
        self.moves.transfers.share(now, &mut self.moves.news)?;
        self.hear();
        Ok(())
    }

    /// Does what the news of migrations ask for.
    fn hear(&mut self) {
        let mut news = std::mem::take(&mut self.moves.news);
        while !news.is_empty() {
            for (id, told) in news.drain(..) {
                match told {
                    News::Due(due) => self.expect_leg_end(id, due),
                    News::Leg(leg) => self.begin_leg(id, leg),
                    News::Stuck(convergence) => self.escalate(id, convergence),
                    News::Over(totals) => self.arrive(id, totals),
                }
            }
            std::mem::swap(&mut news, &mut self.moves.news);
        }
        self.moves.news = news;
        self.take_turns();
    }

    fn begin_leg(&mut self, id: TransferId, leg: Leg) {
        let Some(mut flight) = self.moves.flights[id] else { return };
        self.note_stage(&mut flight, Some(leg));
        self.fail_as_listed(id, &mut flight, leg.kind);
        match leg.kind {
            StageKind::Stop => {
                flight.transaction.post_copy = leg.switches;
                flight.happen(&[Event::Stopped]);
            }
            StageKind::Resume => flight.happen(&[Event::Arrived, Event::Confirmed]),
            StageKind::Push => {
                flight.happen(&[Event::Arrived, Event::Confirmed, Event::Resumed]);
                self.switch(&flight);
            }
            StageKind::SetUp | StageKind::Storage | StageKind::Bulk | StageKind::Round => {}
        }
        if self.world.rules.migration.sla == MigrationSla::Measured {
            self.pace(&flight, leg);
        }
        self.moves.flights[id] = Some(flight);
    }

    /// Lets the VM run at the speed that `leg` leaves it.
    fn pace(&mut self, flight: &Flight, leg: Leg) {
        let &Flight { vm, from, to, .. } = flight;
        let toll = Toll::leaving(leg.speed);
        // Hosts are evaluated only where something changes.
        if self.world.toll[vm] != toll || leg.kind == StageKind::Stop {
            self.world.toll[vm] = toll;
            self.touched.extend([from, to]);
        }
        if leg.kind == StageKind::Stop {
            self.world.set_role(from, vm, Role::Paused);
        }
    }

    /// The VM runs at its destination from now on.
    fn switch(&mut self, flight: &Flight) {
        let &Flight { vm, from, to, .. } = flight;
        self.world.close_interval(from);
        self.world.close_interval(to);
        self.world.set_role(from, vm, Role::Held);
        self.world.set_role(to, vm, Role::Settling);
        self.world.home[vm] = Some(to);
        let consequence = Reason::Consequence;
        self.world.note(ActionKind::MigrationSwitch, Some(vm), Some(from), Some(to), consequence);
        self.touched.extend([from, to]);
    }

    /// A migration would never end.
    fn escalate(&mut self, id: TransferId, convergence: Convergence) {
        let now = self.world.now.instant.0 as f64;
        self.transfers_changed = true;
        let late = matches!(convergence, Convergence::GivenUp { .. });
        match self.moves.conduct.practice.escalation {
            Escalation::Stop if !late => {
                self.moves.transfers.stop_anyway(id, now, &mut self.moves.news);
            }
            _ => {
                let totals = self.moves.transfers.cancel(id, now);
                self.roll_back(id, Event::Cancelled, totals);
            }
        }
    }

    /// A migration is complete.
    pub(super) fn arrive(&mut self, id: TransferId, totals: Totals) {
        let Some(mut flight) = self.moves.land(id) else { return self.image_arrived(id, totals) };
        let switched = flight.has_switched();
        flight.complete();
        self.close_books(&mut flight, totals, MoveEnding::Moved);
        let Flight { vm, to, .. } = flight;
        // Of two copies (Q9) the first may have taken the VM elsewhere.
        let from = if switched { Some(flight.from) } else { self.world.home[vm] };
        let Some(from) = from else { return };
        self.world.close_interval(from);
        self.world.close_interval(to);
        self.world.delist(from, vm);
        self.world.delist(to, vm);
        self.world.copies[vm] -= 1;
        let leaving = self.world.copies[vm] > 0;
        self.world.enlist(to, vm, if leaving { Role::Leaving } else { Role::Running });
        self.world.home[vm] = Some(to);
        self.world.bound[vm] -= 1;
        if self.world.copies[vm] == 0 {
            let now = self.world.now.seconds;
            self.world.meter.copy_durations.push(now - flight.started_s);
        }
        let consequence = Reason::Consequence;
        self.world.note(ActionKind::MigrationEnd, Some(vm), Some(from), Some(to), consequence);
        self.touched.extend([from, to]);
    }

    /// A migration is given up: the VM runs at its source as before.
    pub(super) fn roll_back(&mut self, id: TransferId, why: Event, totals: Totals) {
        let Some(mut flight) = self.moves.land(id) else { return };
        flight.happen(&[why]);
        self.close_books(&mut flight, totals, MoveEnding::RolledBack);
        let Flight { vm, from, to, .. } = flight;
        self.world.close_interval(from);
        self.world.close_interval(to);
        self.world.delist(to, vm);
        self.world.copies[vm] -= 1;
        let leaving = self.world.copies[vm] > 0;
        self.world.set_role(from, vm, if leaving { Role::Leaving } else { Role::Running });
        self.world.bound[vm] -= 1;
        let consequence = Reason::Consequence;
        self.world.note(ActionKind::MigrationAbort, Some(vm), Some(from), Some(to), consequence);
        self.touched.extend([from, to]);
    }

    /// Begins those that waited for fewer to be under way, as far as they may now; only when all
    /// news are heard, for one that begins may get the name of one that is over.
    pub(super) fn take_turns(&mut self) {
        if !std::mem::take(&mut self.moves.freed) {
            return;
        }
        for decided in std::mem::take(&mut self.moves.waiting) {
            self.world.pending[decided.to].retain(|waiting| waiting.vm != decided.vm);
            self.begin_copy(decided);
        }
    }

    /// Ends the stage under way in the record, and notes the next one.
    fn note_stage(&mut self, flight: &mut Flight, next: Option<Leg>) {
        let (now, record) = (self.world.now.instant, &mut self.world.record);
        if let Some(stage) = flight.stage.take() {
            let stage = &mut record.stages[stage];
            stage.end = Some(now);
            if matches!(stage.kind, StageKind::Stop | StageKind::Resume) {
                record.moves[flight.row].downtime_s += (now - stage.start).seconds();
            }
        }
        // A set-up that takes no time is none.
        let real = |leg: &Leg| leg.sends() || leg.extra_s > 0.0;
        let Some(Leg { kind, bytes, speed, .. }) = next.filter(real) else { return };
        flight.stage = Some(record.stages.len());
        flight.noted += bytes;
        let (migration, start, end) = (flight.row as u32, now, None);
        let seconds = self.world.now.seconds;
        record.stages.push(StageRecord { migration, kind, start, seconds, end, bytes, speed });
    }

    /// Writes down how a migration ended, and charges both hosts for it.
    pub(super) fn close_books(&mut self, flight: &mut Flight, totals: Totals, ending: MoveEnding) {
        let unfinished = flight.stage.filter(|_| ending != MoveEnding::Moved);
        self.note_stage(flight, None);
        let (rules, record) = (&self.world.rules.migration, &mut self.world.record);
        let energy_j = rules.energy(totals.bytes);
        let row = &mut record.moves[flight.row];
        (row.end, row.ending) = (Some(self.world.now.instant), ending);
        (row.bytes, row.rounds, row.energy_j) = (totals.bytes, totals.rounds, energy_j);
        if let Some(stage) = unfinished {
            record.stages[stage].bytes -= flight.noted - totals.bytes;
        }
        for host in [flight.from, flight.to] {
            self.world.meter.charge(host, energy_j / 2.0, self.world.now.seconds);
        }
    }
}

impl std::fmt::Debug for Moves<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} migrations by {}", self.under_way, self.conduct.model.name())
    }
}
