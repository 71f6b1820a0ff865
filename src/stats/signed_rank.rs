//! Do paired differences centre on zero, and if not, on what? The Wilcoxon signed-rank test with
//! the Hodges-Lehmann estimate and its exact interval.
//!
//! ```text
//! W+ = sum of the ranks of |d_i| over the d_i > 0        W- likewise over d_i < 0
//! p  = min(1, 2 P(W >= max(W+, W-)))                     W under random signs
//! estimate = median of the n (n + 1) / 2 Walsh averages (d_i + d_j) / 2, i <= j
//! interval = [A(k), A(n (n + 1) / 2 + 1 - k)]       A sorted, P(W <= k - 1) <= (1 - level) / 2
//! effect   = (W+ - W-) / (W+ + W-)                       -1..1
//! ```
//!
//! `d_i`: difference of pair i; `level`: confidence wanted, 0..1. No distribution is assumed, only
//! that the differences are independent and, if the two policies were the same, symmetric about
//! zero, which exchanging them makes sure. That is what a handful of pairs can bear. Equal |d_i|
//! share the mean of their ranks, and the distribution of W is that of the ranks there are, so the
//! test stays exact. Pairs without a difference take part in the ranking but not in the sums, as
//! Pratt proposes. Above 200 pairs the normal approximation with continuity correction is
//! used.
//!
//! Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd ed. 2014, sect. 3.1
//! to 3.3; Pratt, JASA 54 (1959) 655; Kerby, Comprehensive Psychology 3 (2014) 11.IT.3.1 (effect).

use super::{median_in_place, normal_quantile_of_tail, normal_tail};

/// Up to so many pairs the distribution of W is counted out; above, the normal one serves.
const EXACT: usize = 200;

/// What the signed ranks of paired differences say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRanks {
    /// Sum of the ranks of positive differences.
    pub positive: f64,
    /// Sum of the ranks of negative differences.
    pub negative: f64,
    /// Two-sided p-value of "the differences are symmetric about zero".
    pub p: f64,
}

impl SignedRanks {
    /// Ranks `differences` and tests them; of nothing but zeros `p` is 1.
    ///
    /// ```
    /// use galerna::stats::SignedRanks;
    /// // All five signs alike happen by chance twice in 2^5 = 32.
    /// let test = SignedRanks::of(&[-1.0, -2.0, -3.0, -4.0, -5.0]);
    /// assert_eq!((test.p, test.effect()), (0.0625, -1.0));
    /// ```
    pub fn of(differences: &[f64]) -> Self {
        let ranks = doubled_ranks(differences);
        let sum = |positive: bool| -> u64 {
            let of_sign = |d: f64| if positive { d > 0.0 } else { d < 0.0 };
            let pairs = differences.iter().zip(&ranks);
            pairs.filter(|&(&d, _)| of_sign(d)).map(|(_, &rank)| rank).sum()
        };
        let (positive, negative) = (sum(true), sum(false));
        let signed: Vec<u64> = differences
            .iter()
            .zip(&ranks)
            .filter(|&(&d, _)| d != 0.0)
            .map(|(_, &rank)| rank)
            .collect();
        let p = (2.0 * upper_tail(&signed, positive.max(negative))).min(1.0);
        Self { positive: positive as f64 / 2.0, negative: negative as f64 / 2.0, p }
    }

    /// Matched-pairs rank-biserial correlation: -1 when every difference is negative, 1 when every
    /// one is positive, 0 when they balance.
    pub fn effect(&self) -> f64 {
        let all = self.positive + self.negative;
        if all > 0.0 { (self.positive - self.negative) / all } else { 0.0 }
    }
}

/// The centre of paired differences with an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Centre {
    /// Hodges-Lehmann estimate: the median of the Walsh averages.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// The confidence that the interval really has, at least the one asked for unless there are
    /// too few pairs: n pairs allow at most `1 - 2^(1 - n)`.
    pub level: f64,
}

