//! The relaxed problem of the bound by classes: what items need and where they may go, class by
//! class.
//!
//! See `class_bound` for what it is good for, `relaxed_value` for what it is worth at some prices.

use std::collections::BTreeMap;

use super::instance::Instance;
use super::patterns::Patterns;
use super::reach::Reach;
use super::rules::overbook;

/// Most classes of machines; with more the bound is not worth its time.
const CLASSES: usize = 12;

/// Most directions in which prices of room are tried first.
const DIRECTIONS: usize = 3;

/// Most ways in which the items of one machine may stay together.
const KEEPS: usize = 400;

/// A class of equal machines.
pub(super) struct Class {
    pub(super) idle: f64,
    /// Cost of a unit of the metered resource, at least.
    pub(super) slope: f64,
    pub(super) limit: Vec<f64>,
    /// Per resource: uses at which what it costs to use more changes, with the cost up to there.
    pub(super) steps: Vec<Vec<(f64, f64)>>,
    pub(super) ingress: Option<f64>,
    /// Combinations of sizes for each room that may be left, the whole of a machine first.
    pub(super) rests: Vec<Patterns>,
    /// Machines without items at the start.
    pub(super) empty: usize,
}

/// A machine with items at the start.
pub(super) struct Host {
    pub(super) class: usize,
    pub(super) items: Vec<usize>,
    pub(super) must_be_on: bool,
    /// How many of each size may stay together, and which of the class's rooms is left then; none
    /// where those who stay pay for their room like newcomers.
    pub(super) keeps: Vec<(Vec<u16>, usize)>,
}

/// What an item needs and where it may go.
pub(super) struct Need {
    pub(super) demand: Vec<f64>,
    pub(super) size: usize,
    pub(super) time: f64,
    pub(super) price: f64,
    pub(super) classes: Vec<bool>,
    pub(super) may_stay: bool,
}

/// The relaxed problem.
pub(super) struct Relaxation {
    pub(super) classes: Vec<Class>,
    pub(super) hosts: Vec<Host>,
    pub(super) needs: Vec<Need>,
    pub(super) resources: usize,
    pub(super) metered: usize,
    /// The resource whose demands are of few sizes, and these.
    pub(super) pattern: Option<(usize, Vec<i64>)>,
    /// Prices per class: one per resource, one per size, one for links.
    pub(super) width: usize,
    /// Prices of room.
    pub(super) rooms: Vec<Vec<f64>>,
    /// Rooms that are listed, per class.
    known_rests: BTreeMap<(usize, i64), usize>,
}

impl Relaxation {
    pub(super) fn of(instance: &Instance, reach: &Reach) -> Option<Self> {
        let limits = overbook::limits(instance);
        let machines = instance.machine_count();
        let mut known: BTreeMap<_, usize> = BTreeMap::new();
        let mut class_of = Vec::with_capacity(machines);
        let mut first = Vec::new();
        for machine in 0..machines {
            let row = instance.row(machine as u32);
            let tiers: Vec<i64> = instance.tiers.iter().map(|t| t.threshold[machine]).collect();
            let at = |values: &[i64]| values.get(machine).copied();
            let curve = instance.power.curve.get(machine).copied();
            let links = at(&instance.budgets.ingress);
            let safety = instance.machines.safety[row.clone()].to_vec();
            let idle = at(&instance.power.idle);
            let key = (limits[row].to_vec(), safety, tiers, idle, curve, links);
            let next = known.len();
            let class = *known.entry(key).or_insert(next);
            if class == next {
                first.push(machine);
            }
            class_of.push(class);
        }
        if known.len() > CLASSES || machines == 0 || instance.item_count() == 0 {
            return None;
        }
        let pattern = few_sizes(instance);
        let sizes = pattern.as_ref().map_or(0, |(_, sizes)| sizes.len());
        let classes = first.iter().map(|&m| class(instance, &limits, m));
        let mut relaxation = Self {
            classes: classes.collect(),
            hosts: Vec::new(),
            needs: Vec::new(),
            resources: instance.resources(),
            metered: instance.power.resource,
            width: instance.resources() + sizes + 1,
            pattern,
            rooms: Vec::new(),
            known_rests: BTreeMap::new(),
        };
        relaxation.list_patterns();
        relaxation.add_items(instance, reach, &class_of);
        relaxation.add_hosts(instance, reach, &class_of);
        relaxation.price_room();
        Some(relaxation)
    }

