//! Moves that are given up: their VM ends, or one of their hosts fails.

use super::run::Engine;
use crate::id::{HostId, VmId};
use crate::migrate::failure::Part;
use crate::migrate::transaction::{self, Ending};

impl Engine<'_> {
    /// Gives up all moves of a VM that ends: those that wait, and those under way, of which it
    /// stays where it runs.
    pub(super) fn abandon_moves(&mut self, vm: VmId) {
        self.drop_moves_of(vm);
        let now = self.world.now.instant.0 as f64;
        for id in 0..self.moves.flights.len() {
            let Some(flight) = self.moves.flights[id].filter(|flight| flight.vm == vm) else {
                continue;
            };
            let totals = self.moves.transfers.cancel(id, now);
            self.transfers_changed = true;
            if flight.has_switched() {
                self.arrive(id, totals);
            } else {
                self.roll_back(id, transaction::Event::Cancelled, totals);
            }
        }
    }

    /// Gives up the moves of `vm` that wait.
    pub(super) fn drop_moves_of(&mut self, vm: VmId) {
        let waiting = self.world.pending.as_mut_slice().iter_mut();
        let given_up = waiting.map(|moves| {
            let before = moves.len();
            moves.retain(|decided| decided.vm != vm);
            before - moves.len()
        });
        self.world.bound[vm] -= given_up.sum::<usize>() as u8;
        self.moves.waiting.retain(|decided| decided.vm != vm);
    }

    /// Gives up the moves to `host` that wait.
    pub(super) fn drop_moves_to(&mut self, host: HostId) {
        for decided in std::mem::take(&mut self.world.pending[host]) {
            self.world.bound[decided.vm] -= 1;
        }
        self.moves.waiting.retain(|decided| decided.to != host);
    }

    /// Gives up the moves from `host` that wait.
    pub(super) fn drop_moves_from(&mut self, host: HostId) {
        for entry in self.world.lists[host].clone() {
            if self.world.home[entry.vm] == Some(host) {
                self.drop_moves_of(entry.vm);
            }
        }
    }

    /// `host` failed: what is copied from there or to there ends as the transaction says. Where
    /// the destination has everything and was only to be told, the VM is there.
    pub(super) fn end_copies_with(&mut self, host: HostId) {
        let now = self.world.now.instant.0 as f64;
        for id in 0..self.moves.flights.len() {
            let at_host = |flight: &super::moves::Flight| [flight.from, flight.to].contains(&host);
            let Some(flight) = self.moves.flights[id].filter(at_host) else { continue };
            let part = if flight.from == host { Part::Source } else { Part::Destination };
            let ending = self.moves.ends_by(id, flight.row, part);
            let totals = self.moves.transfers.cancel(id, now);
            self.transfers_changed = true;
            match ending {
                Some(Ending::Lost) => self.crash(id, totals),
                Some(Ending::RolledBack | Ending::Moved) => {
                    self.roll_back(id, part.event(), totals);
                }
                None => self.arrive(id, totals),
            }
        }
        self.take_turns();
    }
}
