//! The expert selector: per VM, horizon and level whatever has erred least of late.
//!
//! ```text
//! L_e <- f L_e + |y(t) - y_e(t)|          point: mean of the experts, weights (min L / L_e)^k
//! l_e <- f l_e + rho_q(y(t) - q_e(t))     quantile q: the same with its own experts and losses
//! ```
//!
//! `y_e(t)`: what expert `e` said `h` samples ago; `f`: what an error counts a sample later; `k`:
//! how sharply the best is preferred. Point experts: the last value, smoothing with gains 0.1,
//! 0.3, 0.5, 0.8 and by likelihood, medians of 6, 12 and 48 samples, AR(6), AR(12), and the
//! medians of the global regression where there is one. Quantile experts: the window's own
//! quantiles, the global regression with and without a correction tracked per VM, the point
//! forecast and the last value each with a tracked distance. Tracking is that of adaptive
//! conformal inference.
//!
//! ```text
//! d <- d + g s (q - [y <= c + d])      s: discounted mean absolute error of the centre c
//! ```
//!
//! Source: Herbster and Warmuth, Machine Learning 32, 1998 (tracking the best expert); Gibbs and
//! Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021.

use std::sync::Arc;

use super::asked::{Asked, MOST_HORIZONS, MOST_QUANTILES, MOST_VALUES};
use super::autoregression::Recursion;
use super::bank::{Bank, Columns, FitReport, Forecaster, Model};
use super::error::Error;
use super::features::features;
use super::linear::Linear;
use super::panel::Panel;
use super::quantile_regression::QuantileRegression;
use super::ses::Levels;
use super::window::Window;

/// Gains of the smoothing experts.
const GAINS: [f32; 4] = [0.1, 0.3, 0.5, 0.8];
/// Point experts, and quantile experts per level: of one line, with autoregressions, with the
/// regression as well. Those that a selector has not got take no room and no time.
const PLAIN: (usize, usize) = (9, 3);
const LOCAL: (usize, usize) = (11, 3);
const FULL: (usize, usize) = (12, 5);
/// What an error counts one sample later.
const KEPT: f32 = 0.99;
/// How sharply the best expert is preferred: `k` is 2 to the power of this, for points.
const SHARP: u32 = 5;
/// The same for quantiles.
const SHARP_LEVEL: u32 = 3;
/// A loss that counts as none.
const NOTHING: f32 = 1e-9;

/// Per-VM selection among experts.
pub struct Selector {
    name: &'static str,
    asked: Asked,
    autoregressive: bool,
    global: Option<QuantileRegression>,
}

impl Selector {
    /// All experts; the global regression answers once it is fitted.
    pub fn new(asked: &Asked) -> Self {
        let global = Some(QuantileRegression::new(asked));
        Self { name: "selector", asked: asked.clone(), autoregressive: true, global }
    }

    /// All experts but the global regression: needs no training.
    pub fn local(asked: &Asked) -> Self {
        Self { name: "selector-local", global: None, ..Self::new(asked) }
    }

    /// The experts of one line: also without autoregressions.
    pub fn plain(asked: &Asked) -> Self {
        Self { name: "selector-plain", autoregressive: false, ..Self::local(asked) }
    }
}

impl Forecaster for Selector {
    fn name(&self) -> &str {
        self.name
    }
    fn asked(&self) -> &Asked {
        &self.asked
    }
    fn is_global(&self) -> bool {
        self.global.is_some()
    }
    fn has_quantiles(&self) -> bool {
        true
    }
    fn fit(&mut self, train: &Panel, calibrate: &Panel) -> Result<FitReport, Error> {
        self.global.as_mut().map_or(Ok(FitReport::default()), |global| global.fit(train, calibrate))
    }
    fn fitted(&self) -> Option<String> {
        self.global.as_ref()?.fitted()
    }
    fn restore(&mut self, place: &str, text: &str) -> Result<(), Error> {
        match &mut self.global {
            Some(global) => global.restore(place, text),
            None => {
                let what = format!("`{}` is not fitted", self.name);
                Err(Error::one("GLN-167", place, what, "Restore `selector`"))
            }
        }
    }
    fn bank(&self, vms: usize) -> Box<dyn Bank> {
        let linear = self.global.as_ref().and_then(|global| global.model.clone());
        match (self.autoregressive, linear) {
            (false, _) => self.columns::<{ PLAIN.0 }, { PLAIN.1 }>(None, vms),
            (true, None) => self.columns::<{ LOCAL.0 }, { LOCAL.1 }>(None, vms),
            (true, linear) => self.columns::<{ FULL.0 }, { FULL.1 }>(linear, vms),
        }
    }
}

