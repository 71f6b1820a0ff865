//! `galerna traces generate`: a synthetic trace, by published statistics or in the likeness of one.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::super::{Answer, Failure, Format, json, threads};
use super::convert::{check_target, said, write};
use super::source::Part;
use crate::trace::{self, Parameters, Selection};

/// Make a synthetic trace: a PlanetLab-like day, or the twin of a trace.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces generate day.tar.xz --seed 3
  galerna traces generate twin.parquet --like planetlab.tar.xz --day 20110303
  galerna traces generate more.parquet --like august.parquet --vms 2000 --seed 7

Each VM of a twin has the distribution of a VM of the source and about its autocorrelation; no
sample is copied. VMs are independent of each other and there is no time of day. What came out
is compared with the source in a table. The same source and seed make the same file.")]
pub(super) struct Generate {
    /// The file to write: .parquet, or .tar.xz, .tar.gz, .tgz, .tar.
    out: PathBuf,
    /// The trace to be like: a folder, an archive, a .csv or a .parquet file.
    #[arg(long, value_name = "PATH")]
    like: Option<PathBuf>,
    #[command(flatten)]
    part: Part,
    /// How many VMs [default: as many as the source has, else 1052].
    #[arg(long, value_parser = value_parser!(u32).range(1..))]
    vms: Option<u32>,
    /// Seed of the random streams.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Replace the file if it is there.
    #[arg(long)]
    overwrite: bool,
    /// How to print the comparison.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Generate {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        threads::limit(None);
        check_target(&self.out, self.overwrite)?;
        let vms = self.vms.map(|vms| vms as usize);
        let Some(like) = &self.like else {
            let mut parameters = Parameters::default();
            parameters.vms = vms.unwrap_or(parameters.vms);
            let made = trace::generate(&parameters, self.seed);
            write(&made, "synthetic", &self.out)?;
            return Ok(Answer::done(said(&made, &self.out)));
        };
        let selection = Selection { raw: true, ..self.part.selection() };
        let source = trace::read(like, &selection).map_err(Failure::bad_input)?;
        let made = trace::twin(&source, vms, self.seed);
        write(&made, "twin", &self.out)?;
        let fitness = trace::fitness(&source, &made);
        Ok(Answer::done(match self.format {
            Format::Table => format!("{}\n{fitness}", said(&made, &self.out)),
            Format::Json => json(&fitness)?,
        }))
    }
}
