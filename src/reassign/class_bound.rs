//! How little could any assignment cost where machines can be switched off? A Lagrangian bound over
//! classes of equal machines.
//!
//! ```text
//! bound  = min over boxes B of counts k of  max over prices p >= 0 of L(p, B)
//! L(p,B) = sum over i of move(i) + sum over classes t of
//!          min over k in B(t) of the k smallest of (idle(t) - worth(t) + sum of min(0, stay - move))
//! ```
//!
//! Each item has three kinds of choice: to stay, or to go to some machine of one of the classes. What
//! items use of a class must be found on its open machines: in the sum over all of them, of every
//! resource, and of the time on the links into them. Each of these conditions has a price, `p`; then
//! every machine can be decided by itself: off, all its items go where that is cheapest (`move`);
//! on, it costs `idle`, has `worth(t)` to offer at these prices, and each of its items may stay.
//! Because the number of open machines is whole, it is branched on: boxes of counts are halved where
//! they are fractional, as long as that raises the bound.
//!
//! Where the demands of a resource are of few sizes (flavours of VMs), pooling is too kind: pieces
//! are lost. There each size has a price of its own, and the worth of a machine is the most that a
//! combination of sizes which fits into it brings, out of a list of all.
//!
//! Rules are left out, except for where an item may be at all; so the bound holds with any rules.
//!
//! Source: Lagrangian relaxation, Fisher, Management Science 27(1), 1981, with the subgradient steps
//! of Held, Wolfe and Crowder, Mathematical Programming 6, 1974; patterns as Gilmore and Gomory,
//! Operations Research 9(6), 1961. The relaxation by classes is ours.

use std::collections::BTreeMap;

use super::instance::Instance;
use super::patterns::Patterns;
use super::reach::Reach;
use super::rules::overbook;

/// Most classes of machines; with more the bound is not worth its time.
const CLASSES: usize = 12;

/// Boxes of counts that are looked at.
const BOXES: usize = 300;

/// How often the prices of a box whose counts are fixed are improved.
const REFINED: u32 = 4;

/// Steps for the prices of the first box, and of each further one.
const FIRST_STEPS: usize = 400;
const STEPS: usize = 100;

/// Items that are priced in all: the work that a bound may be.
const WORK: usize = 300_000_000;

/// Part of the value that a first step hopes to gain, the weight of the newest subgradient in the
/// mean, and steps without a gain after which less is hoped for.
const FIRST_HOPE: f64 = 0.01;
const MIX: f64 = 0.15;
const MISSES: usize = 5;

/// Multiples of an idle machine's cost that room is worth in the first trials, and directions.
const ROOMS: [f64; 13] = [-0.9, -0.5, -0.2, 0.0, 0.2, 0.5, 0.8, 0.95, 1.0, 1.1, 3.0, 20.0, 200.0];
const DIRECTIONS: usize = 3;

/// A class of equal machines.
struct Class {
    idle: f64,
    /// Cost of a unit of the metered resource, at least.
    slope: f64,
    limit: Vec<f64>,
    /// Per resource: uses at which what it costs to use more changes, with the cost up to there.
    steps: Vec<Vec<(f64, f64)>>,
    ingress: Option<f64>,
    patterns: Option<Patterns>,
    /// Machines without items at the start.
    empty: usize,
}

/// A machine with items at the start.
struct Host {
    class: usize,
    items: Vec<usize>,
    must_be_on: bool,
}

/// What an item needs and where it may go.
struct Need {
    demand: Vec<f64>,
    size: usize,
    time: f64,
    price: f64,
    classes: Vec<bool>,
    may_stay: bool,
}

/// The relaxed problem.
struct Relaxation {
    classes: Vec<Class>,
    hosts: Vec<Host>,
    needs: Vec<Need>,
    resources: usize,
    metered: usize,
    /// The resource whose demands are of few sizes, and these.
    pattern: Option<(usize, Vec<i64>)>,
    /// Prices per class: one per resource, one per size, one for links.
    width: usize,
    /// Prices of room.
    rooms: Vec<Vec<f64>>,
}

/// The value at some prices, with the direction in which they should change.
struct Value {
    value: f64,
    slope: Vec<f64>,
    counts: Vec<f64>,
}

/// A box of counts, with the best prices known for it.
struct Part {
    box_: Vec<(usize, usize)>,
    prices: Vec<f64>,
    value: f64,
    counts: Vec<f64>,
    /// How often its prices were improved once its counts were fixed.
    refined: u32,
}

