//! Which traces are published, by whom, under which terms, and where? The file
//! `traces/catalogue.toml`.

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::problem::suggestion;

static TEXT: &str = include_str!("../../traces/catalogue.toml");

/// A published trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// Its name for `traces fetch`.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
    /// Where it is described.
    pub page: String,
    /// What it may be used for, as far as the publisher says.
    pub licence: String,
    /// Whom to cite.
    pub citations: Vec<String>,
    /// The value of `trace.format` that reads it.
    pub format: String,
    /// What is in it.
    pub holds: String,
    /// What to fetch; empty where the publisher offers no direct download.
    #[serde(default, rename = "parcel")]
    pub parcels: Vec<Parcel>,
    /// How to get it where there is nothing to fetch.
    #[serde(default)]
    pub by_hand: Option<String>,
}

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parcel {
    /// Where it is.
    pub url: String,
    /// Its SHA-256, if it is known.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Who says so.
    #[serde(default)]
    pub checksum_from: Option<String>,
}

impl Parcel {
    /// The name of the file.
    pub fn file_name(&self) -> &str {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').next().unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    trace: Vec<Entry>,
}

/// Every published trace that is known, in the order of the file.
///
/// ```
/// let names: Vec<String> =
///     galerna::trace::catalogue().into_iter().map(|entry| entry.name).collect();
/// assert!(names.contains(&"planetlab".to_owned()));
/// ```
pub fn catalogue() -> Vec<Entry> {
    let listing: Listing = toml::from_str(TEXT).expect("the bundled catalogue is TOML");
    listing.trace
}

/// The published trace called `name`.
///
/// # Errors
/// `GLN-150` when there is none.
pub fn entry(name: &str) -> Result<Entry, Error> {
    let all = catalogue();
    let names: Vec<String> = all.iter().map(|entry| entry.name.clone()).collect();
    all.into_iter().find(|entry| entry.name == name).ok_or_else(|| {
        let hint = suggestion(name, names.iter().map(String::as_str));
        let what = format!("no published trace of that name is known{hint}");
        let remedy = format!("Use one of {}", names.join(", "));
        Error::one("GLN-150", name, what, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Format;

    #[test]
    fn every_entry_is_complete_and_only_https_is_fetched() {
        for entry in catalogue() {
            let Entry { name, page, licence, citations, format, .. } = &entry;
            assert!(page.starts_with("https://") && !licence.is_empty(), "{name}");
            assert!(!citations.is_empty(), "{name}: whom to cite?");
            let format = format!("\"{format}\"");
            assert!(serde_json::from_str::<Format>(&format).is_ok(), "{name}: {format}");
            assert!(!entry.parcels.is_empty() || entry.by_hand.is_some(), "{name}: how to get it?");
            for parcel in &entry.parcels {
                assert!(parcel.url.starts_with("https://"), "{}", parcel.url);
                assert!(!parcel.file_name().is_empty(), "{}", parcel.url);
                let hex = |sum: &String| {
                    sum.len() == 64
                        && sum.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
                };
                assert!(parcel.sha256.as_ref().is_none_or(hex), "{name}");
                assert_eq!(parcel.sha256.is_some(), parcel.checksum_from.is_some(), "{name}");
            }
        }
    }

    #[test]
    fn a_misspelt_name_gets_a_suggestion() {
        let error = entry("planetlap").unwrap_err().to_string();
        assert!(error.starts_with("GLN-150 planetlap: "), "{error}");
        assert!(error.contains("did you mean `planetlab`?"), "{error}");
    }
}
