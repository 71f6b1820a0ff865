//! Best fit: the fullest host on which the VM fits.
//!
//! ```text
//! argmin room(h)      over hosts h that v fits on and that it would not overload
//! ```
//!
//! `room`: share of the host that is free, in [0, 1], by `by` (CPU unless told otherwise, see
//! `measure`), before the VM comes. The lowest id wins among equals. VMs are taken in the order
//! given. The hosts stand in a ranking by their room, so that a placement does not scan them.
//!
//! Source: Johnson, Fast algorithms for bin packing, J. Comput. Syst. Sci. 8(3), 1974, whose bins
//! are all of one size; for unequal hosts the share is compared and not the amount, as OpenStack
//! Neat does (`neat-best-fit-decreasing`).

use serde::{Deserialize, Serialize};

use super::chooser::{Chooser, Overload, Preference, Wake};
use super::index::{Offer, Ranking};
use super::{Draft, Measure, Placer, Room};
use crate::id::{HostId, IdVec};
use crate::model::{Fleet, Resources};

/// Settings of best and worst fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FitSpec {
    /// By what hosts and, in the decreasing variant, VMs are compared.
    pub by: Measure,
    /// Whether a VM may go where it would overload the host.
    pub overload: Overload,
    /// When a sleeping host may be chosen.
    pub wake: Wake,
}

/// Best fit.
pub(super) fn best_fit(spec: &FitSpec, fleet: &Fleet) -> Box<dyn Placer> {
    let by_room = ByRoom::new(spec.by, Order::FullestFirst, fleet);
    Box::new(Chooser::new("best-fit", by_room, spec.overload, spec.wake))
}

/// From which end hosts are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    FullestFirst,
    EmptiestFirst,
}

/// Hosts by their room.
pub(super) struct ByRoom {
    by: Measure,
    order: Order,
    ranking: Ranking,
    has: IdVec<HostId, Resources>,
    largest: Resources,
    asked: Offer,
    floor: f64,
    after: Option<(f64, HostId)>,
}

impl ByRoom {
    pub fn new(by: Measure, order: Order, fleet: &Fleet) -> Self {
        Self {
            by,
            order,
            ranking: Ranking::new(std::iter::empty()),
            has: fleet.capacity.ids().map(|host| fleet.capacities(host)).collect(),
            largest: fleet.largest(),
            asked: Offer::asked(&Resources::default(), 0.0, false),
            floor: f64::NEG_INFINITY,
            after: None,
        }
    }

    /// The lowest key comes first.
    fn key(&self, host: HostId, room: &Room) -> f64 {
        let share = self.by.room(&room.free, &self.has[host]);
        match self.order {
            Order::FullestFirst => share,
            Order::EmptiestFirst => -share,
        }
    }
}

impl Preference for ByRoom {
    fn survey(&mut self, draft: &Draft, fleet: &Fleet) {
        let rooms = fleet.capacity.ids().map(|host| (host, draft.room(host)));
        let rows = rooms.map(|(host, room)| (self.key(host, room), Offer::of(room)));
        self.ranking = Ranking::new(rows);
    }

    fn renew(&mut self, host: HostId, room: &Room) {
        let key = self.key(host, room);
        self.ranking.set(host, key, Offer::of(room));
    }

    fn begin(&mut self, needs: &Resources, asked: Offer) {
        (self.asked, self.after) = (asked, None);
        self.floor = match self.order {
            Order::FullestFirst => self.by.least_room(needs, &self.largest),
            Order::EmptiestFirst => f64::NEG_INFINITY,
        };
    }

    fn next(&mut self, allowed: impl Fn(HostId) -> bool) -> Option<HostId> {
        self.after = Some(self.ranking.next(self.after, self.floor, &self.asked, allowed)?);
        self.after.map(|(_, host)| host)
    }
}
