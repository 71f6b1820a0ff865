//! `galerna catalogue`: which machines and instance types are known by name?

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Answer, Failure, Format, json};
use crate::model::{Catalogue, HostModel, Instance};
use crate::problem::listed;
use crate::spec::catalogue_with;

/// Show the machines and instance types that specs and leases may name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna catalogue hosts
  galerna catalogue instances
  galerna catalogue instances --file my-types.toml --format json")]
pub(super) struct CatalogueCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Machines: cores, MIPS of a core, watts at 0, 50 and 100 % load.
    Hosts(Listing),
    /// Instance types: vCPUs, memory, MIPS of a vCPU, price of an hour.
    Instances(Listing),
}

#[derive(Debug, Args)]
struct Listing {
    /// A catalogue of one's own, whose rows come before the bundled ones.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to print it; as JSON with every number and its source.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl CatalogueCommand {
    pub(super) fn execute(&self) -> Result<Answer, Failure> {
        let text = match &self.command {
            Command::Hosts(Listing { file, format }) => {
                let Catalogue { hosts, .. } = read(file.as_deref())?;
                match format {
                    Format::Json => json(&hosts)?,
                    Format::Table => table_of_hosts(&hosts),
                }
            }
            Command::Instances(Listing { file, format }) => {
                let Catalogue { instances, .. } = read(file.as_deref())?;
                match format {
                    Format::Json => json(&instances)?,
                    Format::Table => table_of_instances(&instances),
                }
            }
        };
        Ok(Answer::done(text))
    }
}

fn read(file: Option<&Path>) -> Result<Catalogue, Failure> {
    catalogue_with(file).map_err(|problems| Failure::bad_input(listed(&problems)))
}

fn table_of_hosts(hosts: &[HostModel]) -> String {
    let mut text = format!(
        "{:<14} {:>5} {:>6} {:>7} {:>7} {:>7}\n",
        "machine", "cores", "MIPS", "W idle", "W 50 %", "W full"
    );
    for host in hosts {
        let [idle, .., full] = host.watts;
        writeln!(
            text,
            "{:<14} {:>5} {:>6} {idle:>7} {:>7} {full:>7}",
            host.name, host.cores, host.core_mips, host.watts[5]
        )
        .expect("a string");
    }
    text + "\nMIPS: of one core. `--format json` has all watts and where they are said.\n"
}

fn table_of_instances(instances: &[Instance]) -> String {
    let mut text = format!(
        "{:<13} {:>5} {:>7} {:>6} {:>8}  {}\n",
        "instance", "vCPUs", "GiB", "MIPS", "per hour", "price of"
    );
    for instance in instances {
        let shown = |number: Option<f64>| number.map_or("-".to_owned(), |n| n.to_string());
        writeln!(
            text,
            "{:<13} {:>5} {:>7} {:>6} {:>8}  {}",
            instance.name,
            instance.vcpus,
            instance.memory_gib,
            shown(instance.vcpu_mips().map(|rate| rate.0)),
            shown(instance.hour_price),
            instance.priced.as_deref().unwrap_or("-")
        )
        .expect("a string");
    }
    text + "\nMIPS: of one vCPU, 1000 per ECU. USD, Linux, US East, on demand.\n\
            `--format json` has where each is said.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_a_terminal() {
        let bundled = Catalogue::bundled();
        let instances = table_of_instances(&bundled.instances);
        for text in [table_of_hosts(&bundled.hosts), instances] {
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(text.lines().count() > 4);
        }
    }
}