/// A cost below which no assignment lies; none where there are too many kinds of machine.
pub(super) fn class_bound(instance: &Instance, reach: &Reach) -> Option<i64> {
    let relaxation = Relaxation::of(instance, reach)?;
    let counts: Vec<(usize, usize)> = (0..relaxation.classes.len())
        .map(|t| (0, relaxation.hosts_of(t) + relaxation.classes[t].empty))
        .collect();
    let prices = vec![0.0; relaxation.classes.len() * relaxation.width];
    let mut parts = vec![relaxation.improve(counts, prices, FIRST_STEPS, FIRST_HOPE)];
    let boxes = WORK / (instance.item_count() * relaxation.classes.len() * 2 * STEPS);
    for _ in 0..boxes.min(BOXES) {
        let least = (0..parts.len()).min_by(|&a, &b| parts[a].value.total_cmp(&parts[b].value))?;
        let Some((class, at)) = split(&parts[least]) else {
            // Only better prices can raise it now.
            if parts[least].refined >= REFINED {
                break;
            }
            let part = parts.swap_remove(least);
            parts.push(relaxation.refine(part));
            continue;
        };
        let part = parts.swap_remove(least);
        for (low, high) in [(part.box_[class].0, at), (at + 1, part.box_[class].1)] {
            if low <= high {
                let mut box_ = part.box_.clone();
                box_[class] = (low, high);
                let mut half = relaxation.improve(box_, part.prices.clone(), STEPS, FIRST_HOPE);
                half.value = half.value.max(part.value);
                parts.push(half);
            }
        }
    }
    let least = parts.iter().map(|part| part.value).fold(f64::INFINITY, f64::min);
    // What rounding may have added is taken off again.
    let safe = least - 1.0 - least.abs() * 1e-9;
    safe.is_finite().then(|| safe.floor() as i64)
}

/// The class whose count is farthest from a whole number, and that number; none if all are fixed.
fn split(part: &Part) -> Option<(usize, usize)> {
    let open = (0..part.box_.len()).filter(|&t| part.box_[t].0 < part.box_[t].1);
    let fraction = |t: &usize| {
        let x = part.counts[*t];
        (x - x.round()).abs()
    };
    let class = open.max_by(|a, b| fraction(a).total_cmp(&fraction(b)))?;
    let (low, high) = part.box_[class];
    Some((class, (part.counts[class].floor() as usize).clamp(low, high - 1)))
}

