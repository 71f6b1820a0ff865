//! Which migrations may begin, and over which links they are sent.
//!
//! Over the cards of both hosts, or the topology; between sites over the links of the route too.

use super::moves::{Flight, Moves};
use crate::id::{HostId, Id};
use crate::migrate::limits::{self, Limits, Request, UnderWay};
use crate::migrate::{Program, TransferId};
use crate::topology::LinkId;
use crate::units::Bytes;

impl Moves<'_> {
    /// Sends `program` on its way: over the cards of both hosts, or over the topology.
    pub(super) fn send(
        &mut self,
        flight: Flight,
        program: Box<dyn Program>,
        give_up_s: f64,
        now: f64,
    ) -> TransferId {
        let path = self.way(flight.from, flight.to);
        let id = self.transfers.start(program, &path, give_up_s, now);
        self.wide.iter_mut().for_each(|wide| wide.note(id, flight.from, flight.to));
        if self.flights.len() <= id {
            self.flights.resize(id + 1, None);
        }
        self.flights[id] = Some(flight);
        self.leaving[flight.from.index()] += 1;
        self.arriving[flight.to.index()] += 1;
        self.under_way += 1;
        id
    }

    /// The links from `from` to `to`, which are connected.
    pub(super) fn way(&mut self, from: HostId, to: HostId) -> Vec<LinkId> {
        let mut path = match &mut self.routes {
            Some(routes) => routes.path(from, to).expect("the hosts are connected").to_vec(),
            None => vec![2 * from.index() as LinkId, 2 * to.index() as LinkId + 1],
        };
        if let Some(wide) = &self.wide {
            wide.extend(from, to, &mut path);
        }
        path
    }

    /// Whether one more may go from `from` to `to`.
    pub(super) fn may_begin(&self, from: HostId, to: HostId) -> bool {
        let limits = &self.conduct.limits;
        if *limits == (Limits { rate: limits.rate, ..limits::UNLIMITED }) {
            return true;
        }
        let memory = Bytes(0);
        let request = Request {
            cpu_compatible: true,
            shared_storage: true,
            moves_disk: false,
            memory,
            free: memory,
        };
        let now = UnderWay {
            leaving_source: self.leaving[from.index()],
            arriving_source: self.arriving[from.index()],
            leaving_destination: self.leaving[to.index()],
            arriving_destination: self.arriving[to.index()],
            on_datastore: self.under_way,
            in_all: self.under_way,
        };
        limits::refusals(&request, limits, &now, "").is_empty()
    }
}
