//! Links between sites that fail and are repaired.
//!
//! What is sent over a link that fails ends as the transaction of its migration says: before the
//! point of no return the VM stays, after it, where pages still follow, it is lost. What is to be
//! sent takes another route, or waits for a decision that finds one.

use super::outages::Hit;
use super::run::Engine;
use crate::migrate::TransferId;
use crate::migrate::failure::Part;
use crate::model::record::LinkOutageRecord;

impl Engine<'_> {
    /// The link that `hit` names, if any, is out for one more reason.
    pub(super) fn cut(&mut self, hit: &Hit) {
        let (&Hit::Link(link), Some(outages)) = (hit, &mut self.outages) else { return };
        outages.links[link] += 1;
        if outages.links[link] > 1 {
            return;
        }
        let (start, end) = (self.world.now.instant, None);
        self.world.record.link_outages.push(LinkOutageRecord { link: link as u32, start, end });
        self.reroute();
        let wide = self.moves.wide.iter();
        let over: Vec<TransferId> = wide.flat_map(|wide| wide.sent_over(link)).collect();
        for id in over {
            if let Some(flight) = self.moves.flights.get(id).copied().flatten() {
                self.fail(id, flight.row, Part::Link);
            }
        }
    }

    /// The link that `hit` names, if any, is out for one reason less.
    pub(super) fn join(&mut self, hit: &Hit) {
        let (&Hit::Link(link), Some(outages)) = (hit, &mut self.outages) else { return };
        outages.links[link] -= 1;
        if outages.links[link] > 0 {
            return;
        }
        let now = self.world.now.instant;
        let mut rows = self.world.record.link_outages.iter_mut().rev();
        if let Some(row) = rows.find(|row| row.link as usize == link) {
            row.end = Some(now);
        }
        self.reroute();
    }

    /// Finds the routes over the links that are up.
    fn reroute(&mut self) {
        let (Some(outages), Some(sites)) = (&self.outages, &self.world.rules.sites) else { return };
        let up: Vec<bool> = outages.links.iter().map(|&reasons| reasons == 0).collect();
        self.moves.wide.iter_mut().for_each(|wide| wide.connect(&up));
        self.draft.fence_mut().into_iter().for_each(|fence| fence.connect(sites, &up));
    }
}