impl Centre {
    /// The centre of `differences` with an interval of confidence `level`; `None` of nothing.
    ///
    /// ```
    /// let five = [1.0, 2.0, 3.0, 4.0, 5.0];
    /// let centre = galerna::stats::Centre::of(&five, 0.95).unwrap();
    /// assert_eq!((centre.estimate, centre.low, centre.high), (3.0, 1.0, 5.0));
    /// assert_eq!(centre.level, 1.0 - 2.0 / 32.0);
    /// ```
    pub fn of(differences: &[f64], level: f64) -> Option<Self> {
        if differences.is_empty() {
            return None;
        }
        let mut averages = walsh_averages(differences);
        let (k, level) = rank_of_bound(differences.len(), level);
        let estimate = median_in_place(&mut averages)?;
        let last = averages.len() - 1;
        let low = *averages.select_nth_unstable_by(k - 1, f64::total_cmp).1;
        let high = *averages.select_nth_unstable_by(last + 1 - k, f64::total_cmp).1;
        Some(Self { estimate, low, high, level })
    }
}

/// Twice the rank of each |d| among all, equal ones sharing the mean of their ranks.
fn doubled_ranks(differences: &[f64]) -> Vec<u64> {
    let size = |&i: &usize| differences[i].abs();
    let mut order: Vec<usize> = (0..differences.len()).collect();
    order.sort_by(|a, b| size(a).total_cmp(&size(b)));
    let mut ranks = vec![0; differences.len()];
    let mut from = 0;
    for equal in order.chunk_by(|a, b| size(a) == size(b)) {
        let to = from + equal.len();
        // The mean of the ranks from + 1 to `to`, twice.
        equal.iter().for_each(|&i| ranks[i] = (from + 1 + to) as u64);
        from = to;
    }
    ranks
}

/// P(W >= `least`) when each of `ranks` counts with probability one half.
fn upper_tail(ranks: &[u64], least: u64) -> f64 {
    if ranks.is_empty() {
        return 1.0;
    }
    if ranks.len() > EXACT {
        let mean = ranks.iter().sum::<u64>() as f64 / 2.0;
        let variance = ranks.iter().map(|&rank| (rank * rank) as f64).sum::<f64>() / 4.0;
        // Doubled ranks move in steps of two, so that half a step is 1.
        return normal_tail((least as f64 - 1.0 - mean) / variance.sqrt());
    }
    let chances = distribution(ranks);
    chances.iter().skip(least as usize).sum::<f64>().min(1.0)
}

/// The probability of every sum of `ranks`, each of which counts with probability one half.
fn distribution(ranks: &[u64]) -> Vec<f64> {
    let total: u64 = ranks.iter().sum();
    let mut chances = vec![0.0; total as usize + 1];
    chances[0] = 1.0;
    let mut reach = 0;
    for &rank in ranks {
        let rank = rank as usize;
        reach += rank;
        for sum in (0..=reach).rev() {
            let with = if sum >= rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = 0.5 * (chances[sum] + with);
        }
    }
    chances
}

fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let mut averages = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (i, a) in values.iter().enumerate() {
        averages.extend(values[i..].iter().map(|b| 0.5 * (a + b)));
    }
    averages
}

