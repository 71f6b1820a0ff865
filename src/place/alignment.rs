//! Hosts as points: how well does what a host has left suit what a VM takes?
//!
//! ```text
//! v_i = needs_i / largest_i      r_i = free_i / largest_i      i = CPU, memory, disk, network
//! ```
//!
//! `largest_i`: the most of resource `i` that any host has, so that both lie in [0, 1]; a resource
//! that no host limits is left out, one that only this host does not limit counts as 1. The
//! [`Suitability`] of a placer is a cost of `v` and `r`, and a lower bound of it for all `r` in a
//! box, so that the tree of hosts is searched by branch and bound and not scanned.

use serde::{Deserialize, Serialize};

use super::chooser::{Chooser, Overload, Preference, Wake};
use super::index::{Offer, Summary, Tournament};
use super::{Decreasing, Draft, Measure, Placer, Room};
use crate::id::HostId;
use crate::model::{Fleet, RESOURCES, Resources};

/// Settings of the placers that compare vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AlignmentSpec {
    /// Whether a VM may go where it would overload the host.
    pub overload: Overload,
    /// When a sleeping host may be chosen.
    pub wake: Wake,
}

impl Default for AlignmentSpec {
    /// Bins are opened one after the other.
    fn default() -> Self {
        Self { overload: Overload::Avoided, wake: Wake::LastResort }
    }
}

/// One number per resource, each a share of the largest host.
pub(super) type Point = [f64; RESOURCES];

/// A cost of placing a VM on a host; the least is best.
pub(super) trait Suitability: Send {
    /// The least cost of a VM that takes `v` over all hosts that have `low` to `high` left and at
    /// least `v`; exact where `low` and `high` are equal, never above a cost within, not even by
    /// rounding, and never NaN.
    fn least_cost(v: &Point, low: &Point, high: &Point) -> f64;
}

/// What some hosts have left.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    most: Offer,
    low: Point,
    high: Point,
}

impl Summary for Span {
    const NONE: Self = Self {
        most: Offer::NONE,
        low: [f64::INFINITY; RESOURCES],
        high: [f64::NEG_INFINITY; RESOURCES],
    };

    fn join(&self, other: &Self) -> Self {
        let mut joined = Self { most: self.most.join(&other.most), ..*self };
        for i in 0..RESOURCES {
            joined.low[i] = self.low[i].min(other.low[i]);
            joined.high[i] = self.high[i].max(other.high[i]);
        }
        joined
    }
}

/// Tries the hosts of least cost by `S` first, the lowest id among equals.
pub(super) struct Alignment<S> {
    suitability: std::marker::PhantomData<S>,
    hosts: Tournament<Span>,
    largest: Resources,
    asked: Offer,
    v: Point,
    named: Named,
    /// Hosts with room and their costs, best last; once the first was refused.
    others: Vec<(f64, HostId)>,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    None,
    Best(HostId),
    Sorted,
}

impl<S: Suitability> Alignment<S> {
    pub fn new(fleet: &Fleet) -> Self {
        Self {
            suitability: std::marker::PhantomData,
            hosts: Tournament::new(std::iter::empty()),
            largest: fleet.largest(),
            asked: Offer::asked(&Resources::default(), 0.0, false),
            v: [0.0; RESOURCES],
            named: Named::None,
            others: Vec::new(),
        }
    }

    /// `amounts` as shares of the largest host.
    fn point(&self, amounts: &Resources) -> Point {
        let (mut point, largest) = (amounts.as_array(), self.largest.as_array());
        for (share, largest) in point.iter_mut().zip(largest) {
            *share = if largest.is_finite() { (*share / largest).min(1.0) } else { 0.0 };
        }
        point
    }

    fn span(&self, room: &Room) -> Span {
        let point = self.point(&room.free);
        Span { most: Offer::of(room), low: point, high: point }
    }

    /// Sorts every host with room, the best last.
    fn sort(&mut self) {
        self.others.clear();
        let Self { hosts, asked, v, others, .. } = self;
        let covers = |span: &Span| span.most.covers(asked);
        hosts.each(covers, |host, span| {
            others.push((S::least_cost(v, &span.low, &span.high), host));
        });
        others.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    }
}

impl<S: Suitability> Preference for Alignment<S> {
    fn survey(&mut self, draft: &Draft, fleet: &Fleet) {
        let hosts = fleet.capacity.ids();
        let spans: Vec<Span> = hosts.map(|host| self.span(draft.room(host))).collect();
        self.hosts = Tournament::new(spans.into_iter());
    }

    fn renew(&mut self, host: HostId, room: &Room) {
        let span = self.span(room);
        self.hosts.set(host, span);
    }

    fn begin(&mut self, needs: &Resources, asked: Offer) {
        (self.asked, self.v, self.named) = (asked, self.point(needs), Named::None);
    }

    fn next(&mut self, allowed: impl Fn(HostId) -> bool) -> Option<HostId> {
        let first = match self.named {
            Named::None => {
                let covers = |span: &Span| span.most.covers(&self.asked);
                let cost = |span: &Span| S::least_cost(&self.v, &span.low, &span.high);
                let best = self.hosts.least(covers, cost, allowed)?;
                self.named = Named::Best(best);
                return Some(best);
            }
            Named::Best(best) => {
                self.sort();
                self.named = Named::Sorted;
                Some(best)
            }
            Named::Sorted => None,
        };
        while let Some((_, host)) = self.others.pop() {
            if Some(host) != first && allowed(host) {
                return Some(host);
            }
        }
        None
    }
}

/// A placer that takes the VMs in descending mean size, and tries the hosts of least cost by `S`
/// first.
pub(super) fn largest_first<S: Suitability + 'static>(
    name: &'static str,
    spec: &AlignmentSpec,
    fleet: &Fleet,
) -> Box<dyn Placer> {
    let by_cost = Alignment::<S>::new(fleet);
    let chooser = Chooser::new(name, by_cost, spec.overload, spec.wake);
    Box::new(Decreasing::new(name, Measure::Mean, Box::new(chooser), fleet))
}
