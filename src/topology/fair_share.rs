//! Max-min fair rates, adapted when flows come and go.
//!
//! ```text
//! level of a flow = rate / weight;  all levels rise together until a link is full or a flow is at
//! its limit; the flows there are fixed, the others go on
//! ```
//!
//! This is progressive filling (Bertsekas and Gallager, Data Networks, 1992, sect. 6.5.2). The
//! result is the only allocation in which each flow is at its limit or passes a full link where no
//! flow has a higher level: its bottleneck.
//!
//! **What a change leaves alone.** Compare the filling before and after a flow of level `x` leaves:
//! until `x` they are the same, since a link of that flow is full at `x` at the earliest. A flow
//! that arrives changes nothing below the level at which the first of its links would be full if
//! all others kept their rates. So only flows at or above that level are filled again, and of these
//! only those that share a link, directly or through others, with the one that changed. Everything
//! else keeps its rate to the last bit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::LinkId;

/// Names a flow; free again once it is removed.
pub type FlowId = u32;

/// Rounding of levels that must not separate equals.
const SAME: f64 = 1.0 - 1e-9;

/// Flows on links, and the rates at which they share them.
#[derive(Debug, Clone, Default)]
pub struct FairShare {
    links: Vec<Channel>,
    flows: Vec<Flow>,
    /// Paths of all flows, one after the other, each in a room of `stride`.
    paths: Vec<LinkId>,
    stride: usize,
    vacant: Vec<FlowId>,
    /// Links whose flows or capacity changed since the last sharing.
    changed: Vec<LinkId>,
    /// Flows that were added or got another weight or limit since then.
    fresh: Vec<FlowId>,
    /// No flow below this level is touched by the changes.
    floor: f64,
    // Room that every sharing uses again.
    reached: Vec<LinkId>,
    open: Vec<FlowId>,
    queue: BinaryHeap<Reverse<(u64, bool, u32)>>,
}

#[derive(Debug, Clone, Default)]
struct Channel {
    capacity: f64,
    flows: Vec<FlowId>,
    reached: bool,
    /// What the filling in progress has left.
    spare: f64,
    /// Weight of its flows that are not fixed yet, and their number.
    open_weight: f64,
    open: u32,
}

#[derive(Debug, Clone, Default)]
struct Flow {
    /// Links that it passes.
    hops: u32,
    /// Whether its limit may bind before its links do.
    capped: bool,
    weight: f64,
    limit: f64,
    rate: f64,
    level: f64,
    active: bool,
    fresh: bool,
    open: bool,
    next: f64,
}

impl FairShare {
    /// No flows on links of these capacities (bytes per second, above 0).
    pub fn new(capacities: impl IntoIterator<Item = f64>) -> Self {
        let channel = |capacity| Channel { capacity, ..Channel::default() };
        let links = capacities.into_iter().map(channel).collect();
        Self { links, floor: f64::INFINITY, ..Self::default() }
    }

    /// Adds a flow over `path` with `weight` above 0 that never exceeds `limit` bytes per second.
    /// Its rate is 0 until the next [`FairShare::share`]. Each link may occur once; a flow without
    /// links gets its limit.
    pub fn add(&mut self, path: &[LinkId], weight: f64, limit: f64) -> FlowId {
        let id = self.vacant.pop().unwrap_or_else(|| {
            self.flows.push(Flow::default());
            (self.flows.len() - 1) as FlowId
        });
        self.lay(id, path);
        let flow = &mut self.flows[id as usize];
        (flow.weight, flow.limit, flow.rate, flow.level) = (weight, limit, 0.0, 0.0);
        (flow.active, flow.fresh) = (true, true);
        for &link in path {
            self.links[link as usize].flows.push(id);
            self.changed.push(link);
        }
        self.fresh.push(id);
        self.cap(id);
        id
    }

