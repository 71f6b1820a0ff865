//! kNN: what came after the rows that look most alike.
//!
//! ```text
//! f(z) = mean of the changes of the k rows with the least |z - z_i|      quantiles: of the same k
//! ```
//!
//! `k`: neighbours, 1 to 500, the number in the name. Every row is looked at for every forecast:
//! 4,000 rows are kept. Distances and search are those of the library smartcore.
//!
//! Source: Cover and Hart, IEEE Transactions on Information Theory 13(1), 1967; for series,
//! Yakowitz, Journal of Time Series Analysis 8(2), 1987.

use serde::{Deserialize, Serialize};
use smartcore::algorithm::neighbour::linear_search::LinearKNNSearch;
use smartcore::metrics::distance::euclidian::Euclidian;

use super::asked::Asked;
use super::learned::{Learner, Lesson};

/// The rows that were taught, with what came of them.
#[derive(Serialize, Deserialize)]
pub(super) struct NearestNeighbours {
    neighbours: usize,
    search: LinearKNNSearch<Vec<f32>, Euclidian<f32>>,
    changes: Vec<Vec<f32>>,
}

impl Learner for NearestNeighbours {
    const ROWS: usize = 4_000;
    const QUANTILES: bool = true;
    fn learn(lesson: Lesson, neighbours: usize) -> Result<Self, String> {
        if neighbours > lesson.seen.len() {
            return Err(format!("{neighbours} neighbours among {} rows", lesson.seen.len()));
        }
        let search = LinearKNNSearch::new(lesson.seen, Euclidian::new());
        let search = search.map_err(|error| error.to_string())?;
        Ok(Self { neighbours, search, changes: lesson.changes })
    }
    fn say(&self, seen: &[f32], asked: &Asked, row: &mut [f32]) {
        let found = self.search.find(&seen.to_vec(), self.neighbours).unwrap_or_default();
        let mut came = Vec::with_capacity(found.len());
        for (cells, changes) in row.chunks_exact_mut(asked.per_horizon()).zip(&self.changes) {
            came.clear();
            came.extend(found.iter().map(|(at, ..)| changes[*at]));
            came.sort_unstable_by(f32::total_cmp);
            cells[0] = came.iter().sum::<f32>() / came.len().max(1) as f32;
            for (cell, &level) in cells[1..].iter_mut().zip(&asked.quantiles) {
                *cell = between(&came, level);
            }
        }
    }
}

/// The quantile of ascending `values`, linear between two of them.
fn between(values: &[f32], level: f32) -> f32 {
    let at = level * values.len().saturating_sub(1) as f32;
    let low = values.get(at as usize).copied().unwrap_or(0.0);
    let high = values.get(at as usize + 1).copied().unwrap_or(low);
    low + at.fract() * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the rows 0, 1, 2, 3, 10 the three nearest to 1.2 are 1, 2, 0, with changes 5, 9, 1: mean
    /// 5, median 5, and at 0.75 half way from 5 to 9.
    #[test]
    fn the_nearest_rows_answer() {
        let seen: Vec<Vec<f32>> = [0.0, 1.0, 2.0, 3.0, 10.0].map(|x| vec![x]).into();
        let lesson = Lesson { seen, changes: vec![vec![1.0, 5.0, 9.0, 70.0, 80.0]] };
        let learned = NearestNeighbours::learn(lesson, 3).unwrap();
        let asked = Asked { horizons: vec![1], quantiles: vec![0.5, 0.75], ..Asked::default() };
        let mut row = [0.0; 3];
        learned.say(&[1.2], &asked, &mut row);
        assert_eq!(row, [5.0, 5.0, 7.0]);
    }
}
