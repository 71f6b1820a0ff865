//! Which migrations fail, when, and what of them?
//!
//! ```text
//! P(fails within t) = 1 - exp(-rate t)          and any failure that is listed
//! ```
//!
//! A failure hits the processes of one migration: those that send at the source, those that receive
//! at the destination, or the connection between them. What becomes of the VM is the
//! [transaction's](super::transaction) to say. A time and a part are drawn for each migration as it
//! begins, whether it comes to that or not: so the draws of the others do not depend on it.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::StageKind;
use super::transaction::Event;
use crate::problem::Problem;
use crate::random::{Stream, below, stream};

/// What fails (`[failures]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Failures {
    /// Failures per hour of migration, each of a part that is drawn alike.
    pub per_hour: f64,
    /// Seconds until a VM that crashed runs again.
    pub restart_s: f64,
    /// Failures that happen for certain.
    pub list: Vec<Failure>,
}

impl Default for Failures {
    fn default() -> Self {
        Self { per_hour: 0.0, restart_s: 60.0, list: Vec::new() }
    }
}

/// A failure that happens for certain, if the migration gets that far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Failure {
    /// Which migration, counted from 0 as they begin.
    pub migration: u32,
    /// What fails.
    pub part: Part,
    /// In which stage, when it comes to it first; set-up where it does not matter.
    #[serde(default = "first_stage")]
    pub stage: StageKind,
    /// Seconds into that stage.
    #[serde(default)]
    pub after_s: f64,
}

fn first_stage() -> StageKind {
    StageKind::SetUp
}

/// What may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The source.
    Source,
    /// The destination.
    Destination,
    /// The connection between them.
    Link,
}

impl Part {
    const ALL: [Self; 3] = [Self::Source, Self::Destination, Self::Link];

    /// What the transaction learns of it.
    pub fn event(self) -> Event {
        match self {
            Self::Source => Event::SourceFailed,
            Self::Destination => Event::DestinationFailed,
            Self::Link => Event::LinkFailed,
        }
    }
}

impl Failures {
    /// Draws for a run with `seed`.
    pub fn draws(&self, seed: u64) -> Draws {
        Draws { per_s: self.per_hour / 3600.0, stream: stream(seed, "failures") }
    }

    /// What is to fail when `migration` begins `stage`, and after how many seconds.
    pub fn listed(&self, migration: u32, stage: StageKind) -> impl Iterator<Item = (Part, f64)> {
        let now = move |f: &&Failure| (f.migration, f.stage) == (migration, stage);
        self.list.iter().filter(now).map(|failure| (failure.part, failure.after_s))
    }

    /// Everything out of range, GLN-311.
    pub fn problems(&self, place: &str) -> Vec<Problem> {
        let own = [("per-hour", self.per_hour), ("restart-s", self.restart_s)];
        let listed = self.list.iter().map(|failure| ("list", failure.after_s));
        let wrong = own.into_iter().chain(listed).filter(|(_, v)| !(v.is_finite() && *v >= 0.0));
        wrong
            .map(|(name, value)| {
                let what = format!("found {value}, expected a number of 0 or more");
                let place = format!("{place} {name}");
                Problem::new("GLN-311", place, what, "Write a value in that range")
            })
            .collect()
    }
}

/// Random failures of a run.
#[derive(Debug)]
pub struct Draws {
    per_s: f64,
    stream: Stream,
}

impl Draws {
    /// When after its beginning the next migration fails, s, and what of it; `None` where nothing
    /// ever fails.
    pub fn draw(&mut self) -> Option<(f64, Part)> {
        if self.per_s == 0.0 {
            return None;
        }
        // 53 bits in (0, 1].
        let uniform = ((self.stream.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        let part = Part::ALL[below(Part::ALL.len(), &mut self.stream)];
        Some((-uniform.ln() / self.per_s, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10,000 draws at 60 an hour: a mean of 60 s within 3 %, each part within 3 % of a third.
    #[test]
    fn failures_come_at_their_rate_and_hit_all_parts_alike() {
        let mut draws = Failures { per_hour: 60.0, ..Failures::default() }.draws(1);
        let all: Vec<(f64, Part)> = (0..10_000).filter_map(|_| draws.draw()).collect();
        let mean = all.iter().map(|(after, _)| after).sum::<f64>() / 10_000.0;
        assert!((mean - 60.0).abs() < 1.8, "{mean}");
        for part in Part::ALL {
            let count = all.iter().filter(|(_, drawn)| *drawn == part).count();
            assert!((3233..3434).contains(&count), "{part:?}: {count}");
        }
        assert!(Failures::default().draws(1).draw().is_none());
    }
}
