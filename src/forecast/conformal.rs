//! Adaptive conformal correction: quantiles of one model for all series are shifted as they miss.
//!
//! ```text
//! d_hq <- d_hq + g s_h (q - share of [y <= Q_hq + d_hq])      g = 0.2 n / (n + 9)
//! ```
//!
//! `d_hq`: shift of horizon `h` and level `q`, one for all series of a bank; the share is over `n`
//! of them that are watched, at most 256, evenly spread; `s_h`: discounted mean absolute error of
//! the point there. A single series moves its shift a tenth as far as many do together. What was
//! said is kept of watched series only, so that a bank needs no more memory per VM than the model.
//!
//! Source: Gibbs and Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021,
//! over series where theirs is over time; Angelopoulos, Candès and Tibshirani, Conformal PID
//! Control for Time Series Prediction, NeurIPS 2023 (the step in units of the error).

use std::sync::Arc;

use rayon::prelude::*;

use super::asked::Asked;
use super::bank::{Bank, CHUNK, Columns};
use super::linear::Linear;

/// Most series that are watched.
const WATCHED: usize = 256;
/// `g` of very many series, and how many of them halve it, but for one.
const GAIN: f32 = 0.2;
const FEW: f32 = 9.0;
/// What the scale of errors keeps per sample.
const KEPT: f32 = 0.95;

/// A bank of a linear model whose quantiles are corrected as they miss.
pub(super) struct Corrected {
    columns: Columns<Linear>,
    asked: Asked,
    /// Rows of the series that are watched.
    watched: Vec<usize>,
    /// Per horizon a ring of as many slots as the horizon; a slot has per watched series its point
    /// and quantiles, not a number where nothing was said.
    pending: Vec<Vec<f32>>,
    /// Per horizon: scale of errors, shifts of the levels.
    scales: Vec<Option<f32>>,
    shifts: Vec<f32>,
    updates: usize,
}

impl Corrected {
    pub(super) fn new(model: Arc<Linear>, asked: &Asked, vms: usize) -> Self {
        let step = vms.div_ceil(WATCHED).max(1);
        let watched: Vec<usize> = (0..vms).step_by(step).collect();
        let cells = watched.len() * asked.per_horizon();
        let ring = |&horizon: &u16| vec![f32::NAN; usize::from(horizon) * cells];
        Self {
            columns: Columns::new(model, asked, vms),
            asked: asked.clone(),
            watched,
            pending: asked.horizons.iter().map(ring).collect(),
            scales: vec![None; asked.horizons.len()],
            shifts: vec![0.0; asked.horizons.len() * asked.quantiles.len()],
            updates: 0,
        }
    }

    /// Learns from what was said of these samples.
    fn learn(&mut self, values: &[f32]) {
        let (per, levels) = (self.asked.per_horizon(), self.asked.quantiles.len());
        for (at, ring) in self.pending.iter().enumerate() {
            let cells = self.watched.len() * per;
            let slot = self.updates % usize::from(self.asked.horizons[at]) * cells;
            let (mut count, mut error) = (0.0f32, 0.0);
            let mut below = [0.0f32; super::asked::MOST_QUANTILES];
            for (&row, said) in self.watched.iter().zip(ring[slot..][..cells].chunks_exact(per)) {
                let value = values[row];
                if !value.is_finite() || said[0].is_nan() {
                    continue;
                }
                (count, error) = (count + 1.0, error + (value - said[0]).abs());
                for (below, said) in below.iter_mut().zip(&said[1..]) {
                    *below += f32::from(u8::from(value <= *said));
                }
            }
            if count == 0.0 {
                continue;
            }
            let mean = error / count;
            let scale = self.scales[at].map_or(mean, |scale| KEPT * scale + (1.0 - KEPT) * mean);
            self.scales[at] = Some(scale);
            let gain = GAIN * count / (count + FEW);
            let shifts = &mut self.shifts[at * levels..][..levels];
            for ((shift, below), level) in shifts.iter_mut().zip(below).zip(&self.asked.quantiles) {
                *shift += gain * scale * (level - below / count);
            }
        }
    }

