//! What a forecast is about: how far ahead, at which levels, within which bounds.

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::problem::Problem;

/// Horizons, quantiles and bounds of forecasts. A row of forecasts holds per horizon the point and
/// then the quantiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Asked {
    /// Samples ahead, each at least 1, ascending.
    pub horizons: Vec<u16>,
    /// Levels in (0, 1), ascending.
    pub quantiles: Vec<f32>,
    /// Largest value a forecast may have, fraction of the capacity.
    pub cap: f32,
    /// Samples below which a VM is forecast by its last value.
    pub min_history: u16,
}

impl Default for Asked {
    fn default() -> Self {
        let (horizons, quantiles) = (vec![1, 6, 12], vec![0.5, 0.9, 0.95]);
        Self { horizons, quantiles, cap: 1.0, min_history: 6 }
    }
}

/// More samples ahead than any forecast of load is worth.
const FARTHEST: u16 = 2016;
/// Horizons, quantiles and values of a row that models have room for.
pub(super) const MOST_HORIZONS: usize = 16;
pub(super) const MOST_QUANTILES: usize = 23;
pub(super) const MOST_VALUES: usize = 128;

impl Asked {
    /// The same, once it is known to make sense.
    ///
    /// # Errors
    /// `GLN-160` for horizons, `GLN-161` for levels, `GLN-162` for a cap that cannot be.
    ///
    /// ```
    /// use galerna::forecast::Asked;
    /// let asked = Asked { quantiles: vec![0.9, 1.0], ..Asked::default() };
    /// assert!(asked.checked("here").unwrap_err().to_string().starts_with("GLN-161 here"));
    /// ```
    pub fn checked(self, place: &str) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut fault = |code, what: String, remedy: &str| {
            problems.push(Problem::new(code, place, what, remedy));
        };
        let ascend = self.horizons.windows(2).all(|pair| pair[0] < pair[1]);
        if self.horizons.is_empty() || !ascend || self.horizons[0] == 0 {
            let what = format!("horizons {:?} are not ascending from 1 on", self.horizons);
            fault("GLN-160", what, "Write samples ahead such as 1,6,12");
        } else if let Some(far) = self.horizons.iter().find(|&&h| h > FARTHEST) {
            let what = format!("horizon {far} is beyond {FARTHEST} samples");
            fault("GLN-160", what, "Look less far ahead");
        }
        let ascend = self.quantiles.windows(2).all(|pair| pair[0] < pair[1]);
        let outside = self.quantiles.iter().find(|&&q| !(q > 0.0 && q < 1.0));
        if let Some(level) = outside {
            let what = format!("quantile {level} is outside of (0, 1)");
            fault("GLN-161", what, "Write levels such as 0.5,0.9,0.95");
        } else if !ascend {
            let what = format!("quantiles {:?} do not ascend", self.quantiles);
            fault("GLN-161", what, "Write levels such as 0.5,0.9,0.95");
        }
        if !(self.cap > 0.0 && self.cap.is_finite()) {
            let what = format!("the cap is {}, expected a number above 0", self.cap);
            fault("GLN-162", what, "Write 1 for the VM's own capacity");
        }
        let (horizons, levels) = (self.horizons.len(), self.quantiles.len());
        if horizons > MOST_HORIZONS || levels > MOST_QUANTILES || self.width() > MOST_VALUES {
            let what = format!("{horizons} horizons and {levels} quantiles are too many at once");
            let remedy = format!(
                "Ask for at most {MOST_HORIZONS} horizons, {MOST_QUANTILES} quantiles and \
                 {MOST_VALUES} values in all"
            );
            fault("GLN-160", what, &remedy);
        }
        if problems.is_empty() { Ok(self) } else { Err(Error { problems }) }
    }

    /// Values per horizon: the point and the quantiles.
    pub fn per_horizon(&self) -> usize {
        1 + self.quantiles.len()
    }

    /// Values per VM.
    pub fn width(&self) -> usize {
        self.horizons.len() * self.per_horizon()
    }

    /// The farthest horizon.
    pub fn farthest(&self) -> usize {
        self.horizons.last().map_or(0, |&h| usize::from(h))
    }

    /// Puts `point` for every horizon into `row` and leaves the quantiles unknown.
    pub(super) fn constant(&self, point: f32, row: &mut [f32]) {
        for cells in row.chunks_exact_mut(self.per_horizon()) {
            cells.fill(f32::NAN);
            cells[0] = point;
        }
    }

    /// Brings the points of `row` into `[0, cap]`.
    #[inline]
    pub(super) fn tidy_points(&self, row: &mut [f32]) {
        for cells in row.chunks_exact_mut(self.per_horizon()) {
            cells[0] = cells[0].max(0.0).min(self.cap);
        }
    }

    /// Brings `row` into `[0, cap]` and its quantiles into ascending order.
    pub(super) fn tidy(&self, row: &mut [f32]) {
        for value in row.iter_mut() {
            // What is unknown stays so.
            *value = if *value < 0.0 {
                0.0
            } else if *value > self.cap {
                self.cap
            } else {
                *value
            };
        }
        for cells in row.chunks_exact_mut(self.per_horizon()) {
            let levels = &mut cells[1..];
            for i in 1..levels.len() {
                let mut j = i;
                while j > 0 && levels[j - 1] > levels[j] {
                    levels.swap(j - 1, j);
                    j -= 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let asked =
            Asked { horizons: vec![6, 1], quantiles: vec![0.9, 1.5], cap: 0.0, min_history: 6 };
        let codes: Vec<_> =
            asked.checked("x").unwrap_err().problems.iter().map(|p| p.code).collect();
        assert_eq!(codes, ["GLN-160", "GLN-161", "GLN-162"]);
        assert!(Asked::default().checked("x").is_ok());
        let far = Asked { horizons: vec![2017], ..Asked::default() };
        assert!(far.checked("x").is_err());
        let levels = |count: u16| (1..=count).map(|k| f32::from(k) / 100.0).collect();
        let fine = |quantiles| Asked { horizons: vec![1], quantiles, ..Asked::default() };
        assert!(fine(levels(23)).checked("x").is_ok() && fine(levels(24)).checked("x").is_err());
    }

    #[test]
    fn a_row_is_brought_within_bounds_and_order() {
        let asked = Asked { horizons: vec![1], ..Asked::default() };
        let mut row = [-0.1, 0.5, 1.2, 0.4];
        asked.tidy(&mut row);
        assert_eq!(row, [0.0, 0.4, 0.5, 1.0]);
        let mut unknown = [0.3, f32::NAN, f32::NAN, f32::NAN];
        asked.tidy(&mut unknown);
        assert!(unknown[1].is_nan() && unknown[0] == 0.3);
    }
}
