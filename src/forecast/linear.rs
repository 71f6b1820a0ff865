//! Linear models of the features, several outputs at once; and the rows that they learn from.

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::bank::Model;
use super::error::Error;
use super::features::{FEATURES, features};
use super::least_squares::Design;
use super::panel::Panel;
use super::window::Window;

/// Outputs that are computed side by side.
const LANES: usize = 4;

/// One linear model per output: a point and quantiles per horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Linear {
    pub(super) asked: Asked,
    /// Feature by feature, per feature all outputs and as many zeros as fill the lanes.
    weights: Vec<f32>,
    padded: usize,
    pub(super) has_quantiles: bool,
}

impl Linear {
    /// A model that answers 0 until its outputs are set.
    pub(super) fn new(asked: &Asked, has_quantiles: bool) -> Self {
        let padded = asked.width().div_ceil(LANES) * LANES;
        Self { asked: asked.clone(), weights: vec![0.0; FEATURES * padded], padded, has_quantiles }
    }

    /// Sets the coefficients of one output.
    pub(super) fn set(&mut self, output: usize, coefficients: &[f32; FEATURES]) {
        for (at, &value) in coefficients.iter().enumerate() {
            self.weights[at * self.padded + output] = value;
        }
    }

    /// Adds `shift` to one output.
    pub(super) fn shift(&mut self, output: usize, shift: f32) {
        self.weights[output] += shift;
    }

    /// The model that `text` holds, if it answers what is asked.
    pub(super) fn restored(
        place: &str,
        text: &str,
        asked: &Asked,
        has_quantiles: bool,
    ) -> Result<Self, Error> {
        let remedy = "Fit it again for these horizons and levels";
        let fault = |what: String| Error::one("GLN-167", place, what, remedy);
        let model: Self = serde_json::from_str(text).map_err(|error| fault(error.to_string()))?;
        if !model.is_whole() || model.has_quantiles != has_quantiles {
            return Err(fault("the model is not whole".into()));
        }
        if model.asked != *asked {
            let (horizons, levels) = (&model.asked.horizons, &model.asked.quantiles);
            return Err(fault(format!("it forecasts {horizons:?} samples ahead at {levels:?}")));
        }
        Ok(model)
    }

    fn is_whole(&self) -> bool {
        self.padded >= self.asked.width()
            && self.padded.is_multiple_of(LANES)
            && self.weights.len() == FEATURES * self.padded
            && self.weights.iter().all(|weight| weight.is_finite())
    }

    /// The outputs for `features`, as changes of the last value, into `row`.
    #[inline]
    pub(super) fn row(&self, features: &[f32; FEATURES], row: &mut [f32]) {
        let last = features[1];
        for (lane, cells) in row.chunks_mut(3 * LANES).enumerate() {
            let from = lane * 3 * LANES;
            let mut sums = [last; 3 * LANES];
            let width = (self.padded - from).min(3 * LANES);
            if width == 3 * LANES {
                for (&feature, weights) in features.iter().zip(self.weights.chunks(self.padded)) {
                    let weights = &weights[from..from + 3 * LANES];
                    for k in 0..3 * LANES {
                        sums[k] += feature * weights[k];
                    }
                }
            } else {
                for (&feature, weights) in features.iter().zip(self.weights.chunks(self.padded)) {
                    for (sum, weight) in sums.iter_mut().zip(&weights[from..from + width]) {
                        *sum += feature * weight;
                    }
                }
            }
            cells.copy_from_slice(&sums[..cells.len()]);
        }
    }
}

impl Model for Linear {
    type State = Window;
    fn state(&self) -> Window {
        Window::default()
    }
    fn update(&self, state: &mut Window, value: f32) {
        state.push(value);
    }
    fn predict(&self, state: &Window, row: &mut [f32]) {
        self.row(&features(state), row);
        if !self.has_quantiles {
            for cells in row.chunks_exact_mut(self.asked.per_horizon()) {
                cells[1..].fill(f32::NAN);
            }
        }
    }
    fn has_quantiles(&self) -> bool {
        self.has_quantiles
    }
}

/// Rows to learn from, with the change to each horizon.
pub(super) struct Rows {
    pub(super) design: Design,
    /// Per horizon, the change of the value from the row's origin.
    pub(super) targets: Vec<Vec<f32>>,
}

/// Samples before the first row of a series.
const WARM: usize = 24;

/// Hands at most about `limit` origins of `panel`, evenly spread over series and time, to `take`:
/// the features there and the values at each horizon.
pub(super) fn each_row(
    panel: &Panel,
    asked: &Asked,
    limit: usize,
    mut take: impl FnMut(&[f32; FEATURES], &[f32]),
) {
    let first = panel.first_origin().max(WARM);
    let end = panel.samples().saturating_sub(asked.farthest());
    let origins = end.saturating_sub(first);
    let stride = (panel.vms() * origins).div_ceil(limit).max(1);
    let mut then = Vec::with_capacity(asked.horizons.len());
    for vm in 0..panel.vms() {
        let (series, mut window) = (panel.series(vm), Window::default());
        let (mut last, phase) = (None, vm * 7919 % stride);
        for at in 0..end {
            if series[at].is_finite() {
                last = Some(series[at].max(0.0));
            }
            let Some(value) = last else { continue };
            window.push(value);
            if at < first || (at - first) % stride != phase {
                continue;
            }
            then.clear();
            then.extend(asked.horizons.iter().map(|&h| series[at + usize::from(h)].max(0.0)));
            if asked.horizons.iter().all(|&h| series[at + usize::from(h)].is_finite()) {
                take(&features(&window), &then);
            }
        }
    }
}

/// The rows of `panel` that a model learns from.
pub(super) fn rows(panel: &Panel, asked: &Asked, limit: usize) -> Result<Rows, Error> {
    let mut rows = Rows { design: Design::default(), targets: vec![vec![]; asked.horizons.len()] };
    each_row(panel, asked, limit, |features, ahead| {
        rows.design.push(features);
        for (column, then) in rows.targets.iter_mut().zip(ahead) {
            column.push(then - features[1]);
        }
    });
    if rows.design.len() < 2 * FEATURES {
        let what = format!("{} rows are too few to learn from", rows.design.len());
        let remedy = format!("Give at least {} rows of series and time", 2 * FEATURES);
        return Err(Error::one("GLN-164", "training part", what, remedy));
    }
    Ok(rows)
}
