//! Risk: a host is overloaded when it will probably run short soon.
//!
//! ```text
//! overloaded <=> P(max of u(t+1) .. u(t+h) > c) > T
//! ```
//!
//! `u`: utilisation of the host, of which the past is rebuilt from the VMs now on it; `c`: limit,
//! fraction of capacity; `h`: horizon, samples; `T`: threshold, probability in (0, 1): smaller
//! migrates earlier. `P` is that of the logistic regression of [`crate::forecast::risk`]. The
//! bundled model was fitted on hosts drawn from the bundled sample, which is synthetic; one fitted
//! on a real trace (`galerna forecast fit`) is named by `model`.
//!
//! Calibration in the run: at each decision the model is asked what it would have said `h` samples
//! ago of the VMs now on the host, and what came of these is learned. Migrations do not disturb
//! that, as the past of the same VMs is looked at. What is learned (`learning`): `risk_learning`.
//!
//! A VM may go where `P` with it on the host is at most `A T`; `A`: `accept`, above 0. Below 1,
//! hosts take VMs with a margin and alarm later than they close: fewer migrations.
//!
//! Source: own; the regression is that of McCullagh and Nelder, Generalized Linear Models, 2nd ed.,
//! 1989. Known difference to published detectors: the latest sample is one of many features.
//!
//! A host whose load was never above half of the limit in its window has no risk.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::risk_learning::{Learner, Learning, Seen};
use super::{HostLoad, OverloadDetector, Question, Verdict};
use crate::forecast::Window;
use crate::forecast::read_fitted;
use crate::forecast::risk::RiskModel;
use crate::id::Id;
use crate::policy::PolicyError;
use crate::time::Instant;

/// Samples of history that a probability is made from.
pub const LOOKED_AT: usize = 48;

/// The name of the model that is bundled.
pub const BUNDLED: &str = "bundled";

/// Threshold on the probability of overload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Risk {
    /// `T`, in (0, 1).
    pub threshold: f64,
    /// `A`, above 0: the share of `T` that a destination may reach.
    pub accept: f64,
    /// What the risk is about.
    #[serde(flatten)]
    pub about: About,
}

impl Default for Risk {
    fn default() -> Self {
        Self { threshold: 0.1, accept: 1.0, about: About::default() }
    }
}

/// Which overload is foreseen, and by what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct About {
    /// `c`, fraction of capacity, above 0.
    pub limit: f64,
    /// `h`, samples; the model must know it.
    pub horizon: u16,
    /// Samples of history below which the verdict is `Unknown`.
    pub min_history: usize,
    /// `bundled`, or a file made by `galerna forecast fit`.
    pub model: String,
    /// What is learned in the run.
    pub learning: Learning,
}

impl Default for About {
    fn default() -> Self {
        let (model, learning) = (BUNDLED.to_owned(), Learning::default());
        Self { limit: 1.0, horizon: 1, min_history: 12, model, learning }
    }
}

/// The fitted model that is part of the library.
static FITTED: &str = include_str!("risk_model.json");

/// What there is to say of a host.
enum Said {
    /// Its past is too short.
    Nothing,
    /// It was far below the limit.
    Never,
    Perhaps(Seen),
}

/// A model in use, with what it has learned in the run.
#[derive(Debug)]
pub(super) struct Sense {
    about: About,
    /// Read at the first question.
    model: Option<(RiskModel, usize)>,
    learner: Learner,
    at: Instant,
    /// When each host was counted last.
    counted: Vec<Option<Instant>>,
}

impl Sense {
    pub(super) fn new(about: About) -> Self {
        let learner = Learner::new(about.learning);
        Self { about, model: None, learner, at: Instant::START, counted: Vec::new() }
    }

