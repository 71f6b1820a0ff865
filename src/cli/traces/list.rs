//! `galerna traces list`: which traces are published, by whom and under which terms?

use std::fmt::Write;

use clap::Args;

use super::super::{Answer, Failure, Format, json};
use crate::trace::{self, Entry};

/// The published traces that can be read: publisher, licence, citation, address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces list
  galerna traces list --format json
  galerna traces fetch alibaba-2018

Nothing is redistributed with galerna: a trace comes from its publisher, under its terms, and
whoever uses it cites the papers that are listed.")]
pub(super) struct List {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl List {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        let entries = trace::catalogue();
        Ok(Answer::done(match self.format {
            Format::Json => json(&entries)?,
            Format::Table => {
                let told: Vec<String> = entries.iter().map(told).collect();
                told.join("\n")
            }
        }))
    }
}

/// An entry in words.
fn told(entry: &Entry) -> String {
    let mut text = format!("{}\n", entry.name);
    let mut line = |name: &str, value: &str| {
        writeln!(text, "  {name:<10} {value}").expect("a string");
    };
    line("what", &entry.title);
    line("holds", &entry.holds);
    line("publisher", &entry.publisher);
    line("page", &entry.page);
    line("licence", &entry.licence);
    entry.citations.iter().for_each(|citation| line("cite", citation));
    line("format", &entry.format);
    for parcel in &entry.parcels {
        line("from", &parcel.url);
        match (&parcel.sha256, &parcel.checksum_from) {
            (Some(sha256), Some(origin)) => line("sha256", &format!("{sha256} ({origin})")),
            _ => line("sha256", "not known"),
        }
    }
    if let Some(by_hand) = &entry.by_hand {
        line("by hand", by_hand);
    }
    text
}
