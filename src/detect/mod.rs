//! Which hosts are over- or underloaded?
//!
//! An [`OverloadDetector`] says whether a host will run short; the engine asks it about every host
//! at each decision, again after each removal, and placers ask it about destinations ("would it be
//! overloaded with this VM?"). An [`UnderloadDetector`] says which hosts could be emptied, and in
//! what order.

mod always;
mod at_limit;
mod fallback;
mod fitted_line;
mod iqr;
mod last_n;
mod least_utilised;
mod linear;
mod local_regression;
mod loess;
mod mad;
pub mod mhod;
mod never;
mod otf;
mod overload_time;
mod risk;
mod risk_cost;
mod risk_learning;
mod spec;
mod thr;
mod underload_last_n;
mod underload_threshold;

use crate::id::HostId;
use crate::policy::PolicyError;
use crate::time::Instant;

pub use always::Always;
pub use at_limit::AtLimit;
pub use fallback::WithFallback;
pub use fitted_line::{FittedLine, tricube_weights};
pub use iqr::Iqr;
pub use last_n::LastN;
pub use least_utilised::LeastUtilised;
pub use linear::{Glance, Line, Linear, Sums};
pub use local_regression::{Lr, Lrr, Weights};
pub use loess::{Loess, LoessRobust, Outliers, Regression, Weigh};
pub use mad::Mad;
pub use mhod::{Mhod, MhodDetector};
pub use never::Never;
pub use otf::{Otf, OtfDetector};
pub use overload_time::{OverloadTimes, Times};
pub use risk::{About, Risk, RiskDetector};
pub use risk_cost::{RiskCost, RiskCostDetector};
pub use risk_learning::Learning;
pub use spec::{DetectorSpec, UnderloadSpec};
pub use thr::Thr;
pub use underload_last_n::UnderloadLastN;
pub use underload_threshold::UnderloadThreshold;

/// What a detector sees of one host, with or without a VM that is about to arrive.
#[derive(Debug, Clone, Copy)]
pub struct HostLoad<'a> {
    /// Whose load it is, for detectors that keep state per host.
    pub host: HostId,
    /// When it is asked about.
    pub at: Instant,
    /// What is asked.
    pub question: Question,
    /// Demand of its VMs over its capacity now; above 1 when oversubscribed.
    pub now: f64,
    /// Past utilisation, oldest first. Rebuilt from the VMs on the host it ends with the sample of
    /// `now`; the host's own past ends one sample earlier.
    pub history: &'a [f64],
    /// Sampling intervals that the longest copy from this host takes, not rounded.
    pub copy_intervals: f64,
}

impl<'a> HostLoad<'a> {
    /// The load of a host that belongs to no run, a copy from which takes one interval.
    ///
    /// ```
    /// use galerna::detect::{HostLoad, OverloadDetector, Thr, Verdict};
    /// let load = HostLoad::alone(0.9, &[0.7, 0.8, 0.9]);
    /// assert_eq!(Thr { threshold: 0.8 }.assess(load).unwrap(), Verdict::Overloaded);
    /// ```
    pub fn alone(now: f64, history: &'a [f64]) -> Self {
        let (host, at, question) = (HostId(0), Instant::START, Question::Now);
        Self { host, at, question, now, history, copy_intervals: 1.0 }
    }

    /// The latest samples of its history, at most `count`.
    #[inline]
    pub fn latest(&self, count: usize) -> &'a [f64] {
        &self.history[self.history.len().saturating_sub(count)..]
    }

    /// Whole sampling intervals that cover the longest copy, at least 1.
    #[inline]
    pub fn whole_copy_intervals(&self) -> f64 {
        self.copy_intervals.ceil().max(1.0)
    }
}

/// What is asked about several hosts at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Question {
    /// Is the host overloaded as it is?
    #[default]
    Now,
    /// Would it be with a certain VM on it? That VM is in the row already.
    WithVm,
}

/// What a detector sees of several hosts: one row each.
#[derive(Debug, Clone, Default)]
pub struct HostLoads {
    /// What is asked; a detector that judges loads alone need not look.
    pub question: Question,
    /// When it is asked.
    pub at: Instant,
    /// The hosts, one per row.
    pub hosts: Vec<HostId>,
    /// [`HostLoad::now`] per row.
    pub now: Vec<f64>,
    /// Row-major past utilisations, each row right-aligned in `width` columns, oldest first.
    pub histories: Vec<f64>,
    /// How many values of its row of `histories` each host has.
    pub lengths: Vec<usize>,
    /// [`HostLoad::copy_intervals`] per row.
    pub copy_intervals: Vec<f64>,
    /// Columns of `histories`.
    pub width: usize,
}