    /// Keeps what is said now of the watched series.
    fn keep(&mut self) {
        let per = self.asked.per_horizon();
        let mut row = vec![0.0; self.asked.width()];
        for (place, &vm) in self.watched.iter().enumerate() {
            let old = self.columns.row(vm, &mut row);
            self.shift(&mut row);
            for (at, ring) in self.pending.iter_mut().enumerate() {
                let slots = usize::from(self.asked.horizons[at]);
                let slot = (self.updates % slots * self.watched.len() + place) * per;
                let said = &mut ring[slot..slot + per];
                said.copy_from_slice(&row[at * per..][..per]);
                if !old {
                    said.fill(f32::NAN);
                }
            }
        }
    }

    fn shift(&self, row: &mut [f32]) {
        let levels = self.asked.quantiles.len();
        for (at, cells) in row.chunks_exact_mut(self.asked.per_horizon()).enumerate() {
            for (cell, shift) in cells[1..].iter_mut().zip(&self.shifts[at * levels..]) {
                *cell += shift;
            }
        }
        self.asked.tidy(row);
    }
}

impl Bank for Corrected {
    fn state_bytes(&self) -> usize {
        self.columns.state_bytes()
    }
    fn update(&mut self, values: &[f32]) {
        self.columns.update(values);
        self.learn(values);
        self.keep();
        self.updates += 1;
    }
    fn predict(&self, out: &mut [f32]) {
        self.columns.predict(out);
        let width = self.asked.width();
        out.par_chunks_mut(CHUNK * width).enumerate().for_each(|(chunk, rows)| {
            for (at, row) in rows.chunks_exact_mut(width).enumerate() {
                if self.columns.is_old(chunk * CHUNK + at) {
                    self.shift(row);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{Forecaster, Panel, QuantileRegression};
    use crate::random::{below, stream};

    fn noise(vms: usize, samples: usize, seed: u64, spread: f32) -> Panel {
        let mut draws = stream(seed, "test");
        let draw = |_| 0.5 + spread * (below(1001, &mut draws) as f32 / 1000.0 - 0.5);
        Panel::new(vms, (0..vms * samples).map(draw).collect()).unwrap()
    }

    /// Learned from noise of +-.1, used on noise of +-.3 around the same level: before correction
    /// far less than 90 % lies below the quantile 0.9, with it about 90 % does.
    #[test]
    fn a_change_of_spread_is_followed() {
        let asked = Asked { horizons: vec![1, 3], quantiles: vec![0.9], ..Asked::default() };
        let mut lqr = QuantileRegression::new(&asked);
        let train = noise(60, 300, 1, 0.2);
        lqr.fit(&train, &train).unwrap();
        let panel = noise(400, 500, 2, 0.6);
        let covered = |mut bank: Box<dyn Bank>| {
            let (mut column, mut out) = (Vec::new(), vec![0.0; 400 * asked.width()]);
            let (mut hits, mut count) = ([0.0f32; 2], 0.0);
            for at in 0..490 {
                panel.column(at, &mut column);
                bank.update(&column);
                if at < 300 {
                    continue;
                }
                bank.predict(&mut out);
                for (vm, row) in out.chunks_exact(asked.width()).enumerate() {
                    let series = panel.series(vm);
                    hits[0] += f32::from(u8::from(series[at + 1] <= row[1]));
                    hits[1] += f32::from(u8::from(series[at + 3] <= row[3]));
                    count += 1.0;
                }
            }
            hits.map(|hits| hits / count)
        };
        let model = lqr.model.clone().unwrap();
        let plain = covered(Box::new(Columns::new(model, &asked, 400)));
        let corrected = covered(lqr.bank(400));
        let far = |found: [f32; 2]| found.map(|share| (share - 0.9).abs());
        assert!(far(corrected).iter().all(|far| *far < 0.01), "{corrected:?} {plain:?}");
        assert!(far(plain).iter().all(|far| *far > 0.02), "{plain:?}");
    }
}
