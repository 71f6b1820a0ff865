//! Which constants agree best with measurements?
//!
//! ```text
//! loss = mean of min(e_time, 0.5) + 6 mean of min(e_bytes, 0.1)
//!        + mean of min(e_downtime / 0.3 s, 2)
//!        + 0.05 sum of (quantile / goal) + 2 x share of wrong predictions of convergence
//! ```
//!
//! Quantiles are median and 90th percentile of the three errors; their goals 4.5 % and 20 % (time),
//! 0.5 % and 2.5 % (bytes), 60 and 250 ms (downtime). Errors are capped so that a few runs on a
//! machine that was busy with something else do not lead the search. From the default constants,
//! one or a few at a time are scaled by random factors, and a change that lowers the loss is kept;
//! the factors shrink as the search goes on. The optimum is flat: many sets of constants are as
//! good. Thirteen constants of physical meaning are fitted, nothing else; a cross-validation with
//! five folds says how much of the agreement is the file's.

use super::evaluate::{Accuracy, compare, family};
use super::measurement::Measurement;
use super::parameters::Parameters;
use super::{Constants, MigrationModel, PreCopy, Prediction, Task};
use crate::random::{Stream, below, stream};

/// Constants that are fitted: name, place, smallest and largest value.
type Fitted = (&'static str, fn(&mut Constants) -> &mut f64, f64, f64);

/// Every constant of the pre-copy model that measurements can tell.
const FITTED: [Fitted; 13] = [
    ("link_efficiency", |c| &mut c.link_efficiency, 0.9, 1.0),
    ("limit_efficiency", |c| &mut c.limit_efficiency, 0.9, 1.1),
    ("setup_s", |c| &mut c.setup_s, 1e-3, 0.2),
    ("zero_page_s", |c| &mut c.zero_page_s, 1e-7, 2e-6),
    ("downtime_s", |c| &mut c.downtime_s, 5e-3, 0.3),
    ("background_pages", |c| &mut c.background_pages, 5.0, 500.0),
    ("background_rate", |c| &mut c.background_rate, 5.0, 500.0),
    ("burst_rate", |c| &mut c.burst_rate, 4e7, 1e9),
    ("check_s", |c| &mut c.check_s, 0.01, 0.3),
    ("overlap", |c| &mut c.overlap, 0.1, 1.0),
    ("nonzero_tail", |c| &mut c.nonzero_tail, 0.05, 1.0),
    ("backlog_bytes", |c| &mut c.backlog_bytes, 1e5, 4e6),
    ("min_round_s", |c| &mut c.min_round_s, 1e-3, 0.05),
];

/// What a fit found.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The constants.
    pub constants: Constants,
    /// The loss before and after.
    pub loss: (f64, f64),
    /// Accuracy on the measurements that were fitted.
    pub fitted: Accuracy,
    /// Accuracy on measurements that were not: each predicted by constants fitted to the others.
    pub cross_validated: Accuracy,
}

/// Trials of one search.
pub const TRIALS: usize = 6000;
const FOLDS: usize = 5;

/// Pre-copy measurements with their tasks.
struct Sample<'m> {
    rows: Vec<&'m Measurement>,
    tasks: Vec<Task>,
}

impl<'m> Sample<'m> {
    fn of(rows: Vec<&'m Measurement>, parameters: &Parameters) -> Self {
        let tasks = rows.iter().map(|row| row.task(&parameters.guest)).collect();
        Self { rows, tasks }
    }

    fn predictions(&self, constants: &Constants) -> Vec<Prediction> {
        let answer = |task| PreCopy.predict(task, constants, None).ok();
        self.tasks.iter().filter_map(answer).collect()
    }

