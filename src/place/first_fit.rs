//! First fit: the first host, in id order, on which the VM fits.
//!
//! ```text
//! min h      over hosts h that v fits on and that it would not overload
//! ```
//!
//! VMs are taken in the order given. A host fits that has a core fast enough and enough left of
//! every resource (CPU in MIPS, memory and disk in bytes, network in bytes per second). The hosts
//! are the leaves of a tournament tree, so that a placement does not scan them.
//!
//! Source: Johnson, Fast algorithms for bin packing, J. Comput. Syst. Sci. 8(3), 1974; as the
//! placement of the DVFS and NPA baselines in Beloglazov and Buyya, Concurrency Computat.: Pract.
//! Exper. 24(13), 2012. Textbook first fit asks no detector: `overload = "ignored"`.

use serde::{Deserialize, Serialize};

use super::chooser::{Chooser, Overload, Preference, Wake};
use super::index::{Offer, Tournament};
use super::{Draft, Placer, Room};
use crate::id::HostId;
use crate::model::{Fleet, Resources};

/// Settings of first fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FirstFitSpec {
    /// Whether a VM may go where it would overload the host.
    pub overload: Overload,
    /// When a sleeping host may be chosen.
    pub wake: Wake,
}

/// First fit.
pub(super) fn first_fit(spec: &FirstFitSpec) -> Box<dyn Placer> {
    let hosts = Tournament::new(std::iter::empty());
    let by_id = ById { hosts, asked: Offer::asked(&Resources::default(), 0.0, false), from: 0 };
    Box::new(Chooser::new("first-fit", by_id, spec.overload, spec.wake))
}

/// Hosts by id.
struct ById {
    hosts: Tournament<Offer>,
    asked: Offer,
    from: u32,
}

impl Preference for ById {
    fn survey(&mut self, draft: &Draft, fleet: &Fleet) {
        let offers: Vec<Offer> =
            fleet.capacity.ids().map(|host| Offer::of(draft.room(host))).collect();
        self.hosts = Tournament::new(offers.into_iter());
    }

    fn renew(&mut self, host: HostId, room: &Room) {
        self.hosts.set(host, Offer::of(room));
    }

    fn begin(&mut self, _needs: &Resources, asked: Offer) {
        (self.asked, self.from) = (asked, 0);
    }

    fn next(&mut self, allowed: impl Fn(HostId) -> bool) -> Option<HostId> {
        let covers = |offer: &Offer| offer.covers(&self.asked);
        let host = self.hosts.first(HostId(self.from), covers, allowed)?;
        self.from = host.0 + 1;
        Some(host)
    }
}
