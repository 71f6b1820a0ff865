//! Pure functions on slices of numbers: order statistics, moments, the local-regression kernel, and
//! what paired differences say.
//!
//! Where tools differ in the last bits, the function says whose order of operations it follows.

mod gamma;
mod multiplicity;
mod normal;
mod signed_rank;

pub use gamma::gamma;
pub use multiplicity::{holm, sign_test};
pub use normal::{expected_excess, normal_quantile_of_tail, normal_tail};
pub use signed_rank::{Centre, SignedRanks};

/// The median; of an even count the middle of the two central values. `None` of nothing.
///
/// Reorders `values`.
pub fn median_in_place(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (odd, middle) = (values.len() % 2 == 1, values.len() / 2);
    let high = order_statistic_in_place(values, middle);
    let below = &values[..middle];
    let low = if odd { high } else { below.iter().copied().fold(f64::MIN, f64::max) };
    Some(low + 0.5 * (high - low))
}

/// The value at `rank`, counted from 0 for the least. Reorders `values`: smaller ones come before
/// `rank`.
///
/// # Panics
/// When there are not more than `rank` values.
pub fn order_statistic_in_place(values: &mut [f64], rank: usize) -> f64 {
    // The bits of numbers that are not negative are in the order of the numbers.
    *if values.iter().all(|value| value.is_sign_positive()) {
        values.select_nth_unstable_by_key(rank, |value| value.to_bits()).1
    } else {
        values.select_nth_unstable_by(rank, f64::total_cmp).1
    }
}

/// The median absolute deviation `median |x_i - median(x)|`, without the factor 1.4826 that would
/// make it estimate a standard deviation. Uses `values` as scratch space.
///
/// ```
/// let mut past = [0.30, 0.35, 0.40, 0.40, 0.45, 0.50, 0.40, 0.35, 0.45, 0.40, 0.60, 0.40];
/// let mad = galerna::stats::median_absolute_deviation(&mut past).unwrap();
/// assert!((mad - 0.05).abs() < 1e-12);
/// ```
pub fn median_absolute_deviation(values: &mut [f64]) -> Option<f64> {
    let centre = median_in_place(values)?;
    for value in values.iter_mut() {
        *value = (centre - *value).abs();
    }
    median_in_place(values)
}

/// The interquartile range by order statistics: of `n` sorted values, counted from 1, the
/// `round(0.75 (n + 1))`th less the `round(0.25 (n + 1))`th, halves rounded up, as in CloudSim.
/// `None` of fewer than 3 values. Reorders `values`.
///
/// ```
/// let mut values = [105.0, 109.0, 107.0, 112.0, 102.0, 118.0, 115.0, 104.0, 110.0, 116.0, 108.0];
/// assert_eq!(galerna::stats::interquartile_range(&mut values), Some(10.0));
/// ```
pub fn interquartile_range(values: &mut [f64]) -> Option<f64> {
    if values.len() < 3 {
        return None;
    }
    let count = values.len();
    let at = |quarter: f64| (quarter * (count + 1) as f64).round() as usize - 1;
    let upper = order_statistic_in_place(values, at(0.75));
    let lower = order_statistic_in_place(&mut values[..=at(0.75)], at(0.25));
    Some(upper - lower)
}

/// The arithmetic mean, `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample standard deviation (divisor n - 1), `None` of fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares: f64 = values.iter().map(|x| (x - centre) * (x - centre)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The autocorrelation at `lag` of a series in which gaps are not a number: `None` where the series
/// is shorter than `lag + 2`, constant, or nothing but gaps.
///
/// ```text
/// r_k = (n - k) / n * mean((x_t - m)(x_{t+k} - m)) / mean((x_t - m)^2)
/// ```
///
/// `m`: mean, `n`: length of the series; means are over what has a value, so that a gap counts
/// neither as a pair nor as a sample. Without gaps that is the usual biased estimate.
pub fn autocorrelation(values: &[f64], lag: usize) -> Option<f64> {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let count = known().count();
    if values.len() < lag + 2 || count == 0 {
        return None;
    }
    let centre = known().sum::<f64>() / count as f64;
    let power: f64 = known().map(|value| (value - centre) * (value - centre)).sum();
    let (mut shared, mut pairs) = (0.0, 0usize);
    for (a, b) in values.iter().zip(&values[lag..]) {
        if !a.is_nan() && !b.is_nan() {
            shared += (a - centre) * (b - centre);
            pairs += 1;
        }
    }
    let (all, expected) = (values.len() as f64, (values.len() - lag) as f64);
    let thinning = (expected / pairs as f64) * (count as f64 / all);
    (power > 0.0 && pairs > 0).then(|| shared * thinning / power)
}

/// The tricube kernel `(1 - x^3)^3` on `[0, 1]`, 0 beyond (Cleveland, JASA 74, 1979).
pub fn tricube(distance: f64) -> f64 {
    if distance >= 1.0 { 0.0 } else { (1.0 - distance.powi(3)).powi(3) }
}

/// A sum that keeps the low-order bits an ordinary sum would lose (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default)]
pub struct CompensatedSum {
    sum: f64,
    lost: f64,
}

impl CompensatedSum {
    /// Adds `value`.
    pub fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
    }
    /// The sum so far.
    pub fn value(self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_is_the_middle_of_two() {
        assert_eq!(median_in_place(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median_in_place(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median_in_place(&mut [-4.0, 1.0, -3.0, 2.0]), Some(-1.0));
        assert_eq!(median_in_place(&mut []), None);
    }

    /// 1..5: mean 3, squares 4 1 0 1 4, sd = sqrt(10 / 4).
    #[test]
    fn moments_of_one_to_five() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(mean(&values), Some(3.0));
        assert_eq!(standard_deviation(&values), Some(2.5f64.sqrt()));
        assert_eq!(standard_deviation(&[1.0]), None);
    }

    /// Deviations -2 -1 0 1 2, power 10; lag 1: 2 + 0 + 0 + 2 = 4, so 0.4.
    #[test]
    fn autocorrelation_of_a_ramp() {
        assert_eq!(autocorrelation(&[1.0, 2.0, 3.0, 4.0, 5.0], 1), Some(0.4));
        assert_eq!(autocorrelation(&[1.0; 9], 1), None);
    }

    /// 1 2 - 4 5: mean 3, power 4 + 1 + 1 + 4 = 10, pairs (1, 2) and (4, 5): 2 + 2 = 4, two of four
    /// pairs and four of five samples: 4 / 10 * (4 / 2) * (4 / 5) = 0.64.
    #[test]
    fn a_gap_counts_neither_as_pair_nor_as_sample() {
        let gap = autocorrelation(&[1.0, 2.0, f64::NAN, 4.0, 5.0], 1).unwrap();
        assert!((gap - 0.64).abs() < 1e-12, "{gap}");
        assert_eq!(autocorrelation(&[f64::NAN; 5], 1), None);
    }

    #[test]
    fn the_tricube_kernel_falls_from_one_to_zero() {
        assert_eq!(tricube(0.0), 1.0);
        assert_eq!(tricube(0.5), 0.669921875);
        assert_eq!(tricube(1.0), 0.0);
    }

    #[test]
    fn a_compensated_sum_keeps_what_a_plain_one_loses() {
        let mut sum = CompensatedSum::default();
        for value in [1.0, 1e100, 1.0, -1e100] {
            sum.add(value);
        }
        assert_eq!(sum.value(), 2.0);
    }
}
