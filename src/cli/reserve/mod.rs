//! `galerna reserve`: when is there room, and what is promised to whom?

mod block;
mod change;
mod moment;
mod request;
mod shown;

use std::path::PathBuf;

use clap::{Args, Subcommand, value_parser};
use serde::Serialize;

use super::{Answer, BAD_INPUT, Failure, Format, INFEASIBLE, json};
use crate::lease::format;
use crate::lease::planner::{self, PlanError, Planner, Tariff};
use crate::model::lease::Site;
use crate::problem::Problem;
use crate::time::{Instant, Span};
use block::Block;
use moment::Moment;
use request::Wanted;

/// Reserve hosts: ask, hold, commit, change, and heal when a host fails.
///
/// SITE is one file that holds the hosts and all that is promised on them. Every change is on the
/// disk before the command answers: it may be killed at any moment.
#[derive(Debug, Args)]
#[command(after_help = "\
A first session:
  galerna reserve site.plan create --hosts 16x800x65536      16 hosts, 8 cores, 64 GiB each
  galerna reserve site.plan ask --nodes 12 --cpu 800 --for 2h --at 2030-12-01T09:00
  galerna reserve site.plan hold --nodes 12 --cpu 800 --for 2h --at 2030-12-01T09:00 --name course
  galerna reserve site.plan commit 1                         the hold is a promise now
  galerna reserve site.plan list

More:
  ... hold --nodes 4 --for 1h --at 2030-12-01T07:00 --every 7d --times 10     ten weeks, or none
  ... ask --nodes 2 --cpu 400 --need GPU=1 --for 1d           of hosts created with ...,GPU=2
  ... hold --group experiment.toml                            several requests, or none
  ... extend 1 --by 30m | shrink 1 --nodes 8 | move 1 --to +1d | cancel 1
  ... maintain 3 --from 2030-12-24 --to 2030-12-27            what stood there moves elsewhere
  ... fail 3                                                  host 3 is gone for good

A hold is gone when its time is over (--expires, 10 minutes unless said) and nobody committed it.
Where there is no room `ask` says what is in the way and what could be had instead: displacing
reservations that allow it, later, in two parts, shorter, or with fewer nodes, each with its price.

Times are UTC: 2026-12-01, 2026-12-01T09:30, now, +2h. Spans: 45s, 90m, 2h, 1d12h. CPU is in
hundredths of a core, memory in MB.

Exit codes: 0 done, 2 bad input, 3 there is no room.")]
pub(super) struct Reserve {
    /// The file of the site.
    site: PathBuf,
    #[command(subcommand)]
    command: Command,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    format: Format,
    /// Act as if it were that time; for experiments.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse, global = true)]
    now: Option<Moment>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    Ask(Ask),
    List(List),
    Hold(change::Hold),
    Commit(change::Commit),
    Cancel(change::Cancel),
    Extend(change::Extend),
    Shrink(change::Shrink),
    Move(change::Move),
    Maintain(change::Maintain),
    Fail(change::Fail),
}

/// Make the file of a site on which nothing is reserved.
#[derive(Debug, Args)]
struct Create {
    /// Equal hosts as COUNTxCPUxMEMORY, with other resources after commas, such as
    /// 16x800x65536,Disk=2000000,GPU=2; may be repeated. Disk, Net-in and Net-out are 1000000 where
    /// nothing is said of them.
    #[arg(
        long,
        value_name = "16x800x65536",
        required_unless_present = "like",
        value_parser = Block::parse
    )]
    hosts: Vec<Block>,
    /// The hosts of a workload of leases (LWF).
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    like: Option<PathBuf>,
}

/// Say whether there is room, when first, and what else could be had.
#[derive(Debug, Args)]
struct Ask {
    #[command(flatten)]
    wanted: Wanted,
    /// For how long, such as 2h, 90m or 1d12h.
    #[arg(long = "for", value_name = "SPAN", value_parser = moment::span)]
    duration: Span,
    /// So many alternatives at most.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 6,
        value_parser = value_parser!(u8).range(0..=100)
    )]
    offers: u8,
    /// Price of a node for an hour.
    #[arg(long, value_name = "PRICE", default_value_t = 1.0, value_parser = price)]
    rate: f64,
}

/// List what is reserved.
#[derive(Debug, Args)]
struct List {
    /// Only what ends after that.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// Only what starts before that.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    until: Option<Moment>,
}

fn price(text: &str) -> Result<f64, String> {
    let price = text.parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| format!("`{text}` is no price, write a number from 0 on"))
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let code = if matches!(error, PlanError::NoRoom(_)) { INFEASIBLE } else { BAD_INPUT };
        Self { code, message: error.to_string() }
    }
}