impl Selector {
    /// States of `vms` series with `P` point experts and `L` quantile experts per level.
    fn columns<const P: usize, const L: usize>(
        &self,
        linear: Option<Arc<Linear>>,
        vms: usize,
    ) -> Box<dyn Bank> {
        let model = Selection::<P, L> {
            asked: self.asked.clone(),
            autoregressive: self.autoregressive,
            linear,
            finer: UNSAID / self.asked.cap,
            coarser: self.asked.cap / UNSAID,
        };
        Box::new(Columns::new(Arc::new(model), &self.asked, vms))
    }
}

/// The selector as a model of one series.
struct Selection<const P: usize, const L: usize> {
    asked: Asked,
    autoregressive: bool,
    linear: Option<Arc<Linear>>,
    /// From a forecast to its 16 bits, and back.
    finer: f32,
    coarser: f32,
}

/// What is remembered of one series.
#[derive(Debug, Clone)]
pub(super) struct Past {
    window: Window,
    smoothed: [f32; GAINS.len()],
    likeliest: Levels,
    ar6: Recursion<6>,
    ar12: Recursion<12>,
    seen: u32,
    /// Per horizon, a ring of as many rows as the horizon: what was said of samples to come.
    pending: Box<[u16]>,
    /// Per horizon: losses of the point experts, per level losses of its experts.
    losses: Box<[f32]>,
    /// Per horizon: scales of the two tracked centres, per level the tracked distances.
    tracked: Box<[f32]>,
}

/// The value of a cell that says nothing.
const UNSAID: f32 = 65535.0;
/// Cells of a row that there is room for.
const MOST_CELLS: usize = 128;
const _: () = assert!(FULL.0 + 1 + MOST_QUANTILES * FULL.1 <= MOST_CELLS);

/// Tracked per level: distance from the last value, from the point, from the regression.
const TRACKED: usize = 3;

/// Where in its ring the row of sample `seen` stands.
#[inline]
fn turn(seen: u32, horizon: u16) -> usize {
    (seen % u32::from(horizon)) as usize
}

impl<const P: usize, const L: usize> Selection<P, L> {
    fn levels(&self) -> usize {
        self.asked.quantiles.len()
    }
    /// Cells of a pending row.
    fn row(&self) -> usize {
        P + 1 + self.levels() * L
    }
    fn losses(&self) -> usize {
        P + self.levels() * L
    }
    fn tracked(&self) -> usize {
        2 + self.levels() * TRACKED
    }
    fn pending(&self) -> usize {
        self.asked.horizons.iter().map(|&h| usize::from(h)).sum::<usize>() * self.row()
    }

    /// What is said as 16 bits of `[0, cap]`, which is far finer than any trace is; the largest
    /// stands for nothing said.
    #[inline]
    fn write(&self, said: &[f32], kept: &mut [u16]) {
        for (cell, value) in kept.iter_mut().zip(said) {
            let whole = value.max(0.0) * self.finer + 0.5;
            *cell = if value.is_nan() { u16::MAX } else { whole.min(UNSAID - 1.0) as u16 };
        }
    }

    #[inline]
    fn read(&self, kept: &[u16], said: &mut [f32]) {
        for (value, &cell) in said.iter_mut().zip(kept) {
            let told = f32::from(cell) * self.coarser;
            *value = if cell == u16::MAX { f32::NAN } else { told };
        }
    }

