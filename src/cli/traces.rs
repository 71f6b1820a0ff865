//! `galerna traces`: what is in a trace?

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Answer, Failure, Format, json, threads};
use crate::trace::{self, Selection, TraceInfo};

/// Look into utilisation traces.
#[derive(Debug, Args)]
pub(super) struct Traces {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Info(Info),
}

/// Size, faults, level, spread and autocorrelation of a trace.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces info sample
  galerna traces info planetlab.tar.xz --day 20110303
  galerna traces info planetlab.parquet --day 20110303 --format json")]
struct Info {
    /// `sample`, a folder, an archive (.tar.xz, .tar.gz, .tgz, .tar) or a .parquet file.
    path: PathBuf,
    /// The day to take from a source that holds several.
    #[arg(long)]
    day: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct InfoReport {
    path: String,
    day: Option<String>,
    blake3: String,
    #[serde(flatten)]
    info: TraceInfo,
}

impl Traces {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        let Command::Info(Info { path, day, format }) = self.command;
        threads::limit(None);
        let selection = Selection { day: day.clone(), ..Selection::default() };
        let trace = trace::read(&path, &selection).map_err(Failure::bad_input)?;
        let info = trace::info(&trace);
        let path = path.display().to_string();
        Ok(Answer::done(match format {
            Format::Table => info.to_string(),
            Format::Json => json(&InfoReport { path, day, blake3: trace.blake3(), info })?,
        }))
    }
}
