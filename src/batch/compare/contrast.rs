//! One policy against the baseline in one metric: what do the pairs say?

use crate::stats::{Centre, SignedRanks, sign_test};

/// From so many days on a coin rarely agrees with all of them: 2 / 2^6 is below 5 %.
const DAYS_FOR_A_TEST: usize = 6;

/// What can be said about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The policy's figure is lower.
    Lower,
    /// The policy's figure is higher.
    Higher,
    /// There is a difference, but its sign depends on the day.
    DependsOnTheDay,
    /// Nothing shows that there is a difference.
    NoEvidence,
    /// Even if all pairs agreed, they would be too few for so many comparisons.
    TooFewPairs,
    /// All pairs are exactly equal.
    Identical,
}

impl Verdict {
    /// The words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
            Self::DependsOnTheDay => "depends on day",
            Self::NoEvidence => "no evidence",
            Self::TooFewPairs => "too few pairs",
            Self::Identical => "identical",
        }
    }
}

/// A policy against the baseline in one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The metric.
    pub metric: &'static str,
    /// The policy.
    pub policy: String,
    /// How many pairs there are.
    pub pairs: usize,
    /// Mean of the baseline over the pairs.
    pub baseline_mean: f64,
    /// Mean of the policy over the pairs.
    pub mean: f64,
    /// Where the differences, policy minus baseline, centre; `None` without pairs.
    pub centre: Option<Centre>,
    /// Matched-pairs rank-biserial correlation, -1 to 1.
    pub effect: f64,
    /// Two-sided p-value of no difference.
    pub p: f64,
    /// The same, corrected for all comparisons made together.
    pub p_holm: f64,
    /// How many days there are.
    pub days: usize,
    /// On how many of them the mean difference has the sign of the estimate.
    pub days_agreeing: usize,
    /// On how many it has the opposite sign.
    pub days_against: usize,
    /// What can be said.
    pub verdict: Verdict,
}

impl Contrast {
    /// Contrasts the pairs (baseline, policy) of each day; `p_holm` and `verdict` are still to be
    /// settled together with those of the other comparisons.
    pub(super) fn of(
        metric: &'static str,
        policy: &str,
        days: &[Vec<(f64, f64)>],
        confidence: f64,
    ) -> Self {
        let pairs: Vec<(f64, f64)> = days.iter().flatten().copied().collect();
        let differences: Vec<f64> = pairs.iter().map(|(base, mine)| mine - base).collect();
        let ranks = SignedRanks::of(&differences);
        let centre = Centre::of(&differences, confidence);
        let estimate = centre.map_or(0.0, |centre| centre.estimate);
        let of_days = days.iter().filter(|day| !day.is_empty());
        let of_days: Vec<f64> =
            of_days.map(|day| mean(day.iter().map(|(base, mine)| mine - base))).collect();
        Self {
            metric,
            policy: policy.to_owned(),
            pairs: pairs.len(),
            baseline_mean: mean(pairs.iter().map(|pair| pair.0)),
            mean: mean(pairs.iter().map(|pair| pair.1)),
            centre,
            effect: ranks.effect(),
            p: ranks.p,
            p_holm: ranks.p,
            days: of_days.len(),
            days_agreeing: of_days.iter().filter(|&&day| day * estimate > 0.0).count(),
            days_against: of_days.iter().filter(|&&day| day * estimate < 0.0).count(),
            verdict: Verdict::NoEvidence,
        }
    }

    /// Settles the verdict among `comparisons` made together, with the corrected p-value.
    pub(super) fn settle(&mut self, p_holm: f64, comparisons: usize, confidence: f64) {
        // Beyond rounding, so that 95 % and 0.05 mean the same.
        let alpha = (1.0 - confidence) * (1.0 + 1e-12);
        self.p_holm = p_holm;
        let smallest = 2.0 * 0.5f64.powi(self.pairs.min(1_000) as i32) * comparisons as f64;
        let Some(centre) = self.centre else {
            self.verdict = Verdict::TooFewPairs;
            return;
        };
        let agreement = match self.days {
            0..DAYS_FOR_A_TEST => self.days_against == 0 && self.days_agreeing > 0,
            _ => sign_test(self.days_agreeing, self.days_against) <= alpha,
        };
        self.verdict = if self.effect == 0.0 && centre.low == 0.0 && centre.high == 0.0 {
            Verdict::Identical
        } else if smallest > alpha {
            Verdict::TooFewPairs
        } else if p_holm > alpha {
            Verdict::NoEvidence
        } else if !agreement {
            Verdict::DependsOnTheDay
        } else if centre.estimate < 0.0 {
            Verdict::Lower
        } else {
            Verdict::Higher
        };
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len();
    if count == 0 { 0.0 } else { values.sum::<f64>() / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream};
    use crate::stats::holm;
    use rand::RngExt;

    fn contrast(days: &[Vec<(f64, f64)>], comparisons: usize) -> Contrast {
        let mut contrast = Contrast::of("energy_kwh", "mine", days, 0.95);
        let together = vec![contrast.p; comparisons];
        contrast.settle(holm(&together)[0], comparisons, 0.95);
        contrast
    }

    /// A skewed draw, mean 1: `-ln u`.
    fn skewed(source: &mut Stream) -> f64 {
        -(1.0 - source.random::<f64>()).ln()
    }

    /// Pairs of `seeds` on `days`: a level per day, an effect that differs from day to day by
    /// `spread`, skewed noise in each run.
    fn simulated(
        source: &mut Stream,
        (days, seeds): (usize, usize),
        effect: f64,
        spread: f64,
    ) -> Vec<Vec<(f64, f64)>> {
        let day = |source: &mut Stream| {
            let level = 100.0 + 20.0 * skewed(source);
            let today = effect + spread * (source.random::<f64>() - 0.5);
            (0..seeds).map(|_| (level + skewed(source), level + skewed(source) + today)).collect()
        };
        (0..days).map(|_| day(source)).collect()
    }

    fn claims(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Lower | Verdict::Higher)
    }

