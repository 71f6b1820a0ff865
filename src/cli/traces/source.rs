//! Which trace, which part of it, and how it is to be read: the options that commands share.

use std::path::PathBuf;

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::trace::{ColumnName, Columns, Excess, Format, Gaps, Group, Offset, Selection};

/// The part of a trace, and how it is read.
#[derive(Debug, Args)]
pub(in super::super) struct Part {
    /// The day, month or folder to take from a source that holds several.
    #[arg(long)]
    day: Option<String>,
    /// Begin so long after the first sample: 3d, 12h, 1d12h, or seconds.
    #[arg(long, value_name = "TIME")]
    from: Option<Offset>,
    /// End so long after the first sample.
    #[arg(long, value_name = "TIME")]
    to: Option<Offset>,
    /// The form of the source: auto, planetlab, bitbrains, azure, alibaba, google, long, wide.
    #[arg(long, value_name = "FORM", value_parser = word::<Format>)]
    form: Option<Format>,
    /// Seconds between two samples [default: 300, or what the source says].
    #[arg(long, value_name = "SECONDS")]
    step_s: Option<u32>,
    /// What stands where there is no sample: hold, zero, leave-out, refuse.
    #[arg(long, value_name = "RULE", value_parser = word::<Gaps>)]
    gaps: Option<Gaps>,
    /// What becomes of values above 100 %: clip, keep, refuse.
    #[arg(long, value_name = "RULE", value_parser = word::<Excess>)]
    excess: Option<Excess>,
    /// What counts as a VM in a trace of tasks: job, task, machine.
    #[arg(long, value_name = "WHAT", value_parser = word::<Group>)]
    group: Option<Group>,
    /// What a column of a table is, e.g. cpu-percent=load; may be repeated.
    #[arg(long = "column", value_name = "ROLE=COLUMN", value_parser = column)]
    columns: Vec<(String, ColumnName)>,
}

/// A trace and the part of it that is meant.
#[derive(Debug, Args)]
pub(super) struct Source {
    /// `sample`, a folder, an archive, a .csv or a .parquet file.
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) part: Part,
}

impl Part {
    /// The same as the library says it.
    pub(in super::super) fn selection(&self) -> Selection {
        Selection {
            day: self.day.clone(),
            format: self.form.unwrap_or_default(),
            columns: self.columns.iter().cloned().collect::<Columns>(),
            from: self.from,
            to: self.to,
            step_s: self.step_s,
            gaps: self.gaps.unwrap_or_default(),
            excess: self.excess.unwrap_or_default(),
            group: self.group.unwrap_or_default(),
            ..Selection::default()
        }
    }

    /// The day, if one was chosen.
    pub(in super::super) fn day(&self) -> Option<&str> {
        self.day.as_deref()
    }
}

/// The value that `text` names in a spec.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.to_owned())).map_err(|error| error.to_string())
}

/// `ROLE=COLUMN`; a number is a position.
fn column(text: &str) -> Result<(String, ColumnName), String> {
    let Some((role, column)) = text.split_once('=').filter(|(role, _)| !role.is_empty()) else {
        return Err(format!("`{text}` is not of the form ROLE=COLUMN"));
    };
    let column = match column.parse() {
        Ok(position) => ColumnName::Position(position),
        Err(_) => ColumnName::Name(column.to_owned()),
    };
    Ok((role.to_owned(), column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_columns_are_those_of_a_spec() {
        assert_eq!(word::<Gaps>("leave-out"), Ok(Gaps::LeaveOut));
        assert!(word::<Gaps>("hlod").unwrap_err().contains("`hold`"));
        let name = ColumnName::Name("load".into());
        assert_eq!(column("cpu-percent=load"), Ok(("cpu-percent".into(), name)));
        assert_eq!(column("vm=2"), Ok(("vm".into(), ColumnName::Position(2))));
        assert!(column("load").is_err());
    }
}
