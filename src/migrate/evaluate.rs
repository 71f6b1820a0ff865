//! How well do the models agree with measurements?
//!
//! Measurements are grouped in families, each with the model that is meant for it. Every model
//! answers every family; `plain` is pre-copy that ignores the options in force. Times and bytes are
//! compared as relative errors, downtimes (STOP to RESUME) as absolute ones, since they may be a
//! few milliseconds; a median lies between the two middle values, and the 90th percentile on the
//! straight line between its neighbours. Runs that were given up, or that completed without a total
//! time, count for convergence only. Where auto-converge was on, how far the guest was slowed when
//! its migration ended or was given up is compared as well: runs that it could not save tell that.

use std::collections::BTreeMap;

use serde::Serialize;

use super::measurement::Measurement;
use super::parameters::Parameters;
use super::traffic::{Arrival, Escalation, Traffic};
use super::{MigrationModel, Prediction, spec};
use crate::policy::PolicyError;

/// How a model does on a family.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Measurements with a total time.
    pub n: usize,
    /// Median of |predicted - measured| / measured total time; nothing where `n` is 0.
    pub time_median_rel: Option<f64>,
    /// 90th percentile of the same.
    pub time_p90_rel: Option<f64>,
    /// The same for bytes.
    pub bytes_median_rel: Option<f64>,
    /// 90th percentile of the same.
    pub bytes_p90_rel: Option<f64>,
    /// Median of |predicted - measured| downtime, s.
    pub downtime_median_abs_s: Option<f64>,
    /// 90th percentile of the same.
    pub downtime_p90_abs_s: Option<f64>,
    /// Measurements whose convergence before the give-up time was predicted rightly.
    pub convergence_correct: usize,
    /// Measurements in all.
    pub convergence_n: usize,
    /// Mean of |predicted - measured| fraction of its speed that the guest had lost to
    /// auto-converge in the end; nothing where that was never on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_mean_abs: Option<f64>,
}

/// A family and how every model does on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Family {
    /// The model that is meant for it.
    pub model: &'static str,
    /// Accuracy by name of model.
    pub models: BTreeMap<String, Accuracy>,
}

/// Families with the model meant for each, in the order of the table.
pub const FAMILIES: [(&str, &str); 11] = [
    ("precopy", "pre-copy"),
    ("repeat", "pre-copy"),
    ("parallel", "pre-copy"),
    ("postcopy", "post-copy"),
    ("hybrid", "hybrid"),
    ("cold", "stop-and-copy"),
    ("autoconv", "pre-copy"),
    ("xbzrle", "pre-copy"),
    ("compress", "pre-copy"),
    ("multifd", "pre-copy"),
    ("balloon", "pre-copy"),
];

/// Pre-copy that ignores the options in force.
pub const PLAIN: &str = "plain";

/// The family of `measurement`; none for experiments that were cut short on purpose.
pub fn family(measurement: &Measurement) -> Option<&'static str> {
    let group = match measurement.group.as_str() {
        "bwstep" => "precopy",
        group if group.starts_with("dirtyfree") => "balloon",
        group => group.trim_end_matches(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()),
    };
    FAMILIES.iter().map(|(name, _)| *name).find(|name| *name == group)
}

/// Every model on every family of `measurements`, or `only` one.
///
/// # Errors
///
/// What a model of one's own answers; the built-in ones do not fail.
pub fn evaluate(
    measurements: &[Measurement],
    parameters: &Parameters,
    only: Option<&str>,
) -> Result<BTreeMap<String, Family>, PolicyError> {
    let names: Vec<&str> = match only {
        Some(name) => vec![name],
        None => spec::ALL.into_iter().filter(|name| !is_for_more(name)).chain([PLAIN]).collect(),
    };
    let mut families = BTreeMap::new();
    for (name, model) in FAMILIES {
        let rows: Vec<&Measurement> =
            measurements.iter().filter(|m| family(m) == Some(name)).collect();
        if rows.is_empty() {
            continue;
        }
        let mut models = BTreeMap::new();
        for &name in &names {
            models.insert(name.to_owned(), accuracy(&rows, name, parameters)?);
        }
        families.insert(name.to_owned(), Family { model, models });
    }
    Ok(families)
}

