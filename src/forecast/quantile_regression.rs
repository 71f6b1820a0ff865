//! LQR: one linear quantile regression for all series, conformally corrected.
//!
//! ```text
//! b_q = argmin sum_i rho_q(y_i - x_i'b)      rho_q(r) = max(q r, (q - 1) r)
//! w_i = (q if r_i > 0 else 1 - q) / max(|r_i|, e)      b <- weighted least squares with w
//! Q_q(t + h) = y(t) + x'b_q + c_q      c_q = quantile_q of what is left on the calibration part
//! ```
//!
//! `y_i`: change of a series from its origin to `h` samples later, `x_i`: its features there, `q`:
//! level, `e`: falls to 0.05 of the mean absolute change. The point forecast is the median, before
//! correction. In use the quantiles are corrected further as they miss ([`Corrected`]). A model per
//! horizon and level; rows are at most 40,000, evenly spread.
//!
//! Source: Koenker and Bassett, Econometrica 46(1), 1978; Romano, Patterson and Candès,
//! Conformalized Quantile Regression, NeurIPS 2019.

use std::sync::Arc;

use super::asked::Asked;
use super::bank::{Bank, Columns, FitReport, Forecaster};
use super::conformal::Corrected;
use super::error::Error;
use super::features::FEATURES;
use super::least_squares::Design;
use super::linear::{Linear, Rows, rows};
use super::panel::Panel;
use super::window_quantile::WindowQuantile;

/// Most rows that a fit looks at.
const ROWS: usize = 40_000;
/// Rounds of reweighting: for the first level of a horizon, and for those begun from another.
const ROUNDS: (usize, usize) = (12, 9);
/// Penalty on standardised coefficients.
const RIDGE: f64 = 1.0;

/// Global linear quantile regression.
pub struct QuantileRegression {
    asked: Asked,
    pub(super) model: Option<Arc<Linear>>,
}

impl QuantileRegression {
    /// A regression that has learned nothing yet, and until then answers with the quantiles of the
    /// latest 48 samples.
    pub fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone(), model: None }
    }
}

impl Forecaster for QuantileRegression {
    fn name(&self) -> &str {
        "lqr"
    }
    fn asked(&self) -> &Asked {
        &self.asked
    }
    fn is_global(&self) -> bool {
        true
    }
    fn has_quantiles(&self) -> bool {
        true
    }
    fn fit(&mut self, train: &Panel, calibrate: &Panel) -> Result<FitReport, Error> {
        let start = cpu_time::ProcessTime::now();
        let mut rows_ = rows(train, &self.asked, ROWS)?;
        let mut model = fitted(&self.asked, &mut rows_);
        correct(&mut model, calibrate)?;
        self.model = Some(Arc::new(model));
        Ok(FitReport { rows: rows_.design.len(), seconds: start.elapsed().as_secs_f64() })
    }
    fn fitted(&self) -> Option<String> {
        serde_json::to_string(&**self.model.as_ref()?).ok()
    }
    fn restore(&mut self, place: &str, text: &str) -> Result<(), Error> {
        self.model = Some(Arc::new(Linear::restored(place, text, &self.asked, true)?));
        Ok(())
    }
    fn bank(&self, vms: usize) -> Box<dyn Bank> {
        match &self.model {
            Some(model) => Box::new(Corrected::new(model.clone(), &self.asked, vms)),
            None => {
                let fallback = Arc::new(WindowQuantile::<48>::new(&self.asked));
                Box::new(Columns::new(fallback, &self.asked, vms))
            }
        }
    }
}

/// The regressions of every horizon and level.
fn fitted(asked: &Asked, rows: &mut Rows) -> Linear {
    let Rows { design, targets } = rows;
    design.standardise();
    let (mut model, per) = (Linear::new(asked, true), asked.per_horizon());
    for (at, targets) in targets.iter().enumerate() {
        let ones = vec![1.0; targets.len()];
        let begin = design.solve(&ones, targets, RIDGE);
        let median = regression(design, targets, 0.5, begin, ROUNDS.0);
        model.set(at * per, &design.unscaled(&median));
        let mut near = median;
        for (k, &level) in asked.quantiles.iter().enumerate() {
            if level != 0.5 {
                near = regression(design, targets, level, near, ROUNDS.1);
            }
            model.set(at * per + 1 + k, &design.unscaled(&near));
        }
    }
    model
}

