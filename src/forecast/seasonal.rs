//! What was a season ago: the naive forecast for daily cycles, and its corrected kin.
//!
//! ```text
//! naive:     y(t + h) = y(t + h - s)
//! anchored:  y(t + h) = y(t + h - s) + r (m(t) - m(t - s))
//! ```
//!
//! `s`: samples of a season, 288 of 5 minutes in a day; `m`: mean of 12 samples ending there; `r`:
//! share in [0, 1] of the present departure from the last season that is expected to last. Until a
//! season has passed the last value stands for it. The state holds a whole season: 1.2 KiB.
//!
//! Source: Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., sect. 5.2.

use super::asked::Asked;
use super::bank::Model;

/// Samples that the mean of the anchored variant takes.
const NEAR: usize = 12;

/// The season before as a forecast.
#[derive(Debug, Clone)]
pub struct Seasonal {
    asked: Asked,
    season: usize,
    kept: f32,
}

/// The latest season and the samples before it that the mean takes.
#[derive(Debug, Clone)]
pub struct Season {
    ring: Box<[f32]>,
    next: u32,
    len: u32,
}

impl Season {
    /// The value `lag` before the latest.
    fn lag(&self, lag: usize) -> f32 {
        let size = self.ring.len();
        self.ring[(self.next as usize + size - 1 - lag) % size]
    }
}

impl Seasonal {
    /// Seasons of `season` samples, of which the departure from the last one lasts by `kept`.
    pub fn new(asked: &Asked, season: usize, kept: f32) -> Self {
        Self { asked: asked.clone(), season: season.max(1), kept }
    }
}

impl Model for Seasonal {
    type State = Season;
    fn state(&self) -> Season {
        Season { ring: vec![0.0; self.season + NEAR].into(), next: 0, len: 0 }
    }
    fn heap_bytes(&self) -> usize {
        (self.season + NEAR) * size_of::<f32>()
    }
    fn update(&self, state: &mut Season, value: f32) {
        let size = state.ring.len() as u32;
        state.ring[state.next as usize] = value;
        state.next = if state.next + 1 == size { 0 } else { state.next + 1 };
        state.len = (state.len + 1).min(size);
    }
    fn predict(&self, state: &Season, row: &mut [f32]) {
        let whole = state.len as usize == state.ring.len();
        let mean = |from: usize| (from..from + NEAR).map(|lag| state.lag(lag)).sum::<f32>();
        let departure = if whole && self.kept > 0.0 {
            self.kept * (mean(0) - mean(self.season)) / NEAR as f32
        } else {
            0.0
        };
        let each = row.chunks_exact_mut(self.asked.per_horizon());
        for (cells, &horizon) in each.zip(&self.asked.horizons) {
            cells.fill(f32::NAN);
            // A horizon beyond a season looks at the same place of the latest one.
            let ahead = (usize::from(horizon) - 1) % self.season + 1;
            let lag = self.season - ahead;
            cells[0] = if (state.len as usize) < self.season {
                state.lag(0)
            } else {
                state.lag(lag) + departure
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::bank::row_after;

    /// Seasons of 24: k/100 at step k of each; after 2 seasons and 3 samples comes .03, then .04.
    #[test]
    fn the_last_season_comes_again() {
        let asked = Asked { horizons: vec![1, 2, 26], quantiles: vec![], ..Asked::default() };
        let series: Vec<f32> = (0..51).map(|k| (k % 24) as f32 / 100.0).collect();
        assert_eq!(row_after(Seasonal::new(&asked, 24, 0.0), &asked, &series), [0.03, 0.04, 0.04]);
        let young = row_after(Seasonal::new(&asked, 24, 0.0), &asked, &series[..10]);
        assert_eq!(young, [0.09; 3]);
    }

    /// The same, the latest season .2 higher: all of the departure is kept.
    #[test]
    fn an_anchored_season_follows_its_level() {
        let asked = Asked { horizons: vec![1], quantiles: vec![], ..Asked::default() };
        let value = |k: usize| (k % 24) as f32 / 100.0 + if k >= 36 { 0.2 } else { 0.0 };
        let series: Vec<f32> = (0..48).map(value).collect();
        let row = row_after(Seasonal::new(&asked, 24, 1.0), &asked, &series);
        assert!((row[0] - 0.2).abs() < 1e-6, "{row:?}");
    }
}
