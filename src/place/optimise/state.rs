//! An assignment of VMs to hosts that is being changed, with what it costs.
//!
//! A change touches two hosts, whose sums are at hand: it is priced in constant time.

use std::collections::BTreeSet;

use super::host_cost::HostCost;
use crate::id::{HostId, VmId};
use crate::model::Resources;
use crate::place::Fence;

/// A VM that may be assigned.
#[derive(Debug, Clone)]
pub struct Item {
    /// Which.
    pub vm: VmId,
    /// Its slot at the start; `None` if it is nowhere yet.
    pub home: Option<usize>,
    /// Mean demand, MIPS.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// What it takes now.
    pub needs: Resources,
    /// What it asks of each of its cores now, MIPS.
    pub per_core: f64,
    /// What moving it within its site costs, J.
    pub cost: f64,
    /// Seconds that it takes.
    pub copy_s: f64,
    /// Both by the site to which it goes, nothing where it cannot; empty where all is one site.
    pub far: Vec<Option<[f64; 2]>>,
    /// Slots to which it may not go.
    pub barred: Vec<usize>,
}

/// A host.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Which.
    pub host: HostId,
    /// Its kind.
    pub kind: usize,
    /// Rate of one core, MIPS.
    pub core: f64,
    /// Whether it runs at the start.
    pub open: bool,
    /// VMs on it that cannot be moved, or are still leaving.
    pub pinned: usize,
    /// VMs on it that can.
    pub members: usize,
    /// Mean of them all, MIPS.
    pub mean: f64,
    /// Variance of them all.
    pub variance: f64,
    /// Room for arrivals.
    pub free: Resources,
    /// Seconds left for copies from and to it.
    pub link_s: [f64; 2],
    /// Its site.
    pub site: usize,
}

impl Item {
    /// What moving it to `site` costs, J, and seconds that it takes.
    #[inline]
    fn way(&self, site: usize) -> Option<[f64; 2]> {
        match self.far.get(site) {
            None => Some([self.cost, self.copy_s]),
            Some(way) => *way,
        }
    }

    /// The least that moving it anywhere costs, J.
    pub fn least_cost(&self) -> f64 {
        self.far.iter().flatten().map(|way| way[0]).fold(self.cost, f64::min)
    }
}

/// MIPS that are always left free, for sums in another order.
const SLACK: f64 = 1e-6;

/// The assignment.
pub struct State<'a> {
    /// Prices.
    pub prices: &'a HostCost,
    /// VMs.
    pub items: Vec<Item>,
    /// Hosts.
    pub slots: Vec<Slot>,
    /// Slot of each VM; `usize::MAX` for one that is nowhere.
    pub at: Vec<usize>,
    /// VMs of each slot.
    pub lists: Vec<Vec<usize>>,
    /// What each slot costs.
    costs: Vec<f64>,
    /// Slots with VMs, ascending.
    used: Vec<usize>,
    /// Slots that never had any, by cell.
    fresh: Vec<BTreeSet<usize>>,
    /// Which slots without VMs are alike: those of a kind, and under rules of a zone.
    cells: Vec<usize>,
    /// Which VM may be where.
    fence: Option<Fence>,
    /// Possible changes priced.
    pub steps: u64,
    /// How many may be.
    pub budget: u64,
}

/// No slot.
pub const NOWHERE: usize = usize::MAX;

impl<'a> State<'a> {
    /// Everything where it is at the start.
    pub fn new(prices: &'a HostCost, items: Vec<Item>, slots: Vec<Slot>, kinds: usize) -> Self {
        let mut lists = vec![Vec::new(); slots.len()];
        for (i, item) in items.iter().enumerate() {
            item.home.iter().for_each(|&home| lists[home].push(i));
        }
        let at = items.iter().map(|item| item.home.unwrap_or(NOWHERE)).collect();
        let mut fresh = vec![BTreeSet::new(); kinds];
        let mut used = Vec::new();
        for (s, slot) in slots.iter().enumerate() {
            if slot.open {
                used.push(s);
            } else {
                fresh[slot.kind].insert(s);
            }
        }
        let costs = vec![0.0; slots.len()];
        let mut state = Self {
            prices,
            items,
            slots,
            at,
            lists,
            costs,
            used,
            fresh,
            cells: Vec::new(),
            fence: None,
            steps: 0,
            budget: u64::MAX,
        };
        for s in 0..state.slots.len() {
            state.costs[s] = state.price(s);
        }
        state
    }

