//! SVR: a sum of bumps around those rows that are not foreseen to within a margin.
//!
//! ```text
//! f(z) = b + sum_i w_i exp(-g |z - z_i|^2)      |w_i| <= C, w_i = 0 within the margin e
//! ```
//!
//! `g`: 1/35, a bump as wide as the features together; `C`: 1; `e`: 0.2 standard deviations of the
//! change. Taught 1,500 rows, a model per horizon, by the library smartcore; what is kept of it are
//! the support vectors `z_i` with their weights.
//!
//! Source: Drucker, Burges, Kaufman, Smola and Vapnik, Support Vector Regression Machines, NIPS
//! 1996.

use serde::{Deserialize, Serialize};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::svm::Kernels;
use smartcore::svm::svr::{SVR, SVRParameters};

use super::asked::Asked;
use super::learned::{Learner, Lesson, SEEN};

/// `g`.
const WIDTH: f32 = 1.0 / SEEN as f32;

/// Bumps per horizon.
#[derive(Serialize, Deserialize)]
pub(super) struct SupportVectors {
    horizons: Vec<Bumps>,
}

/// What the library says of a machine that it fitted.
#[derive(Serialize, Deserialize)]
struct Bumps {
    instances: Vec<Vec<f32>>,
    w: Vec<f32>,
    b: f32,
}

impl Learner for SupportVectors {
    const ROWS: usize = 1_500;
    fn learn(lesson: Lesson, _: usize) -> Result<Self, String> {
        let seen: Vec<Vec<f64>> = lesson.seen.iter().map(|row| widened(row)).collect();
        let seen = DenseMatrix::from_2d_vec(&seen).map_err(|error| error.to_string())?;
        let bump = Kernels::rbf().with_gamma(f64::from(WIDTH));
        let chosen = SVRParameters::default().with_eps(0.2).with_c(1.0).with_kernel(bump);
        let mut horizons = Vec::new();
        for changes in &lesson.changes {
            let changes = widened(changes);
            let machine = SVR::fit(&seen, &changes, &chosen).map_err(|error| error.to_string())?;
            let text = serde_json::to_value(&machine).map_err(|error| error.to_string())?;
            let part = |name: &str| text.get(name).cloned().unwrap_or_default();
            horizons.push(Bumps {
                instances: serde_json::from_value(part("instances")).map_err(|e| e.to_string())?,
                w: serde_json::from_value(part("w")).map_err(|e| e.to_string())?,
                b: serde_json::from_value(part("b")).map_err(|e| e.to_string())?,
            });
        }
        Ok(Self { horizons })
    }
    fn say(&self, seen: &[f32], asked: &Asked, row: &mut [f32]) {
        for (cells, bumps) in row.chunks_exact_mut(asked.per_horizon()).zip(&self.horizons) {
            cells[0] = bumps.instances.iter().zip(&bumps.w).fold(bumps.b, |sum, (at, weight)| {
                let far: f32 = seen.iter().zip(at).map(|(a, b)| (a - b) * (a - b)).sum();
                sum + weight * (-WIDTH * far).exp()
            });
        }
    }
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept says the same as the library's own machine.
    #[test]
    fn the_kept_vectors_are_the_machine() {
        let rows: Vec<Vec<f32>> = (0..60)
            .map(|k| (0..SEEN).map(|i| ((k * 31 + i * 17) % 23) as f32 / 10.0 - 1.0).collect())
            .collect();
        let changes: Vec<f32> = rows.iter().map(|row| row[0] * row[1] - row[2]).collect();
        let wide: Vec<Vec<f64>> = rows.iter().map(|row| widened(row)).collect();
        let (x, y) = (DenseMatrix::from_2d_vec(&wide).unwrap(), widened(&changes));
        let bump = Kernels::rbf().with_gamma(f64::from(WIDTH));
        let chosen = SVRParameters::default().with_eps(0.2).with_c(1.0).with_kernel(bump);
        let theirs = SVR::fit(&x, &y, &chosen).unwrap().predict(&x).unwrap();
        let lesson = Lesson { seen: rows.clone(), changes: vec![changes] };
        let ours = SupportVectors::learn(lesson, 0).unwrap();
        let asked = Asked { horizons: vec![1], quantiles: vec![], ..Asked::default() };
        for (row, theirs) in rows.iter().zip(theirs) {
            let mut cell = [0.0];
            ours.say(row, &asked, &mut cell);
            assert!((f64::from(cell[0]) - theirs).abs() < 1e-4, "{} {theirs}", cell[0]);
        }
    }
}
