//! Weighted least squares over many rows: the one computation that all global models share.
//!
//! ```text
//! b = argmin sum_i w_i (y_i - x_i'b)^2 + r |b|^2      by the normal equations, Cholesky
//! ```
//!
//! Rows lie in blocks, feature by feature, so that sums run over contiguous values. Partial sums
//! are taken over fixed runs of blocks and added in order: the result does not depend on threads.

use rayon::prelude::*;

use super::features::FEATURES;

/// Rows of a block.
const BLOCK: usize = 64;
/// Blocks of a partial sum.
const RUN: usize = 16;

type Normal = [[f64; FEATURES]; FEATURES];

/// Rows of features.
#[derive(Debug, Clone, Default)]
pub(super) struct Design {
    rows: usize,
    /// Block by block, feature by feature, row by row; what is left of the last block is 0.
    values: Vec<f32>,
    /// Per feature its mean and its spread, 1 where it is constant.
    scale: Vec<(f32, f32)>,
}

impl Design {
    /// Appends a row.
    pub(super) fn push(&mut self, row: &[f32; FEATURES]) {
        let slot = self.rows % BLOCK;
        if slot == 0 {
            self.values.resize(self.values.len() + BLOCK * FEATURES, 0.0);
        }
        let start = self.values.len() - BLOCK * FEATURES;
        for (at, &value) in row.iter().enumerate() {
            self.values[start + at * BLOCK + slot] = value;
        }
        self.rows += 1;
    }

    /// How many rows.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Shifts and scales every feature but the first to mean 0 and spread 1.
    pub(super) fn standardise(&mut self) {
        let (mut sums, rows) = ([(0.0f64, 0.0f64); FEATURES], self.rows);
        for block in self.values.chunks_exact(BLOCK * FEATURES) {
            for (sum, column) in sums.iter_mut().zip(block.chunks_exact(BLOCK)) {
                for &value in column {
                    *sum = (sum.0 + f64::from(value), sum.1 + f64::from(value).powi(2));
                }
            }
        }
        let count = rows.max(1) as f64;
        let scale = |(sum, squares): &(f64, f64)| {
            let mean = sum / count;
            let spread = (squares / count - mean * mean).max(0.0).sqrt();
            (mean as f32, if spread > 1e-9 { spread as f32 } else { 1.0 })
        };
        self.scale = sums.iter().map(scale).collect();
        self.scale[0] = (0.0, 1.0);
        for (at, block) in self.values.chunks_exact_mut(BLOCK * FEATURES).enumerate() {
            let there = rows.saturating_sub(at * BLOCK).min(BLOCK);
            for (column, (mean, spread)) in block.chunks_exact_mut(BLOCK).zip(&self.scale) {
                column[..there].iter_mut().for_each(|value| *value = (*value - mean) / spread);
            }
        }
    }

    /// `coefficients` of standardised features as those of the features themselves.
    pub(super) fn unscaled(&self, coefficients: &[f64; FEATURES]) -> [f32; FEATURES] {
        let (mut plain, mut shift) = ([0.0; FEATURES], 0.0);
        for at in 1..FEATURES {
            let (mean, spread) = self.scale[at];
            let value = coefficients[at] / f64::from(spread);
            plain[at] = value as f32;
            shift += value * f64::from(mean);
        }
        plain[0] = (coefficients[0] - shift) as f32;
        plain
    }

    /// `x_i'b` of every row.
    pub(super) fn products(&self, coefficients: &[f64; FEATURES], out: &mut [f32]) {
        let blocks = self.values.par_chunks(BLOCK * FEATURES).zip(out.par_chunks_mut(BLOCK));
        blocks.for_each(|(block, out)| {
            let mut sums = [0.0f32; BLOCK];
            for (column, &factor) in block.chunks_exact(BLOCK).zip(coefficients) {
                let factor = factor as f32;
                sums.iter_mut().zip(column).for_each(|(sum, value)| *sum += factor * value);
            }
            out.copy_from_slice(&sums[..out.len()]);
        });
    }

    /// The coefficients that minimise the weighted squares, with `ridge` on all but the constant.
    pub(super) fn solve(&self, weights: &[f32], targets: &[f32], ridge: f64) -> [f64; FEATURES] {
        let (mut normal, mut right) = self.normal(weights, targets);
        let scale = (0..FEATURES).map(|i| normal[i][i]).sum::<f64>() / FEATURES as f64;
        for (i, row) in normal.iter_mut().enumerate() {
            // What is left of constant and collinear features must not divide by nothing.
            row[i] += if i == 0 { 0.0 } else { ridge } + 1e-9 * scale.max(1e-12);
        }
        cholesky(&mut normal, &mut right);
        right
    }

