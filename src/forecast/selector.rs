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
/// Point experts.
pub(super) const EXPERTS: usize = 12;
/// Quantile experts per level.
pub(super) const LEVEL_EXPERTS: usize = 5;
/// What an error counts one sample later.
const KEPT: f32 = 0.99;
/// How sharply the best expert is preferred: `k` is 2 to the power of this, for points and
/// quantiles.
const SHARP: (u32, u32) = (5, 3);
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
        let model = Arc::new(Selection {
            asked: self.asked.clone(),
            linear,
            autoregressive: self.autoregressive,
        });
        Box::new(Columns::new(model, &self.asked, vms))
    }
}

/// The selector as a model of one series.
pub(super) struct Selection {
    asked: Asked,
    autoregressive: bool,
    linear: Option<Arc<Linear>>,
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
const _: () = assert!(EXPERTS + 1 + MOST_QUANTILES * LEVEL_EXPERTS <= MOST_CELLS);

/// Tracked per level: distance from the last value, from the point, from the regression.
const TRACKED: usize = 3;

impl Selection {
    fn levels(&self) -> usize {
        self.asked.quantiles.len()
    }
    /// Cells of a pending row.
    fn row(&self) -> usize {
        EXPERTS + 1 + self.levels() * LEVEL_EXPERTS
    }
    fn losses(&self) -> usize {
        EXPERTS + self.levels() * LEVEL_EXPERTS
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
        let scale = UNSAID / self.asked.cap;
        for (cell, value) in kept.iter_mut().zip(said) {
            let whole = value.max(0.0) * scale + 0.5;
            *cell = if value.is_nan() { u16::MAX } else { whole.min(UNSAID - 1.0) as u16 };
        }
    }

    #[inline]
    fn read(&self, kept: &[u16], said: &mut [f32]) {
        let scale = self.asked.cap / UNSAID;
        for (value, &cell) in said.iter_mut().zip(kept) {
            *value = if cell == u16::MAX { f32::NAN } else { f32::from(cell) * scale };
        }
    }

    /// Mean of `said` with weights by `losses`, to the power `2^squarings`.
    #[inline]
    fn mixed(said: &[f32], losses: &[f32], squarings: u32) -> f32 {
        let least = losses.iter().copied().fold(f32::INFINITY, f32::min) + NOTHING;
        let (mut sum, mut total) = (0.0, 0.0);
        for (&value, loss) in said.iter().zip(losses) {
            let mut weight = least / (loss + NOTHING);
            for _ in 0..squarings {
                weight *= weight;
            }
            let (value, weight) = if value.is_nan() { (0.0, 0.0) } else { (value, weight) };
            (sum, total) = (sum + weight * value, total + weight);
        }
        sum / total
    }

    /// Rows of what every expert says now, per horizon, into `rows`.
    fn say(&self, past: &Past, put: &mut impl FnMut(usize, &[f32])) {
        let (asked, levels) = (&self.asked, self.levels());
        let mut row = [f32::NAN; MOST_CELLS];
        let row = &mut row[..self.row()];
        row[0] = past.window.lag(0);
        row[1..5].copy_from_slice(&past.smoothed);
        row[5] = past.likeliest.best();
        row[6] = {
            let mut six = [0.0; 6];
            six.iter_mut().enumerate().for_each(|(k, v)| *v = past.window.lag(k));
            six.sort_unstable_by(f32::total_cmp);
            0.5 * (six[2] + six[3])
        };
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
        for at in 0..asked.horizons.len() {
            let per = asked.per_horizon();
            row[9..11].copy_from_slice(&runs[at]);
            row[11] = if self.linear.is_some() { global[at * per] } else { f32::NAN };
            let losses = &past.losses[at * self.losses()..][..self.losses()];
            let tracked = &past.tracked[at * self.tracked()..][..self.tracked()];
            let point = Self::mixed(&row[..EXPERTS], &losses[..EXPERTS], SHARP.0);
            row[EXPERTS] = point;
            for k in 0..levels {
                let cells = &mut row[EXPERTS + 1 + k * LEVEL_EXPERTS..][..LEVEL_EXPERTS];
                let own = &tracked[2 + k * TRACKED..][..TRACKED];
                cells[0] = past.window.latest48.quantile(asked.quantiles[k]);
                cells[1] = past.window.lag(0) + own[0];
                cells[2] = point + own[1];
                if self.linear.is_some() {
                    cells[3] = global[at * per + 1 + k];
                    cells[4] = global[at * per + 1 + k] + own[2];
                }
                cells.iter_mut().for_each(|cell| *cell = cell.max(0.0).min(asked.cap));
                if self.linear.is_none() {
                    cells[3..].fill(f32::NAN);
                }
            }
            put(at, row);
        }
    }

    /// Scores what was said of this sample and tracks the distances.
    fn score(&self, past: &mut Past, value: f32) {
        let (row, mut start) = (self.row(), 0);
        for (at, &horizon) in self.asked.horizons.iter().enumerate() {
            let horizon = usize::from(horizon);
            let slot = start + past.seen as usize % horizon * row;
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
            for (loss, said) in losses[..EXPERTS].iter_mut().zip(said) {
                *loss = KEPT * *loss + (value - said).abs();
            }
            for (scale, centre) in tracked[..2].iter_mut().zip([said[0], said[EXPERTS]]) {
                *scale += 0.05 * ((value - centre).abs() - *scale);
            }
            for (k, &level) in self.asked.quantiles.iter().enumerate() {
                let cells = &said[EXPERTS + 1 + k * LEVEL_EXPERTS..][..LEVEL_EXPERTS];
                let own = &mut losses[EXPERTS + k * LEVEL_EXPERTS..][..LEVEL_EXPERTS];
                for (loss, said) in own.iter_mut().zip(cells) {
                    let left = value - said;
                    *loss = KEPT * *loss + (level * left).max((level - 1.0) * left);
                }
                let scales = [tracked[0], tracked[1], tracked[1]];
                let distances = &mut tracked[2 + k * TRACKED..][..TRACKED];
                for ((distance, scale), cell) in distances.iter_mut().zip(scales).zip([1, 2, 4]) {
                    let below = if value <= cells[cell] { 1.0 } else { 0.0 };
                    let gain = if cell == 4 { 0.02 } else { 0.1 };
                    *distance += gain * scale * (level - below);
                }
            }
        }
    }
}

impl Model for Selection {
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
            let horizon = usize::from(self.asked.horizons[at]);
            let slot = start + past.seen as usize % horizon * width;
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
        for ((at, &horizon), cells) in self.asked.horizons.iter().enumerate().zip(each) {
            let horizon = usize::from(horizon);
            let slot = start + (past.seen as usize + horizon - 1) % horizon * width;
            let mut said = [0.0; MOST_CELLS];
            let said = &mut said[..width];
            self.read(&past.pending[slot..][..width], said);
            let said: &[f32] = said;
            start += horizon * width;
            let losses = &past.losses[at * self.losses()..][..self.losses()];
            cells[0] = Self::mixed(&said[..EXPERTS], &losses[..EXPERTS], SHARP.0);
            for k in 0..levels {
                let own = EXPERTS + k * LEVEL_EXPERTS;
                let said = &said[own + 1..][..LEVEL_EXPERTS];
                cells[1 + k] = Self::mixed(said, &losses[own..][..LEVEL_EXPERTS], SHARP.1);
            }
        }
    }
    fn has_quantiles(&self) -> bool {
        true
    }
}
