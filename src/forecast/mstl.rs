//! MSTL: a day's shape is taken off, what is left is smoothed, and the shape put on again.
//!
//! ```text
//! y = season + trend + remainder      y(t + h) = season(t + h - s) + AutoETS(trend + remainder)
//! ```
//!
//! `s`: samples in a day, at most 672. Looks at the latest three days; a VM with less than two of
//! them, or without a model, is answered as by AutoETS. The library is augurs. A fit takes tens of
//! milliseconds: for plans a day ahead, not for every interval.
//!
//! Source: Bandara, Hyndman and Bergmeir, MSTL, arXiv:2107.13462, 2021; Cleveland et al., STL,
//! Journal of Official Statistics 6(1), 1990.

use augurs::ets::{AutoETS, trend::AutoETSTrendModel};
use augurs::mstl::MSTLModel;
use augurs::prelude::Fit;

use super::asked::Asked;
use super::auto_ets::{of_intervals, of_median, of_smoothing};
use super::bank::Model;
use super::recent::Recent;

/// Days that are looked at.
const DAYS: usize = 3;
/// Most samples of a day.
const LONGEST: usize = 672;

/// Decomposition into a daily season and what is left.
#[derive(Debug, Clone)]
pub struct Mstl {
    asked: Asked,
    season: usize,
}

impl Mstl {
    /// The decomposition as the answer to what is asked; `season` is the number of samples in a
    /// day.
    pub fn new(asked: &Asked, season: usize) -> Self {
        Self { asked: asked.clone(), season: season.clamp(2, LONGEST) }
    }
}

impl Model for Mstl {
    type State = Recent;
    fn state(&self) -> Recent {
        Recent::new(DAYS * self.season)
    }
    fn heap_bytes(&self) -> usize {
        DAYS * self.season * size_of::<f32>()
    }
    fn update(&self, state: &mut Recent, value: f32) {
        state.push(value);
    }
    fn predict(&self, state: &Recent, row: &mut [f32]) {
        let past = state.oldest_first();
        let flat = past.windows(2).all(|pair| pair[0] == pair[1]);
        if past.len() > 2 * self.season && !flat {
            let trend = AutoETSTrendModel::from(AutoETS::non_seasonal());
            let fitted = MSTLModel::new(vec![self.season], trend).fit(&past);
            if fitted.is_ok_and(|fitted| of_intervals(&fitted, &self.asked, row)) {
                return;
            }
        }
        if !of_smoothing(&past, &self.asked, row) {
            of_median(&past, row);
        }
    }
    fn has_quantiles(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// Days of 24 samples: .8 in the six at noon, .2 else. At the end of a morning the next sample
    /// is .8, which no forecast without the day says.
    #[test]
    fn noon_comes_again() {
        let asked = Asked { horizons: vec![1], quantiles: vec![], ..Asked::default() };
        let day = |k: usize| if (9..15).contains(&(k % 24)) { 0.8 } else { 0.2 };
        let noise = |k: usize| 0.01 * (k * 7919 % 11) as f32;
        let past: Vec<f32> = (0..3 * 24 + 9).map(|k| day(k) + noise(k)).collect();
        let seasonal = row_after(Mstl::new(&asked, 24), &asked, &past)[0];
        assert!((seasonal - 0.85).abs() < 0.1, "{seasonal}");
        let short = row_after(Mstl::new(&asked, 40), &asked, &past)[0];
        assert!(short < 0.5, "{short}");
    }
}
