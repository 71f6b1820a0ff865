//! The commands that change what is promised.

use std::path::{Path, PathBuf};

use clap::{Args, value_parser};
use serde::Serialize;

use super::moment::{self, Moment};
use super::request::{self, Recurring, Wanted};
use super::shown::{self, HealingRow, Row};
use super::{Answer, Failure, Format, answer, refused};
use crate::lease::planner::{Healing, PlanError, Planner, Reserved};
use crate::time::{Instant, Span};

/// Keep hosts for a while: at the earliest start that is possible.
#[derive(Debug, Args)]
pub(super) struct Hold {
    #[command(flatten)]
    wanted: Wanted,
    /// For how long, such as 2h, 90m or 1d12h.
    #[arg(
        long = "for",
        value_name = "SPAN",
        value_parser = moment::span,
        required_unless_present = "group"
    )]
    duration: Option<Span>,
    #[command(flatten)]
    recurring: Recurring,
    /// Hold all requests of this TOML file, or none, instead.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "nodes", "cpu", "memory", "need", "duration", "at", "from", "until", "every"
        ]
    )]
    group: Option<PathBuf>,
    /// For whom or what.
    #[arg(long, default_value = "unnamed")]
    name: String,
    /// The hold is gone after that, unless it is committed.
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = moment::span)]
    expires: Span,
    /// Commit it at once.
    #[arg(long)]
    commit: bool,
    /// It may be displaced later on.
    #[arg(long)]
    preemptible: bool,
    /// Displace reservations that allow it, if need be; they get the next start that is possible.
    #[arg(long, conflicts_with_all = ["group", "every"])]
    displace: bool,
}

/// Make holds promises: all of them, or none.
#[derive(Debug, Args)]
pub(super) struct Commit {
    /// Numbers of holds.
    #[arg(required = true)]
    ids: Vec<u64>,
}

/// Drop reservations or close maintenance: all of them, or none.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// Numbers of reservations.
    #[arg(required = true)]
    ids: Vec<u64>,
}

/// Change the end of a reservation, on the same hosts.
#[derive(Debug, Args)]
pub(super) struct Extend {
    /// Number of the reservation.
    id: u64,
    /// Its new end.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, required_unless_present = "by")]
    to: Option<Moment>,
    /// So much longer.
    #[arg(long, value_name = "SPAN", value_parser = moment::span, conflicts_with = "to")]
    by: Option<Span>,
}

/// Give nodes back.
#[derive(Debug, Args)]
pub(super) struct Shrink {
    /// Number of the reservation.
    id: u64,
    /// So many nodes are left.
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    nodes: u32,
}

/// Move a reservation to another start, on any hosts.
#[derive(Debug, Args)]
pub(super) struct Move {
    /// Number of the reservation.
    id: u64,
    /// Its new start.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to: Moment,
}

/// Close a host for some time; what stood there moves to others, at the same time.
#[derive(Debug, Args)]
pub(super) struct Maintain {
    /// Number of the host, from 0.
    host: u32,
    /// From when on.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Moment,
    /// Until when.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to: Moment,
    /// What for.
    #[arg(long, default_value = "maintenance")]
    name: String,
}

/// A host is gone for good; what stood there moves to others, at the same time.
#[derive(Debug, Args)]
pub(super) struct Fail {
    /// Number of the host, from 0.
    host: u32,
}

/// What a change led to.
#[derive(Serialize)]
struct Changed {
    reservations: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    displaced: Vec<Row>,
}

/// The reservations `ids` as they are now.
fn told(
    planner: &Planner,
    ids: &[u64],
    displaced: &[u64],
    format: Format,
) -> Result<Answer, Failure> {
    let find = |ids: &[u64]| -> Result<Vec<Reserved>, PlanError> {
        ids.iter().map(|&id| planner.reservation(id).cloned()).collect()
    };
    let (now, moved) = (find(ids)?, find(displaced)?);
    let rows = |reserved: &[Reserved]| reserved.iter().map(|one| Row::new(one, planner)).collect();
    let changed = Changed { reservations: rows(&now), displaced: rows(&moved) };
    answer(format, &changed, || {
        let mut text = shown::table(&now);
        if !moved.is_empty() {
            text += "displaced, and placed again:\n";
            text += &shown::table(&moved);
        }
        text
    })
}

