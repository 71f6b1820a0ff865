//! Random forest: the mean of trees, each grown on a draw of the rows and of the features.
//!
//! ```text
//! f(z) = (1/T) sum_t tree_t(z)      tree_t: splits that lower the squared error most
//! ```
//!
//! `T`: trees, 1 to 500, the number in the name. A tree is at most 12 deep, has at least 10 rows in
//! a leaf and chooses each split among 12 features. Taught 10,000 rows, a forest per horizon, by
//! the library smartcore; its seed is fixed.
//!
//! Source: Breiman, Random Forests, Machine Learning 45(1), 2001.

use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{
    RandomForestRegressor, RandomForestRegressorParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::asked::Asked;
use super::learned::{Learner, Lesson, SEEN};

type Forest = RandomForestRegressor<f32, f32, DenseMatrix<f32>, Vec<f32>>;

/// A forest per horizon.
#[derive(Serialize, Deserialize)]
pub(super) struct RandomForest {
    forests: Vec<Forest>,
}

impl Learner for RandomForest {
    const ROWS: usize = 10_000;
    fn learn(lesson: Lesson, trees: usize) -> Result<Self, String> {
        let seen = DenseMatrix::from_2d_vec(&lesson.seen).map_err(|error| error.to_string())?;
        let chosen = || RandomForestRegressorParameters {
            max_depth: Some(12),
            min_samples_leaf: 10,
            min_samples_split: 20,
            n_trees: trees,
            m: Some(12),
            keep_samples: false,
            seed: 0,
        };
        let forest = |changes| Forest::fit(&seen, changes, chosen());
        let forests = lesson.changes.iter().map(forest).collect::<Result<_, _>>();
        Ok(Self { forests: forests.map_err(|error| error.to_string())? })
    }
    fn say(&self, seen: &[f32], asked: &Asked, row: &mut [f32]) {
        let Ok(seen) = DenseMatrix::new(1, SEEN, seen.to_vec(), false) else { return };
        for (cells, forest) in row.chunks_exact_mut(asked.per_horizon()).zip(&self.forests) {
            cells[0] = forest.predict(&seen).map_or(0.0, |said| said[0]);
        }
    }
}
