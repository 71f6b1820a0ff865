//! Failures of migrations: what the transaction says becomes of the VM.
//!
//! Before the point of no return the VM runs on at its source; after it, and whenever the source's
//! own processes die while they hold the VM, it crashes: it is stopped where it ran last, and runs
//! there again after the time of a restart. Until then no policy moves it.

use super::moves::Flight;
use super::queue::Event;
use super::run::Engine;
use super::share::Role;
use crate::id::VmId;
use crate::migrate::failure::Part;
use crate::migrate::transaction::Ending;
use crate::migrate::{Totals, TransferId};
use crate::model::record::{ActionKind, MoveEnding, Reason, StageKind};
use crate::time::Span;

impl Engine<'_> {
    /// Schedules a failure of the migration in `row` after `after_s` seconds.
    pub(super) fn expect_failure(&mut self, id: TransferId, row: usize, part: Part, after_s: f64) {
        let at = self.clock.later(self.world.now, after_s, Span::from_seconds(after_s));
        self.queue.push(at, Event::Fails(id, row, part));
    }

    /// Schedules what is listed for a stage when the migration first comes to it.
    pub(super) fn fail_as_listed(&mut self, id: TransferId, flight: &mut Flight, stage: StageKind) {
        let bit = 1 << StageKind::ALL.iter().position(|&kind| kind == stage).unwrap_or(0);
        if flight.met & bit > 0 {
            return;
        }
        flight.met |= bit;
        let row = flight.row;
        let listed: Vec<(Part, f64)> =
            self.moves.conduct.failures.listed(row as u32, stage).collect();
        for (part, after_s) in listed {
            self.expect_failure(id, row, part, after_s);
        }
    }

    /// Something of a migration fails, if that still matters.
    pub(super) fn fail(&mut self, id: TransferId, row: usize, part: Part) {
        let Some(ending) = self.moves.ends_by(id, row, part) else { return };
        let totals = self.moves.transfers.cancel(id, self.world.now.instant.0 as f64);
        self.transfers_changed = true;
        match ending {
            Ending::Lost => self.crash(id, totals),
            Ending::RolledBack | Ending::Moved => self.roll_back(id, part.event(), totals),
        }
        self.take_turns();
    }

    /// The VM crashes: it is stopped where it ran last, and nothing of it is elsewhere.
    pub(super) fn crash(&mut self, id: TransferId, totals: Totals) {
        let Some(mut flight) = self.moves.land(id) else { return };
        self.close_books(&mut flight, totals, MoveEnding::Lost);
        let Flight { vm, from, to, .. } = flight;
        self.world.close_interval(from);
        self.world.close_interval(to);
        let here = self.world.home[vm].unwrap_or(from);
        self.world.delist(if here == to { from } else { to }, vm);
        self.world.set_role(here, vm, Role::Paused);
        self.world.copies[vm] -= 1;
        let consequence = Reason::Consequence;
        self.world.note(ActionKind::VmCrash, Some(vm), Some(from), Some(to), consequence);
        let restart_s = self.moves.conduct.failures.restart_s;
        let at = self.clock.later(self.world.now, restart_s, Span::from_seconds(restart_s));
        self.queue.push(at, Event::Restart(vm));
        if let Some(outages) = &mut self.outages {
            outages.crashed.insert(vm, at.instant);
        }
        self.touched.extend([from, to]);
    }

    /// A VM that crashed runs again.
    pub(super) fn restart(&mut self, vm: VmId) {
        let Some(host) = self.world.home[vm] else { return };
        if let Some(outages) = &mut self.outages {
            outages.crashed.remove(&vm);
        }
        self.world.set_role(host, vm, Role::Running);
        self.world.bound[vm] -= 1;
        self.world.note(ActionKind::VmRestart, Some(vm), None, Some(host), Reason::Consequence);
        self.touched.push(host);
    }
}