impl Hold {
    pub fn execute(&self, site: &Path, now: Instant, format: Format) -> Result<Answer, Failure> {
        let mut planner = Planner::open(site)?;
        let requests = match &self.group {
            Some(path) => request::group(path, &planner, now).map_err(Failure::bad_input)?,
            None => {
                let duration = self.duration.unwrap_or_default();
                self.recurring.all(self.wanted.request(&planner, duration, now)?)?
            }
        };
        let expires = now + self.expires;
        let held = match &requests[..] {
            [only] if self.displace => planner
                .hold_displacing(only, &self.name, now, expires)
                .map(|(id, displaced)| (vec![id], displaced)),
            all => planner.hold_all(all, &self.name, now, expires).map(|ids| (ids, Vec::new())),
        };
        let (ids, displaced) = held.map_err(|error| refused(&planner, error))?;
        if self.preemptible {
            planner.allow_preemption(&ids)?;
        }
        if self.commit {
            planner.commit_all(&ids, now)?;
        }
        let told = told(&planner, &ids, &displaced, format)?;
        if self.commit || matches!(format, Format::Json) {
            return Ok(told);
        }
        let words: Vec<String> = ids.iter().map(u64::to_string).collect();
        let next = format!("until {}: commit {}\n", shown::until(expires), words.join(" "));
        Ok(Answer { text: told.text + &next, ..told })
    }
}

impl Commit {
    pub fn execute(&self, site: &Path, now: Instant, format: Format) -> Result<Answer, Failure> {
        let mut planner = Planner::open(site)?;
        planner.commit_all(&self.ids, now)?;
        told(&planner, &self.ids, &[], format)
    }
}

impl Cancel {
    pub fn execute(&self, site: &Path, format: Format) -> Result<Answer, Failure> {
        let mut planner = Planner::open(site)?;
        planner.cancel_all(&self.ids)?;
        answer(format, &self.ids, || {
            let ids: Vec<String> = self.ids.iter().map(u64::to_string).collect();
            format!("cancelled {}\n", ids.join(", "))
        })
    }
}

impl Extend {
    pub fn execute(&self, site: &Path, now: Instant, format: Format) -> Result<Answer, Failure> {
        let mut planner = Planner::open(site)?;
        let end = planner.reservation(self.id)?.end;
        let later = self.by.map(|span| end + span);
        let end = self.to.map(|moment| moment.instant(now)).or(later).unwrap_or(end);
        planner.extend(self.id, end).map_err(|error| refused(&planner, error))?;
        told(&planner, &[self.id], &[], format)
    }
}

impl Shrink {
    pub fn execute(&self, site: &Path, format: Format) -> Result<Answer, Failure> {
        let mut planner = Planner::open(site)?;
        planner.shrink(self.id, self.nodes)?;
        told(&planner, &[self.id], &[], format)
    }
}

impl Move {
    pub fn execute(&self, site: &Path, now: Instant, format: Format) -> Result<Answer, Failure> {
        let mut planner = Planner::open(site)?;
        let moved = planner.move_to(self.id, self.to.instant(now), now);
        moved.map_err(|error| refused(&planner, error))?;
        told(&planner, &[self.id], &[], format)
    }
}

impl Maintain {
    pub fn execute(&self, site: &Path, now: Instant, format: Format) -> Result<Answer, Failure> {
        let (start, end) = (self.from.instant(now), self.to.instant(now));
        healed(site, format, |planner| planner.maintain(self.host, start, end, &self.name))
    }
}

impl Fail {
    pub fn execute(&self, site: &Path, now: Instant, format: Format) -> Result<Answer, Failure> {
        healed(site, format, |planner| planner.fail(self.host, now))
    }
}

/// Takes a host away and says what became of what stood there.
fn healed(
    site: &Path,
    format: Format,
    take: impl FnOnce(&mut Planner) -> Result<Healing, PlanError>,
) -> Result<Answer, Failure> {
    let mut planner = Planner::open(site)?;
    let before: Vec<Reserved> = planner.reservations().cloned().collect();
    let healing = take(&mut planner)?;
    let row = HealingRow::new(&healing, &before, &planner);
    answer(format, &row, || row.words())
}