    /// The same, where VMs go only where `fence` admits them.
    pub fn fenced(mut self, fence: Option<&Fence>, kinds: usize) -> Self {
        let Some(fence) = fence else { return self };
        let cell = |slot: &Slot| fence.zone(slot.host) * kinds + slot.kind;
        self.cells = self.slots.iter().map(cell).collect();
        let most = self.cells.iter().max().map_or(0, |most| most + 1);
        self.fresh = vec![BTreeSet::new(); most];
        for (s, _) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.open) {
            self.fresh[self.cells[s]].insert(s);
        }
        self.fence = Some(fence.clone());
        self
    }

    /// Slots without VMs of one cell are alike.
    fn cell(&self, s: usize) -> usize {
        self.cells.get(s).copied().unwrap_or(self.slots[s].kind)
    }

    /// Whether nothing more may be priced.
    pub fn is_spent(&self) -> bool {
        self.steps >= self.budget
    }

    /// What slot `s` costs as it is.
    fn price(&self, s: usize) -> f64 {
        let slot = &self.slots[s];
        self.price_of(s, slot.mean, slot.variance, slot.members + slot.pinned)
    }

    #[inline]
    fn price_of(&self, s: usize, mean: f64, variance: f64, vms: usize) -> f64 {
        let Slot { kind, open, .. } = self.slots[s];
        match (vms, open) {
            (0, false) => 0.0,
            (0, true) => self.prices.shutting_down(kind),
            (_, true) => self.running(kind, mean, variance, vms),
            (_, false) => self.running(kind, mean, variance, vms) + self.prices.waking(kind),
        }
    }

    /// What a host of `kind` with so many `vms` costs.
    #[inline]
    fn running(&self, kind: usize, mean: f64, variance: f64, vms: usize) -> f64 {
        let running = self.prices.running(kind, mean, variance);
        running + self.prices.alarm(kind, mean, variance, vms)
    }

    /// What everything costs.
    pub fn total(&self) -> f64 {
        let moved = self.items.iter().zip(&self.at).filter(|(item, at)| item.home != Some(**at));
        let moved = moved.filter(|(item, _)| item.home.is_some());
        let cost = |(item, &at): (&Item, &usize)| {
            item.way(self.slots[at].site).map_or(f64::INFINITY, |way| way[0])
        };
        let moves: f64 = moved.map(cost).sum();
        self.costs.iter().sum::<f64>() + moves
    }

    /// Slots with VMs.
    pub fn used(&self) -> &[usize] {
        &self.used
    }

    /// Where a VM may go: slots with VMs, and one of each cell that never had any.
    pub fn destinations(&self, into: &mut Vec<usize>) {
        into.clear();
        into.extend_from_slice(&self.used);
        into.extend(self.fresh.iter().filter_map(|kind| kind.first()));
    }

    /// Whether item `i` may go to slot `s`; it may always return.
    #[inline]
    pub fn fits(&self, i: usize, s: usize) -> bool {
        let (item, slot) = (&self.items[i], &self.slots[s]);
        if item.home == Some(s) {
            return true;
        }
        let needs = &item.needs;
        let cpu = needs.cpu <= slot.free.cpu - SLACK && item.per_core <= slot.core;
        let rest = Resources { cpu: 0.0, ..*needs }.fit_in(&slot.free);
        let links = item.home.is_none_or(|home| self.has_time(i, home, s));
        let admits = |fence: &Fence| fence.admits(item.vm, slot.host);
        let may = self.fence.as_ref().is_none_or(admits) && !item.barred.contains(&s);
        cpu && rest && links && may
    }

    /// Whether the links of its `home` and of slot `s` have time to copy item `i` there.
    #[inline]
    fn has_time(&self, i: usize, home: usize, s: usize) -> bool {
        let (slot, away) = (&self.slots[s], self.at[i] != home);
        let Some([_, copy_s]) = self.items[i].way(slot.site) else { return false };
        let booked = if away { self.copy_s(i, self.at[i]) } else { 0.0 };
        let leaves = (away && copy_s <= booked) || copy_s <= self.slots[home].link_s[0] + booked;
        copy_s <= slot.link_s[1] && leaves
    }

    /// Seconds that the copy of item `i` to slot `s` takes; none at home, or where it has none.
    #[inline]
    fn copy_s(&self, i: usize, s: usize) -> f64 {
        let item = &self.items[i];
        if s == NOWHERE || item.home.is_none_or(|home| home == s) {
            return 0.0;
        }
        item.way(self.slots[s].site).map_or(0.0, |way| way[1])
    }

    /// How the cost of its slot changes when item `i` leaves it.
    #[inline]
    pub fn leaving(&self, i: usize) -> f64 {
        let s = self.at[i];
        if s == NOWHERE {
            return 0.0;
        }
        let (item, slot) = (&self.items[i], &self.slots[s]);
        let vms = slot.members + slot.pinned - 1;
        let after = self.price_of(s, slot.mean - item.mean, slot.variance - item.variance, vms);
        after - self.costs[s] - self.toll(i, s)
    }

    /// How the cost of slot `s` changes when item `i` comes to it from elsewhere.
    #[inline]
    pub fn arriving(&mut self, i: usize, s: usize) -> f64 {
        self.steps += 1;
        let (item, slot) = (&self.items[i], &self.slots[s]);
        let vms = slot.members + slot.pinned + 1;
        let after = self.price_of(s, slot.mean + item.mean, slot.variance + item.variance, vms);
        after - self.costs[s] + self.toll(i, s)
    }

    /// What item `i` costs for being at slot `s` and not at home.
    #[inline]
    pub fn toll(&self, i: usize, s: usize) -> f64 {
        let item = &self.items[i];
        if item.home.is_none_or(|home| home == s) {
            return 0.0;
        }
        item.way(self.slots[s].site).map_or(f64::INFINITY, |way| way[0])
    }

    /// Takes item `i` to slot `s`.
    pub fn shift(&mut self, i: usize, s: usize) {
        let from = self.at[i];
        let (home, before_s, after_s) =
            (self.items[i].home, self.copy_s(i, from), self.copy_s(i, s));
        if from != NOWHERE {
            self.lists[from].retain(|&other| other != i);
            self.slots[from].members -= 1;
            self.give(i, from, (false, if home == Some(from) { after_s } else { before_s }));
        }
        if let Some(home) = home.filter(|&home| home != from && home != s)
            && before_s != after_s
        {
            self.slots[home].link_s[0] += before_s - after_s;
        }
        self.reckon(i, from, s);
        self.at[i] = s;
        self.lists[s].push(i);
        self.slots[s].members += 1;
        self.give(i, s, (true, if home == Some(s) { before_s } else { after_s }));
    }

    /// Tells the rules that item `i` goes from one slot to another; at home it counts anyhow.
    fn reckon(&mut self, i: usize, from: usize, to: usize) {
        let (Some(fence), item) = (&mut self.fence, &self.items[i]) else { return };
        if from != NOWHERE && item.home != Some(from) {
            fence.leave(item.vm, self.slots[from].host);
        }
        if item.home != Some(to) {
            fence.enter(item.vm, self.slots[to].host);
        }
    }

    /// Books item `i` in or out at slot `s`, with the seconds of its copy.
    fn give(&mut self, i: usize, s: usize, (comes, copy_s): (bool, f64)) {
        let item = &self.items[i];
        let sign = if comes { 1.0 } else { -1.0 };
        let slot = &mut self.slots[s];
        slot.mean += sign * item.mean;
        slot.variance += sign * item.variance;
        if slot.members == 0 && slot.pinned == 0 {
            (slot.mean, slot.variance) = (0.0, 0.0);
        }
        match item.home {
            // What leaves keeps its room until it has left.
            Some(home) if home == s => slot.link_s[0] += sign * copy_s,
            home => {
                if comes {
                    slot.free -= item.needs;
                } else {
                    slot.free.cpu += item.needs.cpu;
                    slot.free.ram += item.needs.ram;
                    slot.free.disk += item.needs.disk;
                    slot.free.net += item.needs.net;
                }
                slot.link_s[1] -= if home.is_some() { sign * copy_s } else { 0.0 };
            }
        }
        let vms = slot.members + slot.pinned;
        let open = slot.open;
        let cell = self.cell(s);
        match (self.used.binary_search(&s), vms) {
            (Ok(at), 0) => {
                self.used.remove(at);
                if !open {
                    self.fresh[cell].insert(s);
                }
            }
            (Err(at), 1..) => {
                self.used.insert(at, s);
                self.fresh[cell].remove(&s);
            }
            _ => {}
        }
        self.costs[s] = self.price(s);
    }
}
