//! `galerna compare`: which policy is better, and how sure is that?

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use serde::Serialize;

use super::batch;
use super::{Answer, DONE, FINDINGS, Failure, json, threads};
use crate::batch::{Base, Comparison, Contrast, Output, Question};
use crate::frames::Existing;
use crate::problem::Problem;
use crate::spec;

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs: one object.
    Json,
    /// A Markdown table.
    Md,
}

/// Compare policies on the same days and seeds: differences, intervals, verdicts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna compare thr-mmt lr-mmt
  galerna compare 'thr-*' lr-mmt --baseline lr-mmt --seeds 20
  galerna compare mine.toml '*-mmt' --trace planetlab.parquet --days 20110303,20110306 --format md
  galerna compare lr-mmt cloudsim-3.0.3/lr-mmt --metric energy_kwh --metric ping_pong_rate
  galerna compare leases/easy leases/conservative --workload jobs.swf --seeds 20 \\
      --metric leases.mean_wait_s

Every policy runs on every day and seed. A seed permutes which trace drives which VM, so it is a
repetition for any policy. Differences are taken pair by pair, policy minus baseline on the same
day and seed. The table gives their Hodges-Lehmann estimate with the exact interval of the Wilcoxon
signed-rank test, an effect size (-1: lower in every pair, 1: higher in every pair), the p-value
corrected by Holm for all comparisons of the table, and on how many days the sign is the same. A
verdict other than `no evidence` is wrong somewhere in the table in at most 5 % of tables.
docs/compare-and-sweep.md tells what that does and does not mean.")]
pub(super) struct Compare {
    /// TOML files, or names that `galerna policies list` shows; `*` stands for any text.
    #[arg(required = true)]
    specs: Vec<String>,
    /// The spec that the others are compared with; by default the first.
    #[arg(long, value_name = "SPEC")]
    baseline: Option<String>,
    /// The trace for all; by default that of the specs. May be repeated.
    #[arg(long = "trace", value_name = "PATH")]
    traces: Vec<String>,
    /// The workload of leases for all; by default that of the specs. May be repeated.
    #[arg(long = "workload", value_name = "PATH")]
    workloads: Vec<String>,
    /// Days, separated by commas; by default every day of the trace.
    #[arg(long, value_name = "DAY,...", value_delimiter = ',')]
    days: Vec<String>,
    /// How many seeds, from 0.
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = value_parser!(u16).range(1..))]
    seeds: u16,
    /// A metric, as `galerna run` names it, with leases. or costs. before those of leases and of
    /// the ledger. May be repeated; by default those that one looks at first.
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    /// Confidence of intervals and verdicts, per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    confidence: f64,
    /// Change one value in all specs; VALUE is TOML, else text. May be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// Keep the runs in this folder, as a sweep does: repeated, they are free.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Drop runs in the folder that are no longer asked for.
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    format: Form,
    /// Threads to use at most, by default one per processor; the results are the same.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Compare {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        let threads = threads::for_many_runs(self.threads);
        let question = self.question().map_err(Failure::bad_input)?;
        let plan = question.plan().map_err(batch::failure)?;
        let existing = if self.overwrite { Existing::Replace } else { Existing::Refuse };
        let output = self.out.as_deref().map(|dir| Output { dir, keep: &[], existing });
        let results = batch::run(&plan, threads, output)?;
        let comparison = question.answer(&plan, &results.rows);
        let text = match self.format {
            Form::Table => comparison.to_string(),
            Form::Md => comparison.markdown(),
            Form::Json => json(&Report::of(&comparison))?,
        };
        Ok(Answer { text, code: if results.failed() == 0 { DONE } else { FINDINGS } })
    }

    /// What is asked; every name and change that cannot be read is reported.
    fn question(&self) -> Result<Question, spec::Error> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut bases: Vec<Base> = Vec::new();
        for name in self.specs.iter().chain(&self.baseline) {
            match Base::named(name) {
                Ok(found) => {
                    let pattern = name.contains('*') || self.baseline.as_ref() == Some(name);
                    let known = |base: &Base| bases.iter().any(|other| other.label == base.label);
                    let new = found.into_iter().filter(|base| !(pattern && known(base)));
                    let new: Vec<Base> = new.collect();
                    bases.extend(new);
                }
                Err(error) => problems.extend(error.problems),
            }
        }
        let mut set = Vec::new();
        for text in &self.changes {
            match text.parse() {
                Ok(change) => set.push(change),
                Err(spec::Error { problems: found }) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            return Err(spec::Error { problems });
        }
        let question = Question {
            baseline: self.baseline.clone(),
            set,
            traces: self.traces.clone(),
            workloads: self.workloads.clone(),
            days: self.days.clone(),
            seeds: self.seeds.into(),
            metrics: self.metrics.clone(),
            confidence: self.confidence / 100.0,
            ..Question::about(bases)
        };
        Ok(match self.metrics.is_empty() {
            true => question.in_usual_metrics(),
            false => question,
        })
    }
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report<'c> {
    baseline: &'c str,
    days: usize,
    seeds: usize,
    /// Pairs that are bit by bit those of another seed.
    repeated: usize,
    confidence: f64,
    comparisons: Vec<Row<'c>>,
    failed: Vec<FailedRun<'c>>,
}

#[derive(Debug, Serialize)]
struct Row<'c> {
    metric: &'c str,
    policy: &'c str,
    pairs: usize,
    baseline_mean: f64,
    mean: f64,
    difference: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// The confidence that the interval really has.
    confidence: Option<f64>,
    effect: f64,
    p: f64,
    p_holm: f64,
    days: usize,
    days_agreeing: usize,
    days_against: usize,
    verdict: &'static str,
}

#[derive(Debug, Serialize)]
struct FailedRun<'c> {
    error: &'c str,
    replay: &'c str,
}

impl<'c> Report<'c> {
    fn of(comparison: &'c Comparison) -> Self {
        let failed = comparison.failed.iter();
        Self {
            baseline: &comparison.baseline,
            days: comparison.days,
            seeds: comparison.seeds,
            repeated: comparison.repeated,
            confidence: comparison.confidence,
            comparisons: comparison.contrasts.iter().map(Row::of).collect(),
            failed: failed.map(|(replay, error)| FailedRun { error, replay }).collect(),
        }
    }
}

impl<'c> Row<'c> {
    fn of(contrast: &'c Contrast) -> Self {
        let centre = contrast.centre;
        Self {
            metric: contrast.metric,
            policy: &contrast.policy,
            pairs: contrast.pairs,
            baseline_mean: contrast.baseline_mean,
            mean: contrast.mean,
            difference: centre.map(|centre| centre.estimate),
            low: centre.map(|centre| centre.low),
            high: centre.map(|centre| centre.high),
            confidence: centre.map(|centre| centre.level),
            effect: contrast.effect,
            p: contrast.p,
            p_holm: contrast.p_holm,
            days: contrast.days,
            days_agreeing: contrast.days_agreeing,
            days_against: contrast.days_against,
            verdict: contrast.verdict.words(),
        }
    }
}