    /// Writes down the path of `id`.
    fn lay(&mut self, id: FlowId, path: &[LinkId]) {
        if path.len() > self.stride {
            let (old, stride) = (self.stride, path.len());
            let mut paths = vec![0; stride * self.flows.len()];
            for (at, flow) in self.flows.iter().enumerate() {
                let hops = flow.hops as usize;
                paths[at * stride..][..hops].copy_from_slice(&self.paths[at * old..][..hops]);
            }
            (self.paths, self.stride) = (paths, stride);
        }
        self.paths.resize(self.stride * self.flows.len(), 0);
        self.paths[id as usize * self.stride..][..path.len()].copy_from_slice(path);
        self.flows[id as usize].hops = path.len() as u32;
    }

    /// Where the path of `id` stands.
    fn span(&self, id: FlowId) -> std::ops::Range<usize> {
        let first = id as usize * self.stride;
        first..first + self.flows[id as usize].hops as usize
    }

    /// Whether the limit of `id` is below what its narrowest link would give it alone.
    fn cap(&mut self, id: FlowId) {
        let path = &self.paths[self.span(id)];
        let capacities = path.iter().map(|&link| self.links[link as usize].capacity);
        let width = capacities.fold(f64::INFINITY, f64::min);
        let flow = &mut self.flows[id as usize];
        flow.capped = flow.limit < width || path.is_empty();
    }

    /// Removes the flow `id`.
    pub fn remove(&mut self, id: FlowId) {
        let flow = &mut self.flows[id as usize];
        assert!(flow.active, "only a flow that is there can be removed");
        flow.active = false;
        if !flow.fresh {
            self.floor = self.floor.min(flow.level);
        }
        for at in self.span(id) {
            let link = self.paths[at];
            let flows = &mut self.links[link as usize].flows;
            let at = flows.iter().position(|&other| other == id).expect("links know their flows");
            // In order, so that the sums over them do not depend on who left before.
            flows.remove(at);
            self.changed.push(link);
        }
        self.vacant.push(id);
    }

    /// Gives the flow `id` another limit.
    pub fn set_limit(&mut self, id: FlowId, limit: f64) {
        self.flows[id as usize].limit = limit;
        self.cap(id);
        self.renew(id);
    }

    /// Gives the flow `id` another weight, above 0.
    pub fn set_weight(&mut self, id: FlowId, weight: f64) {
        self.flows[id as usize].weight = weight;
        self.renew(id);
    }

    fn renew(&mut self, id: FlowId) {
        let flow = &mut self.flows[id as usize];
        if !std::mem::replace(&mut flow.fresh, true) {
            self.floor = self.floor.min(flow.level);
            self.fresh.push(id);
            let span = self.span(id);
            self.changed.extend_from_slice(&self.paths[span]);
        }
    }

    /// Gives `link` another capacity, above 0.
    pub fn set_capacity(&mut self, link: LinkId, capacity: f64) {
        let channel = &mut self.links[link as usize];
        channel.capacity = capacity;
        let levels = channel.flows.iter().map(|&id| self.flows[id as usize].level);
        // Where the link was full, those fixed by it have the highest level on it.
        self.floor = self.floor.min(levels.fold(0.0, f64::max));
        for at in 0..self.links[link as usize].flows.len() {
            self.cap(self.links[link as usize].flows[at]);
        }
        self.changed.push(link);
    }

    /// Rate of the flow `id` in bytes per second, as of the last sharing.
    pub fn rate(&self, id: FlowId) -> f64 {
        self.flows[id as usize].rate
    }

    /// Bytes per second that pass `link`.
    pub fn load(&self, link: LinkId) -> f64 {
        self.links[link as usize].flows.iter().map(|&id| self.rate(id)).sum()
    }

