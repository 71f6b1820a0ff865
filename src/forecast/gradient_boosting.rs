//! Gradient boosting: trees one after the other, each fitted to what those before it left.
//!
//! ```text
//! f_r(z) = f_{r-1}(z) + e tree_r(z)      e: 0.1
//! ```
//!
//! `r`: rounds, 1 to 500, the number in the name. A tree is at most 4 deep, has at least 20 rows in
//! a leaf, is grown on half of the rows and penalises the squares of its leaves by 1. Taught 6,000
//! rows, a model per horizon, by the library smartcore, in squared error; its seed is fixed.
//! Quantile losses are not in that library: forecasts of LightGBM are judged through `--external`.
//!
//! Source: Friedman, Annals of Statistics 29(5), 2001; Chen and Guestrin, XGBoost, KDD 2016.

use serde::{Deserialize, Serialize};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::xgboost::{XGRegressor, XGRegressorParameters};

use super::asked::Asked;
use super::learned::{Learner, Lesson, SEEN};

type Booster = XGRegressor<f32, f32, DenseMatrix<f32>, Vec<f32>>;

/// A booster per horizon.
#[derive(Serialize, Deserialize)]
pub(super) struct GradientBoosting {
    boosters: Vec<Booster>,
}

impl Learner for GradientBoosting {
    const ROWS: usize = 6_000;
    fn learn(lesson: Lesson, rounds: usize) -> Result<Self, String> {
        let seen = DenseMatrix::from_2d_vec(&lesson.seen).map_err(|error| error.to_string())?;
        let chosen = || {
            XGRegressorParameters::default()
                .with_n_estimators(rounds)
                .with_learning_rate(0.1)
                .with_max_depth(4)
                .with_min_child_weight(20)
                .with_subsample(0.5)
                .with_base_score(0.0)
                .with_seed(0)
        };
        let booster = |changes| Booster::fit(&seen, changes, chosen());
        let boosters = lesson.changes.iter().map(booster).collect::<Result<_, _>>();
        Ok(Self { boosters: boosters.map_err(|error| error.to_string())? })
    }
    fn say(&self, seen: &[f32], asked: &Asked, row: &mut [f32]) {
        let Ok(seen) = DenseMatrix::new(1, SEEN, seen.to_vec(), false) else { return };
        for (cells, booster) in row.chunks_exact_mut(asked.per_horizon()).zip(&self.boosters) {
            cells[0] = booster.predict(&seen).map_or(0.0, |said| said[0]);
        }
    }
}
