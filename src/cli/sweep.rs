//! `galerna sweep`: every run of a sweep file, into one data set.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, value_parser};
use serde::Serialize;

use super::batch;
use super::figures::significant;
use super::{Answer, DONE, FINDINGS, Failure, Format, json, threads};
use crate::batch::{Output, Plan, Results, RunTable, metric, usual};
use crate::frames::Existing;
use crate::stats::mean;

/// So many lines of results are printed.
const LINES: usize = 40;
/// A line is at most so wide, if names are short.
const COLUMNS: usize = 100;
/// Columns of figures are at least so wide.
const NARROW: usize = 12;
/// So wide is the column of runs, with the blank before it.
const RUNS: usize = 6;
/// So many failed runs are told in full; the table of runs has them all.
const FAILURES: usize = 10;

/// Run every combination of a sweep file; a killed sweep goes on, a repeated one is free.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna sweep safety.toml
  galerna sweep safety.toml --out out/safety --keep samples --threads 2
  galerna sweep safety.toml --dry-run

A sweep file, safety.toml:

  policies = [\"lr-mmt\", \"lrr-mmt\"]      # or base = \"lr-mmt\"; thr-* names several
  [set]                                 # the same in all runs
  trace.path = \"planetlab.parquet\"
  [grid]                                # every combination of these
  policy.overload.safety = [1.0, 1.1, 1.2]
  trace.day = \"all\"                     # or a list of days
  run.seed = { from = 0, to = 4 }
  [[list]]                              # several keys at once, combined with the grid
  name = \"instant\"
  host.wake-s = 0
  host.shutdown-s = 0

Everything is checked before anything runs. DIR/runs.parquet has one row per run. What is kept
there under the same spec, trace and version is not run again. A run that fails is kept as a row
with its error and the command that repeats it, and the others go on; the exit code is then 1.
docs/compare-and-sweep.md tells more.")]
pub(super) struct Sweep {
    /// A TOML file.
    file: PathBuf,
    /// The folder of the results; by default out/NAME, after the file's name.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep a table of each run: actions, demand, hosts, leases, ledger, samples or vms. May be
    /// repeated.
    #[arg(long, value_name = "TABLE", value_parser = run_table)]
    keep: Vec<RunTable>,
    /// Drop results in the folder that the sweep no longer asks for.
    #[arg(long)]
    overwrite: bool,
    /// Check the file and say how many runs it asks for.
    #[arg(long)]
    dry_run: bool,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Threads to use at most, by default one per processor; the results are the same.
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

fn run_table(word: &str) -> Result<RunTable, String> {
    RunTable::named(word).map_err(|(what, remedy)| format!("{what}. {remedy}"))
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Report {
    out: String,
    runs: usize,
    reused: usize,
    failed: Vec<FailedRun>,
}

#[derive(Debug, Serialize)]
struct FailedRun {
    run: usize,
    error: String,
    replay: String,
}

impl Sweep {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        let threads = threads::for_many_runs(self.threads);
        let mut sweep = crate::batch::Sweep::load(&self.file).map_err(batch::failure)?;
        sweep.keep.extend(&self.keep);
        sweep.keep.sort_unstable();
        sweep.keep.dedup();
        let plan = Plan::of(&sweep.design).map_err(batch::failure)?;
        plan.check_keep(&sweep.keep).map_err(batch::failure)?;
        if self.dry_run {
            return Ok(Answer::done(announced(&plan)));
        }
        let dir = self.dir();
        let existing = if self.overwrite { Existing::Replace } else { Existing::Refuse };
        let output = Output { dir: &dir, keep: &sweep.keep, existing };
        let start = Instant::now();
        let results = batch::run(&plan, threads, Some(output))?;
        let code = if results.failed() == 0 { DONE } else { FINDINGS };
        let text = match self.format {
            Format::Json => json(&report(&dir, &plan, &results))?,
            Format::Table => {
                let took = start.elapsed().as_secs_f64();
                told(&dir, &plan, &results) + &format!("{took:.1} s\n")
            }
        };
        Ok(Answer { text, code })
    }

    fn dir(&self) -> PathBuf {
        let by_name = || Path::new("out").join(self.file.file_stem().unwrap_or_default());
        self.out.clone().unwrap_or_else(by_name)
    }
}

fn announced(plan: &Plan) -> String {
    let mut text = format!("{} runs\n", plan.runs.len());
    for run in plan.runs.iter().take(LINES) {
        text += &format!("  {}\n", run.replay());
    }
    if plan.runs.len() > LINES {
        text += &format!("  and {} more\n", plan.runs.len() - LINES);
    }
    text
}

fn failed_runs(plan: &Plan, results: &Results) -> Vec<FailedRun> {
    let runs = plan.runs.iter().zip(&results.rows).enumerate();
    runs.filter_map(|(run, (planned, row))| {
        let error = row.error()?.to_owned();
        Some(FailedRun { run, error, replay: planned.replay() })
    })
    .collect()
}

fn report(dir: &Path, plan: &Plan, results: &Results) -> Report {
    Report {
        out: dir.display().to_string(),
        runs: plan.runs.len(),
        reused: results.reused,
        failed: failed_runs(plan, results),
    }
}

/// The runs that have all but day and seed in common, in the order of the plan.
fn variants(plan: &Plan) -> Vec<(&str, Vec<usize>)> {
    let mut variants: Vec<(&str, Vec<usize>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (run, planned) in plan.runs.iter().enumerate() {
        let place = *places.entry(&planned.variant).or_insert(variants.len());
        if place == variants.len() {
            variants.push((&planned.variant, Vec::new()));
        }
        variants[place].1.push(run);
    }
    variants
}

/// The figures that one looks at first in any of the runs, with their places.
fn looked_at(plan: &Plan) -> Vec<(usize, &'static str)> {
    let mut names: Vec<&str> = Vec::new();
    for name in plan.runs.iter().flat_map(|run| usual(&run.spec)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| metric(name).expect("a usual metric is one")).collect()
}

/// Columns of figures that stand beside each other: as many as a line holds, one at least.
fn blocks<'m>(
    metrics: &'m [(usize, &'static str)],
    width: usize,
) -> Vec<&'m [(usize, &'static str)]> {
    let (mut blocks, mut from, mut line) = (Vec::new(), 0, 0);
    for (at, (_, name)) in metrics.iter().enumerate() {
        let broad = 1 + name.len().max(NARROW);
        if at > from && width + RUNS + line + broad > COLUMNS {
            blocks.push(&metrics[from..at]);
            (from, line) = (at, 0);
        }
        line += broad;
    }
    blocks.push(&metrics[from..]);
    blocks
}

