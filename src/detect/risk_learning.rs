//! What a risk model learns in a run: a shift of its log odds, or weights of a second regression.
//!
//! ```text
//! shift      P = 1 / (1 + exp(-(o + s)))
//! weights    P = 1 / (1 + exp(-w'z))      w at first (0, 1, 0, 0, 0, 0)
//! z = (1, o, (u(t) - 1) / m, (u(t-1) - 1) / m, (u(t) - u(t-1)) / m, [u(t) > 1])
//! ```
//!
//! `o`: log odds of the model, `u`: load over the limit, `m`: its mean absolute change from sample
//! to sample over the latest 48, and 0.01. The quotients, held within 6, say in units of its noise
//! how far the load is from the limit and whether it has just got there: where load is noise around
//! a level these say little, and where a high load lasts they say most.
//!
//! Source: own; what learns is [`Calibration`] and [`OnlineLogistic`].

use serde::{Deserialize, Serialize};

use crate::forecast::risk::Calibration;
use crate::forecast::{OnlineLogistic, Window};

/// What a risk model learns in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learning {
    /// A shift of the log odds: the model ranks as it was fitted.
    #[default]
    Shift,
    /// Six weights: the model also learns what kind of load it has to do with.
    Weights,
}

/// How many weights are learned.
const WEIGHTS: usize = 6;
/// The model alone.
const FIRST: [f64; WEIGHTS] = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
/// How far each weight may well be from that.
const DEVIATIONS: [f64; WEIGHTS] = [0.5, 0.3, 0.3, 0.3, 0.3, 0.5];
/// What is kept of a round: with decisions every 5 minutes, half is forgotten in 2.4 days.
const KEPT: f64 = 0.999;
/// Least noise, fraction of the limit.
const LEAST_NOISE: f32 = 0.01;

/// What a probability is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    log_odds: f32,
    inputs: [f64; WEIGHTS],
}

impl Seen {
    /// Of a model that says `log_odds` of the load, over the limit, in `window`.
    pub(super) fn of(log_odds: f32, window: &Window) -> Self {
        let (last, before) = (window.lag(0), window.lag(1));
        let noise = window.mean_change() + LEAST_NOISE;
        let far = |distance: f32| f64::from((distance / noise).clamp(-6.0, 6.0));
        let inputs = [
            1.0,
            f64::from(log_odds.clamp(-8.0, 8.0)),
            far(last - 1.0),
            far(before - 1.0),
            far(last - before),
            f64::from(u8::from(last > 1.0)),
        ];
        Self { log_odds, inputs }
    }
}

/// What was learned.
#[derive(Debug)]
pub(super) struct Learner {
    learned: Learned,
    /// Those of the round, and whether the overload came.
    outcomes: Vec<(Seen, bool)>,
}

#[derive(Debug)]
enum Learned {
    Shift(Calibration),
    Weights(Box<OnlineLogistic<WEIGHTS>>),
}

impl Learner {
    /// One that has learned nothing yet.
    pub(super) fn new(learning: Learning) -> Self {
        let learned = match learning {
            Learning::Shift => Learned::Shift(Calibration::default()),
            Learning::Weights => {
                Learned::Weights(Box::new(OnlineLogistic::new(FIRST, DEVIATIONS, KEPT)))
            }
        };
        Self { learned, outcomes: Vec::new() }
    }

    /// The probability for what is `seen`.
    pub(super) fn probability(&self, seen: &Seen) -> f64 {
        match &self.learned {
            Learned::Shift(calibration) => f64::from(calibration.probability(seen.log_odds)),
            Learned::Weights(belief) => belief.probability(&seen.inputs),
        }
    }

    /// Notes what came of what was `seen`.
    pub(super) fn note(&mut self, seen: Seen, came: bool) {
        self.outcomes.push((seen, came));
    }

    /// Learns from all that was noted since.
    pub(super) fn learn(&mut self) {
        let outcomes = self.outcomes.drain(..);
        match &mut self.learned {
            Learned::Shift(calibration) => {
                calibration.learn(outcomes.map(|(seen, came)| (seen.log_odds, came)));
            }
            Learned::Weights(belief) => {
                belief.learn(outcomes.map(|(seen, came)| (seen.inputs, came)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that is above its limit for 20 samples, below for 20: what is now will be. The model
    /// says one half whatever comes, and both learners are told 2,000 times.
    #[test]
    fn weights_learn_that_a_high_load_lasts_and_a_shift_cannot() {
        let mut learners = [Learning::Shift, Learning::Weights].map(Learner::new);
        let (mut window, load) =
            (Window::default(), |at: usize| if (at / 20).is_multiple_of(2) { 1.2 } else { 0.8 });
        for at in 0..2_000 {
            window.push(load(at));
            let seen = Seen::of(0.0, &window);
            for learner in &mut learners {
                learner.note(seen, load(at + 1) > 1.0);
                learner.learn();
            }
        }
        let (mut high, mut low) = (Window::default(), Window::default());
        (1985..2000).for_each(|at| low.push(load(at)));
        (1965..1980).for_each(|at| high.push(load(at)));
        let [shift, weights] = learners
            .map(|learner| [&high, &low].map(|window| learner.probability(&Seen::of(0.0, window))));
        assert!(weights[0] > 0.85 && weights[1] < 0.15, "{weights:?}");
        assert!(shift[0] == shift[1], "{shift:?}");
    }

    /// Before anything is learned both say what the model says.
    #[test]
    fn at_first_the_model_is_believed() {
        let mut window = Window::default();
        [0.9, 1.1, 0.7].iter().for_each(|&u| window.push(u));
        let seen = Seen::of(-1.0, &window);
        for learning in [Learning::Shift, Learning::Weights] {
            let p = Learner::new(learning).probability(&seen);
            assert!((p - 0.268_941).abs() < 1e-5, "{p}");
        }
    }
}
