//! `galerna traces convert`: any form in, one Parquet file out.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::{Answer, Failure, threads};
use super::source::Source;
use crate::problem::Problem;
use crate::trace::{self, UtilisationTrace};

/// Write a trace as Parquet, or in the PlanetLab layout as an archive.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces convert bitbrains/rnd august.parquet --day 2013-8
  galerna traces convert machine_usage.tar.gz day-2.parquet --from 1d --to 2d
  galerna traces convert planetlab.parquet copy.tar.xz --day 20110303

The Parquet file has one row per VM and step with everything that the source tells: CPU, other
quantities, VM sizes. Gaps stay gaps and values above 100 % stay as they are, so that a run on
the copy is the same as one on the source, with the same --gaps and --excess. An archive (.tar.xz,
.tar.gz, .tgz, .tar) can hold only days of whole per cent. The file appears whole or not at all.")]
pub(super) struct Convert {
    #[command(flatten)]
    source: Source,
    /// The file to write: .parquet, or .tar.xz, .tar.gz, .tgz, .tar.
    out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    overwrite: bool,
}

impl Convert {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        threads::limit(None);
        check_target(&self.out, self.overwrite)?;
        let Source { path, part } = self.source;
        let trace = trace::read(&path, &part.selection().published());
        let trace = trace.map_err(Failure::bad_input)?;
        let day = part.day().unwrap_or("day");
        write(&trace, day, &self.out)?;
        Ok(Answer::done(said(&trace, &self.out)))
    }
}

/// Refuses what is there already unless it may be replaced.
pub(super) fn check_target(out: &Path, overwrite: bool) -> Result<(), Failure> {
    if overwrite || !out.exists() {
        return Ok(());
    }
    let remedy = "Name another file, or add --overwrite";
    let place = out.display().to_string();
    Err(Failure::bad_input(Problem::new("GLN-131", place, "the file is there already", remedy)))
}

/// Writes `trace` in the form that the end of `out` says.
pub(super) fn write(trace: &UtilisationTrace, day: &str, out: &Path) -> Result<(), Failure> {
    let is_parquet = out.extension().is_some_and(|end| end.eq_ignore_ascii_case("parquet"));
    let written = match is_parquet {
        true => trace::write_parquet(trace, out),
        false => trace::write_archive(trace, day, out),
    };
    written.map_err(Failure::bad_input)
}

/// What was written, in words.
pub(super) fn said(trace: &UtilisationTrace, out: &Path) -> String {
    let step = trace.step().seconds();
    let (vms, samples) = (trace.vms(), trace.samples());
    let mut text = format!("{}: {vms} VMs x {samples} samples of {step} s\n", out.display());
    if !trace.metrics().is_empty() {
        let names: Vec<&str> =
            trace.metrics().iter().map(|metric| metric.resource.name()).collect();
        writeln!(text, "beside CPU: {}", names.join(", ")).expect("a string");
    }
    if !trace.defects().is_empty() {
        text += "odd in the source; gaps and values above 100 % are kept, a run deals with them:\n";
    }
    for finding in trace.defects() {
        writeln!(text, "  {finding}").expect("a string");
    }
    text
}
