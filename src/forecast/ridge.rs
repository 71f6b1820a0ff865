//! Ridge: one penalised least-squares regression for all series.
//!
//! ```text
//! b = argmin sum_i (y_i - x_i'b)^2 + r |b|^2      y(t + h) = y(t) + x'b      r: 1
//! ```
//!
//! `y_i`: change of a series from its origin to `h` samples later, `x_i`: its standardised features
//! there. Best in squared error, and for that reason biased upwards where load comes in bursts.
//!
//! Source: Hoerl and Kennard, Technometrics 12(1), 1970.

use std::sync::Arc;

use super::asked::Asked;
use super::bank::{Bank, FitReport, Forecaster, bank_of};
use super::error::Error;
use super::linear::{Linear, Rows, rows};
use super::panel::Panel;
use super::window_mean::WindowMean;

/// Most rows that a fit looks at.
const ROWS: usize = 80_000;

/// Global ridge regression.
pub struct Ridge {
    asked: Asked,
    pub(super) model: Option<Arc<Linear>>,
}

impl Ridge {
    /// A regression that has learned nothing yet, and until then answers with the mean of the
    /// latest 24 samples.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone(), model: None }
    }
}

impl Forecaster for Ridge {
    fn name(&self) -> &str {
        "ridge"
    }
    fn asked(&self) -> &Asked {
        &self.asked
    }
    fn is_global(&self) -> bool {
        true
    }
    fn has_quantiles(&self) -> bool {
        false
    }
    fn fit(&mut self, train: &Panel, _: &Panel) -> Result<FitReport, Error> {
        let start = cpu_time::ProcessTime::now();
        let Rows { mut design, targets } = rows(train, &self.asked, ROWS)?;
        design.standardise();
        let (mut model, ones) = (Linear::new(&self.asked, false), vec![1.0; design.len()]);
        for (at, targets) in targets.iter().enumerate() {
            let found = design.solve(&ones, targets, 1.0);
            model.set(at * self.asked.per_horizon(), &design.unscaled(&found));
        }
        self.model = Some(Arc::new(model));
        Ok(FitReport { rows: design.len(), seconds: start.elapsed().as_secs_f64() })
    }
    fn fitted(&self) -> Option<String> {
        serde_json::to_string(&**self.model.as_ref()?).ok()
    }
    fn restore(&mut self, place: &str, text: &str) -> Result<(), Error> {
        self.model = Some(Arc::new(Linear::restored(place, text, &self.asked, false)?));
        Ok(())
    }
    fn bank(&self, vms: usize) -> Box<dyn Bank> {
        bank_of(self.model.as_ref(), WindowMean::<24>::new(&self.asked), &self.asked, vms)
    }
}
