//! Decisions about leases in words.

use std::fmt::{self, Display, Formatter};

use super::decision::{
    Candidate, Considered, Decided, Displaced, Hindrance, Lack, LeaseDecision, Obstacle, Planned,
    Way,
};
use crate::time::Instant;

/// How many hosts, or leases, are named.
const SHOWN: usize = 8;

fn clock(seconds: f64) -> Instant {
    Instant::from_seconds(seconds)
}

/// The first of `all`, and how many more there are.
fn list<T>(all: &[T], shown: impl Fn(&T) -> String) -> String {
    let mut text: Vec<String> = all.iter().take(SHOWN).map(shown).collect();
    if let Some(more) = all.len().checked_sub(SHOWN + 1) {
        text.push(format!("and {} more", more + 1));
    }
    text.join(", ")
}

fn hosts(hosts: &[u32]) -> String {
    let mut named = hosts.to_vec();
    named.dedup();
    list(&named, |host| format!("host-{host}"))
}

fn leases(leases: &[u64]) -> String {
    let word = if leases.len() == 1 { "lease" } else { "leases" };
    format!("{word} {}", list(leases, u64::to_string))
}

fn candidates(all: &[Candidate]) -> String {
    list(all, |other| format!("lease {} (score {:.4})", other.lease, other.score))
}

impl LeaseDecision {
    /// What was decided, in one line.
    pub fn headline(&self) -> String {
        let Self { at, lease, what } = self;
        let what = match what {
            Decided::Asked { kind, vms, duration_s, .. } => {
                format!("is asked for: {kind}, {vms} VMs, {duration_s} s")
            }
            Decided::HeldBack { until_s, .. } => format!("is held back until {}", clock(*until_s)),
            Decided::Waits { until_s, tries, .. } if *tries > 1 => {
                format!("waits: tried {tries} times until {}", clock(*until_s))
            }
            Decided::Waits { .. } => "waits".to_owned(),
            Decided::Refused { .. } => "is refused".to_owned(),
            Decided::Planned(plan) => {
                let (start, end) = (clock(plan.start_s), clock(plan.end_s));
                let verb = if plan.resumed { "is to go on" } else { "is to run" };
                format!("{verb} from {start} to {end} on {}", hosts(&plan.hosts))
            }
            Decided::Displaced(displaced) => {
                let (by, start) = (displaced.by, clock(displaced.start_s));
                format!("makes way for lease {by}, which begins at {start}")
            }
            Decided::Begins { hosts: on, .. } => format!("begins on {}", hosts(on)),
            Decided::Suspends { until_s } => {
                format!("is suspended: its memory is saved by {}", clock(*until_s))
            }
            Decided::Resumes { until_s, hosts: on } => {
                format!("is resumed: its memory is loaded by {} on {}", clock(*until_s), hosts(on))
            }
            Decided::Moves { what, moves, until_s } => {
                let one = |&(vm, from, to): &(u32, u32, u32)| {
                    format!("VM {vm} from host-{from} to host-{to}")
                };
                format!("moves its {what} by {}: {}", clock(*until_s), list(moves, one))
            }
            Decided::ImageSent { start_s, until_s, vms, mb } => {
                let (start, until) = (clock(*start_s), clock(*until_s));
                format!("gets its image of {mb} MB for {vms} VMs from {start} to {until}")
            }
            Decided::Ends { .. } => "ends".to_owned(),
            Decided::Fails => "can never run".to_owned(),
        };
        format!("{at}  lease {lease} {what}")
    }
}

impl Display for LeaseDecision {
    /// A few lines: what was decided, why, what else there was, and at what cost.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        match &self.what {
            Decided::HeldBack { from_s, rates, .. } => {
                writeln!(f, "  why    it could begin at {}", clock(*from_s))?;
                match rates {
                    Some([now, then]) => {
                        writeln!(f, "  gain   a mean rate of {then:.3} instead of {now:.3}")
                    }
                    None => Ok(()),
                }
            }
            Decided::Waits { why, future, .. } => {
                write!(f, "  why    {why}")?;
                if future.is_empty() {
                    return Ok(());
                }
                writeln!(f, "  later  {} hold places ahead, and no more may", leases(future))
            }
            Decided::Refused { why, deadline_s } => {
                write!(f, "  why    {why}")?;
                match deadline_s {
                    Some(at) => writeln!(f, "  later  no start lets it end by {}", clock(*at)),
                    None => Ok(()),
                }
            }
            Decided::Planned(plan) => plan.fmt(f),
            Decided::Displaced(displaced) => displaced.fmt(f),
            Decided::Begins { waited_s, .. } => writeln!(f, "  after  {waited_s} s"),
            Decided::Ends { run_s, early_s } => {
                write!(f, "  after  {run_s} s of running")?;
                match *early_s > 0.0 {
                    true => writeln!(f, ", {early_s} s sooner than it asked for"),
                    false => writeln!(f),
                }
            }
            Decided::Fails => writeln!(f, "  why    it waits still, and all others are over"),
            _ => Ok(()),
        }
    }
}