/// Means over days and seeds of the runs that have all else in common.
fn means(plan: &Plan, results: &Results) -> String {
    let variants = variants(plan);
    let longest = variants.iter().map(|(name, _)| name.chars().count());
    let width = longest.clone().max().unwrap_or(0).clamp(4, 60);
    let mut text = String::new();
    for metrics in blocks(&looked_at(plan), width) {
        let first = text.is_empty();
        let between = if first { "" } else { "\n" };
        write!(text, "{between}{:<width$} {:>5}", "mean", "runs").expect("a string");
        metrics.iter().for_each(|(_, name)| text += &format!(" {name:>NARROW$}"));
        text.push('\n');
        for (name, runs) in variants.iter().take(LINES) {
            // A name that is too long has a line of its own.
            let (above, name) = match name.chars().count() > width {
                true => (format!("{name}\n"), ""),
                false => (String::new(), *name),
            };
            write!(text, "{above}{name:<width$} {:>5}", runs.len()).expect("a string");
            for &(at, heading) in metrics {
                let figures: Vec<f64> =
                    runs.iter().filter_map(|&run| results.rows[run].figure(at)).collect();
                let value = mean(&figures).map_or_else(|| "-".to_owned(), significant);
                let broad = heading.len().max(NARROW);
                write!(text, " {value:>broad$}").expect("a string takes any text");
            }
            text.push('\n');
        }
    }
    if variants.len() > LINES {
        text += &format!("and {} more\n", variants.len() - LINES);
    }
    text
}

/// The means of the runs, then what failed.
fn told(dir: &Path, plan: &Plan, results: &Results) -> String {
    let mut text = means(plan, results);
    let failed = failed_runs(plan, results);
    if !failed.is_empty() {
        text += &format!("\n{} runs failed:\n", failed.len());
    }
    for FailedRun { error, replay, .. } in failed.iter().take(FAILURES) {
        text += &format!("  {replay}\n    {}\n", error.replace('\n', "\n    "));
    }
    if failed.len() > FAILURES {
        text += "  and others: columns `replay` and `error` of runs.parquet\n";
    }
    let (runs, reused) = (plan.runs.len(), results.reused);
    text + &format!("\n{runs} runs in {}, {reused} of them there already, ", dir.display())
}