    fn loss(&self, constants: &Constants) -> f64 {
        let predictions = self.predictions(constants);
        let mut mean = 0.0;
        for (row, predicted) in self.rows.iter().zip(&predictions) {
            if let Some(measured) = row.measured {
                let time = (predicted.total_s - measured.total_s).abs() / measured.total_s;
                let bytes = (predicted.bytes - measured.bytes).abs() / measured.bytes;
                let downtime = (predicted.downtime_s - measured.downtime_s).abs();
                mean += time.min(0.5) + 6.0 * bytes.min(0.1) + (downtime / 0.3).min(2.0);
            }
        }
        let reached = compare(&self.rows, &predictions);
        let part = |value: Option<f64>, goal: f64| value.unwrap_or(0.0) / goal;
        let quantiles = part(reached.time_median_rel, 0.045)
            + part(reached.time_p90_rel, 0.2)
            + part(reached.bytes_median_rel, 0.005)
            + part(reached.bytes_p90_rel, 0.025)
            + part(reached.downtime_median_abs_s, 0.06)
            + part(reached.downtime_p90_abs_s, 0.25);
        let wrong = 1.0 - reached.convergence_correct as f64 / reached.convergence_n as f64;
        mean / (reached.n as f64).max(1.0) + 0.05 * quantiles + 2.0 * wrong
    }
}

/// Fits the constants to the pre-copy runs among `measurements`, the repeated ones included; `None`
/// where fewer than ten of them were timed.
pub fn fit(measurements: &[Measurement], start: &Parameters, seed: u64) -> Option<Fit> {
    let rows: Vec<&Measurement> = measurements
        .iter()
        .filter(|row| matches!(family(row), Some("precopy" | "repeat")))
        .collect();
    if rows.iter().filter(|row| row.measured.is_some()).count() < 2 * FOLDS {
        return None;
    }
    let all = Sample::of(rows.clone(), start);
    let constants = search(&all, &start.constants, seed);
    let mut unseen: Vec<Option<Prediction>> = vec![None; rows.len()];
    for fold in 0..FOLDS {
        let others = rows.iter().enumerate().filter(|(at, _)| at % FOLDS != fold);
        let others = Sample::of(others.map(|(_, &row)| row).collect(), start);
        let constants = search(&others, &start.constants, seed);
        for (at, task) in all.tasks.iter().enumerate().filter(|(at, _)| at % FOLDS == fold) {
            unseen[at] = PreCopy.predict(task, &constants, None).ok();
        }
    }
    let unseen: Vec<Prediction> = unseen.into_iter().flatten().collect();
    let first = |kind: &str, predictions: &[Prediction]| {
        let chosen = rows.iter().zip(predictions).filter(|(row, _)| family(row) == Some(kind));
        let (rows, predictions): (Vec<&Measurement>, Vec<Prediction>) =
            chosen.map(|(&row, &prediction)| (row, prediction)).unzip();
        compare(&rows, &predictions)
    };
    Some(Fit {
        loss: (all.loss(&start.constants), all.loss(&constants)),
        fitted: first("precopy", &all.predictions(&constants)),
        cross_validated: first("precopy", &unseen),
        constants,
    })
}

fn search(sample: &Sample<'_>, start: &Constants, seed: u64) -> Constants {
    let mut stream = stream(seed, "migrate.fit");
    let mut best = start.clone();
    let mut least = sample.loss(&best);
    for trial in 0..TRIALS {
        let progress = trial as f64 / TRIALS as f64;
        let spread = 0.5 * (1.0 - progress) + 0.005;
        let mut tried = best.clone();
        for _ in 0..=below(3, &mut stream) {
            let (_, place, low, high) = FITTED[below(FITTED.len(), &mut stream)];
            let value = place(&mut tried);
            *value = (*value * (spread * wobble(&mut stream)).exp()).clamp(low, high);
        }
        let loss = sample.loss(&tried);
        if loss < least {
            (best, least) = (tried, loss);
        }
    }
    best
}

/// Roughly normal, from -3 to 3: the sum of three uniform draws.
fn wobble(stream: &mut Stream) -> f64 {
    const STEPS: usize = 1 << 20;
    (0..3).map(|_| 2.0 * below(STEPS, stream) as f64 / STEPS as f64 - 1.0).sum()
}