/// The `k` of the interval for `n` untied pairs, and the confidence that it has.
fn rank_of_bound(n: usize, level: f64) -> (usize, f64) {
    let each_side = 0.5 * (1.0 - level);
    if n > EXACT {
        let (size, count) = (n as f64, n as f64 * (n as f64 + 1.0));
        let spread = (count * (2.0 * size + 1.0) / 24.0).sqrt();
        let below = count / 4.0 - normal_quantile_of_tail(each_side) * spread;
        return ((below - 0.5).floor().max(0.0) as usize + 1, level);
    }
    let ranks: Vec<u64> = (1..=n as u64).collect();
    let (mut k, mut below) = (0, 0.0);
    for chance in distribution(&ranks) {
        if k > 0 && below + chance > each_side {
            break;
        }
        below += chance;
        k += 1;
    }
    (k, 1.0 - 2.0 * below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, below, stream};

    /// Hamilton's depression scale of nine patients before and after a tranquilliser: Hollander,
    /// Wolfe and Chicken, table 3.1. Known answers: T+ of the decrease 40, one-sided exact p
    /// 10/512, estimate 0.46, interval of 96.1 % from 0.010 to 0.786.
    #[test]
    #[allow(clippy::approx_constant)]
    fn the_depression_data_give_the_published_answers() {
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = before.iter().zip(after).map(|(b, a)| b - a).collect();
        let test = SignedRanks::of(&differences);
        assert_eq!((test.positive, test.negative), (40.0, 5.0));
        assert_eq!(test.p, 2.0 * 10.0 / 512.0);
        assert_eq!(test.effect(), 35.0 / 45.0);
        let centre = Centre::of(&differences, 0.95).unwrap();
        assert!((centre.estimate - 0.46).abs() < 1e-12, "{centre:?}");
        assert!((centre.low - 0.010).abs() < 1e-12 && (centre.high - 0.786).abs() < 1e-12);
        assert!((centre.level - (1.0 - 2.0 * 10.0 / 512.0)).abs() < 1e-15);
    }

    fn draws(n: usize, source: &mut Stream, bound: usize) -> Vec<f64> {
        (0..n).map(|_| below(2 * bound + 1, source) as f64 - bound as f64).collect()
    }

    /// P(|W+ - W-| is at least what was found) by trying every assignment of signs, with ranks
    /// counted by comparing each value with each other.
    fn by_brute_force(differences: &[f64]) -> f64 {
        let kept: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
        let rank = |d: f64| {
            let smaller = differences.iter().filter(|o| o.abs() < d.abs()).count() as f64;
            let equal = differences.iter().filter(|o| o.abs() == d.abs()).count() as f64;
            smaller + (equal + 1.0) / 2.0
        };
        let imbalance = |signs: u32| {
            let signed = kept.iter().enumerate();
            signed.map(|(i, &d)| if signs >> i & 1 == 1 { rank(d) } else { -rank(d) }).sum::<f64>()
        };
        let found = (0..kept.len()).map(|i| u32::from(kept[i] > 0.0) << i).sum();
        let size: f64 = imbalance(found);
        let all = 1u32 << kept.len();
        let extreme = (0..all).filter(|&signs| imbalance(signs).abs() >= size.abs()).count();
        extreme as f64 / f64::from(all)
    }

    #[test]
    fn p_is_the_share_of_all_signs_that_are_as_extreme_also_with_ties_and_zeros() {
        let mut source = stream(1, "test.signed-rank");
        for round in 0..300 {
            let n = 1 + below(10, &mut source);
            let differences = draws(n, &mut source, 4);
            let (found, expected) = (SignedRanks::of(&differences).p, by_brute_force(&differences));
            assert!(
                (found - expected).abs() < 1e-12,
                "{round}: {differences:?} {found} {expected}"
            );
        }
    }

    /// The interval holds exactly the shifts that the test does not refuse (no ties).
    #[test]
    fn the_interval_is_the_test_turned_round() {
        let mut source = stream(2, "test.signed-rank");
        for _ in 0..50 {
            let n = 6 + below(10, &mut source);
            let values: Vec<f64> =
                (0..n).map(|i| below(1_000_000, &mut source) as f64 + i as f64 * 1e-3).collect();
            let centre = Centre::of(&values, 0.95).unwrap();
            let p_at = |shift: f64| {
                let shifted: Vec<f64> = values.iter().map(|v| v - shift).collect();
                SignedRanks::of(&shifted).p
            };
            for (edge, inwards) in [(centre.low, 1e-4), (centre.high, -1e-4)] {
                assert!(p_at(edge + inwards) > 0.05, "{centre:?}");
                assert!(p_at(edge - inwards) <= 0.05, "{centre:?}");
            }
            assert!(centre.low <= centre.estimate && centre.estimate <= centre.high);
            assert!(centre.level >= 0.95);
        }
    }

    #[test]
    fn exact_and_approximate_answers_meet() {
        let mut source = stream(3, "test.signed-rank");
        let values = draws(EXACT, &mut source, 1_000_000);
        let ranks = doubled_ranks(&values);
        let total: u64 = ranks.iter().sum();
        for share in [0.5, 0.55, 0.6] {
            let least = (total as f64 * share) as u64;
            let exact = upper_tail(&ranks, least);
            let many = [&ranks[..], &[0]].concat();
            let approximate = upper_tail(&many, least);
            assert!((approximate / exact - 1.0).abs() < 0.02, "{share}: {exact} {approximate}");
        }
        let (k, level) = rank_of_bound(EXACT, 0.95);
        let (next, _) = rank_of_bound(EXACT + 1, 0.95);
        assert!(level >= 0.95 && next > k && next - k < EXACT, "{k} {next}");
    }

    #[test]
    fn no_difference_is_no_evidence_and_one_pair_bounds_nothing() {
        let test = SignedRanks::of(&[0.0; 7]);
        assert_eq!((test.p, test.effect()), (1.0, 0.0));
        let centre = Centre::of(&[2.0], 0.95).unwrap();
        assert_eq!((centre.low, centre.high, centre.level), (2.0, 2.0, 0.0));
        assert_eq!(Centre::of(&[], 0.95), None);
    }
}