/// Why `planner` refuses, with the names of those in the way.
fn refused(planner: &Planner, error: PlanError) -> Failure {
    let PlanError::NoRoom(refusal) = &error else { return error.into() };
    let words = shown::refusal(planner, refusal).words();
    let message = format!("GLN-511 {words}Use `ask` to see what could be had instead.");
    Failure { code: INFEASIBLE, message }
}

impl Reserve {
    pub(super) fn execute(self) -> Result<Answer, Failure> {
        let now = self.now.map_or_else(moment::now, |moment| moment.instant(moment::now()));
        let Self { site, command, format, .. } = self;
        match command {
            Command::Create(create) => create.execute(&site, format),
            Command::Ask(ask) => ask.execute(Planner::read(&site)?, now, format),
            Command::List(list) => list.execute(&Planner::read(&site)?, now, format),
            Command::Hold(hold) => hold.execute(&site, now, format),
            Command::Commit(commit) => commit.execute(&site, now, format),
            Command::Cancel(cancel) => cancel.execute(&site, format),
            Command::Extend(extend) => extend.execute(&site, now, format),
            Command::Shrink(shrink) => shrink.execute(&site, format),
            Command::Move(other) => other.execute(&site, now, format),
            Command::Maintain(maintain) => maintain.execute(&site, now, format),
            Command::Fail(fail) => fail.execute(&site, now, format),
        }
    }
}

/// `rows` as one JSON object, or `text`.
fn answer(
    format: Format,
    rows: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<Answer, Failure> {
    match format {
        Format::Json => json(rows).map(Answer::done),
        Format::Table => Ok(Answer::done(text())),
    }
}

#[derive(Serialize)]
struct Created {
    site: String,
    hosts: usize,
}

impl Create {
    fn execute(&self, site: &std::path::Path, format: Format) -> Result<Answer, Failure> {
        let described = match &self.like {
            None => block::site(&self.hosts).map_err(Failure::bad_input)?,
            Some(path) => site_of(path)?,
        };
        let hosts = described.hosts.len();
        Planner::create(site, described)?;
        let created = Created { site: site.display().to_string(), hosts };
        answer(format, &created, || {
            format!("{}: {} hosts, all free\n", created.site, created.hosts)
        })
    }
}

/// The site of a workload in LWF.
fn site_of(path: &std::path::Path) -> Result<Site, Failure> {
    let name = path.display().to_string();
    let input = format::open(path).map_err(Failure::bad_input)?;
    let workload = format::read_lwf(&name, input).map_err(Failure::bad_input)?;
    let site = workload.site.ok_or_else(|| {
        let problem = Problem::new("GLN-148", name, "describes no site", "Use --hosts");
        Failure::bad_input(problem)
    })?;
    Ok(site.with_plenty())
}

#[derive(Serialize)]
struct Asked {
    room: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<shown::RefusalRow>,
    offers: Vec<shown::OfferRow>,
}

impl Ask {
    fn execute(
        &self,
        mut planner: Planner,
        now: Instant,
        format: Format,
    ) -> Result<Answer, Failure> {
        planner.expire(now)?;
        let request = self.wanted.request(&planner, self.duration, now)?;
        planner.check(&request, now)?;
        let tariff = Tariff { node_hour: self.rate, ..Tariff::default() };
        let (refusal, offers) = match planner.ask(&request, usize::from(self.offers))? {
            planner::Answer::Room(offer) => (None, vec![offer]),
            planner::Answer::Refused(refusal, offers) => (Some(refusal), offers),
        };
        let refusal = refusal.map(|refusal| shown::refusal(&planner, &refusal));
        let offers: Vec<_> = offers.iter().map(|o| shown::offer(&planner, o, tariff)).collect();
        let asked = Asked { room: refusal.is_none(), refusal, offers };
        let code = if asked.room { super::DONE } else { INFEASIBLE };
        let told = answer(format, &asked, || {
            let refused =
                asked.refusal.as_ref().map_or_else(String::new, |refusal| refusal.words());
            let lead = if asked.room { "there is room\n" } else { "" };
            format!("{lead}{refused}{}", shown::offers(&asked.offers))
        })?;
        Ok(Answer { code, ..told })
    }
}

impl List {
    fn execute(&self, planner: &Planner, now: Instant, format: Format) -> Result<Answer, Failure> {
        let from = self.from.map_or(Instant(i64::MIN), |moment| moment.instant(now));
        let until = self.until.map_or(Instant(i64::MAX), |moment| moment.instant(now));
        let wanted = planner.reservations().filter(|r| r.end > from && r.start < until);
        let reserved: Vec<_> = wanted.filter(|reserved| !reserved.is_over(now)).collect();
        let rows: Vec<shown::Row> = reserved.iter().map(|r| shown::Row::new(r, planner)).collect();
        answer(format, &rows, || shown::table(reserved))
    }
}