impl Relaxation {
    fn of(instance: &Instance, reach: &Reach) -> Option<Self> {
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
        let classes = first.iter().map(|&m| class(instance, &limits, m, pattern.as_ref()));
        let mut relaxation = Self {
            classes: classes.collect(),
            hosts: Vec::new(),
            needs: Vec::new(),
            resources: instance.resources(),
            metered: instance.power.resource,
            width: instance.resources() + sizes + 1,
            pattern,
            rooms: Vec::new(),
        };
        if relaxation.classes.iter().any(|class| class.patterns.is_none()) {
            relaxation.pattern = None;
        }
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
            self.hosts.push(Host { class: class_of[machine], items, must_be_on });
        }
    }

    fn hosts_of(&self, class: usize) -> usize {
        self.hosts.iter().filter(|host| host.class == class).count()
    }

    /// The size of a unit of each condition of `class`, so that all prices are of one kind.
    fn scale(&self, class: usize, at: usize) -> f64 {
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

    /// Raises the value of a box by steps along a mean of subgradients, each from the best prices.
    fn improve(
        &self,
        box_: Vec<(usize, usize)>,
        prices: Vec<f64>,
        steps: usize,
        hope: f64,
    ) -> Part {
        let scales: Vec<f64> =
            (0..prices.len()).map(|at| self.scale(at / self.width, at % self.width)).collect();
        let (mut best_prices, mut best) = self.scaled(&prices, &box_);
        let mut counts = best.counts.clone();
        let mut direction: Vec<f64> = best.slope.clone();
        let mut hope = hope * best.value.abs().max(1.0);
        let mut misses = 0;
        for _ in 0..steps {
            let norm: f64 = direction.iter().zip(&scales).map(|(d, s)| (d / s).powi(2)).sum();
            if norm < 1e-12 {
                break;
            }
            let step = hope / norm;
            let rows = best_prices.iter().zip(&direction).zip(&scales);
            let prices: Vec<f64> =
                rows.map(|((price, d), s)| (price + step * d / (s * s)).max(0.0)).collect();
            let now = self.value(&prices, &box_);
            counts.iter_mut().zip(&now.counts).for_each(|(mean, k)| *mean += MIX * (k - *mean));
            direction.iter_mut().zip(&now.slope).for_each(|(mean, g)| *mean += MIX * (g - *mean));
            if now.value > best.value {
                let gained = now.value - best.value;
                hope *= if gained > 0.25 * hope { 1.3 } else { 1.0 };
                (best_prices, best) = (prices, now);
                misses = 0;
            } else {
                misses += 1;
                if misses >= MISSES {
                    hope *= 0.6;
                    misses = 0;
                }
            }
        }
        Part { box_, prices: best_prices, value: best.value, counts, refined: 0 }
    }

    /// Improves the prices of a box again, by smaller steps each time.
    fn refine(&self, part: Part) -> Part {
        let refined = part.refined + 1;
        let hope = FIRST_HOPE * 0.3_f64.powi(refined as i32);
        let better = self.improve(part.box_, part.prices, 4 * STEPS, hope);
        Part { value: better.value.max(part.value), refined, ..better }
    }

    /// The best of some prices to begin with: those given or none, and a price of room on top. With
    /// more machines than needed room is worth nothing, with too few any price is too low.
    fn scaled(&self, prices: &[f64], box_: &[(usize, usize)]) -> (Vec<f64>, Value) {
        let mut tried = Vec::new();
        for base in [0.0, 1.0] {
            for room in &self.rooms {
                for &factor in &ROOMS {
                    let sum = prices
                        .iter()
                        .zip(room)
                        .map(|(price, room)| (base * price + factor * room).max(0.0));
                    let prices: Vec<f64> = sum.collect();
                    let value = self.value(&prices, box_);
                    tried.push((prices, value));
                }
            }
        }
        let best = tried.into_iter().max_by(|a, b| a.1.value.total_cmp(&b.1.value));
        best.expect("there is at least one direction")
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
        for class in &self.classes {
            let mut own = vec![0.0; self.width];
            match (&class.patterns, &self.pattern) {
                (Some(patterns), Some(_)) => {
                    own[self.resources..self.width - 1].copy_from_slice(&patterns.weights(&pieces));
                }
                _ => {
                    let scarcity = |r: &usize| total(*r) / class.limit[*r].max(1.0);
                    let r = (0..self.resources).max_by(|a, b| scarcity(a).total_cmp(&scarcity(b)));
                    r.into_iter().for_each(|r| own[r] = 1.0 / class.limit[r].max(1.0));
                }
            }
            let idle = class.idle.max(1.0);
            let room: Vec<f64> =
                self.classes.iter().flat_map(|_| own.iter().map(|weight| weight * idle)).collect();
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        }
        rooms.truncate(DIRECTIONS);
        self.rooms = rooms;
    }

    /// The value of the relaxation at `prices` for counts in `box_`.
    fn value(&self, prices: &[f64], box_: &[(usize, usize)]) -> Value {
        let mut result = Value {
            value: 0.0,
            slope: vec![0.0; prices.len()],
            counts: vec![0.0; self.classes.len()],
        };
        let offers: Vec<Offer> = (0..self.classes.len())
            .map(|t| self.offer(t, &prices[t * self.width..][..self.width]))
            .collect();
        let moves: Vec<(f64, usize)> =
            self.needs.iter().map(|n| self.cheapest(n, prices)).collect();
        let mut gains: Vec<Vec<(f64, usize)>> = vec![Vec::new(); self.classes.len()];
        for (at, host) in self.hosts.iter().enumerate() {
            let worth = self.classes[host.class].idle - offers[host.class].worth;
            let mut gain = worth;
            for &item in &host.items {
                let (stay, (go, _)) = (self.stay(item, host.class, prices), moves[item]);
                gain += if go.is_finite() { (stay - go).min(0.0) } else { stay };
                result.value += if go.is_finite() { go } else { 0.0 };
            }
            gains[host.class].push((if host.must_be_on { gain - FORCED } else { gain }, at));
        }
        let mut is_on = vec![false; self.hosts.len()];
        for (t, gains) in gains.iter_mut().enumerate() {
            let empties = self.classes[t].idle - offers[t].worth;
            gains.extend((0..self.classes[t].empty).map(|_| (empties, usize::MAX)));
            gains.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let (low, high) = box_[t];
            let forced = gains.iter().take_while(|(gain, _)| *gain < -FORCED / 2.0).count();
            for (k, &(gain, at)) in gains.iter().enumerate() {
                let is_wanted = k < low || k < forced || (gain < 0.0 && k < high);
                if is_wanted {
                    result.value += if k < forced { gain + FORCED } else { gain };
                    result.counts[t] += 1.0;
                    is_on.get_mut(at).into_iter().for_each(|on| *on = true);
                }
            }
            let offered = &offers[t].offered;
            let slope = &mut result.slope[t * self.width..][..self.width];
            slope.iter_mut().zip(offered).for_each(|(s, o)| *s -= result.counts[t] * o);
        }
        self.add_use(prices, &moves, &is_on, &mut result.slope);
        result
    }

    /// What items use where they are in the relaxation, added to the direction of prices.
    fn add_use(&self, prices: &[f64], moves: &[(f64, usize)], on: &[bool], slope: &mut [f64]) {
        for (host, &is_on) in self.hosts.iter().zip(on) {
            for &item in &host.items {
                let (go, to) = moves[item];
                let stays = is_on && self.stay(item, host.class, prices) <= go;
                if !stays && !go.is_finite() {
                    continue;
                }
                let class = if stays { host.class } else { to };
                let own = &mut slope[class * self.width..][..self.width];
                let need = &self.needs[item];
                for (r, &amount) in need.demand.iter().enumerate() {
                    if self.pattern.as_ref().is_none_or(|(pattern, _)| *pattern != r) {
                        own[r] += amount;
                    }
                }
                if self.pattern.is_some() {
                    own[self.resources + need.size] += 1.0;
                }
                let is_limited = self.classes[class].ingress.is_some();
                own[self.width - 1] += if stays || !is_limited { 0.0 } else { need.time };
            }
        }
    }

    /// What being in `class` costs an item, energy included.
    #[inline]
    fn there(&self, need: &Need, class: usize, prices: &[f64]) -> f64 {
        let own = &prices[class * self.width..][..self.width];
        let energy = self.classes[class].slope * need.demand[self.metered];
        let pooled: f64 = need.demand.iter().zip(own).map(|(need, price)| need * price).sum();
        // The resource with sizes has no price of its own: it is 0 and stays so.
        let sized = if self.pattern.is_some() { own[self.resources + need.size] } else { 0.0 };
        energy + pooled + sized
    }

    fn stay(&self, item: usize, class: usize, prices: &[f64]) -> f64 {
        let need = &self.needs[item];
        if need.may_stay { self.there(need, class, prices) } else { f64::INFINITY }
    }

    fn cheapest(&self, need: &Need, prices: &[f64]) -> (f64, usize) {
        let mut best = (f64::INFINITY, 0);
        for (t, _) in need.classes.iter().enumerate().filter(|&(_, &may)| may) {
            let link = prices[(t + 1) * self.width - 1] * need.time;
            let cost = need.price + link + self.there(need, t, prices);
            if cost < best.0 {
                best = (cost, t);
            }
        }
        best
    }

    /// The most that an open machine of class `t` brings at its prices, and what it offers for it.
    fn offer(&self, t: usize, prices: &[f64]) -> Offer {
        let class = &self.classes[t];
        let mut offer = Offer { worth: 0.0, offered: vec![0.0; self.width] };
        for r in 0..self.resources {
            if self.pattern.as_ref().is_some_and(|(pattern, _)| *pattern == r) {
                continue;
            }
            let mut best = (0.0, 0.0);
            for &(used, cost) in &class.steps[r] {
                let worth = prices[r] * used - cost;
                if worth > best.0 {
                    best = (worth, used);
                }
            }
            offer.worth += best.0;
            offer.offered[r] = best.1;
        }
        if let (Some(patterns), true) = (&class.patterns, self.pattern.is_some()) {
            let (worth, counts) = patterns.most_worth(&prices[self.resources..self.width - 1]);
            offer.worth += worth;
            let own = &mut offer.offered[self.resources..self.width - 1];
            own.iter_mut().zip(counts).for_each(|(o, &n)| *o = f64::from(n));
        }
        if let Some(ingress) = class.ingress {
            offer.worth += prices[self.width - 1] * ingress;
            offer.offered[self.width - 1] = ingress;
        }
        offer
    }
}

/// Taken off what a machine costs that must be on, so that it is chosen first.
const FORCED: f64 = 1e15;

/// What an open machine brings.
struct Offer {
    worth: f64,
    offered: Vec<f64>,
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

fn class(
    instance: &Instance,
    limits: &[i64],
    machine: usize,
    pattern: Option<&(usize, Vec<i64>)>,
) -> Class {
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
        patterns: pattern.and_then(|(r, sizes)| Patterns::of(limit[*r], sizes)),
        limit: limit.into_iter().map(|limit| limit as f64).collect(),
        empty: 0,
    }
}
