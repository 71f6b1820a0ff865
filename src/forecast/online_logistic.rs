//! Logistic regression that learns as it is used: a Gaussian belief about few weights.
//!
//! ```text
//! P(event) = 1 / (1 + exp(-w'z))
//! g = C z / (1 / v + z'C z)      w <- w + g (y - P) / v      C <- C - g z'C      v = P (1 - P)
//! C <- f C + (1 - f) C_0         once per round, so that old outcomes fade
//! ```
//!
//! `z`: inputs, of order one to ten, `y`: whether the event came, 0 or 1; `w`, `C`: mean and
//! covariance of the belief, which begin at a prior `w_0`, `C_0` (no covariances); `f`: what is
//! kept of a round, in (0, 1]. With little seen the answers are those of the prior; with much,
//! those of the data.
//!
//! Source: West, Harrison and Migon, J. Am. Stat. Assoc. 80(389), 1985 (dynamic generalised linear
//! models; theirs discounts the covariance, here it returns to the prior's, which bounds it).

/// A belief about `K` weights.
#[derive(Debug, Clone, PartialEq)]
pub struct OnlineLogistic<const K: usize> {
    weights: [f64; K],
    covariance: [[f64; K]; K],
    /// Variances of the prior.
    prior: [f64; K],
    kept: f64,
}

/// Least variance of an outcome: what is held to be certain is still learned from.
const LEAST_VARIANCE: f64 = 1e-4;

impl<const K: usize> OnlineLogistic<K> {
    /// The prior of these weights and standard deviations; `kept` is `f`.
    pub fn new(weights: [f64; K], deviations: [f64; K], kept: f64) -> Self {
        let prior = deviations.map(|deviation| deviation * deviation);
        let mut covariance = [[0.0; K]; K];
        (0..K).for_each(|at| covariance[at][at] = prior[at]);
        Self { weights, covariance, prior, kept }
    }

    /// The probability of the event at `inputs`.
    #[inline]
    pub fn probability(&self, inputs: &[f64; K]) -> f64 {
        1.0 / (1.0 + (-dot(&self.weights, inputs)).exp())
    }

    /// Takes the outcomes of a round.
    pub fn learn(&mut self, outcomes: impl IntoIterator<Item = ([f64; K], bool)>) {
        let mut seen = false;
        for (inputs, came) in outcomes {
            self.update(&inputs, came);
            seen = true;
        }
        if seen {
            self.fade();
        }
    }

    fn update(&mut self, inputs: &[f64; K], came: bool) {
        let chance = self.probability(inputs);
        let variance = (chance * (1.0 - chance)).max(LEAST_VARIANCE);
        let reach = self.covariance.map(|row| dot(&row, inputs));
        let share = 1.0 / (1.0 / variance + dot(inputs, &reach));
        let step = share * (f64::from(u8::from(came)) - chance) / variance;
        for row in 0..K {
            self.weights[row] += reach[row] * step;
            for column in 0..K {
                self.covariance[row][column] -= share * reach[row] * reach[column];
            }
        }
    }

    fn fade(&mut self) {
        for (row, covariances) in self.covariance.iter_mut().enumerate() {
            covariances.iter_mut().for_each(|value| *value *= self.kept);
            covariances[row] += (1.0 - self.kept) * self.prior[row];
        }
    }
}

#[inline]
fn dot<const K: usize>(a: &[f64; K], b: &[f64; K]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// One outcome, by hand: P = 1/2, v = 1/4, C z = (1, 2), z'C z = 5, share 1/9, step 1/9 * 2.
    #[test]
    fn one_outcome_moves_the_belief_as_by_hand() {
        let mut belief = OnlineLogistic::new([0.0; 2], [1.0; 2], 1.0);
        belief.learn([([1.0, 2.0], true)]);
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
        near(belief.weights[0], 2.0 / 9.0);
        near(belief.weights[1], 4.0 / 9.0);
        near(belief.covariance[0][0], 1.0 - 1.0 / 9.0);
        near(belief.covariance[1][1], 1.0 - 4.0 / 9.0);
        near(belief.covariance[0][1], -2.0 / 9.0);
    }

    /// Events of log odds -1 + 2 z, of which the prior says 0.5 z; half way through, they turn.
    #[test]
    fn a_wrong_prior_is_left_and_a_change_is_followed() {
        let (mut belief, mut draws) =
            (OnlineLogistic::new([0.0, 0.5], [0.5; 2], 0.99), stream(4, "test"));
        for turn in [1.0, -1.0] {
            for _ in 0..2_000 {
                let round: Vec<_> = (0..10)
                    .map(|_| {
                        let z = f64::from(below(4_001, &mut draws) as u32) / 1_000.0 - 2.0;
                        let chance = 1.0 / (1.0 + (1.0 - 2.0 * turn * z).exp());
                        ([1.0, z], (below(1_000_000, &mut draws) as f64) < chance * 1e6)
                    })
                    .collect();
                belief.learn(round);
            }
            let found = belief.weights;
            assert!((found[0] + 1.0).abs() < 0.25, "{found:?}");
            assert!((found[1] - 2.0 * turn).abs() < 0.3, "{found:?}");
        }
    }
}
