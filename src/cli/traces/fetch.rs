//! `galerna traces fetch`: a published trace from its publisher into a folder of one's own.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::super::{Answer, Failure};
use crate::trace::{self, FetchOptions, Fetched, Parcel};

/// Fetch a published trace over HTTPS, checked against its checksum where one is known.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  galerna traces fetch azure-2017
  galerna traces fetch alibaba-2018 --into /data/traces
  galerna traces fetch bitbrains-rnd --mirror https://example.org/gwa/

A download that breaks off is taken up where it stopped, by the same command. Files go to
GALERNA_CACHE, else to galerna/traces in the user's cache folder, into a folder of the trace's
name; what is there already is not fetched again.")]
pub(super) struct Fetch {
    /// A name that `galerna traces list` shows.
    name: String,
    /// The folder in which the trace's folder is made.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Take the files from this address instead, by their own names; https, or this machine.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Trust the certificate authorities in this PEM file instead of the usual ones.
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Fetch also what is there already.
    #[arg(long)]
    again: bool,
}

impl Fetch {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        let entry = trace::entry(&self.name).map_err(Failure::bad_input)?;
        entry.fetchable().map_err(Failure::bad_input)?;
        let folder = self.into.unwrap_or_else(trace::cache_folder).join(&entry.name);
        let options = FetchOptions { authorities: self.authorities, again: self.again };
        let mut text = format!("{}\nlicence: {}\n", entry.title, entry.licence);
        for citation in &entry.citations {
            writeln!(text, "cite: {citation}").expect("a string");
        }
        for parcel in &entry.parcels {
            let parcel = mirrored(parcel, self.mirror.as_deref());
            let mut bar = Bar::new(parcel.file_name());
            let fetched =
                trace::fetch(&parcel, &folder, &options, &mut |at, whole| bar.reach(at, whole));
            bar.close();
            text += &told(&parcel, &fetched.map_err(Failure::bad_input)?);
        }
        writeln!(text, "galerna traces info {}", folder.display()).expect("a string");
        Ok(Answer::done(text))
    }
}

fn mirrored(parcel: &Parcel, mirror: Option<&str>) -> Parcel {
    let url = |mirror: &str| format!("{}/{}", mirror.trim_end_matches('/'), parcel.file_name());
    Parcel { url: mirror.map_or_else(|| parcel.url.clone(), url), ..parcel.clone() }
}

fn told(parcel: &Parcel, fetched: &Fetched) -> String {
    let Fetched { path, sha256, bytes, was_there, resumed_at } = fetched;
    let how = match (was_there, resumed_at) {
        (true, _) => "was there already".to_owned(),
        (false, 0) => "fetched".to_owned(),
        (false, at) => format!("fetched, taken up after {at} bytes"),
    };
    let checked = match &parcel.sha256 {
        Some(_) => "as it should be",
        None => "compared with nothing: no checksum is known",
    };
    format!("{}: {how}, {bytes} bytes\nsha256 {sha256} ({checked})\n", path.display())
}

/// A bar on the terminal.
struct Bar {
    name: String,
    bar: Option<ProgressBar>,
}

impl Bar {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), bar: None }
    }

    fn reach(&mut self, at: u64, whole: Option<u64>) {
        if !io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let template = match whole {
                Some(_) => "{msg} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
                None => "{msg} {bytes}, {bytes_per_sec}",
            };
            let bar = ProgressBar::new(whole.unwrap_or(0)).with_message(self.name.clone());
            let style = ProgressStyle::with_template(template);
            style.map_or(bar.clone(), |style| bar.with_style(style))
        });
        bar.set_position(at);
    }

    fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