    /// Shares the links anew after changes and appends every flow whose rate changed to `altered`,
    /// in no particular but a reproducible order.
    pub fn share(&mut self, altered: &mut Vec<FlowId>) {
        if self.changed.is_empty() && self.fresh.is_empty() {
            return;
        }
        self.lower_floor();
        self.reach();
        self.fill();
        for &link in &self.reached {
            self.links[link as usize].reached = false;
        }
        for &id in &self.open {
            let flow = &mut self.flows[id as usize];
            flow.level = flow.next / flow.weight;
            if flow.rate != flow.next {
                flow.rate = flow.next;
                altered.push(id);
            }
        }
        self.floor = f64::INFINITY;
    }

    /// Lowers the floor to the level at which the first link with new flows would be full.
    fn lower_floor(&mut self) {
        self.fresh.retain(|&id| self.flows[id as usize].active && self.flows[id as usize].fresh);
        for &link in &self.changed {
            let channel = &self.links[link as usize];
            self.floor = self.floor.min(full_at(channel, &self.flows));
        }
        self.floor *= SAME;
    }

    /// Collects what the changes may touch: `reached` links and `open` flows.
    fn reach(&mut self) {
        self.open.clear();
        self.reached.clear();
        for id in self.fresh.drain(..) {
            let flow = &mut self.flows[id as usize];
            flow.fresh = false;
            if !std::mem::replace(&mut flow.open, true) {
                self.open.push(id);
            }
        }
        for link in self.changed.drain(..) {
            if !std::mem::replace(&mut self.links[link as usize].reached, true) {
                self.reached.push(link);
            }
        }
        let mut next = 0;
        while next < self.reached.len() {
            let link = self.reached[next] as usize;
            next += 1;
            let (mut fixed, mut weight, mut open) = (0.0, 0.0, 0);
            for i in 0..self.links[link].flows.len() {
                let id = self.links[link].flows[i];
                let flow = &mut self.flows[id as usize];
                if !flow.open && flow.level < self.floor {
                    fixed += flow.rate;
                    continue;
                }
                (weight, open) = (weight + flow.weight, open + 1);
                if !std::mem::replace(&mut flow.open, true) {
                    self.open.push(id);
                }
                for at in self.span(id) {
                    let other = self.paths[at];
                    if !std::mem::replace(&mut self.links[other as usize].reached, true) {
                        self.reached.push(other);
                    }
                }
            }
            let channel = &mut self.links[link];
            channel.spare = channel.capacity - fixed;
            (channel.open_weight, channel.open) = (weight, open);
        }
    }

    /// Progressive filling of the reached links by the open flows. The level of a link only rises
    /// while others are filled, so that it is computed again when its turn comes.
    fn fill(&mut self) {
        let mut queue = std::mem::take(&mut self.queue).into_vec();
        queue.clear();
        for &link in &self.reached {
            let channel = &self.links[link as usize];
            if channel.open > 0 {
                queue.push(Reverse((level_of(channel).to_bits(), true, link)));
            }
        }
        for &id in &self.open {
            let flow = &self.flows[id as usize];
            if flow.capped {
                queue.push(Reverse(((flow.limit / flow.weight).to_bits(), false, id)));
            }
        }
        let mut queue = BinaryHeap::from(queue);
        while let Some(mut first) = queue.peek_mut() {
            let Reverse((key, is_link, id)) = *first;
            if is_link && self.links[id as usize].open > 0 {
                let level = level_of(&self.links[id as usize]);
                if level.to_bits() > key {
                    // Its turn comes later.
                    *first = Reverse((level.to_bits(), true, id));
                    continue;
                }
                PeekMut::pop(first);
                self.fill_link(id, level);
            } else {
                PeekMut::pop(first);
                if !is_link && self.flows[id as usize].open {
                    self.fix(id, self.flows[id as usize].limit);
                }
            }
        }
        self.queue = queue;
    }

    /// Fixes the open flows of `link` at `level`.
    fn fill_link(&mut self, link: LinkId, level: f64) {
        for i in 0..self.links[link as usize].flows.len() {
            let id = self.links[link as usize].flows[i];
            let flow = &self.flows[id as usize];
            if flow.open {
                let rate = (level * flow.weight).min(flow.limit);
                self.fix(id, rate);
            }
        }
    }

