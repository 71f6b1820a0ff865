//! A comparison in words, for people: within 100 columns, if names are short, or a Markdown table.

use std::fmt::{self, Write};

use super::contrast::Contrast;
use super::question::Comparison;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contrasts = &self.contrasts;
        let longest = contrasts.iter().map(|contrast| contrast.policy.chars().count());
        let width = longest.chain([self.baseline.chars().count(), 12]).max().unwrap_or(12);
        writeln!(f, "{}", self.headline())?;
        for of_metric in contrasts.chunk_by(|a, b| a.metric == b.metric) {
            let metric = of_metric[0].metric;
            let baseline = self.baselines.iter().find(|entrant| entrant.metric == metric);
            let mean = baseline.and_then(|entrant| entrant.mean);
            let percent = percent(self.confidence);
            writeln!(
                f,
                "\n{metric:<width$}  {:>9} {:>10} {:>8}  {:<22} {:>6} {:>5} {:>5}",
                "mean",
                "difference",
                "",
                format!("{percent} interval"),
                "effect",
                "p",
                "days"
            )?;
            writeln!(f, "{:<width$}  {:>9}", self.baseline, mean.map_or("-".into(), short))?;
            for contrast in of_metric {
                writeln!(f, "{}", line(contrast, width).trim_end())?;
            }
        }
        writeln!(f, "\n{}", self.method())?;
        write!(f, "{}", self.failures())
    }
}

/// A policy in one metric.
fn line(contrast: &Contrast, width: usize) -> String {
    let policy = &contrast.policy;
    let verdict = contrast.verdict.words();
    let Some(centre) = contrast.centre else { return format!("{policy:<width$}  {verdict}") };
    format!(
        "{policy:<width$}  {:>9} {:>10} {:>8}  {:<22} {:>6.2} {:>5} {:>5}  {verdict}",
        short(contrast.mean),
        signed(centre.estimate),
        relative(contrast, centre.estimate),
        format!("{} .. {}", signed(centre.low), signed(centre.high)),
        contrast.effect,
        chance(contrast.p_holm),
        format!("{}/{}", contrast.days_agreeing, contrast.days),
    )
}

impl Comparison {
    /// What was compared.
    fn headline(&self) -> String {
        let mut policies: Vec<&str> = Vec::new();
        for contrast in &self.contrasts {
            if !policies.contains(&contrast.policy.as_str()) {
                policies.push(&contrast.policy);
            }
        }
        let count = policies.len();
        let word = if count == 1 { "policy" } else { "policies" };
        let days = if self.days == 1 { "day" } else { "days" };
        let seeds = if self.seeds == 1 { "seed" } else { "seeds" };
        let pairs = self.days * self.seeds;
        format!(
            "{count} {word} against {}: {} {days} x {} {seeds}, {pairs} pairs each",
            self.baseline, self.days, self.seeds
        )
    }

    /// How the figures come about and what they say.
    fn method(&self) -> String {
        let percent = percent(self.confidence);
        let count = self.contrasts.len();
        let lowest = self.contrasts.iter().filter_map(|contrast| contrast.centre);
        let lowest = lowest.map(|centre| centre.level).fold(1.0, f64::min);
        let mut text = format!(
            "difference: policy minus baseline on the same day and seed, Hodges-Lehmann estimate;\n\
             interval: of the Wilcoxon signed-rank test, {percent} each, for the days above;\n\
             effect: rank-biserial correlation, -1 if lower in every pair, 1 if higher;\n\
             p: of no difference, exact, corrected by Holm for the {count} comparisons shown;\n\
             days: how many of them, averaged over seeds, have the sign of the difference."
        );
        if lowest < self.confidence {
            let has = lowest * 100.0;
            let words = "the pairs are few: the confidence of some intervals is only";
            write!(text, "\n{words} {has:.1} %.").expect("a string takes any text");
        }
        if self.repeated > 0 {
            let count = self.repeated;
            let words = "pairs are bit by bit those of another seed, and count once.";
            write!(text, "\n{count} {words}").expect("a string takes any text");
        }
        text
    }

    fn failures(&self) -> String {
        let mut text = String::new();
        if !self.failed.is_empty() {
            let count = self.failed.len();
            writeln!(text, "\n{count} runs failed; their pairs are left out:").expect("a string");
        }
        for (replay, error) in &self.failed {
            writeln!(text, "  {replay}\n    {error}").expect("a string takes any text");
        }
        text
    }

