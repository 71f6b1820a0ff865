//! All figures of an evaluation: as an object, as tables for a terminal, as Markdown.

use std::fmt::Write;

use serde::Serialize;

use super::ceiling::Ceiling;
use super::overload::OverloadRow;
use super::score::Row;
use crate::forecast::FitReport;

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Path of the trace.
    pub trace: String,
    /// What trained, what calibrated, what tested.
    pub parts: [String; 3],
    /// Samples between two origins.
    pub stride: usize,
    /// How much of the last value's error can be saved at all.
    pub noise_ceiling: Option<Ceiling>,
    /// What fits came to, by model.
    pub fits: Vec<(String, FitReport)>,
    /// Every model at every horizon.
    pub rows: Vec<Row>,
    /// Every detector at every horizon.
    pub overload: Vec<OverloadRow>,
}

impl Report {
    /// Tables of at most 100 columns.
    pub fn table(&self) -> String {
        let mut text = self.head();
        for horizon in self.horizons() {
            let _ = writeln!(text, "\n{} ahead", samples(horizon));
            let levels = self.levels();
            let _ = write!(text, "{:<18} {:>7} {:>7} {:>15}", "model", "MAE", "ratio", "95 %");
            let _ = write!(text, " {:>7}", "RMSE r.");
            levels.iter().for_each(|level| {
                let _ = write!(text, " {:>6} {:>5}", format!("pb{level}"), "cov");
            });
            let _ = writeln!(text, " {:>7}", "us");
            for row in self.rows.iter().filter(|row| row.horizon == horizon) {
                let [low, high] = row.mae_ratio_interval;
                let interval = format!("[{low:.3}, {high:.3}]");
                let (mae, ratio) = (row.mae, row.mae_ratio);
                let _ = write!(text, "{:<18} {mae:>7.3} {ratio:>7.3} {interval:>15}", row.model);
                let _ = write!(text, " {:>7.3}", row.rmse_ratio);
                for level in &levels {
                    let pinball = figure(row.pinball.get(level).copied(), 3);
                    let coverage = figure(row.coverage.get(level).copied(), 3);
                    let _ = write!(text, " {pinball:>6} {coverage:>5}");
                }
                let _ = writeln!(text, " {:>7}", figure(cost(row), 3));
            }
        }
        self.overload_tables(&mut text);
        text
    }

    /// The same in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = self.head();
        let levels = self.levels();
        text += "\n| model | horizon | MAE | ratio | 95 % | RMSE ratio | MASE |";
        levels.iter().for_each(|level| {
            let _ = write!(text, " pinball {level} | coverage {level} |");
        });
        text += " us per prediction |\n|---|---|---|---|---|---|---|";
        text += &"---|".repeat(2 * levels.len() + 1);
        text.push('\n');
        for row in &self.rows {
            let [low, high] = row.mae_ratio_interval;
            let _ = write!(
                text,
                "| {} | {} | {:.3} | {:.3} | {low:.3} to {high:.3} | {:.3} | {:.3} |",
                row.model, row.horizon, row.mae, row.mae_ratio, row.rmse_ratio, row.mase
            );
            for level in &levels {
                let pinball = figure(row.pinball.get(level).copied(), 3);
                let coverage = figure(row.coverage.get(level).copied(), 3);
                let _ = write!(text, " {pinball} | {coverage} |");
            }
            let _ = writeln!(text, " {} |", figure(row.us_per_prediction, 3));
        }
        if !self.overload.is_empty() {
            text += "\n| detector | horizon | base rate | AP | AP, onset | Brier skill | ECE |\n";
            text += "|---|---|---|---|---|---|---|\n";
        }
        for row in &self.overload {
            let _ = writeln!(
                text,
                "| {} | {} | {:.3} | {} | {} | {} | {} |",
                row.detector,
                row.horizon,
                row.base_rate,
                figure(row.ap, 3),
                figure(row.ap_onset, 3),
                figure(row.brier_skill, 3),
                figure(row.ece, 4)
            );
        }
        text
    }

    fn head(&self) -> String {
        let [train, calibrate, test] = &self.parts;
        let mut text = format!(
            "{}\ntrain: {train}; calibrate: {calibrate}; test: {test}, every {} sample(s)\n",
            self.trace, self.stride
        );
        if let Some(ceiling) = self.noise_ceiling {
            let (lag, ratio) = (ceiling.difference_autocorrelation, ceiling.rmse_ratio);
            let _ = writeln!(
                text,
                "noise ceiling: RMSE ratio {ratio:.3} one sample ahead (differences' r1 {lag:.2})"
            );
        }
        for (model, fit) in self.fits.iter().filter(|(_, fit)| fit.rows > 0) {
            let _ = writeln!(text, "fit of {model}: {} rows, {:.2} s", fit.rows, fit.seconds);
        }
        text
    }

    fn overload_tables(&self, text: &mut String) {
        for horizon in self.horizons() {
            let rows = self.overload.iter().filter(|row| row.horizon == horizon);
            let mut rows = rows.peekable();
            let Some(first) = rows.peek() else { continue };
            let (ahead, base) = (samples(horizon), first.base_rate);
            let _ = writeln!(text, "\nhost above its limit within {ahead}, base rate {base:.3}");
            let _ = writeln!(
                text,
                "{:<18} {:>7} {:>9} {:>12} {:>7}",
                "detector", "AP", "AP onset", "Brier skill", "ECE"
            );
            for row in rows {
                let _ = writeln!(
                    text,
                    "{:<18} {:>7} {:>9} {:>12} {:>7}",
                    row.detector,
                    figure(row.ap, 3),
                    figure(row.ap_onset, 3),
                    figure(row.brier_skill, 3),
                    figure(row.ece, 4)
                );
            }
        }
    }

    fn horizons(&self) -> Vec<u16> {
        let models = self.rows.iter().map(|row| row.horizon);
        let mut all: Vec<u16> = models.chain(self.overload.iter().map(|row| row.horizon)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn levels(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.rows.iter().flat_map(|row| row.pinball.keys().cloned()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn samples(horizon: u16) -> String {
    format!("{horizon} sample{}", if horizon == 1 { "" } else { "s" })
}

fn cost(row: &Row) -> Option<f64> {
    Some(row.us_per_update? + row.us_per_prediction?)
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
