//! `galerna traces`: what is in a trace, which are published, and how to get or make one.

mod convert;
mod fetch;
mod generate;
mod info;
mod list;
mod source;

use clap::{Args, Subcommand};

use super::{Answer, Failure};

pub(super) use source::Part;

/// Look into, convert, list, fetch and make utilisation traces.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces list                        which traces are published, and their terms
  galerna traces fetch azure-2017            one of them, from its publisher
  galerna traces info bitbrains/rnd --day 2013-8
  galerna traces convert bitbrains/rnd august.parquet --day 2013-8
  galerna traces generate twin.parquet --like august.parquet
  galerna run lr-mmt --set trace.path=twin.parquet --set trace.to=1d")]
pub(super) struct Traces {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Info(info::Info),
    Convert(convert::Convert),
    List(list::List),
    Fetch(fetch::Fetch),
    Generate(generate::Generate),
}

impl Traces {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        match self.command {
            Command::Info(info) => info.execute(),
            Command::Convert(convert) => convert.execute(),
            Command::List(list) => list.execute(),
            Command::Fetch(fetch) => fetch.execute(),
            Command::Generate(generate) => generate.execute(),
        }
    }
}