    /// The same as a Markdown table.
    pub fn markdown(&self) -> String {
        let percent = percent(self.confidence);
        let mut text = format!("{}\n\n", self.headline());
        text += &format!(
            "| metric | policy | mean | difference | {percent} interval | effect | p (Holm) | days \
             | |\n|---|---|---|---|---|---|---|---|---|\n"
        );
        for of_metric in self.contrasts.chunk_by(|a, b| a.metric == b.metric) {
            let metric = of_metric[0].metric;
            let baseline = self.baselines.iter().find(|entrant| entrant.metric == metric);
            let mean = baseline.and_then(|entrant| entrant.mean).map_or("-".into(), short);
            text += &format!("| {metric} | {} | {mean} | | | | | | baseline |\n", self.baseline);
            for contrast in of_metric {
                let verdict = contrast.verdict.words();
                let Some(centre) = contrast.centre else {
                    text += &format!("| | {} | | | | | | | {verdict} |\n", contrast.policy);
                    continue;
                };
                text += &format!(
                    "| | {} | {} | {} ({}) | {} .. {} | {:.2} | {} | {}/{} | {verdict} |\n",
                    contrast.policy,
                    short(contrast.mean),
                    signed(centre.estimate),
                    relative(contrast, centre.estimate),
                    signed(centre.low),
                    signed(centre.high),
                    contrast.effect,
                    chance(contrast.p_holm),
                    contrast.days_agreeing,
                    contrast.days,
                );
            }
        }
        text + &format!("\n{}\n{}", self.method(), self.failures())
    }
}

/// `95 %`, or `99.5 %`.
fn percent(confidence: f64) -> String {
    let percent = (confidence * 1e6).round() / 1e4;
    format!("{percent} %")
}

/// Four significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let before_point = size.log10().floor() as i32 + 1;
    format!("{value:.*}", (4 - before_point).max(0) as usize)
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", short(value)) } else { short(value) }
}

/// `value` in per cent of the baseline's mean, nothing where that is 0.
fn relative(contrast: &Contrast, value: f64) -> String {
    if contrast.baseline_mean == 0.0 {
        return String::new();
    }
    let percent = 100.0 * value / contrast.baseline_mean.abs();
    match percent.abs() {
        size if size >= 1_000.0 => format!("{percent:+.0} %"),
        _ => format!("{percent:+.1} %"),
    }
}

fn chance(p: f64) -> String {
    if p >= 0.001 { format!("{p:.3}") } else { format!("{p:.0e}") }
}

#[cfg(test)]
mod tests {
    use super::super::Entrant;
    use super::*;

    fn comparison() -> Comparison {
        let days = |by: f64| -> Vec<Vec<(f64, f64)>> {
            (0..2)
                .map(|d| (0..5).map(move |s| (100.0, 100.0 + by + f64::from(d * 5 + s) / 100.0)))
                .map(Iterator::collect)
                .collect()
        };
        let mut contrasts = vec![
            Contrast::of("energy_kwh", "lr-mmt", &days(-10.0), 0.95),
            Contrast::of("energy_kwh", "mad-mmt", &days(-0.05), 0.95),
        ];
        let p = crate::stats::holm(&contrasts.iter().map(|c| c.p).collect::<Vec<_>>());
        contrasts.iter_mut().zip(p).for_each(|(contrast, p)| contrast.settle(p, 2, 0.95));
        let baselines = vec![Entrant { metric: "energy_kwh", mean: Some(100.0) }];
        let failed = vec![("galerna run x".into(), "GLN-501 no room".into())];
        let baseline = "thr-mmt".into();
        let (days, seeds, repeated, confidence) = (2, 5, 0, 0.95);
        Comparison { baseline, baselines, days, seeds, repeated, confidence, contrasts, failed }
    }

    #[test]
    fn a_comparison_is_a_table_of_at_most_100_columns() {
        let text = comparison().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "2 policies against thr-mmt: 2 days x 5 seeds, 10 pairs each");
        let expected = "lr-mmt            90.05     -9.955  -10.0 %  -9.980 .. -9.930        \
                        -1.00 0.004   2/2  lower";
        assert_eq!(lines[4], expected);
        assert!(lines[5].ends_with("no evidence"), "{}", lines[5]);
        assert!(text.contains("GLN-501 no room") && text.contains("the 2 comparisons"));
        let widest = lines.iter().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{widest:?}");
    }

    #[test]
    fn the_markdown_has_a_row_per_line_of_the_table() {
        let text = comparison().markdown();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row.matches('|').count() == 10), "{rows:#?}");
    }

    #[test]
    fn numbers_have_four_significant_digits() {
        for (value, text) in [
            (167.845, "167.8"),
            (0.0123456, "0.01235"),
            (27859.0, "27859"),
            (3.2e-7, "3.200e-7"),
            (0.0, "0"),
            (-9.955, "-9.955"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(
            (signed(1.0), chance(0.0321), chance(1.9e-9)),
            ("+1.000".into(), "0.032".into(), "2e-9".into())
        );
    }
}