/// One quantile regression by reweighting, from the coefficients `begin` on.
fn regression(
    design: &Design,
    targets: &[f32],
    level: f32,
    begin: [f64; FEATURES],
    rounds: usize,
) -> [f64; FEATURES] {
    let mean = targets.iter().map(|t| t.abs()).sum::<f32>() / targets.len() as f32;
    let least = (0.05 * mean).max(1e-6);
    let (mut found, mut fits, mut weights) = (begin, vec![0.0; targets.len()], vec![]);
    for round in 0..rounds {
        // From ten times the least on, a constant factor less each round.
        let near = least * 10f32.powf(1.0 - ((round + 1) as f32 / (rounds as f32 - 2.0)).min(1.0));
        design.products(&found, &mut fits);
        weights.clear();
        weights.extend(targets.iter().zip(&fits).map(|(target, fit)| {
            let left = target - fit;
            (if left > 0.0 { level } else { 1.0 - level }) * least / left.abs().max(near)
        }));
        found = design.solve(&weights, targets, RIDGE * f64::from(least));
    }
    found
}

/// Shifts every quantile so that its share of the calibration part lies below it.
fn correct(model: &mut Linear, calibrate: &Panel) -> Result<(), Error> {
    let asked = model.asked.clone();
    let mut left = vec![Vec::new(); asked.width()];
    let (mut row, per) = (vec![0.0; asked.width()], asked.per_horizon());
    super::linear::each_row(calibrate, &asked, ROWS, |features, ahead| {
        model.row(features, &mut row);
        for (output, &found) in row.iter().enumerate() {
            left[output].push(ahead[output / per] - found);
        }
    });
    for (output, left) in left.iter_mut().enumerate() {
        if output % per == 0 || left.len() < 20 {
            continue;
        }
        let level = f64::from(asked.quantiles[output % per - 1]);
        let rank = (level * (left.len() + 1) as f64).ceil() as usize;
        let rank = rank.clamp(1, left.len()) - 1;
        let shift = *left.select_nth_unstable_by(rank, f32::total_cmp).1;
        model.shift(output, shift);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::ForecasterSpec;
    use crate::random::{below, stream};

    /// Series of independent draws from 0 to 0.99 in hundredths: the quantiles ahead are those of
    /// the draw, whatever came before: .495, .895, .945.
    fn noise() -> Panel {
        let mut draws = stream(6, "test");
        let values = (0..60 * 300).map(|_| below(100, &mut draws) as f32 / 100.0).collect();
        Panel::new(60, values).unwrap()
    }

    fn said(forecaster: &dyn Forecaster) -> Vec<f32> {
        let (mut bank, mut column) = (forecaster.bank(60), Vec::new());
        let panel = noise();
        for at in 0..150 {
            panel.column(at, &mut column);
            bank.update(&column);
        }
        let mut out = vec![0.0; 60 * forecaster.asked().width()];
        bank.predict(&mut out);
        out
    }

    #[test]
    fn the_quantiles_of_a_known_law_are_found_and_survive_a_file() {
        let asked = Asked::default();
        let mut lqr = QuantileRegression::new(&asked);
        lqr.fit(&noise(), &noise()).unwrap();
        let rows = said(&lqr);
        for (at, expected) in [(0, 0.495), (1, 0.495), (2, 0.895), (3, 0.945)] {
            let mean = (0..60).map(|vm| rows[vm * asked.width() + at]).sum::<f32>() / 60.0;
            assert!((mean - expected).abs() < 0.02, "{at}: {mean}");
        }
        for name in ["lqr", "selector", "ridge"] {
            let build = || ForecasterSpec::named(name).unwrap().build(&asked, 288);
            let (mut fitted, mut restored) = (build(), build());
            assert_eq!(fitted.fitted(), None);
            fitted.fit(&noise(), &noise()).unwrap();
            restored.restore("file", &fitted.fitted().unwrap()).unwrap();
            let bits = |rows: Vec<f32>| rows.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(said(&*fitted)), bits(said(&*restored)), "{name}");
        }
        let other = Asked { horizons: vec![2], ..asked.clone() };
        let text = lqr.fitted().unwrap();
        let error = QuantileRegression::new(&other).restore("f.json", &text).unwrap_err();
        assert!(error.to_string().contains("GLN-167 f.json: it forecasts [1, 6, 12]"), "{error}");
        assert!(QuantileRegression::new(&asked).restore("f", &text[..99]).is_err());
    }

    #[test]
    fn too_little_to_learn_from_is_said() {
        let panel = Panel::new(1, vec![0.5; 40]).unwrap();
        let error = QuantileRegression::new(&Asked::default()).fit(&panel, &panel).unwrap_err();
        assert!(error.to_string().starts_with("GLN-164"), "{error}");
    }

    /// Constant series have a singular matrix; the forecast is their level.
    #[test]
    fn constant_series_can_be_learned_from() {
        let panel = Panel::new(20, vec![0.25; 20 * 200]).unwrap();
        let mut lqr = QuantileRegression::new(&Asked::default());
        lqr.fit(&panel, &panel).unwrap();
        let mut bank = lqr.bank(1);
        (0..100).for_each(|_| bank.update(&[0.25]));
        let mut row = vec![0.0; lqr.asked().width()];
        bank.predict(&mut row);
        assert!(row.iter().all(|value| (value - 0.25).abs() < 1e-3), "{row:?}");
    }
}
