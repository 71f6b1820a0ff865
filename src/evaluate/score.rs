//! Errors of forecasts against what came, per horizon.
//!
//! ```text
//! MAE, RMSE in per cent of the VM's capacity
//! ratio: to that of the last value on the same points
//! MASE = mean of |error| / max(mean |change| of the series up to the origin, 0.1)
//! pinball_q = mean max(q r, (q - 1) r), r = y - forecast      coverage_q = share of y <= forecast
//! ```
//!
//! Intervals are those of the ratio over 200 draws of the series with replacement (95 %). A point
//! whose value is missing does not count.

use std::collections::BTreeMap;

use serde::Serialize;

use super::trial::{Said, Trial};
use crate::forecast::Asked;
use crate::random::{below, stream};

/// One model at one horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the model.
    pub model: String,
    /// Samples ahead.
    pub horizon: u16,
    /// Points that were judged.
    pub points: usize,
    /// Mean absolute error, per cent.
    pub mae: f64,
    /// Root mean squared error, per cent.
    pub rmse: f64,
    /// Mean absolute scaled error.
    pub mase: f64,
    /// MAE over that of the last value.
    pub mae_ratio: f64,
    /// Its 95 % interval by bootstrap over the series.
    pub mae_ratio_interval: [f64; 2],
    /// RMSE over that of the last value.
    pub rmse_ratio: f64,
    /// Mean pinball loss per level, per cent.
    pub pinball: BTreeMap<String, f64>,
    /// Share of values at or below the quantile, per level.
    pub coverage: BTreeMap<String, f64>,
    /// Share of series whose own coverage is more than 0.1 below the level.
    pub series_below: BTreeMap<String, f64>,
    /// Mean distance of the quantile from the median, or the point, per cent.
    pub width: BTreeMap<String, f64>,
    /// Microseconds per update of a VM, on this machine.
    pub us_per_update: Option<f64>,
    /// Microseconds per forecast of all horizons and levels of a VM, on this machine.
    pub us_per_prediction: Option<f64>,
    /// Bytes of state per VM.
    pub state_bytes: Option<usize>,
}

/// Sums of one series at one horizon.
#[derive(Debug, Clone, Default)]
struct Sums {
    points: usize,
    absolute: f64,
    squares: f64,
    scaled: f64,
    naive: f64,
    naive_squares: f64,
    /// Per level: pinball, covered, width.
    levels: Vec<(f64, usize, f64)>,
}

/// The rows of `said` under `model`, one per horizon; `last` is what the last value said.
pub fn score(model: &str, asked: &Asked, trial: &Trial, said: &Said, last: &Said) -> Vec<Row> {
    (0..asked.horizons.len()).map(|at| row(model, asked, trial, said, last, at)).collect()
}

fn row(model: &str, asked: &Asked, trial: &Trial, said: &Said, last: &Said, at: usize) -> Row {
    let series: Vec<Sums> = (0..trial.panel().vms())
        .map(|vm| of_series(asked, trial, &said.rows, &last.rows, vm, at))
        .collect();
    let total = |value: fn(&Sums) -> f64| series.iter().map(value).sum::<f64>();
    let points: usize = series.iter().map(|sums| sums.points).sum();
    let count = points.max(1) as f64;
    let (absolute, squares) = (total(|s| s.absolute), total(|s| s.squares));
    let mut row = Row {
        model: model.to_owned(),
        horizon: asked.horizons[at],
        points,
        mae: absolute / count,
        rmse: (squares / count).sqrt(),
        mase: total(|s| s.scaled) / count,
        mae_ratio: absolute / total(|s| s.naive),
        mae_ratio_interval: interval(&series),
        rmse_ratio: (squares / total(|s| s.naive_squares)).sqrt(),
        pinball: BTreeMap::new(),
        coverage: BTreeMap::new(),
        series_below: BTreeMap::new(),
        width: BTreeMap::new(),
        us_per_update: said.us_per_update,
        us_per_prediction: said.us_per_prediction,
        state_bytes: said.state_bytes,
    };
    for (k, level) in asked.quantiles.iter().enumerate() {
        let pinball = series.iter().map(|s| s.levels[k].0).sum::<f64>() / count;
        if pinball.is_nan() {
            continue;
        }
        let name = level.to_string();
        let covered: usize = series.iter().map(|s| s.levels[k].1).sum();
        let own = |s: &&Sums| (s.levels[k].1 as f64) < (f64::from(*level) - 0.1) * s.points as f64;
        let judged = series.iter().filter(|s| s.points > 0);
        let below = judged.clone().filter(own).count() as f64 / judged.count().max(1) as f64;
        row.pinball.insert(name.clone(), pinball);
        row.coverage.insert(name.clone(), covered as f64 / count);
        row.series_below.insert(name.clone(), below);
        row.width.insert(name, series.iter().map(|s| s.levels[k].2).sum::<f64>() / count);
    }
    row
}

