//! One forecaster for many VMs: states side by side, updated and asked all at once.

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::asked::Asked;
use super::error::Error;
use super::panel::Panel;

/// What a fit came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FitReport {
    /// Rows that the model learned from; 0 where there was nothing to learn.
    pub rows: usize,
    /// CPU seconds of the process.
    pub seconds: f64,
}

/// Something that forecasts many series.
pub trait Forecaster: Send + Sync {
    /// Its name in lists of models.
    fn name(&self) -> &str;
    /// What it forecasts.
    fn asked(&self) -> &Asked;
    /// Whether one model serves all series, and has to be fitted first.
    fn is_global(&self) -> bool {
        false
    }
    /// Whether it gives quantiles of its own.
    fn has_quantiles(&self) -> bool;
    /// Learns from `train`, then corrects its levels on `calibrate`; deterministic. A forecaster of
    /// one series at a time has nothing to learn.
    ///
    /// # Errors
    /// `GLN-164` where there is too little to learn from.
    fn fit(&mut self, train: &Panel, calibrate: &Panel) -> Result<FitReport, Error> {
        let _ = (train, calibrate);
        Ok(FitReport::default())
    }
    /// What was fitted, as JSON; `None` of what was not, or needs no fitting.
    fn fitted(&self) -> Option<String> {
        None
    }
    /// Takes back what [`Forecaster::fitted`] gave; `place` names the source in messages.
    ///
    /// # Errors
    /// `GLN-167` where the text is damaged, or was fitted for other horizons and levels.
    fn restore(&mut self, place: &str, text: &str) -> Result<(), Error> {
        let _ = text;
        let what = format!("`{}` is not fitted", self.name());
        Err(Error::one("GLN-167", place, what, "Restore a model that is fitted"))
    }
    /// Empty states for `vms` VMs.
    fn bank(&self, vms: usize) -> Box<dyn Bank>;
}

/// The states of one forecaster for several VMs.
pub trait Bank: Send {
    /// Bytes of state per VM, all included.
    fn state_bytes(&self) -> usize;
    /// Takes the next sample of every VM.
    ///
    /// # Panics
    /// When there is not a value per VM.
    fn update(&mut self, values: &[f32]);
    /// Writes a row of [`Asked::width`] forecasts per VM; quantiles are not a number where the
    /// forecaster gives none.
    ///
    /// # Panics
    /// When `out` does not hold a row per VM.
    fn predict(&self, out: &mut [f32]);
}

/// A forecaster as seen by one series.
pub trait Model: Send + Sync + 'static {
    /// What it remembers of a series.
    type State: Send + Sync + Clone;
    /// A state without samples.
    fn state(&self) -> Self::State;
    /// Bytes of a state on the heap.
    fn heap_bytes(&self) -> usize {
        0
    }
    /// Takes the next value, which is finite and not negative.
    fn update(&self, state: &mut Self::State, value: f32);
    /// Writes a row; the bank brings it within bounds and order.
    fn predict(&self, state: &Self::State, row: &mut [f32]);
    /// Whether it writes quantiles.
    fn has_quantiles(&self) -> bool {
        false
    }
}

/// VMs that one thread takes at a time.
pub(super) const CHUNK: usize = 1024;

/// A state, what came last and how much came.
#[derive(Debug, Clone)]
struct Seat<S> {
    last: f32,
    seen: u32,
    state: S,
}

/// The states of `M` for several VMs.
pub(super) struct Columns<M: Model> {
    model: Arc<M>,
    asked: Asked,
    seats: Vec<Seat<M::State>>,
}

impl<M: Model> Columns<M> {
    pub(super) fn new(model: Arc<M>, asked: &Asked, vms: usize) -> Self {
        let seat = Seat { last: 0.0, seen: 0, state: model.state() };
        Self { model, asked: asked.clone(), seats: vec![seat; vms] }
    }

    /// Whether series `vm` is long enough to be forecast by the model.
    pub(super) fn is_old(&self, vm: usize) -> bool {
        self.seats[vm].seen >= u32::from(self.asked.min_history.max(1))
    }

    /// What the model says of series `vm`, as it is, if it [is old](Columns::is_old).
    pub(super) fn row(&self, vm: usize, row: &mut [f32]) -> bool {
        if self.is_old(vm) {
            self.model.predict(&self.seats[vm].state, row);
        }
        self.is_old(vm)
    }
}

impl<M: Model> Bank for Columns<M> {
    fn state_bytes(&self) -> usize {
        size_of::<Seat<M::State>>() + self.model.heap_bytes()
    }

    fn update(&mut self, values: &[f32]) {
        assert_eq!(values.len(), self.seats.len(), "there is a value per VM");
        let model = &*self.model;
        self.seats.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(
            |(seats, values)| {
                for (seat, &value) in seats.iter_mut().zip(values) {
                    if value.is_finite() {
                        seat.last = value.max(0.0);
                    } else if seat.seen == 0 {
                        continue;
                    }
                    seat.seen = seat.seen.saturating_add(1);
                    model.update(&mut seat.state, seat.last);
                }
            },
        );
    }

    fn predict(&self, out: &mut [f32]) {
        let width = self.asked.width();
        assert_eq!(out.len(), self.seats.len() * width, "there is a row per VM");
        let (model, asked) = (&*self.model, &self.asked);
        let quantiles = model.has_quantiles();
        let chunks = self.seats.par_chunks(CHUNK).zip(out.par_chunks_mut(CHUNK * width));
        chunks.for_each(|(seats, rows)| {
            for (seat, row) in seats.iter().zip(rows.chunks_exact_mut(width)) {
                if seat.seen < u32::from(asked.min_history.max(1)) {
                    asked.constant(seat.last, row);
                    if quantiles {
                        row.fill(seat.last);
                    }
                } else {
                    model.predict(&seat.state, row);
                }
                if quantiles {
                    asked.tidy(row);
                } else {
                    asked.tidy_points(row);
                }
            }
        });
    }
}

/// A forecaster that looks at one series at a time.
pub struct Local<M: Model> {
    name: String,
    asked: Asked,
    model: Arc<M>,
}

impl<M: Model> Local<M> {
    /// `model` under `name`.
    pub fn new(name: impl Into<String>, asked: Asked, model: M) -> Self {
        Self { name: name.into(), asked, model: Arc::new(model) }
    }
}

impl<M: Model> Forecaster for Local<M> {
    fn name(&self) -> &str {
        &self.name
    }
    fn asked(&self) -> &Asked {
        &self.asked
    }
    fn has_quantiles(&self) -> bool {
        self.model.has_quantiles()
    }
    fn bank(&self, vms: usize) -> Box<dyn Bank> {
        Box::new(Columns::new(self.model.clone(), &self.asked, vms))
    }
}

/// States of `vms` series under `model`; before it is fitted, under one that needs no fit.
pub(super) fn bank_of<M: Model>(
    model: Option<&Arc<M>>,
    unfitted: impl Model,
    asked: &Asked,
    vms: usize,
) -> Box<dyn Bank> {
    match model {
        Some(model) => Box::new(Columns::new(Arc::clone(model), asked, vms)),
        None => Box::new(Columns::new(Arc::new(unfitted), asked, vms)),
    }
}

/// Feeds `values` to `model` and returns its row, for tests.
#[cfg(test)]
pub(super) fn row_after<M: Model>(model: M, asked: &Asked, values: &[f32]) -> Vec<f32> {
    let mut bank = Columns::new(Arc::new(model), asked, 1);
    values.iter().for_each(|&value| bank.update(&[value]));
    let mut out = vec![0.0; asked.width()];
    bank.predict(&mut out);
    out
}