    /// The model and which of its heads answers.
    fn loaded(&mut self, policy: &str) -> Result<(), PolicyError> {
        if self.model.is_some() {
            return Ok(());
        }
        let place = &self.about.model;
        let model: RiskModel = if place == BUNDLED {
            serde_json::from_str(FITTED).map_err(|error| PolicyError::new(policy, error))?
        } else {
            read_fitted(Path::new(place)).map_err(|error| PolicyError::new(policy, error))?
        };
        if model.resource != "cpu" {
            let what = format!(
                "the model `{place}` is of {}, and runs know the load of CPUs only; fit another",
                model.resource
            );
            return Err(PolicyError::new(policy, what));
        }
        let head = model.horizons.iter().position(|&h| h == self.about.horizon);
        let Some(head) = head.filter(|_| model.is_whole()) else {
            let known = &model.horizons;
            let what = format!(
                "the model `{place}` knows horizons of {known:?} samples, not {}; choose one of \
                 them, or fit another with `galerna forecast fit`",
                self.about.horizon
            );
            return Err(PolicyError::new(policy, what));
        };
        self.model = Some((model, head));
        Ok(())
    }

    /// The probability that `load` passes the limit, `None` while its past is too short; what came
    /// of a host that is judged as it is, is learned.
    pub(super) fn probability(
        &mut self,
        policy: &str,
        load: HostLoad<'_>,
    ) -> Result<Option<f64>, PolicyError> {
        let said = self.said(policy, load)?;
        if load.question == Question::Now && matches!(said, Said::Perhaps(_)) {
            self.learn(load);
        }
        Ok(self.chance(&said))
    }

    /// The same without learning.
    pub(super) fn look(
        &mut self,
        policy: &str,
        load: HostLoad<'_>,
    ) -> Result<Option<f64>, PolicyError> {
        let said = self.said(policy, load)?;
        Ok(self.chance(&said))
    }

    fn chance(&self, said: &Said) -> Option<f64> {
        match said {
            Said::Nothing => None,
            Said::Never => Some(0.0),
            Said::Perhaps(seen) => Some(self.learner.probability(seen)),
        }
    }

    fn said(&mut self, policy: &str, load: HostLoad<'_>) -> Result<Said, PolicyError> {
        self.loaded(policy)?;
        let own = load.history.last().is_none_or(|last| (last - load.now).abs() > 1e-9);
        if load.history.len() + usize::from(own) < self.about.min_history.max(1) {
            return Ok(Said::Nothing);
        }
        let past = load.latest(LOOKED_AT);
        let half = 0.5 * self.about.limit;
        if load.now < half && past.iter().all(|&u| u < half) {
            return Ok(Said::Never);
        }
        Ok(self.seen(past, own.then_some(load.now)).map_or(Said::Nothing, Said::Perhaps))
    }

    /// What the model says of a past, and `now` if that is not its end.
    fn seen(&self, past: &[f64], now: Option<f64>) -> Option<Seen> {
        let (model, head) = self.model.as_ref()?;
        let mut window = Window::default();
        past.iter().chain(&now).for_each(|&u| window.push((u / self.about.limit) as f32));
        Some(Seen::of(model.log_odds(*head, &window), &window))
    }

    /// Learns what came of the VMs on the host, once per host and decision.
    fn learn(&mut self, load: HostLoad<'_>) {
        if load.at != self.at {
            self.learner.learn();
            self.at = load.at;
        }
        let row = load.host.index();
        if self.counted.len() <= row {
            self.counted.resize(row + 1, None);
        }
        let horizon = usize::from(self.about.horizon);
        let past = load.latest(LOOKED_AT + horizon);
        let enough = self.about.min_history + horizon;
        if self.counted[row] == Some(load.at) || past.len() < enough.max(horizon + 1) {
            return;
        }
        self.counted[row] = Some(load.at);
        let (before, came) = past.split_at(past.len() - horizon);
        let Some(seen) = self.seen(before, None) else { return };
        self.learner.note(seen, came.iter().any(|&u| u > self.about.limit));
    }

    /// How many samples it looks at.
    pub(super) fn window(&self) -> usize {
        LOOKED_AT + usize::from(self.about.horizon)
    }
}