impl Display for Planned {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.not_sooner {
            write!(f, "  sooner {why}")?;
        }
        if !self.considered.is_empty() {
            let one = |Considered { host, score }: &Considered| match score {
                None => format!("host-{host} (empty)"),
                Some(score) => format!("host-{host} ({score:.4})"),
            };
            writeln!(f, "  hosts  {}", list(&self.considered, one))?;
        }
        if self.suspended {
            writeln!(f, "  then   its memory is saved: it cannot stay to its end")?;
        }
        if !self.displaces.is_empty() {
            writeln!(f, "  for it {} make way", candidates(&self.displaces))?;
        }
        if !self.displaces.is_empty() && !self.spares.is_empty() {
            writeln!(f, "  spared {}", candidates(&self.spares))?;
        }
        match self.price {
            Some(price) if price > 0.0 => writeln!(f, "  price  {price:.4}"),
            _ => Ok(()),
        }
    }
}

impl Display for Displaced {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { lost_s, suspend_s, resume_s, .. } = self;
        if let Some(score) = self.score {
            writeln!(f, "  why    it goes first, by a score of {score:.4}")?;
        }
        match self.how {
            Way::Suspended => writeln!(
                f,
                "  cost   it is saved in time: {suspend_s} s, and {resume_s} s to load it again"
            )?,
            Way::Queued => writeln!(f, "  cost   it waits again, and {lost_s} s of work are lost")?,
            Way::PlannedAnew => writeln!(f, "  cost   it got another place within its deadline")?,
        }
        match self.others.is_empty() {
            true => writeln!(f, "  others nobody else could make way"),
            false => writeln!(f, "  others {}", candidates(&self.others)),
        }
    }
}

impl Display for Hindrance {
    /// A line, and one for each host that is told of.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdmitted => writeln!(f, "the admission policy does not want it"),
            Self::Past { start_s } => writeln!(f, "its start {} is over", clock(*start_s)),
            Self::NoRoom(obstacle) => obstacle.fmt(f),
            Self::TooShort { slice_s, least_s, then } => {
                writeln!(
                    f,
                    "there is room for {slice_s} s, and less than {least_s} s is not worth"
                )?;
                write!(f, "         saving and loading it; then ")?;
                then.fmt(f)
            }
            Self::OnlyOverheads => writeln!(f, "loading and saving it would leave no time to run"),
            Self::ImageLate { start_s } => {
                writeln!(f, "its image cannot be there by {}", clock(*start_s))
            }
            Self::TooDear { price } => writeln!(f, "its user does not pay {price:.4}"),
            Self::Behind { lease } => writeln!(f, "lease {lease} waits before it"),
        }
    }
}

impl Display for Obstacle {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { fit, vms, .. } = self;
        let start = clock(self.start_s);
        if fit == vms {
            return writeln!(f, "there is room at {start}, and the mapping policy found no place");
        }
        write!(f, "at {start} {fit} of its {vms} VMs find room")?;
        if self.bound {
            write!(f, " on the only hosts that have what it needs")?;
        }
        if !self.without.is_empty() {
            write!(f, ", even if {} make way", leases(&self.without))?;
        }
        writeln!(f)?;
        for lack in self.lacks.iter().take(SHOWN) {
            writeln!(f, "         {}", lack.words(self.start_s))?;
        }
        match self.lacks.len().checked_sub(SHOWN + 1) {
            Some(more) => writeln!(f, "         and {} more hosts", more + 1),
            None => Ok(()),
        }
    }
}

impl Lack {
    fn words(&self, start_s: f64) -> String {
        let Self { host, takes, needs, free, .. } = self;
        let taken = if *takes > 0 { format!("takes {takes}, then ") } else { String::new() };
        let when = match self.from_s > start_s {
            true => format!(" at {}", clock(self.from_s)),
            false => String::new(),
        };
        let Some(resource) = self.resource else {
            return format!("host-{host}  {taken}it is to be apart from who is there");
        };
        let by =
            if self.by.is_empty() { String::new() } else { format!(" ({})", leases(&self.by)) };
        let until = match self.again_s {
            Some(at) => format!(", until {}", clock(at)),
            None => ", always".to_owned(),
        };
        format!("host-{host}  {taken}needs {needs} of {resource}{when}, {free} free{until}{by}")
    }
}