    /// Where there is no difference, one is claimed in at most 5 % of 4,000 experiments; 5 % of
    /// 4,000 is 200, and three standard deviations of that are 41.
    #[test]
    fn no_difference_is_claimed_where_there_is_none() {
        let mut source = stream(1, "test.contrast");
        for shape in [(1, 10), (2, 5), (6, 1), (6, 5)] {
            let experiments = (0..4_000).map(|_| simulated(&mut source, shape, 0.0, 0.0));
            let claimed = experiments.filter(|days| claims(contrast(days, 1).verdict)).count();
            assert!(claimed <= 241, "{shape:?}: {claimed} of 4000");
        }
    }

    /// Days that differ among themselves are not mistaken for a difference of the policies, though
    /// 30 pairs taken for independent would be: with six days the sign test holds it to 1 in 32.
    #[test]
    fn a_difference_of_days_is_not_one_of_policies() {
        let mut source = stream(2, "test.contrast");
        let experiments: Vec<Contrast> =
            (0..4_000).map(|_| contrast(&simulated(&mut source, (6, 5), 0.0, 50.0), 1)).collect();
        let claimed = experiments.iter().filter(|c| claims(c.verdict)).count();
        assert!(claimed <= 125 + 33, "{claimed} of 4000");
        let naive = experiments.iter().filter(|c| c.p <= 0.05).count();
        assert!(naive > 1_000, "the pairs alone would have claimed {naive}");
    }

    /// A table of 40 comparisons without a difference holds a false claim in at most 5 % of cases.
    #[test]
    fn a_whole_table_rarely_holds_a_single_false_claim() {
        let mut source = stream(3, "test.contrast");
        let tables = 500;
        let wrong = (0..tables).filter(|_| {
            let mut row =
                || Contrast::of("esv", "x", &simulated(&mut source, (1, 12), 0.0, 0.0), 0.95);
            let mut rows: Vec<Contrast> = (0..40).map(|_| row()).collect();
            let adjusted = holm(&rows.iter().map(|row| row.p).collect::<Vec<_>>());
            rows.iter_mut().zip(adjusted).for_each(|(row, p)| row.settle(p, 40, 0.95));
            rows.iter().any(|row| claims(row.verdict))
        });
        let wrong = wrong.count();
        // 5 % of 500 is 25, three standard deviations are 15.
        assert!(wrong <= 40, "{wrong} of {tables}");
    }

    /// A known effect of -1 against noise of standard deviation sqrt 2 per pair.
    #[test]
    fn a_known_effect_is_found_with_its_sign_and_in_its_interval() {
        let mut source = stream(4, "test.contrast");
        let (mut found, mut covered, rounds) = (0, 0, 1_000);
        for _ in 0..rounds {
            let contrast = contrast(&simulated(&mut source, (6, 10), -1.0, 0.0), 5);
            let centre = contrast.centre.unwrap();
            found += usize::from(contrast.verdict == Verdict::Lower);
            covered += usize::from((centre.low..=centre.high).contains(&-1.0));
            assert_ne!(contrast.verdict, Verdict::Higher);
        }
        assert!(found > 900, "found {found} of {rounds}");
        // 95 % of 1,000 less three standard deviations.
        assert!(covered >= 930, "covered {covered} of {rounds}");
    }

    #[test]
    fn few_pairs_say_that_they_are_few_and_equal_ones_that_they_are_equal() {
        let five = vec![vec![(1.0, 2.0), (1.0, 3.0), (1.0, 4.0), (1.0, 5.0), (1.0, 6.0)]];
        assert_eq!(contrast(&five, 1).verdict, Verdict::TooFewPairs);
        let six = vec![[five[0].clone(), vec![(1.0, 7.0)]].concat()];
        assert_eq!(contrast(&six, 1).verdict, Verdict::Higher);
        assert_eq!(contrast(&six, 2).verdict, Verdict::TooFewPairs);
        assert_eq!(contrast(&[vec![(3.0, 3.0); 4]], 9).verdict, Verdict::Identical);
        assert_eq!(contrast(&[Vec::new()], 1).verdict, Verdict::TooFewPairs);
    }

    #[test]
    fn days_that_disagree_are_named() {
        let up = vec![(1.0, 2.0), (1.0, 2.1), (1.0, 2.2), (1.0, 2.3)];
        let down = vec![(1.0, 0.99), (1.0, 0.98)];
        let mixed = contrast(&[up.clone(), up.clone(), down], 1);
        assert_eq!((mixed.days, mixed.days_agreeing, mixed.days_against), (3, 2, 1));
        assert_eq!(mixed.verdict, Verdict::DependsOnTheDay);
        assert_eq!(contrast(&[up.clone(), up], 1).verdict, Verdict::Higher);
    }
}