    fn add_items(&mut self, instance: &Instance, reach: &Reach, class_of: &[usize]) {
        let mut seen: BTreeMap<*const u32, Vec<bool>> = BTreeMap::new();
        for item in 0..instance.item_count() {
            let machines = reach.machines(item as u32);
            let classes = seen.entry(machines.as_ptr()).or_insert_with(|| {
                let mut classes = vec![false; self.classes.len()];
                machines.iter().for_each(|&machine| classes[class_of[machine as usize]] = true);
                classes
            });
            let demand = instance.demand(item as u32);
            let size = self.pattern.as_ref().map_or(0, |(r, sizes)| {
                sizes.binary_search(&demand[*r]).expect("all sizes are listed")
            });
            self.needs.push(Need {
                demand: demand.iter().map(|&need| need as f64).collect(),
                size,
                time: instance.items.link_time.get(item).map_or(0.0, |&time| time as f64),
                price: (instance.weights.item * instance.items.move_cost[item]) as f64,
                // With one machine to be on there is nowhere to go.
                classes: if machines.len() > 1 {
                    classes.clone()
                } else {
                    vec![false; classes.len()]
                },
                may_stay: reach.has(item as u32, instance.start[item]),
            });
        }
    }

    fn add_hosts(&mut self, instance: &Instance, reach: &Reach, class_of: &[usize]) {
        let mut items = vec![Vec::new(); instance.machine_count()];
        for (item, &machine) in instance.start.iter().enumerate() {
            items[machine as usize].push(item);
        }
        let is_used: Vec<bool> = {
            let mut used = vec![false; items.len()];
            reach.all_rows().for_each(|&machine| used[machine as usize] = true);
            used
        };
        for (machine, items) in items.into_iter().enumerate() {
            if items.is_empty() {
                self.classes[class_of[machine]].empty += usize::from(is_used[machine]);
                continue;
            }
            let stuck = |&item: &usize| !self.needs[item].classes.contains(&true);
            let time: f64 = items.iter().map(|&item| self.needs[item].time).sum();
            let egress = instance.budgets.egress.get(machine);
            let must_be_on = items.iter().any(stuck) || egress.is_some_and(|&e| time > e as f64);
            let (class, keeps) = (class_of[machine], Vec::new());
            self.hosts.push(Host { class, items, must_be_on, keeps });
        }
        for at in 0..self.hosts.len() {
            let keeps = self.list_keeps(at);
            self.hosts[at].keeps = keeps;
        }
    }

    /// Lists the combinations of sizes that fill a whole machine of each class; where they are too
    /// many for one, the resource is pooled like any other.
    fn list_patterns(&mut self) {
        let Some((r, sizes)) = self.pattern.clone() else { return };
        for class in &mut self.classes {
            match Patterns::of(class.limit[r] as i64, &sizes) {
                Some(patterns) => class.rests = vec![patterns],
                None => self.pattern = None,
            }
        }
    }

    /// The ways in which items of host `at` may stay; none where they are many or one must stay.
    fn list_keeps(&mut self, at: usize) -> Vec<(Vec<u16>, usize)> {
        let Some((r, sizes)) = self.pattern.clone() else { return Vec::new() };
        let (class, items) = (self.hosts[at].class, &self.hosts[at].items);
        let mut most = vec![0_u16; sizes.len()];
        for &item in items {
            let need = &self.needs[item];
            if !need.may_stay || !need.classes.contains(&true) {
                return Vec::new();
            }
            most[need.size] += 1;
        }
        let ways: usize = most.iter().map(|&n| usize::from(n) + 1).product();
        if ways > KEEPS {
            return Vec::new();
        }
        let limit = self.classes[class].limit[r] as i64;
        let mut found = Vec::new();
        for mut number in 0..ways {
            let mut keep = Vec::with_capacity(most.len());
            for &n in &most {
                keep.push((number % (usize::from(n) + 1)) as u16);
                number /= usize::from(n) + 1;
            }
            let used: i64 = keep.iter().zip(&sizes).map(|(&n, size)| i64::from(n) * size).sum();
            if used > limit {
                continue;
            }
            let Some(rest) = self.rest(class, limit - used, &sizes) else { return Vec::new() };
            found.push((keep, rest));
        }
        found
    }

    /// The place in the list of rooms of a class of one that is left.
    fn rest(&mut self, class: usize, room: i64, sizes: &[i64]) -> Option<usize> {
        let next = self.classes[class].rests.len();
        let known = self.known_rests.entry((class, room)).or_insert(next);
        if *known == next {
            self.classes[class].rests.push(Patterns::of(room, sizes)?);
        }
        Some(*known)
    }

    /// For each class, from no machine to all.
    pub(super) fn all_counts(&self) -> Vec<(usize, usize)> {
        let all = |t: usize| (0, self.hosts_of(t) + self.classes[t].empty);
        (0..self.classes.len()).map(all).collect()
    }

    fn hosts_of(&self, class: usize) -> usize {
        self.hosts.iter().filter(|host| host.class == class).count()
    }

