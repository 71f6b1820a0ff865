//! How little could any assignment cost where machines can be switched off? A Lagrangian bound over
//! classes of equal machines.
//!
//! ```text
//! bound  = min over boxes B of counts k of  max over prices p >= 0 of L(p, B)
//! L(p,B) = sum over i of move(i) + sum over classes t of
//!          min over k in B(t) of the k smallest of (idle(t) - worth(t) + sum of min(0, stay -
//! move))
//! ```
//!
//! Each item has three kinds of choice: to stay, or to go to some machine of one of the classes.
//! What items use of a class must be found on its open machines: in the sum over all of them, of
//! every resource, and of the time on the links into them. Each of these conditions has a price,
//! `p`; then every machine can be decided by itself: off, all its items go where that is cheapest
//! (`move`); on, it costs `idle`, has `worth(t)` to offer at these prices, and each of its items
//! may stay. Because the number of open machines is whole, it is branched on: boxes of counts are
//! halved where they are fractional, as long as that raises the bound.
//!
//! Where the demands of a resource are of few sizes (flavours of VMs), pooling is too kind: pieces
//! are lost. There each size has a price of its own, and the worth of a machine is the most that
//! those who stay and a combination of sizes which fits beside them bring, out of a list of all.
//!
//! Rules are left out, except for where an item may be at all; so the bound holds with any rules.
//!
//! Source: Lagrangian relaxation, Fisher, Management Science 27(1), 1981, with the subgradient
//! steps of Held, Wolfe and Crowder, Mathematical Programming 6, 1974; patterns as Gilmore and
//! Gomory, Operations Research 9(6), 1961. The relaxation by classes is ours.

use super::instance::Instance;
use super::reach::Reach;
use super::relaxation::Relaxation;
use super::relaxed_value::Value;

/// Boxes of counts that are looked at.
const BOXES: usize = 500;

/// Where the dearest idle machine costs less than this part of the bound, counts are not branched
/// on: a machine more or less would hardly raise it.
const GRAIN: f64 = 2.5e-4;

/// How often the prices of a box whose counts are fixed are improved.
const REFINED: u32 = 8;

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

/// Multiples of an idle machine's cost that room is worth in the first trials.
const ROOMS: [f64; 13] = [-0.9, -0.5, -0.2, 0.0, 0.2, 0.5, 0.8, 0.95, 1.0, 1.1, 3.0, 20.0, 200.0];

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
    let counts = relaxation.all_counts();
    let prices = vec![0.0; relaxation.classes.len() * relaxation.width];
    let mut parts = vec![relaxation.improve(counts, prices, FIRST_STEPS, FIRST_HOPE)];
    let dearest = relaxation.classes.iter().map(|class| class.idle).fold(0.0, f64::max);
    let most = if dearest < GRAIN * parts[0].value { 0 } else { BOXES };
    let boxes = WORK / (instance.item_count() * relaxation.classes.len() * 2 * STEPS);
    for _ in 0..boxes.min(most) {
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
        let hope = FIRST_HOPE * 0.5_f64.powi(refined as i32);
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
}
