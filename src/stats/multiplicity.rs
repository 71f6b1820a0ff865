//! How sure may one be when many things are asked at once? Holm's correction, and the sign test.
//!
//! ```text
//! Holm: p sorted ascending, adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j))
//! sign: p = min(1, 2 P(X >= max(a, b))), X binomial (a + b, 1/2)
//! ```
//!
//! `m`: questions asked together. Whoever refuses every hypothesis whose adjusted p is at most
//! 5 % refuses a true one in at most 5 % of all such tables, however the questions hang together.
//!
//! Source: Holm, Scandinavian Journal of Statistics 6 (1979) 65.

/// The p-values adjusted for being asked together, in the order given.
///
/// ```
/// let adjusted = galerna::stats::holm(&[0.01, 0.04, 0.03]);
/// assert_eq!(adjusted, [0.03, 0.06, 0.06]);
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut largest: f64 = 0.0;
    for (before, &i) in order.iter().enumerate() {
        largest = largest.max((p.len() - before) as f64 * p[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}

/// Two-sided p-value of `positive` against `negative` signs that are equally likely.
///
/// ```
/// assert_eq!(galerna::stats::sign_test(6, 0), 2.0 / 64.0);
/// ```
pub fn sign_test(positive: usize, negative: usize) -> f64 {
    let (tosses, least) = (positive + negative, positive.max(negative));
    let mut chance = 0.5f64.powi(tosses as i32);
    let mut tail = 0.0;
    for heads in (least..=tosses).rev() {
        tail += chance;
        chance *= heads as f64 / (tosses - heads + 1) as f64;
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// m = 4, sorted .005 .01 .03 .04: times 4 3 2 1 is .02 .03 .06 .04, the last raised to .06.
    #[test]
    fn later_p_values_are_never_below_earlier_ones() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-15, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.6, 0.9]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    /// 9 of 10: 2 (1 + 10) / 1024. 5 of 10 and nothing at all: no evidence.
    #[test]
    fn signs_are_counted_as_coins_are() {
        assert!((sign_test(9, 1) - 22.0 / 1024.0).abs() < 1e-15);
        assert!((sign_test(1, 9) - 22.0 / 1024.0).abs() < 1e-15);
        assert_eq!(sign_test(5, 5), 1.0);
        assert_eq!(sign_test(0, 0), 1.0);
    }
}