    /// The size of a unit of each condition of `class`, so that all prices are of one kind.
    pub(super) fn scale(&self, class: usize, at: usize) -> f64 {
        let class = &self.classes[class];
        let sizes = self.resources..self.width - 1;
        let scale = match &self.pattern {
            _ if at < self.resources => class.limit[at],
            Some((r, found)) if sizes.contains(&at) => {
                class.limit[*r] / found[at - self.resources].max(1) as f64
            }
            _ => class.ingress.unwrap_or(1.0),
        };
        scale.max(1.0)
    }

    /// Prices at which an idle machine is paid for by one resource, or by pieces of one size each:
    /// for each class, as if all machines were like it.
    fn price_room(&mut self) {
        let mut pieces = vec![0.0; self.width - 1 - self.resources];
        if self.pattern.is_some() {
            self.needs.iter().for_each(|need| pieces[need.size] += 1.0);
        }
        let total = |r: usize| self.needs.iter().map(|need| need.demand[r]).sum::<f64>();
        let mut rooms = Vec::new();
        let idle: f64 = self.classes.iter().map(|class| class.idle).sum();
        let mean_idle = idle / self.classes.len() as f64;
        for class in &self.classes {
            let mut own = vec![0.0; self.width];
            match (class.rests.first(), &self.pattern) {
                (Some(patterns), Some(_)) => {
                    own[self.resources..self.width - 1].copy_from_slice(&patterns.weights(&pieces));
                }
                _ => {
                    let scarcity = |r: &usize| total(*r) / class.limit[*r].max(1.0);
                    let r = (0..self.resources).max_by(|a, b| scarcity(a).total_cmp(&scarcity(b)));
                    r.into_iter().for_each(|r| own[r] = 1.0 / class.limit[r].max(1.0));
                }
            }
            let idle = mean_idle.max(1.0);
            let room: Vec<f64> =
                self.classes.iter().flat_map(|_| own.iter().map(|weight| weight * idle)).collect();
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        }
        rooms.truncate(DIRECTIONS);
        self.rooms = rooms;
    }
}

/// A resource of hard capacity whose demands have few values, and these, ascending.
fn few_sizes(instance: &Instance) -> Option<(usize, Vec<i64>)> {
    let width = instance.resources();
    let found = (0..width).filter_map(|r| {
        let free = instance.load_weight[r] == 0 && instance.tiers.iter().all(|t| t.resource != r);
        let metered = !instance.power.is_empty() && instance.power.resource == r;
        if !free || metered {
            return None;
        }
        let mut sizes: Vec<i64> =
            instance.items.demand.iter().skip(r).step_by(width).copied().collect();
        sizes.sort_unstable();
        sizes.dedup();
        (sizes.len() <= Patterns::SIZES && sizes[0] > 0).then_some((r, sizes))
    });
    let share = |r: usize| {
        let sum =
            |values: &[i64]| values.iter().skip(r).step_by(width).map(|&v| v as f64).sum::<f64>();
        sum(&instance.items.demand) / sum(&instance.machines.capacity).max(1.0)
    };
    found.max_by(|a, b| share(a.0).total_cmp(&share(b.0)))
}

fn class(instance: &Instance, limits: &[i64], machine: usize) -> Class {
    let row = instance.row(machine as u32);
    let limit: Vec<i64> = limits[row.clone()].to_vec();
    let power = &instance.power;
    let curve = power.curve.get(machine).map(|&curve| &power.curves[curve as usize]);
    let slope = curve.map_or(0.0, |curve| {
        let top = limit[power.resource].max(1);
        let ends = curve.pieces.iter().map(|piece| piece.from).filter(|&u| u > 0 && u < top);
        let mean = |used: i64| curve.at(used) as f64 / used as f64;
        ends.chain([1, top]).map(mean).fold(f64::INFINITY, f64::min)
    });
    let steps = (0..instance.resources()).map(|r| {
        let safety = instance.machines.safety[row.start + r];
        let own = instance.tiers.iter().filter(|tier| tier.resource == r);
        let own = own.map(|tier| (tier.threshold[machine], tier.weight));
        let kinks: Vec<(i64, i64)> = own.chain([(safety, instance.load_weight[r])]).collect();
        let cost = |used: i64| -> f64 {
            kinks.iter().map(|&(from, weight)| (weight * (used - from).max(0)) as f64).sum()
        };
        let uses = kinks.iter().map(|&(from, _)| from.clamp(0, limit[r])).chain([limit[r]]);
        uses.map(|used| (used as f64, cost(used))).collect()
    });
    Class {
        idle: power.idle.get(machine).map_or(0.0, |&idle| idle as f64),
        slope,
        steps: steps.collect(),
        ingress: instance.budgets.ingress.get(machine).map(|&time| time as f64),
        rests: Vec::new(),
        limit: limit.into_iter().map(|limit| limit as f64).collect(),
        empty: 0,
    }
}
