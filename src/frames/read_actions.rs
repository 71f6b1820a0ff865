//! The rows of `actions` of a run's folder.

use polars::prelude::*;

use super::table_file::TableFile;
use crate::id::{HostId, VmId};
use crate::model::record::Reason;
use crate::model::{Action, ActionKind};
use crate::problem::Problem;
use crate::time::Instant;

pub(super) fn action_rows(table: &TableFile) -> Result<Vec<Action>, Problem> {
    let (at, seconds) = (table.numbers::<Int64Type>("time_us")?, table.floats("time_s")?);
    let (vm, from, to) = (table.maybe("vm")?, table.maybe("from")?, table.maybe("to")?);
    let reasons = table.text("reason")?;
    let row = |(row, kind): (usize, Option<String>)| {
        let name = kind.unwrap_or_default();
        let kind = ActionKind::named(&name)
            .ok_or_else(|| table.lacks("kind", &format!("row {row}: found `{name}`")))?;
        Ok(Action {
            at: Instant(at[row]),
            seconds: seconds[row],
            kind,
            vm: vm[row].map(VmId),
            from: from[row].map(HostId),
            to: to[row].map(HostId),
            reason: reason(reasons[row].as_deref()),
        })
    };
    table.text("kind")?.into_iter().enumerate().map(row).collect()
}

/// The reason that the words tell; what they do not tell is a consequence.
fn reason(words: Option<&str>) -> Reason {
    let load = |text: &str| text.rsplit(' ').next().and_then(|number| number.parse().ok());
    match words.map(|words| (words, load(words))) {
        Some((words, Some(load))) if words.starts_with("overload") => Reason::Overload(load),
        Some((words, Some(load))) if words.starts_with("underload") => Reason::Underload(load),
        Some((words, _)) if words == Reason::Initial.words() => Reason::Initial,
        Some((words, _)) if words == Reason::Planned.words() => Reason::Planned,
        Some((words, _)) if words.starts_with("optimise") => Reason::Planned,
        Some((words, _)) if words == Reason::Idle.words() => Reason::Idle,
        Some((words, _)) if words == Reason::Maintenance.words() => Reason::Maintenance,
        Some((words, _)) if words == Reason::Return.words() => Reason::Return,
        Some((words, _)) if words == Reason::Lease.words() => Reason::Lease,
        _ => Reason::Consequence,
    }
}
