//! What is the relaxed problem of the bound by classes worth at some prices? Every machine is
//! decided by itself, and every item goes where it is cheapest.

use super::patterns::Patterns;
use super::relaxation::{Host, Need, Relaxation};

/// Taken off what a machine costs that must be on, so that it is chosen first.
const FORCED: f64 = 1e15;

/// The value at some prices, with the direction in which they should change.
pub(super) struct Value {
    pub(super) value: f64,
    pub(super) slope: Vec<f64>,
    pub(super) counts: Vec<f64>,
}

/// What an open machine brings.
struct Offer {
    worth: f64,
    offered: Vec<f64>,
    /// Per room that may be left: the most that pieces bring, and by which combination.
    bests: Vec<(f64, usize)>,
}

impl Offer {
    fn best(&self, rest: usize) -> (f64, usize) {
        self.bests.get(rest).copied().unwrap_or_default()
    }
}

impl Relaxation {
    /// The value of the relaxation at `prices` for counts in `box_`.
    pub(super) fn value(&self, prices: &[f64], box_: &[(usize, usize)]) -> Value {
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
        let mut stays = Vec::new();
        for (at, host) in self.hosts.iter().enumerate() {
            let (brought, _) = self.fill(host, prices, &moves, &offers[host.class], &mut stays);
            let gain = self.classes[host.class].idle - brought;
            let gone = host.items.iter().map(|&item| moves[item].0).filter(|go| go.is_finite());
            result.value += gone.sum::<f64>();
            gains[host.class].push((if host.must_be_on { gain - FORCED } else { gain }, at));
        }
        let mut is_on = vec![false; self.hosts.len()];
        for (t, gains) in gains.iter_mut().enumerate() {
            let empties = self.classes[t].idle - offers[t].worth - offers[t].best(0).0;
            gains.extend((0..self.classes[t].empty).map(|_| (empties, usize::MAX)));
            gains.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let (low, high) = box_[t];
            let forced = gains.iter().take_while(|(gain, _)| *gain < -FORCED / 2.0).count();
            let slope = &mut result.slope[t * self.width..][..self.width];
            for (k, &(gain, at)) in gains.iter().enumerate() {
                let is_wanted = k < low || k < forced || (gain < 0.0 && k < high);
                if is_wanted {
                    result.value += if k < forced { gain + FORCED } else { gain };
                    result.counts[t] += 1.0;
                    match is_on.get_mut(at) {
                        Some(on) => *on = true,
                        None => self.offer_pieces(slope, t, &offers[t], 0),
                    }
                }
            }
            let offered = &offers[t].offered;
            slope.iter_mut().zip(offered).for_each(|(s, o)| *s -= result.counts[t] * o);
        }
        for (host, is_on) in self.hosts.iter().zip(is_on) {
            stays.clear();
            let offer = &offers[host.class];
            if is_on {
                let (_, rest) = self.fill(host, prices, &moves, offer, &mut stays);
                let slope = &mut result.slope[host.class * self.width..][..self.width];
                self.offer_pieces(slope, host.class, offer, rest);
            }
            self.add_use(host, &stays, &moves, &mut result.slope);
        }
        result
    }

    /// Takes off the direction of prices what room `rest` of a machine offers to pieces.
    fn offer_pieces(&self, slope: &mut [f64], class: usize, offer: &Offer, rest: usize) {
        if let (Some(_), Some(patterns)) = (&self.pattern, self.classes[class].rests.get(rest)) {
            let counts = patterns.counts_of(offer.best(rest).1);
            let own = &mut slope[self.resources..self.width - 1];
            own.iter_mut().zip(counts).for_each(|(s, &n)| *s -= f64::from(n));
        }
    }

