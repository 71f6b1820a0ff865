//! `galerna traces info`: what is in a trace, and what is odd about it?

use clap::Args;
use serde::Serialize;

use super::super::{Answer, Failure, Format, json, threads};
use super::source::Source;
use crate::trace::{self, TraceInfo};

/// Size, level, spread and autocorrelation of a trace, and what is odd about it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces info sample
  galerna traces info planetlab.tar.xz --day 20110303
  galerna traces info bitbrains/rnd --day 2013-8 --from 3d --to 4d
  galerna traces info load.csv --column vm=host --column time-s=t --column cpu-percent=load
  galerna traces info planetlab.parquet --day 20110303 --format json

The figures are those of the values as they are published: a gap is no value, and nothing is
clipped. What the source has of gaps, duplicates and the like is listed below them, each with
what a run does about it under the options given (--gaps, --excess).")]
pub(super) struct Info {
    #[command(flatten)]
    source: Source,
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

impl Info {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        threads::limit(None);
        let Source { path, part } = self.source;
        let trace = trace::read(&path, &part.selection().published());
        let trace = trace.map_err(Failure::bad_input)?;
        let info = trace::info(&trace);
        let (path, day) = (path.display().to_string(), part.day().map(str::to_owned));
        Ok(Answer::done(match self.format {
            Format::Table => info.to_string(),
            Format::Json => json(&InfoReport { path, day, blake3: trace.blake3(), info })?,
        }))
    }
}