impl HostLoads {
    /// Forgets all rows and sets the question, its time and the width of the next ones.
    pub fn clear(&mut self, question: Question, at: Instant, width: usize) {
        (self.question, self.at) = (question, at);
        self.hosts.clear();
        self.now.clear();
        self.histories.clear();
        self.lengths.clear();
        self.copy_intervals.clear();
        self.width = width;
    }
    /// How many hosts.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }
    /// One host's load.
    pub fn row(&self, row: usize) -> HostLoad<'_> {
        let end = (row + 1) * self.width;
        HostLoad {
            host: self.hosts[row],
            at: self.at,
            question: self.question,
            now: self.now[row],
            history: &self.histories[end - self.lengths[row]..end],
            copy_intervals: self.copy_intervals[row],
        }
    }
}

/// What a detector says of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It will do.
    Normal,
    /// It will run short.
    Overloaded,
    /// The detector cannot tell yet; its fallback answers.
    Unknown,
}

/// What a detector without a risk model says when it is asked for a probability.
const NO_PROBABILITY: &str = "this detector knows no probabilities; let `risk` or `risk-cost` \
                              judge the run";

/// Will this host run short?
pub trait OverloadDetector: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;

    /// How many samples of history it looks at, at most; 0 when it needs none. It may be lent more
    /// (where another policy of the run asks for them) and then looks at the latest.
    fn window(&self) -> usize;

    /// Judges one host. A detector whose [`batch`](OverloadDetector::batch) is above 1 is asked
    /// about hosts only through [`assess_all`](OverloadDetector::assess_all).
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the run stops and reports it.
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError>;

    /// Judges every row of `loads` into `verdicts`; the engine asks this.
    ///
    /// # Errors
    /// As [`OverloadDetector::assess`], naming the host.
    fn assess_all(
        &mut self,
        loads: &HostLoads,
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), PolicyError> {
        verdicts.clear();
        for row in 0..loads.len() {
            let verdict = self.assess(loads.row(row));
            verdicts.push(verdict.map_err(|e| e.about(format!("host {}", loads.hosts[row].0)))?);
        }
        Ok(())
    }

    /// The probability that the host runs short; `None` while its past is too short to tell. Does
    /// not disturb what the detector learns.
    ///
    /// # Errors
    /// That it knows no probabilities, or as [`OverloadDetector::assess`].
    fn probability(&mut self, load: HostLoad<'_>) -> Result<Option<f64>, PolicyError> {
        let _ = load;
        Err(PolicyError::new(self.name(), NO_PROBABILITY))
    }

    /// How many candidate destinations it likes to be asked about at once.
    fn batch(&self) -> usize {
        1
    }

    /// What it sees of a host, in words and numbers; `None` where it cannot tell yet.
    fn words(&self, load: HostLoad<'_>) -> Option<String> {
        Some(format!("load {:.3}", load.now))
    }

    /// Its statistic, if it is linear in the load: placers then ask by sums instead of histories.
    fn linear(&self) -> Option<Linear> {
        None
    }
}

/// A host as an underload rule sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occupancy<'a> {
    /// The host.
    pub host: HostId,
    /// Its utilisation.
    pub utilisation: f64,
    /// Its past utilisation, oldest first, as long as the rule's window where there is so much;
    /// whose past that is, is the same as for [`HostLoad::history`].
    pub history: &'a [f64],
}

/// Which hosts could be emptied, in what order?
pub trait UnderloadDetector: Send {
    /// Name as in the run spec.
    fn name(&self) -> &str;

    /// How many samples of history it looks at, at most; 0 when it needs none.
    fn window(&self) -> usize {
        0
    }

    /// The hosts to try to empty, first first. `active` holds the hosts that run VMs, in id order,
    /// without the overloaded ones.
    ///
    /// # Errors
    /// Whatever keeps the policy from answering; the run stops and reports it.
    fn candidates(&mut self, active: &[Occupancy<'_>]) -> Result<Vec<HostId>, PolicyError>;
}
