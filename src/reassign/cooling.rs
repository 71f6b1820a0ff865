//! What does a search do at each point of its budget, and how hot is it?
//!
//! ```text
//! T(x) = hot * (1 / COOLING)^x          hot = HEAT * mean increase of an allowed random shift
//! ```
//!
//! `x`: part of the annealing that is over, 0 to 1. Before it, a short search without heat finds
//! something good at once; after it, regions are reheated one by one, and the last part of a budget
//! ends in a local optimum. From round to round all chains go on from the best assignment.

/// Heat at the start of the annealing: below 1, large items are not moved enough (a2_3 of the
/// ROADEF/EURO challenge 2012 ends 4 % higher).
const HEAT: f64 = 3.0;

/// How many times cooler it is at the end.
const COOLING: f64 = 300.0;

/// What is done in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Steps that do not cost more.
    Quench,
    /// Steps at a temperature that falls.
    Anneal,
    /// Regions annealed again.
    Reheat,
    /// Machines emptied and filled again, at a temperature that falls.
    Ruin,
}

/// A round: when it begins and ends, and what is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    begins: f64,
    ends: f64,
    pub(super) way: Way,
}

/// The rounds of a search, in order.
pub(super) const ROUNDS: [Round; 4] = [
    Round { begins: 0.0, ends: 0.03, way: Way::Quench },
    Round { begins: 0.03, ends: 0.5, way: Way::Anneal },
    Round { begins: 0.5, ends: 0.99, way: Way::Reheat },
    Round { begins: 0.99, ends: 1.0, way: Way::Quench },
];

/// Those of a search in which machines can be switched off.
pub(super) const RUIN_ROUNDS: [Round; 3] = [
    Round { begins: 0.0, ends: 0.1, way: Way::Ruin },
    Round { begins: 0.1, ends: 0.95, way: Way::Ruin },
    Round { begins: 0.95, ends: 1.0, way: Way::Quench },
];

/// Heat of ruins in units of what an idle machine costs, at the start and the end of a round.
const RUIN_HEAT: (f64, f64) = (0.05, 0.000_5);

impl Round {
    /// The temperature of ruins at `progress`, where an idle machine costs `idle`.
    pub(super) fn ruin_temperature(self, progress: f64, idle: f64) -> f64 {
        let x = (progress - self.begins) / (self.ends - self.begins);
        let (hot, cold) = RUIN_HEAT;
        idle * hot * (cold / hot).powf(x.clamp(0.0, 1.0))
    }

    /// Whether it is over at `progress` through the whole budget.
    pub(super) fn is_over(self, progress: f64) -> bool {
        progress >= self.ends
    }

    /// The temperature at `progress`, where an allowed shift costs `increase` more on average.
    pub(super) fn temperature(self, progress: f64, increase: f64) -> f64 {
        if self.way == Way::Quench {
            return 0.0;
        }
        let x = (progress - self.begins) / (self.ends - self.begins);
        HEAT * increase * COOLING.powf(-x.clamp(0.0, 1.0))
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
    fn an_annealing_cools_by_equal_factors() {
        let round = Round { begins: 0.0, ends: 0.5, way: Way::Anneal };
        let at = |progress| round.temperature(progress, 100.0);
        assert!((at(0.0) - 300.0).abs() < 1e-9 && (at(0.5) - 1.0).abs() < 1e-9);
        assert!((at(0.25) - 300.0_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn a_search_without_heat_has_none() {
        assert_eq!(ROUNDS[0].temperature(0.0, 100.0), 0.0);
    }
}