fn of_series(
    asked: &Asked,
    trial: &Trial,
    said: &[f32],
    last: &[f32],
    vm: usize,
    at: usize,
) -> Sums {
    let (panel, per, width) = (trial.panel(), asked.per_horizon(), asked.width());
    let (series, horizon) = (panel.series(vm), usize::from(asked.horizons[at]));
    let mut sums = Sums { levels: vec![(0.0, 0, 0.0); asked.quantiles.len()], ..Sums::default() };
    let (mut change, mut changes, mut seen) = (0.0, 0usize, 0);
    for (index, origin) in trial.origins(asked).into_iter().enumerate() {
        for pair in series[seen..=origin].windows(2) {
            let step = f64::from((pair[1] - pair[0]).abs());
            if step.is_finite() {
                (change, changes) = (change + 100.0 * step, changes + 1);
            }
        }
        seen = origin;
        let truth = series[origin + horizon];
        if !truth.is_finite() {
            continue;
        }
        let start = (index * panel.vms() + vm) * width + at * per;
        let cells = &said[start..start + per];
        let off = |value: f32| 100.0 * (f64::from(truth) - f64::from(value));
        let (error, naive) = (off(cells[0]), off(last[start]));
        sums.points += 1;
        sums.absolute += error.abs();
        sums.squares += error * error;
        sums.scaled += error.abs() / (change / changes.max(1) as f64).max(0.1);
        sums.naive += naive.abs();
        sums.naive_squares += naive * naive;
        for ((sums, &quantile), &level) in
            sums.levels.iter_mut().zip(&cells[1..]).zip(&asked.quantiles)
        {
            let (left, level) = (off(quantile), f64::from(level));
            sums.0 += (level * left).max((level - 1.0) * left);
            sums.1 += usize::from(truth <= quantile);
            sums.2 += 100.0 * (f64::from(quantile) - f64::from(cells[0]));
        }
    }
    sums
}

/// Draws of the series for an interval.
const DRAWS: usize = 200;

fn interval(series: &[Sums]) -> [f64; 2] {
    let mut draws = stream(0, "evaluate.bootstrap");
    let mut ratios: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let (mut absolute, mut naive) = (0.0, 0.0);
            for _ in 0..series.len() {
                let sums = &series[below(series.len(), &mut draws)];
                (absolute, naive) = (absolute + sums.absolute, naive + sums.naive);
            }
            absolute / naive
        })
        .collect();
    ratios.sort_unstable_by(f64::total_cmp);
    [ratios[DRAWS / 40], ratios[DRAWS - 1 - DRAWS / 40]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::{ForecasterSpec, Panel};

    /// One series 0 .2 .4 .2 .6, forecast one ahead from samples 2 and 3 by the last value: errors
    /// -20 and 40 %, MAE 30, RMSE sqrt(1000). Changes up to them: mean 20 and 20, MASE (1 + 2)/2.
    #[test]
    fn errors_of_two_points() {
        let asked =
            Asked { horizons: vec![1], quantiles: vec![0.5], min_history: 1, ..Asked::default() };
        let panel = Panel::new(1, vec![0.0, 0.2, 0.4, 0.2, 0.6]).unwrap().with_first_origin(2);
        let trial = Trial::new(panel, 1);
        let last = ForecasterSpec::named("last").unwrap().build(&asked, 288);
        let last = trial.run(&*last, &mut || ());
        // The median stands 10 % above what came first, 30 % below what came then.
        let said = Said { rows: vec![0.3, 0.3, 0.3, 0.3], ..last.clone() };
        let naive = &score("last", &asked, &trial, &last, &last)[0];
        assert!((naive.mae - 30.0).abs() < 1e-5 && (naive.rmse - 1000f64.sqrt()).abs() < 1e-5);
        assert!((naive.mase - 1.5).abs() < 1e-5 && naive.mae_ratio == 1.0);
        assert!(naive.pinball.is_empty());
        let found = &score("x", &asked, &trial, &said, &last)[0];
        assert!((found.mae_ratio - 20.0 / 30.0).abs() < 1e-5);
        assert!((found.pinball["0.5"] - 10.0).abs() < 1e-5);
        assert_eq!((found.coverage["0.5"], found.points), (0.5, 2));
    }
}