    /// Rows of what every expert says now, per horizon, into `rows`.
    #[inline]
    fn say(&self, past: &Past, put: &mut impl FnMut(usize, &[f32])) {
        let (asked, levels) = (&self.asked, self.levels());
        let mut row = [f32::NAN; MOST_CELLS];
        let row = &mut row[..self.row()];
        let last = past.window.lag(0);
        row[0] = last;
        row[1..5].copy_from_slice(&past.smoothed);
        row[5] = past.likeliest.best();
        row[6] = median_of_six(std::array::from_fn(|lag| past.window.lag(lag)));
        row[7] = past.window.latest12.median();
        row[8] = past.window.latest48.median();
        let mut runs = [[f32::NAN; 2]; MOST_HORIZONS];
        if self.autoregressive {
            past.ar6.ahead(&asked.horizons, asked.cap, |at, value| runs[at][0] = value);
            past.ar12.ahead(&asked.horizons, asked.cap, |at, value| runs[at][1] = value);
        }
        let mut global = [0.0; MOST_VALUES];
        let global = &mut global[..asked.width()];
        if let Some(linear) = &self.linear {
            linear.row(&features(&past.window), global);
            asked.tidy(global);
        }
        let mut own_quantiles = [0.0; MOST_QUANTILES];
        for (quantile, &level) in own_quantiles.iter_mut().zip(&asked.quantiles) {
            *quantile = past.window.latest48.quantile(level);
        }
        for at in 0..asked.horizons.len() {
            let per = asked.per_horizon();
            if P >= LOCAL.0 {
                row[9..11].copy_from_slice(&runs[at]);
            }
            if P == FULL.0 {
                row[11] = global[at * per];
            }
            let losses = &past.losses[at * self.losses()..][..self.losses()];
            let tracked = &past.tracked[at * self.tracked()..][..self.tracked()];
            let point = mixed::<P, SHARP>(&row[..P], &losses[..P]);
            row[P] = point;
            for k in 0..levels {
                let cells = &mut row[P + 1 + k * L..][..L];
                let own = &tracked[2 + k * TRACKED..][..TRACKED];
                cells[0] = own_quantiles[k];
                cells[1] = last + own[0];
                cells[2] = point + own[1];
                if L == FULL.1 {
                    cells[3] = global[at * per + 1 + k];
                    cells[4] = global[at * per + 1 + k] + own[2];
                }
                cells.iter_mut().for_each(|cell| *cell = cell.max(0.0).min(asked.cap));
            }
            put(at, row);
        }
    }

    /// Scores what was said of this sample and tracks the distances.
    fn score(&self, past: &mut Past, value: f32) {
        let (row, mut start) = (self.row(), 0);
        for (at, &ahead) in self.asked.horizons.iter().enumerate() {
            let horizon = usize::from(ahead);
            let slot = start + turn(past.seen, ahead) * row;
            start += horizon * row;
            if (past.seen as usize) < horizon + 1 {
                continue;
            }
            let mut said = [0.0; MOST_CELLS];
            let said = &mut said[..row];
            self.read(&past.pending[slot..][..row], said);
            let said: &[f32] = said;
            let losses = &mut past.losses[at * self.losses()..][..self.losses()];
            let tracked = &mut past.tracked[at * self.tracked()..][..self.tracked()];
            for (loss, said) in losses[..P].iter_mut().zip(said) {
                *loss = KEPT * *loss + (value - said).abs();
            }
            for (scale, centre) in tracked[..2].iter_mut().zip([said[0], said[P]]) {
                *scale += 0.05 * ((value - centre).abs() - *scale);
            }
            for (k, &level) in self.asked.quantiles.iter().enumerate() {
                let cells = &said[P + 1 + k * L..][..L];
                let own = &mut losses[P + k * L..][..L];
                for (loss, said) in own.iter_mut().zip(cells) {
                    let left = value - said;
                    *loss = KEPT * *loss + (level * left).max((level - 1.0) * left);
                }
                let scales = [tracked[0], tracked[1], tracked[1]];
                let distances = &mut tracked[2 + k * TRACKED..][..TRACKED];
                let centred = if L == FULL.1 { &[1, 2, 4][..] } else { &[1, 2] };
                for ((distance, scale), &cell) in distances.iter_mut().zip(scales).zip(centred) {
                    let below = if value <= cells[cell] { 1.0 } else { 0.0 };
                    let gain = if cell == 4 { 0.02 } else { 0.1 };
                    *distance += gain * scale * (level - below);
                }
            }
        }
    }
}

/// Mean of what `N` experts said with weights by their losses, to the power `2^SHARPNESS`.
#[inline]
fn mixed<const N: usize, const SHARPNESS: u32>(said: &[f32], losses: &[f32]) -> f32 {
    let (said, losses) = (&said[..N], &losses[..N]);
    let least = losses.iter().copied().fold(f32::INFINITY, f32::min) + NOTHING;
    let mut weights = [0.0; N];
    for (weight, loss) in weights.iter_mut().zip(losses) {
        *weight = least / (loss + NOTHING);
        for _ in 0..SHARPNESS {
            *weight *= *weight;
        }
    }
    let (mut sum, mut total) = (0.0, 0.0);
    for (&value, weight) in said.iter().zip(weights) {
        let (value, weight) = if value.is_nan() { (0.0, 0.0) } else { (value, weight) };
        (sum, total) = (sum + weight * value, total + weight);
    }
    sum / total
}

