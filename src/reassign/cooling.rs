//! How hot is a search at each point of its budget?
//!
//! ```text
//! T(x) = hot * (cold / hot)^x          hot = heat * mean increase of an allowed random shift
//! ```
//!
//! `x`: part of the round that is over, 0 to 1; `heat`: dimensionless. The first and the last part
//! of a budget are without heat: the first finds something good at once, the last ends in a local
//! optimum. From round to round all chains go on from the best assignment, at less heat each.

/// Part of the budget after which heating begins.
const QUENCHED: f64 = 0.04;

/// Temperature at the end of a round, in units of cost.
const COLD: f64 = 100.0;

/// A round: when it is over, and how hot it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    begins: f64,
    ends: f64,
    heat: f64,
}

/// The rounds of a search, in order.
pub(super) const ROUNDS: [Round; 4] = [
    Round { begins: 0.0, ends: QUENCHED, heat: 0.0 },
    Round { begins: QUENCHED, ends: 0.7, heat: 10.0 },
    Round { begins: 0.7, ends: 0.97, heat: 0.1 },
    Round { begins: 0.97, ends: 1.0, heat: 0.0 },
];

impl Round {
    /// Whether it is over at `progress` through the whole budget.
    pub(super) fn is_over(self, progress: f64) -> bool {
        progress >= self.ends
    }

    /// The temperature at `progress`, where an allowed shift costs `increase` more on average.
    pub(super) fn temperature(self, progress: f64, increase: f64) -> f64 {
        if self.heat == 0.0 {
            return 0.0;
        }
        let hot = (self.heat * increase).max(COLD);
        let x = (progress - self.begins) / (self.ends - self.begins);
        hot * (COLD / hot).powf(x.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_follow_one_another_and_end_with_the_budget() {
        assert!(ROUNDS.windows(2).all(|pair| pair[0].ends == pair[1].begins));
        assert_eq!((ROUNDS[0].begins, ROUNDS[ROUNDS.len() - 1].ends), (0.0, 1.0));
    }

    #[test]
    fn a_round_cools_from_its_heat_to_the_end_by_equal_factors() {
        let round = Round { begins: 0.0, ends: 0.5, heat: 2.0 };
        let at = |progress| round.temperature(progress, 5e5);
        assert!((at(0.0) - 1e6).abs() < 1e-6 && (at(0.5) - COLD).abs() < 1e-9);
        assert!((at(0.25) - 1e4).abs() < 1e-6);
    }
}
