//! `[leases.overbooking]`: hosts are promised to more VMs than could all take what they ask for.
//!
//! Leases that are no reservation are promised less CPU than they ask for, as much as keeps the
//! risk that the VMs of a host ask for more than it has below a limit. How much is learnt from days
//! or a part of a trace, which should be others than those that the run replays. Reservations are
//! promised all that they ask for, and served first where a host runs short.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, RunSpec};
use crate::forecast::{Panel, promised_percent};
use crate::model::lease::{CPU, LeaseRequest, Site};
use crate::problem::Problem;
use crate::trace::{self, Offset, Selection, UtilisationTrace};

/// How far hosts are overbooked, and what that is learnt from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overbooking {
    /// The greatest probability that the VMs of a host ask for more CPU than it has.
    pub risk: f64,
    /// The trace that is learnt from; without it that of `[trace]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Days of it, each judged by itself: the worst decides.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "super::day_names")]
    pub days: Vec<String>,
    /// Where what is learnt from begins, counted from the first sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Offset>,
    /// Where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Offset>,
}

impl Default for Overbooking {
    fn default() -> Self {
        Self { risk: 0.01, path: None, days: Vec::new(), from: None, to: None }
    }
}

impl Overbooking {
    /// What is wrong with it, where leases carry load or do not.
    pub(super) fn problems(&self, loaded: bool, place: &dyn Fn(&str) -> String) -> Vec<Problem> {
        let at = || place("[leases] overbooking");
        let mut problems = Vec::new();
        if !loaded {
            let what = "these leases carry no load that could be less than they ask for";
            problems.push(Problem::new("GLN-206", at(), what, "Set leases.load to replayed"));
        }
        if self.path.is_none() && self.days.is_empty() && self.from.is_none() && self.to.is_none() {
            let what =
                "says not what to learn from: the load of the run itself is not known before";
            let remedy = "Give days, a part (from, to) or the path of another trace";
            problems.push(Problem::new("GLN-203", at(), what, remedy));
        }
        problems
    }

    /// Says how much of its CPU is promised each of `leases`, which run on `site`.
    ///
    /// # Errors
    /// Those of reading the trace that is learnt from.
    pub(super) fn promise(
        &self,
        spec: &RunSpec,
        site: &Site,
        leases: &mut [LeaseRequest],
    ) -> Result<(), Error> {
        let periods = self.periods(spec)?;
        let mut hosts: Vec<i64> = site.hosts.iter().map(|host| host[CPU]).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let mut known = BTreeMap::new();
        let each = spec.guests();
        for lease in leases.iter_mut().filter(|lease| !lease.is_reservation()) {
            let largest = lease.guests(each).map(|guest| guest.cpu).max().unwrap_or(0).max(1);
            lease.promised_percent = *known.entry(largest).or_insert_with(|| {
                let capacity = |host: &i64| *host as f64 / largest as f64;
                let fitting = hosts.iter().map(capacity).filter(|&capacity| capacity >= 1.0);
                let percent =
                    fitting.map(|capacity| promised_percent(&periods, capacity, self.risk));
                percent.max().unwrap_or(LeaseRequest::WHOLE)
            });
        }
        Ok(())
    }

    /// The periods that are learnt from.
    fn periods(&self, spec: &RunSpec) -> Result<Vec<Panel>, Error> {
        let path: &Path = self.path.as_deref().unwrap_or(&spec.trace.path);
        let base = Selection { from: self.from, to: self.to, ..spec.trace.selection() };
        let of_day = |day: &String| Selection { day: Some(day.clone()), ..base.clone() };
        let mut selections: Vec<Selection> = self.days.iter().map(of_day).collect();
        if selections.is_empty() {
            let day = base.day.clone().filter(|_| self.path.is_none());
            selections.push(Selection { day, ..base });
        }
        let panel = |selection: &Selection| {
            let trace =
                trace::read(path, selection).map_err(|error| Error { problems: error.problems })?;
            Ok(panel(&trace))
        };
        selections.iter().map(panel).collect()
    }
}

fn panel(trace: &UtilisationTrace) -> Panel {
    let series = (0..trace.vms())
        .flat_map(|row| (0..trace.samples()).map(move |sample| trace.fraction(row, sample) as f32));
    Panel::new(trace.vms(), series.collect()).expect("a trace has VMs and samples")
}