/// The median of six numbers, sorted by a network of twelve comparisons (Knuth, The Art of
/// Computer Programming 3, 2nd ed., 1998, sect. 5.3.4).
#[inline]
fn median_of_six(mut values: [f32; 6]) -> f32 {
    const NETWORK: [(usize, usize); 12] = [
        (0, 5),
        (1, 3),
        (2, 4),
        (1, 2),
        (3, 4),
        (0, 3),
        (2, 5),
        (0, 1),
        (2, 3),
        (4, 5),
        (1, 2),
        (3, 4),
    ];
    for (a, b) in NETWORK {
        (values[a], values[b]) = (values[a].min(values[b]), values[a].max(values[b]));
    }
    0.5 * (values[2] + values[3])
}

impl<const P: usize, const L: usize> Model for Selection<P, L> {
    type State = Past;
    fn state(&self) -> Past {
        let horizons = self.asked.horizons.len();
        Past {
            window: Window::default(),
            smoothed: [0.0; GAINS.len()],
            likeliest: Levels::default(),
            ar6: Recursion::new(),
            ar12: Recursion::new(),
            seen: 0,
            pending: vec![0; self.pending()].into(),
            losses: vec![0.0; horizons * self.losses()].into(),
            tracked: vec![0.0; horizons * self.tracked()].into(),
        }
    }
    fn heap_bytes(&self) -> usize {
        let horizons = self.asked.horizons.len();
        let sums = horizons * (self.losses() + self.tracked());
        self.pending() * size_of::<u16>() + sums * size_of::<f32>()
    }
    fn update(&self, past: &mut Past, value: f32) {
        self.score(past, value);
        // Only the global regression asks for all features.
        match self.linear {
            Some(_) => past.window.push(value),
            None => past.window.remember(value),
        }
        for (level, gain) in past.smoothed.iter_mut().zip(GAINS) {
            *level = if past.seen == 0 { value } else { *level + gain * (value - *level) };
        }
        past.likeliest.update(value);
        if self.autoregressive {
            past.ar6.update(value);
            past.ar12.update(value);
        }
        let mut pending = std::mem::take(&mut past.pending);
        let (width, mut start) = (self.row(), 0);
        self.say(past, &mut |at, row| {
            let ahead = self.asked.horizons[at];
            let horizon = usize::from(ahead);
            let slot = start + turn(past.seen, ahead) * width;
            self.write(row, &mut pending[slot..slot + width]);
            start += horizon * width;
        });
        past.pending = pending;
        past.seen = past.seen.saturating_add(1);
    }
    fn predict(&self, past: &Past, row: &mut [f32]) {
        let (width, mut start) = (self.row(), 0);
        let levels = self.levels();
        let each = row.chunks_exact_mut(self.asked.per_horizon());
        for ((at, &ahead), cells) in self.asked.horizons.iter().enumerate().zip(each) {
            let horizon = usize::from(ahead);
            let slot = start + turn(past.seen.wrapping_sub(1), ahead) * width;
            let mut said = [0.0; MOST_CELLS];
            let said = &mut said[..width];
            self.read(&past.pending[slot..][..width], said);
            let said: &[f32] = said;
            start += horizon * width;
            let losses = &past.losses[at * self.losses()..][..self.losses()];
            cells[0] = mixed::<P, SHARP>(&said[..P], &losses[..P]);
            for k in 0..levels {
                let own = P + k * L;
                cells[1 + k] = mixed::<L, SHARP_LEVEL>(&said[own + 1..], &losses[own..]);
            }
        }
    }
    fn has_quantiles(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// Against sorting, with ties; a network that sorts all words of 0 and 1 sorts everything.
    #[test]
    fn the_network_finds_the_middle_of_six() {
        let mut draws = stream(6, "test");
        let words = (0..64u32).map(|word| std::array::from_fn(|k| (word >> k & 1) as f32));
        let drawn = (0..500).map(|_| std::array::from_fn(|_| below(9, &mut draws) as f32));
        for values in words.chain(drawn.collect::<Vec<[f32; 6]>>()) {
            let mut sorted = values;
            sorted.sort_unstable_by(f32::total_cmp);
            assert_eq!(median_of_six(values), 0.5 * (sorted[2] + sorted[3]), "{values:?}");
        }
    }

    /// Losses 1 and 2 at the power 32 and 8: weights 1 and 2^-32, 2^-8; what is unsaid counts not.
    #[test]
    fn experts_share_by_a_power_of_their_losses() {
        let said = [1.0, 0.0, f32::NAN];
        assert!((mixed::<3, 5>(&said, &[1.0, 2.0, 0.5]) - 1.0).abs() < 1e-6);
        let eighth = mixed::<3, 3>(&said, &[1.0, 2.0, 0.5]);
        assert!((eighth - 256.0 / 257.0).abs() < 1e-6, "{eighth}");
    }
}
