//! What is asked for, on the command line or in a file.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, value_parser};
use serde::Deserialize;

use super::block::named_amount;
use super::moment::{self, Moment};
use crate::lease::planner::{PlanError, Planner, Request};
use crate::problem::Problem;
use crate::time::{Instant, Span};

/// What is asked for.
#[derive(Debug, Clone, Args)]
pub(super) struct Wanted {
    /// How many nodes.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = value_parser!(u32).range(1..)
    )]
    nodes: u32,
    /// CPU of each node, hundredths of a core.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = amount())]
    cpu: i64,
    /// Memory of each node, MB.
    #[arg(long, value_name = "MB", default_value_t = 0, value_parser = amount())]
    memory: i64,
    /// What each node needs of another resource of the site, such as Disk=2000; may be repeated.
    #[arg(long, value_name = "NAME=N", value_parser = named_amount)]
    need: Vec<(String, i64)>,
    /// Start exactly then: 2026-12-01T09:30 (UTC), now, +2h.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = Moment::parse,
        conflicts_with_all = ["from", "until"]
    )]
    at: Option<Moment>,
    /// Do not start before that; by default now.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// Do not start after that; by default any start will do.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    until: Option<Moment>,
}

fn amount() -> impl clap::builder::TypedValueParser<Value = i64> {
    value_parser!(i64).range(0..1 << 40)
}

impl Wanted {
    /// The request for so long.
    pub fn request(
        &self,
        planner: &Planner,
        duration: Span,
        now: Instant,
    ) -> Result<Request, PlanError> {
        let instant = |moment: Option<Moment>| moment.map(|moment| moment.instant(now));
        let earliest = instant(self.at).or(instant(self.from)).unwrap_or(now);
        let latest = instant(self.at).or(instant(self.until)).unwrap_or(Instant(i64::MAX));
        let others = self.need.iter().map(|(name, amount)| (name.as_str(), *amount));
        let need = planner.need((self.cpu, self.memory), others)?;
        Ok(Request { nodes: self.nodes, need, duration, earliest, latest })
    }
}

/// When a request recurs.
#[derive(Debug, Clone, Args)]
pub(super) struct Recurring {
    /// The same again after this span, such as 1d or 7d.
    #[arg(long, value_name = "SPAN", value_parser = moment::span, requires = "times")]
    every: Option<Span>,
    /// How often in all.
    #[arg(
        long,
        value_name = "N",
        requires = "every",
        value_parser = value_parser!(u32).range(1..=100_000)
    )]
    times: Option<u32>,
}

impl Recurring {
    /// `request`, and its repetitions.
    pub fn all(&self, request: Request) -> Result<Vec<Request>, PlanError> {
        match self.every.zip(self.times) {
            None => Ok(vec![request]),
            Some((period, times)) => Planner::recurring(&request, period, times),
        }
    }
}

/// A file of requests that are held together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    request: Vec<Member>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Member {
    #[serde(default = "one")]
    nodes: u32,
    #[serde(default = "core")]
    cpu: i64,
    #[serde(default)]
    memory: i64,
    #[serde(default)]
    need: BTreeMap<String, i64>,
    r#for: String,
    at: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

fn one() -> u32 {
    1
}

fn core() -> i64 {
    100
}

/// The requests of the file at `path`.
pub(super) fn group(path: &Path, planner: &Planner, now: Instant) -> Result<Vec<Request>, Problem> {
    let name = path.display().to_string();
    let remedy = "Write [[request]] tables with for, and nodes, cpu, memory, need, at, from, until";
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Problem::new("GLN-513", &name, format!("cannot be read ({cause})"), "Check the path")
    })?;
    let group: Group = toml::from_str(&text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let what = error.message().lines().collect::<Vec<_>>().join(", ");
        Problem::new("GLN-510", format!("{name}:{line}"), what, remedy)
    })?;
    let member = |(turn, member): (usize, Member)| {
        let place = format!("{name}, request {}", turn + 1);
        wanted(member, planner, now).map_err(|what| Problem::new("GLN-510", place, what, remedy))
    };
    if group.request.is_empty() {
        return Err(Problem::new("GLN-510", name, "holds no request", remedy));
    }
    group.request.into_iter().enumerate().map(member).collect()
}

fn wanted(member: Member, planner: &Planner, now: Instant) -> Result<Request, String> {
    let moment = |text: Option<String>| text.map(|text| Moment::parse(&text)).transpose();
    let Member { nodes, cpu, memory, need, r#for, at, from, until } = member;
    let (at, from, until) = (moment(at)?, moment(from)?, moment(until)?);
    if at.is_some() && (from.is_some() || until.is_some()) {
        return Err("says `at`, and `from` or `until`".to_owned());
    }
    let need = need.into_iter().collect();
    let wanted = Wanted { nodes, cpu, memory, need, at, from, until };
    let request = wanted.request(planner, moment::span(&r#for)?, now);
    request.map_err(|error| error.to_string())
}
