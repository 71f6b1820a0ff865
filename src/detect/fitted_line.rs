//! A straight line through weighted points: what every local regression comes down to.
//!
//! ```text
//! minimise sum w_i (y_i - a - b x_i)^2,   x_i = i = 1..n
//! w_i = (1 - ((n - i) / (n - 1))^3)^3,    w_1 = w_2 = w_3                     (tricube)
//! ```
//!
//! The kernel is that of Cleveland, JASA 74(368), 1979, on a neighbourhood that reaches from the
//! newest point to the oldest; as in CloudSim and OpenStack Neat the two oldest, whose weights
//! would be all but zero, weigh as the third.

use crate::stats::tricube;

/// A straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedLine {
    /// At x = 0.
    pub intercept: f64,
    /// Per step of x.
    pub slope: f64,
}

impl FittedLine {
    /// Its value at `x`.
    #[inline]
    pub fn at(self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

/// The tricube weights of `count` points, at least 3, oldest first.
pub fn tricube_weights(count: usize) -> Vec<f64> {
    let distance = |i: usize| (count - 1 - i) as f64 / (count - 1) as f64;
    (0..count).map(|i| tricube(distance(i.max(2)))).collect()
}

/// The line of least squares through `y` at x = 1, 2, .., each square weighed; a degenerate fit is
/// the weighted mean.
#[inline]
pub fn weighted_line(y: &[f64], weights: &[f64]) -> FittedLine {
    let total: f64 = weights.iter().sum();
    let points = || weights.iter().zip(y).enumerate().map(|(i, (&w, &y))| (w, (i + 1) as f64, y));
    let mean_x = points().map(|(w, x, _)| w * x).sum::<f64>() / total;
    let mean_y = points().map(|(w, _, y)| w * y).sum::<f64>() / total;
    let spread_x: f64 = points().map(|(w, x, _)| w * (x - mean_x) * (x - mean_x)).sum();
    let spread_xy: f64 = points().map(|(w, x, y)| w * (x - mean_x) * (y - mean_y)).sum();
    let slope = if spread_x > 0.0 { spread_xy / spread_x } else { 0.0 };
    FittedLine { intercept: mean_y - slope * mean_x, slope }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n = 5: distances 1, 3/4, 1/2, 1/4, 0; (1 - 1/8)^3 = 343/512 and (1 - 1/64)^3.
    #[test]
    fn the_two_oldest_of_five_points_weigh_as_the_third() {
        let expected = [343.0 / 512.0; 3].into_iter().chain([(63.0f64 / 64.0).powi(3), 1.0]);
        assert_eq!(tricube_weights(5), expected.collect::<Vec<_>>());
    }

    /// Points (1, 0), (2, 1), (3, 0) with weights 1, 1, 2: mean x = 9/4, mean y = 1/4; Sxx = 25/16
    /// + 1/16 + 2 * 9/16 = 11/4, Sxy = 5/16 - 3/16 - 2 * 3/16 = -1/4; slope -1/11.
    #[test]
    fn a_heavier_point_draws_the_line() {
        let line = weighted_line(&[0.0, 1.0, 0.0], &[1.0, 1.0, 2.0]);
        assert!((line.slope + 1.0 / 11.0).abs() < 1e-15);
        assert!((line.at(2.25) - 0.25).abs() < 1e-15);
    }
}
