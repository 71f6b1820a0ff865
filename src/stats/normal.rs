//! The tail of the standard normal distribution, for samples too large to count exactly.
//!
//! ```text
//! Q(z) = P(Z > z) = erfc(z / sqrt 2) / 2
//! erf(x)  = 2/sqrt(pi) * exp(-x^2) * sum over n of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1))
//! erfc(x) = exp(-x^2) / sqrt(pi) * 1 / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + ...))))
//! ```
//!
//! Source: NIST Digital Library of Mathematical Functions, 7.6.2 (series) and 7.9.1 (continued
//! fraction). The series serves below x = 2, the fraction above, where 120 levels are exact to the
//! last few bits.

use std::f64::consts::{PI, SQRT_2};

/// Where the continued fraction takes over.
const SERIES_UP_TO: f64 = 2.0;
/// Levels of the continued fraction; also more terms than the series needs below its bound.
const TERMS: u32 = 120;

/// The probability that a standard normal value is above `z`.
///
/// ```
/// let tail = galerna::stats::normal_tail(1.959_963_984_540_054);
/// assert!((tail - 0.025).abs() < 1e-15);
/// ```
pub fn normal_tail(z: f64) -> f64 {
    let x = z.abs() / SQRT_2;
    let tail = if x < SERIES_UP_TO { (1.0 - erf_series(x)) / 2.0 } else { erfc_fraction(x) / 2.0 };
    if z < 0.0 { 1.0 - tail } else { tail }
}

/// The mean of `max(0, X)` for a normal `X` with mean `-spare` and that deviation: by how much a
/// normal demand exceeds what leaves `spare` at its mean.
///
/// ```text
/// E max(0, X) = s g(spare / s)      g(z) = n(z) - z Q(z)      n: density
/// ```
///
/// ```
/// // At its mean: s / sqrt(2 pi).
/// let excess = galerna::stats::expected_excess(0.0, 1000.0);
/// assert!((excess - 398.942_28).abs() < 1e-5);
/// ```
pub fn expected_excess(spare: f64, deviation: f64) -> f64 {
    if deviation <= 0.0 {
        return (-spare).max(0.0);
    }
    let z = spare / deviation;
    let density = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    deviation * (density - z * normal_tail(z)).max(-z).max(0.0)
}

/// The `z` above which a standard normal value lies with probability `tail`, by bisection.
///
/// Infinite where `tail` is 0 (`+`) or 1 (`-`).
pub fn normal_quantile_of_tail(tail: f64) -> f64 {
    if tail <= 0.0 {
        return f64::INFINITY;
    }
    if tail >= 1.0 {
        return f64::NEG_INFINITY;
    }
    let (mut low, mut high) = (-40.0, 40.0);
    // Each step halves the bracket of 80: 64 of them leave nothing of it.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if normal_tail(middle) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..TERMS {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

fn erfc_fraction(x: f64) -> f64 {
    let below = (1..TERMS).rev().fold(x, |below, level| x + 0.5 * f64::from(level) / below);
    (-x * x).exp() / (PI.sqrt() * below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tabulated: Q(1) = 0.158655253931457, Q(3) = 1.349898031630095e-3,
    /// Q(6) = 9.865876450376946e-10 (Abramowitz and Stegun, table 26.1 and 26.2).
    #[test]
    fn tails_are_those_of_the_tables() {
        for (z, tail) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457),
            (3.0, 1.349_898_031_630_095e-3),
            (6.0, 9.865_876_450_376_946e-10),
        ] {
            assert!((normal_tail(z) / tail - 1.0).abs() < 1e-12, "{z}: {}", normal_tail(z));
            assert!((normal_tail(-z) - (1.0 - tail)).abs() < 1e-15);
        }
    }

    #[test]
    fn the_series_and_the_fraction_meet() {
        let (below, above) = (SERIES_UP_TO * SQRT_2 - 1e-12, SERIES_UP_TO * SQRT_2 + 1e-12);
        assert!((normal_tail(below) / normal_tail(above) - 1.0).abs() < 1e-10);
    }

    #[test]
    fn the_quantile_is_the_inverse_of_the_tail() {
        for tail in [0.5, 0.025, 1e-9, 0.99] {
            let z = normal_quantile_of_tail(tail);
            assert!((normal_tail(z) / tail - 1.0).abs() < 1e-9, "{tail}: {z}");
        }
        assert_eq!(normal_quantile_of_tail(0.0), f64::INFINITY);
    }
}
