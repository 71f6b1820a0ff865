//! How close is one trace to another? A table of statistics side by side, and distances between
//! their distributions.
//!
//! ```text
//! D = max over x of |F(x) - G(x)|          (Kolmogorov and Smirnov)
//! ```
//!
//! `F`, `G`: shares of the values that are at most `x`, per cent. Once over all samples together,
//! once over the means of the VMs, and as the median over pairs of VMs `k` and `k`.

use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::UtilisationTrace;
use super::info::{info, percents};
use super::twin::quantile;
use crate::stats::{mean, median_in_place};

/// The levels of the marginal distribution that are compared.
const LEVELS: [(f64, &str); 8] = [
    (0.05, "5 % quantile"),
    (0.25, "25 % quantile"),
    (0.5, "median"),
    (0.75, "75 % quantile"),
    (0.9, "90 % quantile"),
    (0.95, "95 % quantile"),
    (0.99, "99 % quantile"),
    (1.0, "greatest"),
];

/// Two traces side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fitness {
    /// Statistics of both.
    pub statistics: Vec<Comparison>,
    /// Distance between the distributions of all samples.
    pub distance: f64,
    /// Distance between the distributions of the VMs' means.
    pub distance_of_means: f64,
    /// Median distance between VM `k` of the one and VM `k` of the other, where both have as many.
    pub distance_of_vms: Option<f64>,
}

/// A statistic of both traces.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Its name.
    pub statistic: String,
    /// Its unit.
    pub unit: String,
    /// Of the first trace.
    pub source: Option<f64>,
    /// Of the second.
    pub twin: Option<f64>,
}

/// Compares `twin` with `source`.
pub fn fitness(source: &UtilisationTrace, twin: &UtilisationTrace) -> Fitness {
    let rows = |trace: &UtilisationTrace| -> Vec<Vec<f64>> {
        (0..trace.vms()).into_par_iter().map(|row| ascending(percents(trace, row))).collect()
    };
    let (theirs, ours) = (rows(source), rows(twin));
    let pooled = |rows: &[Vec<f64>]| ascending(rows.concat());
    let means = |rows: &[Vec<f64>]| ascending(rows.iter().filter_map(|row| mean(row)).collect());
    let (all_theirs, all_ours) = (pooled(&theirs), pooled(&ours));
    let paired = theirs.len() == ours.len();
    let pairs = theirs.par_iter().zip(&ours).map(|(a, b)| distance(a, b));
    let mut apart: Vec<f64> = if paired { pairs.collect() } else { Vec::new() };
    Fitness {
        statistics: statistics(source, twin, &all_theirs, &all_ours),
        distance: distance(&all_theirs, &all_ours),
        distance_of_means: distance(&means(&theirs), &means(&ours)),
        distance_of_vms: median_in_place(&mut apart),
    }
}

fn ascending(mut values: Vec<f64>) -> Vec<f64> {
    values.retain(|value| !value.is_nan());
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn statistics(
    source: &UtilisationTrace,
    twin: &UtilisationTrace,
    theirs: &[f64],
    ours: &[f64],
) -> Vec<Comparison> {
    let (a, b) = (info(source), info(twin));
    let row = |statistic: &str, unit: &str, source, twin| Comparison {
        statistic: statistic.to_owned(),
        unit: unit.to_owned(),
        source,
        twin,
    };
    let zeros = |share: f64| Some(100.0 * share);
    let mut table = vec![
        row("mean", "%", a.mean_percent, b.mean_percent),
        row("sd within a VM, median", "% points", a.median_sd_percent, b.median_sd_percent),
        row(
            "absolute change, mean",
            "% points",
            a.mean_absolute_change_percent,
            b.mean_absolute_change_percent,
        ),
        row("zero samples", "%", zeros(a.zero_share), zeros(b.zero_share)),
        row("autocorrelation, lag 1", "", a.autocorrelation_lag_1, b.autocorrelation_lag_1),
        row("autocorrelation, lag 6", "", a.autocorrelation_lag_6, b.autocorrelation_lag_6),
        row("autocorrelation, lag 12", "", a.autocorrelation_lag_12, b.autocorrelation_lag_12),
        row(
            "  of the differences, lag 1",
            "",
            a.difference_autocorrelation_lag_1,
            b.difference_autocorrelation_lag_1,
        ),
    ];
    table.extend(
        LEVELS.map(|(p, name)| row(name, "%", Some(quantile(theirs, p)), Some(quantile(ours, p)))),
    );
    table
}

/// The distance of Kolmogorov and Smirnov between two ascending samples; 1 where one is empty.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let (mut i, mut j, mut largest) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        let apart = i as f64 / a.len() as f64 - j as f64 / b.len() as f64;
        largest = largest.max(apart.abs());
    }
    largest
}

impl fmt::Display for Fitness {
    /// A table of both traces, at most 80 columns wide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.3}"));
        writeln!(f, "{:<30} {:>11} {:>11} {:>11}", "", "source", "twin", "difference")?;
        for Comparison { statistic, unit, source, twin } in &self.statistics {
            let apart = source.zip(*twin).map(|(source, twin)| twin - source);
            let (source, twin, apart) = (number(*source), number(*twin), number(apart));
            let line = format!("{statistic:<30} {source:>11} {twin:>11} {apart:>11} {unit}");
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "\nKolmogorov-Smirnov distance, 0 the same to 1 apart")?;
        for (name, value) in [
            ("of all samples", Some(self.distance)),
            ("of the VMs' means", Some(self.distance_of_means)),
            ("of VM k and twin k, median", self.distance_of_vms),
        ] {
            writeln!(f, "{name:<30} {:>23}", number(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::trace::Values;

    /// F: 1/4 at 1, 1/2 at 2, 3/4 at 3, 1 at 4; G: 1/2 at 3, 1 at 5. At 2: 1/2 - 0 = 1/2; at 3: 3/4
    /// - 1/2; at 4: 1 - 1/2 = 1/2. So 1/2.
    #[test]
    fn the_distance_is_the_largest_gap_between_two_distributions() {
        assert_eq!(distance(&[1.0, 2.0, 3.0, 4.0], &[3.0, 5.0]), 0.5);
        assert_eq!(distance(&[1.0, 2.0], &[1.0, 2.0]), 0.0);
        assert_eq!(distance(&[1.0], &[2.0]), 1.0);
        assert_eq!(distance(&[1.0, 1.0, 2.0], &[1.0, 2.0, 2.0]), 1.0 / 3.0);
        assert_eq!(distance(&[], &[2.0]), 1.0);
    }

    #[test]
    fn a_trace_is_no_distance_from_itself_and_the_table_is_tidy() {
        let names = vec!["a".to_owned(), "b".to_owned()];
        let values = Values::Percent(vec![1, 2, 3, 4, 5, 6, 7, 100]);
        let trace = UtilisationTrace::new(names, Span::from_seconds(300.0), values);
        let fit = fitness(&trace, &trace);
        assert_eq!((fit.distance, fit.distance_of_means), (0.0, 0.0));
        assert_eq!(fit.distance_of_vms, Some(0.0));
        assert!(fit.statistics.iter().all(|row| row.source == row.twin));
        assert!(fit.to_string().lines().all(|line| line.len() <= 80 && !line.ends_with(' ')));
    }
}
