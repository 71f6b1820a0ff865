//! `galerna check`: does a finished run hold, judged from its tables alone?

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;

use super::figures::significant;
use super::{Answer, DONE, FINDINGS, Failure};
use crate::check::Report;
use crate::frames::{FoundRun, read_run};

/// How many findings are printed before the rest is only counted.
const SHOWN: usize = 20;

/// Verify a finished run from its tables alone.
///
/// Replays every action of the run: who was where, whether that was possible, how long each copy
/// took, and what the whole cost in energy and SLA violations. Shares no code with the engine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna run lr-mmt --out out/first
  galerna check out/first

Exit codes: 0 the run holds, 1 there are findings, 2 the folder cannot be read.")]
pub(super) struct Check {
    /// Folder that `galerna run --out` wrote.
    dir: PathBuf,
}

impl Check {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        let found = read_run(&self.dir).map_err(Failure::bad_input)?;
        let report = found.check();
        let code = if report.is_clean() { DONE } else { FINDINGS };
        Ok(Answer { text: told(&found, &report), code })
    }
}

/// The report with every recomputed figure beside the reported one.
fn told(found: &FoundRun, report: &Report) -> String {
    let mut lines = Vec::new();
    let rows: Vec<String> = report.rows.iter().map(|(name, n)| format!("{n} {name}")).collect();
    lines.push(format!("checked {}", rows.join(", ")));
    if !report.recomputed.is_empty() {
        lines.push(format!("{:<32} {:>16} {:>16}", "figure", "reported", "recomputed"));
    }
    // Leases and load both have a figure called `migrations`; both lists begin with leases.
    let mut reported: Vec<&(String, f64)> = found.reported().collect();
    for (name, value) in &report.recomputed {
        let row = reported.iter().position(|(reported, _)| reported == name);
        let reported = row.map(|row| reported.remove(row));
        let reported = reported.map_or_else(|| "-".to_owned(), |(_, v)| significant(*v));
        lines.push(format!("{name:<32} {reported:>16} {:>16}", significant(*value)));
    }
    lines.extend(report.unverified.iter().map(|what| format!("not verified: {what}")));
    lines.extend(report.findings.iter().take(SHOWN).map(ToString::to_string));
    lines.push(match report.findings.len() {
        0 => "no findings".to_owned(),
        1 => "1 finding".to_owned(),
        n if n > SHOWN => format!("{n} findings, the first {SHOWN} shown"),
        n => format!("{n} findings"),
    });
    lines.into_iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").expect("a string takes any text");
        text
    })
}