    fn fix(&mut self, id: FlowId, rate: f64) {
        let flow = &mut self.flows[id as usize];
        (flow.open, flow.next) = (false, rate);
        let weight = flow.weight;
        for at in self.span(id) {
            let channel = &mut self.links[self.paths[at] as usize];
            channel.spare -= rate;
            channel.open_weight -= weight;
            channel.open -= 1;
        }
    }
}

fn level_of(channel: &Channel) -> f64 {
    (channel.spare / channel.open_weight).max(0.0)
}

/// The level at which `channel` is full when flows that are not fresh keep their rates; infinite
/// where nothing on it is fresh and it is not too full.
fn full_at(channel: &Channel, flows: &[Flow]) -> f64 {
    let on_it = || channel.flows.iter().map(|&id| &flows[id as usize]);
    let mut level = 0.0;
    // Every pass but the last leaves at least one more flow at its own rate.
    for _ in 0..=channel.flows.len() {
        let (mut spare, mut weight) = (channel.capacity, 0.0);
        for flow in on_it() {
            if !flow.fresh && flow.level <= level {
                spare -= flow.rate;
            } else {
                weight += flow.weight;
            }
        }
        let next = if weight > 0.0 { spare / weight } else { f64::INFINITY };
        if next <= level || next == f64::INFINITY {
            return next;
        }
        level = next;
    }
    level
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn rates(share: &mut FairShare, flows: &[FlowId]) -> Vec<f64> {
        share.share(&mut Vec::new());
        flows.iter().map(|&id| share.rate(id)).collect()
    }

    /// Links of 10 and 4: A over both, B over the first, C over the second. C and A get 2 each, B
    /// what is left of the first: 8.
    #[test]
    fn what_a_slow_flow_leaves_goes_to_the_others() {
        let mut share = FairShare::new([10.0, 4.0]);
        let flows = [&[0, 1][..], &[0], &[1]].map(|path| share.add(path, 1.0, f64::INFINITY));
        assert_eq!(rates(&mut share, &flows), [2.0, 8.0, 2.0]);
        share.remove(flows[2]);
        assert_eq!(rates(&mut share, &flows[..2]), [4.0, 6.0]);
    }

    /// A link of 12 by weights 1, 2, 3 gives 2, 4, 6; with the last limited to 3, the rest 9 is
    /// shared 1:2.
    #[test]
    fn weights_divide_and_limits_cap() {
        let mut share = FairShare::new([12.0]);
        let flows = [1.0, 2.0, 3.0].map(|weight| share.add(&[0], weight, f64::INFINITY));
        assert_eq!(rates(&mut share, &flows), [2.0, 4.0, 6.0]);
        share.set_limit(flows[2], 3.0);
        assert_eq!(rates(&mut share, &flows), [3.0, 6.0, 3.0]);
        share.set_capacity(0, 21.0);
        share.set_weight(flows[0], 2.0);
        assert_eq!(rates(&mut share, &flows), [9.0, 9.0, 3.0]);
    }

    #[test]
    fn only_flows_that_can_change_are_touched() {
        let mut share = FairShare::new([10.0, 10.0, 100.0]);
        let path = [&[0, 2][..], &[0, 2], &[1, 2], &[2]];
        let flows = path.map(|path| share.add(path, 1.0, f64::INFINITY));
        assert_eq!(rates(&mut share, &flows), [5.0, 5.0, 10.0, 80.0]);
        let extra = share.add(&[1, 2], 1.0, f64::INFINITY);
        let mut altered = Vec::new();
        share.share(&mut altered);
        altered.sort_unstable();
        assert_eq!(altered, [flows[2], extra], "the last keeps 80: 5 + 5 + 5 + 5 + 80");
    }

    #[test]
    fn a_flow_without_links_gets_its_limit() {
        let mut share = FairShare::new([1.0]);
        let flow = share.add(&[], 1.0, 7.0);
        assert_eq!(rates(&mut share, &[flow]), [7.0]);
    }

    /// The definition, by code that shares nothing with the filling: no link too full, and each
    /// flow at its limit or on a full link where no flow has a higher level.
    fn is_max_min(share: &FairShare) -> Result<(), String> {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        for (i, link) in share.links.iter().enumerate() {
            let load = share.load(i as LinkId);
            if load > link.capacity * (1.0 + 1e-9) {
                return Err(format!("link {i} carries {load} of {}", link.capacity));
            }
        }
        let level = |id: FlowId| share.rate(id) / share.flows[id as usize].weight;
        for (i, flow) in share.flows.iter().enumerate().filter(|(_, flow)| flow.active) {
            let own = level(i as FlowId);
            let bottleneck = share.paths[share.span(i as FlowId)].iter().any(|&link| {
                let channel = &share.links[link as usize];
                let highest = channel.flows.iter().map(|&id| level(id)).fold(0.0, f64::max);
                near(share.load(link), channel.capacity) && own >= highest * (1.0 - 1e-9)
            });
            if !bottleneck && !near(flow.rate, flow.limit) {
                return Err(format!("flow {i} at {} has no bottleneck", flow.rate));
            }
        }
        Ok(())
    }

    #[derive(Debug, Clone)]
    enum Event {
        Add(Vec<LinkId>, f64, f64),
        Remove(usize),
        Limit(usize, f64),
        Weight(usize, f64),
        Capacity(LinkId, f64),
        Share,
    }

    fn event() -> impl Strategy<Value = Event> {
        let path = prop::collection::btree_set(0..12_u32, 1..5);
        let limit = || prop_oneof![3 => Just(f64::INFINITY), 1 => 0.1..5.0];
        let weight = || prop_oneof![3 => Just(1.0), 1 => 0.1..4.0];
        prop_oneof![
            6 => (path, weight(), limit())
                .prop_map(|(path, weight, limit)| {
                    Event::Add(path.into_iter().collect(), weight, limit)
                }),
            4 => (0..50_usize).prop_map(Event::Remove),
            1 => (0..50_usize, limit()).prop_map(|(flow, limit)| Event::Limit(flow, limit)),
            1 => (0..50_usize, weight()).prop_map(|(flow, weight)| Event::Weight(flow, weight)),
            1 => (0..12_u32, 0.5..20.0)
                .prop_map(|(link, capacity)| Event::Capacity(link, capacity)),
            8 => Just(Event::Share),
        ]
    }

    fn apply(share: &mut FairShare, flows: &mut Vec<FlowId>, event: Event) {
        match event {
            Event::Add(path, weight, limit) => flows.push(share.add(&path, weight, limit)),
            Event::Remove(at) if !flows.is_empty() => {
                share.remove(flows.swap_remove(at % flows.len()));
            }
            Event::Limit(at, limit) if !flows.is_empty() => {
                share.set_limit(flows[at % flows.len()], limit);
            }
            Event::Weight(at, weight) if !flows.is_empty() => {
                share.set_weight(flows[at % flows.len()], weight);
            }
            Event::Capacity(link, capacity) => share.set_capacity(link, capacity),
            _ => share.share(&mut Vec::new()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 400,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(1992),
            ..ProptestConfig::default()
        })]
        #[test]
        fn rates_are_max_min_after_any_changes(
            capacities in prop::collection::vec(0.5..20.0, 12),
            events in prop::collection::vec(event(), 1..60),
        ) {
            let mut share = FairShare::new(capacities);
            let mut flows = Vec::new();
            for event in events {
                let shared = matches!(event, Event::Share);
                apply(&mut share, &mut flows, event);
                if shared {
                    prop_assert_eq!(is_max_min(&share), Ok(()));
                }
            }
        }
    }
}
