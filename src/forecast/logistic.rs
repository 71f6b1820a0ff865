//! Logistic regression of the features: the probability of an event.
//!
//! ```text
//! P = 1 / (1 + exp(-x'b))
//! b = argmax sum_i (e_i log P_i + (1 - e_i) log(1 - P_i)) - r |b|^2 / 2
//! ```
//!
//! `e_i`: 1 where the event came, `x_i`: standardised features, `r`: 1. Solved by reweighted least
//! squares: weights `P(1-P)`, working answers `x'b + (e - P)/(P(1-P))`.
//!
//! Source: McCullagh and Nelder, Generalized Linear Models, 2nd ed., 1989, sect. 2.5 and 4.4.

use serde::{Deserialize, Serialize};

use super::features::FEATURES;
use super::least_squares::Design;

/// Rounds of reweighting; far more than Newton's method takes.
const ROUNDS: usize = 25;

/// A fitted logistic regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// Coefficient per feature.
    pub coefficients: Vec<f32>,
}

impl Logistic {
    /// Fits the events of the rows of `design`, which is standardised.
    pub(super) fn fit(design: &Design, events: &[bool]) -> Self {
        let (mut found, mut fits) = ([0.0; FEATURES], vec![0.0f32; events.len()]);
        let (mut weights, mut answers) = (vec![0.0; events.len()], vec![0.0; events.len()]);
        let share = events.iter().filter(|&&event| event).count() as f64 + 0.5;
        found[0] = (share / (events.len() as f64 + 1.0 - share)).ln();
        for _ in 0..ROUNDS {
            design.products(&found, &mut fits);
            for (at, &fit) in fits.iter().enumerate() {
                let chance = sigmoid(fit);
                let weight = (chance * (1.0 - chance)).max(1e-4);
                weights[at] = weight;
                answers[at] = fit + (f32::from(u8::from(events[at])) - chance) / weight;
            }
            let next = design.solve(&weights, &answers, 1.0);
            let moved: f64 = next.iter().zip(&found).map(|(a, b)| (a - b).abs()).sum();
            found = next;
            if moved < 1e-4 {
                break;
            }
        }
        Self { coefficients: design.unscaled(&found).to_vec() }
    }

    /// `x'b`, the logarithm of the odds.
    #[inline]
    pub fn log_odds(&self, features: &[f32; FEATURES]) -> f32 {
        self.coefficients.iter().zip(features).map(|(weight, feature)| weight * feature).sum()
    }

    /// The probability of the event.
    #[inline]
    pub fn probability(&self, features: &[f32; FEATURES]) -> f32 {
        sigmoid(self.log_odds(features))
    }
}

/// `1 / (1 + exp(-x))`.
#[inline]
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x.clamp(-30.0, 30.0)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// Events of log odds 1 + 2 x_3, x_3 uniform in [-2, 2]: both coefficients are found again.
    #[test]
    fn the_odds_of_a_known_law_are_found() {
        let (mut design, mut events, mut draws) = (Design::default(), vec![], stream(8, "test"));
        for _ in 0..20_000 {
            let mut row = [0.0; FEATURES];
            (row[0], row[3]) = (1.0, below(4001, &mut draws) as f32 / 1000.0 - 2.0);
            let chance = sigmoid(1.0 + 2.0 * row[3]);
            events.push((below(1_000_000, &mut draws) as f32) < chance * 1e6);
            design.push(&row);
        }
        design.standardise();
        let found = Logistic::fit(&design, &events);
        assert!((found.coefficients[0] - 1.0).abs() < 0.1, "{:?}", found.coefficients);
        assert!((found.coefficients[3] - 2.0).abs() < 0.1, "{:?}", found.coefficients);
    }
}