    /// The most that a host brings when it is on: by what it offers, and by those who stay, who are
    /// listed. Also which room is left beside them.
    fn fill(
        &self,
        host: &Host,
        prices: &[f64],
        moves: &[(f64, usize)],
        offer: &Offer,
        stays: &mut Vec<usize>,
    ) -> (f64, usize) {
        stays.clear();
        if host.keeps.is_empty() {
            let mut brought = offer.worth + offer.best(0).0;
            for &item in &host.items {
                let (stay, (go, _)) = (self.stay(item, host.class, prices), moves[item]);
                if stay <= go {
                    brought += if go.is_finite() { go - stay } else { -stay };
                    stays.push(item);
                }
            }
            return (brought, 0);
        }
        let sizes = self.width - 1 - self.resources;
        let mut savings: Vec<(usize, f64, usize)> = host
            .items
            .iter()
            .map(|&item| {
                let need = &self.needs[item];
                let own = prices[host.class * self.width + self.resources + need.size];
                let stay = self.there(need, host.class, prices) - own;
                (need.size, moves[item].0 - stay, item)
            })
            .collect();
        savings.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut first = [0; Patterns::SIZES + 1];
        savings.iter().for_each(|&(size, ..)| first[size + 1] += 1);
        (0..sizes).for_each(|d| first[d + 1] += first[d]);
        let kept = |keep: &[u16]| -> f64 {
            let of_size = |(d, &n): (usize, &u16)| -> f64 {
                savings[first[d]..][..usize::from(n)].iter().map(|(_, saved, _)| saved).sum()
            };
            keep.iter().enumerate().map(of_size).sum()
        };
        let brings = |(keep, rest): &(Vec<u16>, usize)| kept(keep) + offer.best(*rest).0;
        let mut best = (f64::NEG_INFINITY, 0);
        for (at, keep) in host.keeps.iter().enumerate() {
            let brought = brings(keep);
            if brought > best.0 {
                best = (brought, at);
            }
        }
        let (keep, rest) = &host.keeps[best.1];
        for (d, &n) in keep.iter().enumerate() {
            stays.extend(savings[first[d]..][..usize::from(n)].iter().map(|&(_, _, item)| item));
        }
        (offer.worth + best.0, *rest)
    }

    /// What the items of a host use in the relaxation, added to the direction of prices.
    fn add_use(&self, host: &Host, stays: &[usize], moves: &[(f64, usize)], slope: &mut [f64]) {
        for &item in &host.items {
            let (go, to) = moves[item];
            let does_stay = stays.contains(&item);
            if !does_stay && !go.is_finite() {
                continue;
            }
            let class = if does_stay { host.class } else { to };
            let own = &mut slope[class * self.width..][..self.width];
            let need = &self.needs[item];
            for (r, &amount) in need.demand.iter().enumerate() {
                if self.pattern.as_ref().is_none_or(|(pattern, _)| *pattern != r) {
                    own[r] += amount;
                }
            }
            // Where keeps are listed, those who stay have their room for nothing.
            if self.pattern.is_some() && (!does_stay || host.keeps.is_empty()) {
                own[self.resources + need.size] += 1.0;
            }
            let is_limited = self.classes[class].ingress.is_some();
            own[self.width - 1] += if does_stay || !is_limited { 0.0 } else { need.time };
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
        let pieces = &prices[self.resources..self.width - 1];
        let bests = class.rests.iter().map(|patterns| patterns.most_worth(pieces));
        let bests = if self.pattern.is_some() { bests.collect() } else { Vec::new() };
        let mut offer = Offer { worth: 0.0, offered: vec![0.0; self.width], bests };
        for (r, price) in prices[..self.resources].iter().enumerate() {
            if self.pattern.as_ref().is_some_and(|(pattern, _)| *pattern == r) {
                continue;
            }
            let mut best = (0.0, 0.0);
            for &(used, cost) in &class.steps[r] {
                let worth = price * used - cost;
                if worth > best.0 {
                    best = (worth, used);
                }
            }
            offer.worth += best.0;
            offer.offered[r] = best.1;
        }
        if let Some(ingress) = class.ingress {
            offer.worth += prices[self.width - 1] * ingress;
            offer.offered[self.width - 1] = ingress;
        }
        offer
    }
}