    /// `X'WX`, of which the lower half is filled, and `X'Wy`.
    fn normal(&self, weights: &[f32], targets: &[f32]) -> (Normal, [f64; FEATURES]) {
        let run = BLOCK * RUN;
        let parts: Vec<(Box<Normal>, [f64; FEATURES])> = self
            .values
            .par_chunks(run * FEATURES)
            .zip(weights.par_chunks(run).zip(targets.par_chunks(run)))
            .map(|(blocks, (weights, targets))| partial(blocks, weights, targets))
            .collect();
        let (mut normal, mut right) = ([[0.0; FEATURES]; FEATURES], [0.0; FEATURES]);
        for (part, side) in &parts {
            for i in 0..FEATURES {
                for j in 0..=i {
                    normal[i][j] += part[i][j];
                }
                right[i] += side[i];
            }
        }
        (normal, right)
    }
}

fn partial(blocks: &[f32], weights: &[f32], targets: &[f32]) -> (Box<Normal>, [f64; FEATURES]) {
    let (mut normal, mut right) = (Box::new([[0.0; FEATURES]; FEATURES]), [0.0; FEATURES]);
    let each = blocks.chunks_exact(BLOCK * FEATURES);
    for (block, (weights, targets)) in each.zip(weights.chunks(BLOCK).zip(targets.chunks(BLOCK))) {
        let (mut w, mut y) = ([0.0; BLOCK], [0.0; BLOCK]);
        w[..weights.len()].copy_from_slice(weights);
        y[..targets.len()].copy_from_slice(targets);
        for i in 0..FEATURES {
            let mut weighted = [0.0f32; BLOCK];
            let column = &block[i * BLOCK..][..BLOCK];
            for k in 0..BLOCK {
                weighted[k] = w[k] * column[k];
            }
            for j in 0..=i {
                normal[i][j] += f64::from(dot(&weighted, &block[j * BLOCK..][..BLOCK]));
            }
            right[i] += f64::from(dot(&weighted, &y));
        }
    }
    (normal, right)
}

#[inline]
fn dot(a: &[f32; BLOCK], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for k in 0..16 {
            lanes[k] += a[k] * b[k];
        }
    }
    lanes.iter().sum()
}

/// Solves `normal x = right` in place for a positive definite matrix whose lower half is given.
fn cholesky(normal: &mut Normal, right: &mut [f64; FEATURES]) {
    for i in 0..FEATURES {
        for j in 0..=i {
            let mut sum = normal[i][j];
            for (a, b) in normal[i][..j].iter().zip(&normal[j][..j]) {
                sum -= a * b;
            }
            normal[i][j] = if i == j { sum.max(1e-18).sqrt() } else { sum / normal[j][j] };
        }
    }
    for i in 0..FEATURES {
        for k in 0..i {
            right[i] -= normal[i][k] * right[k];
        }
        right[i] /= normal[i][i];
    }
    for i in (0..FEATURES).rev() {
        for k in i + 1..FEATURES {
            right[i] -= normal[k][i] * right[k];
        }
        right[i] /= normal[i][i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{below, stream};

    /// y = 2 - 3 x_5 + x_20 exactly, on 300 rows of random features.
    #[test]
    fn an_exact_plane_is_found_with_any_weights() {
        let (mut design, mut draws, mut targets) = (Design::default(), stream(4, "test"), vec![]);
        for _ in 0..300 {
            let mut row = [1.0; FEATURES];
            row[1..].iter_mut().for_each(|v| *v = below(1000, &mut draws) as f32 / 100.0);
            targets.push(2.0 - 3.0 * row[5] + row[20]);
            design.push(&row);
        }
        design.standardise();
        let weights: Vec<f32> = (0..300).map(|k| 1.0 + (k % 5) as f32).collect();
        let solved = design.solve(&weights, &targets, 0.0);
        let plain = design.unscaled(&solved);
        for (at, value) in plain.into_iter().enumerate() {
            let expected = [(0, 2.0), (5, -3.0), (20, 1.0)].iter().find(|e| e.0 == at);
            assert!((value - expected.map_or(0.0, |e| e.1)).abs() < 1e-3, "{at}: {value}");
        }
        let mut out = vec![0.0; 300];
        design.products(&solved, &mut out);
        assert!(out.iter().zip(&targets).all(|(a, b)| (a - b).abs() < 1e-2));
    }
}
