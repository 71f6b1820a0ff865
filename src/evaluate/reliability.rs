//! Are probabilities true? Brier skill, expected calibration error and the reliability diagram.
//!
//! ```text
//! BS = mean (p - e)^2      skill = 1 - BS / (b (1 - b))      ECE = sum_k n_k / n |mean p - mean e|
//! ```
//!
//! `p`: probability said, `e`: 1 where the event came, `b`: base rate, `k`: ten bins of equal
//! width.
//!
//! Source: Brier, Monthly Weather Review 78(1), 1950; Guo et al., ICML 2017 (ECE).

use serde::Serialize;

/// One bin of the diagram.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bin {
    /// Probabilities that fell into it.
    pub count: usize,
    /// Their mean.
    pub said: f64,
    /// Share of them whose event came.
    pub came: f64,
}

/// What probabilities were worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Brier skill against the base rate.
    pub brier_skill: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// Ten bins from 0 to 1.
    pub bins: Vec<Bin>,
}

/// The reliability of `said`: probability and whether the event came; `None` where no event came,
/// or always.
pub fn reliability(said: &[(f32, bool)]) -> Option<Reliability> {
    let mut bins = vec![(0usize, 0.0f64, 0usize); 10];
    let (mut squares, mut events) = (0.0, 0usize);
    for &(p, came) in said {
        let (p, e) = (f64::from(p), f64::from(u8::from(came)));
        squares += (p - e) * (p - e);
        events += usize::from(came);
        let bin = &mut bins[((p * 10.0) as usize).min(9)];
        *bin = (bin.0 + 1, bin.1 + p, bin.2 + usize::from(came));
    }
    let count = said.len() as f64;
    let base = events as f64 / count;
    if events == 0 || events == said.len() {
        return None;
    }
    let gap = |&(_, sum, came): &(usize, f64, usize)| (sum - came as f64).abs();
    let ece = bins.iter().map(gap).sum::<f64>() / count;
    let bin = |(count, sum, came): (usize, f64, usize)| {
        let n = count.max(1) as f64;
        Bin { count, said: sum / n, came: came as f64 / n }
    };
    let brier_skill = 1.0 - squares / count / (base * (1.0 - base));
    Some(Reliability { brier_skill, ece, bins: bins.into_iter().map(bin).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten times .25, of which 5 came: Brier (5 * .5625 + 5 * .0625) / 10 = .3125 against .25 of
    /// the base rate, skill -.25; ECE |.25 - .5| = .25.
    #[test]
    fn skill_and_calibration_of_ten_forecasts() {
        let said: Vec<_> = (0..10).map(|k| (0.25, k < 5)).collect();
        let found = reliability(&said).unwrap();
        assert!((found.brier_skill + 0.25).abs() < 1e-12 && (found.ece - 0.25).abs() < 1e-12);
        assert_eq!(found.bins[2].count, 10);
        assert_eq!(reliability(&[(0.2, false)]), None);
    }
}
