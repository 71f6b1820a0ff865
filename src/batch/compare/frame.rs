//! A comparison as a table: one row per metric and policy.

use polars::prelude::*;

use super::contrast::Contrast;
use super::question::Comparison;

impl Comparison {
    /// One row per metric and policy: means, difference, interval, effect, p-values, verdict.
    pub fn frame(&self) -> DataFrame {
        let rows = &self.contrasts;
        let number = |name: &str, of: &dyn Fn(&Contrast) -> Option<f64>| {
            Float64Chunked::from_iter_options(name.into(), rows.iter().map(of)).into_column()
        };
        let count = |name: &str, of: &dyn Fn(&Contrast) -> usize| {
            Column::new(name.into(), rows.iter().map(|row| of(row) as u32).collect::<Vec<_>>())
        };
        let text = |name: &str, of: &dyn Fn(&Contrast) -> String| {
            Column::new(name.into(), rows.iter().map(of).collect::<Vec<_>>())
        };
        let columns = vec![
            text("metric", &|row| row.metric.to_owned()),
            text("policy", &|row| row.policy.clone()),
            text("baseline", &|_| self.baseline.clone()),
            count("pairs", &|row| row.pairs),
            number("baseline_mean", &|row| (row.pairs > 0).then_some(row.baseline_mean)),
            number("mean", &|row| (row.pairs > 0).then_some(row.mean)),
            number("difference", &|row| row.centre.map(|centre| centre.estimate)),
            number("low", &|row| row.centre.map(|centre| centre.low)),
            number("high", &|row| row.centre.map(|centre| centre.high)),
            number("confidence", &|row| row.centre.map(|centre| centre.level)),
            number("effect", &|row| Some(row.effect)),
            number("p", &|row| Some(row.p)),
            number("p_holm", &|row| Some(row.p_holm)),
            count("days", &|row| row.days),
            count("days_agreeing", &|row| row.days_agreeing),
            count("days_against", &|row| row.days_against),
            text("verdict", &|row| row.verdict.words().to_owned()),
        ];
        DataFrame::new_infer_height(columns).expect("every column has a row per contrast")
    }
}