/// Models whose tasks no measurement here is.
fn is_for_more(name: &str) -> bool {
    matches!(name, "storage" | "wan")
}

/// How the model `name` does on `rows`.
///
/// # Errors
///
/// As [`evaluate`].
pub fn accuracy(
    rows: &[&Measurement],
    name: &str,
    parameters: &Parameters,
) -> Result<Accuracy, PolicyError> {
    let plain = name == PLAIN;
    let named = spec::named(if plain { "pre-copy" } else { name });
    let model = named.map_err(|problem| PolicyError::new(name, problem.to_string()))?;
    let predictions: Vec<Prediction> = rows
        .iter()
        .map(|row| predict(row, &*model, plain, parameters))
        .collect::<Result<_, _>>()?;
    Ok(compare(rows, &predictions))
}

/// What `model` predicts for `row`. Migrations side by side share their link where the model is
/// pre-copy; the other models know no sharing.
fn predict(
    row: &Measurement,
    model: &dyn MigrationModel,
    plain: bool,
    parameters: &Parameters,
) -> Result<Prediction, PolicyError> {
    let guest = &parameters.guest;
    let mut task = if plain { row.plain_task(guest) } else { row.task(guest) };
    if !row.completed {
        task.give_up_s = row.give_up_s();
    }
    let constants = &parameters.constants;
    if row.side_by_side() == 1 || plain || model.name() != "pre-copy" {
        return model.predict(&task, constants, None);
    }
    let mut traffic = Traffic::new([task.channel.nominal()], constants);
    for place in 0..row.side_by_side() {
        let at_s = STAGGER_S * place as f64;
        let escalation = Escalation::Cancel;
        traffic.arrive(Arrival { at_s, task: &task, path: &[0], escalation });
    }
    let mut done = std::iter::from_fn(|| traffic.next_done());
    let own = done.find(|done| done.migration == row.place % row.side_by_side());
    own.map(|done| done.outcome).ok_or_else(|| PolicyError::new(model.name(), "nothing ended"))
}

/// Seconds between the starts of migrations that were measured side by side.
const STAGGER_S: f64 = 0.15;

/// Compares predictions with what was measured.
pub fn compare(rows: &[&Measurement], predictions: &[Prediction]) -> Accuracy {
    let (mut times, mut bytes, mut downtimes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut right, mut throttles) = (0, Vec::new());
    for (row, prediction) in rows.iter().zip(predictions) {
        let ends = prediction.convergence.converged() && prediction.total_s <= row.give_up_s();
        right += usize::from(ends == row.completed);
        throttles.extend(row.throttle().map(|measured| (prediction.throttle - measured).abs()));
        if let Some(measured) = row.measured {
            times.push((prediction.total_s - measured.total_s).abs() / measured.total_s);
            bytes.push((prediction.bytes - measured.bytes).abs() / measured.bytes);
            downtimes.push((prediction.downtime_s - measured.downtime_s).abs());
        }
    }
    let n = times.len();
    for errors in [&mut times, &mut bytes, &mut downtimes] {
        errors.sort_by(f64::total_cmp);
    }
    Accuracy {
        n,
        time_median_rel: quantile(&times, 0.5),
        time_p90_rel: quantile(&times, 0.9),
        bytes_median_rel: quantile(&bytes, 0.5),
        bytes_p90_rel: quantile(&bytes, 0.9),
        downtime_median_abs_s: quantile(&downtimes, 0.5),
        downtime_p90_abs_s: quantile(&downtimes, 0.9),
        convergence_correct: right,
        convergence_n: rows.len(),
        throttle_mean_abs: (!throttles.is_empty())
            .then(|| throttles.iter().sum::<f64>() / throttles.len() as f64),
    }
}

/// The `q`-quantile of ascending `values`, on the line between its neighbours.
fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let at = q * last as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    Some(values[low] + part * (values[(low + 1).min(last)] - values[low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1, 2, 4, 8: the median is 3, the 90th percentile lies 0.7 of the way from 4 to 8.
    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert!((quantile(&values, 0.9).expect("there are some") - 6.8).abs() < 1e-12);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