/// [`Risk`] in a run.
#[derive(Debug)]
pub struct RiskDetector {
    threshold: f64,
    /// `A T`.
    accepted: f64,
    sense: Sense,
}

impl RiskDetector {
    /// A detector that has learned nothing yet.
    pub fn new(risk: Risk) -> Self {
        let (threshold, accepted) = (risk.threshold, risk.accept * risk.threshold);
        Self { threshold, accepted, sense: Sense::new(risk.about) }
    }
}

impl OverloadDetector for RiskDetector {
    fn name(&self) -> &str {
        "risk"
    }
    fn window(&self) -> usize {
        self.sense.window()
    }
    fn probability(&mut self, load: HostLoad<'_>) -> Result<Option<f64>, PolicyError> {
        self.sense.look("risk", load)
    }
    fn assess(&mut self, load: HostLoad<'_>) -> Result<Verdict, PolicyError> {
        let most = match load.question {
            Question::Now => self.threshold,
            Question::WithVm => self.accepted,
        };
        Ok(match self.sense.probability("risk", load)? {
            None => Verdict::Unknown,
            Some(p) if p > most => Verdict::Overloaded,
            Some(_) => Verdict::Normal,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(history: &[f64]) -> Verdict {
        let load = HostLoad::alone(history[history.len() - 1], history);
        RiskDetector::new(Risk::default()).assess(load).unwrap()
    }

    /// Noise of +-.1 around a level: at .98 it passes 1 often, at .6 never; one high sample of a
    /// calm host is no overload, as it is for a threshold.
    #[test]
    fn the_level_counts_and_not_the_latest_sample() {
        let around = |level: f64| -> Vec<f64> {
            (0..48).map(|k| level + 0.1 * ((k * 7 % 11) as f64 / 5.0 - 1.0)).collect()
        };
        assert_eq!(verdict(&around(0.98)), Verdict::Overloaded);
        assert_eq!(verdict(&around(0.6)), Verdict::Normal);
        let mut spike = around(0.6);
        spike[47] = 0.95;
        assert_eq!(verdict(&spike), Verdict::Normal);
        assert_eq!(verdict(&around(0.98)[..8]), Verdict::Unknown);
        assert_eq!(verdict(&[0.2; 48]), Verdict::Normal);
    }

    /// A risk between half the threshold and the threshold: no alarm, and no room for more, however
    /// the weights are learned; asking for the probability alone says the same.
    #[test]
    fn a_destination_is_held_to_its_own_share_of_the_threshold() {
        let past: Vec<f64> = (0..48).map(|k| 0.85 + 0.02 * (k * 7 % 11) as f64).collect();
        let now = HostLoad::alone(past[47], &past);
        let with_vm = HostLoad { question: Question::WithVm, ..now };
        for learning in [Learning::Shift, Learning::Weights] {
            let about = About { learning, ..About::default() };
            let of = |threshold, accept| {
                RiskDetector::new(Risk { threshold, accept, about: about.clone() })
            };
            let p = of(0.1, 1.0).probability(with_vm).unwrap().unwrap();
            assert!(p > 0.01 && p < 0.6, "{p}");
            for (accept, expected) in [(0.5, Verdict::Overloaded), (1.0, Verdict::Normal)] {
                let mut detector = of(1.5 * p, accept);
                assert_eq!(detector.assess(now).unwrap(), Verdict::Normal);
                assert_eq!(detector.assess(with_vm).unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_model_that_is_not_there_or_does_not_know_the_horizon_is_told() {
        let about =
            |model: &str, horizon| About { model: model.into(), horizon, ..About::default() };
        let ask = |about| {
            let mut detector = RiskDetector::new(Risk { about, ..Risk::default() });
            detector.assess(HostLoad::alone(0.9, &[0.9; 20])).unwrap_err().to_string()
        };
        assert!(ask(about("no/such.json", 1)).contains("GLN-167 no/such.json"));
        assert!(ask(about(BUNDLED, 5)).contains("knows horizons of [1, 6, 12] samples, not 5"));
    }
}
